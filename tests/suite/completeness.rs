//! A provider that says what is another's, and providers that all fail. In what other ways one can fail is told in
//! `misbehaviour`.

use crate::{
    harness::{Answer, Gate, Setup, canary, named_in, on_each_database, own, source_of},
    records::{held, held_but, shown},
    relationships::assert_relationship,
};
use caregate::{audit::Kind, domain::NhsNumber};
use serde_json::json;

const GP: &str = "gp-saltmarsh";
/// Colneside, which holds every patient's Conditions that these tests ask for.
const BAD: &str = "RZ902";
const SLUG: &str = "colneside";

/// One that waits for a provider as long as the number of milliseconds says.
fn waiting(milliseconds: u32) -> Gate {
    Setup::default().set("CAREGATE__FEDERATION__DEADLINE_MS", milliseconds).start()
}

/// Whom all organisations of the faults know.
pub fn patient_of(gate: &Gate) -> NhsNumber {
    gate.data.patients.iter().max_by_key(|patient| patient.held_by.len()).unwrap().nhs_number
}

/// The answer lacks the one provider, says so and why, and lacks nothing else.
pub async fn partial(gate: &Gate, answer: &Answer, kind: &str, patient: NhsNumber, issue: &str, failure: &str) {
    assert_eq!(answer.status, 200, "{failure}: {}", answer.text);
    assert!(
        shown(std::slice::from_ref(answer)) == held_but(gate, kind, patient, BAD),
        "{failure}: the others' entries"
    );
    assert!(answer.json().get("total").is_none());
    assert_eq!(answer.header("x-completeness"), "partial");
    let issues = answer.issues();
    let failed: Vec<_> = issues.iter().filter(|one| one["severity"] != "information").collect();
    assert_eq!(failed.len(), 1, "{failure}: {issues:?}");
    assert_eq!(
        (&failed[0]["severity"], &failed[0]["code"]),
        (&json!("warning"), &json!(issue)),
        "{failure}: {issues:?}"
    );
    assert_eq!(failed[0]["details"]["coding"][0]["code"], "failed");
    assert_eq!(named_in(failed[0]).as_deref(), Some(BAD));
    assert!(failed[0]["diagnostics"].as_str().unwrap().contains("Colneside"));
    let row = gate.closing(answer).await;
    assert_eq!((row.kind, row.sources.len()), (Kind::Released, 9));
    for line in &row.sources {
        let expected = if line.source.as_str() == BAD { Some(failure) } else { None };
        assert_eq!(line.reason.as_deref(), expected, "{failure}: {line:?}");
        assert_eq!(line.outcome == "failed", expected.is_some(), "{line:?}");
    }
}

/// All of it, as if nothing had been.
pub async fn whole(gate: &Gate, kind: &str, patient: NhsNumber, after: &str) {
    let answer = gate.search(GP, kind, patient).await;
    assert!(shown(std::slice::from_ref(&answer)) == held(gate, kind, patient), "after {after}: {}", answer.text);
    assert_eq!(answer.header("x-completeness"), "complete", "after {after}");
}

#[tokio::test]
async fn another_persons_demographics_under_this_number_leave_that_source_out() {
    let gate = Setup::default().without_index().start();
    let patient = patient_of(&gate);
    gate.fault(SLUG, json!({"fault": "wrong-demographics"})).await;
    let answer = gate.search(GP, "Condition", patient).await;
    partial(&gate, &answer, "Condition", patient, "incomplete", "demographics-conflict").await;
    gate.lift(SLUG).await;
    whole(&gate, "Condition", patient, "the source was put right").await;

    // when it is the registered practice that errs, all others are left out until it is put right
    let gate = Setup::default().without_index().start();
    gate.fault("saltmarsh", json!({"fault": "wrong-demographics"})).await;
    let answer = gate.search(GP, "Condition", patient).await;
    assert_eq!(answer.header("x-completeness"), "partial");
    assert!(answer.matches().iter().all(|one| source_of(one) == "F99001"));
    gate.lift("saltmarsh").await;
    whole(&gate, "Condition", patient, "the practice was put right").await;
}

/// No canary of another patient, whatever a provider sends.
fn nothing_of_others(gate: &Gate, answer: &Answer, patient: NhsNumber) {
    for found in answer.matches() {
        let own = gate.provider(&source_of(&found)).about(patient);
        let canary = format!("\"{}\"", canary(&found));
        assert!(own.iter().any(|(_, resource)| resource.json.contains(&canary)), "{canary} is not this patient's");
    }
}

