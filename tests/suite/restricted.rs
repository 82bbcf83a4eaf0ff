//! A patient whose whereabouts are kept from most: no way in tells where they are seen, and no filter finds what is not shown.

use crate::{
    harness::{Answer, Gate, own},
    index::{numbers, tells_no_place},
    relationships::assert_relationship,
};
use caregate::domain::NhsNumber;
use serde_json::Value;
use std::collections::BTreeSet;

/// The registered practice, which is told, and a hospital, which is not.
const GP: &str = "gp-blackwater";
const CONSULTANT: &str = "consultant-estuary";

async fn restricted() -> (Gate, NhsNumber) {
    let gate = own().await;
    let number = numbers(&gate, "Hollowell")[0];
    assert_relationship(&gate, number, "RZ901").await;
    (gate, number)
}

fn tells_nothing(gate: &Gate, answer: &Answer, of: &str) {
    tells_no_place(gate, &answer.text, of);
    for (name, value) in &answer.headers {
        tells_no_place(gate, value.to_str().unwrap(), &format!("{name} of {of}"));
    }
}

async fn patient_id(gate: &Gate, persona: &str, number: NhsNumber) -> String {
    gate.search(persona, "Patient", number).await.match_ids()[0].clone()
}

#[tokio::test]
async fn what_is_taken_out_of_an_entry_is_not_found_by_a_filter_either() {
    let (gate, number) = restricted().await;
    let mut systems = BTreeSet::new();
    for kind in ["Condition", "Observation", "MedicationRequest", "DocumentReference"] {
        for found in gate.search(GP, kind, number).await.matches() {
            let given = found["identifier"].as_array().into_iter().flatten();
            systems.extend(given.map(|one| (kind, one["system"].as_str().unwrap().to_owned())));
        }
        assert!(!gate.search(CONSULTANT, kind, number).await.matches().is_empty(), "{kind}");
    }
    assert!(systems.len() > 3, "{systems:?}");
    for (kind, system) in systems {
        let query = format!("{kind}?identifier={system}%7C");
        assert!(!gate.search(GP, &query, number).await.matches().is_empty(), "{query}");
        assert_eq!(gate.search(CONSULTANT, &query, number).await.match_ids(), [""; 0], "{query}");
    }
}

#[tokio::test]
async fn everything_a_summary_and_what_comes_along_tell_no_place() {
    let (gate, number) = restricted().await;
    let id = patient_id(&gate, CONSULTANT, number).await;
    assert!(gate.get(GP, &format!("Patient/{id}/$everything?_count=500")).await.text.contains("RZ901"));
    for path in [format!("Patient/{id}/$everything?_count=500"), format!("Patient/{id}/$summary")] {
        let answer = gate.get(CONSULTANT, &path).await;
        assert!(answer.status == 200 && answer.text.contains("Pneumonia"), "{}", answer.text);
        tells_nothing(&gate, &answer, &path);
    }
    let mut along = 0;
    for query in [
        "Encounter?_include=Encounter:service-provider",
        "Encounter?_include=Encounter:participant",
        "Encounter?_include=Encounter:location",
        "Condition?_revinclude=Provenance:target",
        "DiagnosticReport?_include=DiagnosticReport:result",
        "Observation?_include=Observation:performer",
    ] {
        let answer = gate.search(CONSULTANT, query, number).await;
        if answer.status == 400 {
            continue;
        }
        along += answer.entries("include").len();
        tells_nothing(&gate, &answer, query);
    }
    assert!(along > 2, "{along}");
}

#[tokio::test]
async fn a_document_of_theirs_is_not_found_and_no_ending_names_its_source() {
    let (gate, number) = restricted().await;
    let url = |found: &Value| Some(found.pointer("/content/0/attachment/url")?.as_str()?.to_owned());
    let letters: Vec<String> =
        gate.search(GP, "DocumentReference", number).await.matches().iter().filter_map(url).collect();
    let mut opened = 0;
    for url in letters {
        // some are kept elsewhere
        opened += usize::from(gate.get(GP, &url).await.status == 200);
        let answer = gate.get(CONSULTANT, &url).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not-found"), "{}", answer.text);
        tells_nothing(&gate, &answer, "a document");
    }
    assert!(opened > 0, "their practice opens them");
}
