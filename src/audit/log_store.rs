use super::{
    AnswerId, Guard, Items, Kind, LogId, Row,
    merkle::{Frontier, Hash, row_hash},
};
use crate::domain::{NhsNumber, RequestId, StoreError, Timestamp};
use async_trait::async_trait;
use aws_lc_rs::rand;
use bytes::Bytes;

/// One log as its one writer needs it from a database.
///
/// It promises that at most one process has the log claimed; that a row commits only while its guard stands, on whatever
/// node an epoch is raised; that a batch and the head it leads to commit together or not at all; and that what has
/// committed is on disk.
#[async_trait]
pub trait LogStore: Send {
    fn log(&self) -> &LogId;

    /// Takes the log for this process, or makes sure that it still has it, and reads its head. After an error from any
    /// other call this must come first: only then is it known whether the last batch was written.
    async fn claim(&mut self) -> Result<Frontier, ClaimError>;

    /// Writes, in one transaction, what `seal` makes of which guards stand (`true` for a row without one). `seal` may be
    /// asked more than once; what it said last is what was written.
    async fn commit(&mut self, guards: &[Option<Guard>], seal: &mut dyn Seal) -> Result<(), CommitError>;

    async fn save_checkpoint(&mut self, size: u64, note: &str, at: Timestamp) -> Result<(), StoreError>;
}

/// What to write, once it is known which guards stand: one answer for each guard asked about.
pub trait Seal: Send {
    fn seal(&mut self, stands: &[bool]) -> Batch<'_>;
}

/// Rows to append after `size` others, and the head that leads to. Without rows there is nothing to write.
pub struct Batch<'a> {
    pub size: u64,
    /// Each with its leaf.
    pub rows: Vec<(&'a SealedRow, Hash)>,
    /// Sorted by id: two nodes that store the same ones must not wait for each other crosswise.
    pub items: Vec<&'a Items>,
    pub head: &'a Frontier,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("another process writes this log")]
    Taken,
    #[error("the database is unavailable")]
    Unavailable,
    #[error("the stored head cannot be read")]
    Corrupt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The database refused what was in the batch. Nothing was written, and the log is still claimed.
    #[error("the database refused a row")]
    Refused,
    /// It is unknown whether the batch was written: claim again.
    #[error("the database is unavailable")]
    Unavailable,
}

/// A row as it is stored: its bytes, and beside them the columns that queries need. The verifier compares the two.
#[derive(Clone, Debug)]
pub struct SealedRow {
    /// What its leaf will be made of, once it has an index.
    pub(super) hash: Hash,
    pub nonce: [u8; 16],
    pub body: Bytes,
    pub kind: Kind,
    pub at: Timestamp,
    pub patient: Option<NhsNumber>,
    pub request_id: RequestId,
}

impl SealedRow {
    /// `None` if there is no randomness or no JSON to be had; neither is known to happen.
    pub(super) fn new(row: &Row) -> Option<Self> {
        let body = Bytes::from(serde_json::to_vec(row).ok()?);
        let mut nonce = [0; 16];
        rand::fill(&mut nonce).ok()?;
        let hash = row_hash(&nonce, &body);
        let Row { kind, at, patient, request_id, .. } = *row;
        Some(Self { hash, nonce, body, kind, at, patient, request_id })
    }
}

/// Answer ids this writer has stored lately and need not send again. Forgotten all at once, when there are many or after
/// some minutes, so that a list which was erased is soon stored again when it is shown again.
#[derive(Debug, Default)]
pub(super) struct StoredLately {
    ids: std::collections::HashSet<AnswerId>,
    since: Option<std::time::Instant>,
}

impl StoredLately {
    const MOST: usize = 50_000;
    const LONGEST: std::time::Duration = std::time::Duration::from_secs(300);

    pub(super) fn contains(&self, id: &AnswerId) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn add(&mut self, ids: impl IntoIterator<Item = AnswerId>) {
        if self.ids.len() > Self::MOST || self.since.is_some_and(|since| since.elapsed() > Self::LONGEST) {
            self.forget();
        }
        self.since.get_or_insert_with(std::time::Instant::now);
        self.ids.extend(ids);
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
