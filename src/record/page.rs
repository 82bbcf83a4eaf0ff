//! One page of a search: the reader's own selection of the matches, cut after the cursor, with its links and completeness.

use super::{
    NotShown, Record, Redacted, Source, contradictions,
    copies::{Copies, Spot},
    joined::Place,
    redacted::Document,
};
use crate::{
    access::Permits,
    domain::Timestamp,
    federation::{Entry, Part},
    query::{
        Search,
        page_token::{Cursor, Fingerprint, PageSealer, PageToken},
    },
};
use bytes::Bytes;
use std::ops::Range;

/// A match: its place, and what it is sorted by.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    pub key: Option<i64>,
    pub source: usize,
    pub part: usize,
    pub position: usize,
}

impl Match {
    fn place(&self) -> Place {
        Place { source: self.source, part: Some(self.part), position: self.position }
    }
}

impl From<&Spot> for Place {
    fn from(spot: &Spot) -> Self {
        Self { source: spot.source, part: Some(spot.part), position: spot.position }
    }
}

/// Who reads, as pages need to know it: a page token is one reader's own.
pub struct Reader<'a> {
    pub issuer: &'a str,
    pub subject: &'a str,
    pub pages: &'a PageSealer,
    pub must_be_complete: bool,
}

pub fn page(record: &Record, search: &Search, permits: &Permits, reader: &Reader<'_>) -> Result<Redacted, NotShown> {
    let permit = permits.first();
    let selection = Selection::of(record, permits);
    let query = Fingerprint::of(&[&record.ask.canonical()]);
    let who = Fingerprint::of(&[reader.issuer, reader.subject]);
    let seen = seen(record);
    let first = match &search.page {
        None => 0,
        Some(token) => {
            let token: PageToken =
                reader.pages.open(token, &who, &query, Timestamp::now()).map_err(|_| NotShown::Gone)?;
            // it goes on only where everything still stands as it did on the first page
            if token.epochs != permit.epochs() || token.sources != seen {
                return Err(NotShown::Gone);
            }
            after(record, &selection.shown, &token.cursor).ok_or(NotShown::Gone)?
        }
    };
    let rest = selection.shown.get(first..).unwrap_or_default();
    let count = usize::try_from(search.count).unwrap_or(usize::MAX);
    let shown = rest.get(..count).unwrap_or(rest);
    let next = match shown.last() {
        Some(last) if shown.len() < rest.len() => {
            let cursor = cursor(record, last).ok_or(NotShown::Gone)?;
            let token = PageToken {
                cursor,
                reader: who,
                query,
                epochs: permit.epochs(),
                sources: seen,
                issued_at: Timestamp::now(),
            };
            Some(reader.pages.seal(&token).map_err(|_| NotShown::Gone)?)
        }
        _ => None,
    };
    let copies = Copies::among(record, &selection.shown);
    let contradictions = contradictions::among(record, &selection.shown, &copies);
    let completeness = record
        .completeness(permit, &selection.contributed, selection.withheld)
        .with(contradictions::issues(record, &contradictions));
    let mut document = Document { chunks: Vec::new(), partial: completeness.is_partial() };
    document.chunks.push(head(record, search.page.as_deref(), next.as_deref()).into());
    document.chunks.extend(slices(record, shown, &copies));
    document.chunks.push(format!("{}]}}", completeness.entry()).into());
    // an entry of another page that a contradiction names is told of here
    let named = contradictions.iter().flat_map(|one| &one.spots).map(Place::from);
    let places: Vec<Place> = shown.iter().map(Match::place).chain(named).collect();
    Ok(selection.redacted(record, &places, document))
}

/// What of the matches this permit reaches.
struct Selection {
    shown: Vec<Match>,
    hidden: Vec<Match>,
    contributed: Vec<bool>,
    withheld: bool,
}

impl Selection {
    fn of(record: &Record, permits: &Permits) -> Self {
        let released: Vec<Vec<Released>> = record
            .sources
            .iter()
            .map(|source| source.parts().iter().map(|part| Released::of(source, part, permits)).collect())
            .collect();
        // a match whose labels are not to be found is not shown
        let reaches = |found: &Match| {
            let released = released.get(found.source).and_then(|parts| parts.get(found.part));
            let entry = entry_of(&record.sources, found);
            let taken_back = |entry| {
                record.sources.get(found.source).is_none_or(|source| source.took_back(permits, found.part, entry))
            };
            entry.is_some_and(|entry| {
                released.is_some_and(|released| released.reaches(found.position, entry)) && !taken_back(entry)
            })
        };
        let (shown, hidden): (Vec<Match>, Vec<Match>) = record.matches.iter().partition(|found| reaches(found));
        let mut contributed = vec![false; record.sources.len()];
        for found in &shown {
            // what is stale is not counted as answered
            let part = record.sources.get(found.source).and_then(|source| source.parts().get(found.part));
            if let (Some(source), true) =
                (contributed.get_mut(found.source), part.is_some_and(|part| part.stale().is_none()))
            {
                *source = true;
            }
        }
        // said of all that was looked through, not of what the filters let pass: they would find out its date or its id
        let source_withheld = record.sources.iter().any(Source::is_withheld);
        let withheld = source_withheld || released.iter().flatten().any(Released::withholds);
        Self { shown, hidden, contributed, withheld }
    }

