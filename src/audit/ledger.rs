//! What left each source, told by source: the disclosure ledger. The log is kept by request and by patient; this is drawn from it a
//! moment after, each row once whichever node draws it, and holds nothing that the log does not: a row erased there is erased here.

use super::{Kind, LogId, Place, Row};
use crate::domain::{OdsCode, StoreError, Timestamp};
use async_trait::async_trait;
use serde::Serialize;
use std::{collections::BTreeMap, ops::Range};

/// One release, as one source that something was shown of counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosed {
    pub source: OdsCode,
    pub at: Timestamp,
    pub index: u64,
    /// Whose people were shown it; none where it was the patient.
    pub to: Option<OdsCode>,
    /// How many of its items were shown.
    pub items: u64,
}

/// What left a source on one day for one organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayTotal {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    pub to: Option<OdsCode>,
    pub releases: u64,
    pub items: u64,
}

/// Which of a source's releases, newest first.
#[derive(Clone, Debug)]
pub struct LedgerPage {
    pub source: OdsCode,
    pub during: Range<Timestamp>,
    /// Only those before this one: the last of the page before.
    pub before: Option<Place>,
    pub limit: u32,
}

#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// How many rows of this log have been drawn.
    async fn drawn(&self, log: &LogId) -> Result<u64, StoreError>;
    /// Enters what was drawn of the rows `rows`, once: `false` where another node has drawn them.
    async fn enter(&self, log: &LogId, rows: Range<u64>, disclosed: &[Disclosed]) -> Result<bool, StoreError>;
    async fn disclosures(&self, page: &LedgerPage) -> Result<Vec<Place>, StoreError>;
    /// Of each day of these, `to` by `to`.
    async fn totals(&self, source: OdsCode, days: Range<i64>) -> Result<Vec<DayTotal>, StoreError>;
}

/// What a row of the log says was shown, source by source.
pub fn disclosed(row: &Row, index: u64) -> Vec<Disclosed> {
    if row.kind != Kind::Released {
        return Vec::new();
    }
    let mut items: BTreeMap<OdsCode, u64> = BTreeMap::new();
    for line in row.lines().filter(|line| !line.released.is_empty()) {
        *items.entry(line.source).or_default() += line.released.count();
    }
    let to = row.who.as_ref().and_then(|who| who.organisation);
    items.into_iter().map(|(source, items)| Disclosed { source, at: row.at, index, to, items }).collect()
}

/// The day that a moment is of.
pub fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(86_400_000_000)
}
