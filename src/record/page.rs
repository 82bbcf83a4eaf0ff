//! One page of a listing: the reader's own selection of the matches, cut after the cursor, with what comes along, its links
//! and completeness.

use super::{
    NotShown, Record, Redacted,
    along::{Along, Follow},
    contradictions,
    copies::{Copies, Spot},
    joined::Place,
    patient,
    redacted::Document,
    selection::{Match, Selection},
    view,
};
use crate::{
    access::Permits,
    domain::Timestamp,
    federation::Entry,
    fhir::ResourceType,
    query::{
        Everything, Search, Total, View,
        page_token::{Cursor, Fingerprint, PageSealer, PageToken},
    },
};
use bytes::Bytes;
use std::ops::Range;

/// Who reads, as pages need to know it: a page token is one reader's own.
pub struct Reader<'a> {
    pub who: Fingerprint,
    pub pages: &'a PageSealer,
    pub must_be_complete: bool,
}

/// What is listed page by page: a search's matches, or everything.
#[derive(Clone, Copy)]
pub struct Listing<'a> {
    count: u32,
    page: Option<&'a str>,
    pub along: Along<'a>,
    view: &'a View,
    /// Whether it is to be said how many there are.
    total: bool,
    /// The types that are looked for, where there may be several.
    types: &'a [ResourceType],
    /// Whether the joined Patient comes before the matches.
    patient: bool,
}

impl<'a> From<&'a Search> for Listing<'a> {
    fn from(search: &'a Search) -> Self {
        Self {
            count: search.count,
            page: search.page.as_deref(),
            along: Along { follow: Follow::Asked(&search.include), provenance: search.with_provenance },
            view: &search.view,
            total: search.total != Total::None || search.view == View::Count,
            types: &[],
            patient: false,
        }
    }
}

impl<'a> From<&'a Everything> for Listing<'a> {
    fn from(everything: &'a Everything) -> Self {
        Self {
            count: everything.count,
            page: everything.page.as_deref(),
            along: Along { follow: Follow::Targets, provenance: false },
            view: &View::Whole,
            total: false,
            types: &everything.types,
            patient: everything.types.contains(&ResourceType::Patient),
        }
    }
}

/// What one page holds, before it is written.
pub struct Page<'a> {
    pub selection: Selection,
    /// Before everything else, on the first page.
    patient: Option<patient::Own<'a>>,
    pub shown: Range<usize>,
    next: Option<String>,
}

impl Page<'_> {
    pub fn matches(&self) -> &[Match] {
        self.selection.shown.get(self.shown.clone()).unwrap_or_default()
    }
}

pub fn choose<'a>(
    record: &'a Record,
    listing: Listing<'_>,
    permits: &Permits,
    reader: &Reader<'_>,
) -> Result<Page<'a>, NotShown> {
    let permit = permits.first();
    let mut selection = Selection::of(record, permits);
    let mut patient = listing.patient.then(|| patient::own(record, permit));
    if let Some(own) = &patient {
        selection.contributed.and(&own.contributed);
        selection.withheld |= own.withheld;
    }
    patient = patient.filter(patient::Own::is_found);
    // the Patient, where there is one, is as it were the match before the first
    let before = usize::from(patient.is_some());
    let query = Fingerprint::of(&[&record.ask.canonical()]);
    let who = reader.who.clone();
    let seen = seen(record);
    let first = match listing.page {
        None => 0,
        Some(token) => {
            let token: PageToken =
                reader.pages.open(token, &who, &query, Timestamp::now()).map_err(|_| NotShown::Gone)?;
            // it goes on only where everything still stands as it did on the first page
            if token.epochs != permit.epochs() || token.sources != seen {
                return Err(NotShown::Gone);
            }
            match (&patient, token.cursor.local == PATIENT) {
                (Some(_), true) => before,
                _ => after(record, &selection.shown, &token.cursor).ok_or(NotShown::Gone)? + before,
            }
        }
    };
    let all = selection.shown.len() + before;
    let count = if *listing.view == View::Count { 0 } else { usize::try_from(listing.count).unwrap_or(usize::MAX) };
    let last = first.saturating_add(count).min(all);
    let next = if count > 0 && last < all {
        let cursor = match last.checked_sub(before + 1).and_then(|at| selection.shown.get(at)) {
            Some(last) => cursor(record, last),
            None => patient.as_ref().and_then(|own| own.source()).map(|source| Cursor {
                key: None,
                source,
                local: PATIENT.to_owned(),
            }),
        };
        let token = PageToken {
            cursor: cursor.ok_or(NotShown::Gone)?,
            reader: who,
            query,
            epochs: permit.epochs(),
            sources: seen,
            issued_at: Timestamp::now(),
        };
        Some(reader.pages.seal(&token).map_err(|_| NotShown::Gone)?)
    } else {
        None
    };
    let shown = first.saturating_sub(before)..last.saturating_sub(before);
    Ok(Page { selection, patient: patient.filter(|_| first == 0 && last > 0), shown, next })
}

