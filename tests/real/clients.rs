//! Clients that others wrote, as they are used: each signs in, finds a patient, follows pages, reads by id, and has a refusal
//! in its own error's hands. What each does is in `tests/clients`; they end by saying what they found.

use crate::{
    harness::{Gate, own},
    tools::{HAPI, NODE, PYTHON, Tool, folder, have, java, node, ours},
};
use serde_json::Value;
use std::process::{Command, Stdio};

const GP: &str = "gp-saltmarsh";

#[tokio::test]
async fn fhirpy_reads_the_record() {
    serves(PYTHON, "fhirpy_client.py").await;
}

#[tokio::test]
async fn smarts_client_in_python_reads_the_record() {
    serves(PYTHON, "fhirclient_client.py").await;
}

#[tokio::test]
async fn fhir_kit_client_reads_the_record() {
    serves(NODE, "fhir_kit_client.mjs").await;
}

#[tokio::test]
async fn smarts_client_in_javascript_reads_the_record() {
    serves(NODE, "fhirclient_client.mjs").await;
}

#[tokio::test]
async fn medplums_client_reads_the_record() {
    serves(NODE, "medplum_client.mjs").await;
}

#[tokio::test]
async fn hapis_client_reads_the_record() {
    let Some((gate, found)) = serves(HAPI, "HapiClient.java").await else { return };
    let id = found["patient"].as_str().unwrap();
    let everything = gate.get(GP, &format!("Patient/{id}/$everything")).await;
    assert_eq!(found["everything"], everything.match_ids().len(), "as an operation");
    assert_eq!(found["again"], found["read"], "If-None-Match is no way around a decision");
}

/// The gateway it was asked of, and what it found, if the tool is there.
async fn serves(tool: Tool, script: &str) -> Option<(Gate, Value)> {
    if !have(&[tool], script) {
        return None;
    }
    let gate = own().await;
    let patients = || gate.data.patients.iter();
    let patient = patients().filter(|one| one.gp_practice.as_str() == "F99001").max_by_key(|one| one.held_by.len());
    let patient = patient.unwrap().nhs_number;
    let stranger = patients().find(|one| one.gp_practice.as_str() == "F99002").unwrap().nhs_number;
    let found = run(&gate, tool, script, [patient.digits(), stranger.digits()]).await;

    let observations = gate.pages(GP, "Observation", patient).await;
    let ids: Vec<String> = observations.iter().flat_map(|page| page.match_ids()).collect();
    assert!(ids.len() > 10, "more than a page of five");
    assert_eq!(found["ids"], Value::from(ids.clone()), "{script}: every entry once, in order");
    assert_eq!(found["patient"], gate.search(GP, "Patient", patient).await.match_ids()[0], "{script}");
    let read = gate.get(GP, &format!("Observation/{}", ids[0])).await;
    assert_eq!(found["read"]["id"], read.json()["id"], "{script}");
    assert_eq!(found["read"]["identifier"], read.json()["identifier"], "{script}: {read:?}");
    let refused = gate.search(GP, "Observation", stranger).await;
    assert_eq!((refused.status, &found["refusal"]), (403, &refused.json()), "{script}");
    Some((gate, found))
}

/// What the script says at its end. It runs beside the tests, which go on.
async fn run(gate: &Gate, tool: Tool, script: &str, [patient, stranger]: [String; 2]) -> Value {
    let source = format!("clients/{script}");
    let (program, arguments) = match script.rsplit_once('.') {
        Some((_, "java")) => ("java".into(), java(&source)),
        Some((_, "mjs")) => (node(), vec![ours(&source)]),
        _ => (tool.path(), vec![ours(&source)]),
    };
    let mut command = Command::new(program);
    command.args(arguments);
    command.current_dir(folder()).env("GATEWAY", format!("{}/fhir", gate.url)).env("IDENTITY", &gate.identity);
    command.env("PERSONA", GP).env("PATIENT", patient).env("STRANGER", stranger);
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    for proxy in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    let output = tokio::task::spawn_blocking(move || command.output().expect("it starts")).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}
