//! What the requester's own organisation says when it is asked, found live.

use crate::claims;
use crate::harness::{Answer, BUILT_IN, Gate, NHS, Setup, on_each_database};
use caregate::{
    audit::{Asked, Kind},
    domain::{NhsNumber, Timestamp},
    sandbox::data::{Dataset, Resource},
};
use serde_json::{Value, json};
use std::time::Duration;

const READER: &str = "consultant-estuary";

/// So many days from now; before now where negative.
fn day(days: i64) -> String {
    Timestamp(Timestamp::now().0 + days * 86_400_000_000).fhir()
}

fn encounter(status: &str, period: Value) -> Value {
    let class = json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"});
    json!({"resourceType": "Encounter", "status": status, "class": class, "period": period})
}

fn episode(status: &str, period: Value) -> Value {
    json!({"resourceType": "EpisodeOfCare", "status": status, "period": period})
}

fn appointment(status: &str, start: &str) -> Value {
    json!({"resourceType": "Appointment", "status": status, "start": start})
}

/// The built-in region, in which Estuary Hospitals also hold these, each about the patient at this place of theirs.
fn region(more: &[(usize, Value)]) -> tempfile::TempDir {
    let mut data = Dataset::builtin();
    let numbers = patients();
    let estuary = data.providers.iter_mut().find(|provider| provider.slug == "estuary").unwrap();
    for (at, (patient, resource)) in more.iter().enumerate() {
        let (mut resource, kind) = (resource.clone(), resource["resourceType"].as_str().unwrap());
        let local = estuary.local_patients(Some(NHS), &numbers[*patient].digits())[0].to_owned();
        let reference = json!({"reference": format!("Patient/{local}")});
        resource["id"] = json!(format!("live-{at}"));
        match kind {
            "Appointment" => resource["participant"] = json!([{"actor": reference, "status": "accepted"}]),
            "EpisodeOfCare" => resource["patient"] = reference,
            _ => resource["subject"] = reference,
        }
        let parsed = Resource::parse(kind, &resource.to_string()).unwrap();
        estuary.resources.entry(kind.to_owned()).or_default().push(parsed);
    }
    let folder = tempfile::tempdir().unwrap();
    data.write_to(folder.path()).unwrap();
    folder
}

/// Those whom Estuary Hospitals know.
fn patients() -> Vec<NhsNumber> {
    let held = BUILT_IN.patients.iter().filter(|patient| patient.held_by.iter().any(|slug| slug == "estuary"));
    held.map(|patient| patient.nhs_number).collect()
}

async fn reads(gate: &Gate, patient: NhsNumber) -> Answer {
    gate.search(READER, "Condition", patient).await
}

#[tokio::test]
async fn an_encounter_under_way_an_active_episode_or_an_appointment_near_lets_the_own_hospitals_staff_in() {
    let folder = region(&[
        (0, encounter("in-progress", json!({"start": day(-1)}))),
        (1, encounter("arrived", Value::Null)),
        (2, episode("active", json!({"start": day(-100)}))),
        (3, appointment("booked", &day(5))),
        (4, appointment("fulfilled", &day(-5))),
        (5, encounter("onleave", json!({"start": day(-3), "end": day(1)}))),
    ]);
    let url = crate::postgres::Postgres::shared().database().await;
    for gate in [Setup::default(), Setup::default().database(url)].map(|setup| setup.data(folder.path()).start()) {
        for (at, basis) in [
            "encounter: Encounter/live-0 at RZ901",
            "encounter: Encounter/live-1 at RZ901",
            "caseload: EpisodeOfCare/live-2 at RZ901",
            "appointment: Appointment/live-3 at RZ901",
            "appointment: Appointment/live-4 at RZ901",
            "encounter: Encounter/live-5 at RZ901",
        ]
        .into_iter()
        .enumerate()
        {
            let answer = reads(&gate, patients()[at]).await;
            assert_eq!(answer.status, 200, "{basis}: {}", answer.text);
            let row = gate.closing(&answer).await;
            assert_eq!(row.basis.as_deref(), Some(basis));
            assert!(row.rules.iter().any(|rule| rule == "cared-for-here"), "{:?}", row.rules);
            assert!(matches!(&row.evidence, Some(Asked::Found(found)) if found.len() == 1), "{:?}", row.evidence);
            let kinds: Vec<_> = gate.rows(&answer).await.iter().map(|row| row.kind).collect();
            assert_eq!(kinds.first(), Some(&Kind::Intent), "asked only after the log knew of it");
            // it is the hospital's word for its own staff
            assert_eq!(gate.search("paramedic-eastline", "Condition", patients()[at]).await.status, 403);
        }
        // remembered for a while: what it said is what the record is read from too
        let before = gate.asked("estuary").await["searches"].as_u64();
        assert_eq!(gate.search(READER, "Encounter", patients()[0]).await.status, 200);
        assert_eq!(gate.asked("estuary").await["searches"].as_u64(), before);
    }
}

