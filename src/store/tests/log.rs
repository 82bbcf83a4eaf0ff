use super::*;
use crate::{
    access::{Basis, ConsentState, Relationship, Terms},
    audit::{Checkpoint, LogError, NotCommitted, PatientRows, Receipt, shown, verify},
};
use futures::future::join_all;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use std::time::Instant;
use tokio::time::timeout;

async fn size(store: &Store, log: &str) -> u64 {
    store.log_reader().head(&log_id(log)).await.unwrap().map_or(0, |head| head.size)
}

/// Whether the whole log verifies.
async fn holds(store: &Store) -> bool {
    let report = verify::verify(store.log_reader().as_ref(), &verify::Outside::default()).await.unwrap();
    assert!(report.ok(), "{report}");
    true
}

fn rows_of(of: u64, limit: u32) -> PatientRows {
    PatientRows { patient: patient(of), during: Timestamp(0)..Timestamp::MAX, before: None, limit }
}

#[tokio::test]
async fn rows_committed_together_stand_in_the_log_without_a_gap_and_read_back_as_written() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        let rows: Vec<Row> = (0..100).map(|i| row(Kind::Released, Some(patient(i % 7)))).collect();
        let receipts = join_all(rows.iter().map(|row| log.commit(row.clone(), None, Vec::new()))).await;
        let mut indexes: Vec<u64> = receipts.iter().map(|r| r.as_ref().unwrap().index()).collect();
        indexes.sort_unstable();
        assert_eq!(indexes, (0..100).collect::<Vec<_>>());
        for (row, receipt) in rows.iter().zip(&receipts) {
            let index = receipt.as_ref().unwrap().index();
            let stored = store.log_reader().rows(&log_id("node-1"), index, 1).await.unwrap();
            assert_eq!(stored[0].row().unwrap().as_ref(), Some(row));
        }
        log.close().await;
        assert!(holds(&store).await);
    }
}

#[tokio::test]
async fn text_that_no_column_would_take_is_kept_to_the_letter() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        let odd = "\0 \r\n \u{1b}[31m \u{202e} \u{feff} 'x' \"y\" \\x00 \u{10ffff}";
        let row = Row { request: odd.into(), reason: Some(odd.into()), ..row(Kind::Refused, None) };
        log.commit(row.clone(), None, Vec::new()).await.unwrap();
        let read = store.log_reader().request_rows(row.request_id).await.unwrap();
        assert_eq!(read[0].row().unwrap(), Some(row));
        assert!(holds(&store).await);
    }
}

#[tokio::test]
async fn each_change_of_facts_makes_a_release_decided_before_it_stale_and_nothing_of_it_is_written() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        let (facts, standing) = (store.facts(), store.standing());
        let release =
            |guard| log.commit(row(Kind::Released, Some(patient(1))), Some(guard), vec![items(patient(1), "a")]);
        let consent = |version| crate::access::ConsentRecord {
            id: "a".into(),
            version,
            patient: patient(1),
            terms: Terms::default(),
            state: if version == 1 { ConsentState::Requested } else { ConsentState::Withdrawn },
            withdrawer: None,
            note: None,
            recorded_by: clerk(),
            first_recorded_by: clerk(),
            recorded_at: Timestamp::now(),
            resource: "{}".into(),
        };
        let start = Timestamp(0);
        let relationship = Relationship::of(ods("RZ901"), Basis::Caseload, start, None, "e".into());
        for change in 0..8 {
            let before = guard(&store, patient(1)).await;
            match change {
                0 => facts.create_consent(&consent(1)).await.unwrap(),
                1 => facts.update_consent(&consent(2), None).await.unwrap(),
                2 => facts.assert_relationship(patient(1), &relationship, None, &clerk()).await.unwrap(),
                3 => drop(facts.end_relationship(patient(1), ods("RZ901"), None, Timestamp::now(), &clerk()).await),
                4 => drop(standing.quarantine(ods("RZ902"), patient(1), "other patient").await.unwrap()),
                5 => standing.suspend(ods("RZ902"), "hostile").await.unwrap(),
                6 => drop(standing.resume(ods("RZ902")).await.unwrap()),
                _ => facts.revoke("https://id.example", "mallory", "left").await.unwrap(),
            }
            let written = size(&store, "node-1").await;
            assert_eq!(release(before).await, Err(NotCommitted::Stale), "change {change}");
            assert_eq!(size(&store, "node-1").await, written);
            assert!(release(guard(&store, patient(1)).await).await.is_ok(), "decided again, it commits");
        }
        // another patient's objection is no concern of this one
        let before = guard(&store, patient(1)).await;
        standing.quarantine(ods("RZ902"), patient(2), "other patient").await.unwrap();
        assert!(release(before).await.is_ok());
        let late = Guard { valid_until: Timestamp::now(), ..before };
        assert_eq!(release(late).await, Err(NotCommitted::Stale), "a permit that has run out");
    }
}

