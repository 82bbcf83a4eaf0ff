//! Each fault of a server's fails the check that is named for it.

use super::{
    MARK, ended, probed,
    stand::{self, FHIR, KINDS, Reply, patients, server, well},
    target,
};
use crate::raw::{Act, Heard, Raw, Sound, answer, searchset};
use caregate::probe::{Outcome, Verdict};
use serde_json::json;
use std::{sync::Arc, time::Duration};

pub type Spoil = Arc<dyn Fn(&Heard, &Sound, Reply) -> Option<Act> + Send + Sync>;

pub struct Row {
    pub check: &'static str,
    pub what: &'static str,
    pub spoil: Spoil,
}

pub fn row(
    check: &'static str,
    what: &'static str,
    spoil: impl Fn(&Heard, &Sound, Reply) -> Option<Act> + Send + Sync + 'static,
) -> Row {
    Row { check, what, spoil: Arc::new(spoil) }
}

/// One that spoils searches for Conditions.
pub fn in_entries(
    check: &'static str,
    what: &'static str,
    spoil: impl Fn(&Heard, &Sound, Reply) -> Act + Send + Sync + 'static,
) -> Row {
    row(check, what, move |heard, sound, reply| {
        (heard.kind == "Condition" && reply.status == "200 OK").then(|| spoil(heard, sound, reply))
    })
}

/// The bodies of searches for Conditions, each spoilt.
pub fn body(check: &'static str, what: &'static str, spoil: impl Fn(String) -> String + Send + Sync + 'static) -> Row {
    in_entries(check, what, move |_, _, reply| reply.edited(&spoil).sent())
}

pub async fn all_fail(rows: Vec<Row>) {
    for Row { check, what, spoil } in rows {
        let raw = server(move |heard, sound, reply| spoil(heard, sound, reply)).await;
        let report = probed(&target(&raw)).await;
        let failed = ended(&report, Outcome::Failed);
        assert!(failed.contains(&check), "{check}: {what}: {report}");
        assert_eq!(report.verdict, Verdict::Failed, "{check}: {what}");
    }
}

/// What should be better is warned of, and passes.
pub async fn all_are_warned_of(rows: Vec<Row>) {
    for Row { check, what, spoil } in rows {
        let raw = server(move |heard, sound, reply| spoil(heard, sound, reply)).await;
        let report = probed(&target(&raw)).await;
        assert!(ended(&report, Outcome::Warned).contains(&check), "{check}: {what}: {report}");
        assert_eq!(report.verdict, Verdict::Passed, "{check}: {what}: {report}");
    }
}

#[tokio::test]
async fn a_sound_server_passes_every_check_and_hears_nothing_but_what_it_is_asked() {
    let raw = server(|_, _, _| None).await;
    let report = probed(&target(&raw)).await;
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    assert_eq!(ended(&report, Outcome::Failed), [""; 0]);
    assert_eq!(ended(&report, Outcome::Warned), ["tls"], "{report}");
    let excused = report.findings.iter().filter(|finding| finding.outcome == Outcome::NotTested);
    assert!(excused.clone().all(|finding| finding.excused), "{report}");
    let heard = raw.heard();
    assert_eq!(heard.len(), report.calls as usize);
    for one in &heard {
        assert!(one.head.starts_with("GET ") && one.head.contains(&report.request.to_string()), "{}", one.head);
        assert!(one.head.contains("accept-encoding: identity"), "{}", one.head);
    }
    let open = heard.iter().filter(|one| !one.head.contains(stand::TOKEN)).count();
    assert_eq!(open, 1, "it was asked without a credential more than once");
}

#[tokio::test]
async fn what_does_not_come_to_an_end_fails_by_name_and_the_probe_goes_on() {
    all_fail(vec![
        in_entries("answers-in-time", "accepts and never answers", |_, _, _| Act::Silence),
        in_entries("answers-in-time", "a byte a second", |_, _, reply| {
            Act::Drip(reply.bytes(), Duration::from_secs(1))
        }),
        in_entries("answers-in-time", "a page without end, a little at a time", |_, _, _| {
            let head = format!("HTTP/1.1 200 OK\r\n{FHIR}transfer-encoding: chunked\r\n\r\n");
            Act::Drip([head.as_bytes(), &b"1\r\n \r\n".repeat(1000)].concat(), Duration::from_millis(2))
        }),
        in_entries("cut-off", "ends at once", |_, _, _| Act::Send(Vec::new())),
        in_entries("cut-off", "ends in the middle", |_, _, reply| {
            let whole = reply.bytes();
            Act::Send(whole[..whole.len() / 2 + 60].to_vec())
        }),
        in_entries("cut-off", "reset in the middle", |_, _, reply| {
            let whole = reply.bytes();
            Act::Reset(whole[..whole.len() / 2 + 60].to_vec())
        }),
    ])
    .await;
    // the rest was looked at all the same
    let raw = server(|heard, _, _| (heard.kind == "Condition").then_some(Act::Silence)).await;
    let report = probed(&target(&raw)).await;
    let observation = report.findings.iter().find(|one| one.name() == "type-search (Observation)").unwrap();
    assert_eq!(observation.outcome, Outcome::Passed, "{report}");
}

#[tokio::test]
async fn what_answers_nothing_at_all_is_given_up_soon_and_the_rest_is_said_not_to_be_tested() {
    let raw = server(|heard, _, _| (heard.kind != "metadata").then_some(Act::Silence)).await;
    let report = probed(&target(&raw)).await;
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(report.calls < 8 && report.took_ms < 10_000, "{report}");
    let untested = report.findings.iter().filter(|one| one.outcome == Outcome::NotTested && !one.excused);
    assert!(untested.clone().any(|one| one.name() == "type-search (Observation)"), "{report}");
    assert!(untested.clone().all(|one| !one.seen.is_empty()), "{report}");
}

