//! The policy as a reviewed text: put in force without a restart, on every node, or not at all.

use crate::{
    harness::{Gate, Setup, program, soon},
    program::Region,
};
use caregate::{
    access::Policy,
    audit::Kind,
    store::{DatabaseUrl, Store},
};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

const GP: &str = "gp-saltmarsh";

/// A directory of the policy built in.
pub fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    built_in(directory.path());
    directory
}

pub fn built_in(directory: &Path) {
    for (file, text) in Policy::load(None).unwrap().texts() {
        fs::write(directory.join(file), text).unwrap();
    }
}

/// The policy built in, but for this job role.
pub fn without(directory: &Path, role: &str) {
    built_in(directory);
    let roles = fs::read_to_string(directory.join("roles.json")).unwrap();
    let kept: Vec<&str> = roles.lines().filter(|line| !line.contains(&format!("\"code\": \"{role}\""))).collect();
    fs::write(directory.join("roles.json"), kept.join("\n")).unwrap();
}

/// Has the gateway read its directory again, and waits until that shows.
pub async fn reloaded(gate: &Gate, shows: impl AsyncFn() -> bool) {
    gate.hang_up();
    soon("the policy to be another", async || shows().await.then_some(())).await;
}

#[tokio::test]
async fn a_policy_with_a_fault_leaves_the_old_in_force_and_a_good_one_replaces_it_without_a_restart() {
    let rules = directory();
    let gate = Setup::default().set("CAREGATE__POLICY__DIRECTORY", rules.path().display()).start();
    let patient = gate.registered("F99001", 0).nhs_number;
    let search = async || gate.search(GP, "Observation", patient).await;
    let before = gate.closing(&search().await).await.policy;

    let reach = fs::read_to_string(rules.path().join("reach.cedar")).unwrap();
    fs::write(rules.path().join("reach.cedar"), reach.replacen("permit", "permitt", 1)).unwrap();
    gate.hang_up();
    soon("the fault to be told", async || gate.stderr().contains("reach.cedar, line").then_some(())).await;
    let still = search().await;
    assert_eq!((still.status, gate.closing(&still).await.policy), (200, before.clone()));

    without(rules.path(), "R0260");
    reloaded(&gate, async || search().await.status == 403).await;
    let after = search().await;
    gate.ends(&after, 403, "forbidden", Kind::Refused, "access-denied").await;
    assert_ne!(gate.closing(&after).await.policy, before);
    assert!(gate.stderr().contains("another policy is in force, on every node"));
}

#[tokio::test]
async fn once_a_policy_is_applied_no_node_releases_under_the_one_before() {
    let url = crate::postgres::Postgres::shared().database().await;
    let nodes = [
        Setup::default().database(url.clone()).start(),
        Setup::default().database(url.clone()).set("CAREGATE__GATEWAY__NODE", "second").start(),
    ];
    let patient = nodes[0].registered("F99001", 0).nhs_number;
    let (region, rules) = (Region::start(), directory());
    without(rules.path(), "R0050");
    let apply = async |directory: &Path| {
        let mut command = tokio::process::Command::from(program());
        command.args(["policy", "apply", "--config"]).arg(region.file()).env("CAREGATE__DATABASE__URL", &url);
        command.env("CAREGATE__POLICY__DIRECTORY", directory).output().await.unwrap()
    };
    let over = AtomicBool::new(false);
    let read = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let reading = async |gate: &Gate, read: &AtomicUsize| {
        while !over.load(Ordering::Relaxed) {
            assert_eq!(gate.search(GP, "Observation", patient).await.status, 200);
            read.fetch_add(1, Ordering::Relaxed);
        }
    };
    // each node has begun and ended a reading since
    let both_read = async || {
        let before = [0, 1].map(|node| read[node].load(Ordering::Relaxed));
        while (0..2).any(|node| read[node].load(Ordering::Relaxed) < before[node] + 2) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let applied = async {
        both_read().await;
        let output = apply(rules.path()).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut sizes = Vec::new();
        let audit = nodes[0].audit().await;
        for log in audit.logs().await.unwrap() {
            sizes.push((log.clone(), audit.head(&log).await.unwrap().unwrap().size));
        }
        both_read().await;
        over.store(true, Ordering::Relaxed);
        (String::from_utf8(output.stdout).unwrap(), sizes)
    };
    let ((said, sizes), (), ()) = tokio::join!(applied, reading(&nodes[0], &read[0]), reading(&nodes[1], &read[1]));
    let fingerprint = said.split(' ').next().unwrap().to_owned();
    assert_eq!(sizes.len(), 2, "two nodes, two logs");
    for (log, size) in sizes {
        let audit = nodes[0].audit().await;
        let rows = audit.rows(&log, 0, 100_000).await.unwrap();
        let released = rows.iter().filter_map(|row| Some((row.index, row.row().unwrap()?)));
        let released: Vec<_> = released.filter(|(_, row)| row.kind == Kind::Released).collect();
        let policy = |index: u64, row: &caregate::audit::Row| (index, row.policy.as_deref() == Some(&fingerprint));
        let new: Vec<_> = released.iter().map(|(index, row)| policy(*index, row)).collect();
        assert!(new.iter().any(|(index, new)| *index < size && !new), "none before: {new:?}");
        assert!(new.iter().any(|(index, _)| *index >= size), "none after: {new:?}");
        assert!(new.iter().all(|(index, new)| *index < size || *new), "released under the one before: {new:?}");
        assert!(new.is_sorted_by_key(|(_, new)| *new), "the one before came back: {new:?}");
    }

    // a fault changes nothing, and is named
    fs::write(rules.path().join("roles.json"), "{").unwrap();
    let output = apply(rules.path()).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("roles.json, line 1"));
    let store = Store::open_existing(&DatabaseUrl::parse(&url).unwrap()).await.unwrap();
    let history = store.policies().history().await.unwrap();
    assert_eq!((history.len(), &*history[1].fingerprint), (2, fingerprint.as_str()));
    let show = |more: &[&str]| {
        let output = program().args(["policy", "show", "--database", &url]).args(more).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(show(&[]).lines().count(), 2);
    assert!(show(&["--fingerprint", &fingerprint]).contains("==> roles.json <=="));
}

#[tokio::test]
async fn a_node_that_cannot_apply_the_policy_in_force_decides_by_no_other_and_says_so() {
    use sqlx::ConnectOptions as _;
    let gate = Setup::default().start();
    let patient = gate.registered("F99001", 0).nhs_number;
    // what a newer version of the program put in force, as far as this one can tell
    let path = gate.database.strip_prefix("sqlite:").unwrap();
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let newer = "BEGIN IMMEDIATE; UPDATE epoch SET epoch = epoch + 1 WHERE key = -1; \
        INSERT INTO policy_text VALUES ('0123456789abcdef', '{\"caregate.cedarschema\": \"entity Staff;\"}', 0); \
        INSERT INTO policy_in_force (fingerprint, from_epoch, at) \
        VALUES ('0123456789abcdef', (SELECT epoch FROM epoch WHERE key = -1), 0); COMMIT";
    sqlx::raw_sql(newer).execute(&mut connection).await.unwrap();
    let answer = gate.search(GP, "Observation", patient).await;
    gate.ends(&answer, 503, "transient", Kind::Failed, "policy-unavailable").await;
    let ready = gate.http.get(format!("{}/health/ready", gate.url)).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains(r#""policy":[{"status":"fail"}]"#));
}
