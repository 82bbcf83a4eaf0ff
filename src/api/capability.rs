//! What `/fhir/metadata` and `/.well-known/smart-configuration` say, each made once: nothing in them changes while a node
//! lives. What stands beside the record is told of by its routes.

use super::{ROUTES, Route};
use crate::query::capability::{self, Service, Smart};
use serde_json::{Value, json};

const SCOPES: &[&str] = &[
    "user/*.rs",
    "user/Consent.crus",
    "user/Task.rus",
    "user/Organization.crus",
    "user/Endpoint.crus",
    "patient/AuditEvent.rs",
    "patient/Consent.crus",
    "system/Consent.crus",
    "system/Patient.u",
    "system/Organization.crus",
    "system/Endpoint.crus",
];

/// The operations that routes name, and what defines them.
const OPERATIONS: &[(&str, &str)] = &[
    ("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"),
    ("summary", "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"),
    ("claim-relationship", "https://caregate.example/OperationDefinition/claim-relationship"),
    ("assert-relationship", "https://caregate.example/OperationDefinition/assert-relationship"),
    ("override", "https://caregate.example/OperationDefinition/override"),
    ("assert-presence", "https://caregate.example/OperationDefinition/assert-presence"),
    ("end-relationship", "https://caregate.example/OperationDefinition/end-relationship"),
    ("recall", "https://caregate.example/OperationDefinition/recall"),
    ("explain-access", "https://caregate.example/OperationDefinition/explain-access"),
    ("review", "https://caregate.example/OperationDefinition/review-objection"),
    ("disclosures", "https://caregate.example/OperationDefinition/disclosures"),
    ("disclosure-totals", "https://caregate.example/OperationDefinition/disclosure-totals"),
    ("approve", "https://caregate.example/OperationDefinition/approve-registration"),
    ("stage", "https://caregate.example/OperationDefinition/stage"),
    ("release-hold", "https://caregate.example/OperationDefinition/release-hold"),
];

/// The CapabilityStatement of a service that callers know by `public_url`.
pub fn statement(public_url: &str, smart: Option<Smart<'_>>) -> String {
    let service = Service {
        base: &format!("{public_url}/fhir"),
        version: env!("CARGO_PKG_VERSION"),
        date: "2026-11-21",
        smart,
        resources: vec![
            beside("Consent", json!({"searchParam": [{"name": "patient", "type": "reference"}]})),
            beside("Task", json!({"searchParam": [{"name": "status", "type": "token"}]})),
            beside(
                "Organization",
                json!({
                    "documentation": "By an opaque id, what the record refers to; by an ODS code, that organisation's entry in the registry",
                    "versioning": "versioned-update",
                    "profile": "https://caregate.example/StructureDefinition/registry-organization",
                    "searchInclude": ["Organization:endpoint"],
                    "searchParam": [
                        {"name": "identifier", "type": "token"},
                        {"name": "name", "type": "string"},
                        {"name": "active", "type": "token"}
                    ]
                }),
            ),
            beside(
                "Endpoint",
                json!({
                    "versioning": "versioned-update",
                    "profile": "https://caregate.example/StructureDefinition/registry-endpoint",
                    "searchParam": [
                        {"name": "organization", "type": "reference"},
                        {"name": "name", "type": "string"},
                        {"name": "status", "type": "token"}
                    ]
                }),
            ),
            beside(
                "Binary",
                json!({"documentation": "Documents, by the addresses in the record's resources: natively, or where FHIR JSON is asked for as a Binary"}),
            ),
            beside(
                "AuditEvent",
                json!({"searchParam": [{"name": "patient", "type": "reference"}, {"name": "date", "type": "date"}]}),
            ),
        ],
        patient_operations: &operations("Patient").collect::<Vec<_>>(),
    };
    capability::statement(&service).to_string()
}

pub fn smart_configuration(smart: Smart<'_>) -> String {
    capability::smart_configuration(smart, SCOPES).to_string()
}

/// A type that is no part of the record: what its routes do, and what is said of it besides.
fn beside(name: &str, mut said: Value) -> Value {
    let mut codes: Vec<&str> = of(name).filter_map(interaction).collect();
    codes.sort_unstable();
    codes.dedup();
    let codes: Vec<Value> = codes.into_iter().map(|code| json!({"code": code})).collect();
    let operations: Vec<Value> =
        operations(name).map(|(operation, url)| json!({"name": operation, "definition": url})).collect();
    if let Some(said) = said.as_object_mut() {
        said.insert("type".to_owned(), json!(name));
        said.insert("interaction".to_owned(), codes.into());
        if !operations.is_empty() {
            said.insert("operation".to_owned(), operations.into());
        }
    }
    said
}

fn of(name: &str) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(move |route| route.path.first() == Some(&name))
}

/// <https://hl7.org/fhir/R4/valueset-type-restful-interaction.html>
fn interaction(route: &Route) -> Option<&'static str> {
    match (route.method, route.path) {
        ("GET", [_]) | ("POST", [_, "_search"]) => Some("search-type"),
        ("POST", [_]) => Some("create"),
        ("GET", [_, "*"]) => Some("read"),
        ("PUT", [_, "*"]) => Some("update"),
        ("GET", [_, "*", "_history"]) => Some("history-instance"),
        _ => None,
    }
}

fn operations(name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = of(name).filter_map(|route| route.path.last()?.strip_prefix('$'));
    named.filter_map(|operation| OPERATIONS.iter().find(|(known, _)| *known == operation)).copied()
}