    fn redacted(&self, record: &Record, shown: &[Place], document: Document) -> Redacted {
        let hidden: Vec<Place> = self.hidden.iter().map(Match::place).collect();
        record.redacted(document, shown, &hidden)
    }
}

/// What of one answer is shown: decided once for each label set, or for each entry where an objection asks for dates.
enum Released {
    ByLabels(Vec<bool>),
    ByEntry(Vec<bool>),
}

impl Released {
    fn of(source: &Source, part: &Part, permits: &Permits) -> Self {
        let (Some(answer), Some(permit)) = (part.answer(), permits.of(part.resource_type)) else {
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
            Self::ByLabels(released) => released.get(usize::from(entry.labels)),
            Self::ByEntry(released) => released.get(position),
        };
        found == Some(&true)
    }

    fn withholds(&self) -> bool {
        let (Self::ByLabels(released) | Self::ByEntry(released)) = self;
        released.iter().any(|released| !released)
    }
}

fn entry_of<'a>(sources: &'a [Source], found: &Match) -> Option<&'a Entry> {
    sources.get(found.source)?.answer(found.part)?.entries.get(found.position)
}

/// Where the page after this cursor begins.
fn after(record: &Record, shown: &[Match], cursor: &Cursor) -> Option<usize> {
    let at = shown.iter().position(|found| {
        found.key == cursor.key
            && record.sources.get(found.source).is_some_and(|s| s.provider.ods == cursor.source)
            && entry_of(&record.sources, found).is_some_and(|entry| *entry.local == *cursor.local)
    })?;
    Some(at + 1)
}

fn cursor(record: &Record, last: &Match) -> Option<Cursor> {
    let source = record.sources.get(last.source)?.provider.ods;
    Some(Cursor { key: last.key, source, local: entry_of(&record.sources, last)?.local.to_string() })
}

/// What every source said, as one fingerprint: a page goes on only from the very same answers.
fn seen(record: &Record) -> Fingerprint {
    let lines = record.lines();
    let parts: Vec<&str> = lines
        .iter()
        .flat_map(|line| {
            let outcome = line.reason.as_deref().unwrap_or(&line.outcome);
            [line.source.as_str(), outcome, line.answer.as_ref().map_or("", |id| &id.0)]
        })
        .collect();
    Fingerprint::of(&parts)
}

fn head(record: &Record, page: Option<&str>, next: Option<&str>) -> String {
    let url = |page| format!("{}{}", record.base, record.ask.link(page));
    let mut links = vec![serde_json::json!({"relation": "self", "url": url(page)})];
    if let Some(next) = next {
        links.push(serde_json::json!({"relation": "next", "url": url(Some(next))}));
    }
    let links = serde_json::Value::from(links);
    let now = Timestamp::now().fhir();
    format!(
        r#"{{"resourceType":"Bundle","id":"{}","meta":{{"lastUpdated":"{now}"}},"type":"searchset","link":{links},"entry":["#,
        uuid::Uuid::new_v4()
    )
}

/// The entries' bytes, shared with the cache; neighbours in an answer go out as one slice. Only a copy that is told as one is
/// cut, where its tag comes in.
pub(super) fn slices(record: &Record, shown: &[Match], copies: &Copies) -> Vec<Bytes> {
    let mut slices = Vec::new();
    let mut run: Option<((usize, usize), Range<usize>)> = None;
    for found in shown {
        let Some(entry) = entry_of(&record.sources, found) else { continue };
        let place = (found.source, found.part);
        if let Some(tag) = copies.tag(&Spot::of(found)) {
            slices.extend(run.take().and_then(|run| slice(record, &run)));
            slices.extend(slice(record, &(place, entry.entry.start..entry.tagged)));
            slices.push(Bytes::copy_from_slice(tag.as_bytes()));
            slices.extend(slice(record, &(place, entry.tagged..entry.entry.end)));
            continue;
        }
        match &mut run {
            Some((of, range)) if *of == place && range.end == entry.entry.start => range.end = entry.entry.end,
            _ => {
                let done = run.replace((place, entry.entry.clone()));
                slices.extend(done.and_then(|run| slice(record, &run)));
            }
        }
    }
    slices.extend(run.and_then(|run| slice(record, &run)));
    slices
}

fn slice(record: &Record, ((source, part), range): &((usize, usize), Range<usize>)) -> Option<Bytes> {
    Some(record.sources.get(*source)?.answer(*part)?.bytes(range))
}
