//! Providers that declare filters and do not keep to them, or that declare nothing in many ways.

use super::{GP, REFRESH, TTL, metrics, times};
use crate::{
    completeness::patient_of,
    harness::{Gate, soon},
    misbehaviour::{
        moved::{local, renumbers},
        stage::Stage,
    },
    raw::{Act, Heard, Raw, Sound, answer, ok, searchset},
    records::{held, shown},
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub const LIAR: &str = "RZ902";

/// What an R4 server says of itself that searches these types by code.
pub fn statement(types: &[&str]) -> Value {
    let parameters = json!([{"name": "code", "type": "token"}, {"name": "date", "type": "date"}, {"name": "recorded-date", "type": "date"}]);
    let resources = types.iter().map(|kind| json!({"type": kind, "searchParam": parameters})).collect::<Vec<_>>();
    json!({"resourceType": "CapabilityStatement", "status": "active", "fhirVersion": "4.0.1", "kind": "instance",
        "rest": [{"mode": "server", "resource": resources}]})
}

/// What a server makes of a filter.
pub fn by_code(heard: &Heard, sound: &Sound) -> Option<Vec<String>> {
    let codes = heard.query.get("code")?;
    let codes: Vec<String> = codes.split(',').map(|one| format!("\"{}\"", one.rsplit('|').next().unwrap())).collect();
    Some(sound.resources(heard).into_iter().filter(|one| codes.iter().any(|code| one.contains(code))).collect())
}

/// A gateway that has heard what the provider declares.
pub async fn stage(raw: &Raw, ttl: u64) -> Gate {
    let gate = Stage::new().set(REFRESH, 3_600).set(TTL, ttl).with(raw).start();
    soon("the provider says what it can do", async || {
        metrics(&gate).await.contains("caregate_provider_declares{provider=\"RZ902\"}").then_some(())
    })
    .await;
    gate
}

/// One that declares codes and does this where it is asked by one.
async fn declaring(act: impl Fn(&Heard, &Sound) -> Act + Send + Sync + 'static) -> (Gate, Raw) {
    let raw = Raw::start(LIAR).await;
    raw.does(move |heard, sound| match (heard.kind.as_str(), heard.query.contains_key("code")) {
        ("metadata", _) => Act::Send(ok(statement(&["Patient", "Condition", "Procedure"]).to_string())),
        (_, true) => act(heard, sound),
        _ => Act::Sound,
    });
    (stage(&raw, 0).await, raw)
}

/// A code that the provider has for a Condition of the patient whom all know.
fn code_of(gate: &Gate) -> String {
    let about = gate.provider(LIAR).about(patient_of(gate));
    let (_, held) = about.iter().find(|(kind, _)| *kind == "Condition").expect("a Condition");
    let json: Value = serde_json::from_str(&held.json).unwrap();
    json["code"]["coding"][0]["code"].as_str().unwrap().to_owned()
}

/// All that is held and has the code is shown, whatever the provider made of it.
async fn whole(gate: &Gate, what: &str) {
    let (code, patient) = (code_of(gate), patient_of(gate));
    let answer = gate.search(GP, &format!("Condition?code={code}"), patient).await;
    let quoted = format!("\"{code}\"");
    let expected: Vec<_> =
        held(gate, "Condition", patient).into_iter().filter(|(_, one)| one.contains(&quoted)).collect();
    assert!(expected.iter().any(|(ods, _)| ods == LIAR));
    assert!(shown(std::slice::from_ref(&answer)) == expected, "{what}: {}", answer.text);
    assert_eq!(answer.header("x-completeness"), "complete", "{what}");
}

fn asked_by_filters(raw: &Raw) -> usize {
    raw.heard().iter().filter(|heard| heard.query.contains_key("code")).count()
}

#[tokio::test]
async fn one_that_loses_a_match_is_found_out_before_it_is_relied_on_and_asked_by_no_filter_again() {
    let (gate, raw) = declaring(|_, _| Act::Send(ok(searchset(&[], "")))).await;
    whole(&gate, "a lost match").await;
    assert_eq!((asked_by_filters(&raw), times(&gate, "lost").await), (2, 1), "asked twice, to be sure");
    assert!(gate.stderr().contains("provider lost a match by a filter that it declares"), "{}", gate.stderr());
    for _ in 0..5 {
        whole(&gate, "a lost match, later").await;
        gate.search(GP, "Procedure?code=1", patient_of(&gate)).await;
    }
    assert_eq!(asked_by_filters(&raw), 2, "of no type");
}

#[tokio::test]
async fn one_that_begins_to_lose_matches_is_found_out_by_a_later_check() {
    let loses = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&loses);
    let (gate, raw) = declaring(move |heard, sound| match now.load(Ordering::SeqCst) {
        true => Act::Send(ok(searchset(&[], ""))),
        false => Act::Send(ok(searchset(&by_code(heard, sound).unwrap(), ""))),
    })
    .await;
    for _ in 0..5 {
        whole(&gate, "it keeps to the filter").await;
    }
    assert_eq!(asked_by_filters(&raw), 5);
    let whole_asked =
        raw.heard().iter().filter(|one| one.kind == "Condition" && !one.query.contains_key("code")).count();
    assert_eq!(whole_asked, 1, "relied on after one check");
    loses.store(true, Ordering::SeqCst);
    let (code, patient) = (code_of(&gate), patient_of(&gate));
    for _ in 0..64 {
        gate.search(GP, &format!("Condition?code={code}"), patient).await;
    }
    assert_eq!(times(&gate, "lost").await, 1);
    whole(&gate, "found out").await;
}

