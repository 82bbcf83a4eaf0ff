//! What of a record's matches one reader is shown: decided once for each label set of each source.

use super::{Record, Source, completeness::Contributed, copies::Spot, joined::Place};
use crate::{
    access::Permits,
    federation::{Answer, Entry, Part, Referred},
    fhir::ResourceType,
    registry::Portion,
};
use std::{collections::HashMap, sync::Arc};

/// A match: its place, and what it is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// In microseconds since 1970, where it has one.
    pub key: Option<i64>,
    pub source: usize,
    pub part: usize,
    pub position: usize,
}

impl From<&Spot> for Place {
    fn from(spot: &Spot) -> Self {
        Self { source: spot.source, part: Some(spot.part), position: spot.position }
    }
}

impl Match {
    pub fn place(&self) -> Place {
        Place { source: self.source, part: Some(self.part), position: self.position }
    }

    pub fn part_of<'a>(&self, record: &'a Record) -> Option<&'a Part> {
        record.sources.get(self.source)?.parts().get(self.part)
    }

    pub fn answer_of<'a>(&self, record: &'a Record) -> Option<&'a Arc<Answer>> {
        self.part_of(record)?.answer()
    }

    pub fn entry_of<'a>(&self, record: &'a Record) -> Option<&'a Entry> {
        self.answer_of(record)?.entries.get(self.position)
    }
}

/// What these permits reach, of the matches and of what came along with them.
pub struct Selection {
    disclosed: Vec<Vec<Disclosed>>,
    pub shown: Vec<Match>,
    pub hidden: Vec<Match>,
    /// Which sources have an entry among those shown.
    pub contributed: Contributed,
    pub withheld: bool,
}

impl Selection {
    pub fn of(record: &Record, permits: &Permits) -> Self {
        let of = |source: &Source| source.parts().iter().map(|part| Disclosed::of(source, part, permits)).collect();
        let disclosed: Vec<Vec<Disclosed>> = record.sources.iter().map(of).collect();
        // said of all that was looked through, not of what the filters let pass: they would find out its date or its id
        let source_withheld = record.sources.iter().any(Source::is_withheld);
        // for the same reason not of what was asked for by name: that hangs on the matches
        let by_name = |part: &Part| matches!(part.want.portion, Portion::Named(_) | Portion::Of(_));
        let parts = record.sources.iter().flat_map(Source::parts);
        let withheld = source_withheld
            || parts.zip(disclosed.iter().flatten()).any(|(part, disclosed)| !by_name(part) && disclosed.withholds());
        let contributed = Contributed::none(record.sources.len());
        let mut selection = Self { disclosed, shown: Vec::new(), hidden: Vec::new(), contributed, withheld };
        let held = Held::of(record);
        let (shown, hidden): (Vec<Match>, Vec<Match>) =
            record.matches.iter().partition(|found| selection.shows(record, permits, &held, found));
        for found in &shown {
            let stale = found.part_of(record).is_some_and(|part| part.stale().is_some());
            selection.contributed.add(found.source, stale);
        }
        (selection.shown, selection.hidden) = (shown, hidden);
        selection
    }

    /// A Provenance tells that what it is of is there, when and by whom it was written: it is shown as all of that is.
    pub fn shows(&self, record: &Record, permits: &Permits, held: &Held<'_>, found: &Match) -> bool {
        if !self.reaches(record, permits, found) {
            return false;
        }
        let part = found.part_of(record);
        if part.is_none_or(|part| part.want.resource_type != ResourceType::Provenance) {
            return true;
        }
        let (Some(source), Some(answer), Some(entry)) =
            (record.sources.get(found.source), found.answer_of(record), found.entry_of(record))
        else {
            return false;
        };
        answer.references_of(entry).all(|(_, of)| match held.find(found.source, of) {
            Some(this) => self.reaches(record, permits, &this),
            None => shown_as(source, answer, entry, of, permits),
        })
    }

    /// What has no labels to be found is not shown, nor what its source has taken back.
    fn reaches(&self, record: &Record, permits: &Permits, found: &Match) -> bool {
        let disclosed = self.disclosed.get(found.source).and_then(|parts| parts.get(found.part));
        let (Some(source), Some(entry)) = (record.sources.get(found.source), found.entry_of(record)) else {
            return false;
        };
        disclosed.is_some_and(|disclosed| disclosed.reaches(found.position, entry))
            && !source.took_back(permits, found.part, entry)
    }
}

/// Whether a Provenance is shown as one of what it refers to: it has the labels of that.
pub fn shown_as(source: &Source, answer: &Answer, entry: &Entry, of: &Referred, permits: &Permits) -> bool {
    let (permit, labels) = (permits.of(of.resource_type), answer.labels_of(entry));
    permit.zip(labels).is_some_and(|(permit, labels)| source.discloses(permit, labels, entry.time()))
}

/// What is held of whatever a Provenance may be of, by source and reference; nothing where there is no Provenance.
#[derive(Default)]
pub struct Held<'a>(HashMap<(usize, ResourceType, &'a str), Match>);

impl<'a> Held<'a> {
    pub fn of(record: &'a Record) -> Self {
        let is_provenance = |resource_type| resource_type == ResourceType::Provenance;
        let sources: Vec<usize> =
            record.answers().filter(|(.., kind, _)| is_provenance(*kind)).map(|(source, ..)| source).collect();
        let beside = record.answers().filter(|(source, ..)| sources.contains(source));
        let all = beside.flat_map(|(source, part, kind, answer)| {
            let entries = answer.entries.iter().enumerate();
            entries.map(move |(position, entry)| {
                ((source, kind, &*entry.local), Match { key: None, source, part, position })
            })
        });
        Self(all.collect())
    }

    fn find(&self, source: usize, of: &Referred) -> Option<Match> {
        self.0.get(&(source, of.resource_type, &*of.local)).copied()
    }
}

/// What of one answer is shown: decided once for each label set, or for each entry where an objection asks for dates.
struct Disclosed {
    by: By,
    /// Whether it may be said that something of it is withheld. Of what is asked for by a filter it would tell what: there it is
    /// never said, however the source was asked this time.
    tells: bool,
}

enum By {
    Labels(Vec<bool>),
    Entry(Vec<bool>),
}

impl Disclosed {
    fn of(source: &Source, part: &Part, permits: &Permits) -> Self {
        let tells = !part.want.is_by_filter();
        let (Some(answer), Some(permit)) = (part.answer(), permits.of(part.want.resource_type)) else {
            return Self { by: By::Labels(Vec::new()), tells };
        };
        if !permit.asks_for_dates() {
            let by_labels = answer.labels.iter().map(|labels| source.discloses(permit, labels, None));
            return Self { by: By::Labels(by_labels.collect()), tells };
        }
        let by_entry = answer.entries.iter().map(|entry| {
            let labels = answer.labels_of(entry);
            labels.is_some_and(|labels| source.discloses(permit, labels, entry.time()))
        });
        Self { by: By::Entry(by_entry.collect()), tells }
    }

    fn reaches(&self, position: usize, entry: &Entry) -> bool {
        let found = match &self.by {
            By::Labels(disclosed) => disclosed.get(usize::from(entry.labels)),
            By::Entry(disclosed) => disclosed.get(position),
        };
        found == Some(&true)
    }

    fn withholds(&self) -> bool {
        let (By::Labels(disclosed) | By::Entry(disclosed)) = &self.by;
        self.tells && disclosed.iter().any(|disclosed| !disclosed)
    }
}
