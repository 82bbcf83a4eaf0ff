//! An entry as the resource that answers show. Of those who wrote and decided it says the organisation and whether it was a person
//! or a system; never who, and never anything secret, as there is none.

use super::{
    Agreement, Contact, Content, Endpoint, Entry, EntryState, Organisation,
    shape::{
        AGREEMENT, CLIENT_KEYS, CONNECTION_TYPE, FHIR_JSON, HOW_TO_ASK, KIND, ODS_ROLE, REGISTRATION, RESOURCE_TYPES,
        REST, TEST_PATIENT,
    },
};
use crate::{
    access::{GlobalFacts, Recorder, Stage},
    domain::{NhsNumber, OdsCode, Timestamp},
    registry::Idiom,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What an answer says of an entry beside what is written in it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The version in force, if any.
    pub in_force: Option<i64>,
    /// Whether the organisation has an endpoint here.
    pub has_endpoint: bool,
    /// Of an endpoint: its status.
    pub status: &'static str,
}

impl Standing {
    pub fn of(entry: &Entry, in_force: Option<i64>, has_endpoint: bool, global: &GlobalFacts, now: Timestamp) -> Self {
        Self { in_force, has_endpoint, status: status(entry, global, now) }
    }
}

/// <https://hl7.org/fhir/R4/valueset-endpoint-status.html>: active is what is shown to readers.
fn status(entry: &Entry, global: &GlobalFacts, now: Timestamp) -> &'static str {
    let Content::Endpoint(endpoint) = &entry.content else { return "" };
    let stages = global.stages.get(&endpoint.ods).map(|stages| (stages.usual, stages.highest()));
    let is_suspended =
        global.suspended.contains(&endpoint.ods) || stages.is_some_and(|(usual, _)| usual == Stage::Suspended);
    match entry.state {
        EntryState::Replaced => "off",
        EntryState::Proposed | EntryState::Refused => "test",
        EntryState::InForce if endpoint.until.is_some_and(|until| until <= now) => "off",
        EntryState::InForce if is_suspended => "suspended",
        EntryState::InForce if endpoint.from.is_some_and(|from| now < from) => "test",
        EntryState::InForce => match stages {
            Some((_, Stage::Live)) => "active",
            _ => "test",
        },
    }
}

pub fn resource(entry: &Entry, standing: &Standing) -> Value {
    let mut members = match &entry.content {
        Content::Organization(organisation) => organization(organisation, standing),
        Content::Endpoint(endpoint) => self::endpoint(endpoint, standing),
    };
    let ods = entry.content.ods();
    let mut whole = Map::new();
    whole.insert("resourceType".to_owned(), entry.content.listed().as_str().into());
    whole.insert("id".to_owned(), ods.as_str().into());
    let meta = json!({"versionId": entry.version.to_string(), "lastUpdated": last_updated(entry).fhir()});
    whole.insert("meta".to_owned(), meta);
    if matches!(entry.content, Content::Organization(_)) {
        members.insert("active".to_owned(), (entry.state == EntryState::InForce).into());
    }
    let more = members.remove("extension").and_then(|list| list.as_array().cloned()).unwrap_or_default();
    let extensions: Vec<Value> = std::iter::once(registration(entry, standing)).chain(more).collect();
    whole.insert("extension".to_owned(), extensions.into());
    whole.extend(members);
    whole.into()
}

/// When this version came to be what it is.
pub(super) fn last_updated(entry: &Entry) -> Timestamp {
    entry.decided.as_ref().map_or(entry.at, |decided| decided.at)
}

fn registration(entry: &Entry, standing: &Standing) -> Value {
    let mut parts = vec![json!({"url": "state", "valueCode": entry.state.as_str()})];
    parts.extend(
        standing.in_force.map(|version| json!({"url": "version-in-force", "valueString": version.to_string()})),
    );
    parts.extend(by("written-by", &entry.by));
    parts.push(json!({"url": "written-through", "valueCode": if entry.by_system { "system" } else { "staff" }}));
    if let Some(decided) = &entry.decided {
        parts.extend(by("decided-by", &decided.by));
        parts.push(json!({"url": "decided", "valueInstant": decided.at.fhir()}));
        parts.extend(decided.reason.as_ref().map(|reason| json!({"url": "reason", "valueString": reason})));
    }
    json!({"url": REGISTRATION, "extension": parts})
}

fn by(url: &str, recorder: &Recorder) -> Option<Value> {
    Some(json!({"url": url, "valueReference": reference(recorder.organisation?)}))
}

fn reference(ods: OdsCode) -> Value {
    json!({"type": "Organization", "identifier": {"system": OdsCode::SYSTEM, "value": ods}})
}

