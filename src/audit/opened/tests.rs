use super::*;
use crate::{
    audit::{Batch, ClaimError, CommitError, Frontier, LogId, LogOptions, LogStore, Seal, Signer},
    domain::StoreError,
    identity::{Purpose, Scopes},
};
use async_trait::async_trait;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::Semaphore, time::timeout};

/// A database whose commits end when they are let, and whose guards stand as long as it is told.
struct Slow {
    log: LogId,
    turns: Arc<Semaphore>,
    rows: Arc<Mutex<Vec<Kind>>>,
    head: Frontier,
    refuses_once: Arc<Mutex<bool>>,
}

#[async_trait]
impl LogStore for Slow {
    fn log(&self) -> &LogId {
        &self.log
    }

    async fn claim(&mut self) -> Result<Frontier, ClaimError> {
        Ok(self.head.clone())
    }

    async fn commit(&mut self, guards: &[Option<Guard>], seal: &mut dyn Seal) -> Result<(), CommitError> {
        self.turns.acquire().await.map_err(|_| CommitError::Unavailable)?.forget();
        if std::mem::take(&mut *self.refuses_once.lock().unwrap()) {
            return Err(CommitError::Refused);
        }
        // whatever was permitted has been overtaken
        let stands: Vec<bool> = guards.iter().map(Option::is_none).collect();
        let Batch { rows, head, .. } = seal.seal(&stands);
        self.rows.lock().unwrap().extend(rows.iter().map(|(row, _)| row.kind));
        self.head = head.clone();
        Ok(())
    }

    async fn save_checkpoint(&mut self, _: u64, _: &str, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

struct World {
    opened: Opened,
    turns: Arc<Semaphore>,
    rows: Arc<Mutex<Vec<Kind>>>,
    refuses_once: Arc<Mutex<bool>>,
}

async fn world(turns: usize) -> World {
    let (turns, rows, refuses_once) = (Arc::new(Semaphore::new(turns)), Arc::default(), Arc::default());
    let store = Slow {
        log: LogId::parse("node-1").unwrap(),
        turns: Arc::clone(&turns),
        rows: Arc::clone(&rows),
        head: Frontier::default(),
        refuses_once: Arc::clone(&refuses_once),
    };
    let options = LogOptions::new(Signer::new("caregate.example/audit", &[1; 32]).unwrap());
    let log = AuditLog::start(Box::new(store), options).await.unwrap();
    let requester = Requester {
        issuer: "https://identity.example".to_owned(),
        subject: "someone".to_owned(),
        party: Party::Patient { nhs_number: NhsNumber::parse("9990000018").unwrap() },
        given_by: "https://gateway.example".into(),
        client_id: "client".to_owned(),
        token_id: "token".to_owned(),
        scopes: Scopes::default(),
        purpose: Purpose("PATRQT".to_owned()),
        acting: None,
        expires: Timestamp::MAX,
    };
    World { opened: Opened::new(log, &requester, None, RequestId::fresh()), turns, rows, refuses_once }
}

fn body() -> Redacted {
    Redacted::own("{}".to_owned())
}

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_deadline_that_falls_on_a_release_under_way_leaves_one_closing_row() {
    let World { mut opened, turns, rows, .. } = world(0).await;
    assert!(timeout(SHORT, opened.release(body(), 200)).await.is_err());
    turns.add_permits(9);
    opened.fail_anyway(504, "request").await.unwrap();
    let log = opened.log.clone();
    drop(opened);
    log.close().await;
    assert_eq!(*rows.lock().unwrap(), [Kind::Released], "the release over-reports, and nothing else is said");
}

#[tokio::test]
async fn a_release_that_failed_under_the_deadline_is_followed_by_the_row_that_says_so() {
    let World { mut opened, turns, rows, refuses_once } = world(0).await;
    *refuses_once.lock().unwrap() = true;
    assert!(timeout(SHORT, opened.release(body(), 200)).await.is_err());
    turns.add_permits(9);
    opened.fail_anyway(504, "request").await.unwrap();
    let log = opened.log.clone();
    drop(opened);
    log.close().await;
    assert_eq!(*rows.lock().unwrap(), [Kind::Failed]);
}

#[tokio::test]
async fn what_was_written_closes_whatever_its_own_write_has_overtaken() {
    let World { mut opened, rows, refuses_once, .. } = world(9).await;
    let guard = Guard {
        patient: Some(NhsNumber::parse("9990000018").unwrap()),
        epochs: Default::default(),
        valid_until: Timestamp::MAX,
    };
    opened.guard = Some(guard);
    assert!(matches!(opened.release(body(), 200).await, Err(NotCommitted::Stale)));
    opened.guard = Some(guard);
    *refuses_once.lock().unwrap() = true;
    assert!(matches!(opened.wrote(body(), 201).await, Err(NotCommitted::Unavailable)));
    opened.fail(503, "audit-unavailable").await.unwrap();
    assert_eq!(*rows.lock().unwrap(), [Kind::Failed], "never Stale: the story would be told, and written, again");
}

#[tokio::test]
async fn a_request_that_is_dropped_writes_that_it_failed() {
    let World { opened, rows, .. } = world(9).await;
    let log = opened.log.clone();
    drop(opened);
    log.close().await;
    assert_eq!(*rows.lock().unwrap(), [Kind::Failed]);
}
