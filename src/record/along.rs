//! What comes along with the matches on a page (<https://hl7.org/fhir/R4/search.html#include>): what they refer to, at the
//! source that refers, and the Provenance that is of them. It is shown under its own type's permit and labels, or not at all.

use super::{
    Record, Source, State,
    selection::{Held, Match, Selection},
};
use crate::{
    access::{Asking, Permits, SkipReason},
    federation::{Part, Referred, Resolution, followed},
    fhir::{
        ResourceType,
        outcome::{Issue, IssueCode, Severity},
    },
    query::{
        Include,
        grammar::{self, Reference},
    },
    registry::{Errand, Freshness, Portion, Want},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

/// Which references of the matches are followed.
#[derive(Clone, Copy, Debug)]
pub enum Follow<'a> {
    Asked(&'a [Include]),
    /// Whatever leads to what is no record of its own: people, places, medicines.
    Targets,
}

/// What is to come along.
#[derive(Clone, Copy, Debug)]
pub struct Along<'a> {
    pub follow: Follow<'a>,
    pub provenance: bool,
}

/// What came along, as this reader is shown it.
pub struct Came {
    pub shown: Vec<Match>,
    pub hidden: Vec<Match>,
    /// Whether something that an entry of the page refers to was asked for, and its source did not have it.
    lost: bool,
}

impl Came {
    pub fn issue(&self) -> Option<Issue> {
        let said = "Something that an entry here refers to was not found at its source.";
        self.lost.then(|| Issue::new(Severity::Information, IssueCode::Incomplete).diagnostics(said))
    }
}

/// One source's part of it: a want, and the entries meant by it.
struct Meant {
    source: usize,
    want: Want,
    /// The source's own ids; of Provenance what it is to be of.
    only: BTreeSet<Referred>,
}

impl Along<'_> {
    fn follows(self, reference: &Reference, resource_type: ResourceType) -> bool {
        match self.follow {
            Follow::Asked(includes) => includes
                .iter()
                .any(|include| include.reference == *reference && include.targets().contains(&resource_type)),
            Follow::Targets => resource_type.is_target(),
        }
    }

    /// The types that may come along and that this reader does not reach.
    pub fn beyond(self, permits: &Permits) -> Vec<ResourceType> {
        let followed: BTreeSet<ResourceType> = match self.follow {
            Follow::Asked(includes) => includes.iter().flat_map(|include| include.targets()).copied().collect(),
            Follow::Targets => ResourceType::ALL.iter().copied().filter(|t| t.is_target()).collect(),
        };
        let provenance = self.provenance.then_some(ResourceType::Provenance);
        followed.into_iter().chain(provenance).filter(|t| permits.of(*t).is_none()).collect()
    }

    pub fn is_nothing(self) -> bool {
        !self.provenance && matches!(self.follow, Follow::Asked([]))
    }

    /// What is shown along with this page, in one order, none twice and nothing that is on the page itself.
    pub fn with(self, record: &Record, selection: &Selection, permits: &Permits, page: &[Match]) -> Came {
        let (mut found, mut lost) = (Vec::new(), false);
        for Meant { source, want, only } in self.meant(record, page) {
            let parts = record.sources.get(source).map(Source::parts).unwrap_or_default();
            let held = parts.iter().enumerate().find(|(_, part)| part.want == want);
            let Some((part, answer)) = held.and_then(|(at, part)| Some((at, part.answer()?))) else { continue };
            let locals: HashSet<&str> = only.iter().map(|to| &*to.local).collect();
            // of what was asked for by name; what is withheld is there all the same, and is not lost
            let named = matches!(want.portion, Portion::Named(_));
            lost |=
                named && locals.len() > answer.entries.iter().filter(|entry| locals.contains(&*entry.local)).count();
            for (position, entry) in answer.entries.iter().enumerate() {
                let meant = match want.resource_type {
                    ResourceType::Provenance => answer.references_of(entry).any(|(_, of)| only.contains(of)),
                    _ => locals.contains(&*entry.local),
                };
                let this = Match { key: None, source, part, position };
                if meant && !page.iter().any(|one| one.place() == this.place()) {
                    found.push(this);
                }
            }
        }
        let held = Held::of(record);
        let (shown, hidden) = found.into_iter().partition(|found| selection.shows(record, permits, &held, found));
        Came { shown, hidden, lost }
    }

    /// What has to be asked before that can be said.
    pub fn lacks(self, record: &Record, permits: &Permits, page: &[Match]) -> Vec<(Arc<Resolution>, Errand)> {
        let mut errands: BTreeMap<usize, (Arc<Resolution>, Errand)> = BTreeMap::new();
        for Meant { source: at, want, .. } in self.meant(record, page) {
            let (Some(source), Some(permit)) = (record.sources.get(at), permits.of(want.resource_type)) else {
                continue;
            };
            let State::Holds { resolution, parts } = &source.state else { continue };
            let (asking, serves) = (permit.asks(source.provider.ods), source.provider.serves(want.resource_type));
            let is_joining = asking == Asking::Skip(SkipReason::NotLive);
            if !serves || is_joining || parts.iter().any(|part: &Part| part.want == want) {
                continue;
            }
            let (_, errand) = errands.entry(at).or_insert_with(|| {
                let freshness = Freshness { recalled: permit.recalled_at(source.provider.ods), since: None };
                (Arc::clone(resolution), Errand { freshness, ..Errand::who(&source.provider) })
            });
            match asking {
                Asking::Ask => errand.wants.push(want),
                Asking::Skip(SkipReason::Suspended) => errand.suspended.push(want),
                Asking::Skip(_) => errand.withheld.push(want),
            }
        }
        errands.into_values().collect()
    }

    fn meant(self, record: &Record, page: &[Match]) -> Vec<Meant> {
        if self.is_nothing() {
            return Vec::new();
        }
        let mut led: BTreeMap<(usize, ResourceType), BTreeSet<Referred>> = BTreeMap::new();
        let mut own: BTreeMap<usize, BTreeSet<Referred>> = BTreeMap::new();
        for found in page {
            let (Some(part), Some(entry)) = (found.part_of(record), found.entry_of(record)) else { continue };
            let (Some(answer), resource_type) = (part.answer(), part.want.resource_type) else { continue };
            let references = followed(&grammar::rule(resource_type));
            for (at, to) in answer.references_of(entry) {
                if references.get(at).is_some_and(|reference| self.follows(reference, to.resource_type)) {
                    led.entry((found.source, to.resource_type)).or_default().insert(to.clone());
                }
            }
            if self.provenance {
                let this = Referred { resource_type, local: entry.local.clone() };
                own.entry(found.source).or_default().insert(this);
            }
        }
        let mut all: Vec<Meant> = Vec::new();
        for ((source, resource_type), only) in led {
            let want = if resource_type.is_target() {
                Want::named(resource_type, only.iter().map(|to| to.local.clone()).collect())
            } else {
                Want::all(resource_type)
            };
            all.push(Meant { source, want, only });
        }
        for (source, only) in own {
            let want = Want::provenance_of(only.iter().map(|of| of.address().into()).collect());
            all.push(Meant { source, want, only });
        }
        all
    }
}
