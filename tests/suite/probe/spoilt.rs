//! The table goes on: what answers say, and what they are as texts.

use super::{
    MARK,
    faults::{Row, all_are_warned_of, all_fail, body, in_entries, row},
    stand::{FHIR, Reply, patients, statement},
};
use crate::raw::{Act, Heard, answer, searchset};
use serde_json::json;

/// One more member at the beginning of each resource.
fn with(member: &'static str) -> impl Fn(String) -> String {
    move |text| text.replace(r#""resource":{"#, &format!(r#""resource":{{{member},"#))
}

fn nobody(heard: &Heard) -> bool {
    let known = patients().into_iter().map(|number| number.digits());
    let asked = heard.query.get("identifier");
    heard.kind == "Patient" && asked.is_some_and(|said| !known.into_iter().any(|digits| said.ends_with(&digits)))
}

#[tokio::test]
async fn what_is_not_one_json_document_of_fhir_fails_by_name() {
    let html = format!("<!DOCTYPE html><title>Sign in {MARK}</title>");
    let tree = |inner: String| searchset(&[format!(r#"{{"resourceType":"Condition","{MARK}":{inner}}}"#)], "");
    let (values, deep) = (tree(format!("[{}0]", "0,".repeat(200_000))), tree("[".repeat(150_000)));
    let declared = |check: &'static str, what: &'static str, headers: &'static str| {
        in_entries(check, what, move |_, _, reply| Reply { headers: headers.to_owned(), ..reply }.sent())
    };
    all_fail(vec![
        in_entries("content-type", "a sign-in page", move |_, _, _| {
            Act::Send(answer("200 OK", "content-type: text/html\r\n", &html))
        }),
        declared("content-type", "XML", "content-type: application/fhir+xml\r\n"),
        declared("content-type", "STU3", "content-type: application/fhir+json; fhirVersion=3.0\r\n"),
        declared("content-type", "nothing said", ""),
        declared("content-encoding", "gzip", "content-type: application/fhir+json\r\ncontent-encoding: gzip\r\n"),
        in_entries("body-size", "over the cap, and says so", |_, _, _| Reply::ok(" ".repeat(2_000_001)).sent()),
        in_entries("body-size", "over the cap, in chunks", |_, _, _| {
            let chunk = [&b"40000\r\n"[..], &[b' '; 0x40000], b"\r\n"].concat().repeat(9);
            let head = format!("HTTP/1.1 200 OK\r\n{FHIR}transfer-encoding: chunked\r\n\r\n");
            Act::Send([head.as_bytes(), &chunk].concat())
        }),
        in_entries("body-values", "tiny values", move |_, _, _| Reply::ok(values.clone()).sent()),
        in_entries("body-depth", "deeper than any stack", move |_, _, _| Reply::ok(deep.clone()).sent()),
        body("duplicate-keys", "two subjects", with(r#""subject":{"reference":"Patient/canary-misbehaviour-4b1f"}"#)),
        body("trailing-data", "twice", |text| format!("{text}{text}")),
        body("trailing-data", "a byte too many", |text| format!("{text}x")),
        body("not-json", "truncated, of the right length", |text| text[..text.len() - 9].to_owned()),
        body("not-json", "nothing at all", |_| String::new()),
        body("bad-text", "a byte order mark", |text| format!("\u{feff}{text}")),
        body("bad-text", "a NUL", |text| text.replacen('{', "{\"language\":\"\\u0000\",", 1)),
        body("bad-text", "half a surrogate pair", |text| text.replacen('{', r#"{"language":"\ud800","#, 1)),
        in_entries("bad-text", "bad UTF-8", |_, _, reply| {
            let spoilt = [b"{\"language\":\"\xff\xfe\",", &reply.body[1..]].concat();
            Reply { body: spoilt, ..reply }.sent()
        }),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_answer_to_what_was_asked_fails_by_name() {
    let fatal = json!({"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "diagnostics": MARK}]});
    all_fail(vec![
        in_entries("type-search", "500", |_, _, _| Reply::error("500 Server Error", "exception").sent()),
        body("type-search", "a collection", |text| text.replacen("searchset", "collection", 1)),
        body("type-search", "an outcome in the Bundle's place", |_| {
            r#"{"resourceType":"OperationOutcome"}"#.to_owned()
        }),
        body("type-entries", "it names no patient", |text| text.replace("\"subject\"", "\"_subject\"")),
        body("type-entries", "another type", |text| text.replacen("\"Condition\"", "\"Immunization\"", 1)),
        body("type-entries", "what nobody asked for comes along", |text| {
            text.replacen(r#"{"resource":{"#, r#"{"search":{"mode":"include"},"resource":{"#, 1)
        }),
        in_entries("conflicting-ids", "an id twice, with two contents", |heard, sound, _| {
            let own = sound.resources(heard);
            let other: Vec<_> = own.iter().map(|one| one.replacen('{', r#"{"_mark":{"id":"x"},"#, 1)).collect();
            Reply::ok(searchset(&[own, other].concat(), "")).sent()
        }),
        in_entries("search-failed", "a fatal outcome among the entries", move |heard, sound, _| {
            Reply::ok(searchset(&[sound.resources(heard), vec![fatal.to_string()]].concat(), "")).sent()
        }),
        in_entries("page-total", "a total of more than came", |heard, sound, _| {
            Reply::ok(searchset(&sound.resources(heard), r#","total":99999"#)).sent()
        }),
        row("patient-lookup", "nobody is found", |heard, _, _| {
            (heard.kind == "Patient").then(|| Reply::ok(searchset(&[], "")).sent())
        }),
        row("patient-unknown", "404 for a number nobody has", |heard, _, _| {
            nobody(heard).then(|| Reply::error("404 Not Found", "not-found").sent())
        }),
        row("patient-unknown", "anybody for a number nobody has", |heard, sound, _| {
            nobody(heard).then(|| Reply::ok(searchset(&sound.of_others(heard), "")).sent())
        }),
        row("credential-accepted", "403", |heard, _, _| {
            (heard.kind != "metadata").then(|| Reply::error("403 Forbidden", "forbidden").sent())
        }),
        row("connect", "nothing is answered", |_, _, _| Some(Act::Send(Vec::new()))),
    ])
    .await;
}

#[tokio::test]
async fn pages_that_lose_or_repeat_and_filters_that_lose_fail_by_name() {
    let small = |heard: &Heard| heard.query.get("_count").is_some_and(|count| count != "200");
    let later = |heard: &Heard| heard.query.get("offset").is_some_and(|offset| offset != "0");
    all_fail(vec![
        row("page-whole", "the second page lacks an entry", move |heard, _, reply| {
            (small(heard) && later(heard)).then(|| {
                let mut bundle: serde_json::Value = serde_json::from_str(&reply.text()).unwrap();
                bundle["entry"].as_array_mut().unwrap().remove(0);
                bundle.as_object_mut().unwrap().remove("total");
                let empty = bundle["entry"].as_array().unwrap().is_empty();
                if empty {
                    bundle.as_object_mut().unwrap().remove("entry");
                }
                Reply::ok(bundle.to_string()).sent()
            })
        }),
        row("page-whole", "the first page comes over again", move |heard, sound, reply| {
            (small(heard) && later(heard)).then(|| {
                let first = sound.resources(heard)[0].clone();
                reply
                    .edited(|text| text.replacen(r#""entry":["#, &format!(r#""entry":[{{"resource":{first}}},"#), 1))
                    .sent()
            })
        }),
        row("filter-keeps", "a filter that finds nothing", |heard, _, _| {
            heard.query.contains_key("code").then(|| Reply::ok(searchset(&[], "")).sent())
        }),
        row("filter-keeps", "a filter that is refused", |heard, _, _| {
            heard.query.contains_key("code").then(|| Reply::error("400 Bad Request", "not-supported").sent())
        }),
    ])
    .await;
}

#[tokio::test]
async fn what_a_server_says_of_itself_and_of_wrong_requests_fails_or_is_warned_of_by_name() {
    let said = |check: &'static str, what: &'static str, change: fn(&mut serde_json::Value)| -> Row {
        row(check, what, move |heard, _, _| {
            (heard.kind == "metadata").then(|| {
                let mut statement = statement();
                change(&mut statement);
                Reply::ok(statement.to_string()).sent()
            })
        })
    };
    let wrong = |heard: &Heard, reply: &Reply| heard.kind != "metadata" && reply.status.starts_with('4');
    let read = |heard: &Heard| heard.target.starts_with("/fhir/Patient/");
    all_fail(vec![
        said("statement", "another resource", |said| said["resourceType"] = json!("Basic")),
        said("statement-r4", "STU3", |said| said["fhirVersion"] = json!("3.0.2")),
        row("statement", "404", |heard, _, _| {
            (heard.kind == "metadata").then(|| Reply::error("404 Not Found", "not-found").sent())
        }),
        row("unknown-id", "some resource for an unknown id", move |heard, _, _| {
            read(heard).then(|| Reply::ok(r#"{"resourceType":"Patient"}"#).sent())
        }),
        row("unknown-id", "500 for an unknown id", move |heard, _, _| {
            read(heard).then(|| Reply::error("500 Server Error", "exception").sent())
        }),
        row("unknown-type", "an empty searchset for an unknown type", |heard, _, _| {
            (heard.kind == "NoSuchType").then(|| Reply::ok(searchset(&[], "")).sent())
        }),
    ])
    .await;
    all_are_warned_of(vec![
        said("statement-json", "XML alone", |said| said["format"] = json!(["xml"])),
        said("statement-types", "a type that is not claimed", |said| {
            said["rest"][0]["resource"].as_array_mut().unwrap().pop();
        }),
        row("credential-required", "it answers anybody", |heard, sound, reply| {
            (reply.status.starts_with("401")).then(|| Reply::ok(searchset(&sound.resources(heard), "")).sent())
        }),
        row("malformed-query", "everything for a value that cannot be read", |heard, sound, reply| {
            (reply.status.starts_with("400")).then(|| Reply::ok(searchset(&sound.resources(heard), "")).sent())
        }),
        row("error-outcome", "errors are pages", move |heard, _, reply| {
            wrong(heard, &reply).then(|| answer(reply.status, "content-type: text/html\r\n", MARK)).map(Act::Send)
        }),
        row("filter-narrows", "a filter without effect", |heard, sound, _| {
            heard.query.contains_key("code").then(|| Reply::ok(searchset(&sound.resources(heard), "")).sent())
        }),
        row("page-count", "_count is not heeded", |heard, sound, _| {
            let kind = heard.kind.as_str();
            let small = heard.query.get("_count").is_some_and(|count| count != "200");
            (small && kind != "Patient" && !heard.query.contains_key("onset-date"))
                .then(|| Reply::ok(searchset(&sound.resources(heard), "")).sent())
        }),
        body("attachment-elsewhere", "a file at another place", |text| {
            let file = r#""_mark":{"contentType":"text/plain","url":"https://elsewhere.example/file"}"#;
            text.replace(r#""resource":{"#, &format!(r#""resource":{{{file},"#))
        }),
    ])
    .await;
}
