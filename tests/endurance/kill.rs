//! SIGKILL of the gateway under load, at any moment: whoever was answered is in the log.
//!
//! The control answers before its row is committed. The same kills must find that out.

use crate::{
    database::Database,
    kills,
    load::{Load, missing, mixed},
    process::{CAREGATE, Region, caregate, control},
};
use std::{path::Path, time::Duration};
use uuid::Uuid;

struct Outcome {
    answered: usize,
    lost: usize,
}

async fn killed(region: &Region, binary: &Path, database: &Database, node: &str, kills: usize) -> Outcome {
    let asks = mixed(region).await;
    let mut answers = Vec::new();
    for _ in 0..kills {
        let gateway = region.node(node, database).run_by(binary).start();
        let load = Load::start(&gateway, 32, &asks, "");
        load.has_heard(20).await;
        tokio::time::sleep(at_random(400)).await;
        gateway.kill();
        answers.extend(load.stop().await.answers);
    }
    // once more, in peace: starting on what a kill left behind must not lose anything either
    region.node(node, database).start().stop().await;
    answers.retain(|answer| matches!(answer.status, 200 | 403));
    Outcome { answered: answers.len(), lost: missing(&answers, &database.closing_rows().await) }
}

/// At most so many milliseconds.
pub fn at_random(most: u64) -> Duration {
    Duration::from_micros(Uuid::new_v4().as_u64_pair().1 % (most * 1000))
}

async fn nothing_is_lost(region: &Region, database: &Database) {
    let Outcome { answered, lost } = killed(region, Path::new(CAREGATE), database, "node", kills()).await;
    println!("{}: {} kills, {answered} answered, {lost} lost", database.url(), kills());
    assert!(answered > kills() * 15, "the kills came before the answers: {answered}");
    assert_eq!(lost, 0, "of {answered} answers");
    let checkpoint = region.checkpoint("node");
    let verify = ["audit", "verify", "--database", &database.url(), "--checkpoint", checkpoint.to_str().unwrap()];
    let (code, said) = caregate(&verify);
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_received_before_a_kill_has_its_committed_closing_row_on_sqlite() {
    let region = Region::start().await;
    nothing_is_lost(&region, &region.sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_received_before_a_kill_has_its_committed_closing_row_on_postgres() {
    let region = Region::start().await;
    nothing_is_lost(&region, &Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kills_find_out_a_gateway_that_answers_before_it_commits() {
    let region = Region::start().await;
    for (node, database) in [("one", region.sqlite()), ("two", Database::postgres().await)] {
        let Outcome { answered, lost } = killed(&region, control(), &database, node, 3).await;
        println!("{}: the control lost {lost} of {answered}", database.url());
        assert!(lost > 0, "nothing lost of {answered}: these kills prove nothing");
    }
}
