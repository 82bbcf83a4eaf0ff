//! Overrides: who may take one, what it opens and what not, for whom and how long; and what the patient is told of it when.

use crate::{
    desk,
    harness::{Answer, Gate, NHS, Setup, of_patient, on_each_database, own, source_of},
    objections::{one_source, persona, recorded, whole_record},
    relationships::assert_relationship,
};
use caregate::{
    access::OverrideReason,
    audit::{Kind, PatientRows},
    domain::{NhsNumber, Timestamp},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const GP: &str = "gp-saltmarsh";
const OVERRIDE: &str = "Patient/$override";

pub fn overriding(patient: NhsNumber, reason: &str) -> Value {
    json!({"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueIdentifier": {"system": NHS, "value": patient.digits()}},
        {"name": "reason", "valueCode": reason},
        {"name": "text", "valueString": "Found unconscious at home"},
    ]})
}

/// Has this person take an override; the grant's id.
pub async fn overridden(gate: &Gate, who: &str, patient: NhsNumber, reason: &str) -> String {
    let answer = gate.post(who, OVERRIDE, &overriding(patient, reason)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let said = answer.json();
    assert_eq!((&said["parameter"][0]["name"], &said["parameter"][1]["valueCode"]), (&json!("id"), &json!(reason)));
    said["parameter"][0]["valueId"].as_str().unwrap().to_owned()
}

async fn objected(gate: &Gate, n: usize) -> NhsNumber {
    let patient = gate.registered("F99001", n).nhs_number;
    recorded(gate, patient, &whole_record(patient)).await;
    patient
}

#[tokio::test]
async fn an_override_opens_the_record_to_its_own_person_for_its_own_patient_alone() {
    for gate in on_each_database().await {
        let (patient, other) = (objected(&gate, 0).await, objected(&gate, 1).await);
        assert_relationship(&gate, patient, "RZ902").await;
        assert_eq!(gate.search(GP, "Condition", patient).await.spine(), "NO_PATIENT_CONSENT");

        let before = Timestamp::now();
        let answer = gate.post(GP, OVERRIDE, &overriding(patient, "emergency")).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let rows = gate.rows(&answer).await;
        let told: Vec<_> = rows.iter().map(|row| (row.kind, row.request.as_str(), row.patient)).collect();
        let request = "Patient/$override?reason=emergency";
        assert_eq!(told, [(Kind::Intent, request, Some(patient)), (Kind::Released, request, Some(patient))]);
        assert!(rows.iter().all(|row| row.held.is_none() && !format!("{row:?}").contains("unconscious")));
        let period = &answer.json()["parameter"][2]["valuePeriod"];
        assert!(period["start"].as_str().unwrap() >= before.fhir().as_str());
        assert!(period["end"].as_str().unwrap() >= before.plus(Duration::from_secs(3_600)).fhir().as_str());

        let opened = gate.search(GP, "Condition", patient).await;
        assert!(!opened.matches().is_empty());
        let row = gate.closing(&opened).await;
        let used = row.overriding.expect("the release says that it is under an override");
        assert_eq!((used.reason, row.held), (OverrideReason::Emergency, None));
        assert_eq!(answer.json()["parameter"][0]["valueId"], used.id);

        for (who, patient) in [(GP, other), ("consultant-colneside", patient)] {
            let closed = gate.search(who, "Condition", patient).await;
            gate.ends(&closed, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
        }
        // the same request again is another grant, not another's
        let again = overridden(&gate, GP, patient, "emergency").await;
        assert_ne!(again, used.id);
    }
}

#[tokio::test]
async fn an_override_opens_what_an_objection_closes_of_one_source() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    recorded(&gate, patient, &one_source(patient, "RZ901")).await;
    let sources = async || {
        let matches = gate.search(GP, "Condition", patient).await.matches();
        matches.iter().map(source_of).collect::<BTreeSet<_>>()
    };
    assert!(!sources().await.contains("RZ901"));
    overridden(&gate, GP, patient, "own-risk").await;
    assert!(sources().await.contains("RZ901"));
}

#[tokio::test]
async fn an_override_ends_when_it_says() {
    let policies = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir("policies").unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), policies.path().join(file.file_name())).unwrap();
    }
    let brief = r#"{"seconds": 2, "why": "A test does not wait an hour."}"#;
    std::fs::write(policies.path().join("overrides.json"), brief).unwrap();
    let gate = Setup::default().set("CAREGATE__POLICY__DIRECTORY", policies.path().display()).start();
    let patient = objected(&gate, 0).await;
    overridden(&gate, GP, patient, "emergency").await;
    assert_eq!(gate.search(GP, "Condition", patient).await.status, 200);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(gate.search(GP, "Condition", patient).await.spine(), "NO_PATIENT_CONSENT");
}