#[tokio::test]
async fn in_one_batch_the_stale_are_told_and_the_others_commit() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        let stale = guard(&store, patient(1)).await;
        store.standing().quarantine(ods("RZ902"), patient(1), "other patient").await.unwrap();
        let good = guard(&store, patient(2)).await;
        let outcomes = join_all((0..40).map(|i| {
            let (guard, of) = if i % 2 == 0 { (stale, 1) } else { (good, 2) };
            log.commit(row(Kind::Released, Some(patient(of))), Some(guard), Vec::new())
        }));
        for (i, outcome) in outcomes.await.into_iter().enumerate() {
            assert_eq!(outcome.is_ok(), i % 2 == 1, "{outcome:?}");
        }
        assert_eq!(size(&store, "node-1").await, 20);
        assert!(holds(&store).await);
    }
}

#[tokio::test]
async fn a_second_writer_of_one_log_is_refused_until_the_first_has_closed() {
    for fixture in Fixture::both().await {
        let (store, other) = (fixture.open().await, fixture.open().await);
        let first = start(&store, "node-1").await;
        let second = AuditLog::start(other.log(log_id("node-1")), options()).await;
        assert!(matches!(second, Err(LogError::Taken(_))));
        let beside = start(&other, "node-2").await;
        assert!(beside.commit(row(Kind::Intent, None), None, Vec::new()).await.is_ok());
        first.close().await;
        let second = start(&other, "node-1").await;
        assert!(second.commit(row(Kind::Intent, None), None, Vec::new()).await.is_ok());
        assert_eq!(first.commit(row(Kind::Intent, None), None, Vec::new()).await, Err(NotCommitted::Unavailable));
        assert!(holds(&store).await);
    }
}

#[tokio::test]
async fn a_row_the_database_refuses_costs_no_other_its_answer() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        fixture
            .tamper(match &fixture.url {
                DatabaseUrl::Postgres(_) => "ALTER TABLE audit_row ADD CONSTRAINT no_42 CHECK (at <> 42)",
                DatabaseUrl::Sqlite(_) => {
                    "CREATE TRIGGER no_42 BEFORE INSERT ON audit_row WHEN NEW.at = 42 BEGIN SELECT RAISE(ABORT, 'no'); END"
                }
            })
            .await;
        let outcomes = join_all((0..30).map(|i| {
            let at = if i == 17 { Timestamp(42) } else { Timestamp::now() };
            log.commit(Row { at, ..row(Kind::Failed, None) }, None, Vec::new())
        }));
        for (i, outcome) in outcomes.await.into_iter().enumerate() {
            assert_eq!(outcome.err(), (i == 17).then_some(NotCommitted::Unavailable), "row {i}");
        }
        assert!(log.healthy());
        assert!(holds(&store).await);
    }
}

#[tokio::test]
async fn a_patients_log_is_the_closing_rows_newest_first_page_by_page() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        for i in 0..10 {
            let (kind, of) = if i % 5 == 4 { (Kind::Intent, 1) } else { (Kind::Released, 1 + i % 2) };
            // some at one microsecond: a page must neither lose nor repeat them
            let row = Row { at: Timestamp(1_000 + i64::try_from(i / 4).unwrap()), ..row(kind, Some(patient(of))) };
            log.commit(row, None, Vec::new()).await.unwrap();
        }
        let reader = store.log_reader();
        let all = reader.patient_rows(&rows_of(1, 100)).await.unwrap();
        assert_eq!(all.iter().map(|r| r.index).collect::<Vec<_>>(), [8, 6, 2, 0]);
        let mut wanted = rows_of(1, 1);
        for expected in &all {
            let page = reader.patient_rows(&wanted).await.unwrap();
            assert_eq!(page.as_slice(), std::slice::from_ref(expected));
            wanted.before = page[0].place();
        }
        assert!(reader.patient_rows(&wanted).await.unwrap().is_empty());
        let during = Timestamp(1_001)..Timestamp(1_002);
        let some = reader.patient_rows(&PatientRows { during, ..rows_of(1, 100) }).await.unwrap();
        assert_eq!(some.iter().map(|r| r.index).collect::<Vec<_>>(), [6]);
    }
}

