//! Made-up records: what the providers hold about people from the range of NHS numbers that is never issued.

use bytes::Bytes;
use caregate::domain::NhsNumber;
use serde_json::json;

pub const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";

pub fn patients(how_many: usize) -> Vec<NhsNumber> {
    (9_990_000_000..).filter_map(|n| NhsNumber::from_value(n).ok()).take(how_many).collect()
}

pub fn searchset(resources: &[String]) -> Bytes {
    let entries: Vec<String> = resources.iter().map(|one| format!(r#"{{"resource":{one}}}"#)).collect();
    format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{}]}}"#, entries.join(",")).into()
}

pub fn patient(number: &str) -> String {
    json!({
        "resourceType": "Patient", "id": format!("p-{number}"), "birthDate": "1950-02-01", "gender": "female",
        "identifier": [{"system": NHS, "value": number}], "name": [{"family": "Fernleigh", "given": ["Adaeze"]}],
    })
    .to_string()
}

/// A laboratory's result of somewhat over one KB. Every fourth is one that other providers hold too, under its own
/// identifier; every tenth has a label.
pub fn observation(number: &str, provider: &str, n: usize) -> String {
    let day = format!("20{:02}-{:02}-{:02}", 10 + n / 336 % 15, n / 28 % 12 + 1, n % 28 + 1);
    let security = if n % 10 == 9 {
        json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}])
    } else {
        json!([])
    };
    let of = if n.is_multiple_of(4) { "shared" } else { provider };
    let mut value = json!({
        "resourceType": "Observation", "id": format!("{provider}-{n}"),
        "meta": {"versionId": "1", "lastUpdated": format!("{day}T10:15:00.000+00:00")},
        "identifier": [{"system": "https://lab.example/result", "value": format!("{of}-{number}-{n}")}],
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "laboratory", "display": "Laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin [Mass/volume] in Blood"}],
            "text": "Haemoglobin"},
        "subject": {"reference": format!("Patient/p-{number}")},
        "effectiveDateTime": format!("{day}T09:00:00Z"), "issued": format!("{day}T10:00:00.000Z"),
        "performer": [{"reference": "Organization/laboratory", "display": "The county laboratory"}],
        "valueQuantity": {"value": 135.1, "unit": "g/L", "system": "http://unitsofmeasure.org", "code": "g/L"},
        "interpretation": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
            "code": "N", "display": "Normal"}]}],
        "referenceRange": [{"low": {"value": 115, "unit": "g/L"}, "high": {"value": 165, "unit": "g/L"}}],
    });
    if !security.as_array().is_some_and(Vec::is_empty) {
        value["meta"]["security"] = security;
    }
    value.to_string()
}

pub fn observations(number: &str, provider: &str, how_many: usize) -> Bytes {
    let all: Vec<String> = (0..how_many).map(|n| observation(number, provider, n)).collect();
    searchset(&all)
}
