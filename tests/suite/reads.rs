//! Reading by id: what a search showed is found again, references lead to what the source meant, and an id that is not
//! for this reader tells nothing.

use crate::{
    harness::{Gate, canary, of_patient, shared, source_of},
    records::raw_matches,
    tokens::Tokens,
};
use caregate::{audit::Kind, domain::NhsNumber, fhir::ResourceType};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::collections::BTreeSet;

const GP: &str = "gp-saltmarsh";

/// One whom eight organisations know.
fn known_everywhere(gate: &Gate) -> NhsNumber {
    gate.data.patients.iter().max_by_key(|patient| patient.held_by.len()).unwrap().nhs_number
}

#[tokio::test]
async fn every_entry_of_a_search_is_read_by_its_id_as_the_same_bytes() {
    let gate = shared().await;
    let patient = known_everywhere(&gate);
    let mut raw = Vec::new();
    for kind in ResourceType::RECORDS {
        raw.extend(raw_matches(&gate.pages(GP, kind.as_str(), patient).await));
    }
    assert!(raw.len() > 60, "{}", raw.len());
    stream::iter(raw)
        .for_each_concurrent(8, async |shown| {
            let resource: Value = serde_json::from_str(&shown).unwrap();
            let path = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
            let read = gate.get(GP, &path).await;
            assert_eq!((read.status, &read.text), (200, &by_itself(&shown)), "{path}");
            let row = gate.closing(&read).await;
            assert_eq!((row.kind, row.interaction.as_str(), row.request), (Kind::Released, "read", path));
        })
        .await;
}

/// Without the tag that a search gives to copies of one event: an entry read by itself stands beside no copy.
fn by_itself(shown: &str) -> String {
    let Some(from) = shown.find(r#",{"system":"https://caregate.example/CodeSystem/same-event""#) else {
        return shown.to_owned();
    };
    let length = shown[from..].find('}').unwrap() + 1;
    format!("{}{}", &shown[..from], &shown[from + length..])
}

#[tokio::test]
async fn references_lead_to_the_very_resource_that_the_source_meant() {
    let gate = shared().await;
    let patient = known_everywhere(&gate);
    let mut followed = 0;
    for kind in ResourceType::RECORDS.iter().map(|kind| kind.as_str()).filter(|kind| *kind != "Patient") {
        for raw in raw_matches(&gate.pages(GP, kind, patient).await) {
            let resource: Value = serde_json::from_str(&raw).unwrap();
            let (source, canary_here) = (source_of(&resource), canary(&resource));
            let provider = gate.provider(&source);
            let held =
                provider.of_type(kind).iter().find(|one| one.json.contains(&format!("\"{canary_here}\""))).unwrap();
            let (theirs, ours) = (Tokens::parse(&held.json).references(), Tokens::parse(&raw).references());
            assert_eq!(theirs.len(), ours.len());
            for (theirs, ours) in theirs.iter().zip(&ours) {
                followed += usize::from(follow(&gate, &source, theirs, ours).await);
            }
        }
    }
    assert!(followed > 50, "{followed}");
}

/// Whether there was something to compare at its end.
async fn follow(gate: &Gate, source: &str, theirs: &str, ours: &str) -> bool {
    let Some((kind, id)) = theirs.split_once('/').filter(|_| !theirs.starts_with('#')) else {
        assert_eq!(ours, theirs, "a contained resource, or one elsewhere, is left as it is");
        return false;
    };
    assert!(ours.starts_with(&format!("{kind}/")) && ours.len() > kind.len() + 28, "{ours} is no id of the gateway's");
    let target = gate.provider(source).find(kind, id);
    if ResourceType::parse(kind).is_none() || target.is_none() {
        return false;
    }
    let read = gate.get(GP, ours).await;
    assert_eq!(read.status, 200, "{theirs} at {source}: {}", read.text);
    let found = read.json();
    if kind == "Patient" {
        // the joined one, under whose id every source's Patient stands
        assert_eq!(found["id"], ours.trim_start_matches("Patient/"));
    } else {
        assert_eq!(source_of(&found), source);
        let expected: Value = serde_json::from_str(&target.unwrap().json).unwrap();
        assert_eq!(canary(&found), canary(&expected), "{theirs} at {source}");
    }
    true
}

#[tokio::test]
async fn an_id_unknown_malformed_or_another_patients_gets_the_one_refusal() {
    let gate = shared().await;
    let stranger = gate.shared_with("F99002", "estuary")[0];
    let theirs = gate.search("gp-blackwater", "Condition", stranger).await.match_ids();
    let person = gate.search("gp-blackwater", "Patient", stranger).await.match_ids();
    let mut forged = theirs[0].clone();
    forged.replace_range(5..6, if forged.as_bytes()[5] == b'x' { "y" } else { "x" });
    let digest = "A".repeat(32);
    let ids = [
        theirs[0].as_str(),
        &person[0],
        &forged,
        &digest,
        "1",
        "no-such-thing",
        "%2525",
        "a%00b",
        &"x".repeat(64),
        &"x".repeat(500),
    ];
    let mut seen = BTreeSet::new();
    for kind in ["Condition", "Patient", "Observation"] {
        for id in ids {
            let answer = gate.get(GP, &format!("{kind}/{id}")).await;
            gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
            assert_eq!(answer.spine(), "ACCESS_DENIED");
            let mut headers: Vec<_> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
            headers.retain(|header| !header.starts_with("x-request-id:") && !header.starts_with("date:"));
            seen.insert((answer.text.clone(), headers));
        }
    }
    assert_eq!(seen.len(), 1, "one body and one set of headers: {seen:#?}");
}

#[tokio::test]
async fn to_whom_the_patient_is_permitted_an_id_that_leads_nowhere_is_not_found() {
    let gate = shared().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let entries = gate.search(GP, "Condition", patient).await.matches();
    // a hospital that does not number its resources, so that the id can be no other type's
    let condition = entries.iter().find(|one| source_of(one) == "RZ901").unwrap()["id"].as_str().unwrap().to_owned();
    let person = gate.search(GP, "Patient", patient).await.match_ids()[0].clone();
    for path in [format!("Flag/{condition}"), format!("Patient/{condition}"), format!("Condition/{person}")] {
        let answer = gate.get(GP, &path).await;
        gate.ends(&answer, 404, "not-found", Kind::Failed, "not-found").await;
        assert_eq!(answer.spine(), "NO_RECORD_FOUND", "{path}");
        assert_eq!(gate.closing(&answer).await.patient, Some(patient));
    }
}

#[tokio::test]
async fn a_search_by_id_finds_that_entry_and_no_others_id() {
    let gate = shared().await;
    let patient = known_everywhere(&gate);
    let ids = gate.search(GP, "Condition", patient).await.match_ids();
    let wanted = [&ids[1], &ids[0]];
    let found = gate.search(GP, &format!("Condition?_id={},{},nothing", wanted[0], wanted[1]), patient).await;
    assert_eq!(found.match_ids().iter().collect::<BTreeSet<_>>(), wanted.into_iter().collect());

    let stranger = gate.shared_with("F99002", "estuary")[0];
    let theirs = gate.search("gp-blackwater", "Condition", stranger).await.match_ids();
    let found = gate.get(GP, &of_patient(&format!("Condition?_id={}", theirs[0]), patient)).await;
    assert_eq!(found.match_ids(), Vec::<String>::new());
}
