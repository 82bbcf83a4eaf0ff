//! The one Patient: whose it is, what it links to, and what becomes of sources that mean another person.

use crate::{
    harness::{Answer, Gate, Setup, canary, named_in, on_each_database, source_of},
    records::raw_matches,
    relationships::assert_relationship,
    tokens::Tokens,
};
use caregate::{audit::Kind, domain::NhsNumber};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const GP: &str = "gp-saltmarsh";

fn holders(gate: &Gate, patient: NhsNumber) -> BTreeSet<String> {
    let known = gate.data.providers.iter().filter(|provider| !provider.about(patient).is_empty());
    known.map(|provider| provider.ods.to_string()).collect()
}

#[tokio::test]
async fn without_an_index_one_patient_is_the_registered_practices_own_with_a_link_to_each_sources() {
    let gate = Setup::default().without_index().start();
    for patient in gate.data.patients.iter().filter(|one| one.gp_practice.as_str() == "F99001") {
        let number = patient.nhs_number;
        let answer = gate.search(GP, "Patient", number).await;
        let raw = raw_matches(std::slice::from_ref(&answer));
        assert_eq!(raw.len(), 1);
        let joined: Value = serde_json::from_str(&raw[0]).unwrap();
        assert_eq!(source_of(&joined), "F99001");
        // the practice's bytes, but for the rewrites and the links
        let practice =
            gate.provider("F99001").about(number).into_iter().find(|(kind, _)| *kind == "Patient").unwrap().1;
        let (_, mut ours) = Tokens::parse(&raw[0]).without_provenance();
        let Tokens::Object(members) = &mut ours else { panic!("{raw:?}") };
        members.retain(|(name, _)| name != "link");
        assert_eq!(ours.neutral().to_string(), Tokens::parse(&practice.json).neutral().to_string());

        let id = joined["id"].as_str().unwrap();
        let read = gate.get(GP, &format!("Patient/{id}")).await;
        assert_eq!((read.status, &read.text), (200, &raw[0]), "search and read show the same");
        let row = gate.closing(&read).await;
        assert_eq!((row.kind, row.patient, row.interaction.as_str()), (Kind::Released, Some(number), "read"));

        let links = joined["link"].as_array().unwrap();
        assert!(links.iter().all(|link| link["type"] == "seealso"));
        let mut led_to = BTreeSet::new();
        for link in links {
            let other = gate.get(GP, link["other"]["reference"].as_str().unwrap()).await;
            assert_eq!(other.status, 200, "{}", other.text);
            let other = other.json();
            let source = source_of(&other);
            assert!(gate.provider(&source).about(number).iter().any(|(_, one)| one.json.contains(&canary(&other))));
            assert_eq!(link["other"]["display"], gate.provider(&source).name);
            assert!(led_to.insert(source), "two links to one source");
        }
        assert_eq!(led_to, holders(&gate, number));
        let named: BTreeSet<_> = answer.issues().iter().filter_map(named_in).collect();
        assert_eq!(named, led_to);
    }
}

#[tokio::test]
async fn the_patients_id_is_the_same_for_every_reader_and_search() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        assert_relationship(&gate, patient, "RZ901").await;
        let id = gate.search(GP, "Patient", patient).await.match_ids();
        assert_eq!(gate.search("consultant-estuary", "Patient", patient).await.match_ids(), id);
        let searched = gate.get(GP, &format!("Condition?patient={}", id[0])).await;
        assert_eq!(searched.match_ids(), gate.search(GP, "Condition", patient).await.match_ids());
        for found in searched.matches() {
            assert_eq!(found["subject"]["reference"], format!("Patient/{}", id[0]));
        }
        assert!(!id[0].contains(&patient.digits()));
    }
}

#[tokio::test]
async fn a_birth_date_given_must_be_the_patients() {
    let gate = Setup::default().without_index().start();
    let patient = gate.registered("F99001", 0);
    for (given, found) in [
        (patient.birth_date.as_str(), 1),
        ("1948", 1),
        ("1948-02", 1),
        ("1948-02-28", 0),
        ("ge1940", 1),
        ("gt1950", 0),
        ("1947", 0),
    ] {
        let answer = gate.search(GP, &format!("Patient?birthdate={given}"), patient.nhs_number).await;
        assert_eq!(answer.matches().len(), found, "{given}");
        assert_eq!(gate.closing(&answer).await.kind, Kind::Released);
        // no match shows nothing: the log says so too
        let shown = gate.closing(&answer).await.sources.iter().filter(|line| line.released.contains(0)).count();
        assert_eq!(shown, found, "{given}");
    }
}

