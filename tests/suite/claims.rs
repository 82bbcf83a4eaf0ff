//! A person's own word that they care for a patient: whom it lets in, to what, until when, and what becomes of it.

use crate::{
    harness::{Answer, Gate, NHS, Setup, on_each_database, own, soon, source_of},
    relationships::assert_relationship,
};
use caregate::{
    audit::Kind,
    domain::{NhsNumber, Timestamp},
};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::{fs, path::Path, time::Duration};

const CLAIMANT: &str = "consultant-estuary";
const REASON: &str = "Brought in unconscious; I am on call.";

pub fn claimed(patient: NhsNumber) -> Value {
    json!({"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueIdentifier": {"system": NHS, "value": patient.digits()}},
        {"name": "reason", "valueString": REASON},
    ]})
}

pub async fn claim(gate: &Gate, persona: &str, patient: NhsNumber) -> Answer {
    gate.post(persona, "Patient/$claim-relationship", &claimed(patient)).await
}

/// The claim's id, and when it begins and ends.
fn said(answer: &Answer) -> (String, String, String) {
    let parameters = answer.json()["parameter"].clone();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
    let period = &parameters[1]["valuePeriod"];
    (text(&parameters[0]["valueId"]), text(&period["start"]), text(&period["end"]))
}

/// One column of texts from the gate's database.
pub async fn texts(gate: &Gate, sql: &'static str) -> Vec<String> {
    if gate.database.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(&gate.database).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    } else {
        let mut connection = sqlx::PgConnection::connect(&gate.database).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    }
}

/// The policies with another word on claims.
fn policies(claim: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    for file in fs::read_dir(&built_in).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let file = folder.path().join("relationships.json");
    let mut table: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    for (name, value) in claim.as_object().unwrap() {
        table["claim"][name] = value.clone();
    }
    fs::write(file, table.to_string()).unwrap();
    folder
}

/// On each database, with these policies and a watcher that looks every second.
async fn watched(policies: &Path) -> [Gate; 2] {
    let url = crate::postgres::Postgres::shared().database().await;
    [Setup::default(), Setup::default().database(url)].map(|setup| {
        let setup = setup.set("CAREGATE__POLICY__DIRECTORY", policies.display());
        setup.set("CAREGATE__GATEWAY__CLAIM_WATCH_SECONDS", 1).start()
    })
}

#[tokio::test]
async fn a_claim_lets_its_claimant_in_and_nobody_else_and_a_second_answers_the_first() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99002", "colneside")[0];
        let before = gate.search(CLAIMANT, "Condition", patient).await;
        gate.ends(&before, 403, "forbidden", Kind::Refused, "access-denied").await;

        let made = claim(&gate, CLAIMANT, patient).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let kinds: Vec<_> = gate.rows(&made).await.iter().map(|row| (row.kind, row.status)).collect();
        assert_eq!(kinds, [(Kind::Intent, 0), (Kind::Released, 201)]);
        let row = gate.closing(&made).await;
        assert_eq!((row.patient, row.interaction.as_str()), (Some(patient), "operation"));
        assert!(
            ["role-may-claim", "claim-needs-no-relationship"].iter().all(|rule| row.rules.contains(&rule.to_string()))
        );

        let during = gate.search(CLAIMANT, "Condition", patient).await;
        assert_eq!(during.status, 200, "{}", during.text);
        let row = gate.closing(&during).await;
        assert_eq!(row.basis, Some(format!("claim: {}", said(&made).0)));
        assert!(row.rules.contains(&"claimed".to_owned()), "{:?}", row.rules);
        for another in ["registrar-estuary", "consultant-colneside"] {
            let answer = gate.search(another, "Condition", patient).await;
            gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
        }

        let again = claim(&gate, CLAIMANT, patient).await;
        assert_eq!((again.status, said(&again)), (200, said(&made)));
        assert_eq!(gate.closing(&again).await.kind, Kind::Released);
        assert_eq!(texts(&gate, "SELECT reason FROM claim").await, [REASON]);
        let other = claim(&gate, "registrar-estuary", patient).await;
        assert_eq!(other.status, 201, "each makes their own");
        assert_ne!(said(&other).0, said(&made).0);
    }
}

