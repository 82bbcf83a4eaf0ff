use super::Fixture;
use crate::domain::{StoreError, Timestamp};
use std::time::Duration;

#[tokio::test]
async fn an_assertion_is_spent_once_however_many_try_and_forgotten_only_when_nobody_would_take_it() {
    for fixture in Fixture::both().await {
        let (store, other) = (fixture.open().await.assertions(), fixture.open().await.assertions());
        let until = Timestamp::now().plus(Duration::from_secs(60));
        let tries = (0..16).map(|n| {
            let store = if n % 2 == 0 { &store } else { &other };
            store.spend("client", &[7; 32], until)
        });
        let outcomes = futures::future::join_all(tries).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::Conflict))), "{outcomes:?}");
        // ids are each client's own
        store.spend("another", &[7; 32], until).await.unwrap();
        store.spend("client", &[8; 32], until.plus(Duration::from_secs(1))).await.unwrap();
        store.prune(until).await.unwrap();
        assert_eq!(store.spend("client", &[7; 32], until).await, Err(StoreError::Conflict), "it is kept until then");
        store.prune(Timestamp(until.0 + 1)).await.unwrap();
        assert_eq!(fixture.count("SELECT count(*) FROM client_assertion").await, 1);
        assert_eq!(store.spend("client", &[8; 32], until).await, Err(StoreError::Conflict));
    }
}