#[tokio::test]
async fn who_lacks_role_or_relationship_is_refused_uniformly_and_gains_nothing() {
    let gate = own().await;
    let patient = objected(&gate, 0).await;
    let mut bodies = BTreeSet::new();
    for who in ["gp-blackwater", "receptionist-saltmarsh", "researcher", "caldicott-guardian", "system:F99001"] {
        let answer = gate.post(who, OVERRIDE, &overriding(patient, "emergency")).await;
        gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
        bodies.insert(answer.text);
    }
    assert_eq!(bodies.len(), 1);
    // a pharmacist who cares for the patient may act in an emergency, and leaves a child at risk to others
    assert_relationship(&gate, patient, "FZ901").await;
    let answer = gate.post("pharmacist-quayside", OVERRIDE, &overriding(patient, "harm-to-child")).await;
    gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
    assert_eq!(gate.search("pharmacist-quayside", "MedicationRequest", patient).await.spine(), "NO_PATIENT_CONSENT");
    overridden(&gate, "pharmacist-quayside", patient, "emergency").await;
    assert_eq!(gate.search("pharmacist-quayside", "MedicationRequest", patient).await.status, 200);
}

#[tokio::test]
async fn without_a_reason_that_is_known_and_a_text_there_is_no_override() {
    let gate = own().await;
    let patient = objected(&gate, 0).await;
    let whole = overriding(patient, "emergency");
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
    for (body, code) in [
        (without(0), "required"),
        (without(1), "required"),
        (without(2), "required"),
        (with(2, json!({"name": "text", "valueString": "  "})), "value"),
        (with(1, json!({"name": "reason", "valueCode": "curiosity"})), "value"),
        (with(1, json!({"name": "reason", "valueString": "emergency"})), "required"),
        (with(2, json!({"name": "words", "valueString": "x"})), "required"),
    ] {
        let answer = gate.post(GP, OVERRIDE, &body).await;
        gate.ends(&answer, 422, code, Kind::Failed, "content").await;
    }
    for disclosure in ["court-order", "serious-crime", "nearest-relative", "notification"] {
        let answer = gate.post(GP, OVERRIDE, &overriding(patient, disclosure)).await;
        gate.ends(&answer, 422, "value", Kind::Failed, "content").await;
        let said = answer.json()["issue"][0]["diagnostics"].to_string();
        assert!(said.contains("its own authoriser decides"), "{said}");
    }
    assert_eq!(gate.search(GP, "Condition", patient).await.spine(), "NO_PATIENT_CONSENT");
}

