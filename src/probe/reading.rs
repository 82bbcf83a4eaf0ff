//! One answer to a search, read strictly and to its end: where the gateway would give it up at the first fault, each is noted.

use super::check::Check;
use crate::{
    federation::{Failure, Judge, Known},
    fhir::{
        ResourceType,
        bundle::{self, BundleEntry, BundleFault, BundleHead},
        date::interval_of,
        is_id,
        json::{Limits, Tape, Value},
    },
    query::grammar::{self, DataType, Rule},
};
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Who the patient is.
    Patient,
    Entries(ResourceType),
}

/// One page, as far as it could be read.
#[derive(Default)]
pub struct Reading {
    pub head: BundleHead,
    pub items: Vec<Item>,
    pub known: Vec<Known>,
    /// What is wrong with entries, each once.
    pub faults: BTreeSet<Fault>,
    pub unread: Option<BundleFault>,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Of another type, without an id, or nobody asked for it.
    Unexpected,
    NoSubject,
    Another,
    AnotherWithin,
    Superseded,
    Conflicting,
    /// Said by an outcome among the entries.
    NotAll,
    Elsewhere,
    TooLarge,
}

/// One entry that is this patient's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub local: String,
    /// Of its bytes.
    pub hash: u64,
    /// What it could be found by: a parameter, and a value as a search writes it.
    pub values: BTreeSet<(&'static str, String)>,
}

impl Fault {
    /// The check that it fails.
    pub fn check(self) -> Check {
        match self {
            Self::Unexpected | Self::NoSubject | Self::TooLarge => Check::TypeEntries,
            Self::Another | Self::Superseded => Check::AnotherPatient,
            Self::AnotherWithin => Check::ContainedPatient,
            Self::Conflicting => Check::ConflictingIds,
            Self::NotAll => Check::SearchFailed,
            Self::Elsewhere => Check::AttachmentElsewhere,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Unexpected => "an entry is of another type, has no id, or was not asked for",
            Self::NoSubject => "an entry does not say whose it is",
            Self::Another => "an entry is another person's",
            Self::AnotherWithin => "an entry contains what is another person's",
            Self::Superseded => "it knows the patient under another NHS number",
            Self::Conflicting => "two entries have the same id and differ",
            Self::NotAll => "an outcome says that the search failed or that not all is there",
            Self::Elsewhere => "an attachment is kept elsewhere",
            Self::TooLarge => "it holds more Patients or names than a person has",
        }
    }

    fn of(failure: Failure) -> Self {
        match failure {
            Failure::WrongPatient => Self::Another,
            Failure::Superseded => Self::Superseded,
            Failure::NoSubject => Self::NoSubject,
            Failure::ConflictingIds => Self::Conflicting,
            Failure::SearchFailed => Self::NotAll,
            Failure::TooLarge => Self::TooLarge,
            _ => Self::Unexpected,
        }
    }
}

/// Reads a page. It costs time in proportion to the body, which is under a cap.
pub fn read(body: &[u8], limits: Limits, judge: &Judge, sought: Sought) -> Reading {
    let mut reading = Reading::default();
    let mut limits = limits;
    let each = |entry: BundleEntry<'_>| {
        if let Err(fault) = reading.take(entry, judge, sought) {
            reading.faults.insert(fault);
        }
        Ok::<_, BundleFault>(())
    };
    match bundle::read(body, &mut limits, &mut Tape::new(), each) {
        Ok(head) => reading.head = head,
        Err(fault) => reading.unread = Some(fault),
    }
    reading
}

impl Reading {
    fn take(&mut self, entry: BundleEntry<'_>, judge: &Judge, sought: Sought) -> Result<(), Fault> {
        let resource = entry.resource().ok_or(Fault::Unexpected)?;
        let is_outcome = resource.text("resourceType").as_deref() == Some("OperationOutcome");
        match entry.search_mode().as_deref() {
            Some("outcome") | None if is_outcome => {
                if Judge::tells_of_failure(resource) {
                    Err(Fault::NotAll)
                } else {
                    Ok(())
                }
            }
            Some("match") | None => match sought {
                Sought::Patient => {
                    self.known.push(judge.patient(resource).map_err(Fault::of)?);
                    Ok(())
                }
                Sought::Entries(of) => self.take_entry(resource, judge, of),
            },
            // nobody asked for what else there is
            _ => Err(Fault::Unexpected),
        }
    }

    fn take_entry(&mut self, resource: Value<'_>, judge: &Judge, of: ResourceType) -> Result<(), Fault> {
        if resource.text("resourceType").as_deref() != Some(of.as_str()) {
            return Err(Fault::Unexpected);
        }
        if let Err(failure) = judge.entry(resource, of) {
            let within = failure == Failure::WrongPatient && judge.is_anothers_within(resource, of);
            return Err(if within { Fault::AnotherWithin } else { Fault::of(failure) });
        }
        let local = resource.text("id").filter(|id| is_id(id)).ok_or(Fault::Unexpected)?.into_owned();
        let mut hasher = DefaultHasher::new();
        resource.raw().hash(&mut hasher);
        let hash = hasher.finish();
        if attached_elsewhere(resource, judge) {
            self.faults.insert(Fault::Elsewhere);
        }
        self.items.push(Item { local, hash, values: values(resource, &grammar::rule(of)) });
        Ok(())
    }
}

/// <https://hl7.org/fhir/R4/datatypes.html#Attachment>
fn attached_elsewhere(resource: Value<'_>, judge: &Judge) -> bool {
    let attachments = resource.objects().filter(|object| object.get("contentType").is_some());
    attachments.filter_map(|object| object.text("url")).any(|url| judge.is_elsewhere(&url))
}

fn values(resource: Value<'_>, rule: &Rule) -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    for (name, data_type, paths) in rule.tokens {
        for path in *paths {
            resource.each(path, &mut |element| match data_type {
                DataType::Code(_) => found.extend(element.as_str().map(|code| (*name, code.into_owned()))),
                DataType::CodeableConcept => element.each("coding", &mut |coding| {
                    if let (Some(system), Some(code)) = (coding.text("system"), coding.text("code")) {
                        found.insert((*name, format!("{system}|{code}")));
                    }
                }),
                DataType::Identifier => {}
            });
        }
    }
    for (name, paths) in rule.dates {
        for path in *paths {
            resource.each(path, &mut |element| {
                let day = interval_of(element).and_then(|at| chrono::DateTime::from_timestamp_micros(at.start()));
                found.extend(day.map(|day| (*name, day.format("%Y-%m-%d").to_string())));
            });
        }
    }
    found
}
