//! How old an answer may be, and that it says so.

use crate::harness::{Answer, Gate, Setup, named_in, of_patient, source_of};
use caregate::{audit::Kind, domain::NhsNumber};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const GP: &str = "gp-saltmarsh";
const TIME: &str = "https://caregate.example/StructureDefinition/completeness-time";

/// When each source's contribution was fetched, by its code.
async fn dated(gate: &Gate, patient: NhsNumber) -> BTreeMap<String, String> {
    times(&gate.search(GP, "Condition", patient).await)
}

fn times(answer: &Answer) -> BTreeMap<String, String> {
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

async fn afresh(gate: &Gate, patient: NhsNumber, directives: &str) -> Answer {
    let request = gate.request(Method::GET, &of_patient("Condition", patient)).bearer_auth(gate.token(GP).await);
    Answer::of(request.header("cache-control", directives)).await
}

#[tokio::test]
async fn who_wants_it_afresh_has_the_providers_asked_but_not_more_than_once_a_second() {
    let gate = Setup::default().start();
    let patient = gate.shared_with("F99001", "estuary")[0];
    let first = dated(&gate, patient).await;
    let asked = searches(&gate).await;
    let second = Duration::from_millis(1_100);
    for directives in ["no-cache", "max-age=0", "private, No-Cache"] {
        tokio::time::sleep(second).await;
        let before = searches(&gate).await;
        assert_eq!(afresh(&gate, patient, directives).await.status, 200);
        assert!(searches(&gate).await > before, "{directives}");
    }
    let (before, began) = (searches(&gate).await, Instant::now());
    for _ in 0..50 {
        assert_eq!(afresh(&gate, patient, "no-cache").await.status, 200);
    }
    // of Conditions, and of the Encounters that lend them their labels
    let most = 2 * (began.elapsed().as_secs() + 1);
    assert!(searches(&gate).await <= before + most, "what was asked just now serves");
    assert!(searches(&gate).await > asked);
    let now = searches(&gate).await;
    let later = dated(&gate, patient).await;
    assert_eq!(searches(&gate).await, now, "and is remembered for everyone");
    assert!(first.iter().all(|(source, time)| later[source] > *time), "{first:?} {later:?}");
    for directives in ["no-store", "max-age=600", "max-age=x", "only-if-cached"] {
        assert_eq!(afresh(&gate, patient, directives).await.status, 200);
    }
    assert_eq!(searches(&gate).await, now, "young enough, or none of the caller's to say");
}

#[tokio::test]
async fn stale_data_are_shown_only_where_configured_said_to_be_old_and_never_as_complete() {
    let gate = Setup::default()
        .set("CAREGATE__FEDERATION__TTL_SECONDS", 1)
        .set("CAREGATE__FEDERATION__STALE_SECONDS", 600)
        .start();
    let patient = gate.shared_with("F99001", "estuary")[0];
    let whole = gate.search(GP, "Condition", patient).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    gate.fault("estuary", json!({"fault": "error", "status": 503, "types": ["Condition"]})).await;

    let answer = gate.search(GP, "Condition", patient).await;
    assert_eq!((answer.matches().len(), answer.header("x-completeness")), (whole.matches().len(), "partial"));
    let of_estuary: Vec<Value> =
        answer.issues().into_iter().filter(|issue| named_in(issue).as_deref() == Some("RZ901")).collect();
    let [issue] = of_estuary.as_slice() else { panic!("stale, and nothing else: {of_estuary:?}") };
    assert_eq!((&issue["severity"], &issue["code"]), (&json!("warning"), &json!("incomplete")));
    assert_eq!(issue["details"]["coding"][0]["code"], "stale");
    let time = issue["extension"].as_array().unwrap().iter().find(|one| one["url"] == TIME).unwrap();
    assert_eq!(time["valueInstant"], times(&whole)["RZ901"].as_str(), "since when it stands");
    assert!(issue["diagnostics"].as_str().unwrap().contains("second"), "{issue}");
    let row = gate.closing(&answer).await;
    let line = row.sources.iter().find(|line| line.source.as_str() == "RZ901").unwrap();
    assert_eq!((line.outcome.as_str(), line.reason.as_deref()), ("stale", Some("status")));
    assert!(!line.released.is_empty());

    // a summary says it in each section that rests on it, and in no other
    let id = gate.search(GP, "Patient", patient).await.match_ids()[0].clone();
    let summary = gate.get(GP, &format!("Patient/{id}/$summary")).await.json();
    let sections = summary["entry"][0]["resource"]["section"].as_array().unwrap().clone();
    let section = |title: &str| sections.iter().find(|one| one["title"] == title).unwrap();
    let problems = section("Problems");
    assert!(problems["extension"][0]["url"].as_str().unwrap().ends_with("/section-incomplete"), "{problems}");
    assert!(problems["text"]["div"].as_str().unwrap().contains(" ago."), "{problems}");
    assert!(section("Allergies and intolerances")["extension"].is_null());

    // who wants all or nothing, or one resource without a word on its age, gets none of it
    let request = gate.request(Method::GET, &of_patient("Condition", patient)).bearer_auth(gate.token(GP).await);
    let refused = Answer::of(request.header("x-completeness", "required")).await;
    gate.ends(&refused, 504, "timeout", Kind::Failed, "providers-failed").await;
    let entry = answer.matches().into_iter().find(|entry| source_of(entry) == "RZ901").unwrap();
    let read = gate.get(GP, &format!("Condition/{}", entry["id"].as_str().unwrap())).await;
    assert_eq!(read.status, 502, "{}", read.text);

    gate.lift("estuary").await;
    assert!(dated(&gate, patient).await.contains_key("RZ901"), "whole again");
}

#[tokio::test]
async fn what_was_taken_back_or_held_anothers_data_is_not_shown_as_stale_either() {
    let gate = Setup::default()
        .set("CAREGATE__FEDERATION__TTL_SECONDS", 1)
        .set("CAREGATE__FEDERATION__STALE_SECONDS", 600)
        .start();
    let patients = gate.shared_with("F99001", "estuary");
    for patient in &patients[..2] {
        assert!(dated(&gate, *patient).await.contains_key("RZ901"));
    }
    let (_, held) = *gate.provider("RZ901").about(patients[0]).iter().find(|(kind, _)| *kind == "Condition").unwrap();
    let item = format!("Condition/{}", held.id);
    let body = crate::recalls::recalling(patients[0], "RZ901", "entered-in-error", &[&item]);
    assert_eq!(gate.post("system:RZ901", "Patient/$recall", &body).await.status, 200);
    tokio::time::sleep(Duration::from_millis(1_200)).await;

    gate.fault("estuary", json!({"fault": "error", "status": 503, "types": ["Condition"]})).await;
    let none_of_estuary = |answer: &Answer| answer.matches().iter().all(|entry| source_of(entry) != "RZ901");
    assert!(none_of_estuary(&gate.search(GP, "Condition", patients[0]).await), "taken back since");
    assert!(!none_of_estuary(&gate.search(GP, "Condition", patients[1]).await), "and of another patient it is shown");
    gate.lift("estuary").await;
    gate.fault("estuary", json!({"fault": "other-patient", "types": ["Condition"]})).await;
    assert!(none_of_estuary(&gate.search(GP, "Condition", patients[1]).await), "another person's");
    gate.lift("estuary").await;
    assert!(none_of_estuary(&gate.search(GP, "Condition", patients[1]).await), "quarantined");
}
