//! Why: told in codes and words to those it is about and to officers, and told again of requests past.

use crate::{
    fhir,
    harness::{Answer, Gate, NHS, ODS, Setup, on_each_database, own, program},
    objections::{one_source, recorded, whole_record, withdrawn},
    policy,
    relationships::{assert_relationship, ended},
};
use caregate::{audit::Kind, domain::NhsNumber};
use serde_json::{Value, json};

const GP: &str = "gp-saltmarsh";
const OFFICER: &str = "privacy-officer-estuary";
const IRCP: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

fn why(patient: NhsNumber, more: &str) -> String {
    format!("Patient/$explain-access?identifier={NHS}%7C{}{more}", patient.digits())
}

/// The parameters of this name, each with its value or its parts.
fn named<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    let key = if value["parameter"].is_array() { "parameter" } else { "part" };
    value[key].as_array().into_iter().flatten().filter(|one| one["name"] == name).collect()
}

fn codes(answer: &Answer, name: &str) -> Vec<String> {
    let json = answer.json();
    named(&json, name).iter().map(|one| named(one, "code")[0]["valueCode"].as_str().unwrap().to_owned()).collect()
}

async fn told(gate: &Gate, persona: &str, path: &str, outcome: &str) -> Answer {
    let answer = gate.get(persona, path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(named(&answer.json(), "outcome")[0]["valueCode"], outcome, "{}", answer.text);
    let faults = fhir::faults(&answer.json());
    assert!(faults.is_empty(), "{}: {}", faults.join("\n"), answer.text);
    assert_eq!(gate.closing(&answer).await.kind, Kind::Released);
    answer
}

#[tokio::test]
async fn each_outcome_is_explained_to_whom_it_is_about_with_the_next_lawful_step() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        let path = why(patient, "&type=Observation");
        let open = told(&gate, GP, &path, "permitted").await;
        assert!(
            open.text.contains("registered-here") && open.text.contains("generalPractitioner at F99001"),
            "{}",
            open.text
        );
        assert_eq!(codes(&open, "next"), [""; 0]);
        let kinds: Vec<_> = gate.rows(&open).await.iter().map(|row| row.kind).collect();
        assert_eq!(kinds, [Kind::Intent, Kind::Released], "their own organisation was asked, after an intent");

        let unrelated = told(&gate, "gp-blackwater", &path, "access-denied").await;
        assert_eq!(codes(&unrelated, "next"), ["claim-relationship", "record-relationship"]);
        let receptionist = told(&gate, "receptionist-saltmarsh", &path, "access-denied").await;
        assert_eq!(codes(&receptionist, "next"), ["select-role"]);

        let id = recorded(&gate, patient, &whole_record(patient)).await;
        let objected = told(&gate, GP, &path, "no-patient-consent").await;
        assert_eq!(codes(&objected, "next"), ["ask-patient", "override"]);
        assert!(!objected.text.contains(&id), "which objection is not told");
        withdrawn(&gate, patient, &id, &whole_record(patient)).await;

        let another = gate.shared_with("F99001", "estuary")[1];
        gate.fault("saltmarsh", json!({"fault": "error", "status": 500})).await;
        let unchecked = told(&gate, GP, &why(another, ""), "could-not-check").await;
        assert_eq!(codes(&unchecked, "next"), ["claim-relationship", "try-again"]);
    }
}

#[tokio::test]
async fn without_role_or_relationship_the_explanation_is_the_same_bytes_whatever_is_known_of_the_patient() {
    let gate = own().await;
    let (plain, objected) = (gate.registered("F99001", 0).nhs_number, gate.registered("F99001", 1).nhs_number);
    recorded(&gate, objected, &whole_record(objected)).await;
    recorded(&gate, objected, &one_source(objected, "RZ901")).await;
    let nobody = (999_888_000..).find_map(|n| (0..10).find_map(|c| NhsNumber::from_value(n * 10 + c).ok())).unwrap();
    for persona in ["gp-blackwater", "consultant-estuary", "receptionist-saltmarsh", "pharmacist-quayside"] {
        let mut bodies = Vec::new();
        for patient in [plain, objected, nobody] {
            bodies.push(told(&gate, persona, &why(patient, "&type=Observation"), "access-denied").await.text);
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{persona}: {bodies:#?}");
    }
}

#[tokio::test]
async fn an_officer_is_told_of_a_colleague_which_objection_applied_and_what_it_keeps_back() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99002", "estuary")[0];
        assert_relationship(&gate, patient, "RZ901").await;
        let anothers = recorded(&gate, patient, &one_source(patient, "F99002")).await;
        let mut to_them = whole_record(patient);
        let recipient = json!({"coding": [{"system": IRCP, "code": "IRCP"}]});
        let them = json!({"identifier": {"system": ODS, "value": "RZ901"}});
        to_them["provision"]["actor"] = json!([{"role": recipient, "reference": them}]);
        to_them["provision"]["class"] = json!([{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]);
        let id = recorded(&gate, patient, &to_them).await;
        let path = why(patient, "&type=Condition&user=555021400103&role=R0050");
        let answer = told(&gate, OFFICER, &path, "permitted").await;
        assert!(answer.text.contains(&id) && answer.text.contains("An objection applies."), "{}", answer.text);
        assert!(!answer.text.contains(&anothers) && !answer.text.contains("F99002"), "{}", answer.text);
        assert!(answer.text.contains("user/*.rs"), "what was assumed is said");
        // the clinician is told neither
        let own = told(&gate, "consultant-estuary", &why(patient, "&type=Condition"), "permitted").await;
        assert!(!own.text.contains(&id) && !own.text.contains("F99002"), "{}", own.text);
        let row = gate.closing(&answer).await;
        assert!(row.request.contains("user=555021400103") && row.rules[0] == "officer-asks-why", "{row:?}");
    }
}

#[tokio::test]
async fn what_is_asked_amiss_is_refused_with_its_place() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    for (more, code) in [
        ("&type=Nonsense", "value"),
        ("&user=555021400103", "required"),
        ("&user=555021400103&role=0260", "value"),
        ("&user=a%20b&role=R0260", "value"),
        ("&type=Condition&type=Condition", "invariant"),
        ("&patient=x", "not-supported"),
        ("&request=0b0e1c4e-0000-4000-8000-000000000000", "invariant"),
    ] {
        let answer = gate.get(GP, &why(patient, more)).await;
        gate.ends(&answer, 400, code, Kind::Failed, "request").await;
    }
    for (path, code) in [("", "required"), ("?request=1", "value"), ("?identifier=9990000018", "value")] {
        let answer = gate.get(GP, &format!("Patient/$explain-access{path}")).await;
        gate.ends(&answer, 400, code, Kind::Failed, "request").await;
    }
}

