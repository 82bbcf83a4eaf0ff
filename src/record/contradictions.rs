//! Where sources say different things that matter for safety: an allergy here and "no known allergies" there, a medicine taken
//! here and stopped there, one event told in two ways. Only what this reader is shown has a say; whoever reads decides who is right.

use super::{
    Record,
    copies::{Copies, Spot},
    selection::Match,
};
use crate::{
    domain::OdsCode,
    federation::{Categories, Says},
    fhir::outcome::{Coding, ExtensionValue, Issue, IssueCode, Severity},
};
use std::collections::{BTreeMap, BTreeSet};

const SYSTEM: &str = "https://caregate.example/CodeSystem/contradiction";
const SOURCE: &str = "https://caregate.example/StructureDefinition/contradiction-source";

/// So many are told one by one, and so many entries of each are named.
const MOST: usize = 20;

/// One contradiction, and the entries that it is between.
#[derive(Debug, PartialEq, Eq)]
pub struct Contradiction {
    kind: Kind,
    pub spots: Vec<Spot>,
}

/// The gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Allergies,
    Medicine,
    Event,
}

impl Kind {
    fn code(self) -> &'static str {
        match self {
            Self::Allergies => "allergies",
            Self::Medicine => "medicine",
            Self::Event => "event",
        }
    }

    fn said(self) -> &'static str {
        match self {
            Self::Allergies => "an allergy is recorded, and elsewhere that none is known",
            Self::Medicine => "a medicine is recorded as taken, and elsewhere as stopped or not to be given",
            Self::Event => "the same event is recorded with another status, dose, value or other detail that matters",
        }
    }
}

type Said<'a> = (Spot, &'a Says);

/// In an order of its own that does not depend on who answered first: what kills soonest comes first, as not all may be told.
pub fn among(record: &Record, shown: &[Match], copies: &Copies) -> Vec<Contradiction> {
    let event = |spots: &Vec<Spot>| Contradiction { kind: Kind::Event, spots: spots.clone() };
    let mut events: Vec<Contradiction> = copies.differing.iter().map(event).collect();
    events.sort_by(|a, b| a.spots.cmp(&b.spots));
    let said = said(record, shown);
    let mut found = Vec::new();
    if said.iter().any(|(spot, _)| said.first().is_some_and(|(first, _)| first.source != spot.source)) {
        found.extend(allergies(&said));
        found.extend(medicines(&said));
    }
    found.extend(events);
    found
}

fn said<'a>(record: &'a Record, shown: &[Match]) -> Vec<Said<'a>> {
    let speaking: Vec<_> = record.answers().filter(|(.., answer)| !answer.facets.says.is_empty()).collect();
    let mut all = Vec::new();
    for (source, part, _, answer) in speaking {
        let here = shown.iter().filter(|found| (found.source, found.part) == (source, part));
        let places: BTreeSet<usize> = here.map(|found| found.position).collect();
        let says = answer.facets.says.iter().filter(|(position, _)| places.contains(position));
        all.extend(says.map(|(position, says)| (Spot { source, part, position: *position }, says)));
    }
    all
}

/// All of them are one contradiction: it is looked into once.
fn allergies(said: &[Said<'_>]) -> Option<Contradiction> {
    // what a source says in all, so that an entry is held against the few sources and not against every other entry
    let mut known: BTreeMap<usize, Categories> = BTreeMap::new();
    let mut none_known = known.clone();
    for (spot, says) in said {
        let (all, of) = match says {
            Says::Allergic(of) => (&mut known, of),
            Says::NoneKnown(of) => (&mut none_known, of),
            Says::Takes(_) | Says::TakesNoMore(_) => continue,
        };
        all.entry(spot.source).and_modify(|all| *all = all.and(*of)).or_insert(*of);
    }
    let contradicted = |(spot, says): &&Said<'_>| {
        let (others, of) = match says {
            Says::Allergic(of) => (&none_known, of),
            Says::NoneKnown(of) => (&known, of),
            Says::Takes(_) | Says::TakesNoMore(_) => return false,
        };
        others.iter().any(|(source, all)| *source != spot.source && all.meets(*of))
    };
    let mut spots: Vec<Spot> = said.iter().filter(contradicted).map(|(spot, _)| *spot).collect();
    spots.sort_unstable();
    spots.dedup();
    (!spots.is_empty()).then_some(Contradiction { kind: Kind::Allergies, spots })
}

