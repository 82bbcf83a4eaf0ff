use super::{
    AnswerId, Items, LogId, Row,
    merkle::{Frontier, Hash},
};
use crate::domain::{NhsNumber, OdsCode, RequestId, StoreError, Timestamp};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The logs as anyone but their writers reads them: the patient's access log, the privacy office, the verifier. Each call
/// answers at most `limit` rows; memory stays bounded by paging on.
#[async_trait]
pub trait LogReader: Send + Sync {
    /// Every log of which there is a row, a head or a checkpoint.
    async fn logs(&self) -> Result<Vec<LogId>, StoreError>;
    async fn head(&self, log: &LogId) -> Result<Option<StoredHead>, StoreError>;
    /// Rows from index `from` on, in order.
    async fn rows(&self, log: &LogId, from: u64, limit: u32) -> Result<Vec<StoredRow>, StoreError>;
    /// How many rows stand outside 0 to the head's size, seen at one moment with the head.
    async fn rows_outside(&self, log: &LogId) -> Result<u64, StoreError>;
    /// The log's checkpoints larger than `beyond`, smallest first.
    async fn checkpoints(&self, log: &LogId, beyond: u64, limit: u32) -> Result<Vec<StoredCheckpoint>, StoreError>;

    /// Closing rows of one patient, newest first, of all logs. Intents are left out.
    async fn patient_rows(&self, wanted: &PatientRows) -> Result<Vec<StoredRow>, StoreError>;
    /// Every row of one request, oldest first.
    async fn request_rows(&self, request: RequestId) -> Result<Vec<StoredRow>, StoreError>;

    async fn items(&self, answer: &AnswerId) -> Result<Option<Items>, StoreError>;
    /// Item lists after `after` in the order of their ids: all, or one source's, or one source's of one patient.
    async fn item_lists(
        &self,
        of: Option<(OdsCode, Option<NhsNumber>)>,
        after: Option<&AnswerId>,
        limit: u32,
    ) -> Result<Vec<Items>, StoreError>;
    /// Those of the given ids that no item list has.
    async fn missing_items(&self, answers: &[AnswerId]) -> Result<Vec<AnswerId>, StoreError>;
}

/// Which of a patient's rows.
#[derive(Clone, Debug)]
pub struct PatientRows {
    pub patient: NhsNumber,
    pub during: Range<Timestamp>,
    /// Only rows before this one: the last of the page before.
    pub before: Option<Place>,
    pub limit: u32,
}

/// Where a row stands among a patient's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub at: Timestamp,
    pub log: LogId,
    pub index: u64,
}

/// A row as stored, unproven. An erased row keeps its leaf alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    pub log: LogId,
    pub index: u64,
    pub leaf: Vec<u8>,
    pub kept: Option<Kept>,
}

/// What a row holds until it is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub nonce: Vec<u8>,
    pub body: Vec<u8>,
    pub kind: i16,
    pub at: i64,
    pub patient: Option<i64>,
    pub request_id: Vec<u8>,
}

impl StoredRow {
    /// The row's content; `None` once it is erased.
    pub fn row(&self) -> Result<Option<Row>, StoreError> {
        self.kept.as_ref().map(|kept| serde_json::from_slice(&kept.body)).transpose().map_err(|_| StoreError::Corrupt)
    }

    pub fn place(&self) -> Option<Place> {
        let at = Timestamp(self.kept.as_ref()?.at);
        Some(Place { at, log: self.log.clone(), index: self.index })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHead {
    pub size: u64,
    pub peaks: Vec<u8>,
    pub root: Vec<u8>,
}

impl StoredHead {
    /// `None` if size, subtree roots and root do not belong together.
    pub fn frontier(&self) -> Option<Frontier> {
        let frontier = Frontier::from_parts(self.size, &self.peaks)?;
        (Hash::from_slice(&self.root) == Some(frontier.root())).then_some(frontier)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    pub size: u64,
    pub note: String,
}
