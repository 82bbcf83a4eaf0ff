//! Objections: recorded, in force from the moment they are acknowledged, withdrawn; and who may do which.

use crate::{
    harness::{Gate, NHS, ODS, named_in, on_each_database, own, source_of},
    relationships::assert_relationship,
};
use caregate::{audit::Kind, domain::NhsNumber};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const GP: &str = "gp-saltmarsh";

pub fn whole_record(patient: NhsNumber) -> Value {
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": NHS, "value": patient.digits()}},
        "dateTime": "2026-11-20T09:00:00Z",
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]},
        "provision": {"type": "deny"},
    })
}

pub fn one_source(patient: NhsNumber, ods: &str) -> Value {
    let mut consent = whole_record(patient);
    let identifier = json!({"identifier": {"system": ODS, "value": ods}});
    consent["provision"]["data"] = json!([{"meaning": "authoredby", "reference": identifier}]);
    consent
}

pub fn persona(patient: NhsNumber) -> String {
    format!("patient:{}", patient.digits())
}

/// Has the patient record it; the Consent's id.
pub async fn recorded(gate: &Gate, patient: NhsNumber, consent: &Value) -> String {
    let answer = gate.post(&persona(patient), "Consent", consent).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

pub async fn withdrawn(gate: &Gate, patient: NhsNumber, id: &str, consent: &Value) {
    let mut consent = consent.clone();
    consent["status"] = json!("inactive");
    let answer = gate.put(&persona(patient), &format!("Consent/{id}"), &consent).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn an_objection_to_the_whole_record_is_in_force_once_acknowledged_and_until_withdrawn() {
    for gate in on_each_database().await {
        let patient = gate.registered("F99001", 0).nhs_number;
        let before = gate.search(GP, "Condition", patient).await;
        let entry = format!("Condition/{}", before.match_ids()[0]);
        let person = format!("Patient/{}", gate.search(GP, "Patient", patient).await.match_ids()[0]);

        let answer = gate.post(&persona(patient), "Consent", &whole_record(patient)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(answer.header("location"), format!("{}/fhir/Consent/{id}", gate.url));
        assert_eq!(answer.header("etag"), "W/\"1\"");
        let rows = gate.rows(&answer).await;
        let kinds: Vec<_> = rows.iter().map(|row| (row.kind, row.interaction.as_str(), row.patient)).collect();
        assert_eq!(kinds, [(Kind::Intent, "create", Some(patient)), (Kind::Released, "create", Some(patient))]);

        // the record is in memory still, and closed all the same: a search, a page, a read, the Patient
        for path in [&crate::harness::of_patient("Condition", patient), &entry, &person] {
            let refused = gate.get(GP, path).await;
            gate.ends(&refused, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
            assert_eq!(refused.spine(), "NO_PATIENT_CONSENT");
            assert!(gate.closing(&refused).await.rules.iter().any(|rule| rule == "whole-record-objection"));
        }
        // who has no relationship is told what they were told before
        let stranger = gate.search("consultant-colneside", "Condition", patient).await;
        gate.ends(&stranger, 403, "forbidden", Kind::Refused, "access-denied").await;
        // the patient sees both their log and their objection
        assert_eq!(gate.search(&persona(patient), "AuditEvent", patient).await.status, 200);
        assert_eq!(gate.search(&persona(patient), "Consent", patient).await.match_ids(), std::slice::from_ref(&id));

        withdrawn(&gate, patient, &id, &whole_record(patient)).await;
        let again = gate.search(GP, "Condition", patient).await;
        assert_eq!(again.match_ids(), before.match_ids());
        gate.closing(&again).await;
    }
}

#[tokio::test]
async fn an_objection_to_one_source_takes_its_entries_away_and_says_only_that_something_is_withheld() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        let sources =
            |answer: &crate::harness::Answer| -> BTreeSet<String> { answer.matches().iter().map(source_of).collect() };
        let before = gate.search(GP, "Condition", patient).await;
        assert!(sources(&before).contains("RZ901"), "{:?}", sources(&before));
        let entry = before.matches().into_iter().find(|one| source_of(one) == "RZ901").unwrap();
        let path = format!("Condition/{}", entry["id"].as_str().unwrap());
        let asked = gate.asked("estuary").await["requests"].clone();

        let id = recorded(&gate, patient, &one_source(patient, "RZ901")).await;
        for kind in ["Condition", "Encounter"] {
            let after = gate.search(GP, kind, patient).await;
            assert!(!sources(&after).contains("RZ901") && !after.text.contains("RZ901"), "{}", after.text);
            let issues = after.issues();
            let withheld: Vec<_> = issues.iter().filter(|issue| issue["code"] == "suppressed").collect();
            assert_eq!(withheld.len(), 1);
            assert_eq!(withheld[0]["severity"], "information");
            assert_eq!(named_in(withheld[0]), None);
            let said = withheld[0]["diagnostics"].as_str().unwrap();
            assert!(!said.contains("Estuary") && !said.contains(|c: char| c.is_ascii_digit()), "{said}");
            assert_eq!(after.header("x-completeness"), "complete", "a patient's choice is no failure");
            let row = gate.closing(&after).await;
            let line = row.sources.iter().find(|line| line.source.as_str() == "RZ901").unwrap();
            assert_eq!((line.outcome.as_str(), &line.answer), ("withheld", &None));
        }
        // what remains is what the others hold, untouched
        let others = |answer: &crate::harness::Answer| -> Vec<Value> {
            answer.matches().into_iter().filter(|one| source_of(one) != "RZ901").map(crate::copies::untagged).collect()
        };
        assert_eq!(others(&gate.search(GP, "Condition", patient).await), others(&before));
        assert_eq!(gate.asked("estuary").await["requests"], asked, "who may not answer is not asked");
        let read = gate.get(GP, &path).await;
        gate.ends(&read, 404, "not-found", Kind::Failed, "not-found").await;
        // the source's own staff still see their own
        assert_relationship(&gate, patient, "RZ901").await;
        assert!(sources(&gate.search("consultant-estuary", "Condition", patient).await).contains("RZ901"));

        withdrawn(&gate, patient, &id, &one_source(patient, "RZ901")).await;
        assert_eq!(gate.search(GP, "Condition", patient).await.match_ids(), before.match_ids());
    }
}

#[tokio::test]
async fn staff_and_systems_record_objections_for_their_own_patients_and_see_what_their_own_organisation_recorded() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    for (recorder, ods) in [(GP, "RZ901"), ("system:F99001", "RZ902")] {
        let answer = gate.post(recorder, "Consent", &one_source(patient, ods)).await;
        assert_eq!(answer.status, 201, "{recorder}: {}", answer.text);
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(gate.get(recorder, &format!("Consent/{id}")).await.status, 200);
        // who was told nothing of it sees nothing of it
        assert_relationship(&gate, patient, "RZ904").await;
        let other = gate.get("paramedic-eastline", &format!("Consent/{id}")).await;
        assert_eq!(other.status, 403, "{}", other.text);
    }
    assert_eq!(gate.search(&persona(patient), "Consent", patient).await.match_ids().len(), 2);
    assert_eq!(gate.search("paramedic-eastline", "Consent", patient).await.match_ids().len(), 0);
    let twice = gate.search(GP, "Condition", patient).await;
    assert!(twice.matches().iter().all(|one| !["RZ901", "RZ902"].contains(&source_of(one).as_str())));
}

#[tokio::test]
async fn a_withdrawal_must_be_of_the_current_version_and_say_the_same() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let id = recorded(&gate, patient, &one_source(patient, "RZ901")).await;
    let path = format!("Consent/{id}");
    let mut inactive = one_source(patient, "RZ901");
    inactive["status"] = json!("inactive");

    let mut other_source = one_source(patient, "RZ902");
    other_source["status"] = json!("inactive");
    let mut whole = whole_record(patient);
    whole["status"] = json!("inactive");
    for body in [other_source, whole] {
        let answer = gate.put(&persona(patient), &path, &body).await;
        gate.ends(&answer, 422, "value", Kind::Failed, "content").await;
    }
    let token = gate.token(&persona(patient)).await;
    let put = |etag: &str| {
        let request = gate.request(reqwest::Method::PUT, &path).bearer_auth(&token).header("if-match", etag);
        request.header("content-type", "application/fhir+json").body(inactive.to_string())
    };
    let stale = crate::harness::Answer::of(put("W/\"7\"")).await;
    gate.ends(&stale, 412, "conflict", Kind::Failed, "version-differs").await;
    let good = crate::harness::Answer::of(put("W/\"1\"")).await;
    assert_eq!((good.status, good.header("etag")), (200, "W/\"2\""));
    assert_eq!((&good.json()["status"], &good.json()["meta"]["versionId"]), (&json!("inactive"), &json!("2")));
    let twice = crate::harness::Answer::of(put("W/\"2\"")).await;
    gate.ends(&twice, 409, "conflict", Kind::Failed, "conflict").await;
}