#[tokio::test]
async fn any_number_is_claimed_alike_and_no_provider_is_asked() {
    let gate = own().await;
    let objecting = gate.registered("F99001", 0).nhs_number;
    crate::objections::recorded(&gate, objecting, &crate::objections::whole_record(objecting)).await;
    let unheard_of = (999_888_000..).find_map(|nine| (0..10).find_map(|c| NhsNumber::from_value(nine * 10 + c).ok()));
    for slug in ["saltmarsh", "estuary", "colneside"] {
        gate.fault(slug, json!({"fault": "error", "status": 500})).await;
    }
    let requests = gate.asked("estuary").await["requests"].clone();
    for patient in [gate.registered("F99001", 1).nhs_number, objecting, unheard_of.unwrap()] {
        let answer = claim(&gate, CLAIMANT, patient).await;
        let (id, start, end) = said(&answer);
        assert_eq!(answer.status, 201);
        // one size, whoever they are
        let blank = answer.text.replace(&id, "").replace(&start, "").replace(&end, "");
        assert_eq!(
            blank,
            r#"{"resourceType":"Parameters","parameter":[{"name":"claim","valueId":""},{"name":"period","valuePeriod":{"start":"","end":""}}]}"#
        );
    }
    assert_eq!(gate.asked("estuary").await["requests"], requests);
}

#[tokio::test]
async fn a_claim_works_when_the_own_hospital_cannot_be_asked_and_stands_where_it_then_says_no() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        gate.fault("estuary", json!({"fault": "error", "status": 500})).await;
        let answer = gate.search(CLAIMANT, "Condition", patient).await;
        gate.ends(&answer, 503, "transient", Kind::Refused, "could-not-check").await;
        assert!(answer.text.contains("Patient/$claim-relationship"), "{}", answer.text);

        assert_eq!(claim(&gate, CLAIMANT, patient).await.status, 201);
        let answer = gate.search(CLAIMANT, "Condition", patient).await;
        assert_eq!((answer.status, answer.header("x-completeness")), (200, "partial"), "{}", answer.text);
        assert!(gate.closing(&answer).await.basis.unwrap().starts_with("claim: "));
        // it is up again, and says no: the claim stands
        gate.lift("estuary").await;
        let answer = gate.search(CLAIMANT, "Condition", patient).await;
        assert!(gate.closing(&answer).await.basis.unwrap().starts_with("claim: "), "{}", answer.text);
        assert_eq!(texts(&gate, "SELECT id FROM claim WHERE confirmed_by IS NOT NULL").await, [""; 0]);
    }
}

#[tokio::test]
async fn what_is_marked_sensitive_or_restricted_is_withheld_on_a_claim() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "quietwater")[0];
    assert_eq!(claim(&gate, CLAIMANT, patient).await.status, 201);
    let shown = async || gate.search(CLAIMANT, "Condition", patient).await;
    let claimed = shown().await;
    assert!(!claimed.matches().is_empty());
    assert!(claimed.matches().iter().all(|entry| source_of(entry) != "RZ903"), "all of RZ903 is mental health");
    assert!(claimed.issues().iter().any(|issue| issue["code"] == "suppressed"), "{}", claimed.text);
    let asked = gate.search("gp-saltmarsh", "Condition", patient).await;
    assert!(asked.matches().iter().any(|entry| source_of(entry) == "RZ903"), "the patient's own GP sees it");
}

#[tokio::test]
async fn a_claim_ends_with_its_time_and_may_be_made_again() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99002", "colneside")[0];
        let made = claim(&gate, CLAIMANT, patient).await;
        let (first, start, end) = said(&made);
        let time = |text: &str| caregate::fhir::date::FhirDate::parse(text).unwrap().interval.start();
        assert_eq!(time(&end) - time(&start), 12 * 3_600 * 1_000_000, "as policies/relationships.json says");
        // as if its time were nearly over
        let soon_over = Timestamp::now().plus(Duration::from_millis(1_500)).0;
        for sql in ["UPDATE relationship SET end_at = $1", "UPDATE claim SET until_at = $1"] {
            if gate.database.starts_with("sqlite:") {
                let mut connection = sqlx::SqliteConnection::connect(&gate.database).await.unwrap();
                sqlx::query(sql).bind(soon_over).execute(&mut connection).await.unwrap();
            } else {
                let mut connection = sqlx::PgConnection::connect(&gate.database).await.unwrap();
                sqlx::query(sql).bind(soon_over).execute(&mut connection).await.unwrap();
            }
        }
        assert_eq!(gate.search(CLAIMANT, "Condition", patient).await.status, 200);
        tokio::time::sleep(Duration::from_millis(1_600)).await;
        let after = gate.search(CLAIMANT, "Condition", patient).await;
        gate.ends(&after, 403, "forbidden", Kind::Refused, "access-denied").await;
        let again = claim(&gate, CLAIMANT, patient).await;
        assert_eq!(again.status, 201, "{}", again.text);
        assert_ne!(said(&again).0, first);
    }
}

