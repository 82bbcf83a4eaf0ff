//! A database that goes away or is slow costs the answer, never the audit; and it costs it soon, and not for longer.

use crate::{
    database::{Database, postgres},
    load::{Load, get, mixed},
    postgres::Postgres,
    power,
    process::{Gateway, Region},
};
use sqlx::Connection as _;
use std::time::{Duration, Instant};

async fn ready(region: &Region, gateway: &Gateway) -> bool {
    region.http.get(format!("{}/health/ready", gateway.url)).send().await.unwrap().status() == 200
}

async fn becomes_ready(region: &Region, gateway: &Gateway, wanted: bool) -> Duration {
    let began = Instant::now();
    while ready(region, gateway).await != wanted {
        assert!(began.elapsed() < Duration::from_secs(20), "ready is not {wanted}: {}", gateway.program.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_under_the_same_name_is_refused_and_the_first_goes_on() {
    let region = Region::start().await;
    for database in [region.sqlite(), Database::postgres().await] {
        let name = if matches!(database, Database::Sqlite(_)) { "one" } else { "two" };
        let first = region.node(name, &database).start();
        let Err(log) = region.node(name, &database).try_start() else { panic!("both write one log") };
        assert!(log.contains("is being written by another process"), "{log}");
        let asks = mixed(&region).await;
        let answer = get(&region.http, &format!("{}/fhir/", first.url), &asks[0], "").await.unwrap();
        assert_eq!(answer.status, 200);
        first.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_a_node_shows_nothing_and_goes_on_by_itself_when_it_is_back() {
    let region = Region::start().await;
    let server = Postgres::start(&[]);
    let database = Database::Postgres(server.database().await);
    let gateway = region.node("node", &database).start();
    let asks = mixed(&region).await;
    let load = Load::start(&gateway, 8, &asks, "\"resource\":{\"resourceType\"");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(ready(&region, &gateway).await);

    power::kill(&database).await;
    let gone = Instant::now();
    let unready = becomes_ready(&region, &gateway, false).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.up();
    let back = Instant::now();
    let recovery = becomes_ready(&region, &gateway, true).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let heard = load.stop().await;

    assert!(heard.broken.is_empty(), "{} requests were not answered", heard.broken.len());
    let without: Vec<_> = heard.answers.iter().filter(|a| a.sent > gone && a.done < back).collect();
    assert!(without.len() > 10, "{} answers without a database", without.len());
    for answer in &without {
        assert_eq!(answer.status, 503);
        assert!(!answer.marked, "a byte of a resource");
        // the commit timeout, and not the whole request's
        assert!(answer.done - answer.sent < Duration::from_secs(6), "{:.1?}", answer.done - answer.sent);
    }
    let settled = heard.answers.iter().filter(|answer| answer.sent > back + recovery);
    assert!(settled.clone().count() > 10, "answers again");
    // 404: the index knows no such patient, or will not say
    let failed: Vec<u16> =
        settled.map(|answer| answer.status).filter(|status| !matches!(status, 200 | 403 | 404)).collect();
    assert!(failed.is_empty(), "no more failures: {failed:?}");
    println!("unready after {unready:.1?}, {} answers meanwhile, ready again after {recovery:.1?}", without.len());
    assert!(unready < Duration::from_secs(6), "{unready:.1?}");
    assert!(recovery < Duration::from_secs(10), "{recovery:.1?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_node_whose_database_goes_away_says_that_it_is_not_ready() {
    let region = Region::start().await;
    let server = Postgres::start(&[]);
    let database = Database::Postgres(server.database().await);
    let gateway = region.node("node", &database).start();
    assert!(ready(&region, &gateway).await);
    server.down();
    becomes_ready(&region, &gateway, false).await;
    server.up();
    let recovery = becomes_ready(&region, &gateway, true).await;
    assert!(recovery < Duration::from_secs(10), "{recovery:.1?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_held_up_costs_no_more_than_the_commit_timeout() {
    const TIMEOUT: Duration = Duration::from_millis(1000);
    let region = Region::start().await;
    let database = Database::postgres().await;
    let node = region.node("node", &database);
    let gateway = node.with("AUDIT__COMMIT_TIMEOUT_MS", TIMEOUT.as_millis()).start();
    let asks = mixed(&region).await;
    let load = Load::start(&gateway, 8, &asks, "\"resource\":{\"resourceType\"");
    tokio::time::sleep(Duration::from_millis(700)).await;

    let mut holder = postgres(&database.url()).await;
    let mut held = holder.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE log_head IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let began = Instant::now();
    tokio::time::sleep(3 * TIMEOUT).await;
    let over = Instant::now();
    held.rollback().await.unwrap();
    let recovery = becomes_ready(&region, &gateway, true).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let heard = load.stop().await;

    let during: Vec<_> = heard.answers.iter().filter(|a| a.sent > began && a.done < over).collect();
    let slowest = heard.answers.iter().map(|answer| answer.done - answer.sent).max().unwrap();
    println!("{} answers while held up, slowest of all {slowest:.1?}, ready after {recovery:.1?}", during.len());
    assert!(during.len() > 10, "{} answers while held up", during.len());
    assert!(during.iter().all(|answer| answer.status == 503 && !answer.marked), "nothing is shown");
    // an intent and a closing row may each wait
    assert!(slowest < TIMEOUT * 2 + Duration::from_millis(500), "{slowest:.1?}");
    assert!(recovery < Duration::from_secs(10), "{recovery:.1?}");
    assert!(heard.answers.iter().any(|answer| answer.sent > over + recovery && answer.status == 200), "answers again");
}
