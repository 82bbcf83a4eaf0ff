//! Audit rows as the patient and the privacy office read them: FHIR AuditEvents in the shapes of IHE BALP
//! (<https://profiles.ihe.net/ITI/BALP/>), PatientQuery for searches and PatientRead for reads. They show who looked, for
//! which organisation, what for, on what basis, and which sources did not answer; the gateway is never the viewer.

use super::{Kind, LogId, Row, Who};
use crate::{
    domain::{NhsNumber, OdsCode},
    identity::Purpose,
};
use data_encoding::BASE64;
use serde_json::{Value, json};

const PROFILES: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const ROLE_CLASS: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleClass";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const TRANSACTION_TYPE: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
const JOB_ROLE: &str = "https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName";
const USER_ID: &str = "https://fhir.nhs.uk/Id/sds-user-id";
const BASIS: &str = "https://caregate.example/StructureDefinition/access-basis";
const OVERRIDE: &str = "https://caregate.example/StructureDefinition/access-override";
const MISSING_SOURCE: &str = "https://caregate.example/StructureDefinition/missing-source";

/// What a row cannot say by itself.
pub struct Setting<'a> {
    /// Our FHIR base.
    pub base: &'a str,
    /// An organisation's name, where it is known.
    pub name_of: &'a dyn Fn(OdsCode) -> Option<String>,
}

/// One closing row as an AuditEvent. Its id is the row's place in the log.
pub fn event(row: &Row, log: &LogId, index: u64, setting: &Setting<'_>) -> Value {
    let shape = Shape::of(row);
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": id(log, index),
        "type": coding("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "RESTful Operation"),
        "subtype": subtypes(row, &shape),
        "action": shape.action,
        "recorded": row.at.fhir(),
        "outcome": outcome(row),
        "agent": agents(row, &shape, setting),
        "source": {
            "observer": {"identifier": {"value": log.to_string()}, "display": "caregate"},
            "type": [coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")],
        },
        "entity": entities(row, &shape),
    });
    if let Some(event) = event.as_object_mut() {
        if let Some(profile) = shape.profile {
            event.insert("meta".into(), json!({"profile": [format!("{PROFILES}/{profile}")]}));
        }
        if let Some(reason) = &row.reason {
            event.insert("outcomeDesc".into(), json!(reason));
        }
        let extensions = extensions(row, setting);
        if !extensions.is_empty() {
            event.insert("extension".into(), extensions.into());
        }
    }
    event
}

/// An override begun says so beside its interaction.
fn subtypes(row: &Row, shape: &Shape) -> Vec<Value> {
    let interaction = json!({"system": "http://hl7.org/fhir/restful-interaction", "code": shape.subtype});
    let started = override_begun(row).map(|_| coding(DCM, "110127", "Emergency Override Started"));
    [interaction].into_iter().chain(started).collect()
}

/// The reason that a request for an override gives.
fn override_begun(row: &Row) -> Option<&str> {
    row.request.strip_prefix("Patient/$override?reason=")
}

/// <https://hl7.org/fhir/R4/datatypes.html#id>: letters, digits, hyphens and dots.
fn id(log: &LogId, index: u64) -> String {
    format!("{log}.{index}").replace('_', "-")
}

/// What BALP calls it, by the row's interaction.
struct Shape {
    profile: Option<&'static str>,
    subtype: &'static str,
    action: &'static str,
    /// DCM roles of client and server: who sends the data, who gets them.
    client: (&'static str, &'static str),
    server: (&'static str, &'static str),
    is_query: bool,
}

const SOURCE_ROLE: (&str, &str) = ("110153", "Source Role ID");
const DESTINATION_ROLE: (&str, &str) = ("110152", "Destination Role ID");

impl Shape {
    fn of(row: &Row) -> Self {
        let written = |subtype, action| Self {
            profile: None,
            subtype,
            action,
            client: SOURCE_ROLE,
            server: DESTINATION_ROLE,
            is_query: false,
        };
        match row.interaction.as_str() {
            "search" => Self {
                profile: Some("IHE.BasicAudit.PatientQuery"),
                subtype: "search",
                action: "E",
                client: SOURCE_ROLE,
                server: DESTINATION_ROLE,
                is_query: true,
            },
            "read" => Self {
                profile: Some("IHE.BasicAudit.PatientRead"),
                subtype: "read",
                action: "R",
                client: DESTINATION_ROLE,
                server: SOURCE_ROLE,
                is_query: false,
            },
            "create" => written("create", "C"),
            "update" => written("update", "U"),
            _ => written("operation", "E"),
        }
    }
}

/// <https://hl7.org/fhir/R4/valueset-audit-event-outcome.html>: a refusal is a serious failure of the request, not ours.
fn outcome(row: &Row) -> &'static str {
    match row.kind {
        Kind::Released => "0",
        Kind::Failed if row.status < 500 => "4",
        Kind::Refused | Kind::Failed | Kind::Intent => "8",
    }
}

