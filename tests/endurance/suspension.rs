//! A provider suspended from the command line while records are read: once the command has ended, nothing that this
//! provider said is in any answer to a request sent after.

use crate::{
    database::Database,
    load::{Answer, Ask, Load, TYPES, get},
    process::{Gateway, Region, caregate},
};
use std::time::{Duration, Instant};

const READING: Duration = Duration::from_millis(500);
/// A hospital, and the string that each of its resources carries.
const ODS: &str = "RZ901";
const CANARY: &str = "canary-RZ901-";

/// Runs the command: when it was called, when it had ended.
async fn standing(order: &[&str]) -> (Instant, Instant) {
    let order: Vec<String> = order.iter().map(|&argument| argument.to_owned()).collect();
    let called = Instant::now();
    let ran = tokio::task::spawn_blocking(move || caregate(&order.iter().map(String::as_str).collect::<Vec<_>>()));
    let (code, said) = ran.await.unwrap();
    let ended = Instant::now();
    assert_eq!(code, Some(0), "{said}");
    (called, ended)
}

async fn suspended_under_load(region: &Region, database: &Database, gateways: &[Gateway]) {
    let token = region.token("gp-saltmarsh").await;
    let mut asks = Vec::new();
    for patient in &region.patients {
        let searches: Vec<Ask> = TYPES[1..].iter().map(|kind| Ask::of(kind, patient, &token)).collect();
        let answer = get(&region.http, &format!("{}/fhir/", gateways[0].url), &searches[0], "").await.unwrap();
        // refusals would have the node look at its facts again, and hide that releases do not
        if answer.status == 200 {
            asks.extend(searches);
        }
    }
    let clients = 24 / gateways.len();
    let loads: Vec<Load> = gateways.iter().map(|one| Load::start(one, clients, &asks, CANARY)).collect();
    tokio::time::sleep(2 * READING).await;
    let (called, ended) =
        standing(&["provider", "suspend", ODS, "--database", &database.url(), "--reason", "test"]).await;
    tokio::time::sleep(READING).await;
    let (resumed, _) = standing(&["provider", "resume", ODS, "--database", &database.url()]).await;
    tokio::time::sleep(2 * READING).await;
    let mut answers: Vec<Answer> = Vec::new();
    for load in loads {
        let heard = load.stop().await;
        assert!(heard.broken.is_empty(), "{} requests were not answered", heard.broken.len());
        answers.extend(heard.answers);
    }

    let during: Vec<&Answer> = answers.iter().filter(|a| a.sent > ended && a.done < resumed).collect();
    let shown = during.iter().filter(|answer| answer.marked).count();
    assert_eq!(shown, 0, "of {} answers to requests sent after the suspension", during.len());
    assert!(during.iter().filter(|answer| answer.status == 200).count() > 10, "the others are still shown");
    assert!(answers.iter().any(|answer| answer.marked && answer.done < called), "shown before");
    assert!(answers.iter().any(|answer| answer.marked && answer.sent > resumed), "shown again afterwards");
    let others = answers.iter().filter(|answer| !matches!(answer.status, 200 | 403)).count();
    assert_eq!(others, 0, "a suspension costs nobody their answer");
    println!("{}: {} reads, suspended in {:.1?}", database.url(), answers.len(), ended - called);
    assert!(ended - called < Duration::from_secs(1), "{:.1?}", ended - called);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_provider_is_in_no_later_answer_of_two_nodes() {
    let region = Region::start().await;
    let database = Database::postgres().await;
    let gateways = [region.node("a", &database).start(), region.node("b", &database).start()];
    suspended_under_load(&region, &database, &gateways).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_provider_is_in_no_later_answer_on_sqlite() {
    let region = Region::start().await;
    let database = region.sqlite();
    let gateways = [region.node("a", &database).start()];
    suspended_under_load(&region, &database, &gateways).await;
}
