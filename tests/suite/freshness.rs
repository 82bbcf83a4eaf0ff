//! How old an answer may be, and that it says so.

use crate::harness::{Gate, Setup, named_in};
use caregate::domain::NhsNumber;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

const GP: &str = "gp-saltmarsh";
const TIME: &str = "https://caregate.example/StructureDefinition/completeness-time";

/// When each source's contribution was fetched, by its code.
async fn dated(gate: &Gate, patient: NhsNumber) -> BTreeMap<String, String> {
    let answer = gate.search(GP, "Condition", patient).await;
    assert_eq!(answer.header("x-completeness"), "complete");
    let time = |issue: &Value| {
        let extensions = issue["extension"].as_array()?.iter();
        extensions.filter(|e| e["url"] == TIME).find_map(|e| e["valueInstant"].as_str().map(str::to_owned))
    };
    let times: BTreeMap<_, _> =
        answer.issues().iter().filter_map(|issue| Some((named_in(issue)?, time(issue)?))).collect();
    assert!(times.len() > 1, "several sources contribute: {times:?}");
    times
}

async fn searches(gate: &Gate) -> u64 {
    gate.asked("estuary").await["searches"].as_u64().unwrap()
}

#[tokio::test]
async fn an_answer_is_kept_for_its_lifetime_dated_when_it_was_fetched_and_then_asked_for_again() {
    let gate = Setup::default().set("CAREGATE__FEDERATION__TTL_SECONDS", 2).start();
    let patient = gate.shared_with("F99001", "estuary")[0];
    let first = dated(&gate, patient).await;
    let asked = searches(&gate).await;
    assert_eq!(dated(&gate, patient).await, first, "from memory, with the time it was fetched at");
    assert_eq!(searches(&gate).await, asked);
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    let later = dated(&gate, patient).await;
    assert!(searches(&gate).await > asked, "its lifetime is over: it is asked for again");
    assert!(first.iter().all(|(source, time)| later[source] > *time), "{first:?} {later:?}");
}

#[tokio::test]
async fn with_a_lifetime_of_nothing_every_request_asks() {
    let gate = Setup::default().set("CAREGATE__FEDERATION__TTL_SECONDS", 0).start();
    let patient = gate.shared_with("F99001", "estuary")[0];
    dated(&gate, patient).await;
    let asked = searches(&gate).await;
    dated(&gate, patient).await;
    assert!(searches(&gate).await > asked);
}

#[tokio::test]
async fn what_is_out_of_date_is_never_served_in_place_of_a_failure() {
    let gate = Setup::default().set("CAREGATE__FEDERATION__TTL_SECONDS", 1).start();
    let patient = gate.shared_with("F99001", "estuary")[0];
    assert!(dated(&gate, patient).await.contains_key("RZ901"));
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    gate.fault("estuary", json!({"fault": "error", "status": 503, "types": ["Condition"]})).await;
    let answer = gate.search(GP, "Condition", patient).await;
    assert_eq!(answer.header("x-completeness"), "partial");
    assert!(answer.matches().iter().all(|entry| crate::harness::source_of(entry) != "RZ901"));
}

/// The practice's word is good for a moment only, here: asked for again, once, by however many need it at once.
#[tokio::test]
async fn evidence_of_a_registration_is_asked_for_again_when_it_is_old_and_once_for_all_who_need_it() {
    let gate = Setup::default().set("CAREGATE__FEDERATION__EVIDENCE_TTL_SECONDS", 2).start();
    let patient = gate.shared_with("F99001", "estuary")[0];
    let lookups = async || gate.asked("saltmarsh").await["patient_lookups"].as_u64().unwrap();
    gate.token(GP).await;
    let all = async || {
        let answers = futures::future::join_all((0..40).map(|_| gate.search(GP, "Condition", patient))).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
    };
    all().await;
    assert_eq!(lookups().await, 1);
    all().await;
    assert_eq!(lookups().await, 1, "young enough");
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    all().await;
    assert_eq!(lookups().await, 2, "too old, and asked for by one");
}