#[tokio::test]
async fn an_objection_that_is_not_understood_is_refused_with_its_place_and_changes_nothing() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let with = |path: &str, value: Value| {
        let mut consent = whole_record(patient);
        *consent
            .pointer_mut(path.rsplit_once('/').map(|(parent, _)| parent).unwrap())
            .unwrap()
            .as_object_mut()
            .unwrap()
            .entry(path.rsplit('/').next().unwrap())
            .or_insert(Value::Null) = value;
        consent
    };
    for (body, status, place) in [
        (with("/provision/period", json!({"end": "2026-01"})), 422, "Consent.provision.period"),
        (with("/provision/actor", json!([{"reference": {"display": "them"}}])), 422, "Consent.provision.actor[0].role"),
        (with("/provision/class", json!([{"code": "Observation"}])), 422, "Consent.provision.class[0].system"),
        (with("/provision/code", json!([{}])), 422, "Consent.provision.code"),
        (with("/provision/type", json!("permit")), 422, "Consent.provision.type"),
        (with("/status", json!("draft")), 422, "Consent.status"),
        (with("/status", json!("inactive")), 422, "Consent.status"),
        (with("/dateTime", json!("yesterday")), 422, "Consent.dateTime"),
        (with("/extension", json!([{"url": "x"}])), 422, "Consent.extension"),
        (with("/modifierExtension", json!([{"url": "x"}])), 422, "Consent.modifierExtension"),
        (with("/patient", json!({"display": "me"})), 422, "Consent.patient"),
        (with("/patient", json!({"identifier": {"system": NHS, "value": "9991234560"}})), 422, "Consent.patient"),
        (json!({"resourceType": "Observation"}), 422, "Consent"),
        (json!("x"), 400, "Consent"),
    ] {
        let answer = gate.post(&persona(patient), "Consent", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        let expression = answer.json()["issue"][0]["expression"][0].as_str().unwrap_or_default().to_owned();
        assert!(expression.starts_with(place), "{body}: {}", answer.text);
        assert_eq!(gate.closing(&answer).await.reason.as_deref(), Some("content"));
    }
    assert_eq!(gate.search(GP, "Condition", patient).await.status, 200);
    // a patient objects for themselves alone
    let other = gate.registered("F99001", 1).nhs_number;
    let answer = gate.post(&persona(patient), "Consent", &whole_record(other)).await;
    gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
    assert_eq!(gate.search(GP, "Condition", other).await.status, 200);
}

#[tokio::test]
async fn an_objection_may_name_the_patient_by_our_own_id() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let id = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
    let stranger = gate.shared_with("F99002", "estuary")[0];
    let theirs = gate.search("gp-blackwater", "Patient", stranger).await.match_ids().swap_remove(0);
    let by = |reference: String| {
        let mut consent = one_source(patient, "RZ901");
        consent["patient"] = json!({"reference": reference});
        consent
    };
    for wrong in [theirs.as_str(), "nobody"] {
        let answer = gate.post(&persona(patient), "Consent", &by(format!("Patient/{wrong}"))).await;
        gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
    }
    for reference in [format!("Patient/{id}"), format!("{}/fhir/Patient/{id}", gate.url)] {
        let consent = by(reference);
        let recorded = recorded(&gate, patient, &consent).await;
        let after = gate.search(GP, "Condition", patient).await;
        assert!(after.issues().iter().any(|issue| issue["code"] == "suppressed"));
        withdrawn(&gate, patient, &recorded, &consent).await;
    }
    assert_eq!(gate.search("gp-blackwater", "Condition", stranger).await.status, 200);
}
