//! What the gateway really answers is sound: R4 by its JSON Schema, where `./test` has installed it, and our own profiles.

use crate::{
    desk::completion,
    fhir,
    harness::{Answer, own, shared},
    objections::{persona, whole_record},
    overrides::overriding,
};
use caregate::fhir::ResourceType;
use serde_json::json;

const GP: &str = "gp-saltmarsh";

fn sound(answer: &Answer) {
    let faults = fhir::faults(&answer.json());
    assert!(faults.is_empty(), "{}: {}", faults.join("\n"), answer.text);
}

#[tokio::test]
async fn every_type_is_answered_in_sound_fhir_whether_there_is_much_or_nothing() {
    let gate = shared().await;
    for n in 0..2 {
        let patient = gate.registered("F99001", n).nhs_number;
        for kind in ResourceType::RECORDS.iter().filter(|kind| **kind != ResourceType::Patient) {
            for page in gate.pages(GP, kind.as_str(), patient).await {
                assert_eq!(page.status, 200);
                sound(&page);
            }
        }
        let found =
            gate.get(GP, &format!("Patient?identifier=https://fhir.nhs.uk/Id/nhs-number%7C{}", patient.digits())).await;
        sound(&found);
        sound(&gate.get(GP, &format!("Patient/{}", found.match_ids()[0])).await);
    }
    sound(&gate.get(GP, "metadata").await);
}

#[tokio::test]
async fn a_partial_answer_a_refusal_an_objection_an_override_its_task_and_the_log_are_sound_fhir() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    gate.fault("estuary", json!({"fault": "error", "status": 500})).await;
    let partial = gate.search(GP, "Condition", patient).await;
    assert_eq!(partial.header("x-completeness"), "partial");
    let refused = gate.search("consultant-colneside", "Condition", patient).await;
    assert_eq!(refused.status, 403);
    let recorded = gate.post(&persona(patient), "Consent", &whole_record(patient)).await;
    assert_eq!(recorded.status, 201);
    let suppressed = gate.search(GP, "Condition", patient).await;
    assert_eq!(suppressed.status, 403);
    let overridden = gate.post(GP, "Patient/$override", &overriding(patient, "harm-to-child")).await;
    assert_eq!(overridden.status, 201);
    let queue = gate.get("privacy-officer-saltmarsh", "Task").await;
    let task = gate.get("privacy-officer-saltmarsh", &format!("Task/{}", queue.match_ids()[0])).await;
    let done =
        gate.put("privacy-officer-saltmarsh", &format!("Task/{}", queue.match_ids()[0]), &completion("done")).await;
    assert_eq!((task.status, done.status), (200, 200));
    let officers = gate.search("privacy-officer-saltmarsh", "AuditEvent", patient).await;
    assert!(!officers.matches().is_empty());
    [overridden, queue, task, done, officers].iter().for_each(sound);
    let log = gate.search(&persona(patient), "AuditEvent", patient).await;
    assert!(log.matches().len() >= 4);
    for answer in
        [partial, refused, recorded, suppressed, gate.search(&persona(patient), "Consent", patient).await, log]
    {
        sound(&answer);
    }
}
