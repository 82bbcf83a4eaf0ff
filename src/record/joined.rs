use super::{
    Completeness, Redacted, Source, State,
    along::{Along, Follow},
    anchor::{self, Claim},
    completeness::{Contributed, Unasked},
    copies::Spot,
    page::{self, Listing, Reader},
    patient,
    redacted::Document,
    selection::{self, Match},
    summary,
    whose::Whose,
};
use crate::{
    access::{Permit, Permits},
    domain::{EntryId, IdSealer, Labels, NhsNumber, OdsCode},
    federation::{Answer, Failure, Gathered, Items, Part, Places, Resolution},
    fhir::ResourceType,
    query::{Ask, What},
    registry::{Errand, Locate, Provider},
};
use std::{collections::BTreeSet, sync::Arc};

/// All that was gathered for one ask, joined: before any reader's permit is applied to it.
pub struct Record {
    pub(super) ask: Ask,
    pub(super) whose: Whose,
    pub(super) sources: Vec<Source>,
    /// How many parts of each source were asked for; those after them came along.
    pub(super) asked: Vec<usize>,
    /// The source whose Patient stands for the person, where the index does not say.
    pub(super) anchor: Option<usize>,
    /// What the ask lets through, in the asked order.
    pub(super) matches: Vec<Match>,
    pub(super) ids: Arc<IdSealer>,
    pub(super) base: Arc<str>,
    /// How many sources were not asked, as nothing says that they hold anything.
    pub(super) elsewhere: usize,
    /// ... and how many, as they are still joining, and of how many others a part was not.
    joining: usize,
    joining_in_part: usize,
    /// Whether such a question is put to any source by its filters.
    by_filter: bool,
}

/// Where an item that is shown or withheld stands: in a part of what a source holds, or, without one, among its Patients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub source: usize,
    pub part: Option<usize>,
    pub position: usize,
}

impl Place {
    /// The patient index's Patient, which is no source's.
    pub const INDEX: Self = Self { source: usize::MAX, part: None, position: 0 };
}

/// Why there is nothing to show, to a reader who is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotShown {
    NotFound,
    /// The page token is not, or no longer, right.
    Gone,
    /// Every source failed, or the one that matters, or any where all were wanted.
    ProvidersFailed {
        timeout: bool,
    },
}

impl Record {
    pub fn join(ask: &Ask, whose: Whose, gathered: Gathered, ids: Arc<IdSealer>, base: Arc<str>) -> Self {
        let Gathered { elsewhere, joining, joining_in_part, by_filter, .. } = gathered;
        let mut sources: Vec<Source> = gathered
            .sources
            .into_iter()
            .map(|source| Source { provider: source.provider, state: State::of(source.said) })
            .collect();
        let anchor = leave_out_others(&mut sources, whose.indexed().map(|patient| &*patient.resolution));
        let asked = sources.iter().map(|source| source.parts().len()).collect();
        let matches = Vec::new();
        let mut record = Self {
            ask: ask.clone(),
            whose,
            sources,
            asked,
            anchor,
            matches,
            ids,
            base,
            elsewhere,
            joining,
            joining_in_part,
            by_filter,
        };
        record.matches = record.matching();
        record
    }

    /// What has to be asked before this reader can be shown what they asked for: what comes along with it. Nothing that was
    /// brought before.
    pub fn lacks(&self, permits: &Permits, reader: &Reader<'_>) -> Vec<(Arc<Resolution>, Errand)> {
        match self.is_shut_out(permits) {
            true => self.under(permits).lacking(permits, reader),
            false => self.lacking(permits, reader),
        }
    }

    /// What came along, by source.
    pub fn bring(&mut self, brought: impl Iterator<Item = (OdsCode, Vec<Part>)>) {
        for (ods, more) in brought {
            let source = self.sources.iter_mut().find(|source| source.provider.ods == ods);
            if let Some(State::Holds { parts, .. }) = source.map(|source| &mut source.state) {
                parts.extend(more);
            }
        }
    }

