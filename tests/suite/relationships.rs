//! What an organisation's own system says of whom it cares for, and what follows from it.

use crate::harness::{Gate, NHS, ODS, on_each_database, own};
use caregate::{audit::Kind, domain::NhsNumber};
use serde_json::{Value, json};

pub fn asserted(patient: NhsNumber, organisation: &str) -> Value {
    json!({"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueIdentifier": {"system": NHS, "value": patient.digits()}},
        {"name": "organization", "valueIdentifier": {"system": ODS, "value": organisation}},
        {"name": "basis", "valueCode": "encounter"},
        {"name": "evidence", "valueIdentifier": {"system": "https://estuary.example/visit", "value": "V1"}},
    ]})
}

pub fn ended(patient: NhsNumber, organisation: &str) -> Value {
    json!({"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueIdentifier": {"system": NHS, "value": patient.digits()}},
        {"name": "organization", "valueIdentifier": {"system": ODS, "value": organisation}},
    ]})
}

/// Has this organisation's system assert a relationship.
pub async fn assert_relationship(gate: &Gate, patient: NhsNumber, organisation: &str) {
    let persona = format!("system:{organisation}");
    let answer = gate.post(&persona, "Patient/$assert-relationship", &asserted(patient, organisation)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

#[tokio::test]
async fn a_relationship_asserted_lets_the_organisations_staff_in_and_its_end_takes_them_out_at_once() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99002", "estuary")[0];
        let (reader, system) = ("consultant-estuary", "system:RZ901");
        let before = gate.search(reader, "Condition", patient).await;
        gate.ends(&before, 403, "forbidden", Kind::Refused, "access-denied").await;

        let answer = gate.post(system, "Patient/$assert-relationship", &asserted(patient, "RZ901")).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let rows = gate.rows(&answer).await;
        let kinds: Vec<_> = rows.iter().map(|row| (row.kind, row.status, row.interaction.as_str())).collect();
        assert_eq!(kinds, [(Kind::Intent, 0, "operation"), (Kind::Released, 201, "operation")]);
        assert_eq!(rows[1].patient, Some(patient));
        let evidence = "https%3A%2F%2Festuary.example%2Fvisit%7CV1";
        assert_eq!(rows[1].request, format!("Patient/$assert-relationship?basis=encounter&evidence={evidence}"));

        let during = gate.search(reader, "Condition", patient).await;
        assert_eq!(during.status, 200, "{}", during.text);
        let row = gate.closing(&during).await;
        assert_eq!(row.basis.as_deref(), Some("encounter: https://estuary.example/visit|V1"));
        // another organisation's staff gain nothing by it
        assert_eq!(gate.search("consultant-colneside", "Condition", patient).await.status, 403);

        let answer = gate.post(system, "Patient/$end-relationship", &ended(patient, "RZ901")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text.contains("1 relationships ended"), "{}", answer.text);
        gate.closing(&answer).await;
        // cached answers and all
        let after = gate.search(reader, "Condition", patient).await;
        gate.ends(&after, 403, "forbidden", Kind::Refused, "access-denied").await;
        assert_eq!(after.text, before.text);
    }
}

#[tokio::test]
async fn an_end_takes_away_what_would_follow_a_period_that_is_over_already() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99002", "estuary")[0];
        let day = |ago: i64| (chrono::Utc::now() - chrono::Duration::days(ago)).format("%Y-%m-%d").to_string();
        let mut appointment = asserted(patient, "RZ901");
        appointment["parameter"][2]["valueCode"] = json!("appointment");
        let period = json!({"name": "period", "valuePeriod": {"start": day(9), "end": day(5)}});
        appointment["parameter"].as_array_mut().unwrap().push(period);
        let answer = gate.post("system:RZ901", "Patient/$assert-relationship", &appointment).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(
            gate.search("consultant-estuary", "Condition", patient).await.status,
            200,
            "to act on what came of it"
        );

        let answer = gate.post("system:RZ901", "Patient/$end-relationship", &ended(patient, "RZ901")).await;
        assert!(answer.text.contains("1 relationships ended"), "{}", answer.text);
        assert_eq!(gate.search("consultant-estuary", "Condition", patient).await.status, 403);
    }
}

#[tokio::test]
async fn a_system_speaks_for_no_other_organisation_not_even_of_a_patient_it_cares_for() {
    let gate = own().await;
    let patient = gate.shared_with("F99002", "estuary")[0];
    assert_relationship(&gate, patient, "RZ901").await;
    for operation in ["$assert-relationship", "$end-relationship"] {
        let body = if operation == "$end-relationship" { ended(patient, "RZ902") } else { asserted(patient, "RZ902") };
        let answer = gate.post("system:RZ901", &format!("Patient/{operation}"), &body).await;
        gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
    }
    // nor did it end its own by that
    assert_eq!(gate.search("consultant-estuary", "Condition", patient).await.status, 200);
    assert_eq!(gate.search("consultant-colneside", "Condition", patient).await.status, 403);
}

#[tokio::test]
async fn parameters_that_are_not_understood_are_refused_with_their_place() {
    let gate = own().await;
    let patient = gate.registered("F99002", 0).nhs_number;
    let whole = asserted(patient, "RZ901");
    let with = |at: usize, value: Value| {
        let mut body = whole.clone();
        body["parameter"][at] = value;
        body
    };
    let without = |at: usize| {
        let mut body = whole.clone();
        body["parameter"].as_array_mut().unwrap().remove(at);
        body
    };
    let more = |value: Value| {
        let mut body = whole.clone();
        body["parameter"].as_array_mut().unwrap().push(value);
        body
    };
    for (body, status, code) in [
        (json!({"resourceType": "Patient"}), 422, "not-supported"),
        (json!([]), 400, "structure"),
        (without(0), 422, "required"),
        (without(1), 422, "required"),
        (without(2), 422, "required"),
        (without(3), 422, "required"),
        (with(0, json!({"name": "patient", "valueString": "9990012024"})), 422, ""),
        (with(0, json!({"name": "patient", "valueIdentifier": {"system": NHS, "value": "9991234560"}})), 422, "value"),
        (
            with(1, json!({"name": "organization", "valueIdentifier": {"system": NHS, "value": "RZ901"}})),
            422,
            "not-supported",
        ),
        (with(2, json!({"name": "basis", "valueCode": "curiosity"})), 422, "value"),
        (more(json!({"name": "patient", "valueIdentifier": {"system": NHS, "value": patient.digits()}})), 422, ""),
        (more(json!({"name": "note", "valueString": "x"})), 422, "not-supported"),
        (more(json!({"name": "period", "valuePeriod": {"start": "2026-02-01", "end": "2026-01-01"}})), 422, "value"),
    ] {
        let answer = gate.post("system:RZ901", "Patient/$assert-relationship", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(code.is_empty() || answer.code() == code, "{body}: {}", answer.text);
        let issue = &answer.json()["issue"][0];
        assert!(issue["expression"][0].as_str().is_some_and(|path| path.starts_with("Parameters")), "{}", answer.text);
        assert!(!answer.text.contains(&patient.digits()));
        assert_eq!(gate.closing(&answer).await.reason.as_deref(), Some("content"));
    }
    let token = gate.token("system:RZ901").await;
    let request = gate.request(reqwest::Method::POST, "Patient/$assert-relationship").bearer_auth(&token);
    let answer = crate::harness::Answer::of(request.header("content-type", "text/plain").body(whole.to_string())).await;
    gate.ends(&answer, 415, "not-supported", Kind::Failed, "request").await;
    assert_eq!(gate.search("consultant-estuary", "Condition", patient).await.status, 403, "nothing was asserted");
}
