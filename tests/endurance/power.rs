//! PostgreSQL itself killed under load, postmaster and backends at once, so that what it had not yet handed to the kernel
//! is gone: whoever was answered is in the log, and the gateway goes on by itself.
//!
//! The control is the same server, the same gateway and the same kill, but for a trigger by which the log's transactions
//! commit before they are on disk. The gateway pins `synchronous_commit` for its sessions; only whoever owns the tables can
//! do this to it.

use crate::{
    database::Database,
    kill::at_random,
    kills,
    load::{Ask, Heard, Load, get, missing, mixed},
    postgres::Postgres,
    process::{Gateway, Region, caregate},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Room for all that no commit waits for; see [`hold_up_the_writer`].
const SETTINGS: [&str; 1] = ["wal_buffers=64MB"];

const ASYNCHRONOUS: &str = "CREATE FUNCTION forgetful() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN PERFORM set_config('synchronous_commit', 'off', true); RETURN NULL; END $$; \
    CREATE TRIGGER forgetful AFTER INSERT ON audit_row FOR EACH STATEMENT EXECUTE FUNCTION forgetful()";

/// The server's file that names its first process, and the process.
async fn postmaster(database: &Database) -> (PathBuf, String) {
    let Database::Postgres(url) = database else { panic!("no server") };
    let mut connection = crate::database::postgres(url).await;
    let data: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut connection).await.unwrap();
    let file = Path::new(&data).join("postmaster.pid");
    let pid = fs::read_to_string(&file).unwrap().lines().next().unwrap().to_owned();
    (file, pid)
}

fn children(pid: &str) -> Vec<String> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().map(str::to_owned).collect()
}

fn send(signal: &str, to: &[String]) {
    // one call for all, so that none has the time to tidy up; one may have ended by itself
    Command::new("kill").arg(signal).args(to).stderr(Stdio::null()).status().expect("kill runs");
}

/// SIGKILL to all of its processes in one go.
pub async fn kill(database: &Database) {
    let (file, pid) = postmaster(database).await;
    // stopped first, so that it starts no other meanwhile
    send("-STOP", std::slice::from_ref(&pid));
    let all: Vec<String> = children(&pid).into_iter().chain([pid]).collect();
    send("-KILL", &all);
    // where nobody collects the dead, the server's number stays taken
    fs::remove_file(file).unwrap();
}

/// Stops the process that hands the write-ahead log to the kernel in the background: what no commit waits for stays in
/// the server's memory. A commit that waits does this work itself.
async fn hold_up_the_writer(database: &Database) {
    let (_, pid) = postmaster(database).await;
    let title = |pid: &str| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let writers: Vec<String> = children(&pid).into_iter().filter(|pid| title(pid).contains("walwriter")).collect();
    assert_eq!(writers.len(), 1);
    send("-STOP", &writers);
}

/// Asks until one is answered again: how long that took.
pub async fn recovered(region: &Region, gateway: &Gateway, ask: &Ask) -> Duration {
    let began = Instant::now();
    loop {
        let answer = get(&region.http, &format!("{}/fhir/", gateway.url), ask, "").await;
        if answer.is_ok_and(|answer| matches!(answer.status, 200 | 403)) {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "not in 20 s: {}", gateway.program.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn killed_under_load(server: &Postgres, gateway: &Gateway, database: &Database, asks: &[Ask]) -> Heard {
    hold_up_the_writer(database).await;
    let load = Load::start(gateway, 16, asks, "");
    load.has_heard(100).await;
    tokio::time::sleep(at_random(200)).await;
    kill(database).await;
    let heard = load.stop().await;
    server.up();
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_lost_when_postgres_itself_is_killed_and_the_gateway_recovers_by_itself() {
    let region = Region::start().await;
    let server = Postgres::start(&SETTINGS);
    let database = Database::Postgres(server.database().await);
    let asks = mixed(&region).await;
    let gateway = region.node("node", &database).start();
    let (mut answers, mut slowest) = (Vec::new(), Duration::ZERO);
    for _ in 0..kills() {
        answers.extend(killed_under_load(&server, &gateway, &database, &asks).await.answers);
        slowest = slowest.max(recovered(&region, &gateway, &asks[0]).await);
    }
    gateway.stop().await;
    answers.retain(|answer| matches!(answer.status, 200 | 403));
    let lost = missing(&answers, &database.closing_rows().await);
    println!("{} kills of PostgreSQL, {} answered, {lost} lost, recovery {slowest:.1?}", kills(), answers.len());
    assert!(answers.len() > kills() * 20, "the kills came before the answers: {}", answers.len());
    assert_eq!(lost, 0, "of {} answers", answers.len());
    assert!(slowest < Duration::from_secs(10), "{slowest:.1?}");
    let checkpoint = region.checkpoint("node");
    let verify = ["audit", "verify", "--database", &database.url(), "--checkpoint", checkpoint.to_str().unwrap()];
    let (code, said) = caregate(&verify);
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_committed_without_waiting_for_the_disk_loses_answers_and_the_gateway_notices() {
    let region = Region::start().await;
    let server = Postgres::start(&SETTINGS);
    let database = Database::Postgres(server.database().await);
    let asks = mixed(&region).await;
    // checkpoints are commits too, and would take the rows before them along to the disk
    let gateway = region.node("node", &database).with("AUDIT__CHECKPOINT_INTERVAL_SECONDS", 60).start();
    database.run(ASYNCHRONOUS).await;
    let Heard { mut answers, .. } = killed_under_load(&server, &gateway, &database, &asks).await;
    answers.retain(|answer| matches!(answer.status, 200 | 403));
    let lost = missing(&answers, &database.closing_rows().await);
    println!("the control lost {lost} of {}", answers.len());
    assert!(lost > 0, "nothing lost of {}: these kills prove nothing", answers.len());
    // rows that were committed are not there: nothing is shown on top of such a log
    tokio::time::sleep(Duration::from_secs(2)).await;
    let answer = get(&region.http, &format!("{}/fhir/", gateway.url), &asks[0], "").await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(gateway.program.log().contains("lacks rows that were committed"), "{}", gateway.program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_does_not_start_on_a_server_that_does_not_write_through_and_says_which_setting() {
    let region = Region::start().await;
    let server = Postgres::start(&["fsync=off"]);
    let database = Database::Postgres(server.database().await);
    let Err(log) = region.node("node", &database).try_start() else { panic!("it starts") };
    assert!(log.contains("fsync is off"), "{log}");
}