    /// The sources that say different things of who the patient is. Like a failure it must not be remembered: whoever is
    /// wrong may have been put right since, and that may be the anchor.
    pub fn disputed(&self) -> Vec<Arc<Provider>> {
        let conflicts = |source: &Source| source.failure() == Some(Failure::DemographicsConflict);
        if !self.sources.iter().any(conflicts) {
            return Vec::new();
        }
        let of = |(at, source): (usize, &Source)| {
            (conflicts(source) || self.anchor == Some(at)).then(|| Arc::clone(&source.provider))
        };
        self.sources.iter().enumerate().filter_map(of).collect()
    }

    /// Whether nothing in it was asked for before its source took something back: otherwise it is to be asked again.
    pub fn stands(&self, permits: &Permits) -> bool {
        self.sources.iter().all(|source| source.stands(permits))
    }

    /// Whether where the patient is seen is kept from its reader.
    pub fn is_concealed(&self) -> bool {
        self.concealing().is_some()
    }

    /// By what it is recognised then.
    pub fn concealing(&self) -> Option<&Arc<Places>> {
        self.whose.concealing.as_ref()
    }

    /// NHS numbers that sources say were given up for the patient's, source by source.
    pub fn given_up(&self) -> Vec<(OdsCode, BTreeSet<NhsNumber>)> {
        let of = |source: &Source| {
            let State::Holds { resolution, .. } = &source.state else { return None };
            let numbers = resolution.patients.iter().flat_map(|patient| patient.given_up.iter().copied()).collect();
            Some((source.provider.ods, numbers))
        };
        self.sources.iter().filter_map(of).collect()
    }

    /// Whether a source says that the number asked for is itself given up.
    pub fn is_superseded(&self) -> bool {
        self.sources.iter().any(|source| source.failure() == Some(Failure::Superseded))
    }

    /// Of a number that a source calls given up it could not be said whose it is, for this reason.
    pub fn leaves_unchecked(&mut self, failure: Option<Failure>) {
        self.whose.unchecked = failure;
    }

    /// What this reader would be shown under these permits.
    pub fn redact(&self, permits: &Permits, reader: &Reader<'_>) -> Result<Redacted, NotShown> {
        if self.is_shut_out(permits) { self.under(permits).shown(permits, reader) } else { self.shown(permits, reader) }
    }

    fn is_shut_out(&self, permits: &Permits) -> bool {
        self.sources.iter().any(|source| source.is_shut_out(permits))
    }

    /// The same record without what the permits, newer than the plan, no longer let in.
    fn under(&self, permits: &Permits) -> Self {
        let sources: Vec<Source> = self.sources.iter().map(|source| source.under(permits)).collect();
        let held = |found: &&Match| sources.get(found.source).is_some_and(|s| s.answer(found.part).is_some());
        Self {
            ask: self.ask.clone(),
            whose: self.whose.clone(),
            anchor: self.anchor,
            matches: self.matches.iter().filter(held).copied().collect(),
            sources,
            asked: self.asked.clone(),
            ids: Arc::clone(&self.ids),
            base: Arc::clone(&self.base),
            elsewhere: self.elsewhere,
            joining: self.joining,
            joining_in_part: self.joining_in_part,
            by_filter: self.by_filter,
        }
    }

