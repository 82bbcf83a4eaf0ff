use super::Members;
use serde_json::Value;

/// One resource: its own bytes, and the few facts a search needs.
pub struct Resource {
    pub id: String,
    /// Exactly as loaded.
    pub json: Box<str>,
    /// Its business identifiers, (system, value).
    pub identifiers: Vec<(String, String)>,
    /// The local ids of the patients it is about: subject, patient, an appointment's actors, a provenance's targets.
    pub patients: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResource {
    #[error("not JSON")]
    NotJson,
    #[error("resourceType is not the type this file is named for")]
    OtherType,
    #[error("no id of 1 to 64 letters, digits, '-' and '.'")]
    NoId,
}

impl Resource {
    pub fn parse(kind: &str, json: &str) -> Result<Self, InvalidResource> {
        let members = Members::parse(json).map_err(|_| InvalidResource::NotJson)?;
        if members.value("resourceType").as_str() != Some(kind) {
            return Err(InvalidResource::OtherType);
        }
        let id = members.value("id");
        let id = id.as_str().filter(|id| is_id(id)).ok_or(InvalidResource::NoId)?;
        Ok(Self {
            id: id.to_owned(),
            json: json.into(),
            identifiers: each(&members.value("identifier")).filter_map(identifier).collect(),
            patients: patients(kind, &members),
        })
    }

    pub fn has_identifier(&self, system: Option<&str>, value: &str) -> bool {
        self.identifiers.iter().any(|(s, v)| v == value && system.is_none_or(|system| s == system))
    }

    pub fn family_name(&self) -> Option<String> {
        let names = Members::parse(&self.json).ok()?.value("name");
        each(&names).find_map(|name| text(name, "family")).map(str::to_owned)
    }
}

/// <https://hl7.org/fhir/R4/datatypes.html#id>
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

fn patients(kind: &str, members: &Members) -> Vec<String> {
    let local = |reference: &Value| text(reference, "reference")?.strip_prefix("Patient/").map(str::to_owned);
    let mut found = Vec::new();
    for key in ["subject", "patient"] {
        found.extend(each(&members.value(key)).filter_map(local));
    }
    match kind {
        "Appointment" => {
            found.extend(each(&members.value("participant")).filter_map(|one| one.get("actor")).filter_map(local));
        }
        "Provenance" => found.extend(each(&members.value("target")).filter_map(local)),
        _ => {}
    }
    found
}

fn identifier(value: &Value) -> Option<(String, String)> {
    Some((text(value, "system").unwrap_or_default().to_owned(), text(value, "value")?.to_owned()))
}

/// The element itself, or each of its repetitions: the same element is single in one type and a list in another.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(list) => list.as_slice(),
        other => std::slice::from_ref(other),
    }
    .iter()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_keeps_its_bytes_and_knows_its_patient_wherever_its_type_names_it() {
        let odd =
            r#"{ "resourceType":"Observation","id":"7","subject":{"reference":"Patient/1"},"valueDecimal": 1.10 }"#;
        let resource = Resource::parse("Observation", odd).unwrap();
        assert_eq!((&*resource.json, resource.patients), (odd, vec!["1".to_owned()]));

        let appointment = r#"{"resourceType":"Appointment","id":"7","participant":[{"actor":{"reference":"Location/9"}},
            {"actor":{"reference":"Patient/2"}}]}"#;
        assert_eq!(Resource::parse("Appointment", appointment).unwrap().patients, ["2"]);
    }

    #[test]
    fn what_is_no_resource_of_the_type_is_refused() {
        let refusal = |json| Resource::parse("Flag", json).err();
        assert_eq!(refusal("{"), Some(InvalidResource::NotJson));
        assert_eq!(refusal(r#"{"resourceType":"Goal","id":"1"}"#), Some(InvalidResource::OtherType));
        assert_eq!(refusal(r#"{"resourceType":"Flag"}"#), Some(InvalidResource::NoId));
        assert_eq!(refusal(r#"{"resourceType":"Flag","id":"a/b"}"#), Some(InvalidResource::NoId));
    }
}
