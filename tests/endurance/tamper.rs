//! `audit verify`, as an auditor runs it, over a log that somebody has changed behind the gateway's back.

use crate::{
    database::{Database, postgres, sqlite},
    load::{Load, mixed},
    process::{Region, caregate},
};
use sqlx::AssertSqlSafe;
use std::{fs, path::PathBuf, time::Duration};

/// The row that is changed.
const ROW: i64 = 7;

struct Audit {
    database: Database,
    /// What was kept outside: the checkpoint of the log as it ended, and the key it is signed by.
    checkpoint: PathBuf,
    key: PathBuf,
}

/// A log of two runs of one gateway, stopped in peace. `head_then` holds the head between the two.
async fn audited(region: &Region, database: Database) -> Audit {
    let asks = mixed(region).await;
    for run in 0..2 {
        let gateway = region.node("node", &database).start();
        let load = Load::start(&gateway, 4, &asks, "");
        tokio::time::sleep(Duration::from_millis(700)).await;
        load.stop().await;
        gateway.stop().await;
        if run == 0 {
            database.run("CREATE TABLE head_then AS SELECT * FROM log_head").await;
        }
    }
    let key = region.path("checkpoint.pub");
    let config = region.path("gateway.toml");
    let (code, printed) = caregate(&["audit", "key", "--config", config.to_str().unwrap(), "--node", "node"]);
    assert_eq!(code, Some(0), "{printed}");
    fs::write(&key, printed).unwrap();
    Audit { database, checkpoint: region.checkpoint("node"), key }
}

impl Audit {
    /// The exit code, and what is said.
    fn verify(&self, database: &Database) -> (Option<i32>, String) {
        caregate(&["audit", "verify", "--database", &database.url()])
    }

    fn verify_with_what_was_kept(&self, database: &Database) -> (Option<i32>, String) {
        let [key, checkpoint] = [&self.key, &self.checkpoint].map(|path| path.to_str().unwrap());
        caregate(&["audit", "verify", "--database", &database.url(), "--public-key", key, "--checkpoint", checkpoint])
    }

    /// A copy in which this was done.
    async fn after(&self, sql: &str) -> Database {
        let copy = self.database.copy().await;
        copy.run(sql).await;
        copy
    }

    async fn names(&self, changed: &Database, what: &str, named: &str) {
        let (code, said) = self.verify(changed);
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.contains(named), "{what}: expected {named:?} in: {said}");
    }
}

/// Turns one bit of the column in the row.
async fn flip(database: &Database, column: &str) {
    let at = format!("FROM audit_row WHERE log = 'node' AND idx = {ROW}");
    match column {
        "log" => database.run(&format!("UPDATE audit_row SET log = 'nodf' WHERE idx = {ROW}")).await,
        "idx" | "kind" | "at" | "patient" => {
            let bit = if column == "kind" { 1 } else { 4096 };
            let number = database.number(&format!("SELECT CAST({column} AS bigint) {at}")).await ^ bit;
            database.run(&format!("UPDATE audit_row SET {column} = {number} WHERE log = 'node' AND idx = {ROW}")).await;
        }
        bytes => {
            let select = AssertSqlSafe(format!("SELECT {bytes} {at}"));
            let mut value: Vec<u8> = match database {
                Database::Sqlite(path) => sqlx::query_scalar(select).fetch_one(&mut sqlite(path).await).await,
                Database::Postgres(url) => sqlx::query_scalar(select).fetch_one(&mut postgres(url).await).await,
            }
            .unwrap();
            let middle = value.len() / 2;
            value[middle] ^= 1;
            let update = format!("UPDATE audit_row SET {bytes} = $1 WHERE log = 'node' AND idx = {ROW}");
            match database {
                Database::Sqlite(path) => {
                    let update = sqlx::query(AssertSqlSafe(update)).bind(value);
                    update.execute(&mut sqlite(path).await).await.unwrap();
                }
                Database::Postgres(url) => {
                    let update = sqlx::query(AssertSqlSafe(update)).bind(value);
                    update.execute(&mut postgres(url).await).await.unwrap();
                }
            }
        }
    }
}

async fn verify_names_what_was_changed(region: &Region, database: Database) {
    let audit = audited(region, database).await;
    let size = audit.database.number("SELECT CAST(size AS bigint) FROM log_head").await;
    let then = audit.database.number("SELECT CAST(size AS bigint) FROM head_then").await;
    assert!(then > ROW + 2 && size > then + 2, "{then} rows, then {size}");
    let (code, said) = audit.verify_with_what_was_kept(&audit.database);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("all {size} rows are there")), "{said}");
    assert!(said.contains(&format!("rows 0 to {} stand under a signature", size - 1)), "{said}");
    assert!(said.contains("a checkpoint held elsewhere covers all of it"), "{said}");

    let row = format!("log node, row {ROW}: ");
    for column in ["log", "idx", "leaf", "nonce", "body", "kind", "at", "patient", "request_id"] {
        let copy = audit.database.copy().await;
        flip(&copy, column).await;
        audit.names(&copy, &format!("one bit of {column}"), &row).await;
    }

    let node = "log = 'node' AND idx";
    let removed = audit.after(&format!("DELETE FROM audit_row WHERE {node} = {ROW}")).await;
    audit.names(&removed, "removed", &format!("{row}is missing")).await;

    let next = ROW + 1;
    let swapped = audit
        .after(&format!(
            "UPDATE audit_row SET idx = -1 WHERE {node} = {ROW}; UPDATE audit_row SET idx = {ROW} WHERE {node} = {next}; \
             UPDATE audit_row SET idx = {next} WHERE {node} = -1"
        ))
        .await;
    audit.names(&swapped, "swapped", &row).await;

    let last = size - 1;
    let cut = audit.after(&format!("DELETE FROM audit_row WHERE {node} >= {last}")).await;
    audit.names(&cut, "cut", &format!("log node, row {last}: is missing")).await;

    let erased_list =
        audit.after("DELETE FROM audit_item_list WHERE answer = (SELECT min(answer) FROM audit_item_list)").await;
    audit.names(&erased_list, "an item list removed", "log node, row ").await;

    // the past, restored whole: within itself it is a log like any other
    let past = audit
        .after(&format!(
            "DELETE FROM audit_row WHERE {node} >= {then}; DELETE FROM checkpoint WHERE size > {then}; \
             DELETE FROM log_head; INSERT INTO log_head SELECT * FROM head_then"
        ))
        .await;
    let (code, said) = audit.verify(&past);
    assert_eq!(code, Some(0), "{said}");
    let (_, not_proved) = said.split_once("Not proved:").expect("it says what it could not prove");
    assert!(not_proved.contains("or its end cut off with the head: only a checkpoint kept elsewhere"), "{said}");
    let (code, said) = audit.verify_with_what_was_kept(&past);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&format!("was cut: a checkpoint held elsewhere says it had {size} rows, now {then}")),
        "{said}"
    );

    // and a gateway does not go on from there
    let Err(log) = region.node("node", &past).try_start() else { panic!("it writes on top of the past") };
    assert!(log.contains("restored to the past"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_the_row_that_was_changed_removed_or_swapped_on_sqlite() {
    let region = Region::start().await;
    verify_names_what_was_changed(&region, region.sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_the_row_that_was_changed_removed_or_swapped_on_postgres() {
    let region = Region::start().await;
    verify_names_what_was_changed(&region, Database::postgres().await).await;
}
