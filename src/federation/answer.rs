use super::{Items, Resolution, facets::Facets, reference::Referred, references::Leads, tokens::Held};
use crate::{
    domain::{Labels, OdsCode, Timestamp},
    fhir::date::Interval,
    query::{System, Token, grammar::Rule},
    registry::Test,
};
use bytes::Bytes;
use std::{collections::HashSet, ops::Range, sync::Arc};

/// What an allocator takes beside the few bytes that it is asked for.
const ALLOCATED: usize = 32;

/// What one provider holds of one type about one patient: split, verified and rewritten once, when it enters the cache.
/// Its entries are ready to send: answering from it copies and parses nothing.
#[derive(Debug)]
pub struct Answer {
    pub source: OdsCode,
    /// When it was asked for: what the source has done since may not be in it.
    pub fetched_at: Timestamp,
    /// The patient's epoch that was known then; 0 where nobody had ever written of them.
    pub epoch: i64,
    /// The source's own ids of the Patients that its entries were verified to be about.
    pub about: Box<[Box<str>]>,
    /// Newest first by the type's own date, so that the usual order is already there.
    pub entries: Vec<Entry>,
    /// All entries' bytes, one after another, in the entries' order.
    pub body: Bytes,
    /// The distinct label sets; an entry names one by its place.
    pub labels: Vec<Labels>,
    /// The distinct tokens; an entry names them by their places.
    pub tokens: Vec<Token>,
    /// What is held against other sources' answers.
    pub facets: Facets,
    /// The distinct resources of the source that entries lead to; an entry names them by their places.
    pub references: Vec<Referred>,
    /// The manifest that audit rows point into: line N is entry N.
    pub items: Arc<Items>,
}

/// One entry, as the later stages need it beside its bytes.
#[derive(Debug)]
pub struct Entry {
    /// The whole Bundle entry within the answer's body, and the resource within it.
    pub entry: Range<usize>,
    pub resource: Range<usize>,
    /// Within the answer's body: where another tag can follow the one that names the source.
    pub tagged: usize,
    /// The source's own id.
    pub local: Box<str>,
    pub labels: u16,
    /// Its status says that care is under way, or agreed.
    pub under_way: bool,
    /// The type's primary date, where it has one, in microseconds since 1970; and meta.lastUpdated: what it is sorted by.
    pub date: Option<i64>,
    pub last_updated: Option<Interval>,
    /// For each date parameter of the type, in the grammar's order, what it reads in this entry.
    pub dates: Box<[Box<[Interval]>]>,
    /// What it holds for the token parameters of the type.
    pub tokens: Box<[Held]>,
    /// Where its references lead, of those that may be followed.
    pub references: Box<[Leads]>,
}

impl Entry {
    /// The time that the type's primary date covers, where it has one: from the earliest to the latest.
    pub fn time(&self) -> Option<Interval> {
        self.dates.first()?.iter().copied().reduce(Interval::with)
    }
}

impl Answer {
    /// Whether it is about the Patients that the source knows the patient as now, and no others: it may have merged some since.
    pub fn is_about(&self, found: &Resolution) -> bool {
        found.patients.iter().map(|patient| patient.local.as_str()).eq(self.about.iter().map(|local| &**local))
    }

    pub fn bytes(&self, range: &Range<usize>) -> Bytes {
        self.body.get(range.clone()).map(|found| self.body.slice_ref(found)).unwrap_or_default()
    }

    pub fn labels_of(&self, entry: &Entry) -> Option<&Labels> {
        self.labels.get(usize::from(entry.labels))
    }

    /// What the entry holds for the type's token parameter of this place in the grammar.
    pub fn tokens_of(&self, entry: &Entry, parameter: usize) -> impl Iterator<Item = &Token> {
        let held = entry.tokens.iter().filter(move |(of, _)| usize::from(*of) == parameter);
        held.filter_map(|(_, at)| self.tokens.get(usize::try_from(*at).ok()?))
    }

    /// Whether the entry has what a source is asked for by this.
    pub fn passes(&self, entry: &Entry, rule: &Rule, test: &Test) -> bool {
        let name = test.parameter();
        if let Some(at) = rule.dates.iter().position(|(date, _)| *date == name) {
            return entry.dates.get(at).is_some_and(|times| times.iter().any(|time| test.passes_time(*time)));
        }
        let at = rule.tokens.iter().position(|(token, ..)| *token == name);
        at.is_some_and(|at| self.tokens_of(entry, at).any(|held| test.passes_token(held)))
    }

    /// What the entry leads to, each with the place of the reference in [`followed`](super::followed).
    pub fn references_of(&self, entry: &Entry) -> impl Iterator<Item = (usize, &Referred)> {
        let found = |(place, at): &Leads| Some((usize::from(*place), self.references.get(usize::try_from(*at).ok()?)?));
        entry.references.iter().filter_map(found)
    }

    /// What it takes in memory, in bytes, about: what the cache weighs it by.
    pub fn weight(&self) -> u32 {
        let entry = |entry: &Entry| {
            let intervals: usize = entry.dates.iter().map(|dates| size_of_val(dates) + size_of_val(&**dates)).sum();
            let places = size_of_val(&*entry.tokens) + size_of_val(&*entry.references);
            size_of::<Entry>() + ALLOCATED + entry.local.len() + intervals + places
        };
        let entries: usize = self.entries.iter().map(entry).sum();
        let said = |token: &Token| match &token.system {
            System::Said(system) => Some((system.as_ptr(), system.len())),
            _ => None,
        };
        // each system stands there once, however many tokens are of it
        let systems: HashSet<_> = self.tokens.iter().filter_map(said).collect();
        let systems: usize = systems.into_iter().map(|(_, length)| length + ALLOCATED).sum();
        let code = |token: &Token| size_of::<Token>() + token.code.as_ref().map_or(0, |code| code.len() + ALLOCATED);
        let tokens: usize = self.tokens.iter().map(code).sum();
        let labels: usize = self.labels.iter().map(|labels| labels.weight() + size_of::<Labels>()).sum();
        let referred = |of: &Referred| size_of::<Referred>() + of.local.len() + ALLOCATED;
        let references: usize = self.references.iter().map(referred).sum();
        let beside = entries + systems + tokens + labels + references + self.facets.weight() + 512;
        let bytes = self.body.len() + self.items.text.len() + beside;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}
