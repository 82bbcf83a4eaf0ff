//! What of a record's matches one reader is shown: decided once for each label set of each source.

use super::{Record, Source, copies::Spot, joined::Place};
use crate::{
    access::Permits,
    federation::{Answer, Entry, Part},
    registry::Portion,
};
use std::sync::Arc;

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
    /// The sources, by place, that have an entry among those shown.
    pub contributed: Vec<bool>,
    pub withheld: bool,
}

impl Selection {
    pub fn of(record: &Record, permits: &Permits) -> Self {
        let of = |source: &Source| source.parts().iter().map(|part| Disclosed::of(source, part, permits)).collect();
        let disclosed: Vec<Vec<Disclosed>> = record.sources.iter().map(of).collect();
        // said of all that was looked through, not of what the filters let pass: they would find out its date or its id
        let source_withheld = record.sources.iter().any(Source::is_withheld);
        // for the same reason not of what was asked for by name: that hangs on the matches
        let parts = record.sources.iter().flat_map(Source::parts).map(|part| part.want.portion == Portion::All);
        let withheld = source_withheld
            || parts.zip(disclosed.iter().flatten()).any(|(of_all, disclosed)| of_all && disclosed.withholds());
        let contributed = vec![false; record.sources.len()];
        let mut selection = Self { disclosed, shown: Vec::new(), hidden: Vec::new(), contributed, withheld };
        let (shown, hidden): (Vec<Match>, Vec<Match>) =
            record.matches.iter().partition(|found| selection.reaches(record, permits, found));
        for found in &shown {
            // what is stale is not counted as answered
            let fresh = found.part_of(record).is_some_and(|part| part.stale().is_none());
            if let (Some(source), true) = (selection.contributed.get_mut(found.source), fresh) {
                *source = true;
            }
        }
        (selection.shown, selection.hidden) = (shown, hidden);
        selection
    }

    /// What has no labels to be found is not shown, nor what its source has taken back.
    pub fn reaches(&self, record: &Record, permits: &Permits, found: &Match) -> bool {
        let disclosed = self.disclosed.get(found.source).and_then(|parts| parts.get(found.part));
        let (Some(source), Some(entry)) = (record.sources.get(found.source), found.entry_of(record)) else {
            return false;
        };
        disclosed.is_some_and(|disclosed| disclosed.reaches(found.position, entry))
            && !source.took_back(permits, found.part, entry)
    }
}

/// What of one answer is shown: decided once for each label set, or for each entry where an objection asks for dates.
enum Disclosed {
    ByLabels(Vec<bool>),
    ByEntry(Vec<bool>),
}

impl Disclosed {
    fn of(source: &Source, part: &Part, permits: &Permits) -> Self {
        let (Some(answer), Some(permit)) = (part.answer(), permits.of(part.want.resource_type)) else {
            return Self::ByLabels(Vec::new());
        };
        if !permit.asks_for_dates() {
            let by_labels = answer.labels.iter().map(|labels| source.discloses(permit, labels, None));
            return Self::ByLabels(by_labels.collect());
        }
        let by_entry = answer.entries.iter().map(|entry| {
            let labels = answer.labels_of(entry);
            labels.is_some_and(|labels| source.discloses(permit, labels, entry.time()))
        });
        Self::ByEntry(by_entry.collect())
    }

    fn reaches(&self, position: usize, entry: &Entry) -> bool {
        let found = match self {
            Self::ByLabels(disclosed) => disclosed.get(usize::from(entry.labels)),
            Self::ByEntry(disclosed) => disclosed.get(position),
        };
        found == Some(&true)
    }

    fn withholds(&self) -> bool {
        let (Self::ByLabels(disclosed) | Self::ByEntry(disclosed)) = self;
        disclosed.iter().any(|disclosed| !disclosed)
    }
}
