//! Our pages in a real browser: what it shows without a mouse, without JavaScript, on a small screen, and what it says against them.

use crate::{
    harness::{Gate, NHS, ODS, own, soon},
    tools::{CHROMIUM, NODE, folder, have, node, ours},
};
use serde_json::json;
use std::{path::Path, process::Command};

/// What an officer of Estuary is to find on their pages: relationships that were sent, an objection, and a release of an entry. The
/// patient, and that entry as Estuary calls it.
async fn happened(gate: &Gate) -> (String, String) {
    let patient = gate.shared_with("F99001", "estuary")[0];
    let identifier = |system: &str, value: &str| json!({"identifier": {"system": system, "value": value}});
    let cared_for_by = |ods: &str| {
        json!({"resourceType": "Parameters", "parameter": [
            {"name": "patient", "valueIdentifier": {"system": NHS, "value": patient.digits()}},
            {"name": "organization", "valueIdentifier": {"system": ODS, "value": ods}},
            {"name": "basis", "valueCode": "encounter"},
            {"name": "evidence", "valueIdentifier": {"system": "https://estuary.example/visit", "value": "V1"}},
        ]})
    };
    for (ods, status) in [("RZ901", 201), ("RZ902", 403)] {
        let sent = gate.post("system:RZ901", "Patient/$assert-relationship", &cared_for_by(ods)).await;
        assert_eq!(sent.status, status, "{}", sent.text);
    }
    assert_eq!(gate.search("gp-saltmarsh", "Condition", patient).await.status, 200);
    let other = gate.shared_with("F99001", "estuary")[1];
    let objection = json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": identifier(NHS, &other.digits()),
        "dateTime": "2026-11-20T09:00:00Z",
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]},
        "provision": {"type": "deny", "data": [{"meaning": "authoredby", "reference": identifier(ODS, "RZ901")}]},
    });
    let recorded = gate.post(&format!("patient:{}", other.digits()), "Consent", &objection).await;
    assert_eq!(recorded.status, 201, "{}", recorded.text);
    soon("the release is in the ledger", async || {
        let ledger = gate.get("privacy-officer-estuary", "Organization/RZ901/$disclosures").await;
        ledger.text.contains(&patient.digits()).then_some(())
    })
    .await;
    let (_, held) = *gate.provider("RZ901").about(patient).iter().find(|(kind, _)| *kind == "Condition").unwrap();
    (patient.digits(), format!("Condition/{}", held.id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_pages_work_by_keyboard_and_without_javascript_on_every_screen_and_axe_has_nothing_to_say() {
    if !have(&[NODE, CHROMIUM], "the pages in a browser") {
        return;
    }
    let gate = own().await;
    let screenshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
    let mut walk = Command::new(node());
    walk.arg(ours("browser/pages.mjs")).arg(&gate.url).arg(&screenshots).current_dir(folder());
    let (patient, item) = happened(&gate).await;
    walk.env("RECALLED_PATIENT", patient).env("RECALLED_ITEM", item);
    let done = tokio::task::block_in_place(|| walk.output()).expect("node runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let shown = std::fs::read_dir(&screenshots).expect("screenshots").count();
    assert!(shown >= 20, "{shown} screenshots");
}
