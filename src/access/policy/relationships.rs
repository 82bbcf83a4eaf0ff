use super::{PolicyFault, texts::Texts};
use crate::{
    access::{Basis, Relationship},
    domain::Timestamp,
};
use serde::Deserialize;
use std::{collections::HashMap, time::Duration};

/// The reviewed table of how long a care relationship holds, by its basis, and what becomes of a claim.
pub struct Relationships {
    bases: HashMap<Basis, Span>,
    pub claim: Claim,
}

/// How long before its start and after its end one holds, and how long at most where it has no end. Days.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    basis: Basis,
    before_days: u32,
    after_days: u32,
    longest_days: Option<u32>,
    #[serde(rename = "why")]
    _why: Why,
}

/// A person's own word: how long it holds, when it is told if nothing confirms it, and how many of the confirmed are looked at.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    minutes: u32,
    confirm_within_minutes: u32,
    /// One in so many of those confirmed.
    pub review_one_in: u32,
    #[serde(rename = "why")]
    _why: Why,
}

/// For the reviewer; the program only insists that there is one.
#[derive(Clone, Copy, Debug)]
struct Why;

impl<'de> Deserialize<'de> for Why {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let why = String::deserialize(deserializer)?;
        if why.trim().is_empty() { Err(serde::de::Error::custom("needs a why for its reviewer")) } else { Ok(Self) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    bases: Vec<Span>,
    claim: Claim,
}

impl Relationships {
    /// No kind of relationship may hold longer after its end: what ended before is not looked for.
    pub const LONGEST_AFTER: Duration = Duration::from_secs(3 * 366 * 24 * 3_600);

    pub fn read(text: &str) -> Result<Self, Vec<PolicyFault>> {
        const FILE: &str = Texts::RELATIONSHIPS_FILE;
        let table: Table = serde_json::from_str(text)
            .map_err(|error| vec![PolicyFault::new(FILE, format!("line {}", error.line()), error.to_string())])?;
        let mut faults = Vec::new();
        let mut fault = |place: String, problem: &str| faults.push(PolicyFault::new(FILE, place, problem));
        let mut bases = HashMap::new();
        for (at, span) in table.bases.into_iter().enumerate() {
            if span.basis == Basis::Claim {
                fault(format!("bases[{at}]"), "a claim has its own place in this file");
            } else if days(span.after_days) > Self::LONGEST_AFTER {
                fault(format!("bases[{at}]"), "nothing holds longer than three years after its end");
            } else if bases.insert(span.basis, span).is_some() {
                fault(format!("bases[{at}]"), "this basis is in the table already");
            }
        }
        for basis in Basis::ASSERTED.iter().filter(|basis| !bases.contains_key(basis)) {
            fault("bases".to_owned(), &format!("`{}` is missing", basis.as_str()));
        }
        let Claim { minutes, confirm_within_minutes, review_one_in, .. } = table.claim;
        if minutes == 0 || confirm_within_minutes > minutes || review_one_in == 0 {
            fault(
                "claim".to_owned(),
                "holds for some minutes, is to be confirmed within them, and one in some is reviewed",
            );
        }
        if faults.is_empty() { Ok(Self { bases, claim: table.claim }) } else { Err(faults) }
    }

    /// From when, inclusive, until when, exclusive, this relationship holds.
    pub fn holds(&self, relationship: &Relationship) -> (Timestamp, Timestamp) {
        let Relationship { basis, start, end, closed, .. } = relationship;
        let Some(span) = self.bases.get(basis) else { return (*start, end.unwrap_or(*start)) };
        let from = start.minus(days(span.before_days));
        let until = match (end, span.longest_days) {
            (Some(end), _) if *closed => *end,
            (Some(end), _) => end.plus(days(span.after_days)),
            (None, Some(longest)) => start.plus(days(longest)),
            (None, None) => Timestamp::MAX,
        };
        (from, until)
    }
}

impl Claim {
    pub fn lasts(&self) -> Duration {
        minutes(self.minutes)
    }

    pub fn confirm_within(&self) -> Duration {
        minutes(self.confirm_within_minutes)
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}

fn minutes(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}