#[tokio::test]
async fn a_claim_that_nothing_confirms_in_time_is_put_before_the_privacy_officer_once() {
    let policies = policies(&json!({"minutes": 60, "confirm_within_minutes": 0}));
    for gate in watched(policies.path()).await {
        let patient = gate.shared_with("F99002", "colneside")[0];
        let made = said(&claim(&gate, CLAIMANT, patient).await);
        let details = soon("a task", async || texts(&gate, "SELECT detail FROM desk_task").await.pop()).await;
        let detail: Value = serde_json::from_str(&details).unwrap();
        assert_eq!((detail["reason"].as_str(), detail["confirmedBy"].is_null()), (Some(REASON), true), "{detail}");
        assert_eq!(detail["claimant"]["subject"], "555021400103");
        assert_eq!((detail["start"].as_str(), detail["end"].as_str()), (Some(&*made.1), Some(&*made.2)));
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let tasks = "SELECT organisation || ' ' || kind || ' ' || about FROM desk_task";
        assert_eq!(
            texts(&gate, tasks).await,
            [format!("RZ901 claim-unconfirmed {}", made.0)],
            "looked at again, told once"
        );
        let notices =
            texts(&gate, "SELECT body FROM notice WHERE kind = 'claim-unconfirmed' AND sent_at IS NULL").await;
        assert_eq!(notices.len(), 1);
        assert!(notices[0].contains("/fhir/Task/") && !notices[0].contains(&patient.digits()), "{notices:?}");
        assert_eq!(gate.search(CLAIMANT, "Condition", patient).await.status, 200, "it holds for its time all the same");
    }
}

#[tokio::test]
async fn what_the_hospitals_system_asserts_confirms_a_claim_and_a_sample_is_looked_at_all_the_same() {
    let policies = policies(&json!({"minutes": 60, "confirm_within_minutes": 0, "review_one_in": 1}));
    for gate in watched(policies.path()).await {
        let patient = gate.shared_with("F99002", "colneside")[0];
        assert_relationship(&gate, patient, "RZ901").await;
        let (id, ..) = said(&claim(&gate, CLAIMANT, patient).await);
        let tasks = "SELECT kind || ' ' || about FROM desk_task";
        let task = soon("a sample", async || texts(&gate, tasks).await.pop()).await;
        assert_eq!(task, format!("claim-sample {id}"));
        let by = texts(&gate, "SELECT confirmed_by FROM claim WHERE settled_at IS NOT NULL").await;
        assert_eq!(by, ["encounter: https://estuary.example/visit|V1"]);
        let notices = texts(&gate, "SELECT body FROM notice").await;
        assert!(notices.len() == 1 && !notices[0].contains(&patient.digits()), "{notices:?}");
    }
}

#[tokio::test]
async fn a_claim_without_a_reason_or_with_more_than_is_understood_is_refused_with_its_place() {
    let gate = own().await;
    let patient = gate.registered("F99002", 0).nhs_number;
    let whole = claimed(patient);
    let with = |reason: Value| {
        let mut body = whole.clone();
        body["parameter"][1] = reason;
        body
    };
    let long = "x".repeat(1_001);
    for (body, code) in [
        (json!({"resourceType": "Parameters", "parameter": [whole["parameter"][0]]}), "required"),
        (with(json!({"name": "reason", "valueString": "  "})), "value"),
        (with(json!({"name": "reason", "valueString": long})), "value"),
        (with(json!({"name": "reason", "valueCode": "mine"})), "required"),
        (with(json!({"name": "hours", "valueInteger": 99})), "required"),
    ] {
        let answer = claim_with(&gate, &body).await;
        gate.ends(&answer, 422, code, Kind::Failed, "content").await;
        let place = answer.json()["issue"][0]["expression"][0].as_str().unwrap_or_default().to_owned();
        assert!(place.starts_with("Parameters.parameter"), "{}", answer.text);
    }
    assert_eq!(gate.search(CLAIMANT, "Condition", patient).await.status, 403, "nothing was claimed");
}

async fn claim_with(gate: &Gate, body: &Value) -> Answer {
    gate.post(CLAIMANT, "Patient/$claim-relationship", body).await
}
