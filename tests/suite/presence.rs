//! Presence pointers through the front door; that only those with one are called is in tests/endurance/locator.rs.

use crate::harness::{Gate, NHS, ODS, on_each_database, own};
use caregate::{audit::Kind, domain::NhsNumber};
use serde_json::{Value, json};

pub fn present(patient: NhsNumber, organisation: &str, present: bool) -> Value {
    json!({"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueIdentifier": {"system": NHS, "value": patient.digits()}},
        {"name": "organization", "valueIdentifier": {"system": ODS, "value": organisation}},
        {"name": "present", "valueBoolean": present},
    ]})
}

const OPERATION: &str = "Patient/$assert-presence";

async fn point(gate: &Gate, body: &Value) -> crate::harness::Answer {
    gate.post("system:RZ901", OPERATION, body).await
}

#[tokio::test]
async fn a_pointer_is_recorded_with_its_row_alone_and_in_a_batch() {
    for gate in on_each_database().await {
        let patient = gate.registered("F99001", 0).nhs_number;
        for held in [true, false, true] {
            let answer = point(&gate, &present(patient, "RZ901", held)).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let rows = gate.rows(&answer).await;
            let kinds: Vec<_> = rows.iter().map(|row| (row.kind, row.patient, row.request.as_str())).collect();
            let request = (Some(patient), OPERATION);
            assert_eq!(kinds, [(Kind::Intent, request.0, request.1), (Kind::Released, request.0, request.1)]);
        }
        let entry = |n: usize| {
            let item = present(gate.registered("F99001", n).nhs_number, "RZ901", true);
            json!({"resource": item, "request": {"method": "POST", "url": OPERATION}})
        };
        let batch = json!({"resourceType": "Bundle", "type": "batch", "entry": [entry(0), entry(1)]});
        let told = point(&gate, &batch).await.json();
        assert_eq!(told["entry"].as_array().map(Vec::len), Some(2), "{told}");
        assert!((0..2).all(|at| told["entry"][at]["response"]["status"] == "200"), "{told}");
        // it is no relationship: nobody may see more for it
        assert_eq!(gate.search("consultant-estuary", "Condition", patient).await.status, 403);
    }
}

#[tokio::test]
async fn a_pointer_that_is_not_understood_is_refused_with_its_place() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let good = present(patient, "RZ901", true);
    let with = |name: &str, key: &str, value: Value| {
        let mut body = good.clone();
        body["parameter"].as_array_mut().unwrap().retain(|parameter| parameter["name"] != name);
        body["parameter"].as_array_mut().unwrap().push(json!({"name": name, key: value}));
        body
    };
    for (body, code) in [
        (with("present", "valueBoolean", json!("true")), "value"),
        (with("present", "valueString", json!("true")), "required"),
        (with("until", "valueInstant", json!("2026-11-22T00:00:00Z")), "not-supported"),
        (with("patient", "valueIdentifier", json!({"system": NHS, "value": "9999999991"})), "value"),
    ] {
        let answer = point(&gate, &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, code), "{} {}", body, answer.text);
        gate.closing(&answer).await;
    }
}
