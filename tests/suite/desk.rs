//! The review desk: each organisation's own queue, what a task shows to whom, and how it is closed.

use crate::{
    harness::{Answer, Gate, on_each_database, own},
    objections::{one_source, persona, recorded},
    overrides::overridden,
};
use caregate::{audit::Kind, domain::NhsNumber};
use reqwest::Method;
use serde_json::{Value, json};

const GP: &str = "gp-saltmarsh";
const ESTUARY: &str = "privacy-officer-estuary";
const SALTMARSH: &str = "privacy-officer-saltmarsh";

pub fn completion(note: &str) -> Value {
    json!({"resourceType": "Task", "status": "completed", "intent": "order", "note": [{"text": note}]})
}

pub fn released(why: &str) -> Value {
    json!({"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": why}]})
}

async fn alerted(gate: &Gate) -> NhsNumber {
    let patient = gate.shared_with("F99001", "estuary")[0];
    recorded(gate, patient, &one_source(patient, "RZ901")).await;
    overridden(gate, GP, patient, "emergency").await;
    patient
}

async fn queue(gate: &Gate, officer: &str, more: &str) -> Vec<Value> {
    gate.get(officer, &format!("Task{more}")).await.matches()
}

#[tokio::test]
async fn an_override_is_on_the_desks_of_its_own_and_of_the_other_organisation_concerned_at_once() {
    for gate in on_each_database().await {
        let patient = alerted(&gate).await;
        let person = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
        for (officer, organisation) in [(SALTMARSH, "F99001"), (ESTUARY, "RZ901"), ("caldicott-guardian", "RZ901")] {
            let listed = gate.get(officer, "Task?status=requested").await;
            let [task] = &listed.matches()[..] else { panic!("one task: {}", listed.text) };
            assert_eq!(task["owner"]["identifier"]["value"], organisation);
            assert_eq!(task["code"]["coding"][0]["code"], "override");
            assert_eq!(task["for"], json!({"reference": format!("Patient/{person}")}));
            for absent in [patient.digits().as_str(), "unconscious", "Fielding"] {
                assert!(!listed.text.contains(absent), "{}", listed.text);
            }
            let row = gate.closing(&listed).await;
            assert_eq!((row.patient, row.request.as_str()), (None, "Task?status=requested&_count=50"));
            assert!(row.rules.iter().any(|rule| rule == "concerns-own-organisation"), "{:?}", row.rules);

            let path = format!("Task/{}", task["id"].as_str().unwrap());
            let whole = gate.get(officer, &path).await;
            assert_eq!(whole.status, 200, "{}", whole.text);
            let task = whole.json();
            assert_eq!(task["for"]["identifier"]["value"], patient.digits());
            let input = |name: &str| {
                let inputs = task["input"].as_array().unwrap().iter();
                let mut named = inputs.filter(|one| one["type"]["text"] == name).map(|one| one["valueString"].clone());
                named.next().unwrap_or_else(|| panic!("{name} in {task}"))
            };
            assert_eq!(input("name"), "Dr A Fielding (synthetic)");
            assert_eq!(input("role"), "R0260 General Medical Practitioner");
            assert_eq!((input("organisation"), input("reason")), (json!("F99001"), json!("emergency")));
            assert_eq!(input("text"), "Found unconscious at home");
            assert!(input("end").as_str() > input("start").as_str());
            let row = gate.closing(&whole).await;
            assert_eq!((row.patient, row.request.as_str(), row.held), (Some(patient), path.as_str(), None));
        }
        assert!(queue(&gate, ESTUARY, "?status=completed").await.is_empty());
    }
}

