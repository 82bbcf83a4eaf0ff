//! The one Patient: the anchor's original under the gateway's id, with links to each source's own.

use super::{
    NotShown, Record, Redacted, Source, State, completeness::Contributed, joined::Place, page, redacted::Document, view,
};
use crate::{
    access::{Asking, Disclosure, Permit, SkipReason},
    domain::{NhsNumber, OdsCode},
    federation::{Failure, Left, Resolution, Rewriter, SourcePatient},
    fhir::{
        ResourceType,
        date::FhirDate,
        json::{self, Limits, Tape},
        outcome::{Issue, IssueCode, Severity},
    },
    query::{DateFilter, Filter, Search, Total, View, What},
    registry::Provider,
};
use bytes::Bytes;
use serde_json::json;
use std::{collections::HashSet, sync::Arc};

/// The Patient chosen to stand for the person, and what became of the others.
pub struct Own<'a> {
    /// `None`: nobody that may be shown holds the patient.
    found: Option<Found<'a>>,
    pub contributed: Contributed,
    pub withheld: bool,
}

impl Own<'_> {
    pub fn is_found(&self) -> bool {
        self.found.is_some()
    }

    pub fn source(&self) -> Option<OdsCode> {
        Some(self.found.as_ref()?.provider.ods)
    }

    /// As it stands in a Bundle, and its place.
    pub fn resource(&self, record: &Record, permit: &Permit) -> Result<(Place, Bytes), NotShown> {
        let found = self.found.as_ref().ok_or_else(|| missing(record))?;
        Ok((found.place, rewritten(record, permit, found, true)?))
    }

    /// The Bundle entry of a match.
    pub fn entry(&self, record: &Record, permit: &Permit) -> Result<(Place, Vec<Bytes>), NotShown> {
        let (place, resource) = self.resource(record, permit)?;
        Ok((place, entry(record, permit, resource)))
    }
}

fn entry(record: &Record, permit: &Permit, resource: Bytes) -> Vec<Bytes> {
    let id = record.ids.patient(permit.patient());
    let head = format!(r#"{{"fullUrl":"{}Patient/{id}","resource":"#, record.base);
    vec![head.into(), resource, Bytes::from_static(br#","search":{"mode":"match"}},"#)]
}

pub struct Found<'a> {
    pub place: Place,
    pub provider: &'a Arc<Provider>,
    pub resolution: &'a Arc<Resolution>,
    pub patient: &'a SourcePatient,
}

pub fn search(record: &Record, search: &Search, permit: &Permit) -> Result<Redacted, NotShown> {
    let chosen = own(record, permit);
    let id = record.ids.patient(permit.patient());
    let matching = chosen.found.as_ref().is_some_and(|found| passes(record, &id, found.patient));
    let contributed = if matching { &chosen.contributed } else { &Contributed::none(record.sources.len()) };
    let completeness = record.completeness(permit, contributed, chosen.withheld).with(mistyped(record, &chosen));
    let says_total = search.total != Total::None || search.view == View::Count;
    let total = (says_total && !completeness.is_partial()).then_some(usize::from(matching));
    let mut chunks: Vec<Bytes> = vec![page::head(record, None, None, total).into()];
    let mut shown = Vec::new();
    if matching && search.view != View::Count {
        let (place, resource) = chosen.resource(record, permit)?;
        shown.push(place);
        let resource = view::cut(&resource, ResourceType::Patient, &search.view).map_or(resource, Bytes::from);
        chunks.extend(entry(record, permit, resource));
    }
    chunks.push(format!("{}]}}", completeness.entry()).into());
    Ok(record.redacted(Document { chunks, partial: completeness.is_partial() }, &shown, &[]))
}

/// The joined Patient itself.
pub fn read(record: &Record, permit: &Permit) -> Result<Redacted, NotShown> {
    let chosen = own(record, permit);
    let (place, body) = chosen.resource(record, permit)?;
    let completeness = record.completeness(permit, &chosen.contributed, chosen.withheld);
    let document = Document { chunks: vec![body], partial: completeness.is_partial() };
    Ok(record.redacted(document, &[place], &[]))
}

/// A source's own Patient, by the id that the joined one links to.
pub fn source_read(record: &Record, permit: &Permit, source: OdsCode, local: &str) -> Result<Redacted, NotShown> {
    let (at, source) = record.source(source)?;
    let State::Holds { resolution, .. } = &source.state else { return Err(NotShown::NotFound) };
    let held = resolution.patients.iter().enumerate().find(|(_, patient)| patient.local == local);
    let (position, patient) =
        held.filter(|(_, patient)| source.discloses(permit, &patient.labels, None)).ok_or(NotShown::NotFound)?;
    let place = Place { source: at, part: None, position };
    let body = rewritten(record, permit, &Found { place, provider: &source.provider, resolution, patient }, false)?;
    Ok(record.redacted(Document { chunks: vec![body], partial: false }, &[place], &[]))
}

/// The patient index's or the anchor's, where this reader may see it; else the first in the order of ODS codes that they may.
pub fn own<'a>(record: &'a Record, permit: &Permit) -> Own<'a> {
    let mut contributed = Contributed::none(record.sources.len());
    let mut withheld = false;
    let mut found = None;
    for (at, source) in record.sources.iter().enumerate() {
        match &source.state {
            State::Holds { resolution, .. } => {
                let mut patients = resolution.patients.iter().enumerate();
                match patients.find(|(_, patient)| source.discloses(permit, &patient.labels, None)) {
                    // of what is still joining nothing is withheld
                    None => withheld |= permit.asks(source.provider.ods) != Asking::Skip(SkipReason::NotLive),
                    Some((position, patient)) => {
                        contributed.add(at, false);
                        if found.is_none() || record.anchor == Some(at) {
                            let place = Place { source: at, part: None, position };
                            found = Some(Found { place, provider: &source.provider, resolution, patient });
                        }
                    }
                }
            }
            State::Withheld => withheld = true,
            State::Nothing | State::Failed(_) | State::Joining => {}
        }
    }
    if let Some(index) = record.whose.indexed()
        && let Some(patient) = index.resolution.patients.first()
    {
        match permit.disclosure(index.provider.ods, &patient.labels, None) {
            Disclosure::Release => {
                let (place, provider, resolution) = (Place::INDEX, &index.provider, &index.resolution);
                found = Some(Found { place, provider, resolution, patient });
            }
            Disclosure::Withhold(_) => withheld = true,
        }
    }
    Own { found, contributed, withheld }
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
        // no token parameter reads a Patient but its identifier, which names them
        Filter::Token(_) => false,
        Filter::Date(date) => is_born(date, patient),
    })
}

