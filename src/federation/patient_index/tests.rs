use super::*;
use crate::federation::testing::{patient, provider};
use serde_json::{Value as Json, json};

fn said(patient: &Json) -> Result<IndexPatient, Failure> {
    let text = patient.to_string();
    let mut tape = Tape::new();
    let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
    read(resource, &Arc::new(provider("RZ999")))
}

fn its() -> Json {
    let status = json!({"url": VERIFICATION, "valueCodeableConcept": {"coding": [{"code": "01"}]}});
    let number = patient().digits();
    json!({
        "resourceType": "Patient",
        "id": number,
        "identifier": [{"system": NhsNumber::SYSTEM, "value": number, "extension": [status]}],
    })
}

#[test]
fn its_patient_is_under_the_number_in_use_with_its_standing() {
    let found = said(&its()).unwrap();
    assert_eq!((found.current, found.verified, found.restricted), (patient(), true, false));
    let mut other = its();
    other["identifier"][0]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] = json!("02");
    for (label, restricted) in [("U", false), ("N", false), ("R", true), ("V", true), ("r", true)] {
        other["meta"] = json!({"security": [{"system": Labels::CONFIDENTIALITY, "code": label}]});
        let found = said(&other).unwrap();
        assert_eq!((found.verified, found.restricted), (false, restricted), "{label}");
        assert!(!found.resolution.patients[0].labels.restricted(), "it hides places, not the Patient");
    }
}

#[test]
fn what_is_no_patient_of_one_number_is_a_failure() {
    let with = |key: &str, value: Json| {
        let mut patient = its();
        patient[key] = value;
        said(&patient).err()
    };
    assert_eq!(with("id", json!("9990000026")), Some(Failure::WrongPatient));
    assert_eq!(with("id", json!("1")), Some(Failure::UnexpectedEntry));
    assert_eq!(with("resourceType", json!("Person")), Some(Failure::UnexpectedEntry));
    assert_eq!(with("identifier", json!([])), Some(Failure::NoSubject));
}
