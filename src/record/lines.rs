//! What the audit says of each source: how it ended, and which of its items are shown and withheld.

use super::{ItemRanges, Record, Source, SourceLine, State, joined::Place};
use crate::federation::{AnswerId, Part, PartSaid};

impl Record {
    /// What the audit says of each source, before it is known which items are shown.
    pub fn lines(&self) -> Vec<SourceLine> {
        self.lines_of(&[], &[], |_, _| true)
    }

    /// The same of what was asked for, without what came along.
    pub(super) fn lines_asked(&self) -> Vec<SourceLine> {
        self.lines_of(&[], &[], |source, part| self.asked.get(source).is_some_and(|asked| part < *asked))
    }

    /// The items, by their answer, that match of what was asked for by filters.
    pub(super) fn matches_by_filter(&self) -> Vec<(&AnswerId, Vec<&str>)> {
        let mut found = Vec::new();
        for (at, source) in self.sources.iter().enumerate() {
            for (place, part) in source.parts().iter().enumerate().filter(|(_, part)| part.want.is_by_filter()) {
                let Some(answer) = part.answer() else { continue };
                let lines: Vec<&str> = answer.items.lines().collect();
                let own = self.matches.iter().filter(|found| (found.source, found.part) == (at, place));
                found.push((&answer.items.id, own.filter_map(|one| lines.get(one.position).copied()).collect()));
            }
        }
        found
    }

    /// One for each source, or for each part of what it holds; each with what of it is shown and what withheld.
    pub(super) fn lines_of(
        &self,
        shown: &[Place],
        withheld: &[Place],
        says: impl Fn(usize, usize) -> bool,
    ) -> Vec<SourceLine> {
        let mut lines = Vec::new();
        for (at, source) in self.sources.iter().enumerate() {
            let of = |places: &[Place], part| {
                let mine = places.iter().filter(|place| place.source == at && place.part == part);
                ItemRanges::of(mine.filter_map(|place| u32::try_from(place.position).ok()))
            };
            let mut line = |said: SourceLine, part| {
                lines.push(SourceLine { released: of(shown, part), withheld: of(withheld, part), ..said });
            };
            let State::Holds { resolution, parts } = &source.state else {
                line(whole_line(source), None);
                continue;
            };
            // who the patient is belongs to what was shown where that itself was shown, or nothing else was wanted
            if parts.is_empty() || shown.iter().any(|place| place.source == at && place.part.is_none()) {
                let said = SourceLine::new(source.provider.ods, "answered");
                line(said.resting_on(&resolution.items, resolution.fetched_at), None);
            }
            for (place, part) in parts.iter().enumerate().filter(|(place, _)| says(at, *place)) {
                line(part_line(source, part), Some(place));
            }
        }
        lines
    }
}

/// Of a source that nothing is held of.
fn whole_line(source: &Source) -> SourceLine {
    let line = |outcome| SourceLine::new(source.provider.ods, outcome);
    match source.state {
        State::Holds { .. } => line("answered"),
        State::Nothing => line("empty"),
        State::Failed(failure) => line("failed").because(failure.code()),
        State::Withheld => line("withheld"),
        State::Joining => line("joining"),
    }
}

fn part_line(source: &Source, part: &Part) -> SourceLine {
    let line = |outcome| SourceLine::new(source.provider.ods, outcome);
    match &part.said {
        PartSaid::Answered(answer) => line("answered").resting_on(&answer.items, answer.fetched_at),
        PartSaid::Stale(answer, failure) => {
            line("stale").because(failure.code()).resting_on(&answer.items, answer.fetched_at)
        }
        PartSaid::Failed(failure) => line("failed").because(failure.code()),
        PartSaid::Withheld => line("withheld"),
        PartSaid::NotLive => line("joining"),
    }
}
