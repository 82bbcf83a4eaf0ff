//! What a probe found, as a value: whatever shows it, shows this.

use super::{
    Limits, Target,
    check::{Check, Group, Level},
};
use crate::{
    domain::{RequestId, Timestamp},
    registry::Idiom,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The report of one probe. It holds no patient's number and no word of an answer's. Its JSON is documented in docs/PROBE.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Of this shape: 1.
    pub format: u32,
    pub verdict: Verdict,
    /// The endpoint's base URL.
    pub address: String,
    /// How it was asked.
    pub idiom: String,
    #[serde(with = "instant")]
    pub began: Timestamp,
    pub took_ms: u64,
    /// How many test patients it was asked about.
    pub patients: usize,
    pub types: Vec<String>,
    pub calls: u32,
    /// For one answer.
    pub deadline_ms: u64,
    /// The X-Request-ID of all of its calls.
    pub request: RequestId,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing that must hold failed, and all of it that could be tested was.
    Passed,
    Failed,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub check: String,
    pub group: Group,
    pub level: Level,
    /// The type of resource that it is about, where it is made for each.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub about: Option<String>,
    pub title: String,
    pub outcome: Outcome,
    /// Not tested because there was nothing to test, which is no fault.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub excused: bool,
    /// In our own words.
    pub seen: String,
    pub mend: String,
    /// The specification that says so.
    pub see: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Failed,
    NotTested,
    Warned,
    Passed,
}

/// How far a probe has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub done: u32,
    pub total: u32,
    /// What is looked at now; empty at the end.
    pub what: String,
}

impl Finding {
    pub(super) fn new(check: Check, about: Option<&str>, outcome: Outcome, seen: String) -> Self {
        let definition = check.definition();
        Self {
            check: definition.id.to_owned(),
            group: definition.group,
            level: definition.level,
            about: about.map(str::to_owned),
            title: definition.title.to_owned(),
            outcome,
            excused: false,
            seen,
            mend: definition.mend.to_owned(),
            see: definition.see.to_owned(),
        }
    }

    /// Whether it alone keeps the probe from passing.
    pub fn blocks(&self) -> bool {
        self.level == Level::Must
            && (self.outcome == Outcome::Failed || (self.outcome == Outcome::NotTested && !self.excused))
    }

    /// Its name, with what it is about.
    pub fn name(&self) -> String {
        match &self.about {
            Some(about) => format!("{} ({about})", self.check),
            None => self.check.clone(),
        }
    }
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Passed, Self::Failed].into_iter().find(|one| one.as_str() == text)
    }
}

impl Report {
    pub const FORMAT: u32 = 1;

    pub(super) fn new(target: &Target, began: Timestamp, took: Duration, request: RequestId) -> Self {
        let Target { provider, patients, types, limits: Limits { .. } } = target;
        let idiom = match provider.idiom {
            Idiom::Chained => "chained",
            Idiom::ResolveFirst => "resolve-first",
        };
        Self {
            format: Self::FORMAT,
            verdict: Verdict::Failed,
            address: provider.base.to_string(),
            idiom: idiom.to_owned(),
            // as precise as it is written
            began: Timestamp(began.0 - began.0.rem_euclid(1_000)),
            took_ms: millis(took),
            patients: patients.len(),
            types: types.iter().map(|one| one.as_str().to_owned()).collect(),
            calls: 0,
            deadline_ms: millis(provider.deadline),
            request,
            findings: Vec::new(),
        }
    }

    /// With what was found, in the order of the checks.
    pub(super) fn with(mut self, mut findings: Vec<Finding>, calls: u32) -> Self {
        let place = |id: &str| Check::ALL.iter().position(|check| check.id() == id);
        findings.sort_by_key(|finding| (finding.group, place(&finding.check)));
        let blocked = findings.iter().any(Finding::blocks);
        self.verdict = if blocked { Verdict::Failed } else { Verdict::Passed };
        self.findings = findings;
        self.calls = calls;
        self
    }

    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// What keeps it from passing, failures first, and of those what shows in its answers; then what should be better.
    pub fn to_mend(&self) -> Vec<&Finding> {
        let mut all: Vec<_> = self
            .findings
            .iter()
            .filter(|finding| finding.blocks() || matches!(finding.outcome, Outcome::Failed | Outcome::Warned))
            .collect();
        all.sort_by_key(|finding| (!finding.blocks(), finding.outcome, finding.group != Group::Conduct));
        all
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// As FHIR writes an instant.
mod instant {
    use crate::domain::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        at.fhir().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at = chrono::DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
        Ok(Timestamp(at.timestamp_micros()))
    }
}