#[tokio::test]
async fn not_even_an_emergency_opens_what_the_patient_says_it_must_not_but_a_child_at_risk_does() {
    for gate in on_each_database().await {
        let patient = gate.registered("F99001", 0).nhs_number;
        let mut consent = whole_record(patient);
        let purpose = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
        consent["provision"]["purpose"] = json!([{"system": purpose, "code": "BTG"}]);
        recorded(&gate, patient, &consent).await;
        for reason in ["own-risk", "emergency"] {
            overridden(&gate, GP, patient, reason).await;
            let closed = gate.search(GP, "Condition", patient).await;
            gate.ends(&closed, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
        }
        overridden(&gate, GP, patient, "harm-to-child").await;
        assert_eq!(gate.search(GP, "Condition", patient).await.status, 200);
    }
}

/// Request ids of the patient's log.
async fn told(gate: &Gate, who: &str, patient: NhsNumber) -> BTreeSet<String> {
    let transaction = |event: &Value| {
        let entities = event["entity"].as_array().unwrap().iter();
        let found = entities.filter(|one| one["type"]["code"] == "XrequestId");
        found.map(|one| one["what"]["identifier"]["value"].as_str().unwrap().to_owned()).next().unwrap()
    };
    let pages = gate.pages(who, "AuditEvent", patient).await;
    pages.iter().flat_map(Answer::matches).map(|event| transaction(&event)).collect()
}

#[tokio::test]
async fn what_is_done_for_anothers_sake_is_in_the_patients_log_only_once_an_officer_releases_it() {
    for gate in on_each_database().await {
        let patient = objected(&gate, 0).await;
        let me = persona(patient);
        let refused = gate.post("gp-blackwater", OVERRIDE, &overriding(patient, "harm-to-child")).await;
        let taken = gate.post(GP, OVERRIDE, &overriding(patient, "harm-to-child")).await;
        let grant = taken.json()["parameter"][0]["valueId"].as_str().unwrap().to_owned();
        let read = gate.search(GP, "Condition", patient).await;
        let lost = gate.get(GP, &format!("{}&page=AAAA", crate::harness::of_patient("Condition", patient))).await;
        assert_eq!((refused.status, taken.status, read.status, lost.status), (403, 201, 200, 410));

        let officer = "privacy-officer-saltmarsh";
        let queue = gate.get(officer, "Task").await;
        let id = queue.match_ids().swap_remove(0);
        assert_eq!(queue.matches()[0]["businessStatus"]["text"], "held back from the patient's log");
        // to look at it would warn as much as the thing itself: held too, whoever tries
        let looked = gate.get(officer, &format!("Task/{id}")).await;
        let pried = gate.get("privacy-officer-estuary", &format!("Task/{id}")).await;
        assert_eq!((looked.status, pried.status), (200, 403));
        let held = [&taken, &read, &lost, &looked, &pried];
        for answer in held {
            assert_eq!(gate.closing(answer).await.held.as_ref(), Some(&grant), "{}", answer.text);
        }
        let ids =
            |answers: &[&Answer]| answers.iter().map(|answer| answer.request_id().to_string()).collect::<BTreeSet<_>>();
        let before = told(&gate, &me, patient).await;
        assert!(before.is_disjoint(&ids(&held)) && before.is_disjoint(&ids(&[&refused])), "{before:?}");
        assert!(told(&gate, officer, patient).await.is_superset(&ids(&[&taken, &read])), "the officers see it");

        let reason = desk::released("the child is safe");
        let release = format!("Task/{id}/$release-hold");
        let released = gate.post(officer, &release, &reason).await;
        assert_eq!(released.status, 200, "{}", released.text);
        assert_eq!(released.json()["businessStatus"]["text"], "released into the patient's log");
        assert_eq!(released.json()["note"][0]["text"], "the child is safe");
        assert_eq!(gate.post(officer, &release, &reason).await.status, 409);

        let after = told(&gate, &me, patient).await;
        assert!(after.is_superset(&ids(&held)) && after.contains(&released.request_id().to_string()), "{after:?}");
        // nobody was given anything by the attempt that was refused, and nothing can release it
        assert!(after.is_disjoint(&ids(&[&refused])));
        exactly_the_rows_not_held(&gate, &me, patient, &grant).await;
    }
}

/// A patient's log = exactly the closing rows for that patient, less those under a recorded hold.
async fn exactly_the_rows_not_held(gate: &Gate, me: &str, patient: NhsNumber, released: &str) {
    let during = Timestamp(i64::MIN)..Timestamp::MAX;
    let wanted = PatientRows { patient, during, before: None, limit: 10_000 };
    let stored = gate.audit().await.patient_rows(&wanted).await.unwrap();
    let rows: Vec<_> = stored.iter().map(|row| row.row().unwrap().unwrap()).collect();
    assert!(rows.iter().any(|row| row.held.as_deref().is_some_and(|hold| hold != released)), "some are held still");
    let shown = rows.iter().filter(|row| row.held.as_deref().is_none_or(|hold| hold == released));
    let shown: BTreeSet<String> = shown.map(|row| row.request_id.to_string()).collect();
    assert_eq!(told(gate, me, patient).await, shown);
}

#[tokio::test]
async fn the_log_says_that_an_override_began_and_what_was_read_under_it() {
    let gate = own().await;
    let patient = objected(&gate, 0).await;
    overridden(&gate, GP, patient, "own-risk").await;
    gate.search(GP, "Condition", patient).await;
    let log = gate.search(&persona(patient), "AuditEvent", patient).await;
    let [read, began, ..] = &log.matches()[..] else { panic!("two events: {}", log.text) };
    let dcm = json!({"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110127",
        "display": "Emergency Override Started"});
    assert_eq!(began["subtype"][1], dcm);
    assert!(read["subtype"].as_array().unwrap().len() == 1);
    for event in [read, began] {
        let agents = event["agent"].as_array().unwrap();
        let user = agents.iter().find(|agent| agent["requestor"] == true).unwrap();
        let purposes: Vec<_> =
            user["purposeOfUse"].as_array().unwrap().iter().map(|one| one["coding"][0]["code"].clone()).collect();
        assert_eq!(purposes, ["TREAT", "BTG"]);
        let extensions = event["extension"].as_array().unwrap();
        let url = "https://caregate.example/StructureDefinition/access-override";
        let reason = extensions.iter().find(|one| one["url"] == url).unwrap();
        assert_eq!(reason["valueCode"], "own-risk");
    }
    assert!(!log.text.contains("unconscious"));
}

#[tokio::test]
async fn an_override_opens_nothing_elsewhere_nor_in_a_role_that_may_take_none() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    for organisation in ["RZ901", "RZ902"] {
        assert_relationship(&gate, patient, organisation).await;
    }
    recorded(&gate, patient, &whole_record(patient)).await;
    overridden(&gate, "consultant-estuary", patient, "emergency").await;
    for (organisation, role, status) in [("RZ901", "R0050", 200), ("RZ902", "R0050", 403), ("RZ901", "R8004", 403)] {
        let wishes = [("organisation", organisation), ("role", role), ("user", "555021400103")];
        let token = gate.token_with("staff", &wishes).await;
        let answer = Answer::of(gate.request(Method::GET, &of_patient("Condition", patient)).bearer_auth(token)).await;
        assert_eq!(answer.status, status, "{organisation} {role}: {}", answer.text);
    }
}