#[tokio::test]
async fn a_task_is_closed_once_with_a_note_by_its_own_organisations_officer() {
    for gate in on_each_database().await {
        alerted(&gate).await;
        let id = queue(&gate, ESTUARY, "").await[0]["id"].as_str().unwrap().to_owned();
        let path = format!("Task/{id}");
        // of another organisation's there is nothing to see or to close, as of none at all
        let mut bodies = Vec::new();
        for path in [path.as_str(), "Task/0b0e1c4e-0000-4000-8000-000000000000", "Task/nothing"] {
            let answers = [gate.get(SALTMARSH, path).await, gate.put(SALTMARSH, path, &completion("mine")).await];
            for answer in answers {
                gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
                bodies.push(answer.text);
            }
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1);

        let with_version = async |version: &str| {
            let request = gate.request(Method::PUT, &path).bearer_auth(gate.token(ESTUARY).await);
            let request = request.header("if-match", version).header("content-type", "application/fhir+json");
            Answer::of(request.body(completion("looked at: justified").to_string())).await
        };
        let differs = with_version("W/\"7\"").await;
        gate.ends(&differs, 412, "conflict", Kind::Failed, "version-differs").await;
        let closed = with_version("W/\"1\"").await;
        assert_eq!((closed.status, closed.header("etag")), (200, "W/\"2\""), "{}", closed.text);
        assert_eq!((&closed.json()["status"], &closed.json()["meta"]["versionId"]), (&json!("completed"), &json!("2")));
        let note = &closed.json()["note"][0];
        assert_eq!(note["text"], "looked at: justified");
        assert_eq!(note["authorReference"]["identifier"]["value"], "555021400111");
        assert!(note["time"].as_str().unwrap().ends_with('Z'));
        let kinds: Vec<_> = gate.rows(&closed).await.iter().map(|row| (row.kind, row.status)).collect();
        assert_eq!(kinds, [(Kind::Intent, 0), (Kind::Released, 200)]);

        let again = gate.put(ESTUARY, &path, &completion("again")).await;
        gate.ends(&again, 409, "conflict", Kind::Failed, "conflict").await;
        let half = gate.put(ESTUARY, &path, &json!({"resourceType": "Task", "status": "completed"})).await;
        gate.ends(&half, 422, "required", Kind::Failed, "content").await;
        assert!(queue(&gate, ESTUARY, "?status=requested").await.is_empty());
        assert_eq!(queue(&gate, ESTUARY, "?status=completed").await.len(), 1);
        // an override for the patient's own sake is in their log, and nothing of it is held
        let nothing = gate.post(ESTUARY, &format!("{path}/$release-hold"), &released("x")).await;
        gate.ends(&nothing, 409, "conflict", Kind::Failed, "conflict").await;
        // the other desk's task is its own
        assert_eq!(queue(&gate, SALTMARSH, "?status=requested").await.len(), 1);
    }
}

#[tokio::test]
async fn a_queue_is_paged_newest_first_and_a_page_is_its_readers_own() {
    for gate in on_each_database().await {
        let patient = alerted(&gate).await;
        for reason in ["own-risk", "harm-to-child", "harm-to-other"] {
            overridden(&gate, GP, patient, reason).await;
        }
        let whole: Vec<Value> = queue(&gate, ESTUARY, "").await;
        assert_eq!(whole.len(), 4);
        let times: Vec<_> = whole.iter().map(|task| task["authoredOn"].as_str().unwrap()).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");

        let mut paged = Vec::new();
        let mut next = Some("Task?status=requested&_count=3".to_owned());
        let first = gate.get(ESTUARY, "Task?_count=3").await.next().unwrap();
        while let Some(page) = next {
            let answer = gate.get(ESTUARY, &page).await;
            paged.extend(answer.matches());
            next = answer.next();
        }
        assert_eq!(paged, whole);
        let stolen = gate.get(SALTMARSH, &first).await;
        gate.ends(&stolen, 410, "expired", Kind::Failed, "gone").await;
        for (query, code) in
            [("Task?status=rejected", "value"), ("Task?patient=1", "not-supported"), ("Task?_count=0", "value")]
        {
            gate.ends(&gate.get(ESTUARY, query).await, 400, code, Kind::Failed, "request").await;
        }
    }
}

#[tokio::test]
async fn a_desk_with_nothing_on_it_shows_nothing_and_whoever_keeps_none_is_refused() {
    let gate = own().await;
    let patient = alerted(&gate).await;
    recorded(&gate, patient, &one_source(patient, "RZ903")).await;
    for who in [GP, "receptionist-saltmarsh", "researcher", &persona(patient), "system:F99001"] {
        gate.ends(&gate.get(who, "Task").await, 403, "forbidden", Kind::Refused, "access-denied").await;
    }
    let fresh = own().await;
    let answer = fresh.get(ESTUARY, "Task").await;
    assert!(answer.matches().is_empty() && answer.json().get("entry").is_none(), "{}", answer.text);
}
