//! Answers of every kind are sound R4: against its JSON Schema, and against its FHIRPath rules as Medplum evaluates them.

use crate::{
    fhir,
    harness::{Answer, Gate, NHS, own},
    tools::{NODE, folder, have, node},
};
use caregate::fhir::ResourceType;
use serde_json::{Value, json};
use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

const GP: &str = "gp-saltmarsh";

#[tokio::test]
async fn answers_of_every_kind_are_sound_r4() {
    if !have(&[NODE], "answers against R4's own rules") {
        return;
    }
    let gate = own().await;
    let answers = answers(&gate).await;
    let by_schema =
        answers.iter().flat_map(|answer| fhir::faults(&answer.json()).into_iter().map(move |fault| (fault, answer)));
    let broken: Vec<String> = by_schema.map(|(fault, answer)| format!("{fault}: {:.200}", answer.text)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let resources: Vec<Value> = answers.iter().map(Answer::json).collect();
    assert_eq!(invariants(&resources), [""; 0]);
}

#[test]
fn a_resource_that_breaks_a_rule_of_r4_is_found_out() {
    if !have(&[NODE], "answers against R4's own rules") {
        return;
    }
    let sound = json!({"resourceType": "Observation", "status": "final", "code": {"text": "?"}, "valueBoolean": true});
    let mut broken = sound.clone();
    broken["dataAbsentReason"] = json!({"text": "unknown"});
    let found = invariants(&[sound, broken]);
    assert!(found.len() == 1 && found[0].starts_with("2: Observation: Constraint obs-6"), "{found:?}");
}

/// Every kind of answer: records, the log, objections, the desk, what the service says of itself, refusals and faults.
async fn answers(gate: &Gate) -> Vec<Answer> {
    let patient = gate.data.patients.iter().filter(|one| one.gp_practice.as_str() == "F99001");
    let patient = patient.max_by_key(|one| one.held_by.len()).unwrap().nhs_number;
    let mut answers = vec![Answer::of(gate.request(reqwest::Method::GET, "metadata")).await];
    for kind in ResourceType::ALL.iter().filter(|kind| !kind.is_target()) {
        answers.push(gate.search(GP, kind.as_str(), patient).await);
    }
    let entries: Vec<String> =
        answers[1..].iter().flat_map(|answer| answer.matches()).map(|one| address(&one)).collect();
    assert!(entries.len() > 30, "a record that holds something");
    for entry in entries.iter().step_by(7) {
        answers.push(gate.get(GP, entry).await);
    }
    gate.fault("estuary", json!({"fault": "error", "status": 503})).await;
    answers.push(gate.search(GP, "Encounter?_count=2", patient).await);
    let person = format!("patient:{}", patient.digits());
    for (persona, query) in [
        (GP, "Observation?_nonsense=1"),
        ("researcher", "Observation"),
        (person.as_str(), "AuditEvent"),
        (person.as_str(), "Consent"),
    ] {
        answers.push(gate.search(persona, query, patient).await);
    }
    answers.push(gate.get(GP, &format!("Patient/$explain-access?identifier={NHS}%7C{}", patient.digits())).await);
    answers.push(gate.get("privacy-officer-estuary", "Task").await);
    answers
}

fn address(resource: &Value) -> String {
    format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
}

/// What breaks a rule, by the place of the resource, counted from 1.
fn invariants(resources: &[Value]) -> Vec<String> {
    let mut command = Command::new(node());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/validate.mjs")).current_dir(folder());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node runs");
    let lines: String = resources.iter().map(|resource| format!("{resource}\n")).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
