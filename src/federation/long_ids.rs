use super::Failure;
use crate::domain::{LongId, SealedEntry, StoreError};
use async_trait::async_trait;
use moka::future::Cache as Moka;
use std::{collections::HashSet, sync::Arc, time::Duration};

/// Source ids too long to be sealed in an id of ours: kept as rows, so that every node can read an id any node gave out.
#[async_trait]
pub trait LongIds: Send + Sync {
    /// Returns once they are stored; before that an entry that bears one must not go out.
    async fn remember(&self, ids: &[LongId]) -> Result<(), StoreError>;
    async fn find(&self, digest: &str) -> Result<Option<SealedEntry>, StoreError>;
}

/// Of one answer. Its entries are fewer, and each leads to a few others.
const MOST: usize = 50_000;
/// In one transaction: what is stored when a deadline passes need not be stored again.
const AT_ONCE: usize = 1000;
/// Digests that a node remembers to be stored, and how long.
const REMEMBERED: u64 = 100_000;
const LIFETIME: Duration = Duration::from_secs(3600);

/// Stores what is not stored yet, as far as this node knows.
pub(super) struct StoredIds {
    rows: Arc<dyn LongIds>,
    stored: Moka<String, ()>,
}

impl StoredIds {
    pub fn new(rows: Arc<dyn LongIds>) -> Self {
        Self { rows, stored: Moka::builder().max_capacity(REMEMBERED).time_to_live(LIFETIME).build() }
    }

    /// An id whose row is not stored would lead nowhere.
    pub async fn store(&self, ids: HashSet<LongId>) -> Result<(), Failure> {
        if ids.len() > MOST {
            return Err(Failure::TooLarge);
        }
        let new: Vec<LongId> = ids.into_iter().filter(|id| !self.stored.contains_key(&id.digest)).collect();
        for some in new.chunks(AT_ONCE) {
            self.rows.remember(some).await.map_err(|_| Failure::Internal)?;
            for id in some {
                self.stored.insert(id.digest.clone(), ()).await;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::testing::{ids, patient, provider};
    use std::sync::Mutex;

    /// How many rows each transaction was given; the third fails.
    #[derive(Default)]
    struct Counting(Mutex<Vec<usize>>);

    #[async_trait]
    impl LongIds for Counting {
        async fn remember(&self, ids: &[LongId]) -> Result<(), StoreError> {
            let mut given = self.0.lock().unwrap();
            given.push(ids.len());
            if given.len() == 3 { Err(StoreError::Unavailable) } else { Ok(()) }
        }

        async fn find(&self, _: &str) -> Result<Option<SealedEntry>, StoreError> {
            Ok(None)
        }
    }

    fn long(count: usize) -> HashSet<LongId> {
        let id = |n| ids().entry(provider("RZ901").ods, patient(), &format!("{n:0>64}")).1;
        (0..count).filter_map(id).collect()
    }

    #[tokio::test]
    async fn each_id_is_stored_once_and_what_was_stored_before_a_fault_is_not_stored_again() {
        let rows = Arc::new(Counting::default());
        let stored = StoredIds::new(Arc::clone(&rows) as Arc<dyn LongIds>);
        assert_eq!(stored.store(long(2500)).await, Err(Failure::Internal));
        assert_eq!(stored.store(long(2500)).await, Ok(()));
        assert_eq!(stored.store(long(2501)).await, Ok(()));
        assert_eq!(*rows.0.lock().unwrap(), [1000, 1000, 500, 500, 1]);
        assert_eq!(stored.store(long(MOST + 1)).await, Err(Failure::TooLarge));
        assert_eq!(rows.0.lock().unwrap().len(), 5, "of too many none is stored");
    }
}