#[tokio::test]
async fn whatever_the_holder_of_an_override_for_anothers_sake_asks_meanwhile_is_held_too() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    overridden(&gate, GP, patient, "harm-to-child").await;
    let why = gate.get(GP, &format!("Patient/$explain-access?identifier={NHS}%7C{}", patient.digits())).await;
    let token = gate.token_with(GP, &[("purpose", "HRESCH")]).await;
    let refused = Answer::of(gate.request(Method::GET, &of_patient("Condition", patient)).bearer_auth(token)).await;
    assert_eq!((why.status, refused.status), (200, 403));
    for answer in [&why, &refused] {
        assert!(gate.closing(answer).await.held.is_some());
    }
    // another's are the patient's to see
    let other = gate.search("consultant-estuary", "Condition", patient).await;
    assert_eq!(gate.closing(&other).await.held, None);
}

#[tokio::test]
async fn the_practice_that_nobody_recorded_is_told_too_and_one_that_is_silent_holds_up_no_emergency() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    assert_relationship(&gate, patient, "RZ901").await;
    recorded(&gate, patient, &whole_record(patient)).await;
    gate.fault("blackwater", json!({"fault": "delay", "milliseconds": 5000})).await;
    let began = Instant::now();
    overridden(&gate, "consultant-estuary", patient, "emergency").await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    for officer in ["privacy-officer-estuary", "privacy-officer-saltmarsh"] {
        assert_eq!(gate.get(officer, "Task?status=requested").await.matches().len(), 1, "{officer}");
    }
}
