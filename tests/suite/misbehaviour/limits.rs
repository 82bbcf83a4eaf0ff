//! What one provider may cost the others, the node, and itself: ejection, the share of calls repeated and hedged, places.

use super::{BAD, GP, metrics, partial, patient_of, stage, whole};
use crate::{
    harness::{Answer, Gate, of_patient, soon},
    raw::{Act, Raw, answer, ok, searchset},
};
use caregate::domain::NhsNumber;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Types that lend each other nothing.
const KINDS: [&str; 12] = [
    "Condition",
    "Procedure",
    "Immunization",
    "CarePlan",
    "CareTeam",
    "Goal",
    "Flag",
    "List",
    "FamilyMemberHistory",
    "EpisodeOfCare",
    "Appointment",
    "ServiceRequest",
];

/// Why the provider is missing from this answer; "" where it is not.
async fn failure_in(gate: &Gate, answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let row = gate.closing(answer).await;
    let line = row.sources.iter().find(|line| line.source.as_str() == BAD).unwrap();
    line.reason.clone().unwrap_or_default()
}

/// So many calls, for this reason, to the provider that misbehaves.
async fn calls(gate: &Gate, reason: &str) -> usize {
    let name = format!("caregate_provider_calls_total{{provider=\"{BAD}\",reason=\"{reason}\"}} ");
    metrics(gate).await.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or_default()
}

async fn whole_soon(gate: &Gate, kind: &str, patient: NhsNumber) {
    soon("a whole answer again", async || {
        let answer = gate.search(GP, kind, patient).await;
        (answer.header("x-completeness") == "complete").then_some(())
    })
    .await;
    whole(gate, kind, patient, "its recovery").await;
}

#[tokio::test]
async fn one_that_does_not_answer_is_ejected_not_waited_for_and_whole_within_ten_seconds_of_its_recovery() {
    let raw = Raw::start(BAD).await;
    let gate = stage().set("CAREGATE__FEDERATION__DEADLINE_MS", 300).with(&raw).start();
    let patient = patient_of(&gate);
    raw.does(|_, _| Act::Silence);
    for kind in &KINDS[..5] {
        let answer = gate.search(GP, kind, patient).await;
        partial(&gate, &answer, kind, patient, "timeout", "timeout").await;
    }
    let mut ejected = 0;
    for kind in KINDS.iter().cycle().take(30) {
        let before = raw.connections();
        let answer = gate.search(GP, kind, patient).await;
        let failure = failure_in(&gate, &answer).await;
        if failure == "ejected" {
            ejected += 1;
            assert_eq!(raw.connections(), before, "an ejected provider was asked");
            partial(&gate, &answer, kind, patient, "incomplete", "ejected").await;
        } else {
            assert_eq!((failure.as_str(), raw.connections()), ("timeout", before + 1), "the one try");
        }
    }
    assert!(ejected > 20, "{ejected}");
    let gauge = format!("caregate_provider_ejected{{provider=\"{BAD}\",endpoint=\"0\"}}");
    assert!(metrics(&gate).await.contains(&format!("{gauge} 1")));
    raw.recovers();
    whole_soon(&gate, "Condition", patient).await;
    assert!(metrics(&gate).await.contains(&format!("{gauge} 0")));
    let log = gate.stderr();
    assert!(log.contains("provider ejected") && log.contains("provider answers again"), "{log}");
}

#[tokio::test]
async fn one_that_flaps_is_ejected_too_and_returns() {
    let raw = Raw::start(BAD).await;
    let forgets = stage().set("CAREGATE__FEDERATION__TTL_SECONDS", 0);
    let gate = forgets.set("CAREGATE__FEDERATION__PATIENT_TTL_SECONDS", 0).with(&raw).start();
    let patient = patient_of(&gate);
    let sound = answer("500 Server Error", "", "");
    raw.does(move |heard, _| if heard.kind == "Patient" { Act::Sound } else { Act::Send(sound.clone()) });
    let mut failures = Vec::new();
    while failures.last().is_none_or(|last| last != "ejected") {
        failures.push(failure_in(&gate, &gate.search(GP, "Condition", patient).await).await);
        assert!(failures.len() < 20, "{failures:?}");
    }
    raw.recovers();
    whole_soon(&gate, "Condition", patient).await;
}

#[tokio::test]
async fn bursts_of_errors_are_answered_with_at_most_a_tenth_of_calls_more() {
    let raw = Raw::start(BAD).await;
    let forgets = stage().set("CAREGATE__FEDERATION__TTL_SECONDS", 0);
    let gate = forgets.set("CAREGATE__FEDERATION__PATIENT_TTL_SECONDS", 0).with(&raw).start();
    let patient = patient_of(&gate);
    let (count, busy) = (AtomicUsize::new(0), answer("503 Unavailable", "", ""));
    // three of every eight, but never five in a row
    raw.does(move |_, _| if count.fetch_add(1, SeqCst) % 8 < 3 { Act::Send(busy.clone()) } else { Act::Sound });
    let mut complete = 0;
    for kind in KINDS.iter().cycle().take(80) {
        let answer = gate.search(GP, kind, patient).await;
        complete += usize::from(answer.header("x-completeness") == "complete");
    }
    let (needed, repeated) = (calls(&gate, "needed").await, calls(&gate, "repeat").await);
    assert_eq!(raw.heard().len(), needed + repeated, "every call is counted");
    assert!(repeated > 2 && repeated * 10 <= needed, "{repeated} of {needed}");
    assert!(complete > 10, "{complete}");
}

