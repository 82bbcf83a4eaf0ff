//! Documents: whoever may see what refers to one is sent the source's own bytes, as it declares them; nobody else is, and
//! none is fetched from anywhere else.

use crate::{
    claims::claim,
    harness::{Answer, Gate, NHS, Setup, canary, on_each_database, own, shared, soon, source_of},
    objections::{one_source, recorded, whole_record},
};
use caregate::{
    audit::{Kind, shown},
    domain::NhsNumber,
};
use data_encoding::BASE64;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const GP: &str = "gp-saltmarsh";
const ESTUARY: &str = "RZ901";

/// An attachment of the record: what refers to it, its address there, and what its source holds.
struct Attachment {
    source: String,
    title: String,
    url: String,
    /// `Binary/ID`, as the source calls it; another address as it is.
    local: String,
}

async fn attachments(gate: &Gate, persona: &str, kind: &str, patient: NhsNumber) -> Vec<Attachment> {
    let path = if kind == "DocumentReference" { "/content/0/attachment" } else { "/presentedForm/0" };
    let mut found = Vec::new();
    for resource in gate.search(persona, kind, patient).await.matches() {
        let Some(attachment) = resource.pointer(path) else { continue };
        let source = source_of(&resource);
        let theirs = gate.provider(&source).of_type(kind).iter().find(|one| one.json.contains(&canary(&resource)));
        let theirs: Value = serde_json::from_str(&theirs.unwrap().json).unwrap();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let url = text(attachment, "url");
        assert!(url.starts_with(&format!("{}/fhir/Binary/", gate.url)), "{url}");
        let local = text(theirs.pointer(path).unwrap(), "url");
        found.push(Attachment { source, title: text(attachment, "title"), url, local });
    }
    found
}

/// This document of the hospital's.
async fn of_estuary(gate: &Gate, title: &str, patient: NhsNumber) -> Attachment {
    let mut all = attachments(gate, GP, "DocumentReference", patient).await.into_iter();
    all.find(|one| one.source == ESTUARY && one.title == title).expect(title)
}

/// The media type and the bytes of what the source holds.
fn held(gate: &Gate, document: &Attachment) -> (String, String) {
    let id = document.local.strip_prefix("Binary/").unwrap();
    let binary: Value =
        serde_json::from_str(&gate.provider(&document.source).find("Binary", id).unwrap().json).unwrap();
    let bytes = BASE64.decode(binary["data"].as_str().unwrap().as_bytes()).unwrap();
    (binary["contentType"].as_str().unwrap().to_owned(), String::from_utf8(bytes).unwrap())
}

async fn asked_as(gate: &Gate, url: &str, accept: &str) -> RequestBuilder {
    gate.request(Method::GET, url).bearer_auth(gate.token(GP).await).header("accept", accept)
}

fn hospital_patient(gate: &Gate) -> NhsNumber {
    gate.shared_with("F99001", "estuary")[0]
}

/// A place where a document could be fetched from, which counts who comes.
async fn elsewhere() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/fhir", listener.local_addr().unwrap());
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, came)
}