#[tokio::test]
async fn what_comes_and_goes_between_two_answers_is_nothing_lost() {
    let first = AtomicBool::new(true);
    let (gate, _raw) = declaring(move |heard, sound| match first.swap(false, Ordering::SeqCst) {
        true => Act::Send(ok(searchset(&[], ""))),
        false => Act::Send(ok(searchset(&by_code(heard, sound).unwrap(), ""))),
    })
    .await;
    whole(&gate, "not there yet").await;
    assert_eq!(times(&gate, "lost").await, 0);
}

#[tokio::test]
async fn one_that_ignores_filters_has_them_applied_here() {
    let (gate, raw) = declaring(|_, _| Act::Sound).await;
    for _ in 0..4 {
        whole(&gate, "a filter ignored").await;
    }
    assert!(asked_by_filters(&raw) == 4 && times(&gate, "lost").await == 0);
}

type Failing = fn() -> Act;

#[tokio::test]
async fn one_that_cannot_answer_by_a_filter_answers_without_in_the_same_request() {
    let fails: [(&str, Failing); 4] = [
        ("400", || {
            Act::Send(answer(
                "400 Bad Request",
                "content-type: application/fhir+json\r\n",
                r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-supported"}]}"#,
            ))
        }),
        ("an error in a searchset", || {
            let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid"}]}"#;
            Act::Send(ok(searchset(&[outcome.to_owned()], "")))
        }),
        ("500", || Act::Send(answer("500 Oh", "", ""))),
        ("silence", || Act::Silence),
    ];
    for (what, act) in fails {
        // before it is relied on, and after
        for later in [false, true] {
            let fails = Arc::new(AtomicBool::new(!later));
            let now = Arc::clone(&fails);
            let (gate, raw) = declaring(move |heard, sound| match now.load(Ordering::SeqCst) {
                true => act(),
                false => Act::Send(ok(searchset(&by_code(heard, sound).unwrap(), ""))),
            })
            .await;
            if later {
                whole(&gate, what).await;
                fails.store(true, Ordering::SeqCst);
            }
            for _ in 0..4 {
                whole(&gate, what).await;
            }
            assert_eq!(times(&gate, "refused").await, 1, "{what}");
            assert_eq!(asked_by_filters(&raw), 1 + usize::from(later), "{what}: left alone for a while");
        }
    }
}