/// Where the birth date asked for is not the patient index's.
fn mistyped(record: &Record, chosen: &Own<'_>) -> Option<Issue> {
    let found = chosen.found.as_ref().filter(|found| found.place == Place::INDEX)?;
    let What::Search(search) = &record.ask.what else { return None };
    let differs = |filter: &Filter| match filter {
        Filter::Date(date) => date.parameter == "birthdate" && !is_born(date, found.patient),
        _ => false,
    };
    let said = "The birth date given is not the one that the patient index holds for this NHS number: check that the \
                number is this patient's.";
    let issue = || Issue::new(Severity::Warning, IssueCode::Value).diagnostics(said);
    search.filters.iter().any(differs).then(issue)
}

fn is_born(date: &DateFilter, patient: &SourcePatient) -> bool {
    let born = patient.birth_date.as_deref().and_then(|text| FhirDate::parse(text).ok());
    born.is_some_and(|born| date.passes(&[born.interval]))
}

pub(super) fn rewritten(record: &Record, permit: &Permit, found: &Found<'_>, joined: bool) -> Result<Bytes, NotShown> {
    let Found { provider, resolution, patient, .. } = *found;
    let number = permit.patient();
    let mut rewriter = Rewriter {
        ids: Arc::clone(&record.ids),
        provider: Arc::clone(provider),
        numbers: record.whose.numbers.clone(),
        resolution: Arc::clone(resolution),
        base: Arc::clone(&record.base),
        long_ids: HashSet::new(),
        concealing: record.whose.concealing.clone(),
    };
    let id = if joined { record.ids.patient(number) } else { rewriter.id(&patient.local) };
    let links = joined.then(|| links(record, permit, number)).filter(|links| !links.is_empty());
    let mut out = Vec::with_capacity(patient.bytes.len() + 512);
    let mut tape = Tape::new();
    // it was read and written when it came: that it fails now cannot be
    let resource = json::parse(&patient.bytes, &mut Limits::default(), &mut tape).map_err(|_| NotShown::NotFound)?;
    let mut left = Left::default();
    let told = rewriter.told(resource, &mut left).map_err(|_| NotShown::NotFound)?;
    rewriter.write(told, &id, links.as_deref(), &mut out).map_err(|_| NotShown::NotFound)?;
    Ok(out.into())
}

/// `link` items to each source's own Patient. <https://hl7.org/fhir/R4/valueset-link-type.html>
fn links(record: &Record, permit: &Permit, number: NhsNumber) -> String {
    let mut links = Vec::new();
    for source in &record.sources {
        let State::Holds { resolution, .. } = &source.state else { continue };
        for patient in resolution.patients.iter().filter(|p| source.discloses(permit, &p.labels, None)) {
            let (id, _) = record.ids.entry(source.provider.ods, number, &patient.local);
            let reference = format!("Patient/{id}");
            let other = match record.is_concealed() {
                true => json!({"reference": reference}),
                false => json!({"reference": reference, "display": source.provider.name}),
            };
            links.push(json!({"other": other, "type": "seealso"}).to_string());
        }
    }
    links.join(",")
}
