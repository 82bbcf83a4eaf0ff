use crate::domain::{NhsNumber, OdsCode, StoreError};
use async_trait::async_trait;

/// A provider's standing, kept in the database so that every node knows it at once (each write raises an epoch in its own
/// transaction).
#[async_trait]
pub trait StandingStore: Send + Sync {
    /// Nothing of this source is shown any more, to anyone. Raises the global epoch.
    async fn suspend(&self, source: OdsCode, reason: &str) -> Result<(), StoreError>;
    /// Raises the global epoch. Whether it was suspended.
    async fn resume(&self, source: OdsCode) -> Result<bool, StoreError>;
    /// Nothing of this source is shown for this patient any more. Raises the patient's epoch; answers how many distinct
    /// patients this source is now quarantined for.
    async fn quarantine(&self, source: OdsCode, patient: NhsNumber, reason: &str) -> Result<u64, StoreError>;
    /// A person has looked, and the source's data for this patient may be shown again. Raises the patient's epoch; whether
    /// it was quarantined.
    async fn lift_quarantine(&self, source: OdsCode, patient: NhsNumber) -> Result<bool, StoreError>;
}
