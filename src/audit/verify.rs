//! Recomputes the logs from their rows, and says what that proves.
//!
//! Everything streams: rows in index order, checkpoints by size, item lists by id; beside one page of each only the
//! tree's frontier is held, so a log of any length is verified in the same memory. A running gateway does not disturb it.
//!
//! What a database says about itself proves only that nobody changed *part* of it. Whoever could rewrite all of it could
//! make a log that is whole and wrong, but not one that agrees with a checkpoint kept elsewhere, nor sign a new one.

mod marks;
mod rows;

use super::{AnswerId, Checkpoint, Fault, LogId, LogReader, Report, StoredHead, VerifierKey, Where, merkle::Frontier};
use crate::domain::StoreError;
use marks::Marks;
use std::time::{Duration, Instant};

const PAGE: u32 = 1000;

/// What the verifier is given from outside the database.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    pub keys: Vec<VerifierKey>,
    /// Checkpoints that were kept elsewhere.
    pub held: Vec<Checkpoint>,
}

/// Verifies every log and every item list.
///
/// # Errors
/// `Unavailable` if the database could not be read to the end: then nothing is said about it.
pub async fn verify(reader: &dyn LogReader, outside: &Outside) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let logs = reader.logs().await?;
    for held in &outside.held {
        match held.log() {
            Some(log) if logs.contains(&log) || held.size == 0 => {}
            Some(log) => report.faults.push(Fault {
                what: format!("a checkpoint held elsewhere says it has {} rows, but there is no such log", held.size),
                place: Where::Log(log),
            }),
            None => report.not_proved.push(format!("a checkpoint of {:?} names no log of this kind", held.origin)),
        }
    }
    for log in &logs {
        if let Err(stop) = verify_log(reader, outside, log, &mut report).await {
            report.faults.push(stop.into_fault()?);
        }
    }
    verify_items(reader, &mut report).await?;
    Ok(report)
}

/// Why the verification of a log ends early.
enum Stop {
    Fault(Fault),
    Store(StoreError),
}

impl Stop {
    fn row(log: &LogId, index: u64, what: impl Into<String>) -> Self {
        Self::Fault(Fault { place: Where::Row { log: log.clone(), index }, what: what.into() })
    }

    fn log(log: &LogId, what: impl Into<String>) -> Self {
        Self::Fault(Fault { place: Where::Log(log.clone()), what: what.into() })
    }

    fn into_fault(self) -> Result<Fault, StoreError> {
        match self {
            Self::Fault(fault) => Ok(fault),
            Self::Store(error) => Err(error),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn verify_log(reader: &dyn LogReader, outside: &Outside, log: &LogId, report: &mut Report) -> Result<(), Stop> {
    let Some(head) = reader.head(log).await? else {
        return Err(Stop::log(log, "there are rows or checkpoints, but its head has been removed"));
    };
    let mut marks = Marks::new(reader, outside, log);
    let mut tree = Frontier::default();
    let mut erased = 0;
    let mut said = Instant::now();
    while tree.size() < head.size {
        let page = rows::read(reader, log, tree.size(), head.size).await?;
        erased += page.iter().filter(|row| row.kept.is_none()).count();
        for row in &page {
            tree.push(rows::leaf(log, row)?);
            marks.check(&tree).await?;
        }
        rows::check_answers(reader, log, &page).await?;
        if said.elapsed() > Duration::from_secs(5) {
            said = Instant::now();
            tracing::info!(log.id = %log, rows.verified = tree.size(), rows.total = head.size, "verifying the audit log");
        }
    }
    let outside_head = reader.rows_outside(log).await?;
    if outside_head > 0 {
        return Err(Stop::log(log, format!("its head leaves out {outside_head} rows that are there")));
    }
    check_head(log, &head, &tree, marks.good())?;
    marks.check_beyond(head.size).await?;

    let size = head.size;
    report.proved.push(format!(
        "log {log}: all {size} rows are there, in order, and as the head was computed over them (root {})",
        tree.root()
    ));
    if erased > 0 {
        report.not_proved.push(format!(
            "log {log}: {erased} rows were erased: that they stood there is proved, what they said is gone"
        ));
    }
    marks.say(size, report);
    Ok(())
}

fn check_head(log: &LogId, head: &StoredHead, tree: &Frontier, good: u64) -> Result<(), Stop> {
    match head.frontier() {
        None => Err(Stop::log(log, "its head does not fit its own root")),
        Some(stored) if stored == *tree => Ok(()),
        Some(_) => {
            let place = Where::Rows { log: log.clone(), first: good, last: head.size.saturating_sub(1) };
            let what = "changed together with its leaf, or the head was: the log's root is another".to_owned();
            Err(Stop::Fault(Fault { place, what }))
        }
    }
}

/// Each item list against its id. Which lists a row names was checked with the rows.
async fn verify_items(reader: &dyn LogReader, report: &mut Report) -> Result<(), StoreError> {
    let mut after: Option<AnswerId> = None;
    let mut count = 0_u64;
    loop {
        let page = reader.item_lists(None, after.as_ref(), PAGE / 10).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for items in &page {
            count += 1;
            if !items.is_whole() {
                let what = "its text, source or patient was changed".to_owned();
                report.faults.push(Fault { place: Where::Items(items.id.clone()), what });
                return Ok(());
            }
        }
    }
    report.proved.push(format!("{count} item lists are what the rows named, and none that a row names is missing"));
    Ok(())
}
