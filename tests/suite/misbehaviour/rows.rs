//! The rows: one provider does this, and this is what is told of it.

use super::{BAD, GP, all_withstood, in_entries, partial, patient_of, row, stage, stage::MARK, whole};
use crate::raw::{Act, Heard, Raw, Sound, answer, ok, searchset};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const FHIR: &str = "content-type: application/fhir+json\r\n";

/// A sound body, spoilt.
fn body(spoil: impl Fn(String) -> String + Send + Sync + 'static) -> impl Fn(&Heard, &Sound) -> Act {
    move |heard, sound| Act::Send(ok(spoil(sound.body(heard))))
}

fn always(bytes: Vec<u8>) -> impl Fn(&Heard, &Sound) -> Act {
    move |_, _| Act::Send(bytes.clone())
}

/// The entries, each spoilt.
fn each(spoil: impl Fn(&str) -> String + Send + Sync + 'static) -> impl Fn(&Heard, &Sound) -> Act {
    move |heard, sound| {
        let all: Vec<_> = sound.resources(heard).iter().map(|one| spoil(one)).collect();
        Act::Send(ok(searchset(&all, "")))
    }
}

/// One more member at the beginning of each resource.
fn with(member: &'static str) -> impl Fn(&str) -> String {
    move |resource| resource.replacen('{', &format!("{{{member},"), 1)
}

