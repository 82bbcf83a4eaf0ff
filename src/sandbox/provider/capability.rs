use super::filter;
use crate::sandbox::data::ProviderData;
use serde_json::{Value, json};

/// What this server can do. <https://hl7.org/fhir/R4/capabilitystatement.html>
pub fn statement(data: &ProviderData, base: &str) -> String {
    let resources: Vec<Value> = data.resources.keys().map(|kind| of_type(kind)).collect();
    let mut rest = json!({
        "mode": "server",
        "security": {"description": "A bearer credential issued to the region's gateway."},
    });
    // an empty array is not FHIR
    if let (false, Some(rest)) = (resources.is_empty(), rest.as_object_mut()) {
        rest.insert("resource".to_owned(), Value::Array(resources));
    }
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-06-01",
        "kind": "instance",
        "software": {"name": "caregate sandbox provider"},
        "implementation": {"description": data.name, "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [rest],
    })
    .to_string()
}

fn of_type(kind: &str) -> Value {
    let mut parameters = vec![json!({"name": "_id", "type": "token"}), json!({"name": "identifier", "type": "token"})];
    if kind != "Patient" {
        parameters.extend(["patient", "subject"].map(|name| json!({"name": name, "type": "reference"})));
    }
    parameters.extend(filter::parameters(kind).map(|(name, of)| json!({"name": name, "type": of})));
    json!({
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": parameters,
    })
}
