use super::{Decided, Entry};
use crate::{
    access::{Listed, Recorder, Stages},
    domain::{OdsCode, StoreError, Timestamp},
};
use async_trait::async_trait;

/// What the registry asks of the database. Whatever changes what is in force raises the global epoch in its own transaction, so that
/// nothing decided before is released after it.
#[async_trait]
pub trait DirectoryStore: Send + Sync {
    /// The newest version, in force or not.
    async fn latest(&self, listed: Listed, ods: OdsCode) -> Result<Option<Entry>, StoreError>;
    async fn in_force(&self, listed: Listed, ods: OdsCode) -> Result<Option<Entry>, StoreError>;
    /// The versions, the newest first; of very many the last thousand.
    async fn versions(&self, listed: Listed, ods: OdsCode) -> Result<Vec<Entry>, StoreError>;
    /// The newest versions of many, by ODS code.
    async fn list(&self, page: &ListingPage) -> Result<Vec<Entry>, StoreError>;
    /// What waits for an operator, by ODS code.
    async fn waiting(&self, listed: Listed, limit: u32) -> Result<Vec<Entry>, StoreError>;
    /// Everything in force: what a node's registry is made from.
    async fn all_in_force(&self) -> Result<Vec<Entry>, StoreError>;
    /// Stores a version that is proposed, or in force at once and in place of the one before. A proposal that nobody decided on is
    /// replaced by the next version. `Conflict` unless `entry.version - 1` is the newest, and `in_force` the version in force, which
    /// it was compared with: else what needs approval could come into force by a comparison with what no longer is. Of an endpoint that
    /// comes into force the stages follow, as [`Endpoint::restaged`](super::Endpoint::restaged) says, in the same transaction.
    async fn write(&self, entry: &Entry, in_force: Option<i64>) -> Result<(), StoreError>;
    /// A proposal comes into force, in place of the one before, or is refused. `Conflict` unless it is the newest, and still proposed.
    /// Stages follow as above: `is_probed` where this very version has passed a probe lately.
    async fn decide(
        &self,
        listed: Listed,
        ods: OdsCode,
        version: i64,
        is_let_in: bool,
        decided: &Decided,
        is_probed: bool,
    ) -> Result<(), StoreError>;

    /// `None` where nobody ever set one: then it is `Registered`.
    async fn stages(&self, ods: OdsCode) -> Result<Option<Staged>, StoreError>;
    /// Every change, the newest first.
    async fn stage_history(&self, ods: OdsCode) -> Result<Vec<Staged>, StoreError>;
    /// `Conflict` unless this version of the endpoint is in force, and `before` is what stands: what was probed is what goes further.
    async fn set_stages(
        &self,
        ods: OdsCode,
        version: i64,
        before: Option<&Stages>,
        staged: &Staged,
    ) -> Result<(), StoreError>;
}

/// The stages of an endpoint, with who set them and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    pub stages: Stages,
    pub reason: String,
    pub by: Recorder,
    pub at: Timestamp,
}

/// One page of a listing.
#[derive(Clone, Debug)]
pub struct ListingPage {
    pub listed: Listed,
    /// Only of this organisation.
    pub of: Option<OdsCode>,
    /// Only after this one: the last of the page before.
    pub after: Option<OdsCode>,
    pub limit: u32,
}
