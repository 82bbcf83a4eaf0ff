//! A summary of the record to be read as one document: <http://hl7.org/fhir/uv/ips/OperationDefinition/summary>. Composition
//! first; every entry as its source wrote it; what says where each came from; and a section that says how complete it is,
//! for a document has no outcome entry.

mod section;

pub use section::types;

use super::{
    NotShown, Record, Redacted,
    along::{Along, Follow},
    contradictions,
    copies::Copies,
    page, patient,
    redacted::Document,
    selection::{Match, Selection},
};
use crate::{
    access::Permits,
    domain::{OdsCode, Timestamp},
};
use bytes::Bytes;
use section::{Filled, fill, narrative};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

const IPS: &str = "http://hl7.org/fhir/uv/ips/StructureDefinition";
const AGENT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";

/// The entries of all sections, as this reader is shown them.
pub fn matches(record: &Record, permits: &Permits) -> Vec<Match> {
    told(&fill(record, &Selection::of(record, permits).shown))
}

fn told(sections: &[Filled]) -> Vec<Match> {
    sections.iter().flat_map(|section| section.entries.iter().copied()).collect()
}

pub fn summary(record: &Record, permits: &Permits) -> Result<Redacted, NotShown> {
    let permit = permits.first();
    let own = patient::own(record, permit);
    let (place, person) = own.resource(record, permit)?;
    let selection = Selection::of(record, permits);
    let sections = fill(record, &selection.shown);
    let entries = told(&sections);
    let along = Along { follow: Follow::Targets, provenance: false };
    let came = along.with(record, &selection, permits, &entries);
    let mut contributed = selection.contributed.clone();
    contributed.and(&own.contributed);
    let completeness = record.completeness(permit, &contributed, selection.withheld || own.withheld);
    let mut beyond: Vec<_> = types().into_iter().filter(|t| permits.of(*t).is_none()).collect();
    beyond.extend(along.beyond(permits));
    let copies = Copies::among(record, &entries);
    let contradictions = contradictions::among(record, &entries, &copies);
    let completeness =
        completeness.with(came.issue()).with(contradictions::issues(record, &contradictions)).without(&beyond);

    let now = Timestamp::now().fhir();
    let [document, about, device, outcome] = [(); 4].map(|()| Uuid::new_v4());
    let subject = format!("{}Patient/{}", record.base, record.ids.patient(permit.patient()));
    let mut told: Vec<Value> =
        sections.iter().map(|section| section.json(record, permits, |found| address(record, found))).collect();
    let issues = completeness.outcome().issues.iter();
    let said: Vec<String> = issues.filter_map(|issue| issue.diagnostics.as_deref().map(str::to_owned)).collect();
    told.push(json!({
        "title": "How complete this summary is",
        "text": narrative(&[], &said),
        "entry": [{"reference": urn(outcome)}],
    }));
    let composition = (
        about,
        json!({
            "resourceType": "Composition",
            "meta": {"profile": [format!("{IPS}/Composition-uv-ips")]},
            "status": "final",
            "type": {"coding": [{"system": "http://loinc.org", "code": "60591-5", "display": "Patient summary Document"}]},
            "subject": {"reference": subject},
            "date": now,
            "author": [{"reference": urn(device)}],
            "title": "Patient summary",
            "section": told,
        }),
    );
    let gateway = (
        device,
        json!({
            "resourceType": "Device",
            "deviceName": [{"name": "caregate, a shared care record gateway", "type": "user-friendly-name"}],
            "version": [{"value": env!("CARGO_PKG_VERSION")}],
        }),
    );
    let completed = serde_json::from_str(&completeness.outcome().to_json()).unwrap_or_default();

    let mut chunks = vec![Bytes::from(head(document, &now)), own_entry(composition)];
    chunks.extend([Bytes::from(format!(r#"{{"fullUrl":"{subject}","resource":"#)), person, END]);
    chunks.extend([own_entry(gateway), own_entry((outcome, completed))]);
    for found in entries.iter().chain(&came.shown) {
        if let Some(entry) = found.entry_of(record) {
            chunks.extend(page::told(record, found, &copies, entry.entry.start));
            chunks.push(END);
        }
    }
    if !record.is_concealed() {
        chunks.extend(origins(record, entries.iter().chain(&came.shown)).map(own_entry));
    }
    let assembled = json!({
        "resourceType": "Provenance",
        "target": [{"reference": urn(about)}],
        "recorded": now,
        "agent": [agent("assembler", json!({"reference": urn(device)}))],
    });
    let last = own_entry((Uuid::new_v4(), assembled));
    chunks.extend([last.slice(..last.len() - 1), Bytes::from_static(b"]}")]);

    let mut shown = vec![place];
    shown.extend(entries.iter().chain(&came.shown).map(Match::place));
    let hidden: Vec<_> = selection.hidden.iter().chain(&came.hidden).map(Match::place).collect();
    Ok(record.redacted(Document { chunks, partial: completeness.is_partial() }, &shown, &hidden))
}

const END: Bytes = Bytes::from_static(b"},");

fn head(id: Uuid, now: &str) -> String {
    let bundle = json!({
        "resourceType": "Bundle",
        "id": id,
        "meta": {"profile": [format!("{IPS}/Bundle-uv-ips")]},
        "identifier": {"system": "urn:ietf:rfc:3986", "value": urn(id)},
        "type": "document",
        "timestamp": now,
    });
    format!(r#"{},"entry":["#, bundle.to_string().trim_end_matches('}'))
}

fn urn(id: Uuid) -> String {
    format!("urn:uuid:{id}")
}

/// A resource of the gateway's own, made for this document.
fn own_entry((id, mut resource): (Uuid, Value)) -> Bytes {
    if let Some(resource) = resource.as_object_mut() {
        resource.insert("id".into(), id.to_string().into());
    }
    format!("{},", json!({"fullUrl": urn(id), "resource": resource})).into()
}

/// Where an entry stands in the document.
fn address(record: &Record, found: &Match) -> Option<String> {
    let (part, answer, entry) = (found.part_of(record)?, found.answer_of(record)?, found.entry_of(record)?);
    let (id, _) = record.ids.entry(answer.source, answer.items.patient, &entry.local);
    Some(format!("{}{}/{id}", record.base, part.want.resource_type))
}

/// For each source what of the document is its own.
fn origins<'a>(record: &'a Record, told: impl Iterator<Item = &'a Match>) -> impl Iterator<Item = (Uuid, Value)> + 'a {
    let mut by_source: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for found in told {
        let url = address(record, found).map(|url| json!({"reference": url}));
        by_source.entry(found.source).or_default().extend(url);
    }
    by_source.into_iter().filter_map(|(at, target)| {
        let source = record.sources.get(at)?;
        let who = json!({
            "identifier": {"system": OdsCode::SYSTEM, "value": source.provider.ods.to_string()},
            "display": source.provider.name,
        });
        let recorded = source.since().unwrap_or_else(Timestamp::now).fhir();
        let origin = json!({
            "resourceType": "Provenance",
            "target": target,
            "recorded": recorded,
            "agent": [agent("custodian", who)],
        });
        Some((Uuid::new_v4(), origin))
    })
}

fn agent(code: &str, who: Value) -> Value {
    json!({"type": {"coding": [{"system": AGENT, "code": code}]}, "who": who})
}