#[tokio::test]
async fn a_document_is_its_sources_own_bytes_as_declared_and_a_row_says_which() {
    let gate = shared().await;
    let patient = gate.data.patients.iter().max_by_key(|patient| patient.held_by.len()).unwrap().nhs_number;
    let mut types = Vec::new();
    for kind in ["DocumentReference", "DiagnosticReport"] {
        for document in attachments(&gate, GP, kind, patient).await {
            if !document.local.starts_with("Binary/") {
                continue;
            }
            let (content_type, bytes) = held(&gate, &document);
            let answer = gate.get(GP, &document.url).await;
            assert_eq!((answer.status, &answer.text), (200, &bytes), "{}", document.title);
            let length = bytes.len().to_string();
            for (name, value) in [
                ("content-type", content_type.as_str()),
                ("content-length", &length),
                ("content-disposition", if content_type == "text/html" { "attachment" } else { "inline" }),
                ("content-security-policy", "sandbox; default-src 'none'"),
                ("x-content-type-options", "nosniff"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(answer.header(name), value, "{name} of {}", document.title);
            }
            let row = gate.closing(&answer).await;
            let path = document.url.strip_prefix(&format!("{}/fhir/", gate.url)).unwrap();
            assert_eq!((row.kind, row.interaction.as_str(), row.request.as_str()), (Kind::Released, "read", path));
            assert_eq!((row.patient, row.resource_type.as_deref()), (Some(patient), Some(kind)));
            let screens = shown::release(gate.audit().await, answer.request_id()).await.unwrap();
            let [item] = screens[0].shown.as_slice() else { panic!("{:?}", screens[0].shown) };
            assert_eq!((item.source.as_str(), &item.reference), (document.source.as_str(), &document.local));
            let viewers =
                shown::shown(gate.audit().await, item.source, std::slice::from_ref(&document.local), Some(patient))
                    .await
                    .unwrap();
            assert!(viewers.iter().any(|viewer| viewer.request_id == answer.request_id()));
            types.push(content_type);
        }
    }
    types.sort();
    types.dedup();
    assert_eq!(types, ["application/pdf", "text/html", "text/plain"]);
}

#[tokio::test]
async fn where_fhir_is_asked_for_a_document_comes_as_a_binary_and_in_no_form_that_is_not_taken() {
    let gate = shared().await;
    let patient = hospital_patient(&gate);
    let document = of_estuary(&gate, "Clinic letter", patient).await;
    let (content_type, bytes) = held(&gate, &document);
    for (url, accept) in [
        (document.url.clone(), "application/fhir+json"),
        (document.url.clone(), "application/fhir+json, */*;q=0.1"),
        (format!("{}?_format=json", document.url), "application/pdf"),
    ] {
        let answer = Answer::of(asked_as(&gate, &url, accept).await).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/fhir+json; charset=utf-8"));
        assert_eq!(answer.header("content-length"), answer.text.len().to_string());
        let binary = answer.json();
        assert_eq!((&binary["resourceType"], &binary["contentType"]), (&json!("Binary"), &json!(content_type)));
        assert!(document.url.ends_with(binary["id"].as_str().unwrap()) && source_of(&binary) == ESTUARY);
        assert_eq!(BASE64.decode(binary["data"].as_str().unwrap().as_bytes()).unwrap(), bytes.as_bytes());
        let context = gate.get(GP, binary["securityContext"]["reference"].as_str().unwrap()).await;
        assert!(context.status == 200 && context.text.contains(&document.url), "{}", context.text);
    }
    for accept in ["application/pdf", "application/*", "*/*", "text/html,application/xml;q=0.9,*/*;q=0.8"] {
        let answer = Answer::of(asked_as(&gate, &document.url, accept).await).await;
        assert_eq!((answer.status, answer.header("content-type"), &answer.text), (200, &*content_type, &bytes));
    }
    for accept in ["image/png", "application/fhir+xml"] {
        let answer = Answer::of(asked_as(&gate, &document.url, accept).await).await;
        gate.ends(&answer, 406, "not-supported", Kind::Failed, "not-acceptable").await;
    }
    let answer = gate.get(GP, &format!("{}?_format=xml", document.url)).await;
    gate.ends(&answer, 406, "not-supported", Kind::Failed, "request").await;
}

#[tokio::test]
async fn a_document_is_shown_only_while_all_that_refers_to_it_is() {
    for gate in on_each_database().await {
        let patient = gate
            .shared_with("F99001", "quietwater")
            .into_iter()
            .find(|one| gate.shared_with("F99001", "estuary").contains(one));
        let patient = patient.expect("somebody both hold");
        let letter = of_estuary(&gate, "Discharge letter", patient).await;
        let all = attachments(&gate, GP, "DocumentReference", patient).await;
        let labelled = all.iter().find(|one| one.source == "RZ903").expect("a letter of the clinic's");
        assert_eq!(gate.get(GP, &labelled.url).await.status, 200, "a practice may see its own patient's");

        // another's patient: the id is known, and tells nothing
        let stranger = gate.get("gp-blackwater", &letter.url).await;
        gate.ends(&stranger, 403, "forbidden", Kind::Refused, "access-denied").await;
        assert_eq!(claim(&gate, "consultant-estuary", patient).await.status, 201);
        assert_eq!(gate.get("consultant-estuary", &letter.url).await.status, 200);
        let restricted = gate.get("consultant-estuary", &labelled.url).await;
        gate.ends(&restricted, 404, "not-found", Kind::Failed, "not-found").await;
        // the kind that refers to it, and the document itself: a token must name both
        for scope in ["user/Binary.r", "user/DocumentReference.rs"] {
            let token = gate.token_with(GP, &[("scope", scope)]).await;
            let answer = Answer::of(gate.request(Method::GET, &letter.url).bearer_auth(token)).await;
            gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
        }

        let mut documents = whole_record(patient);
        documents["provision"]["class"] = json!([{"system": "http://hl7.org/fhir/resource-types", "code": "Binary"}]);
        let asked = gate.asked("estuary").await["types"]["Binary"].clone();
        for objection in [documents, one_source(patient, ESTUARY)] {
            let id = recorded(&gate, patient, &objection).await;
            let answer = gate.get(GP, &letter.url).await;
            gate.ends(&answer, 404, "not-found", Kind::Failed, "not-found").await;
            crate::objections::withdrawn(&gate, patient, &id, &objection).await;
        }
        recorded(&gate, patient, &whole_record(patient)).await;
        let answer = gate.get(GP, &letter.url).await;
        gate.ends(&answer, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
        assert_eq!(gate.asked("estuary").await["types"]["Binary"], asked, "what may not be shown is not fetched");
    }
}

#[tokio::test]
async fn an_id_that_is_no_documents_leads_nowhere() {
    let gate = shared().await;
    let patient = hospital_patient(&gate);
    let entry = gate.search(GP, "DocumentReference", patient).await.match_ids().swap_remove(0);
    let answer = gate.get(GP, &format!("Binary/{entry}")).await;
    gate.ends(&answer, 404, "not-found", Kind::Failed, "not-found").await;
    let document = of_estuary(&gate, "Leaflet", patient).await;
    let id = document.url.rsplit('/').next().unwrap();
    let answer = gate.get(GP, &format!("DocumentReference/{id}")).await;
    gate.ends(&answer, 404, "not-found", Kind::Failed, "not-found").await;
    let mut bodies = std::collections::BTreeSet::new();
    for id in ["1", "no-such-thing", "%2525", &"A".repeat(32), &"A".repeat(43), &"x".repeat(500)] {
        let answer = gate.get(GP, &format!("Binary/{id}")).await;
        gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
        bodies.insert(answer.text);
    }
    bodies.insert(gate.get("gp-blackwater", &document.url).await.text);
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
}

#[tokio::test]
async fn a_document_kept_elsewhere_is_never_fetched_and_no_redirect_is_followed() {
    let gate = own().await;
    let patient = hospital_patient(&gate);
    let (base, came) = elsewhere().await;
    gate.fault("estuary", json!({"fault": "attachments", "base": base, "types": ["DocumentReference"]})).await;
    for title in ["Discharge letter", "Old notes"] {
        let document = of_estuary(&gate, title, patient).await;
        let answer = gate.get(GP, &document.url).await;
        gate.ends(&answer, 404, "not-found", Kind::Failed, "document-elsewhere").await;
        assert_ne!(answer.spine(), "", "{}", answer.text);
        let row = gate.closing(&answer).await;
        let line = row.sources.iter().find(|line| line.source.as_str() == ESTUARY).unwrap();
        assert_eq!((line.outcome.as_str(), line.reason.as_deref()), ("failed", Some("elsewhere")));
    }
    let report =
        attachments(&gate, GP, "DiagnosticReport", patient).await.into_iter().find(|one| one.source == ESTUARY);
    let fault = json!({"fault": "error", "status": 302, "location": base, "types": ["Binary"]});
    gate.fault("estuary", fault).await;
    let answer = gate.get(GP, &report.unwrap().url).await;
    gate.ends(&answer, 502, "incomplete", Kind::Failed, "providers-failed").await;
    assert_eq!(came.load(Ordering::SeqCst), 0);
}

/// What answers there is another person's, which nobody has looked at.
#[tokio::test]
async fn an_address_at_which_records_are_found_is_no_documents_and_is_never_fetched() {
    let gate = own().await;
    let own = gate.providers["estuary"].clone();
    let [patient, other] = gate.shared_with("F99001", "estuary")[..2] else { panic!("two of the hospital's") };
    let theirs = gate.search(GP, "Observation", other).await.matches();
    let theirs = theirs.iter().find(|one| source_of(one) == ESTUARY).map(canary).unwrap();
    let held = gate.provider(ESTUARY).of_type("Observation").iter().find(|one| one.json.contains(&theirs)).unwrap();
    for base in [
        format!("{own}/Observation?patient.identifier={NHS}|{}&_x=", other.digits()),
        format!("{own}/Observation/{}#", held.id),
        format!("{own}/files/..%2fObservation/{}#", held.id),
        format!("{own}/$everything#"),
    ] {
        gate.fault("estuary", json!({"fault": "attachments", "base": base, "types": ["DocumentReference"]})).await;
        let document = of_estuary(&gate, "Discharge letter", patient).await;
        gate.lift("estuary").await;
        let asked = gate.asked("estuary").await["requests"].clone();
        let answer = gate.get(GP, &document.url).await;
        gate.ends(&answer, 404, "not-found", Kind::Failed, "document-elsewhere").await;
        assert_eq!(gate.asked("estuary").await["requests"], asked, "{base}");
    }
}

#[tokio::test]
async fn the_documents_of_one_slow_source_are_few_until_they_end_and_hold_up_nothing_else_of_it() {
    let places = "CAREGATE__FEDERATION__MAX_CALLS_PER_PROVIDER";
    let gate = Setup::default().set(places, 2).set("CAREGATE__FEDERATION__DEADLINE_MS", 6000).start();
    let patient = hospital_patient(&gate);
    let document = of_estuary(&gate, "Clinic letter", patient).await;
    gate.fault("estuary", json!({"fault": "stall", "bytes": 100, "types": ["Binary"]})).await;
    let first = asked_as(&gate, &document.url, "*/*").await.send().await.unwrap();
    assert_eq!(first.status(), 200);
    let before = gate.asked("estuary").await["types"]["Binary"].clone();
    let second = tokio::spawn(Answer::of(asked_as(&gate, &document.url, "*/*").await));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(gate.asked("estuary").await["types"]["Binary"], before, "the one place is held until the body ends");
    assert!(!second.is_finished());
    assert_eq!(gate.search(GP, "Procedure", patient).await.header("x-completeness"), "complete");
    second.abort();
    drop(first);
}

#[tokio::test]
async fn an_address_below_the_base_is_fetched_however_it_is_written_and_however_long_it_is() {
    for gate in on_each_database().await {
        let own = gate.providers["estuary"].clone();
        let patients = gate.shared_with("F99001", "estuary");
        // the second is too long for an id, which is a digest with a stored row then
        for (base, patient) in [own.clone(), format!("{own}/././.")].into_iter().zip(patients) {
            gate.fault("estuary", json!({"fault": "attachments", "base": base})).await;
            let document = of_estuary(&gate, "Clinic letter", patient).await;
            gate.lift("estuary").await;
            let answer = gate.get(GP, &document.url).await;
            assert_eq!((answer.status, &answer.text), (200, &held(&gate, &document).1), "{base}");
            let stranger = gate.get("gp-blackwater", &document.url).await;
            gate.ends(&stranger, 403, "forbidden", Kind::Refused, "access-denied").await;
        }
    }
}

#[tokio::test]
async fn what_a_source_answers_instead_of_the_document_is_not_passed_on() {
    let gate = Setup::default()
        .set("CAREGATE__FEDERATION__DEADLINE_MS", 1500)
        .set("CAREGATE__FEDERATION__MAX_ANSWER_BYTES", 1 << 20)
        .start();
    let patient = hospital_patient(&gate);
    let document = of_estuary(&gate, "Clinic letter", patient).await;
    let (content_type, bytes) = held(&gate, &document);
    let with = async |fault: Value| {
        let mut order = fault.clone();
        order["types"] = json!(["Binary"]);
        gate.fault("estuary", order).await;
        gate.get(GP, &document.url).await
    };
    for (fault, status, code) in [
        (json!({"fault": "garbage"}), 502, "incomplete"),
        (json!({"fault": "outcome"}), 502, "incomplete"),
        (json!({"fault": "error", "status": 500}), 502, "incomplete"),
        (json!({"fault": "error", "status": 401}), 502, "incomplete"),
        (json!({"fault": "cut", "bytes": 0}), 502, "incomplete"),
        (json!({"fault": "huge", "megabytes": 2}), 502, "too-costly"),
        (json!({"fault": "black-hole"}), 504, "timeout"),
        (json!({"fault": "error", "status": 404}), 404, "not-found"),
    ] {
        let answer = with(fault.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{fault}: {}", answer.text);
        assert_eq!(gate.closing(&answer).await.kind, Kind::Failed, "{fault}");
    }
    // as a resource, or in chunks: the same document
    for fault in [json!({"fault": "wrapped"}), json!({"fault": "chunked"})] {
        let answer = with(fault.clone()).await;
        assert_eq!(
            (answer.status, answer.header("content-type"), &answer.text),
            (200, &*content_type, &bytes),
            "{fault}"
        );
    }
    // a failure was not remembered, and neither is a document: each read asked for it
    gate.lift("estuary").await;
    let before = gate.asked("estuary").await["types"]["Binary"].as_u64().unwrap();
    for _ in 0..2 {
        assert_eq!(gate.get(GP, &document.url).await.text, bytes);
    }
    assert_eq!(gate.asked("estuary").await["types"]["Binary"].as_u64(), Some(before + 2));
}

#[tokio::test]
async fn a_document_that_breaks_off_never_looks_whole_and_is_released_first() {
    let gate = Setup::default().set("CAREGATE__FEDERATION__DEADLINE_MS", 1500).start();
    let patient = hospital_patient(&gate);
    let document = of_estuary(&gate, "Clinic letter", patient).await;
    for fault in [
        json!({"fault": "cut", "bytes": 100}),
        json!({"fault": "chunked", "cut": 100}),
        json!({"fault": "stall", "bytes": 100}),
    ] {
        for accept in ["*/*", "application/fhir+json"] {
            let mut order = fault.clone();
            order["types"] = json!(["Binary"]);
            gate.fault("estuary", order).await;
            let response = asked_as(&gate, &document.url, accept).await.send().await.unwrap();
            assert_eq!(response.status(), 200, "{fault}");
            let answer = Answer { status: 200, headers: response.headers().clone(), text: String::new() };
            // its headers are here, and its row is there
            assert_eq!(gate.closing(&answer).await.kind, Kind::Released, "{fault}");
            assert!(response.bytes().await.is_err(), "{fault} {accept}: it must not look whole");
        }
    }
    soon("the log tells", async || gate.stderr().contains("did not pass whole").then_some(())).await;
    assert!(!gate.stderr().contains("canary"));
}

#[tokio::test]
async fn a_document_past_the_cap_is_refused_or_breaks_off() {
    let gate = Setup::default().set("CAREGATE__FEDERATION__MAX_DOCUMENT_BYTES", 200).start();
    let patient = hospital_patient(&gate);
    let (pdf, letter) =
        (of_estuary(&gate, "Clinic letter", patient).await, of_estuary(&gate, "Discharge letter", patient).await);
    let answer = gate.get(GP, &pdf.url).await;
    gate.ends(&answer, 502, "too-costly", Kind::Failed, "document-too-large").await;
    assert_eq!(gate.get(GP, &letter.url).await.text, held(&gate, &letter).1);
    gate.fault("estuary", json!({"fault": "chunked", "types": ["Binary"]})).await;
    let response = asked_as(&gate, &pdf.url, "*/*").await.send().await.unwrap();
    assert!(response.status() == 502 || response.bytes().await.is_err(), "of no declared length");
}

#[tokio::test]
async fn without_its_row_not_a_byte_of_a_document_is_sent() {
    let server = crate::postgres::Postgres::start(&[]);
    let gate =
        Setup::default().database(server.database().await).set("CAREGATE__AUDIT__COMMIT_TIMEOUT_MS", 700).start();
    let patient = hospital_patient(&gate);
    let document = of_estuary(&gate, "Discharge letter", patient).await;
    let asked = gate.asked("estuary").await["types"]["Binary"].clone();
    server.down();
    let answer = gate.get(GP, &document.url).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "transient"), "{}", answer.text);
    assert!(!answer.text.contains("canary"));
    assert_eq!(gate.asked("estuary").await["types"]["Binary"], asked, "no provider hears of what the log does not");
    server.up();
    // the database gone while the document is on its way to the gateway
    soon("answers again", async || (gate.get(GP, &document.url).await.status == 200).then_some(())).await;
    gate.fault("estuary", json!({"fault": "delay", "milliseconds": 1500, "types": ["Binary"]})).await;
    let asking = asked_as(&gate, &document.url, "*/*").await;
    let answer = tokio::spawn(Answer::of(asking));
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.down();
    let answer = answer.await.unwrap();
    assert_eq!((answer.status, answer.text.contains("canary")), (503, false), "{}", answer.text);
}
