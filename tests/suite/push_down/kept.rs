//! What is remembered of an answer to a filter: for as long as any other, and forgotten with all else.

use super::{GP, TTL, declared, filtered, metrics, times};
use crate::{
    harness::{Answer, Gate, Setup, canary, source_of},
    recalls::recalling,
};
use caregate::domain::NhsNumber;
use serde_json::{Value, json};

/// A code of a Condition that Estuary holds of this patient, and what it calls that.
fn coded(gate: &Gate, number: NhsNumber) -> (String, String) {
    let about = gate.provider("RZ901").about(number);
    let (_, held) = about.iter().find(|(kind, _)| *kind == "Condition").expect("a Condition");
    let json: Value = serde_json::from_str(&held.json).unwrap();
    (json["code"]["coding"][0]["code"].as_str().unwrap().to_owned(), held.id.clone())
}

/// Two patients of Estuary; after a search for the first it is relied on to find Conditions by a code.
async fn trusting(setup: Setup) -> (Gate, NhsNumber) {
    let gate = setup.start();
    declared(&gate).await;
    let patients = gate.shared_with("F99001", "estuary");
    let (code, _) = coded(&gate, patients[0]);
    gate.search(GP, &format!("Condition?code={code}"), patients[0]).await;
    (gate, patients[1])
}

fn of_estuary(answer: &Answer) -> Vec<String> {
    answer.matches().iter().filter(|one| source_of(one) == "RZ901").map(canary).collect()
}

#[tokio::test]
async fn an_answer_by_a_filter_is_remembered_and_the_whole_serves_before_it() {
    let (gate, number) = trusting(Setup::default()).await;
    let (code, _) = coded(&gate, number);
    let query = format!("Condition?code={code}");
    let asked = filtered(&gate, "estuary", "Condition").await;
    let first = gate.search(GP, &query, number).await;
    assert!(!of_estuary(&first).is_empty());
    assert_eq!(filtered(&gate, "estuary", "Condition").await, asked + 1, "{}", metrics(&gate).await);
    assert!(times(&gate, "narrowed").await > 0);
    assert_eq!(of_estuary(&gate.search(GP, &query, number).await), of_estuary(&first));
    // by another filter it is asked again, until the whole is known
    gate.search(GP, "Condition?code=nobody-holds-this", number).await;
    assert_eq!(filtered(&gate, "estuary", "Condition").await, asked + 2);
    gate.search(GP, "Condition", number).await;
    for other in ["Condition?code=nor-this", "Condition?code=nor-that", &query] {
        gate.search(GP, other, number).await;
    }
    assert_eq!(filtered(&gate, "estuary", "Condition").await, asked + 2);
}

#[tokio::test]
async fn what_a_source_takes_back_is_gone_from_answers_by_filters_too() {
    let (gate, number) = trusting(Setup::default()).await;
    let (code, local) = coded(&gate, number);
    let query = format!("Condition?code={code}");
    let before = of_estuary(&gate.search(GP, &query, number).await);
    let asked = filtered(&gate, "estuary", "Condition").await;
    let item = format!("Condition/{local}");
    let body = recalling(number, "RZ901", "entered-in-error", &[&item]);
    assert_eq!(gate.post("system:RZ901", "Patient/$recall", &body).await.status, 200);
    assert_eq!(of_estuary(&gate.search(GP, &query, number).await), before, "it still gives it out, now as right");
    assert_eq!(filtered(&gate, "estuary", "Condition").await, asked + 1, "it was asked again");
    let body = recalling(number, "RZ901", "wrong-patient", &[&item]);
    assert_eq!(gate.post("system:RZ901", "Patient/$recall", &body).await.status, 200);
    assert_eq!(of_estuary(&gate.search(GP, &query, number).await).len(), before.len() - 1);
}

#[tokio::test]
async fn who_wants_it_afresh_has_it_asked_by_the_filter_again() {
    let (gate, number) = trusting(Setup::default()).await;
    let (code, _) = coded(&gate, number);
    let query = crate::harness::of_patient(&format!("Condition?code={code}"), number);
    let send = async |directives: &'static str| {
        let request = gate.request(reqwest::Method::GET, &query).bearer_auth(gate.token(GP).await);
        of_estuary(&Answer::of(request.header("cache-control", directives)).await)
    };
    let first = send("max-age=600").await;
    let asked = filtered(&gate, "estuary", "Condition").await;
    assert_eq!(send("max-age=600").await, first);
    assert_eq!(filtered(&gate, "estuary", "Condition").await, asked);
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(send("no-cache").await, first);
    assert_eq!(filtered(&gate, "estuary", "Condition").await, asked + 1);
}