#[tokio::test]
async fn what_a_screen_showed_and_who_was_shown_an_entry_are_told_from_the_log_alone() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        let lists = [items(patient(1), "x"), items(patient(2), "x"), items(patient(2), "y")];
        let mut requests = Vec::new();
        for list in lists.iter().chain(&lists) {
            let row = release_of(list);
            requests.push(row.request_id);
            log.commit(row, None, vec![list.clone()]).await.unwrap();
        }
        let reader = store.log_reader();
        let screens = shown::release(reader.as_ref(), requests[1]).await.unwrap();
        assert_eq!(screens.len(), 1);
        assert_eq!(screens[0].row.patient, Some(patient(2)));
        let said = |items: &[shown::Item]| items.iter().map(|i| i.reference.clone()).collect::<Vec<_>>();
        assert_eq!(
            (said(&screens[0].shown), said(&screens[0].withheld)),
            (vec!["Condition/x".into()], vec!["Condition/x-b".into()])
        );
        assert_eq!(screens[0].shown[0].version.as_deref(), Some("1"));
        assert_eq!(screens[0].withheld[0].labels.as_deref(), Some("R"));

        let viewers = |reference: &'static str, of: Option<u64>| {
            let reader = reader.clone();
            async move {
                let found = shown::shown(reader.as_ref(), ods("RZ901"), &[reference.to_owned()], of.map(patient))
                    .await
                    .unwrap();
                let mut found: Vec<RequestId> = found.into_iter().map(|viewer| viewer.request_id).collect();
                found.sort_by_key(|id| id.0);
                found
            }
        };
        let sorted = |which: &[usize]| {
            let mut ids: Vec<RequestId> = which.iter().map(|i| requests[*i]).collect();
            ids.sort_by_key(|id| id.0);
            ids
        };
        assert_eq!(viewers("Condition/x", None).await, sorted(&[0, 1, 3, 4]));
        assert_eq!(viewers("Condition/x", Some(2)).await, sorted(&[1, 4]));
        assert_eq!(viewers("Condition/x-b", None).await, [], "withheld is not shown");
        assert!(holds(&store).await);
    }
}

#[tokio::test]
async fn an_abandoned_requests_closing_row_is_written_though_nobody_waits() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        let row = row(Kind::Failed, Some(patient(1)));
        log.abandon(row.clone());
        log.close().await;
        assert_eq!(store.log_reader().request_rows(row.request_id).await.unwrap()[0].row().unwrap(), Some(row));
    }
}

#[tokio::test]
async fn closing_leaves_a_signed_checkpoint_outside_and_a_log_cut_below_it_is_not_started_again() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let file = fixture.directory.path().join("checkpoint");
        let open = || async {
            let options = LogOptions { checkpoint_file: Some(file.clone()), ..options() };
            AuditLog::start(store.log(log_id("node-1")), options).await
        };
        for sizes in [1, 2] {
            let log = open().await.unwrap();
            log.commit(row(Kind::Released, Some(patient(1))), None, Vec::new()).await.unwrap();
            log.close().await;
            let kept = Checkpoint::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
            let head = store.log_reader().head(&log_id("node-1")).await.unwrap().unwrap().frontier().unwrap();
            assert_eq!((kept.size, kept.root), (sizes, head.root()));
            assert!(kept.signed_by(&signer().verifier_key(&log_id("node-1"))));
        }
        let history = std::fs::read_to_string(file.with_extension("history")).unwrap();
        assert_eq!(Checkpoint::parse_all(&history).unwrap().len(), 2);
        let cut = "DELETE FROM audit_row; DELETE FROM checkpoint; DELETE FROM log_head";
        fixture.tamper(cut).await;
        assert!(matches!(open().await, Err(LogError::Behind { held: 2, size: 0, .. })));
    }
}