    fn lacking(&self, permits: &Permits, reader: &Reader<'_>) -> Vec<(Arc<Resolution>, Errand)> {
        // what would not be shown anyway needs nothing
        if self.answered(reader.must_be_complete).is_err() {
            return Vec::new();
        }
        let on_page = |listing: Listing<'_>| {
            if listing.along.is_nothing() {
                return Vec::new();
            }
            let page = page::choose(self, listing, permits, reader);
            page.map(|page| listing.along.lacks(self, permits, page.matches())).unwrap_or_default()
        };
        match &self.ask.what {
            What::Search(search) => on_page(search.into()),
            What::Everything(everything) => on_page(everything.into()),
            What::Summary => {
                let along = Along { follow: Follow::Targets, provenance: false };
                along.lacks(self, permits, &summary::matches(self, permits))
            }
            What::Read(_) => Vec::new(),
        }
    }

    fn shown(&self, permits: &Permits, reader: &Reader<'_>) -> Result<Redacted, NotShown> {
        self.answered(reader.must_be_complete)?;
        let permit = permits.first();
        match &self.ask.what {
            What::Search(search) if search.resource_type == ResourceType::Patient => {
                patient::search(self, search, permit)
            }
            What::Search(search) => page::page(self, search.into(), permits, reader),
            What::Everything(everything) => page::page(self, everything.into(), permits, reader),
            What::Summary => summary::summary(self, permits),
            What::Read(read) => match &read.id {
                Some(EntryId::Patient(_)) if read.resource_type == ResourceType::Patient => patient::read(self, permit),
                Some(EntryId::Entry(entry)) if read.resource_type == ResourceType::Patient => {
                    patient::source_read(self, permit, entry.source, &entry.local)
                }
                Some(EntryId::Entry(entry)) => self.entry(permits, entry.source, &entry.local),
                _ => Err(NotShown::NotFound),
            },
        }
    }

    /// An answer that nobody gave is an error, not an empty record.
    fn answered(&self, must_be_complete: bool) -> Result<(), NotShown> {
        let failures: Vec<Failure> = self.sources.iter().filter_map(Source::shortfall).collect();
        let any_answered = self.sources.iter().any(|s| matches!(s.state, State::Holds { .. } | State::Nothing));
        let checked = !must_be_complete || !self.whose.is_unchecked();
        if (failures.is_empty() && checked) || (any_answered && !must_be_complete) {
            return Ok(());
        }
        let timeout = must_be_complete || failures.iter().all(|f| *f == Failure::Timeout);
        Err(NotShown::ProvidersFailed { timeout })
    }

    /// One entry, by its source's id.
    fn entry(&self, permits: &Permits, source: OdsCode, local: &str) -> Result<Redacted, NotShown> {
        let permit = permits.first();
        let (at, source) = self.source(source)?;
        let answer = source.answer(0).ok_or(NotShown::NotFound)?;
        let held = answer.entries.iter().enumerate().find(|(_, entry)| *entry.local == *local);
        let (position, entry) = held.ok_or(NotShown::NotFound)?;
        // one that is withheld is not found: to the reader the two are the same
        let labels = answer.labels_of(entry).ok_or(NotShown::NotFound)?;
        let part = source.parts().first().ok_or(NotShown::NotFound)?;
        if permit.is_recalled(source.provider.ods, part.want.resource_type, local, answer.epoch) {
            return Err(NotShown::NotFound);
        }
        if !source.discloses(permit, labels, entry.time()) {
            return Err(NotShown::NotFound);
        }
        let is_provenance = part.want.resource_type == ResourceType::Provenance;
        if is_provenance
            && !answer.references_of(entry).all(|(_, of)| selection::shown_as(source, answer, entry, of, permits))
        {
            return Err(NotShown::NotFound);
        }
        let document = Document { chunks: vec![answer.bytes(&entry.resource)], partial: false };
        Ok(self.redacted(document, &[Place { source: at, part: Some(0), position }], &[]))
    }

    /// The source, by its code, where it did not fail.
    pub(super) fn source(&self, ods: OdsCode) -> Result<(usize, &Source), NotShown> {
        let found = self.sources.iter().enumerate().find(|(_, source)| source.provider.ods == ods);
        let (at, source) = found.ok_or(NotShown::NotFound)?;
        // a resource alone could not say how old it is
        match source.shortfall() {
            Some(failure) => Err(failed(failure)),
            None => Ok((at, source)),
        }
    }

    /// What shows these items, and withholds those.
    pub(super) fn redacted(&self, document: Document, shown: &[Place], withheld: &[Place]) -> Redacted {
        let lines = self.lines_of(shown, withheld, |_, _| true);
        let named = |items: &&Arc<Items>| lines.iter().any(|line| line.answer.as_ref() == Some(&items.id));
        let items = self.sources.iter().flat_map(Source::items).filter(named).cloned().collect();
        let index = self.whose.indexed().filter(|_| shown.contains(&Place::INDEX));
        let index = index.map(|patient| Arc::clone(&patient.resolution.items));
        Redacted { index, ..Redacted::new(document, lines, items) }
    }

    /// All answers, each with the place of its source, its own there, and its type.
    pub(super) fn answers(&self) -> impl Iterator<Item = (usize, usize, ResourceType, &Arc<Answer>)> {
        self.sources.iter().enumerate().flat_map(|(at, source)| {
            let parts = source.parts().iter().enumerate();
            parts.filter_map(move |(part, found)| Some((at, part, found.want.resource_type, found.answer()?)))
        })
    }

    /// The type of what stands there.
    pub(super) fn type_at(&self, spot: &Spot) -> Option<ResourceType> {
        Some(self.sources.get(spot.source)?.parts().get(spot.part)?.want.resource_type)
    }

    /// Where what stands there is read, as its entry says.
    pub(super) fn full_url(&self, spot: &Spot) -> Option<String> {
        let answer = self.sources.get(spot.source)?.answer(spot.part)?;
        let local = &answer.entries.get(spot.position)?.local;
        let (id, _) = self.ids.entry(answer.source, answer.items.patient, local);
        Some(format!("{}{}/{id}", self.base, self.type_at(spot)?))
    }

    pub(super) fn completeness(&self, permit: &Permit, contributed: &Contributed, withheld: bool) -> Completeness {
        let restricted = Labels::restricted_only();
        let concealed = self.is_concealed();
        let named = |source: &Source, contributed: bool| {
            // one that is asked only where something says that it knows the patient: that it failed would tell as much
            let told = source.provider.locate != Locate::Pointers
                || contributed
                || permit.organisation() == Some(source.provider.ods);
            told && !concealed && (!source.provider.restricted || source.discloses(permit, &restricted, None))
        };
        let issues = self.whose.issues(self.ask.patient);
        let unasked = Unasked {
            elsewhere: self.elsewhere,
            joining: self.joining + self.sources.iter().filter(|source| source.is_joining()).count(),
            joining_in_part: self.joining_in_part
                + self.sources.iter().filter(|source| source.is_joining_in_part()).count(),
        };
        Completeness::of(&self.sources, unasked, contributed, withheld || concealed, named, issues)
            .partial_if(self.whose.is_unchecked())
            .by_filter(self.by_filter)
    }
}

fn failed(failure: Failure) -> NotShown {
    NotShown::ProvidersFailed { timeout: failure == Failure::Timeout }
}

/// Applies the anchor rule: sources that hold another person under this number become failures.
fn leave_out_others(sources: &mut [Source], index: Option<&Resolution>) -> Option<usize> {
    let holding: Vec<(usize, Claim<'_>)> = sources
        .iter()
        .enumerate()
        .filter_map(|(at, source)| match &source.state {
            State::Holds { resolution, .. } => Some((at, Claim { provider: &source.provider, resolution })),
            _ => None,
        })
        .collect();
    let claims: Vec<Claim<'_>> = holding.iter().map(|(_, claim)| *claim).collect();
    let judged = anchor::judge(&claims, index);
    let place = |at: usize| holding.get(at).map(|(place, _)| *place);
    let anchor = judged.anchor.and_then(place);
    let conflicting: Vec<usize> = judged.conflicting.into_iter().filter_map(place).collect();
    for at in conflicting {
        if let Some(source) = sources.get_mut(at) {
            tracing::warn!(provider.ods = %source.provider.ods, "provider holds another person under this NHS number");
            source.state = State::Failed(Failure::DemographicsConflict);
        }
    }
    anchor
}
