//! A provider that merges or renumbers its Patients while the gateway remembers them does nothing wrong, and loses nothing by it.

use super::{BAD, GP, partial, patient_of, stage, whole};
use crate::{
    harness::{Gate, NHS},
    raw::{Act, Raw, answer, ok, searchset},
    records::{held_but, shown},
};
use caregate::domain::NhsNumber;

/// What it calls the patient, and once it has renumbered them.
const NOW: &str = "renumbered-1";

pub fn local(gate: &Gate, patient: NhsNumber) -> String {
    let provider = gate.data.providers.iter().find(|provider| provider.ods.as_str() == BAD).unwrap();
    let [only] = provider.local_patients(Some(NHS), &patient.digits())[..] else { panic!("one Patient") };
    only.to_owned()
}

/// The same Patient, under another id from now on; entries are its, or `None` of them are any more.
pub fn renumbers(raw: &Raw, before: String, keeps: bool) {
    raw.does(move |heard, sound| {
        let mut heard = heard.clone();
        if let Some(asked) = heard.query.get_mut("patient") {
            *asked = if asked == NOW { before.clone() } else { "no-longer".to_owned() };
        }
        let own = |one: &String| match heard.kind.as_str() {
            "Patient" => one.replace(&format!("\"id\":\"{before}\""), &format!("\"id\":\"{NOW}\"")),
            _ => one.replace(&format!("Patient/{before}\""), &format!("Patient/{NOW}\"")),
        };
        let all: Vec<_> = sound.resources(&heard).iter().map(own).collect();
        Act::Send(ok(searchset(if keeps || heard.kind == "Patient" { &all } else { &[] }, "")))
    });
}

#[tokio::test]
async fn entries_under_a_new_id_of_the_same_patient_are_theirs_and_alarm_nobody() {
    let raw = Raw::start(BAD).await;
    let gate = stage().with(&raw).start();
    let patient = patient_of(&gate);
    whole(&gate, "Condition", patient, "nothing yet").await;
    renumbers(&raw, local(&gate, patient), true);
    whole(&gate, "Procedure", patient, "its Patient was renumbered").await;
    assert!(!gate.stderr().contains("quarantined"));
}

#[tokio::test]
async fn another_persons_entry_under_a_patient_that_is_remembered_and_stands_alarms_at_once() {
    let raw = Raw::start(BAD).await;
    let gate = stage().with(&raw).start();
    let patient = patient_of(&gate);
    whole(&gate, "Condition", patient, "nothing yet").await;
    raw.does(|heard, sound| match heard.kind.as_str() {
        "Procedure" => Act::Send(ok(searchset(&sound.of_others(heard), ""))),
        _ => Act::Sound,
    });
    let found = gate.search(GP, "Procedure", patient).await;
    partial(&gate, &found, "Procedure", patient, "incomplete", "wrong-patient").await;
    raw.recovers();
    let found = gate.search(GP, "Condition", patient).await;
    partial(&gate, &found, "Condition", patient, "incomplete", "quarantined").await;
}

#[tokio::test]
async fn nothing_under_an_id_that_is_gone_is_no_answer() {
    let raw = Raw::start(BAD).await;
    let url = format!("http://127.0.0.1:{}/fhir", raw.port);
    let by_id = stage().at(&raw, &url, "idiom = \"resolve-first\"");
    let gate = by_id.set("CAREGATE__FEDERATION__EVIDENCE_TTL_SECONDS", 0).start();
    let patient = patient_of(&gate);
    whole(&gate, "Condition", patient, "nothing yet").await;
    renumbers(&raw, local(&gate, patient), true);
    whole(&gate, "Procedure", patient, "its Patient was renumbered").await;
}

#[tokio::test]
async fn an_answer_about_a_patient_that_is_now_another_is_asked_for_again() {
    let raw = Raw::start(BAD).await;
    let gate = stage().set("CAREGATE__FEDERATION__PATIENT_TTL_SECONDS", 0).with(&raw).start();
    let patient = patient_of(&gate);
    whole(&gate, "Condition", patient, "nothing yet").await;
    renumbers(&raw, local(&gate, patient), false);
    let found = gate.search(GP, "Condition", patient).await;
    assert!(shown(std::slice::from_ref(&found)) == held_but(&gate, "Condition", patient, BAD), "{}", found.text);
    assert_eq!(found.header("x-completeness"), "complete");
}

#[tokio::test]
async fn a_record_merged_into_another_number_is_told_as_that_and_shuts_nobody_out() {
    let raw = Raw::start(BAD).await;
    let gate = stage().with(&raw).start();
    let patient = patient_of(&gate);
    let own = format!(r#"{{"use":"official","system":"{NHS}","value":"{}"}}"#, patient.digits());
    let other = gate.data.patients.iter().find(|other| other.nhs_number != patient).unwrap().nhs_number;
    let merged = own.replace("official", "old") + "," + &own.replace(&patient.digits(), &other.digits());
    raw.does(move |heard, sound| match heard.kind.as_str() {
        "Patient" => {
            let body = sound.body(heard);
            assert!(body.contains(&own), "the number as the region writes it: {body}");
            Act::Send(ok(body.replace(&own, &merged)))
        }
        _ => Act::Send(answer("500 Server Error", "", "")),
    });
    let found = gate.search(GP, "Condition", patient).await;
    partial(&gate, &found, "Condition", patient, "incomplete", "superseded").await;
    assert!(!gate.stderr().contains("quarantined"));
    raw.recovers();
    whole(&gate, "Condition", patient, "a merge undone").await;
}
