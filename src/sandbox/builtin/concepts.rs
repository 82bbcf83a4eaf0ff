//! Codings and small datatypes, so that the resources read as what they say.

use crate::sandbox::data::ODS_CODE;
use serde_json::{Value, json};

pub fn snomed(code: &str, display: &str) -> Value {
    concept("http://snomed.info/sct", code, display)
}

pub fn loinc(code: &str, display: &str) -> Value {
    concept("http://loinc.org", code, display)
}

/// A concept of one of HL7's own code systems.
pub fn hl7(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code}]})
}

pub fn v3(system: &str, code: &str) -> Value {
    json!({"system": format!("http://terminology.hl7.org/CodeSystem/v3-{system}"), "code": code})
}

pub fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{"system": system, "code": code, "display": display}], "text": display})
}

/// In UCUM units.
pub fn quantity(value: Value, unit: &str) -> Value {
    json!({"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit})
}

/// Marks a resource as restricted, for this kind of sensitivity.
pub fn restricted(sensitivity: &str) -> Value {
    json!({"security": [v3("ActCode", sensitivity), v3("Confidentiality", "R")]})
}

/// Marks a resource as of this kind of sensitivity, and no more.
pub fn sensitive(sensitivity: &str) -> Value {
    json!({"security": [v3("ActCode", sensitivity)]})
}

/// The business identifier of an event, the same wherever the event is held.
pub fn event(value: &str) -> Value {
    json!([{"system": "https://region.example/event", "value": value}])
}

pub fn ods_identifier(code: &str) -> Value {
    json!({"system": ODS_CODE, "value": code})
}

/// A logical reference to an organisation.
pub fn ods(code: &str) -> Value {
    json!({"identifier": ods_identifier(code)})
}

pub fn narrative(text: &str) -> Value {
    json!({"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{text}</div>")})
}
