//! Types that a provider neither claims nor serves: nothing of the record is missing for want of them.

use super::GP;
use super::liars::{LIAR, stage, statement};
use crate::{
    completeness::patient_of,
    harness::Gate,
    raw::{Act, Raw, answer, ok},
};

const SERVED: [&str; 5] = ["Patient", "Condition", "Encounter", "Observation", "Procedure"];

/// One that answers so what is none of the types it serves, and says of itself that it claims these.
async fn not_serving(status: &'static str, body: &'static str, claims: Option<&'static [&'static str]>) -> (Gate, Raw) {
    let raw = Raw::start(LIAR).await;
    raw.does(move |heard, _| match (heard.kind.as_str(), claims) {
        ("metadata", Some(claims)) => Act::Send(ok(statement(claims).to_string())),
        ("metadata", None) => Act::Send(answer("404 Not Found", "", "")),
        (kind, _) if SERVED.contains(&kind) => Act::Sound,
        _ => Act::Send(answer(status, "content-type: application/fhir+json\r\n", body)),
    });
    (stage(&raw, 60).await, raw)
}

async fn everything(gate: &Gate) -> String {
    let found = gate.search(GP, "Patient", patient_of(gate)).await.match_ids()[0].clone();
    let answer = gate.get(GP, &format!("Patient/{found}/$everything?_count=200")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.header("x-completeness").to_owned()
}

const NOT_SUPPORTED: &str =
    r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-supported"}]}"#;
const INVALID: &str = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid"}]}"#;

#[tokio::test]
async fn what_a_provider_neither_claims_nor_serves_is_nothing_that_is_missing() {
    for (status, body, told) in [
        ("404 Not Found", "", "complete"),
        ("405 Method Not Allowed", "", "complete"),
        ("501 Not Implemented", "", "complete"),
        ("400 Bad Request", NOT_SUPPORTED, "complete"),
        ("400 Bad Request", INVALID, "partial"),
        ("403 Forbidden", "", "partial"),
        ("500 Oh", "", "partial"),
    ] {
        let (gate, raw) = not_serving(status, body, Some(&SERVED)).await;
        assert_eq!(everything(&gate).await, told, "{status} {body}");
        assert_eq!(gate.search(GP, "Goal", patient_of(&gate)).await.header("x-completeness"), told, "{status}");
        drop(raw);
    }
}

#[tokio::test]
async fn what_it_claims_or_without_its_word_may_claim_is_missing_where_it_is_not_served() {
    let (gate, _raw) = not_serving("404 Not Found", "", None).await;
    assert_eq!(everything(&gate).await, "partial");
    const CLAIMED: [&str; 6] = ["Patient", "Condition", "Encounter", "Observation", "Procedure", "Goal"];
    let (gate, _raw) = not_serving("404 Not Found", "", Some(&CLAIMED)).await;
    assert_eq!(everything(&gate).await, "partial");
    assert_eq!(gate.search(GP, "Goal", patient_of(&gate)).await.header("x-completeness"), "partial");
    assert_eq!(gate.search(GP, "CareTeam", patient_of(&gate)).await.header("x-completeness"), "complete");
}