#[tokio::test]
async fn a_stale_answer_by_a_filter_is_said_to_be_old_and_forgotten_with_the_rest() {
    let setup = Setup::default().set(TTL, 1).set("CAREGATE__FEDERATION__STALE_SECONDS", 600);
    let (gate, number) = trusting(setup).await;
    let (code, local) = coded(&gate, number);
    let query = format!("Condition?code={code}");
    let first = of_estuary(&gate.search(GP, &query, number).await);
    assert!(times(&gate, "narrowed").await > 0);
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    let down = json!({"fault": "error", "status": 503, "types": ["Condition"]});
    gate.fault("estuary", down.clone()).await;
    let stale = gate.search(GP, &query, number).await;
    assert_eq!((of_estuary(&stale), stale.header("x-completeness")), (first, "partial"));
    // not after it was taken back
    let body = recalling(number, "RZ901", "entered-in-error", &[&format!("Condition/{local}")]);
    assert_eq!(gate.post("system:RZ901", "Patient/$recall", &body).await.status, 200);
    let none = gate.search(GP, &query, number).await;
    assert_eq!((of_estuary(&none), none.header("x-completeness")), (Vec::new(), "partial"));
}

#[tokio::test]
async fn pages_by_a_filter_go_on_though_the_whole_has_come_in_between() {
    let (gate, number) = trusting(Setup::default().without_index()).await;
    let about = gate.provider("F99001").about(number);
    let held = about.iter().filter(|(kind, _)| *kind == "Observation");
    let mut days: Vec<String> = held
        .filter_map(|(_, one)| {
            serde_json::from_str::<Value>(&one.json).unwrap()["effectiveDateTime"]
                .as_str()
                .and_then(|day| Some(day.get(..10)?.to_owned()))
        })
        .collect();
    days.sort();
    let query = format!("Observation?date=ge{}", days[days.len() / 2]);
    // relied on for this form, and nothing of the patient's in memory
    let other = gate.shared_with("F99001", "estuary")[0];
    gate.search(GP, "Observation?date=ge1990-01-01", other).await;
    let before = times(&gate, "narrowed").await;
    let first = gate.search(GP, &format!("{query}&_count=2&_total=accurate"), number).await;
    assert!(times(&gate, "narrowed").await > before);
    let found = gate.search(GP, &format!("{query}&_count=200"), number).await;
    let all = gate.search(GP, "Observation?_count=200", number).await;
    assert!(found.matches().len() > 2 && found.matches().len() + 5 < all.matches().len(), "{query}");
    let second = gate.get(GP, &first.next().expect("another page")).await;
    assert_eq!(second.status, 200, "{}", second.text);
    let ids: Vec<String> = [first.match_ids(), second.match_ids()].concat();
    assert_eq!(ids, found.match_ids()[..ids.len()]);
    assert_eq!(first.json()["total"], json!(found.matches().len()));
    let told = |answer: &Answer| answer.issues().iter().map(|issue| issue["diagnostics"].clone()).collect::<Vec<_>>();
    assert_eq!(told(&first), told(&second));
}

#[tokio::test]
async fn what_is_forgotten_of_a_source_is_forgotten_of_its_answers_by_filters() {
    let (gate, number) = trusting(Setup::default()).await;
    let (code, _) = coded(&gate, number);
    let query = format!("Condition?code={code}");
    let first = of_estuary(&gate.search(GP, &query, number).await);
    let asked = filtered(&gate, "estuary", "Condition").await;
    // another person's data under another type: nothing that it said of the patient is used again
    gate.fault("estuary", json!({"fault": "other-patient", "types": ["Procedure"]})).await;
    assert_eq!(gate.search(GP, "Procedure", number).await.header("x-completeness"), "partial");
    gate.lift("estuary").await;
    assert!(of_estuary(&gate.search(GP, &query, number).await).is_empty(), "quarantined");
    let mut lift = crate::harness::program();
    lift.args(["provider", "lift-quarantine", "RZ901", "--patient", &number.digits(), "--database", &gate.database]);
    assert!(lift.output().unwrap().status.success());
    // from outside this node: one request finds it out
    gate.search(GP, "Encounter", number).await;
    assert_eq!(of_estuary(&gate.search(GP, &query, number).await), first);
    assert_eq!(filtered(&gate, "estuary", "Condition").await, asked + 1, "asked anew");
}
