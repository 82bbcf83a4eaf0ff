//! The privacy office and objections: what it sees, what it decides, and what follows.

use crate::{
    harness::{Answer, Gate, ODS, on_each_database, own, source_of},
    objections::{one_source, persona, recorded, whole_record, withdrawn},
    relationships::asserted,
};
use caregate::{
    access::ConsentRecord,
    audit::Kind,
    domain::NhsNumber,
    store::{DatabaseUrl, Store},
};
use serde_json::{Value, json};

const GP: &str = "gp-saltmarsh";
const OFFICER: &str = "privacy-officer-estuary";
const STATE: &str = "https://caregate.example/StructureDefinition/objection-state";

pub fn outcome(outcome: &str) -> Value {
    json!({"resourceType": "Parameters", "parameter": [
        {"name": "outcome", "valueCode": outcome},
        {"name": "note", "valueString": format!("Why it is {outcome}.")},
    ]})
}

pub async fn reviewed(gate: &Gate, persona: &str, id: &str, said: &str) -> Answer {
    gate.post(persona, &format!("Consent/{id}/$review"), &outcome(said)).await
}

/// Consent.status, and the state that it stands for.
pub fn standing(consent: &Value) -> (&str, &str) {
    let extension = consent["extension"].as_array().unwrap().iter().find(|one| one["url"] == STATE).unwrap();
    (consent["status"].as_str().unwrap(), extension["valueCode"].as_str().unwrap())
}

/// Every version, the first before.
async fn history(gate: &Gate, id: &str) -> Vec<ConsentRecord> {
    let url = DatabaseUrl::parse(&gate.database).unwrap();
    let facts = Store::open_existing(&url).await.unwrap().facts();
    let mut versions = Vec::new();
    while let Some(version) = facts.consent_version(id, versions.len() as i64 + 1).await.unwrap() {
        versions.push(version);
    }
    versions
}

async fn sees_estuary(gate: &Gate, patient: NhsNumber) -> bool {
    gate.search(GP, "Condition", patient).await.matches().iter().any(|entry| source_of(entry) == "RZ901")
}

#[tokio::test]
async fn an_objection_that_is_not_upheld_is_in_force_until_the_patient_has_been_told() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        assert!(sees_estuary(&gate, patient).await);
        let id = recorded(&gate, patient, &one_source(patient, "RZ901")).await;
        for (said, status, state, in_force) in [
            ("under-review", "active", "under-review", true),
            ("not-upheld", "active", "not-upheld", true),
            ("patient-told", "rejected", "lifted", false),
        ] {
            if said == "patient-told" {
                let alone = reviewed(&gate, OFFICER, &id, said).await;
                assert_eq!((alone.status, alone.code().as_str()), (422, "value"), "whoever decided says no more");
            }
            let officer = if said == "patient-told" { "caldicott-guardian" } else { OFFICER };
            let answer = reviewed(&gate, officer, &id, said).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let consent = answer.json();
            assert_eq!(standing(&consent), (status, state));
            assert_eq!(answer.header("etag"), format!("W/\"{}\"", consent["meta"]["versionId"].as_str().unwrap()));
            assert_eq!(sees_estuary(&gate, patient).await, !in_force, "{state}");
            let row = gate.closing(&answer).await;
            assert_eq!((row.kind, row.request), (Kind::Released, format!("Consent/{id}/$review")));
            assert!(row.rules.iter().any(|rule| rule == "concerns-own-organisation"), "{:?}", row.rules);
        }
        let read = gate.get(&persona(patient), &format!("Consent/{id}")).await.json();
        assert_eq!(standing(&read), ("rejected", "lifted"));
        assert_eq!(read["provision"], one_source(patient, "RZ901")["provision"]);

        let versions = history(&gate, &id).await;
        let notes: Vec<_> = versions.iter().map(|version| version.note.as_deref()).collect();
        assert_eq!(
            notes,
            [None, Some("Why it is under-review."), Some("Why it is not-upheld."), Some("Why it is patient-told.")]
        );
        assert!(versions.iter().skip(1).take(2).all(|version| version.recorded_by.subject == "555021400111"));
        assert!(versions.is_sorted_by_key(|version| version.recorded_at));
    }
}

