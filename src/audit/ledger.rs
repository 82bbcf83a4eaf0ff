//! What the log holds of each organisation, told by organisation: what left it, what it said of whom it cares for, and what it took back. The
//! log is kept by request and by patient; this is drawn from it a moment after, each row once whichever node draws it, and holds nothing that
//! the log does not: a row erased there is erased here.

use super::{Kind, LogId, Place, Row};
use crate::domain::{OdsCode, StoreError, Timestamp};
use async_trait::async_trait;
use std::{collections::BTreeMap, ops::Range};

/// What is listed of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// Each release in which something of its records was shown.
    Disclosures,
    /// What its systems said of whom it cares for, taken or refused.
    Relationships,
    /// What it took back, or tried to.
    Recalls,
}

impl List {
    /// As it is stored, for ever.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disclosures => "disclosure",
            Self::Relationships => "relationship",
            Self::Recalls => "recall",
        }
    }
}

/// One row of the log, as an organisation's list counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub list: List,
    pub organisation: OdsCode,
    pub at: Timestamp,
    pub index: u64,
    /// What sums are told apart by: of a disclosure whose people were shown it (nothing where it was the patient), of what was sent
    /// [`TAKEN`] or why it was not.
    pub part: String,
    /// How many of the source's items were shown.
    pub items: u64,
}

/// What became of something that was sent, where it came into force.
pub const TAKEN: &str = "taken";

/// The rows of one day and one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayTotal {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    pub part: String,
    pub times: u64,
    pub items: u64,
}

impl DayTotal {
    /// Of a disclosure whose people were shown it; none where it was the patient.
    pub fn to(&self) -> Option<OdsCode> {
        OdsCode::parse(&self.part).ok()
    }
}

/// Which of an organisation's rows, newest first.
#[derive(Clone, Debug)]
pub struct LedgerPage {
    pub list: List,
    pub organisation: OdsCode,
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
    async fn enter(&self, log: &LogId, rows: Range<u64>, lines: &[Line]) -> Result<bool, StoreError>;
    async fn places(&self, page: &LedgerPage) -> Result<Vec<Place>, StoreError>;
    /// Of each day of these, part by part.
    async fn totals(&self, list: List, organisation: OdsCode, days: Range<i64>) -> Result<Vec<DayTotal>, StoreError>;
}

/// What a row of the log is to the lists of organisations.
pub fn lines(row: &Row, index: u64) -> Vec<Line> {
    match (row.kind, sent(row)) {
        (Kind::Intent, _) => Vec::new(),
        (_, Some(line)) => vec![Line { index, ..line }],
        (Kind::Released, None) => disclosed(row, index),
        (Kind::Refused | Kind::Failed, None) => Vec::new(),
    }
}

/// What was shown, source by source.
fn disclosed(row: &Row, index: u64) -> Vec<Line> {
    let mut items: BTreeMap<OdsCode, u64> = BTreeMap::new();
    for line in row.lines().filter(|line| !line.released.is_empty()) {
        *items.entry(line.source).or_default() += line.released.count();
    }
    let to = row.who.as_ref().and_then(|who| who.organisation);
    let part = to.as_ref().map_or("", OdsCode::as_str);
    let line = |(organisation, items)| {
        let (list, part) = (List::Disclosures, part.to_owned());
        Line { list, organisation, at: row.at, index, part, items }
    };
    items.into_iter().map(line).collect()
}

/// What an organisation's system, or its people, said of a patient.
fn sent(row: &Row) -> Option<Line> {
    let operation = row.request.split('?').next().unwrap_or_default();
    let list = match (row.interaction.as_str(), operation) {
        ("operation", "Patient/$assert-relationship" | "Patient/$end-relationship") => List::Relationships,
        ("operation", "Patient/$recall") => List::Recalls,
        _ => return None,
    };
    let organisation = row.who.as_ref()?.organisation?;
    Some(Line { list, organisation, at: row.at, index: 0, part: became(row).to_owned(), items: 0 })
}

/// What became of something that was sent: [`TAKEN`], or why not.
pub fn became(row: &Row) -> &str {
    if row.kind == Kind::Released { TAKEN } else { row.reason.as_deref().unwrap_or_default() }
}

const DAY: i64 = 86_400_000_000;

/// The day that a moment is of.
pub fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY)
}

/// When a day begins.
pub fn begins(day: i64) -> Timestamp {
    Timestamp(day.saturating_mul(DAY))
}