#[tokio::test]
async fn a_provider_that_does_not_come_to_an_end_is_waited_for_until_its_deadline_and_no_longer() {
    let impatient = || stage().set("CAREGATE__FEDERATION__DEADLINE_MS", 500);
    let rows = vec![
        row("timeout", "accepts and never answers", |_, _| Act::Silence),
        row("timeout", "a byte a second", |heard, sound| Act::Drip(ok(sound.body(heard)), Duration::from_secs(1))),
        row("timeout", "a page without end, a little at a time", |_, _| {
            let head = format!("HTTP/1.1 200 OK\r\n{FHIR}transfer-encoding: chunked\r\n\r\n");
            Act::Drip([head.as_bytes(), &b"1\r\n \r\n".repeat(1000)].concat(), Duration::from_millis(2))
        }),
    ];
    all_withstood(impatient, rows).await;
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_does_leaves_nothing_of_it() {
    let rows = vec![
        row("cut", "ends at once", always(Vec::new())),
        row("cut", "reset before a byte", |_, _| Act::Reset(Vec::new())),
        row("cut", "reset in the middle", |heard, sound| {
            let whole = ok(sound.body(heard).replace("\"id\"", &format!("\"_mark\":\"{MARK}\",\"id\"")));
            Act::Reset(whole[..whole.len() / 2 + 60].to_vec())
        }),
        row("cut", "a head that does not end", always(format!("HTTP/1.1 200 OK\r\nx: {MARK}").into_bytes())),
        row("cut", "a head of a megabyte", always(answer("200 OK", &format!("x: {}\r\n", MARK.repeat(40_000)), ""))),
        row("cut", "no HTTP", always(format!("SSH-2.0-{MARK}\r\n").into_bytes())),
        row("cut", "an end of chunks that does not come", |heard, sound| {
            let text = sound.body(heard);
            let head = format!("HTTP/1.1 200 OK\r\n{FHIR}transfer-encoding: chunked\r\n\r\n{:x}\r\n", text.len());
            Act::Send(format!("{head}{text}\r\n").into_bytes())
        }),
    ];
    all_withstood(stage, rows).await;
}

#[tokio::test]
async fn what_is_not_one_json_document_of_fhir_is_not_used() {
    let page = format!("<!DOCTYPE html><title>Sign in {MARK}</title>");
    let rows = vec![
        row("not-json", "truncated, of the right length", body(|text| text[..text.len() - 9].to_owned())),
        row("not-json", "nothing at all", always(ok(""))),
        row("not-json", "a byte too many", body(|text| format!("{text}x"))),
        row("not-json", "twice", body(|text| format!("{text}{text}"))),
        row("not-json", "a sign-in page", always(answer("200 OK", "content-type: text/html\r\n", &page))),
        row("not-json", "a sign-in page that says it is FHIR", always(ok(&page))),
        row(
            "not-json",
            "a bomb, declared",
            always(answer("200 OK", &format!("{FHIR}content-encoding: gzip\r\n"), [31, 139])),
        ),
        row("not-json", "a bomb, not declared", always(ok([31, 139, 8, 0, 0, 0, 0, 0]))),
        row("not-json", "STU3, declared", |heard, sound| {
            let declared = "content-type: application/fhir+json; fhirVersion=3.0\r\n";
            Act::Send(answer("200 OK", declared, sound.body(heard)))
        }),
        row("not-json", "R5, declared", |heard, sound| {
            let declared = "content-type: application/fhir+json; fhirVersion=5.0\r\n";
            Act::Send(answer("200 OK", declared, sound.body(heard)))
        }),
        row("not-json", "bad UTF-8", |heard, sound| {
            let text = sound.body(heard);
            Act::Send(ok([b"{\"language\":\"\xff\xfe\",", &text.as_bytes()[1..]].concat()))
        }),
        row("not-json", "a byte order mark", body(|text| format!("\u{feff}{text}"))),
        row("not-json", "a NUL", body(|text| text.replacen('{', "{\"language\":\"\0\",", 1))),
        row("not-json", "half a surrogate pair", body(|text| text.replacen('{', r#"{"language":"\ud800","#, 1))),
        row("not-json", "a key twice", each(with(r#""id":"canary-misbehaviour-4b1f""#))),
        in_entries("not-json", "two subjects", |heard, sound| {
            let other = r#""subject":{"reference":"Patient/canary-misbehaviour-4b1f"}"#;
            let all: Vec<_> = sound.resources(heard).iter().map(|one| with(other)(one)).collect();
            Act::Send(ok(searchset(&all, "")))
        }),
    ];
    all_withstood(stage, rows).await;
}

#[tokio::test]
async fn what_is_no_searchset_of_what_was_asked_for_is_not_used() {
    let outcome = |severity: &str| {
        let issue = format!(r#"{{"severity":"{severity}","code":"exception","diagnostics":"{MARK}"}}"#);
        format!(r#"{{"resourceType":"OperationOutcome","issue":[{issue}]}}"#)
    };
    let (root, fatal, error) = (outcome("error"), outcome("fatal"), outcome("error"));
    let rows = vec![
        row("not-searchset", "an outcome in the Bundle's place", always(ok(root))),
        row("not-searchset", "a collection", body(|text| text.replacen("searchset", "collection", 1))),
        row("not-searchset", "the Patient itself", |heard, sound| {
            Act::Send(ok(sound.resources(heard).first().cloned().unwrap_or_default()))
        }),
        row("missing-pages", "a total of more than came, and no further page", |heard, sound| {
            Act::Send(ok(searchset(&sound.resources(heard), r#","total":99999"#)))
        }),
        row("missing-pages", "the first page over again in place of the second", |heard, sound| {
            let own = sound.resources(heard);
            let more = match heard.query.contains_key("again") {
                true => String::new(),
                false => format!(r#","link":[{{"relation":"next","url":"{}&again"}}]"#, heard.target),
            };
            Act::Send(ok(searchset(&own, &format!(r#","total":{}{more}"#, own.len() * 2))))
        }),
        row("not-searchset", "a total that is a string", |heard, sound| {
            Act::Send(ok(searchset(&sound.resources(heard), r#","total":"99999""#)))
        }),
        row("not-searchset", "a total that is a decimal", |heard, sound| {
            Act::Send(ok(searchset(&sound.resources(heard), r#","total":99999.0"#)))
        }),
        row("search-failed", "a fatal outcome among the entries", move |heard, sound| {
            let all = [sound.resources(heard), vec![fatal.clone()]].concat();
            Act::Send(ok(searchset(&all, "")))
        }),
        row("search-failed", "an error among the entries", move |heard, sound| {
            let all = [sound.resources(heard), vec![error.clone()]].concat();
            Act::Send(ok(searchset(&all, "")))
        }),
        row("search-failed", "a mild word that not all is there", |heard, sound| {
            let said = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"incomplete"}]}"#;
            Act::Send(ok(searchset(&[sound.resources(heard), vec![said.to_owned()]].concat(), "")))
        }),
        in_entries(
            "unexpected-entry",
            "another type",
            each(|one| one.replacen("\"Procedure\"", "\"Immunization\"", 1)),
        ),
        in_entries(
            "unexpected-entry",
            "STU3: a type that R4 has not",
            each(|one| one.replacen("\"Procedure\"", "\"ReferralRequest\"", 1)),
        ),
        in_entries("no-subject", "it names no patient", each(|one| one.replace("\"subject\"", "\"_subject\""))),
        in_entries("conflicting-ids", "an id twice, with two contents", |heard, sound| {
            let own = sound.resources(heard);
            let other: Vec<_> =
                own.iter().map(|one| with(r#""_mark":{"id":"canary-misbehaviour-4b1f"}"#)(one)).collect();
            Act::Send(ok(searchset(&[own, other].concat(), "")))
        }),
    ];
    all_withstood(stage, rows).await;
}

#[tokio::test]
async fn an_answer_that_costs_more_than_is_accepted_is_given_up() {
    let tree = |inner: String| format!(r#"{{"resourceType":"Basic","id":"1","{MARK}":{inner}}}"#);
    let page = move |inner: String| always(ok(searchset(&[tree(inner)], "")));
    let rows = vec![
        row("too-large", "over the cap, and says so", always(ok(" ".repeat(400_001)))),
        row("too-large", "over the cap, in chunks", |_, _| {
            let chunk = [&b"10000\r\n"[..], &[b' '; 0x10000], b"\r\n"].concat().repeat(8);
            let head = format!("HTTP/1.1 200 OK\r\n{FHIR}transfer-encoding: chunked\r\n\r\n");
            Act::Send([head.as_bytes(), &chunk].concat())
        }),
        row("too-large", "says it is over the cap", |heard, sound| {
            let head = format!("HTTP/1.1 200 OK\r\n{FHIR}content-length: 99999999999\r\n\r\n");
            Act::Send(format!("{head}{}", sound.body(heard)).into_bytes())
        }),
        row("too-large", "tiny nodes", page(format!("[{}0]", "0,".repeat(20_000)))),
        row("too-large", "deep", page(format!("{}{}", "[".repeat(200), "]".repeat(200)))),
        row("too-large", "deeper than any stack", page("[".repeat(150_000))),
    ];
    all_withstood(stage, rows).await;
}

#[tokio::test]
async fn pages_that_lead_nowhere_are_not_followed() {
    let next = |url: &str| format!(r#","link":[{{"relation":"next","url":"{url}"}}]"#);
    let paged = move |url: &'static str| {
        move |heard: &Heard, sound: &Sound| Act::Send(ok(searchset(&sound.resources(heard), &next(url))))
    };
    let mut rows = vec![
        in_entries("too-many-pages", "the page after this is this", paged("?page=1")),
        in_entries("too-many-pages", "there is always a page more", move |heard, _| {
            Act::Send(ok(searchset(&[], &next(&format!("{}&more", heard.target)))))
        }),
        in_entries("not-searchset", "its own page is not there", move |heard, sound| match heard.query.get("page") {
            None => Act::Send(ok(searchset(&sound.resources(heard), &next("?page=2")))),
            Some(_) => Act::Send(answer("404 Not Found", FHIR, MARK)),
        }),
    ];
    for url in [
        "//evil.example/fhir/Procedure",
        "http://user:secret@127.0.0.1/fhir",
        "/control",
        "file:///etc/passwd",
        "http://[",
    ] {
        rows.push(in_entries("foreign-page", url, paged(url)));
    }
    all_withstood(stage, rows).await;
}

#[tokio::test]
async fn another_host_that_it_points_to_is_never_asked_nor_sent_a_credential() {
    let trap = Raw::start("RZ903").await;
    let elsewhere = format!("http://127.0.0.1:{}/fhir/Procedure?{MARK}", trap.port);
    let mut rows = Vec::new();
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let headers = format!("location: {elsewhere}\r\n");
        rows.push(row("redirected", status, always(answer(status, &headers, ""))));
    }
    let next = format!(r#","link":[{{"relation":"next","url":"{elsewhere}"}}]"#);
    rows.push(in_entries("foreign-page", "the next page is another's", move |heard, sound| {
        Act::Send(ok(searchset(&sound.resources(heard), &next)))
    }));
    all_withstood(stage, rows).await;
    assert_eq!(trap.connections(), 0);
}

/// Its 401 is about the gateway's credential: to the user it is one source that is missing.
#[tokio::test]
async fn an_error_of_its_own_is_told_as_its_own_and_never_as_the_users() {
    let says = |status: &'static str| always(answer(status, FHIR, format!("{{\"{MARK}\":1}}")));
    let mut rows = Vec::new();
    for status in [
        "204 No Content",
        "206 Partial Content",
        "400 Bad Request",
        "404 Not Found",
        "500 Server Error",
        "501 Not Implemented",
        "502 Bad Gateway",
        "503 Unavailable",
        "504 Timeout",
        "599 canary-misbehaviour-4b1f",
    ] {
        rows.push(row("status", status, says(status)));
    }
    for status in ["401 Unauthorized", "403 Forbidden"] {
        rows.push(row("credential-refused", status, says(status)));
    }
    rows.push(row("throttled", "429, without a word on when", says("429 Too Many")));
    for said in ["-1", "", "soon canary-misbehaviour-4b1f", "0", "Sun, 06 Nov 1994 08:49:37 GMT", "1e9"] {
        for (status, failure) in [("429 Too Many", "throttled"), ("503 Unavailable", "status")] {
            let headers = format!("{FHIR}retry-after: {said}\r\n");
            rows.push(row(
                failure,
                "asks for nothing that would keep it from being asked",
                always(answer(status, &headers, "")),
            ));
        }
    }
    all_withstood(stage, rows).await;
}

#[tokio::test]
async fn a_body_cut_at_any_byte_is_an_answer_that_is_not_there() {
    let raw = Raw::start(BAD).await;
    let never_remembers =
        stage().set("CAREGATE__FEDERATION__TTL_SECONDS", 0).set("CAREGATE__FEDERATION__PATIENT_TTL_SECONDS", 0);
    let gate = never_remembers.with(&raw).start();
    let patient = patient_of(&gate);
    let length = Arc::new(AtomicUsize::new(0));
    let measured = Arc::clone(&length);
    raw.does(move |heard, sound| {
        measured.store(sound.body(heard).len(), SeqCst);
        Act::Sound
    });
    whole(&gate, "Procedure", patient, "nothing yet").await;
    let length = length.load(SeqCst);
    let some = (0..6).chain((6..length - 6).step_by((length / 24).max(1))).chain(length - 6..length);
    for at in some {
        for (failure, of_the_right_length) in [("not-json", true), ("cut", false)] {
            raw.does(move |heard, sound| {
                let text = sound.body(heard);
                match heard.kind.as_str() {
                    "Procedure" if of_the_right_length => Act::Send(ok(&text[..at])),
                    "Procedure" => Act::Send(ok(&text)[..ok(&text).len() - text.len() + at].to_vec()),
                    _ => Act::Sound,
                }
            });
            let answer = gate.search(GP, "Procedure", patient).await;
            partial(&gate, &answer, "Procedure", patient, "incomplete", failure).await;
        }
        raw.recovers();
        whole(&gate, "Procedure", patient, "a cut").await;
    }
}