#[tokio::test]
async fn an_objection_upheld_stands_and_is_the_patients_to_take_back() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let consent = one_source(patient, "RZ901");
    let id = recorded(&gate, patient, &consent).await;
    assert_eq!(standing(&reviewed(&gate, OFFICER, &id, "upheld").await.json()), ("active", "upheld"));
    assert!(!sees_estuary(&gate, patient).await);
    withdrawn(&gate, patient, &id, &consent).await;
    assert!(sees_estuary(&gate, patient).await);
    // what is over is over
    for said in ["under-review", "upheld", "not-upheld", "patient-told", "withdrawal-confirmed", "withdrawal-rejected"]
    {
        let answer = reviewed(&gate, OFFICER, &id, said).await;
        gate.ends(&answer, 409, "conflict", Kind::Failed, "conflict").await;
        assert!(answer.text.contains("The objection is withdrawn"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_review_that_does_not_fit_the_state_or_the_version_changes_nothing() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let id = recorded(&gate, patient, &one_source(patient, "RZ901")).await;
    for said in ["not-upheld", "patient-told", "withdrawal-confirmed", "withdrawal-rejected"] {
        let answer = reviewed(&gate, OFFICER, &id, said).await;
        gate.ends(&answer, 409, "conflict", Kind::Failed, "conflict").await;
        assert!(answer.text.contains("The objection is requested"), "{}", answer.text);
    }
    let token = gate.token(OFFICER).await;
    let request = gate.request(reqwest::Method::POST, &format!("Consent/{id}/$review")).bearer_auth(token);
    let request = request.header("if-match", "W/\"2\"").header("content-type", "application/fhir+json");
    let stale = Answer::of(request.body(outcome("under-review").to_string())).await;
    gate.ends(&stale, 412, "conflict", Kind::Failed, "version-differs").await;
    for body in [
        outcome("lifted"),
        json!({"resourceType": "Parameters", "parameter": [{"name": "outcome", "valueCode": "upheld"}]}),
    ] {
        let answer = gate.post(OFFICER, &format!("Consent/{id}/$review"), &body).await;
        assert_eq!((answer.status, gate.closing(&answer).await.reason.as_deref()), (422, Some("content")));
    }
    assert_eq!(history(&gate, &id).await.len(), 1);
}

#[tokio::test]
async fn an_officer_sees_and_decides_what_concerns_their_own_organisation_and_is_refused_all_else() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        let refused = async |answer: Answer| gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
        // nothing of this patient concerns them yet
        let others = recorded(&gate, patient, &one_source(patient, "RZ902")).await;
        refused(gate.search(OFFICER, "Consent", patient).await).await;
        refused(gate.get(OFFICER, &format!("Consent/{others}")).await).await;
        refused(reviewed(&gate, OFFICER, &others, "under-review").await).await;

        let own = recorded(&gate, patient, &one_source(patient, "RZ901")).await;
        for officer in [OFFICER, "caldicott-guardian"] {
            assert_eq!(gate.search(officer, "Consent", patient).await.match_ids(), std::slice::from_ref(&own));
            assert_eq!(gate.get(officer, &format!("Consent/{own}")).await.status, 200);
        }
        refused(gate.get(OFFICER, &format!("Consent/{others}")).await).await;
        refused(reviewed(&gate, OFFICER, &others, "under-review").await).await;
        for stranger in [GP, "consultant-estuary", "system:RZ901", "system:F99001", &persona(patient)] {
            refused(reviewed(&gate, stranger, &own, "under-review").await).await;
        }

        // whoever is kept from seeing something is no judge of that, nor whom an exception names
        let mut to_them = whole_record(patient);
        to_them["provision"]["actor"] = json!([{
            "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]},
            "reference": {"identifier": {"system": ODS, "value": "RZ901"}},
        }]);
        let to_them = recorded(&gate, patient, &to_them).await;
        assert_eq!(gate.get(OFFICER, &format!("Consent/{to_them}")).await.status, 200);
        refused(reviewed(&gate, OFFICER, &to_them, "under-review").await).await;

        // of patients registered with them all objections do; but nobody is registered with a hospital
        let registered = |organisation| {
            let mut said = asserted(patient, organisation);
            said["parameter"][2]["valueCode"] = json!("registered");
            said
        };
        let claimed = gate.post("system:RZ901", "Patient/$assert-relationship", &registered("RZ901")).await;
        gate.ends(&claimed, 422, "value", Kind::Failed, "content").await;
        refused(gate.get(OFFICER, &format!("Consent/{others}")).await).await;
        let practice = "privacy-officer-saltmarsh";
        assert_eq!(gate.post("system:F99001", "Patient/$assert-relationship", &registered("F99001")).await.status, 201);
        assert_eq!(gate.search(practice, "Consent", patient).await.match_ids(), [others.clone(), own, to_them]);
        assert_eq!(reviewed(&gate, practice, &others, "under-review").await.status, 200);
    }
}