#[tokio::test]
async fn where_there_is_nothing_to_judge_it_by_it_does_not_pass() {
    let entry = |heard: &Heard| KINDS.contains(&heard.kind.as_str());
    let raw = server(move |heard, _, _| entry(heard).then(|| Reply::ok(searchset(&[], "")).sent())).await;
    let report = probed(&target(&raw)).await;
    let open = report.findings.iter().filter(|one| one.blocks()).map(|one| one.check.as_str());
    assert_eq!(open.collect::<Vec<_>>(), ["entries-seen", "answers-mixed-up"], "{report}");
    assert_eq!((report.verdict, ended(&report, Outcome::Failed).len()), (Verdict::Failed, 0));
}

#[tokio::test]
async fn what_sends_the_gateway_elsewhere_fails_by_name_and_is_followed_nowhere() {
    let trap = Raw::start("RZ903").await;
    let elsewhere = format!("http://127.0.0.1:{}/fhir/Condition?{MARK}", trap.port);
    let mut rows = Vec::new();
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let headers = format!("location: {elsewhere}\r\n");
        rows.push(in_entries("redirect", status, move |_, _, _| Act::Send(answer(status, &headers, ""))));
    }
    let link = |url: &str| format!(r#","link":[{{"relation":"next","url":"{url}"}}]"#);
    for (check, url) in [
        ("next-foreign", elsewhere.as_str()),
        ("next-foreign", "//evil.example/fhir/Condition"),
        ("next-foreign", "/control"),
        ("next-foreign", "file:///etc/passwd"),
    ] {
        let link = link(url);
        rows.push(in_entries(check, "a next link", move |heard, sound, _| {
            Reply::ok(searchset(&sound.resources(heard), &link)).sent()
        }));
    }
    rows.push(in_entries("next-loop", "the page after this is this", move |heard, sound, _| {
        Reply::ok(searchset(&sound.resources(heard), &link(&heard.target))).sent()
    }));
    rows.push(in_entries("next-loop", "there is always a page more", move |heard, _, _| {
        Reply::ok(searchset(&[], &link(&format!("{}&more", heard.target)))).sent()
    }));
    all_fail(rows).await;
    assert_eq!(trap.connections(), 0, "it was followed");
}

#[tokio::test]
async fn what_mixes_up_its_patients_fails_by_name() {
    let other = |heard: &Heard, sound: &Sound| {
        let spoilt = Heard { query: heard.query.clone(), ..heard.clone() };
        Reply::ok(searchset(&sound.of_others(&spoilt), "")).sent()
    };
    let contained = |reference: &str| {
        let inner = json!([{"resourceType": "Observation", "id": "c", "subject": {"reference": reference}}]);
        format!(r#""contained":{inner},"#)
    };
    let first = Arc::new(std::sync::Mutex::new(None::<Reply>));
    all_fail(vec![
        in_entries("another-patient", "everybody else's entries", move |heard, sound, _| other(heard, sound)),
        row("another-patient", "everybody else's Patients", move |heard, sound, _| {
            (heard.kind == "Patient").then(|| other(heard, sound))
        }),
        row("patient-lookup", "everybody else's Patients", move |heard, sound, _| {
            (heard.kind == "Patient").then(|| other(heard, sound))
        }),
        in_entries("answers-mixed-up", "the first answer to whoever asks", move |_, _, reply| {
            first.lock().unwrap().get_or_insert(reply).sent()
        }),
        body("contained-patient", "another's result inside an entry", move |text| {
            let inner = contained("Patient/somebody-else");
            text.replacen(r#""resource":{"#, &format!(r#""resource":{{{inner}"#), 1)
        }),
        row("patients-apart", "one Patient for two numbers", |heard, sound, reply| {
            let [one, two] = patients()[..] else { panic!("two") };
            let asked = heard.query.get("identifier").is_some_and(|said| said.ends_with(&two.digits()));
            (heard.kind == "Patient" && asked && reply.status == "200 OK").then(|| {
                let mut query = heard.query.clone();
                query.insert("identifier".to_owned(), format!("x|{}", one.digits()));
                let first = well(&Heard { query, ..heard.clone() }, sound);
                first.edited(|text| text.replace(&one.digits(), &two.digits())).sent()
            })
        }),
    ])
    .await;
}

#[tokio::test]
async fn a_replica_is_asked_too_and_has_to_hold_the_same() {
    let sound = || server(|_, _, _| None);
    let lacking = server(|heard, _, reply| {
        // without any of its entries
        (heard.kind == "Condition" && reply.status == "200 OK").then(|| Reply::ok(searchset(&[], "")).sent())
    });
    let strange = server(|heard, _, reply| {
        (heard.kind == "Patient" && reply.status == "200 OK").then(|| Reply::ok(searchset(&[], "")).sent())
    });
    let address = sound().await;
    for (replica, wrong) in
        [(sound().await, None), (lacking.await, Some("entries of Condition")), (strange.await, Some("other Patients"))]
    {
        let report = probed(&super::target_with(&address, &[&replica])).await;
        let failed = ended(&report, Outcome::Failed);
        assert_eq!(failed, wrong.iter().map(|_| "replicas-agree").collect::<Vec<_>>(), "{report}");
        assert!(wrong.is_none_or(|wrong| report.to_string().contains(wrong)), "{report}");
        let (heard, id) = (replica.heard(), format!("x-request-id: {}", report.request));
        let by_it = |heard: &Heard| heard.head.to_lowercase().contains(&id);
        assert!(!heard.is_empty() && heard.iter().all(by_it), "all calls of a probe are found by one id");
    }
}
