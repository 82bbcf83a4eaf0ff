use crate::domain::{LongId, SealedEntry, StoreError};
use async_trait::async_trait;

/// Source ids too long to be sealed in an id of ours: kept as rows, so that every node can read an id any node gave out.
#[async_trait]
pub trait LongIds: Send + Sync {
    /// Returns once they are stored; before that an entry that bears one must not go out.
    async fn remember(&self, ids: &[LongId]) -> Result<(), StoreError>;
    async fn find(&self, digest: &str) -> Result<Option<SealedEntry>, StoreError>;
}
