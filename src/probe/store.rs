use super::{Progress, Report, Verdict};
use crate::{
    access::Recorder,
    domain::{OdsCode, StoreError, Timestamp},
};
use async_trait::async_trait;
use std::time::Duration;
use uuid::Uuid;

/// A probe that says nothing for longer has died with its node: no step of one takes as long.
const SILENT: Duration = Duration::from_secs(300);

/// Which probe of which endpoint, as it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub id: Uuid,
    pub ods: OdsCode,
    /// Of the registry's entry that was probed.
    pub version: i64,
    pub by: Recorder,
    pub at: Timestamp,
}

/// A probe as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub begun: Begun,
    pub done: u32,
    pub total: u32,
    /// When it last said so.
    pub heard: Timestamp,
    pub ended: Option<Ended>,
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub at: Timestamp,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    /// It said nothing for too long: its node has died, and nobody ends it.
    Died,
    Ended,
}

impl Kept {
    pub fn state(&self, now: Timestamp) -> State {
        match self.ended {
            Some(_) => State::Ended,
            None if self.heard < now.minus(SILENT) => State::Died,
            None => State::Running,
        }
    }
}

/// The probes that were made, for all nodes: what one node's probe has come to, any can show.
#[async_trait]
pub trait ProbeStore: Send + Sync {
    /// `Conflict` where there is one of this id.
    async fn begin(&self, begun: &Begun) -> Result<(), StoreError>;
    /// Nothing where it has ended.
    async fn progress(&self, id: Uuid, progress: &Progress, at: Timestamp) -> Result<(), StoreError>;
    /// `Conflict` where it has ended already, or there is none.
    async fn end(&self, id: Uuid, report: &Report, at: Timestamp) -> Result<(), StoreError>;
    /// The one that began last.
    async fn latest(&self, ods: OdsCode) -> Result<Option<Kept>, StoreError>;
    /// One, and its report if it has ended.
    async fn report(&self, id: Uuid) -> Result<Option<(Kept, Option<Report>)>, StoreError>;
    /// The last first.
    async fn history(&self, ods: OdsCode, limit: u32) -> Result<Vec<Kept>, StoreError>;
    /// Whether the last that was made of this version, begun no earlier than `since` and ended by now, passed. One that fails
    /// after one that passed takes that one's place.
    async fn passed_since(&self, ods: OdsCode, version: i64, since: Timestamp) -> Result<bool, StoreError>;
}
