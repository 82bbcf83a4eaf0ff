use crate::domain::{OdsCode, StoreError, Timestamp};
use async_trait::async_trait;

/// What probes found, as far as an endpoint's stage rests on it.
#[async_trait]
pub trait Probes: Send + Sync {
    /// Whether this very version of the endpoint's entry passed a probe that began no earlier than `since`.
    async fn passed_since(&self, ods: OdsCode, version: i64, since: Timestamp) -> Result<bool, StoreError>;
}
