//! Copies of one event, by the business identifier that several sources give it: told by a tag where all that matters for safety is
//! equal, stated as a contradiction where it is not. Nothing is taken out. Only what this reader is shown has a say.

use super::{Record, selection::Match};
use crate::{domain::Event, federation::Recorded, fhir::ResourceType};
use std::collections::BTreeMap;

const SYSTEM: &str = "https://caregate.example/CodeSystem/same-event";

/// What an answer holds of one event: its place, source and part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    pub source: usize,
    pub part: usize,
    pub position: usize,
}

/// What the copies among these matches have in common, and where they differ.
#[derive(Debug, Default)]
pub struct Copies {
    /// The tags to write behind an entry's own, each with a comma before it.
    tags: BTreeMap<Spot, String>,
    /// The records of one event of which one says something else than another.
    pub differing: Vec<Vec<Spot>>,
}

impl Spot {
    pub fn of(found: &Match) -> Self {
        Self { source: found.source, part: found.part, position: found.position }
    }
}

impl Copies {
    pub fn among(record: &Record, shown: &[Match]) -> Self {
        let mut copies = Self::default();
        // what only one source has an identifier for has no copy: mostly that is all
        let identified = record.answers().filter(|(.., answer)| !answer.facets.events.is_empty());
        let sources: Vec<usize> = identified.map(|(source, ..)| source).collect();
        if sources.iter().all(|source| Some(source) == sources.first()) {
            return copies;
        }
        let mut recorded = shown_of(record, shown);
        // runs that are sorted already are only merged by this
        recorded.sort();
        for same in recorded.chunk_by(|(a, _), (b, _)| a.event == b.event) {
            copies.take(record, same);
        }
        copies
    }

    /// One event's records. Where a source gives several entries one identifier it does not say which of them is the event.
    fn take(&mut self, record: &Record, same: &[(Recorded, Spot)]) {
        let mut sources: Vec<usize> = same.iter().map(|(_, spot)| spot.source).collect();
        sources.sort_unstable();
        if same.len() < 2 || sources.windows(2).any(|two| matches!(two, [a, b] if a == b)) {
            return;
        }
        for equal in same.chunk_by(|(a, _), (b, _)| a.content == b.content) {
            let [(first, at), _, ..] = equal else { continue };
            // of two allergies that look alike each is another warning: never one
            if record.type_at(at) != Some(ResourceType::AllergyIntolerance) {
                let tag = tag(record, first);
                for (_, spot) in equal {
                    self.tags.entry(*spot).or_default().push_str(&tag);
                }
            }
        }
        let contents = same.chunk_by(|(a, _), (b, _)| a.content == b.content).count();
        if contents > 1 {
            self.differing.push(same.iter().map(|(_, spot)| *spot).collect());
        }
    }

    /// What is to be written where this entry's tags are, if anything.
    pub fn tag(&self, spot: &Spot) -> Option<&str> {
        self.tags.get(spot).map(String::as_str)
    }
}

/// What the matches record, with where they stand.
fn shown_of(record: &Record, shown: &[Match]) -> Vec<(Recorded, Spot)> {
    let mut by_answer: BTreeMap<(usize, usize), Vec<bool>> = BTreeMap::new();
    for found in shown {
        let places = by_answer.entry((found.source, found.part)).or_default();
        if places.len() <= found.position {
            places.resize(found.position + 1, false);
        }
        if let Some(place) = places.get_mut(found.position) {
            *place = true;
        }
    }
    let of = |((source, part), places): ((usize, usize), Vec<bool>)| {
        let events = record.sources.get(source).and_then(|held| held.answer(part)).map(|answer| &answer.facets.events);
        let shown = events.into_iter().flatten().filter(move |one| places.get(one.position) == Some(&true));
        shown.map(move |one| (*one, Spot { source, part, position: one.position }))
    };
    by_answer.into_iter().flat_map(of).collect()
}

fn tag(record: &Record, Recorded { event, content, .. }: &Recorded) -> String {
    let event: Event = *event;
    format!(r#",{{"system":"{SYSTEM}","code":"{}"}}"#, record.ids.group(event, content.bytes()))
}
