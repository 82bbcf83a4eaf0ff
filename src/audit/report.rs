use super::{AnswerId, LogId};
use std::fmt;

/// What a verification found. `Display` is meant for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The first of each log; later ones may only follow from it.
    pub faults: Vec<Fault>,
    pub proved: Vec<String>,
    pub not_proved: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub place: Where,
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    Row {
        log: LogId,
        index: u64,
    },
    /// One of these rows, but no telling which.
    Rows {
        log: LogId,
        first: u64,
        last: u64,
    },
    Log(LogId),
    Items(AnswerId),
}

impl Report {
    pub fn ok(&self) -> bool {
        self.faults.is_empty()
    }

    pub fn first_bad(&self) -> Option<&Fault> {
        self.faults.first()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first_bad() {
            None => writeln!(f, "The audit log holds.")?,
            Some(first) => writeln!(f, "THE AUDIT LOG WAS CHANGED. First bad place: {first}")?,
        }
        let faults: Vec<String> = self.faults.iter().skip(1).map(Fault::to_string).collect();
        section(f, "Also bad:", &faults)?;
        section(f, "Proved:", &self.proved)?;
        section(f, "Not proved:", &self.not_proved)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    if !lines.is_empty() {
        writeln!(f, "{title}")?;
    }
    lines.iter().try_for_each(|line| writeln!(f, "  - {line}"))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { log, index } => write!(f, "log {log}, row {index}"),
            Self::Rows { log, first, last } => write!(f, "log {log}, one of rows {first} to {last}"),
            Self::Log(log) => write!(f, "log {log}"),
            Self::Items(answer) => write!(f, "item list {}", answer.0),
        }
    }
}
