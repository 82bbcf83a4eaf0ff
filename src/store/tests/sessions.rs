use super::Fixture;
use crate::{
    domain::{StoreError, Timestamp},
    identity::InUse,
};
use std::time::Duration;

const ID: [u8; 32] = [7; 32];

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000).plus(Duration::from_secs(seconds))
}

/// Asked at this second, by somebody who may leave it alone for a hundred.
fn asked(second: u64) -> InUse {
    InUse {
        now: at(second),
        since: at(second).minus(Duration::from_secs(100)),
        noted: at(second).minus(Duration::from_secs(10)),
    }
}

#[tokio::test]
async fn a_session_is_found_while_it_lasts_and_is_used_and_by_no_other_digest() {
    for fixture in Fixture::both().await {
        let (store, other) = (fixture.open().await.sessions(), fixture.open().await.sessions());
        store.begin(&ID, "whose", at(0), at(250)).await.unwrap();
        let found = async |second| other.in_use(&ID, &asked(second)).await.unwrap();
        assert_eq!(store.in_use(&[8; 32], &asked(1)).await.unwrap(), None);
        assert_eq!(found(99).await.as_deref(), Some("whose"));
        // that use was noted, so that it is not left alone now; one soon after need not be
        assert_eq!(found(198).await.as_deref(), Some("whose"));
        assert_eq!(found(199).await.as_deref(), Some("whose"));
        assert_eq!(fixture.count("SELECT used FROM page_session").await, at(198).0);
        // a node whose clock is behind takes nothing back
        assert_eq!(found(150).await.as_deref(), Some("whose"));
        assert_eq!(fixture.count("SELECT used FROM page_session").await, at(198).0);
        assert_eq!(found(250).await, None, "it has ended");
        assert_eq!(found(299).await, None);
        store.begin(&[9; 32], "another", at(0), at(1000)).await.unwrap();
        assert_eq!(store.in_use(&[9; 32], &asked(100)).await.unwrap(), None, "it was left alone");
        assert!(store.begin(&ID, "somebody else", at(0), at(250)).await.is_err(), "nobody takes another's over");
        store.end(&ID).await.unwrap();
        assert_eq!(other.in_use(&ID, &asked(100)).await.unwrap(), None);
        store.end(&ID).await.unwrap();
    }
}

#[tokio::test]
async fn a_ticket_is_used_once_however_many_try() {
    for fixture in Fixture::both().await {
        let (store, other) = (fixture.open().await.sessions(), fixture.open().await.sessions());
        let tries = (0..16).map(|n| if n % 2 == 0 { &store } else { &other }.spend_ticket(&ID, at(60)));
        let outcomes = futures::future::join_all(tries).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::Conflict))), "{outcomes:?}");
    }
}

#[tokio::test]
async fn only_what_is_over_is_forgotten() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await.sessions();
        store.begin(&[1; 32], "ended", at(0), at(10)).await.unwrap();
        store.begin(&[2; 32], "left alone", at(0), at(1000)).await.unwrap();
        store.begin(&[3; 32], "in use", at(50), at(1000)).await.unwrap();
        store.spend_ticket(&[4; 32], at(10)).await.unwrap();
        store.spend_ticket(&[5; 32], at(100)).await.unwrap();
        store.forget(at(10), at(0)).await.unwrap();
        assert_eq!(fixture.count("SELECT count(*) FROM page_session").await, 3, "each is kept until then");
        store.forget(at(11), at(1)).await.unwrap();
        assert_eq!(fixture.count("SELECT count(*) FROM page_session WHERE whose = 'in use'").await, 1);
        assert_eq!(fixture.count("SELECT count(*) FROM page_session").await, 1);
        assert_eq!(fixture.count("SELECT count(*) FROM sign_in_ticket").await, 1);
    }
}