fn excluded(answer: &Answer) -> BTreeSet<String> {
    let failed = answer.issues().into_iter().filter(|issue| issue["severity"] == "warning");
    failed.filter_map(|issue| named_in(&issue)).collect()
}

fn codes(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|code| (*code).to_owned()).collect()
}

#[tokio::test]
async fn a_source_that_means_another_person_is_left_out_of_the_patient_and_reported() {
    let gate = Setup::default().without_index().start();
    let patient = gate.shared_with("F99001", "colneside")[0];
    gate.fault("colneside", json!({"fault": "wrong-demographics"})).await;
    let answer = gate.search(GP, "Patient", patient).await;
    assert!(!answer.text.contains("Changeling") && !answer.text.contains("1901-01-01"));
    assert_eq!(excluded(&answer), codes(&["RZ902"]));
    let links = answer.matches()[0]["link"].as_array().unwrap().len();
    assert_eq!(links, holders(&gate, patient).len() - 1);
    let row = gate.closing(&answer).await;
    let line = row.sources.iter().find(|line| line.source.as_str() == "RZ902").unwrap();
    assert_eq!(line.reason.as_deref(), Some("demographics-conflict"));
    // when it is the registered practice's word that errs, all others are left out, and nothing is mixed
    let gate = Setup::default().without_index().start();
    gate.fault("saltmarsh", json!({"fault": "wrong-demographics"})).await;
    let answer = gate.search(GP, "Patient", patient).await;
    let mut others = holders(&gate, patient);
    others.remove("F99001");
    assert_eq!(excluded(&answer), others);
    assert_eq!(answer.matches()[0]["link"].as_array().unwrap().len(), 1);
}

/// The practice is down; the reader's hospital has said that it cares.
async fn without_the_practice(gate: &Gate, patient: NhsNumber) {
    assert_relationship(gate, patient, "RZ901").await;
    gate.fault("saltmarsh", json!({"fault": "error", "status": 503})).await;
}

#[tokio::test]
async fn without_the_practice_the_majority_says_who_the_patient_is() {
    let gate = Setup::default().without_index().start();
    let patient = gate.data.patients.iter().max_by_key(|patient| patient.held_by.len()).unwrap().nhs_number;
    without_the_practice(&gate, patient).await;
    gate.fault("colneside", json!({"fault": "wrong-demographics"})).await;
    let answer = gate.search("consultant-estuary", "Patient", patient).await;
    assert_eq!(excluded(&answer), codes(&["F99001", "RZ902"]));
    assert!(!answer.text.contains("Changeling"));
    assert_eq!(answer.matches().len(), 1);
}

#[tokio::test]
async fn without_a_practice_or_a_majority_all_that_conflict_are_left_out() {
    let gate = Setup::default().without_index().start();
    // saltmarsh, estuary and quayside
    let patient =
        gate.data.patients.iter().find(|one| one.held_by == ["saltmarsh", "estuary", "quayside"]).unwrap().nhs_number;
    without_the_practice(&gate, patient).await;
    gate.fault("quayside", json!({"fault": "wrong-demographics"})).await;
    let reader = "consultant-estuary";
    for kind in ["Patient", "Condition", "MedicationDispense"] {
        let answer = gate.search(reader, kind, patient).await;
        assert_eq!(answer.matches(), Vec::<Value>::new(), "{kind}");
        assert_eq!(excluded(&answer), codes(&["F99001", "FZ901", "RZ901"]), "{kind}");
    }
    // nobody may say who it is: not that there is nobody
    let answer = gate.search(reader, "Condition", patient).await;
    let links = answer.json()["link"][0]["url"].as_str().unwrap().to_owned();
    let id = links.split("patient=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let read = gate.get(reader, &format!("Patient/{id}")).await;
    gate.ends(&read, 502, "incomplete", Kind::Failed, "providers-failed").await;
}
