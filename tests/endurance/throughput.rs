//! A measurement: how many requests a second one node of this build answers from its cache, each with its closing row
//! committed first. The clients and the region share the machine with it.

use crate::{
    database::Database,
    load::{Ask, Load},
    process::Region,
};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: run it alone, with --ignored --nocapture"]
async fn requests_a_second_from_cache() {
    let region = Region::start().await;
    let token = region.token("gp-saltmarsh").await;
    let asks = [Ask::of("Condition", &region.patients[0], &token)];
    for (node, database) in [("sqlite", region.sqlite()), ("postgres", Database::postgres().await)] {
        let gateway = region.node(node, &database).start();
        Load::start(&gateway, 1, &asks, "").stop().await;
        for clients in [1, 16, 64] {
            let load = Load::start(&gateway, clients, &asks, "");
            tokio::time::sleep(Duration::from_secs(5)).await;
            let heard = load.stop().await;
            let mut times: Vec<Duration> = heard.answers.iter().map(|answer| answer.done - answer.sent).collect();
            times.sort_unstable();
            let at = |share: usize| times[(times.len() - 1) * share / 100];
            let (rate, half, most) = (times.len() / 5, at(50), at(99));
            println!("{node}, {clients} clients: {rate} requests a second, p50 {half:.1?}, p99 {most:.1?}");
        }
        gateway.stop().await;
    }
}
