use crate::domain::{LongId, SealedEntry, StoreError};
use async_trait::async_trait;

/// The rows behind ids that are too long to seal (see `domain::IdSealer`).
#[async_trait]
pub trait LongIds: Send + Sync {
    /// Stores what is not stored yet. An id is handed out only after this.
    async fn remember(&self, ids: &[LongId]) -> Result<(), StoreError>;
    async fn find(&self, digest: &str) -> Result<Option<SealedEntry>, StoreError>;
}
