//! What was on a screen, and who was shown an entry: from the log alone.

use super::{AnswerId, Items, Kind, LogReader, PatientRows, Row, Who};
use crate::domain::{NhsNumber, OdsCode, RequestId, StoreError, Timestamp};
use std::collections::BTreeMap;

const PAGE: u32 = 500;

/// One line of an item list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub source: OdsCode,
    /// `Type/local-id`, as the source calls it.
    pub reference: String,
    pub version: Option<String>,
    /// SHA-256 of the source's bytes, lower-case hex.
    pub hash: String,
    pub labels: Option<String>,
}

impl Item {
    fn parse(source: OdsCode, line: &str) -> Option<Self> {
        let given = |field: Option<&str>| field.filter(|text| *text != "-").map(str::to_owned);
        let mut fields = line.split(' ');
        let reference = fields.next().filter(|text| !text.is_empty())?.to_owned();
        let version = given(fields.next());
        Some(Self { source, reference, version, hash: fields.next()?.to_owned(), labels: given(fields.next()) })
    }
}

/// What one request put on a screen.
#[derive(Clone, Debug)]
pub struct Screen {
    pub row: Row,
    pub shown: Vec<Item>,
    pub withheld: Vec<Item>,
    /// Item lists that are not there any more: what they held cannot be said.
    pub missing: Vec<AnswerId>,
}

/// What a request showed and withheld: one screen for each release row it has (a retried commit can leave two).
pub async fn release(reader: &dyn LogReader, request: RequestId) -> Result<Vec<Screen>, StoreError> {
    let mut screens = Vec::new();
    for stored in reader.request_rows(request).await? {
        let Some(row) = stored.row()?.filter(|row| row.kind == Kind::Released) else { continue };
        let mut screen = Screen { shown: Vec::new(), withheld: Vec::new(), missing: Vec::new(), row };
        for line in screen.row.lines() {
            let Some(answer) = &line.answer else { continue };
            let Some(items) = reader.items(answer).await? else {
                screen.missing.push(answer.clone());
                continue;
            };
            for (position, text) in (0..).zip(items.lines()) {
                let item = || Item::parse(items.source, text);
                if line.released.contains(position) {
                    screen.shown.extend(item());
                } else if line.withheld.contains(position) {
                    screen.withheld.extend(item());
                }
            }
        }
        screens.push(screen);
    }
    Ok(screens)
}

/// Someone who was shown an entry.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub at: Timestamp,
    pub request_id: RequestId,
    pub patient: NhsNumber,
    pub who: Option<Who>,
    /// Held back from the patient's log under this hold, until it is released.
    pub held: Option<String>,
    /// The entry as they saw it.
    pub item: Item,
}

/// Everyone who was shown one of these entries (`Type/local-id`) of this source, newest first. Without the patient, all of the
/// source's item lists are searched: slow, but a source that marks an entry wrong may not know whose it was.
pub async fn shown(
    reader: &dyn LogReader,
    source: OdsCode,
    references: &[String],
    patient: Option<NhsNumber>,
) -> Result<Vec<Viewer>, StoreError> {
    let mut found: BTreeMap<NhsNumber, BTreeMap<AnswerId, Vec<(u32, Item)>>> = BTreeMap::new();
    let mut after: Option<AnswerId> = None;
    loop {
        let page = reader.item_lists(Some((source, patient)), after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for items in page {
            let places = places_of(&items, references);
            if !places.is_empty() {
                found.entry(items.patient).or_default().insert(items.id, places);
            }
        }
    }
    let mut viewers = Vec::new();
    for (patient, answers) in &found {
        viewers_of(reader, *patient, answers, &mut viewers).await?;
    }
    viewers.sort_by_key(|viewer| std::cmp::Reverse(viewer.at));
    Ok(viewers)
}

/// A source may have sent the same id twice in one answer. A document is found as itself and as a part of what refers to it.
fn places_of(items: &Items, references: &[String]) -> Vec<(u32, Item)> {
    let is_one = |name: &str| references.iter().any(|one| one == name);
    let is_named = |line: &str| {
        let mut fields = line.split(' ');
        fields.next().is_some_and(|name| {
            is_one(name)
                || (name.starts_with("Binary/") && fields.next_back().is_some_and(|of| of.split(',').any(is_one)))
        })
    };
    let named = (0..).zip(items.lines()).filter(|(_, line)| is_named(line));
    named.filter_map(|(position, line)| Some((position, Item::parse(items.source, line)?))).collect()
}

async fn viewers_of(
    reader: &dyn LogReader,
    patient: NhsNumber,
    answers: &BTreeMap<AnswerId, Vec<(u32, Item)>>,
    viewers: &mut Vec<Viewer>,
) -> Result<(), StoreError> {
    let during = Timestamp(i64::MIN)..Timestamp::MAX;
    let mut wanted = PatientRows { patient, during, before: None, limit: PAGE };
    loop {
        let page = reader.patient_rows(&wanted).await?;
        let Some(last) = page.last() else { return Ok(()) };
        wanted.before = last.place();
        for stored in &page {
            let Some(row) = stored.row()?.filter(|row| row.kind == Kind::Released) else { continue };
            for line in row.lines() {
                let places = line.answer.as_ref().and_then(|answer| answers.get(answer));
                for (_, item) in places.into_iter().flatten().filter(|(position, _)| line.released.contains(*position))
                {
                    let (at, request_id, who, item) = (row.at, row.request_id, row.who.clone(), item.clone());
                    viewers.push(Viewer { at, request_id, patient, who, held: row.held.clone(), item });
                }
            }
        }
    }
}