/// What a request of theirs was answered by, explained afterwards.
async fn again(gate: &Gate, persona: &str, request: &Answer) -> Answer {
    gate.get(persona, &format!("Patient/$explain-access?request={}", request.header("x-request-id"))).await
}

#[tokio::test]
async fn why_an_id_was_refused_does_not_tell_whether_there_is_such_a_one() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    assert_relationship(&gate, patient, "RZ901").await;
    let there = recorded(&gate, patient, &whole_record(patient)).await;
    let nowhere = "0f8fad5b-d9cb-469f-a165-70867728950e";
    for persona in ["consultant-estuary", "receptionist-saltmarsh"] {
        let mut told = Vec::new();
        for id in [&there, nowhere] {
            let refused = gate.get(persona, &format!("Consent/{id}")).await;
            assert_eq!(refused.status, 403, "{persona}");
            let why = again(&gate, persona, &refused).await;
            told.push((refused.text, why.status, why.text));
        }
        assert_eq!(told[0], told[1], "{persona}");
    }
}

#[tokio::test]
async fn every_decision_of_a_history_is_made_again_as_it_was_recorded_after_all_has_changed() {
    let url = crate::postgres::Postgres::shared().database().await;
    for database in [None, Some(url)] {
        let rules = policy::directory();
        let mut setup = Setup::default().set("CAREGATE__POLICY__DIRECTORY", rules.path().display());
        if let Some(url) = database {
            setup = setup.database(url);
        }
        let gate = setup.start();
        let (patient, clinician) = (gate.shared_with("F99002", "estuary")[0], "consultant-estuary");
        let search = async || gate.search(clinician, "Condition", patient).await;
        let mut history = vec![search().await];
        assert_relationship(&gate, patient, "RZ901").await;
        history.push(search().await);
        let one = recorded(&gate, patient, &one_source(patient, "F99002")).await;
        history.push(search().await);
        let whole = recorded(&gate, patient, &whole_record(patient)).await;
        history.push(search().await);
        withdrawn(&gate, patient, &whole, &whole_record(patient)).await;
        history.push(search().await);
        policy::without(rules.path(), "R0050");
        policy::reloaded(&gate, async || search().await.status == 403).await;
        history.push(search().await);
        policy::built_in(rules.path());
        policy::reloaded(&gate, async || search().await.status == 200).await;
        history.push(search().await);
        let end = gate.post("system:RZ901", "Patient/$end-relationship", &ended(patient, "RZ901")).await;
        assert_eq!(end.status, 200);
        history.push(search().await);
        let registered = gate.registered("F99001", 0).nhs_number;
        history.push(gate.search(GP, "Observation", registered).await);
        history.push(gate.search("receptionist-saltmarsh", "Observation", registered).await);
        let statuses: Vec<_> = history.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [403, 200, 200, 403, 200, 403, 200, 403, 200, 403]);
        // all of it is over
        withdrawn(&gate, patient, &one, &one_source(patient, "F99002")).await;
        policy::without(rules.path(), "R0260");
        policy::reloaded(&gate, async || gate.search(GP, "Observation", registered).await.status == 403).await;

        for (at, answer) in history.iter().enumerate() {
            let persona = [clinician, GP, "receptionist-saltmarsh"][at.saturating_sub(7).min(2)];
            let told = again(&gate, persona, answer).await;
            assert_eq!(told.status, 200, "{at}: {}", told.text);
            assert_eq!(
                named(&told.json(), "agrees").first().map(|one| &one["valueBoolean"]),
                Some(&json!(true)),
                "{at}: {}",
                told.text
            );
        }
        // the officer of that organisation learns which objection it was, nobody else anything
        let told = again(&gate, OFFICER, &history[3]).await;
        assert!(told.text.contains(&whole), "{}", told.text);
        for persona in [GP, "gp-blackwater"] {
            let refused = again(&gate, persona, &history[3]).await;
            gate.ends(&refused, 403, "forbidden", Kind::Refused, "access-denied").await;
        }
        let elsewhere = again(&gate, OFFICER, &history[8]).await;
        gate.ends(&elsewhere, 403, "forbidden", Kind::Refused, "access-denied").await;

        let command = |answer: &Answer| {
            let id = answer.header("x-request-id");
            let output = program().args(["explain", "--database", &gate.database, "--request", id]).output().unwrap();
            assert!(output.status.success());
            String::from_utf8(output.stdout).unwrap()
        };
        for (at, answer) in history.iter().enumerate() {
            let said = command(answer);
            assert!(said.contains("the decision is the one that was recorded."), "{at}: {said}");
        }
        assert!(command(&history[3]).contains("The patient objects to sharing everything."));
    }
}