#[tokio::test]
async fn what_is_no_statement_of_an_r4_server_has_nothing_asked_by_filters_and_delays_nobody() {
    let deep = format!("{}{}", r#"{"a":"#.repeat(500), "}".repeat(500));
    let huge = format!(r#"{{"resourceType":"CapabilityStatement","text":"{}"}}"#, "x".repeat(500_000));
    let true_one = statement(&["Patient", "Condition"]);
    let mut of_r5 = true_one.clone();
    of_r5["fhirVersion"] = json!("5.0.0");
    let mut of_no_patient = true_one.clone();
    of_no_patient["rest"][0]["resource"].as_array_mut().unwrap().remove(0);
    let words: [(&str, Vec<u8>); 9] = [
        ("a searchset", ok(searchset(&[], ""))),
        ("R5", ok(of_r5.to_string())),
        ("no Patient", ok(of_no_patient.to_string())),
        ("deep", ok(deep)),
        ("huge", ok(huge)),
        ("a page", answer("200 OK", "content-type: text/html\r\n", "<html>")),
        ("elsewhere", answer("302 Found", "location: http://127.0.0.1:1/\r\n", "")),
        ("404", answer("404 Not Found", "", "")),
        ("cut", ok(true_one.to_string())[..200].to_vec()),
    ];
    for (what, word) in words {
        let raw = Raw::start(LIAR).await;
        raw.does(move |heard, _| if heard.kind == "metadata" { Act::Send(word.clone()) } else { Act::Sound });
        let gate =
            Stage::new().set(REFRESH, 3_600).set("CAREGATE__FEDERATION__MAX_ANSWER_BYTES", 400_000).with(&raw).start();
        soon(what, async || raw.heard().iter().any(|heard| heard.kind == "metadata").then_some(())).await;
        for _ in 0..2 {
            whole(&gate, what).await;
        }
        assert_eq!(asked_by_filters(&raw), 0, "{what}");
        let asked: Vec<_> = raw.heard().into_iter().filter(|heard| heard.kind == "metadata").collect();
        assert!(asked.len() == 1 && !asked[0].head.to_lowercase().contains("x-request-id"), "{what}");
    }
    // one that takes for ever holds up neither the start nor an answer
    let raw = Raw::start(LIAR).await;
    raw.does(|heard, _| {
        if heard.kind == "metadata" { Act::Drip(vec![b'x'; 600], Duration::from_millis(100)) } else { Act::Sound }
    });
    let gate = Stage::new().set(REFRESH, 3_600).with(&raw).start();
    soon("asked", async || raw.heard().iter().any(|heard| heard.kind == "metadata").then_some(())).await;
    whole(&gate, "slow").await;
    assert_eq!(asked_by_filters(&raw), 0);
}

#[tokio::test]
async fn a_provider_that_is_not_to_be_asked_by_filters_is_not() {
    let raw = Raw::start(LIAR).await;
    raw.does(|heard, _| match heard.kind.as_str() {
        "metadata" => Act::Send(ok(statement(&["Patient", "Condition"]).to_string())),
        _ => Act::Sound,
    });
    let url = format!("http://127.0.0.1:{}/fhir", raw.port);
    let gate = Stage::new().set(REFRESH, 3_600).set(TTL, 0).at(&raw, &url, "push_down = false").start();
    soon("declared", async || {
        metrics(&gate).await.contains("caregate_provider_declares{provider=\"RZ902\"}").then_some(())
    })
    .await;
    for _ in 0..3 {
        whole(&gate, "not to be asked").await;
    }
    assert_eq!(asked_by_filters(&raw), 0);
}

#[tokio::test]
async fn dates_are_asked_for_with_days_to_spare() {
    let raw = Raw::start(LIAR).await;
    raw.does(|heard, _| match heard.kind.as_str() {
        "metadata" => Act::Send(ok(statement(&["Patient", "Condition"]).to_string())),
        _ => Act::Sound,
    });
    let gate = stage(&raw, 0).await;
    for (filter, asked) in [
        ("recorded-date=2020-06-10", "recorded-date=ge2020-06-08&recorded-date=le2020-06-12"),
        ("recorded-date=gt2020-06", "recorded-date=ge2020-05-30"),
        ("recorded-date=le2020-06", "recorded-date=le2020-07-02"),
        ("recorded-date=lt2020-06-10T00:30:00%2B02:00", "recorded-date=le2020-06-11"),
        ("recorded-date=ne2020-06-10", ""),
        ("recorded-date=2020-06-10,2020-06-12", ""),
        ("onset-date=2020-06-10", ""),
        ("_lastUpdated=ge2020-06-10", ""),
        ("code=a%7Cb,c&recorded-date=ge2020-06-10", "code=a%7Cb%2Cc&recorded-date=ge2020-06-08"),
        ("code=%7Cb", ""),
        ("code=a%7C", ""),
        ("code=a%5C,b", ""),
        ("code=a,%7Cb", ""),
        ("code=nobody-has-this&identifier=x", "code=nobody-has-this"),
    ] {
        let before = raw.heard().len();
        gate.search(GP, &format!("Condition?{filter}"), patient_of(&gate)).await;
        let heard: Vec<_> = raw.heard()[before..].iter().filter(|one| one.kind == "Condition").cloned().collect();
        let by_filter: Vec<&str> =
            heard.iter().filter_map(|one| one.target.split_once("&").map(|(_, rest)| rest)).collect();
        let expected = format!("{asked}{}_count=200", if asked.is_empty() { "" } else { "&" });
        assert!(by_filter.contains(&expected.as_str()), "{filter}: {by_filter:?}");
        assert_eq!(by_filter.len(), 1 + usize::from(!asked.is_empty()), "{filter}: the whole beside it: {by_filter:?}");
    }
}

#[tokio::test]
async fn one_that_renumbers_its_patients_while_its_filters_are_checked_is_not_shut_out() {
    let (gate, raw) = declaring(|heard, sound| Act::Send(ok(searchset(&by_code(heard, sound).unwrap(), "")))).await;
    let patient = patient_of(&gate);
    // who the patient is there is remembered
    assert_eq!(gate.search(GP, "Procedure", patient).await.header("x-completeness"), "complete");
    renumbers(&raw, local(&gate, patient), true);
    whole(&gate, "its Patient was renumbered").await;
    assert!(!gate.stderr().contains("quarantined"));
}
