//! SIGTERM under load on one of two nodes: what is under way there ends well, and the other does not notice.

use crate::{
    database::Database,
    load::{Heard, Load, mixed},
    process::Region,
};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_told_to_stop_answers_what_is_under_way_and_the_other_fails_nothing() {
    let region = Region::start().await;
    let database = Database::postgres().await;
    // nothing is remembered and every provider takes its time: at any moment requests are under way
    region.each_control(Some(json!({"fault": "delay", "milliseconds": 100}))).await;
    let node = |name| region.node(name, &database).with("FEDERATION__TTL_SECONDS", 0).start();
    let (mut leaving, staying) = (node("leaving"), node("staying"));
    let asks = mixed(&region).await;
    let [left, stayed] = [&leaving, &staying].map(|gateway| Load::start(gateway, 16, &asks, ""));
    tokio::time::sleep(Duration::from_secs(1)).await;

    let told = Instant::now();
    leaving.program.terminate();
    let status = leaving.program.ended().await;
    let took = told.elapsed();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (left, stayed) = (left.stop().await, stayed.stop().await);

    assert!(status.success(), "{status}: {}", leaving.program.log());
    let under_way = |sent: &Instant| *sent < told - Duration::from_millis(5);
    let Heard { answers, broken } = &left;
    let ended: Vec<_> = answers.iter().filter(|answer| under_way(&answer.sent) && answer.done > told).collect();
    println!("{} requests under way ended, drained in {took:.1?}; {} elsewhere", ended.len(), stayed.answers.len());
    assert!(ended.len() > 3, "only {} requests were under way", ended.len());
    assert!(ended.iter().all(|answer| matches!(answer.status, 200 | 403)));
    assert_eq!(broken.iter().filter(|sent| under_way(sent)).count(), 0, "requests under way were cut off");
    assert!(took < Duration::from_secs(10), "{took:.1?}");

    assert!(stayed.broken.is_empty(), "{} requests on the other failed", stayed.broken.len());
    assert_eq!(stayed.count(200) + stayed.count(403), stayed.answers.len(), "none of the other's failed");
    assert!(stayed.answers.iter().any(|answer| answer.sent > told));
}