#[tokio::test]
async fn what_has_ended_is_far_off_or_never_was_is_no_evidence() {
    let folder = region(&[
        (0, encounter("finished", json!({"start": day(-2), "end": day(-1)}))),
        (0, encounter("entered-in-error", json!({"start": day(-1)}))),
        (0, encounter("planned", json!({"start": day(1)}))),
        (0, encounter("in-progress", json!({"start": day(-9), "end": day(-8)}))),
        (0, encounter("in-progress", json!({"start": day(-100)}))),
        (0, episode("finished", json!({"start": day(-100)}))),
        (0, episode("active", json!({"start": day(-400)}))),
        (0, appointment("cancelled", &day(1))),
        (0, appointment("noshow", &day(-1))),
        (0, appointment("booked", &day(30))),
        (0, appointment("fulfilled", &day(-30))),
    ]);
    let gate = Setup::default().data(folder.path()).start();
    let answer = reads(&gate, patients()[0]).await;
    gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
    assert_eq!(gate.closing(&answer).await.evidence, Some(Asked::Found(Vec::new())), "asked, and it said no");
    // a no is remembered as briefly, and no provider but their own was asked
    let before = gate.asked("estuary").await["requests"].clone();
    assert_eq!(reads(&gate, patients()[0]).await.status, 403);
    assert_eq!(gate.asked("estuary").await["requests"], before);
    assert_eq!(gate.asked("saltmarsh").await["requests"], 0);
}

#[tokio::test]
async fn a_lookup_that_fails_is_never_a_no_unless_another_says_yes() {
    let folder = region(&[(0, appointment("booked", &day(1)))]);
    let gate = Setup::default().data(folder.path()).start();
    gate.fault("estuary", json!({"fault": "error", "status": 500, "types": ["Encounter"]})).await;
    assert_eq!(reads(&gate, patients()[0]).await.status, 200, "the appointment is enough");
    let answer = reads(&gate, patients()[1]).await;
    gate.ends(&answer, 503, "transient", Kind::Refused, "could-not-check").await;
    assert_eq!(answer.header("retry-after"), "2");
    assert!(answer.text.contains("Patient/$claim-relationship"), "{}", answer.text);
    assert_eq!(gate.closing(&answer).await.evidence, Some(Asked::Unreachable));
    // the failure is not remembered
    gate.lift("estuary").await;
    let answer = reads(&gate, patients()[1]).await;
    gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
}

#[tokio::test]
async fn evidence_found_after_a_claim_takes_its_place_and_confirms_it() {
    let folder = region(&[(0, encounter("in-progress", json!({"start": day(-1)})))]);
    let url = crate::postgres::Postgres::shared().database().await;
    for gate in [Setup::default(), Setup::default().database(url)].map(|setup| setup.data(folder.path()).start()) {
        let patient = patients()[0];
        gate.fault("estuary", json!({"fault": "error", "status": 500})).await;
        assert_eq!(claims::claim(&gate, READER, patient).await.status, 201);
        assert_eq!(reads(&gate, patient).await.status, 200);
        let confirmed = "SELECT confirmed_by FROM claim WHERE confirmed_at IS NOT NULL AND settled_at IS NULL";
        assert_eq!(claims::texts(&gate, confirmed).await, [""; 0]);
        gate.lift("estuary").await;
        let row = gate.closing(&reads(&gate, patient).await).await;
        assert_eq!(row.basis.as_deref(), Some("encounter: Encounter/live-0 at RZ901"));
        assert_eq!(claims::texts(&gate, confirmed).await, ["Encounter/live-0 at RZ901"]);
    }
}

#[tokio::test]
async fn evidence_that_has_ended_since_lets_nobody_in_when_it_is_too_old() {
    let folder = region(&[(0, encounter("in-progress", json!({"start": day(-1)})))]);
    let setup = Setup::default().data(folder.path()).set("CAREGATE__FEDERATION__EVIDENCE_TTL_SECONDS", 1);
    let gate = setup.start();
    assert_eq!(reads(&gate, patients()[0]).await.status, 200);
    // the record may still be remembered, but not as evidence
    gate.fault("estuary", json!({"fault": "error", "status": 500, "types": ["Encounter"]})).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let answer = reads(&gate, patients()[0]).await;
    gate.ends(&answer, 503, "transient", Kind::Refused, "could-not-check").await;
}

#[tokio::test]
async fn asserted_relationships_are_relied_on_without_asking() {
    for gate in on_each_database().await {
        let patient = patients()[0];
        crate::relationships::assert_relationship(&gate, patient, "RZ901").await;
        gate.fault("estuary", json!({"fault": "error", "status": 500})).await;
        let answer = reads(&gate, patient).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(gate.closing(&answer).await.evidence, None);
    }
}
