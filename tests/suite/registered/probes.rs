//! Probed through the front door: what lets it go up, and what shuts it out again.

use super::*;
use crate::harness::soon;
use reqwest::Method;

const PROBE: &str = "Endpoint/RZ902/$probe";

/// Begun, without a body.
async fn begun(gate: &Gate, persona: &str) -> Answer {
    let token = gate.token(persona).await;
    Answer::of(gate.request(Method::POST, PROBE).bearer_auth(token)).await
}

/// The report, once there is one.
async fn ended(gate: &Gate) -> Answer {
    soon("the probe ends", async || {
        let told = gate.get(SYSTEM, PROBE).await;
        assert_eq!(told.status, 200, "{}", told.text);
        (!told.text.contains("\"diagnostics\":\"Running")).then_some(told)
    })
    .await
}

/// Let in, with two of those whom it knows to be probed with.
async fn joined(joins: &Joining) {
    let mut known = joins.gate.shared_with("F99001", SLUG);
    known.truncate(2);
    joins.write(1, Content::Organization(organisation())).await;
    let types = [ResourceType::Condition, ResourceType::Encounter].into();
    joins.write(1, Content::Endpoint(Endpoint { test_patients: known, types, ..joins.endpoint() })).await;
}

#[tokio::test]
async fn a_sound_endpoint_passes_its_probe_and_goes_up_to_live_by_that_and_its_own_word() {
    for joins in Joining::on_each_database().await {
        let (gate, patient) = (&joins.gate, joins.patient());
        let never = gate.get(SYSTEM, PROBE).await;
        gate.ends(&never, 404, "not-found", Kind::Failed, "never-probed").await;
        let early = begun(gate, SYSTEM).await;
        gate.ends(&early, 409, "business-rule", Kind::Failed, "not-in-force").await;
        joined(&joins).await;
        let begun = begun(gate, SYSTEM).await;
        assert_eq!(begun.status, 202, "{}", begun.text);
        assert!(begun.header("location").ends_with(PROBE), "{}", begun.header("location"));
        let row = gate.closing(&begun).await;
        assert_eq!((row.request.as_str(), row.patient, row.kind), (PROBE, None, Kind::Released));
        let report = ended(gate).await;
        assert!(report.text.contains(": passed.") && !report.text.contains("\"error\""), "{}", report.text);
        for patient in gate.shared_with("F99001", SLUG) {
            assert!(!report.text.contains(&patient.digits()), "{}", report.text);
        }
        for (stage, shown) in [("shadow", false), ("live", true)] {
            let answer = says(&joins, SYSTEM, stage, vec![]).await;
            assert_eq!((answer.status, stands(&answer).as_str()), (200, stage), "{}", answer.text);
            assert_eq!(own(&gate.search(GP, "Condition", patient).await) > 0, shown, "{stage}");
        }
    }
}

#[tokio::test]
async fn one_that_turned_hostile_fails_by_name_and_is_shut_out_until_an_operator_has_looked() {
    let joins = Joining::start(None).await;
    let (gate, patient) = (&joins.gate, joins.patient());
    joined(&joins).await;
    begun(gate, OPERATOR).await;
    assert!(ended(gate).await.text.contains(": passed."));
    for stage in ["shadow", "live"] {
        assert_eq!(says(&joins, SYSTEM, stage, vec![]).await.status, 200);
    }
    gate.fault(SLUG, json!({"fault": "trailing"})).await;
    begun(gate, SYSTEM).await;
    let report = ended(gate).await;
    assert!(report.text.contains("\"code\":\"trailing-data\"") && report.text.contains(": failed"), "{}", report.text);
    soon("it is suspended", async || {
        (stands(&gate.get(SYSTEM, "Endpoint/RZ902/$stage").await) == "suspended").then_some(())
    })
    .await;
    gate.lift(SLUG).await;
    let answer = gate.search(GP, "Condition", patient).await;
    assert_eq!((own(&answer), answer.header("x-completeness")), (0, "partial"), "{}", answer.text);
    for stage in ["shadow", "live"] {
        let answer = says(&joins, SYSTEM, stage, vec![]).await;
        assert!(answer.status == 409 && answer.text.contains("ask an operator"), "{}", answer.text);
    }
    // well again, probed again, and looked at
    begun(gate, SYSTEM).await;
    assert!(ended(gate).await.text.contains(": passed."));
    assert_eq!(stands(&says(&joins, OPERATOR, "live", vec![]).await), "live");
    assert!(own(&gate.search(GP, "Condition", patient).await) > 0);
}

#[tokio::test]
async fn one_that_cannot_be_reached_fails_its_probe_and_is_not_shut_out_for_that_and_one_probe_runs_at_a_time() {
    let joins = Joining::start(None).await;
    let gate = &joins.gate;
    joined(&joins).await;
    joins.usual(Stage::Live).await;
    gate.fault(SLUG, json!({"fault": "delay", "milliseconds": 700})).await;
    assert_eq!(begun(gate, SYSTEM).await.status, 202);
    let second = begun(gate, SYSTEM).await;
    gate.ends(&second, 409, "conflict", Kind::Failed, "probe-under-way").await;
    gate.fault(SLUG, json!({"fault": "error", "status": 503})).await;
    assert!(ended(gate).await.text.contains(": failed"));
    assert_eq!(stands(&gate.get(SYSTEM, "Endpoint/RZ902/$stage").await), "live");
    let body = gate.post(SYSTEM, PROBE, &json!({"resourceType": "Parameters"})).await;
    assert_eq!(body.status, 400, "{}", body.text);
}