pub fn page(
    record: &Record,
    listing: Listing<'_>,
    permits: &Permits,
    reader: &Reader<'_>,
) -> Result<Redacted, NotShown> {
    let permit = permits.first();
    let page = choose(record, listing, permits, reader)?;
    let (selection, matches) = (&page.selection, page.matches());
    let came = listing.along.with(record, selection, permits, matches);
    let (along, kept_back) = (&came.shown, &came.hidden);
    let mut beyond: Vec<_> = listing.types.iter().copied().filter(|t| permits.of(*t).is_none()).collect();
    beyond.extend(listing.along.beyond(permits));
    let copies = Copies::among(record, &selection.shown);
    let contradictions = contradictions::among(record, &selection.shown, &copies);
    let completeness = record
        .completeness(permit, &selection.contributed, selection.withheld)
        .with(came.issue())
        .with(contradictions::issues(record, &contradictions))
        .without(&beyond);
    let mut document = Document { chunks: Vec::new(), partial: completeness.is_partial() };
    // a number that could be another if more had answered is none
    let total = (listing.total && !document.partial).then_some(selection.shown.len());
    document.chunks.push(head(record, listing.page, page.next.as_deref(), total).into());
    let mut shown = Vec::new();
    if let Some(own) = &page.patient {
        let (place, chunks) = own.entry(record, permit)?;
        shown.push(place);
        document.chunks.extend(chunks);
    }
    match listing.view {
        View::Whole => document.chunks.extend(slices(record, matches, &copies)),
        view => matches.iter().for_each(|found| document.chunks.extend(viewed(record, found, view, &copies, false))),
    }
    // elements are named of what is searched: what comes along is shown whole
    let view = if matches!(listing.view, View::Elements(_)) { &View::Whole } else { listing.view };
    along.iter().for_each(|found| document.chunks.extend(viewed(record, found, view, &copies, true)));
    document.chunks.push(format!("{}]}}", completeness.entry()).into());
    // an entry of another page that a contradiction names is told of here
    let named = contradictions.iter().flat_map(|one| &one.spots).map(Place::from);
    shown.extend(matches.iter().chain(along).map(Match::place).chain(named));
    let hidden: Vec<_> = selection.hidden.iter().chain(kept_back).map(Match::place).collect();
    Ok(record.redacted(document, &shown, &hidden))
}

/// Where the page after this cursor begins, among the matches.
fn after(record: &Record, shown: &[Match], cursor: &Cursor) -> Option<usize> {
    let at = shown.iter().position(|found| {
        found.key == cursor.key
            && record.sources.get(found.source).is_some_and(|s| s.provider.ods == cursor.source)
            && address(record, found).is_some_and(|address| address == cursor.local)
    })?;
    Some(at + 1)
}

fn cursor(record: &Record, last: &Match) -> Option<Cursor> {
    let source = record.sources.get(last.source)?.provider.ods;
    Some(Cursor { key: last.key, source, local: address(record, last)? })
}

/// What a cursor calls the Patient that comes before the matches: no entry's address.
const PATIENT: &str = "Patient";