#[tokio::test]
async fn another_patients_data_cost_the_provider_this_patient_and_in_the_end_everyone() {
    for gate in on_each_database().await {
        let patients = gate.shared_with("F99001", SLUG);
        let [first, second, third, fourth] = patients[..] else { panic!("four patients whom both know") };
        let failed = async |patient, failure: &str| {
            let answer = gate.search(GP, "Encounter", patient).await;
            nothing_of_others(&gate, &answer, patient);
            partial(&gate, &answer, "Encounter", patient, "incomplete", failure).await;
        };
        gate.fault(SLUG, json!({"fault": "other-patient"})).await;
        failed(first, "wrong-patient").await;
        gate.lift(SLUG).await;
        // right again, and shut out still, for this patient: of no type, and not by id
        let asked = gate.asked(SLUG).await["requests"].clone();
        failed(first, "quarantined").await;
        let answer = gate.search(GP, "Condition", first).await;
        partial(&gate, &answer, "Condition", first, "incomplete", "quarantined").await;
        assert_eq!(gate.asked(SLUG).await["requests"], asked);
        whole(&gate, "Encounter", second, "another's quarantine").await;

        // the Patient itself is another's; then the answer to the patient before is sent again
        gate.fault(SLUG, json!({"fault": "other-patient", "lookup": true})).await;
        failed(third, "wrong-patient").await;
        gate.lift(SLUG).await;
        whole(&gate, "Encounter", fourth, "two patients' quarantines").await;
        gate.fault(SLUG, json!({"fault": "replay", "types": ["Condition"]})).await;
        gate.lift(SLUG).await;
        whole(&gate, "Condition", second, "a fault lifted").await;
        gate.fault(SLUG, json!({"fault": "replay", "types": ["Condition"]})).await;
        let answer = gate.search(GP, "Condition", fourth).await;
        nothing_of_others(&gate, &answer, fourth);
        partial(&gate, &answer, "Condition", fourth, "incomplete", "wrong-patient").await;
        gate.lift(SLUG).await;

        // the third patient was one too many: nobody is shown anything of it, not even from memory
        failed(second, "suspended").await;
        let log = gate.stderr();
        assert_eq!(log.matches("quarantined").count(), 3, "an alarm for each");
        assert!(log.contains("provider suspended"));
        let database = &gate.database;
        let operate = |arguments: &[&str]| {
            let mut command = crate::harness::program();
            let done = command.arg("provider").args(arguments).args(["--database", database]).output().unwrap();
            assert!(done.status.success());
            String::from_utf8(done.stdout).unwrap()
        };
        operate(&["resume", BAD]);
        // from outside this node: the request that finds it out still leaves the source out, and says so
        gate.search(GP, "Encounter", second).await;
        whole(&gate, "Encounter", second, "the suspension was lifted").await;
        failed(first, "quarantined").await;

        // until a person has looked
        let lift = ["lift-quarantine", BAD, "--patient", &first.digits()];
        assert!(operate(&lift).contains("may be shown"));
        assert!(operate(&lift).contains("was not quarantined"), "once is enough");
        gate.search(GP, "Encounter", first).await;
        whole(&gate, "Encounter", first, "the quarantine was lifted").await;
    }
}

/// All fail: an error, not an empty record. The reader's own organisation has said that it cares, so that nobody need be
/// asked before the record is.
#[tokio::test]
async fn where_every_provider_fails_the_answer_is_an_error() {
    for (order, status, code) in [
        (json!({"fault": "error", "status": 500}), 502, "incomplete"),
        (json!({"fault": "black-hole"}), 504, "timeout"),
    ] {
        let gate = waiting(400);
        let patient = patient_of(&gate);
        assert_relationship(&gate, patient, "RZ901").await;
        for slug in gate.providers.keys() {
            gate.fault(slug, order.clone()).await;
        }
        for kind in ["Condition", "Patient", "Composition"] {
            let answer = gate.search("consultant-estuary", kind, patient).await;
            gate.ends(&answer, status, code, Kind::Failed, "providers-failed").await;
            let row = gate.closing(&answer).await;
            assert_eq!(row.sources.iter().filter(|line| line.outcome == "failed").count(), 9);
        }
        for slug in gate.providers.keys() {
            gate.lift(slug).await;
        }
        whole(&gate, "Condition", patient, "everything failed").await;
    }
}

#[tokio::test]
async fn a_read_from_a_failing_source_is_an_error_and_from_another_is_not() {
    let gate = own().await;
    let patient = patient_of(&gate);
    let found = gate.search(GP, "Encounter", patient).await.matches();
    let id = |from_bad: bool| {
        let one = found.iter().find(|one| (source_of(one) == BAD) == from_bad).unwrap();
        // the same resource under a type that was never asked for, so that nothing is in memory
        format!("Flag/{}", one["id"].as_str().unwrap())
    };
    gate.fault(SLUG, json!({"fault": "error", "status": 500})).await;
    let answer = gate.get(GP, &id(true)).await;
    gate.ends(&answer, 502, "incomplete", Kind::Failed, "providers-failed").await;
    let row = gate.closing(&answer).await;
    let line = row.sources.iter().find(|line| line.source.as_str() == BAD).unwrap();
    assert_eq!((line.outcome.as_str(), line.reason.as_deref()), ("failed", Some("status")));
    let answer = gate.get(GP, &id(false)).await;
    gate.ends(&answer, 404, "not-found", Kind::Failed, "not-found").await;
}
