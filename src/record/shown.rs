use crate::{
    domain::{OdsCode, Timestamp},
    federation::{AnswerId, Items},
};
use serde::{Deserialize, Serialize};

/// What one source answered, or answered of one type where several were wanted, and which items of that were shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceLine {
    pub source: OdsCode,
    /// answered, empty, failed, stale, withheld; of the patient index, unknown.
    pub outcome: String,
    /// The failure's code (timeout, wrong-patient...), of what failed or is stale for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<Timestamp>,
    /// The manifest these items are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerId>,
    #[serde(default, skip_serializing_if = "ItemRanges::is_empty")]
    pub released: ItemRanges,
    #[serde(default, skip_serializing_if = "ItemRanges::is_empty")]
    pub withheld: ItemRanges,
}

impl SourceLine {
    pub fn new(source: OdsCode, outcome: &str) -> Self {
        Self {
            source,
            outcome: outcome.to_owned(),
            reason: None,
            fetched_at: None,
            answer: None,
            released: ItemRanges::default(),
            withheld: ItemRanges::default(),
        }
    }

    pub fn because(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }

    pub(super) fn resting_on(self, items: &Items, fetched_at: Timestamp) -> Self {
        Self { answer: Some(items.id.clone()), fetched_at: Some(fetched_at), ..self }
    }
}

/// Positions in a manifest, such as `0-49,52`: sorted, none twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemRanges(String);

impl ItemRanges {
    pub fn of(positions: impl IntoIterator<Item = u32>) -> Self {
        use std::fmt::Write as _;
        let mut sorted: Vec<u32> = positions.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut text = String::new();
        let mut rest = sorted.into_iter().peekable();
        while let Some(first) = rest.next() {
            let mut last = first;
            while let Some(next) = rest.next_if(|n| *n == last + 1) {
                last = next;
            }
            let comma = if text.is_empty() { "" } else { "," };
            // writing to a String cannot fail
            let _ = if first == last { write!(text, "{comma}{first}") } else { write!(text, "{comma}{first}-{last}") };
        }
        Self(text)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many positions they hold.
    pub fn count(&self) -> u64 {
        let ranges = self.0.split(',').filter(|range| !range.is_empty());
        let counts = ranges.map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            match (first.parse::<u64>(), last.parse::<u64>()) {
                (Ok(first), Ok(last)) => (last + 1).saturating_sub(first),
                _ => 0,
            }
        });
        counts.sum()
    }

    pub fn contains(&self, position: u32) -> bool {
        self.0.split(',').any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            matches!((first.parse::<u32>(), last.parse::<u32>()), (Ok(f), Ok(l)) if (f..=l).contains(&position))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ItemRanges;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_contain_what_they_were_made_of_and_nothing_else(positions in proptest::collection::btree_set(0..60_u32, 0..40)) {
            let ranges = ItemRanges::of(positions.iter().copied().rev());
            prop_assert_eq!(ranges.count(), positions.len() as u64);
            for at in 0..60 {
                prop_assert_eq!(ranges.contains(at), positions.contains(&at));
            }
        }
    }
}