fn agents(row: &Row, shape: &Shape, setting: &Setting<'_>) -> Vec<Value> {
    let mut agents = Vec::new();
    if let Some(who) = &row.who {
        let mut client = json!({
            "type": concept(DCM, shape.client),
            "who": {"identifier": {"value": who.client}},
            "requestor": false,
        });
        if let (Some(network), Some(client)) = (&who.network, client.as_object_mut()) {
            client.insert("network".into(), json!({"address": network, "type": "2"}));
        }
        agents.push(client);
    }
    agents.push(json!({
        "type": concept(DCM, shape.server),
        "who": {"display": "caregate"},
        "requestor": false,
        "network": {"address": setting.base, "type": "5"},
    }));
    if let Some(who) = &row.who {
        agents.push(user(row, who));
        agents.extend(who.organisation.map(|organisation| {
            json!({
                "type": concept(ROLE_CLASS, ("PROV", "healthcare provider")),
                "who": organisation_reference(organisation, setting),
                "requestor": false,
            })
        }));
    }
    agents
}

fn user(row: &Row, who: &Who) -> Value {
    let identifier = match &who.user {
        Some(user) => json!({"system": USER_ID, "value": user}),
        None => json!({"system": who.issuer, "value": who.subject}),
    };
    let mut reference = json!({"identifier": identifier});
    let name = who.name.clone().or_else(|| (who.party == "patient").then(|| "The patient".to_owned()));
    if let (Some(name), Some(reference)) = (&name, reference.as_object_mut()) {
        reference.insert("display".into(), json!(name));
    }
    let mut agent = json!({
        "type": concept(PARTICIPATION, ("IRCP", "information recipient")),
        "who": reference,
        "requestor": true,
    });
    if let Some(agent) = agent.as_object_mut() {
        if let Some(name) = &name {
            agent.insert("name".into(), json!(name));
        }
        if let Some(role) = &who.role {
            let mut coding = json!({"system": JOB_ROLE, "code": role});
            if let (Some(name), Some(coding)) = (&who.role_name, coding.as_object_mut()) {
                coding.insert("display".into(), json!(name));
            }
            agent.insert("role".into(), json!([{"coding": [coding]}]));
        }
        if let Some(acting) = &who.acting {
            agent.insert("altId".into(), json!(acting));
        }
        let broke_glass = (row.overriding.is_some() || override_begun(row).is_some()).then_some("BTG");
        let purposes = row.purpose.as_deref().into_iter().chain(broke_glass);
        let purposes: Vec<Value> =
            purposes.map(|code| json!({"coding": [{"system": Purpose::SYSTEM, "code": code}]})).collect();
        if !purposes.is_empty() {
            agent.insert("purposeOfUse".into(), purposes.into());
        }
    }
    agent
}

fn entities(row: &Row, shape: &Shape) -> Vec<Value> {
    let mut entities = Vec::new();
    if let Some(patient) = row.patient {
        entities.push(json!({
            "what": {"identifier": {"system": NhsNumber::SYSTEM, "value": patient.digits()}},
            "type": coding(ENTITY_TYPE, "1", "Person"),
            "role": coding(OBJECT_ROLE, "1", "Patient"),
        }));
    }
    if shape.is_query {
        entities.push(json!({
            "type": coding(ENTITY_TYPE, "2", "System Object"),
            "role": coding(OBJECT_ROLE, "24", "Query"),
            "query": BASE64.encode(row.request.as_bytes()),
        }));
    } else {
        entities.push(json!({
            "what": what(&row.request),
            "type": coding(ENTITY_TYPE, "2", "System Object"),
            "role": coding(OBJECT_ROLE, "4", "Domain Resource"),
        }));
    }
    entities.push(json!({
        "what": {"identifier": {"value": row.request_id.to_string()}},
        "type": {"system": TRANSACTION_TYPE, "code": "XrequestId"},
    }));
    entities
}

/// A resource is referred to; any other request, an operation or a creation, is said in words, for it is no reference.
fn what(request: &str) -> Value {
    let is_id = |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'.');
    match request.split_once('/') {
        Some((_, id)) if is_id(id) => json!({"reference": request}),
        _ => json!({"display": request}),
    }
}

fn extensions(row: &Row, setting: &Setting<'_>) -> Vec<Value> {
    let basis = row.basis.iter().map(|basis| json!({"url": BASIS, "valueString": basis}));
    let missing = row
        .sources
        .iter()
        .filter(|line| line.outcome == "failed")
        .map(|line| json!({"url": MISSING_SOURCE, "valueReference": organisation_reference(line.source, setting)}));
    let reason = row.overriding.as_ref().map(|overriding| overriding.reason.as_str()).or(override_begun(row));
    let overriding = reason.map(|reason| json!({"url": OVERRIDE, "valueCode": reason}));
    basis.chain(overriding).chain(missing).collect()
}

fn organisation_reference(organisation: OdsCode, setting: &Setting<'_>) -> Value {
    let mut reference = json!({"identifier": {"system": OdsCode::SYSTEM, "value": organisation.as_str()}});
    if let (Some(name), Some(reference)) = ((setting.name_of)(organisation), reference.as_object_mut()) {
        reference.insert("display".into(), json!(name));
    }
    reference
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({"system": system, "code": code, "display": display})
}

fn concept(system: &str, (code, display): (&str, &str)) -> Value {
    json!({"coding": [coding(system, code, display)]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_resource_is_referred_to() {
        for resource in ["Condition/a-1.B", "Task/6f1c2f0e-5d0b-4c1c-9a53-0d8a7d4f1b21"] {
            assert_eq!(what(resource), json!({"reference": resource}));
        }
        for request in
            ["Consent", "Patient/1/$summary", "Patient/1/$everything?_count=5", "Patient/$override?reason=emergency"]
        {
            assert_eq!(what(request), json!({"display": request}));
        }
    }
}