#[tokio::test]
async fn a_log_that_lost_rows_under_a_running_writer_is_not_written_again() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        log.commit(row(Kind::Released, None), None, Vec::new()).await.unwrap();
        fixture.tamper("DELETE FROM audit_row; DELETE FROM log_head").await;
        for _ in 0..3 {
            let lost = log.commit(row(Kind::Released, None), None, Vec::new()).await;
            assert_eq!(lost, Err(NotCommitted::Unavailable));
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        assert!(!log.healthy());
        log.close().await;
    }
}

#[tokio::test]
async fn a_writer_that_ended_without_closing_leaves_a_log_that_the_next_one_goes_on_with() {
    for fixture in Fixture::both().await {
        let (store, next) = (fixture.open().await, fixture.open().await);
        let log = start(&store, "node-1").await;
        log.commit(row(Kind::Released, None), None, Vec::new()).await.unwrap();
        drop(log);
        let receipt = async {
            for _ in 0..100 {
                if let Ok(log) = AuditLog::start(next.log(log_id("node-1")), options()).await {
                    return log.commit(row(Kind::Released, None), None, Vec::new()).await;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            panic!("the log is still taken");
        };
        assert_eq!(receipt.await.map(|r: Receipt| r.index()), Ok(1));
        assert!(holds(&store).await);
    }
}

// What only several connections to one server can show.

async fn connect(fixture: &Fixture) -> PgConnection {
    let DatabaseUrl::Postgres(options) = &fixture.url else { unreachable!() };
    let options: &PgConnectOptions = options;
    options.connect().await.unwrap()
}

async fn say(connection: &mut PgConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(connection).await.unwrap();
}

#[tokio::test]
async fn a_release_waits_for_an_objection_under_way_and_then_does_not_commit() {
    let fixture = Fixture::postgres().await;
    let store = fixture.open().await;
    let log = start(&store, "node-1").await;
    for key in ["-1".to_owned(), patient(1).value().to_string()] {
        let before = guard(&store, patient(1)).await;
        let mut other = connect(&fixture).await;
        say(&mut other, "BEGIN").await;
        // plain SQL, not the gateway's own: the trigger must take the lock
        let raise = format!("INSERT INTO epoch VALUES ({key}, 1)");
        sqlx::raw_sql(sqlx::AssertSqlSafe(raise)).execute(&mut other).await.unwrap();
        let mut release = Box::pin(log.commit(row(Kind::Released, Some(patient(1))), Some(before), Vec::new()));
        assert!(timeout(Duration::from_millis(300), &mut release).await.is_err(), "it waits");
        say(&mut other, "COMMIT").await;
        assert_eq!(release.await, Err(NotCommitted::Stale));
    }
    assert_eq!(size(&store, "node-1").await, 0);
}

#[tokio::test]
async fn an_objection_waits_for_a_release_under_way_and_is_not_acknowledged_before_it() {
    let fixture = Fixture::postgres().await;
    let store = fixture.open().await;
    let mut release = connect(&fixture).await;
    say(&mut release, "BEGIN; SELECT epochs_moved('{-1}', '{0}')").await;
    let standing = store.standing();
    let mut suspend = Box::pin(standing.suspend(ods("RZ901"), "hostile"));
    assert!(timeout(Duration::from_millis(300), &mut suspend).await.is_err(), "it waits");
    say(&mut release, "COMMIT").await;
    assert_eq!(suspend.await, Ok(()));
}

#[tokio::test]
async fn a_stream_of_releases_on_two_nodes_starves_neither_a_suspension_nor_an_objection() {
    let fixture = Fixture::postgres().await;
    let (store, other) = (fixture.open().await, fixture.open().await);
    let logs = [start(&store, "node-1").await, start(&other, "node-2").await];
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let committers: Vec<_> = (0..64)
        .map(|i| {
            let (log, store, stop) = (logs[i % 2].clone(), store.clone(), stop.clone());
            tokio::spawn(async move {
                let mut guard = guard(&store, patient(1)).await;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let outcome = log.commit(row(Kind::Released, Some(patient(1))), Some(guard), Vec::new()).await;
                    match outcome {
                        Ok(_) => {}
                        Err(NotCommitted::Stale) => guard = super::guard(&store, patient(1)).await,
                        Err(NotCommitted::Unavailable) => panic!("a release failed"),
                    }
                }
            })
        })
        .collect();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let before = guard(&store, patient(1)).await;
        let started = Instant::now();
        store.standing().suspend(ods("RZ901"), "hostile").await.unwrap();
        store.standing().quarantine(ods("RZ902"), patient(1), "other patient").await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        for log in &logs {
            let late = log.commit(row(Kind::Released, Some(patient(1))), Some(before), Vec::new()).await;
            assert_eq!(late, Err(NotCommitted::Stale));
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for committer in committers {
        committer.await.unwrap();
    }
    assert!(holds(&store).await);
}

#[tokio::test]
async fn a_writer_whose_connection_is_cut_takes_the_log_again_and_loses_nothing_it_answered() {
    let fixture = Fixture::postgres().await;
    let store = fixture.open().await;
    let log = start(&store, "node-1").await;
    let mut admin = connect(&fixture).await;
    let mut committed = Vec::new();
    for round in 0..3 {
        let rows: Vec<Row> = (0..20).map(|_| row(Kind::Released, None)).collect();
        let commits = join_all(rows.iter().map(|row| log.commit(row.clone(), None, Vec::new())));
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1667331685 \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let (outcomes, ()) = tokio::join!(commits, say(&mut admin, cut));
        committed.extend(rows.iter().zip(outcomes).filter(|(_, o)| o.is_ok()).map(|(row, _)| row.request_id));
        let recovered = async {
            while log.commit(row(Kind::Intent, None), None, Vec::new()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(10), recovered).await.unwrap_or_else(|_| panic!("round {round}: not recovered"));
        assert!(log.healthy());
    }
    for request in committed {
        assert_eq!(store.log_reader().request_rows(request).await.unwrap().len(), 1);
    }
    assert!(holds(&store).await);
}

#[tokio::test]
async fn while_the_database_is_down_rows_are_refused_at_once_and_when_it_is_back_the_log_goes_on() {
    let server = Postgres::start(&[]);
    let fixture =
        Fixture { url: DatabaseUrl::parse(&server.database().await).unwrap(), directory: tempfile::tempdir().unwrap() };
    let store = fixture.open().await;
    let log = start(&store, "node-1").await;
    let kept = row(Kind::Released, Some(patient(1)));
    log.commit(kept.clone(), None, Vec::new()).await.unwrap();
    server.down();
    let started = Instant::now();
    for _ in 0..20 {
        let refused = log.commit(row(Kind::Released, None), None, Vec::new()).await;
        assert_eq!(refused, Err(NotCommitted::Unavailable));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!log.healthy());
    let abandoned = row(Kind::Failed, Some(patient(1)));
    log.abandon(abandoned.clone());
    tokio::task::spawn_blocking(move || {
        server.up();
        server
    })
    .await
    .map(|server| async move {
        timeout(Duration::from_secs(15), async {
            while !log.healthy() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("it recovers by itself");
        log.commit(row(Kind::Released, None), None, Vec::new()).await.unwrap();
        for row in [kept, abandoned] {
            assert_eq!(store.log_reader().request_rows(row.request_id).await.unwrap()[0].row().unwrap(), Some(row));
        }
        assert!(holds(&store).await);
        drop(server);
    })
    .unwrap()
    .await;
}

#[tokio::test]
async fn more_than_may_wait_are_refused_at_once_rather_than_late() {
    let fixture = Fixture::postgres().await;
    let store = fixture.open().await;
    let options = LogOptions { queue: 3, ..options() };
    let log = AuditLog::start(store.log(log_id("node-1")), options).await.unwrap();
    let before = guard(&store, patient(1)).await;
    let mut blocker = connect(&fixture).await;
    say(&mut blocker, "BEGIN; SELECT pg_advisory_xact_lock(-1)").await;
    let commits = join_all((0..5).map(|_| log.commit(row(Kind::Released, Some(patient(1))), Some(before), Vec::new())));
    let unblock = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        say(&mut blocker, "COMMIT").await;
    };
    let (outcomes, ()) = tokio::join!(commits, unblock);
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 3);
    assert_eq!(outcomes.iter().filter(|o| **o == Err(NotCommitted::Unavailable)).count(), 2);
}