/// For each medicine, by a code that the entries share. A source that stopped it and has it taken again says that it is taken.
fn medicines(said: &[Said<'_>]) -> Vec<Contradiction> {
    let taken = |says: &Says| matches!(says, Says::Takes(_));
    let mut by_code: Vec<([u8; 16], Spot, bool)> = said
        .iter()
        .flat_map(|(spot, says)| {
            let codes = match says {
                Says::Takes(codes) | Says::TakesNoMore(codes) => &**codes,
                Says::Allergic(_) | Says::NoneKnown(_) => &[],
            };
            codes.iter().map(|code| (*code, *spot, taken(says)))
        })
        .collect();
    by_code.sort_unstable();
    // a medicine coded twice is one medicine
    let mut found: BTreeSet<Vec<Spot>> = BTreeSet::new();
    for same in by_code.chunk_by(|a, b| a.0 == b.0) {
        let taking: BTreeSet<usize> = same.iter().filter(|one| one.2).map(|one| one.1.source).collect();
        let stopped = |one: &&([u8; 16], Spot, bool)| !one.2 && !taking.contains(&one.1.source);
        if taking.is_empty() || !same.iter().any(|one| stopped(&one)) {
            continue;
        }
        let mut spots: Vec<Spot> = same.iter().filter(|one| one.2 || stopped(one)).map(|one| one.1).collect();
        spots.sort_unstable();
        found.insert(spots);
    }
    found.into_iter().map(|spots| Contradiction { kind: Kind::Medicine, spots }).collect()
}

impl Contradiction {
    fn issue(&self, record: &Record) -> Option<Issue> {
        let sources: BTreeSet<usize> = self.spots.iter().map(|spot| spot.source).collect();
        let sources: Vec<_> = sources.into_iter().filter_map(|at| record.sources.get(at)).collect();
        let concealed = record.whose.concealing.is_some();
        let named = sources.iter().map(|source| if concealed { "A source" } else { source.provider.name.as_str() });
        let names: Vec<&str> = named.collect();
        let (last, others) = names.split_last()?;
        let said = format!(
            "{} and {last} contradict each other: {}. Ask the patient, or the organisations, before you rely on either.",
            others.join(", "),
            self.kind.said()
        );
        let coding = Coding { system: SYSTEM.into(), code: self.kind.code().into(), display: None };
        let issue = Issue::new(Severity::Warning, IssueCode::BusinessRule)
            .details(coding)
            .diagnostics(said)
            .expression(self.expression(record));
        let told = sources.iter().filter(|_| !concealed);
        Some(told.fold(issue, |issue, source| {
            let value = source.provider.ods.to_string();
            issue.extension(SOURCE, ExtensionValue::Identifier { system: OdsCode::SYSTEM.into(), value })
        }))
    }

    /// The entries, as FHIRPath finds them in all pages of the answer.
    fn expression(&self, record: &Record) -> Option<String> {
        let urls = self.spots.iter().take(MOST).filter_map(|spot| record.full_url(spot));
        let named: Vec<String> = urls.map(|url| format!("fullUrl = '{url}'")).collect();
        (!named.is_empty()).then(|| format!("Bundle.entry.where({})", named.join(" or ")))
    }
}

/// One issue for each, and one for those past a number that anybody would read.
pub fn issues(record: &Record, all: &[Contradiction]) -> Vec<Issue> {
    let mut issues: Vec<Issue> = all.iter().take(MOST).filter_map(|one| one.issue(record)).collect();
    if all.len() > MOST {
        let said = format!("Sources contradict each other on {} more matters.", all.len() - MOST);
        issues.push(Issue::new(Severity::Warning, IssueCode::BusinessRule).diagnostics(said));
    }
    issues
}