/// An entry's type and its source's own id of it: an id stands for no type.
fn address(record: &Record, found: &Match) -> Option<String> {
    Some(format!("{}/{}", found.part_of(record)?.want.resource_type, found.entry_of(record)?.local))
}

/// What every source said of what was asked for, as one fingerprint: a page goes on only from the very same answers. What
/// came along is not in it: that differs from page to page, and a page does not go on from it. Of what was asked for by
/// filters it is the matches that were answered: for the next page they may come out of the whole.
fn seen(record: &Record) -> Fingerprint {
    let lines = record.lines_asked();
    let matches = record.matches_by_filter();
    let mut parts: Vec<&str> = lines
        .iter()
        .flat_map(|line| {
            let outcome = line.reason.as_deref().unwrap_or(&line.outcome);
            let answer = line.answer.as_ref().filter(|id| !matches.iter().any(|(of, _)| of == id));
            [line.source.as_str(), outcome, answer.map_or("", |id| &id.0)]
        })
        .collect();
    parts.extend(matches.iter().flat_map(|(_, lines)| lines));
    Fingerprint::of(&parts)
}

/// A searchset up to its entries.
pub fn head(record: &Record, page: Option<&str>, next: Option<&str>, total: Option<usize>) -> String {
    let url = |page| format!("{}{}", record.base, record.ask.link(page));
    let mut links = vec![serde_json::json!({"relation": "self", "url": url(page)})];
    if let Some(next) = next {
        links.push(serde_json::json!({"relation": "next", "url": url(Some(next))}));
    }
    let links = serde_json::Value::from(links);
    let now = Timestamp::now().fhir();
    let total = total.map(|total| format!(r#""total":{total},"#)).unwrap_or_default();
    format!(
        r#"{{"resourceType":"Bundle","id":"{}","meta":{{"lastUpdated":"{now}"}},"type":"searchset",{total}"link":{links},"entry":["#,
        uuid::Uuid::new_v4()
    )
}

/// The entries' bytes, shared with the cache; neighbours in an answer go out as one slice. Only a copy that is told as one is
/// cut, where its tag comes in.
pub(super) fn slices(record: &Record, shown: &[Match], copies: &Copies) -> Vec<Bytes> {
    let mut slices = Vec::new();
    let mut run: Option<((usize, usize), Range<usize>)> = None;
    for found in shown {
        let Some(entry) = found.entry_of(record) else { continue };
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

/// One entry, as much of it as the view shows.
fn viewed(record: &Record, found: &Match, view: &View, copies: &Copies, along: bool) -> Vec<Bytes> {
    let (Some(part), Some(entry)) = (found.part_of(record), found.entry_of(record)) else { return Vec::new() };
    let Some(answer) = part.answer() else { return Vec::new() };
    let Entry { entry: whole, resource, .. } = entry;
    let bytes = told(record, found, copies, resource.start);
    let cut = match view {
        View::Whole => None,
        view => view::cut(&bytes.concat(), part.want.resource_type, view),
    };
    let end = if along {
        Bytes::from_static(br#","search":{"mode":"include"}},"#)
    } else {
        answer.bytes(&(resource.end..whole.end))
    };
    let mut chunks = vec![answer.bytes(&(whole.start..resource.start))];
    match cut {
        Some(cut) => chunks.push(cut.into()),
        None => chunks.extend(bytes),
    }
    chunks.push(end);
    chunks
}

/// An entry's bytes from here to the end of its resource, with the tag of a copy that is told as one.
pub fn told(record: &Record, found: &Match, copies: &Copies, from: usize) -> Vec<Bytes> {
    let (Some(answer), Some(entry)) = (found.answer_of(record), found.entry_of(record)) else { return Vec::new() };
    match copies.tag(&Spot::of(found)) {
        None => vec![answer.bytes(&(from..entry.resource.end))],
        Some(tag) => vec![
            answer.bytes(&(from..entry.tagged)),
            Bytes::copy_from_slice(tag.as_bytes()),
            answer.bytes(&(entry.tagged..entry.resource.end)),
        ],
    }
}