#[tokio::test]
async fn one_that_says_when_it_may_be_asked_again_is_not_asked_before() {
    for (status, said) in [("429 Too Many", "Fri, 31 Dec 9999 23:59:59 GMT"), ("503 Unavailable", "86400")] {
        let raw = Raw::start(BAD).await;
        let gate = stage().with(&raw).start();
        let patient = patient_of(&gate);
        let refusal = answer(status, &format!("retry-after: {said}\r\n"), "");
        raw.does(move |_, _| Act::Send(refusal.clone()));
        let first = gate.search(GP, "Condition", patient).await;
        assert_ne!(failure_in(&gate, &first).await, "");
        raw.recovers();
        for kind in KINDS {
            let answer = gate.search(GP, kind, patient).await;
            partial(&gate, &answer, kind, patient, "incomplete", "throttled").await;
        }
        assert_eq!(raw.heard().len(), 1);
    }
    let raw = Raw::start(BAD).await;
    let gate = stage().with(&raw).start();
    let patient = patient_of(&gate);
    raw.does(|_, _| Act::Send(answer("429 Too Many", "retry-after: 1\r\n", "")));
    assert_eq!(failure_in(&gate, &gate.search(GP, "Condition", patient).await).await, "throttled");
    raw.recovers();
    whole_soon(&gate, "Condition", patient).await;
}

#[tokio::test]
async fn one_that_is_slow_fills_its_own_places_and_queue_and_nobody_elses() {
    let raw = Raw::start(BAD).await;
    let url = format!("http://127.0.0.1:{}/fhir", raw.port);
    let stage = stage().set("CAREGATE__FEDERATION__DEADLINE_MS", 9000).at(&raw, &url, "max_calls = 2");
    let gate = stage.start();
    let patient = patient_of(&gate);
    whole(&gate, "Observation", patient, "nothing yet").await;
    raw.does(|_, _| Act::Held);
    let token = gate.token(GP).await;
    let under_way: Vec<_> = KINDS[..10]
        .iter()
        .map(|kind| {
            let request = gate.request(reqwest::Method::GET, &of_patient(kind, patient)).bearer_auth(&token);
            tokio::spawn(Answer::of(request))
        })
        .collect();
    let waiting = format!("caregate_provider_waiting{{provider=\"{BAD}\"}} 8");
    soon("eight waiting", async || metrics(&gate).await.contains(&waiting).then_some(())).await;
    soon("two at the provider", async || (raw.now() == 2).then_some(())).await;
    for kind in &KINDS[10..] {
        let answer = gate.search(GP, kind, patient).await;
        partial(&gate, &answer, kind, patient, "incomplete", "busy").await;
    }
    assert!(under_way.iter().all(|one| !one.is_finished()));
    raw.open();
    for one in under_way {
        let answer = one.await.unwrap();
        assert_eq!((answer.status, answer.header("x-completeness")), (200, "complete"), "{}", answer.text);
    }
    assert_eq!(raw.most(), 2);
}

#[tokio::test]
async fn where_replicas_are_declared_another_is_asked_beside_one_that_is_slow_and_instead_of_one_that_is_ejected() {
    let (own, spare) = (Raw::start(BAD).await, Raw::start(BAD).await);
    let base = format!("http://127.0.0.1:{}/r4/", spare.port);
    // it writes its own address into references and links
    let absolute = base.clone();
    spare.does(move |heard, sound| {
        let mut all = sound.resources(heard);
        for one in &mut all {
            for kind in ["Patient", "Encounter"] {
                let (relative, full) =
                    (format!("\"reference\":\"{kind}/"), format!("\"reference\":\"{absolute}{kind}/"));
                *one = one.replace(&relative, &full);
            }
        }
        let rest = all.split_off(all.len().min(1));
        match heard.query.contains_key("page") {
            true => Act::Send(ok(searchset(&rest, ""))),
            false => {
                let more = format!("{absolute}{}&page=2", heard.target.trim_start_matches("/r4/"));
                let link = format!(r#","link":[{{"relation":"next","url":"{more}"}}]"#);
                Act::Send(ok(searchset(&all, &link)))
            }
        }
    });
    let forgets = stage().set("CAREGATE__FEDERATION__TTL_SECONDS", 0).set("CAREGATE__FEDERATION__DEADLINE_MS", 1500);
    let forgets = forgets.set("CAREGATE__FEDERATION__PATIENT_TTL_SECONDS", 0);
    let url = format!("http://127.0.0.1:{}/fhir", own.port);
    let gate = forgets.at(&own, &url, &format!("replicas = [\"{base}\"]")).start();
    let patient = patient_of(&gate);
    // hedges are few: they must be earned first
    let mut hedged = false;
    for _ in 0..5 {
        own.recovers();
        for kind in KINDS.iter().cycle().take(30) {
            gate.search(GP, kind, patient).await;
        }
        own.does(|heard, _| if heard.kind == "Procedure" { Act::Silence } else { Act::Sound });
        let answer = gate.search(GP, "Procedure", patient).await;
        hedged |= answer.header("x-completeness") == "complete";
    }
    assert!(hedged, "no second call was made beside the slow one");
    let (needed, hedges) = (calls(&gate, "needed").await, calls(&gate, "hedge").await);
    assert!(hedges > 0 && hedges * 20 <= needed, "{hedges} of {needed}");
    assert!(
        spare.heard().iter().all(|heard| heard.head.contains("authorization: Bearer ")),
        "it is sent the credential"
    );

    own.does(|_, _| Act::Send(Vec::new()));
    whole_soon(&gate, "Procedure", patient).await;
    let before = own.heard().len();
    for kind in &KINDS[..4] {
        whole(&gate, kind, patient, "its replica stands in").await;
    }
    assert!(own.heard().len() <= before + 4, "no more than tries");
}
