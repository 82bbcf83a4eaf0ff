//! The one Patient: the anchor's original under the gateway's id, with links to each source's own.

use super::{ItemRanges, NotShown, Record, Redacted, Source, State, redacted::Document};
use crate::{
    access::{Disclosure, Permit},
    domain::{Labels, NhsNumber, OdsCode, Timestamp},
    federation::{Failure, Resolution, Rewriter, SourcePatient},
    fhir::{
        date::FhirDate,
        json::{self, Limits, Tape},
    },
    query::{Filter, What},
};
use serde_json::json;
use std::sync::Arc;

/// The Patient chosen to stand for the person, and what became of the others.
struct Chosen<'a> {
    /// `None`: nobody that may be shown holds the patient.
    found: Option<(usize, &'a Arc<Resolution>, &'a SourcePatient)>,
    contributed: Vec<bool>,
    withheld: bool,
}

pub fn search(record: &Record, permit: &Permit) -> Result<Redacted, NotShown> {
    let chosen = choose(record, permit);
    let mut matching = None;
    let id = record.ids.patient(permit.patient());
    if let Some((at, resolution, patient)) = chosen.found
        && passes(record, &id, patient)
    {
        let position = resolution.patients.iter().position(|p| p.local == patient.local).unwrap_or_default();
        matching = Some(((at, position), rewritten(record, permit, at, resolution, patient, true)));
    }
    let contributed = if matching.is_some() { chosen.contributed } else { vec![false; record.sources.len()] };
    let completeness = record.completeness(permit, &contributed, chosen.withheld);
    let bundle = json!({
        "resourceType": "Bundle",
        "id": uuid::Uuid::new_v4().to_string(),
        "meta": {"lastUpdated": Timestamp::now().fhir()},
        "type": "searchset",
        "link": [{"relation": "self", "url": format!("{}{}", record.base, record.ask.canonical())}],
    })
    .to_string();
    let mut body = bundle.trim_end_matches('}').to_owned();
    body.push_str(r#","entry":["#);
    if let Some((_, resource)) = &matching {
        body.push_str(&format!(r#"{{"fullUrl":"{}Patient/{id}","resource":"#, record.base));
        body.push_str(resource);
        body.push_str(r#","search":{"mode":"match"}},"#);
    }
    body.push_str(&completeness.entry());
    body.push_str("]}");
    let document = Document { chunks: vec![body.into()], partial: completeness.is_partial() };
    Ok(redacted(record, matching.map(|(place, _)| place), document))
}

/// The joined Patient itself.
pub fn read(record: &Record, permit: &Permit) -> Result<Redacted, NotShown> {
    let chosen = choose(record, permit);
    let (at, resolution, patient) = chosen.found.ok_or_else(|| missing(record))?;
    let body = rewritten(record, permit, at, resolution, patient, true);
    let completeness = record.completeness(permit, &chosen.contributed, chosen.withheld);
    let document = Document { chunks: vec![body.into()], partial: completeness.is_partial() };
    let position = resolution.patients.iter().position(|p| p.local == patient.local).unwrap_or_default();
    Ok(redacted(record, Some((at, position)), document))
}

/// A source's own Patient, by the id that the joined one links to.
pub fn source_read(record: &Record, permit: &Permit, source: OdsCode, local: &str) -> Result<Redacted, NotShown> {
    let at = record.sources.iter().position(|s| s.provider.ods == source).ok_or(NotShown::NotFound)?;
    let (resolution, patient) = match record.sources.get(at).map(|s| &s.state) {
        Some(State::Failed(failure)) => {
            return Err(NotShown::ProvidersFailed { timeout: *failure == Failure::Timeout });
        }
        Some(State::Holds { resolution, .. }) => {
            let found = resolution.patients.iter().find(|p| p.local == local);
            (resolution, found.filter(|p| releases(permit, source, &p.labels)).ok_or(NotShown::NotFound)?)
        }
        _ => return Err(NotShown::NotFound),
    };
    let body = rewritten(record, permit, at, resolution, patient, false);
    let document = Document { chunks: vec![body.into()], partial: false };
    let position = resolution.patients.iter().position(|p| p.local == local);
    Ok(redacted(record, Some((at, position.unwrap_or_default())), document))
}

/// The anchor's, where this reader may see it; else the first in the order of ODS codes that they may.
fn choose<'a>(record: &'a Record, permit: &Permit) -> Chosen<'a> {
    let mut contributed = vec![false; record.sources.len()];
    let mut withheld = false;
    let mut found = None;
    for (at, source) in record.sources.iter().enumerate() {
        match &source.state {
            State::Holds { resolution, .. } => {
                let patient = resolution.patients.iter().find(|p| releases(permit, source.provider.ods, &p.labels));
                match patient {
                    None => withheld = true,
                    Some(patient) => {
                        if let Some(place) = contributed.get_mut(at) {
                            *place = true;
                        }
                        if found.is_none() || record.anchor == Some(at) {
                            found = Some((at, resolution, patient));
                        }
                    }
                }
            }
            State::Withheld => withheld = true,
            State::Nothing | State::Failed(_) => {}
        }
    }
    Chosen { found, contributed, withheld }
}

fn releases(permit: &Permit, source: OdsCode, labels: &Labels) -> bool {
    permit.disclosure(source, labels) == Disclosure::Release
}

/// Nobody holds them: not found. Somebody who might did not answer: not known.
fn missing(record: &Record) -> NotShown {
    match record.sources.iter().find_map(Source::failure) {
        Some(failure) => NotShown::ProvidersFailed { timeout: failure == Failure::Timeout },
        None => NotShown::NotFound,
    }
}

fn passes(record: &Record, id: &str, patient: &SourcePatient) -> bool {
    let What::Search(search) = &record.ask.what else { return true };
    search.filters.iter().all(|filter| match filter {
        Filter::Id(ids) => ids.iter().any(|wanted| wanted == id),
        Filter::Date(date) if date.parameter == "_lastUpdated" => {
            patient.last_updated.is_some_and(|at| date.passes(&[at]))
        }
        Filter::Date(date) => {
            let born = patient.birth_date.as_deref().and_then(|text| FhirDate::parse(text).ok());
            born.is_some_and(|born| date.passes(&[born.interval]))
        }
    })
}

fn rewritten(
    record: &Record,
    permit: &Permit,
    at: usize,
    resolution: &Arc<Resolution>,
    patient: &SourcePatient,
    joined: bool,
) -> String {
    let Some(source) = record.sources.get(at) else { return String::new() };
    let number = permit.patient();
    let mut rewriter = Rewriter {
        ids: Arc::clone(&record.ids),
        provider: Arc::clone(&source.provider),
        patient: number,
        resolution: Arc::clone(resolution),
        base: Arc::clone(&record.base),
        long_ids: Vec::new(),
    };
    let id = if joined { record.ids.patient(number) } else { rewriter.id(&patient.local) };
    let links = joined.then(|| links(record, permit, number)).filter(|links| !links.is_empty());
    let mut out = Vec::with_capacity(patient.bytes.len() + 512);
    let mut tape = Tape::new();
    if let Ok(resource) = json::parse(&patient.bytes, &mut Limits::default(), &mut tape) {
        rewriter.write(resource, &id, links.as_deref(), &mut out);
    }
    String::from_utf8(out).unwrap_or_default()
}

/// `link` items to each source's own Patient. <https://hl7.org/fhir/R4/valueset-link-type.html>
fn links(record: &Record, permit: &Permit, number: NhsNumber) -> String {
    let mut links = Vec::new();
    for source in &record.sources {
        let State::Holds { resolution, .. } = &source.state else { continue };
        for patient in resolution.patients.iter().filter(|p| releases(permit, source.provider.ods, &p.labels)) {
            let (id, _) = record.ids.entry(source.provider.ods, number, &patient.local);
            let other = json!({"reference": format!("Patient/{id}"), "display": source.provider.name});
            links.push(json!({"other": other, "type": "seealso"}).to_string());
        }
    }
    links.join(",")
}

/// `shown` is the place of the source and of its Patient.
fn redacted(record: &Record, shown: Option<(usize, usize)>, document: Document) -> Redacted {
    let mut lines = record.lines();
    if let Some((at, position)) = shown
        && let Some(line) = lines.get_mut(at)
    {
        line.released = ItemRanges::of(u32::try_from(position).ok());
    }
    Redacted::new(document, lines, record.items())
}
