//! Copies of one event and what contradicts, in a region where several sources hold the same.

use crate::harness::{BUILT_IN, Setup, shared, source_of};
use caregate::{
    domain::NhsNumber,
    sandbox::data::{Dataset, Resource},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GP: &str = "gp-saltmarsh";
const SAME: &str = "https://caregate.example/CodeSystem/same-event";

/// Without the tag of its group: whether it has one goes by which other copies are shown.
pub fn untagged(mut entry: Value) -> Value {
    entry["meta"]["tag"].as_array_mut().unwrap().retain(|tag| tag["system"] != SAME);
    entry
}

fn groups(entry: &Value) -> Vec<String> {
    let tags = entry["meta"]["tag"].as_array().unwrap().iter().filter(|tag| tag["system"] == SAME);
    tags.map(|tag| tag["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_letters_pneumonia_is_there_twice_and_known_to_be_one_from_page_to_page() {
    let gate = shared().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let whole = gate.search(GP, "Condition", patient).await.matches();
    let small = gate.pages(GP, "Condition?_count=1", patient).await;
    let small: Vec<Value> = small.iter().flat_map(|page| page.matches()).collect();
    let by_group = |entries: &[Value]| {
        let mut found = BTreeMap::<String, Vec<String>>::new();
        for entry in entries {
            groups(entry).into_iter().for_each(|group| found.entry(group).or_default().push(source_of(entry)));
        }
        found
    };
    let found = by_group(&whole);
    assert!(!found.is_empty() && found.values().all(|sources| sources.len() > 1), "{found:?}");
    assert_eq!(by_group(&small), found);
    for entry in whole.iter().filter(|entry| !groups(entry).is_empty()) {
        assert_eq!(entry["code"]["coding"][0]["code"], "233604007");
        assert_eq!(entry["meta"]["tag"][0]["code"], json!(source_of(entry)), "behind the tag that names its source");
    }
    // another patient's groups are other ones
    let other = gate.search(GP, "Condition", gate.shared_with("F99001", "estuary")[1]).await.matches();
    assert!(by_group(&other).keys().all(|group| !found.contains_key(group)));
}

/// The built-in region, with one more resource at each of these.
fn region(patient: NhsNumber, more: &[(&str, &str, Value)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    BUILT_IN.write_to(folder.path()).unwrap();
    let mut data = Dataset::load(folder.path()).unwrap();
    for (at, (slug, kind, resource)) in more.iter().enumerate() {
        let provider = data.providers.iter_mut().find(|provider| provider.slug == *slug).unwrap();
        let local = provider.local_patients(Some(crate::harness::NHS), &patient.digits())[0].to_owned();
        let mut resource = resource.clone();
        resource["resourceType"] = json!(kind);
        resource["id"] = json!(format!("added-{at}"));
        let named = if *kind == "AllergyIntolerance" { "patient" } else { "subject" };
        resource[named] = json!({"reference": format!("Patient/{local}")});
        let canary = json!({"system": "https://region.example/canary", "value": format!("canary-added-{at}")});
        resource["identifier"] = json!([canary]);
        provider
            .resources
            .entry((*kind).to_owned())
            .or_default()
            .push(Resource::parse(kind, &resource.to_string()).unwrap());
    }
    data.write_to(folder.path()).unwrap();
    folder
}

fn coded(code: &str) -> Value {
    json!({"coding": [{"system": "http://snomed.info/sct", "code": code}]})
}

#[tokio::test]
async fn an_allergy_here_and_none_known_there_and_a_medicine_stopped_there_are_stated_with_their_sources() {
    let patient = BUILT_IN
        .patients
        .iter()
        .find(|one| one.gp_practice.as_str() == "F99001" && one.held_by.iter().any(|slug| slug == "estuary"));
    let patient = patient.unwrap().nhs_number;
    let order =
        |status: &str| json!({"status": status, "intent": "order", "medicationCodeableConcept": coded("387458008")});
    let folder = region(
        patient,
        &[
            ("saltmarsh", "AllergyIntolerance", json!({"code": coded("91936005")})),
            ("estuary", "AllergyIntolerance", json!({"code": coded("716186003")})),
            ("saltmarsh", "MedicationRequest", order("active")),
            ("estuary", "MedicationRequest", order("stopped")),
        ],
    );
    let gate = Setup::default().data(folder.path()).start();
    for (kind, code) in [("AllergyIntolerance", "allergies"), ("MedicationRequest", "medicine")] {
        let answer = gate.search(GP, kind, patient).await;
        let issues = answer.issues();
        let stated: Vec<_> = issues.iter().filter(|issue| issue["details"]["coding"][0]["code"] == code).collect();
        assert_eq!(stated.len(), 1, "{issues:?}");
        let named: Vec<_> = stated[0]["extension"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["valueIdentifier"]["value"].clone())
            .collect();
        assert_eq!(named, ["F99001", "RZ901"]);
        assert_eq!(answer.header("x-completeness"), "complete", "everyone answered");
        assert_eq!(
            crate::fhir::outcome(&answer.json()["entry"].as_array().unwrap().last().unwrap()["resource"]),
            [""; 0]
        );
    }
    // who may not see what one of them says is not told that they differ
    let objection = crate::shapes::denied(
        patient,
        json!({"data": [{"meaning": "authoredby", "reference": {"identifier":
        {"system": crate::harness::ODS, "value": "RZ901"}}}]}),
    );
    crate::objections::recorded(&gate, patient, &objection).await;
    let answer = gate.search(GP, "AllergyIntolerance", patient).await;
    assert!(answer.issues().iter().all(|issue| issue["code"] != "business-rule"), "{}", answer.text);
}
