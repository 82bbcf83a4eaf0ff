//! What of all that was answered an ask lets through, in the asked order.

use super::{Record, selection::Match};
use crate::{
    federation::{Answer, Entry},
    fhir::{ResourceType, date::Interval},
    query::{Filter, Sort, SortKey, What, grammar},
};
use std::{cmp::Ordering, collections::BTreeMap};

impl Record {
    /// Type by type, each in the asked order. Of equals the first source comes first: so it is the same every time.
    pub(super) fn matching(&self) -> Vec<Match> {
        let latest_first = Sort { key: SortKey::Date, descending: true };
        let sort = match &self.ask.what {
            What::Search(search) if search.resource_type != ResourceType::Patient => search.sort,
            What::Everything(_) | What::Summary => latest_first,
            What::Search(_) | What::Read(_) => return Vec::new(),
        };
        let mut by_type: BTreeMap<ResourceType, Vec<Match>> = BTreeMap::new();
        for (source, part, resource_type, answer) in self.answers() {
            let matches = by_type.entry(resource_type).or_default();
            for (position, entry) in answer.entries.iter().enumerate() {
                if self.is_asked_for(resource_type, answer, entry) {
                    let key = match sort.key {
                        SortKey::Date => entry.date,
                        SortKey::LastUpdated => entry.last_updated.map(Interval::start),
                    };
                    matches.push(Match { key, source, part, position });
                }
            }
        }
        // runs that are sorted already, as answers in the usual order are, are only merged by this
        let sorted = |mut matches: Vec<Match>| {
            matches.sort_by(|a, b| {
                let by_key = match (a.key, b.key) {
                    (Some(a), Some(b)) if sort.descending => b.cmp(&a),
                    (Some(a), Some(b)) => a.cmp(&b),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (None, None) => Ordering::Equal,
                };
                by_key.then((a.source, a.part, a.position).cmp(&(b.source, b.part, b.position)))
            });
            matches
        };
        by_type.into_values().flat_map(sorted).collect()
    }

    fn is_asked_for(&self, resource_type: ResourceType, answer: &Answer, entry: &Entry) -> bool {
        match &self.ask.what {
            What::Search(search) => {
                search.filters.iter().all(|filter| self.passes(filter, resource_type, answer, entry))
            }
            What::Everything(everything) => everything.covers(entry.time()) && everything.is_since(entry.last_updated),
            What::Summary | What::Read(_) => true,
        }
    }

    fn passes(&self, filter: &Filter, resource_type: ResourceType, answer: &Answer, entry: &Entry) -> bool {
        match filter {
            Filter::Id(ids) => {
                let (id, _) = self.ids.entry(answer.source, answer.items.patient, &entry.local);
                ids.binary_search(&id).is_ok()
            }
            Filter::Date(date) if date.parameter == "_lastUpdated" => {
                entry.last_updated.is_some_and(|at| date.passes(&[at]))
            }
            Filter::Date(date) => grammar::rule(resource_type)
                .dates
                .iter()
                .position(|(name, _)| *name == date.parameter)
                .and_then(|at| entry.dates.get(at))
                .is_some_and(|values| date.passes(values)),
            Filter::Token(token) => grammar::rule(resource_type)
                .tokens
                .iter()
                .position(|(name, ..)| *name == token.parameter)
                .is_some_and(|at| answer.tokens_of(entry, at).any(|held| token.passes(held))),
        }
    }
}