fn organization(organisation: &Organisation, standing: &Standing) -> Map<String, Value> {
    let Organisation { ods, name, kind, role, agreement, contacts, client } = organisation;
    let mut extensions = Vec::new();
    extensions.extend(agreement.as_ref().map(self::agreement));
    extensions.extend(client.as_ref().map(|client| {
        let place = client.jwks_url.iter().map(|url| json!({"url": "jwks-url", "valueUrl": url}));
        let keys = client.jwks.iter().flatten().map(|key| json!({"url": "jwk", "valueString": key.to_string()}));
        let certificates =
            client.certificates.iter().map(|thumbprint| json!({"url": "certificate", "valueString": thumbprint}));
        json!({"url": CLIENT_KEYS, "extension": place.chain(keys).chain(certificates).collect::<Vec<_>>()})
    }));
    let role = role.iter().map(|role| json!({"system": ODS_ROLE, "code": role}));
    let codings: Vec<Value> = std::iter::once(json!({"system": KIND, "code": kind})).chain(role).collect();
    let desks = contacts.iter().filter_map(|contact| {
        let purpose = contact.name.as_ref()?;
        Some(json!({"purpose": {"text": purpose}, "telecom": [point(contact)]}))
    });
    members([
        ("extension", extensions.into()),
        ("identifier", json!([{"system": OdsCode::SYSTEM, "value": ods}])),
        ("type", json!([{"coding": codings}])),
        ("name", json!(name)),
        ("telecom", contacts.iter().filter(|contact| contact.name.is_none()).map(point).collect()),
        ("contact", desks.collect()),
        (
            "endpoint",
            standing.has_endpoint.then(|| json!({"reference": format!("Endpoint/{ods}")})).into_iter().collect(),
        ),
    ])
}

fn agreement(agreement: &Agreement) -> Value {
    let mut parts = vec![json!({"url": "reference", "valueString": agreement.reference})];
    parts.extend(period(agreement.from, agreement.until).map(|period| json!({"url": "period", "valuePeriod": period})));
    json!({"url": AGREEMENT, "extension": parts})
}

fn endpoint(endpoint: &Endpoint, standing: &Standing) -> Map<String, Value> {
    let mut parts = Vec::new();
    if endpoint.idiom != Idiom::default() {
        parts.push(json!({"url": "idiom", "valueCode": endpoint.idiom.as_str()}));
    }
    parts.extend(endpoint.credential.as_ref().map(|name| json!({"url": "credential", "valueString": name})));
    parts.extend(endpoint.replicas.iter().map(|replica| json!({"url": "replica", "valueUrl": replica})));
    parts.extend(endpoint.deadline_ms.map(|ms| json!({"url": "deadline", "valuePositiveInt": ms})));
    let asked = (!parts.is_empty()).then(|| json!({"url": HOW_TO_ASK, "extension": parts}));
    let tested = endpoint.test_patients.iter().map(|number| {
        json!({"url": TEST_PATIENT, "valueIdentifier": {"system": NhsNumber::SYSTEM, "value": number.digits()}})
    });
    let served =
        endpoint.types.iter().map(|served| json!({"coding": [{"system": RESOURCE_TYPES, "code": served.as_str()}]}));
    members([
        ("extension", asked.into_iter().chain(tested).collect()),
        ("status", standing.status.into()),
        ("connectionType", json!({"system": CONNECTION_TYPE, "code": REST})),
        ("name", json!(endpoint.name)),
        ("managingOrganization", reference(endpoint.ods)),
        ("contact", endpoint.contacts.iter().map(point).collect()),
        ("period", period(endpoint.from, endpoint.until).unwrap_or_default()),
        ("payloadType", served.collect()),
        ("payloadMimeType", json!([FHIR_JSON])),
        ("address", json!(endpoint.address)),
    ])
}

fn point(contact: &Contact) -> Value {
    json!({"system": contact.system, "value": contact.value, "use": "work"})
}

/// Both ends are inclusive, as long as they are precise: to the millisecond.
fn period(from: Option<Timestamp>, until: Option<Timestamp>) -> Option<Value> {
    let start = from.map(|from| ("start".to_owned(), from.fhir().into()));
    let end = until.map(|until| ("end".to_owned(), until.minus(Duration::from_millis(1)).fhir().into()));
    let period: Map<String, Value> = start.into_iter().chain(end).collect();
    (!period.is_empty()).then(|| period.into())
}

/// FHIR knows no empty list, and no null.
fn members<const N: usize>(all: [(&str, Value); N]) -> Map<String, Value> {
    let said =
        all.into_iter().filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
    said.map(|(name, value)| (name.to_owned(), value)).collect()
}
