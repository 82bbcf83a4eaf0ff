//! What the door makes of requests: the closed grammar, formats, methods, sizes. A 400 tells what was wrong, never
//! anything that is stored; and each request with a good token leaves one closing row.

use crate::{
    harness::{Answer, Gate, NHS, of_patient, shared},
    records::raw_matches,
};
use caregate::{api::ROUTES, audit::Kind, fhir::ResourceType};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, slice::from_ref};

const GP: &str = "gp-saltmarsh";

async fn sent(gate: &Gate, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = gate.request(method, path).bearer_auth(gate.token(GP).await);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(if body.is_empty() { request } else { request.body(body.to_owned()) }).await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn what_the_grammar_does_not_name_is_refused_and_never_ignored() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let person = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
    let number = format!("{NHS}%7C{}", patient.digits());
    let rows: &[(&str, u16, &str)] = &[
        // parameters
        ("&foo=1", 400, "not-supported"),
        ("&_include=Observation:subject", 400, "not-supported"),
        ("&_include:iterate=*", 400, "not-supported"),
        ("&_include=*", 400, "not-supported"),
        ("&_include=Observation:performer:Patient", 400, "not-supported"),
        ("&_include=Condition:encounter", 400, "not-supported"),
        ("&_INCLUDE=Observation:device", 400, "not-supported"),
        ("&_inc%256Cude=Observation:device", 400, "not-supported"),
        ("&_include:iterate=Observation:device", 400, "not-supported"),
        ("&_include:recurse=Observation:device", 400, "not-supported"),
        ("&_revinclude=*", 400, "not-supported"),
        ("&_revinclude=Observation:has-member", 400, "not-supported"),
        ("&_revinclude:iterate=Provenance:target", 400, "not-supported"),
        ("&_has:Group:member:_id=1", 400, "not-supported"),
        ("&%5Fhas:Group:member:_id=1", 400, "not-supported"),
        ("&_filter=code%20eq%201", 400, "not-supported"),
        ("&_query=everything", 400, "not-supported"),
        ("&_text=x", 400, "not-supported"),
        ("&_content=x", 400, "not-supported"),
        ("&_list=42", 400, "not-supported"),
        ("&_contained=both", 400, "not-supported"),
        ("&_containedType=contained", 400, "not-supported"),
        ("&_graph=1", 400, "not-supported"),
        ("&_Filter=code", 400, "not-supported"),
        ("&%EF%BC%BFfilter=code", 400, "not-supported"),
        ("&_elements:exclude=subject", 400, "not-supported"),
        ("&code:in=1", 400, "not-supported"),
        ("&code:not=1", 400, "not-supported"),
        ("&code:text=1", 400, "not-supported"),
        ("&c%256Fde=1", 400, "not-supported"),
        ("&CODE=1", 400, "not-supported"),
        ("&class=AMB", 400, "not-supported"),
        ("&clinical-status=active", 400, "not-supported"),
        ("&subject.name=Ashcombe", 400, "not-supported"),
        ("&patient.name=Ashcombe", 400, "not-supported"),
        ("&date:missing=true", 400, "not-supported"),
        ("&_id:not=1", 400, "not-supported"),
        ("&DATE=2020", 400, "not-supported"),
        ("&Patient=1", 400, "not-supported"),
        ("&_sort=code", 400, "not-supported"),
        ("&_sort=date,_lastUpdated", 400, "not-supported"),
        // values
        ("&_count=0", 400, "value"),
        ("&_count=-1", 400, "value"),
        ("&_count=1.5", 400, "value"),
        ("&_count=2147483648", 400, "value"),
        ("&_count=", 400, "value"),
        ("&date=yesterday", 400, "value"),
        ("&date=sa2020", 400, "value"),
        ("&date=2020-13", 400, "value"),
        ("&date=%EF%BC%92020", 400, "value"),
        ("&_id=a/b", 400, "value"),
        ("&_pretty=maybe", 400, "value"),
        ("&code=", 400, "value"),
        ("&code=%7C", 400, "value"),
        ("&code=a%7Cb%7Cc", 400, "value"),
        ("&code=a,,b", 400, "value"),
        ("&code=a%5Cb", 400, "value"),
        ("&_elements=code.coding", 400, "value"),
        ("&_elements=", 400, "value"),
        ("&_summary=maybe", 400, "value"),
        ("&_total=exact", 400, "value"),
        // saying it twice, or of two patients
        ("&_count=5&_count=5", 400, "invariant"),
        ("&_sort=date&_sort=-date", 400, "invariant"),
        ("&code=1&code=2", 400, "invariant"),
        ("&_elements=code&_summary=true", 400, "invariant"),
        ("&_summary=text&_include=Observation:device", 400, "invariant"),
        ("&patient=PERSON", 400, "invariant"),
        ("&patient.identifier=NUMBER", 400, "invariant"),
        ("&subject:identifier=NUMBER", 400, "invariant"),
        // spelling games
        ("&date=2020%00", 400, "structure"),
        ("&date=2020%0A", 400, "structure"),
        ("&date=%ff", 400, "structure"),
        ("&code=1%00", 400, "structure"),
        ("&co%00de=1", 400, "structure"),
        ("&date=%zz", 400, "structure"),
        ("&d%2561te=2020", 400, "not-supported"),
        ("&date=2020;_count=1", 400, "value"),
        // formats
        ("&_format=xml", 406, "not-supported"),
        ("&_format=application/fhir%2Bxml", 406, "not-supported"),
        ("&_format=html/json", 406, "not-supported"),
    ];
    for (more, status, code) in rows {
        let more = more.replace("PERSON", &person).replace("NUMBER", &number);
        let answer = gate.get(GP, &format!("Observation?patient.identifier={number}{more}")).await;
        gate.ends(&answer, *status, code, Kind::Failed, "request").await;
        assert!(
            !answer.text.contains(&patient.digits()) && !answer.text.contains("Ashcombe"),
            "{more}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn a_search_names_one_patient_and_names_them_rightly() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let digits = patient.digits();
    for (query, code, spine) in [
        ("Observation".to_owned(), "required", ""),
        ("Patient".to_owned(), "required", ""),
        ("Observation?date=2020".to_owned(), "required", ""),
        (format!("Observation?patient.identifier={digits}"), "value", "INVALID_IDENTIFIER_SYSTEM"),
        (
            format!("Observation?patient.identifier=https://example.org%7C{digits}"),
            "value",
            "INVALID_IDENTIFIER_SYSTEM",
        ),
        (format!("Observation?patient.identifier={NHS}%7C9991234560"), "value", "INVALID_NHS_NUMBER"),
        (format!("Observation?patient.identifier={NHS}%7C0000000000"), "value", "INVALID_NHS_NUMBER"),
        (format!("Observation?patient.identifier={NHS}%7C999%20001%202000"), "value", "INVALID_NHS_NUMBER"),
        (format!("Observation?patient.identifier={NHS}%7C{digits},{NHS}%7C{digits}"), "invariant", ""),
        ("Observation?patient=A,B".to_owned(), "invariant", ""),
        ("Observation?patient=https://elsewhere.example/fhir/Patient/1".to_owned(), "value", ""),
        ("Observation?patient=urn:uuid:0b0e1c4e-0000-4000-8000-000000000000".to_owned(), "value", ""),
        ("Observation?patient=Patient/1/_history/2".to_owned(), "value", ""),
        ("Observation?patient=Group/1".to_owned(), "value", ""),
        (format!("Patient?identifier={NHS}%7C{digits}&patient=1"), "not-supported", ""),
        ("Patient?name=Ashcombe".to_owned(), "not-supported", ""),
        ("Patient?birthdate=1948".to_owned(), "required", ""),
    ] {
        let answer = gate.get(GP, &query).await;
        gate.ends(&answer, 400, code, Kind::Failed, "request").await;
        assert_eq!(answer.spine(), spine, "{query}");
        assert_eq!(gate.closing(&answer).await.patient, None);
    }
}

#[tokio::test]
async fn there_is_nothing_at_other_paths_and_other_methods_are_refused() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let person = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
    for (method, path, status, code) in [
        ("GET", "", 404, "not-supported"),
        ("GET", "RelatedPerson/1", 404, "not-supported"),
        ("GET", "Group?member=1", 404, "not-supported"),
        ("GET", "Bundle/1", 404, "not-supported"),
        ("GET", "Substance", 404, "not-supported"),
        ("GET", "observation?patient=1", 404, "not-supported"),
        ("GET", "Observation%20?patient=1", 404, "not-supported"),
        ("GET", "%4fbservation?patient=1", 404, "not-supported"),
        ("GET", "Observation/1/_history/1", 404, "not-supported"),
        ("GET", "Observation/_history", 404, "not-supported"),
        ("GET", "Observation/$lastn", 404, "not-supported"),
        ("GET", "Patient/PERSON/$match", 404, "not-supported"),
        ("POST", "Patient/PERSON/$everything", 405, "not-supported"),
        ("GET", "Patient/PERSON/Observation", 404, "not-supported"),
        ("GET", "$export", 404, "not-supported"),
        ("GET", "$graphql", 404, "not-supported"),
        ("GET", "_history", 404, "not-supported"),
        ("GET", "AuditEvent/1", 404, "not-supported"),
        ("GET", "Observation/_search?patient=PERSON", 405, "not-supported"),
        ("GET", "Patient/$assert-relationship", 404, "not-supported"),
        ("POST", "", 405, "not-supported"),
        ("POST", "Observation", 405, "not-supported"),
        ("POST", "Patient/PERSON", 405, "not-supported"),
        ("PUT", "Patient/PERSON", 405, "not-supported"),
        ("PATCH", "Patient/PERSON", 405, "not-supported"),
        ("DELETE", "Patient/PERSON", 405, "not-supported"),
        ("DELETE", "Consent/1", 405, "not-supported"),
        ("DELETE", "Observation?patient=PERSON", 405, "not-supported"),
        ("OPTIONS", "Observation", 405, "not-supported"),
        ("TRACE", "Observation", 405, "not-supported"),
    ] {
        let answer = sent(&gate, method, &path.replace("PERSON", &person), &[], "").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}: {}", answer.text);
        let row = gate.closing(&answer).await;
        assert_eq!((row.kind, row.reason.as_deref()), (Kind::Failed, Some("request")), "{method} {path}");
        assert_eq!(!answer.header("allow").is_empty(), status == 405, "{method} {path}: Allow");
        // the path as the log keeps it holds no id
        assert!(!row.request.contains(&person), "{}", row.request);
    }
}

#[tokio::test]
async fn a_post_to_search_answers_what_the_get_does() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let number = format!("{NHS}%7C{}", patient.digits());
    let got = gate.get(GP, &format!("Observation?patient.identifier={number}&date=ge2025&_count=30")).await;
    for (url, body) in [
        ("Observation/_search".to_owned(), format!("patient.identifier={number}&date=ge2025&_count=30")),
        ("Observation/_search?_count=30&date=ge2025".to_owned(), format!("patient.identifier={number}")),
        (format!("Observation/_search?patient.identifier={number}"), "_count=30&date=ge2025".to_owned()),
    ] {
        let posted = sent(&gate, "POST", &url, &[FORM], &body).await;
        assert_eq!(raw_matches(from_ref(&posted)), raw_matches(from_ref(&got)), "{url}");
        assert_eq!(gate.closing(&posted).await.request, gate.closing(&got).await.request);
    }
    for (url, body, status, code) in [
        (
            format!("Observation/_search?patient.identifier={number}"),
            format!("patient.identifier={number}"),
            400,
            "invariant",
        ),
        (
            format!("Observation/_search?patient.identifier={number}&date=2020"),
            "date=2021".to_owned(),
            400,
            "invariant",
        ),
    ] {
        let posted = sent(&gate, "POST", &url, &[FORM], &body).await;
        gate.ends(&posted, status, code, Kind::Failed, "request").await;
    }
    let body = format!("patient.identifier={number}");
    for kind in [
        "application/fhir+json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=utf-16",
    ] {
        let posted = sent(&gate, "POST", "Observation/_search", &[("content-type", kind)], &body).await;
        gate.ends(&posted, 415, "not-supported", Kind::Failed, "request").await;
    }
    let got = sent(&gate, "GET", &format!("Observation?patient.identifier={number}"), &[FORM], "date=2020").await;
    gate.ends(&got, 400, "structure", Kind::Failed, "request").await;
}

#[tokio::test]
async fn json_is_answered_to_whoever_can_take_it_and_406_to_others() {
    let gate = shared().await;
    let path = of_patient("Condition", gate.registered("F99001", 0).nhs_number);
    for (accept, format, status) in [
        ("*/*", "", 200),
        ("application/fhir+json", "", 200),
        ("text/html, */*;q=0.1", "", 200),
        ("application/fhir+xml", "", 406),
        ("application/fhir+xml", "&_format=json", 200),
        ("application/fhir+json", "&_format=xml", 406),
        ("application/fhir+json; fhirVersion=3.0", "", 406),
        ("", "&_format=application/fhir%2Bjson", 200),
        ("", "&_format=application/fhir+json", 200),
        ("", "&_format=json&_pretty=true", 200),
    ] {
        let answer = sent(&gate, "GET", &format!("{path}{format}"), &[("accept", accept)], "").await;
        assert_eq!(answer.status, status, "{accept} {format}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/fhir+json; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
        gate.closing(&answer).await;
    }
}

#[tokio::test]
async fn headers_that_would_turn_a_request_into_another_are_refused_or_without_effect() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let path = of_patient("Condition", patient);
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let answer = sent(&gate, "GET", &path, &[(name, "DELETE")], "").await;
        gate.ends(&answer, 400, "not-supported", Kind::Failed, "request").await;
    }
    let plain = sent(&gate, "GET", &path, &[], "").await;
    let spoofed = [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=192.0.2.7;host=evil.example"),
        ("x-original-url", "/fhir/Patient"),
        ("x-user", "555021400102"),
        ("if-none-match", "*"),
        ("if-modified-since", "Sat, 21 Nov 2026 00:00:00 GMT"),
        ("range", "bytes=0-10"),
        ("prefer", "handling=lenient"),
    ];
    let answer = sent(&gate, "GET", &path, &spoofed, "").await;
    assert_eq!(raw_matches(from_ref(&answer)), raw_matches(&[plain]));
    assert!(!answer.text.contains("evil.example"));
    let who = gate.closing(&answer).await.who.unwrap();
    assert_eq!((who.network.as_deref(), who.user.as_deref()), (Some("127.0.0.1"), Some("555021400101")));
}

#[tokio::test]
async fn what_is_too_large_or_encoded_is_refused_before_it_is_read() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let number = format!("patient.identifier={NHS}%7C{}", patient.digits());
    let many = "&date=2020".repeat(101);
    let alternatives = vec!["2020"; 101].join(",");
    for (method, path, headers, body, status, code) in [
        ("GET", format!("Observation?{number}&date={}", "2".repeat(9000)), vec![], String::new(), 414, "too-long"),
        ("GET", format!("Observation?{number}{many}"), vec![], String::new(), 400, "too-costly"),
        ("GET", format!("Observation?{number}&date={alternatives}"), vec![], String::new(), 400, "too-costly"),
        ("POST", "Observation/_search".into(), vec![FORM], "x".repeat(70_000), 413, "too-long"),
        ("POST", "Observation/_search".into(), vec![FORM], "x".repeat(9_000), 400, "too-long"),
        (
            "POST",
            "Consent".into(),
            vec![("content-type", "application/fhir+json")],
            "[".repeat(60_000),
            400,
            "structure",
        ),
        (
            "POST",
            "Observation/_search".into(),
            vec![FORM, ("content-encoding", "gzip")],
            number.clone(),
            415,
            "not-supported",
        ),
        (
            "POST",
            "Consent".into(),
            vec![("content-type", "application/fhir+json"), ("content-encoding", "identity")],
            "{}".into(),
            415,
            "not-supported",
        ),
    ] {
        let answer = sent(&gate, method, &path, &headers, &body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{method} {}: {}",
            &path[..20.min(path.len())],
            answer.text
        );
        assert_eq!(gate.closing(&answer).await.kind, Kind::Failed);
    }
}

#[tokio::test]
async fn a_token_is_taken_from_one_authorization_header_alone() {
    let gate = shared().await;
    let token = gate.token(GP).await;
    let path = of_patient("Condition", gate.registered("F99001", 0).nhs_number);
    let url = format!("{path}&access_token={token}");
    for (path, headers) in [
        (url.as_str(), vec![]),
        (&url, vec![("authorization", format!("Bearer {token}"))]),
        (&path, vec![("authorization", format!("Bearer {token}")), ("authorization", format!("Bearer {token}"))]),
        (&path, vec![("authorization", format!("Basic {token}"))]),
        (&path, vec![("authorization", format!("Bearer {token},{token}"))]),
        (&path, vec![("x-authorization", format!("Bearer {token}"))]),
        (&path, vec![("cookie", format!("access_token={token}"))]),
    ] {
        let request = headers.iter().fold(gate.request(Method::GET, path), |r, (name, value)| r.header(*name, value));
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "login"), "{headers:?}");
    }
}

#[tokio::test]
async fn what_anyone_may_read_names_no_patient_and_agrees_with_the_grammar() {
    let gate = shared().await;
    let statement = Answer::of(gate.request(Method::GET, "metadata")).await;
    let json = statement.json();
    assert_eq!(
        (statement.status, &json["resourceType"], &json["fhirVersion"]),
        (200, &json!("CapabilityStatement"), &json!("4.0.1"))
    );
    let patient = gate.registered("F99001", 0).nhs_number;
    for resource in json["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        // not of the record; and organisations, which are searched in the registry alone
        if matches!(kind, "Consent" | "AuditEvent" | "Task" | "Endpoint" | "Organization") {
            continue;
        }
        // what it says can be searched can be searched, by this GP, and nothing else
        let offered = resource["interaction"].as_array().unwrap().iter().any(|one| one["code"] == "search-type");
        let status = gate.search(GP, &format!("{kind}?_count=1"), patient).await.status;
        assert_eq!(status == 200, offered, "{kind}: {status}");
    }
    for path in ["/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"] {
        let answer =
            Answer::of(gate.request(Method::GET, &format!("{}{path}", gate.url)).header("accept", "text/html")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        let smart = answer.json();
        assert_eq!(smart["token_endpoint"], format!("{}/oauth/token", gate.url));
        assert!(smart["grant_types_supported"].is_array() && smart["capabilities"].is_array());
        assert_eq!(smart["code_challenge_methods_supported"], json!(["S256"]));
    }
}

/// Of what stands beside the record the routes tell, and no more is promised than they keep.
#[tokio::test]
async fn every_operation_and_every_type_that_has_routes_is_advertised_and_nothing_else_is() {
    let gate = shared().await;
    let statement = Answer::of(gate.request(Method::GET, "metadata")).await.json();
    let named = |list: &Value, key: &str| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|one| one[key].as_str().unwrap().to_owned()).collect()
    };
    let (mut types, mut operations) = (BTreeSet::new(), BTreeSet::new());
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap().to_owned();
        operations.extend(named(&resource["operation"], "name").into_iter().map(|name| (kind.clone(), name)));
        assert!(types.insert(kind), "once");
    }
    let records = ResourceType::ALL.iter().map(|kind| kind.to_string());
    let routed = ROUTES.iter().map(|route| route.path[0].to_owned()).filter(|kind| kind != "*");
    assert_eq!(types, records.chain(routed).collect());
    let routed = ROUTES
        .iter()
        .filter_map(|route| Some((route.path[0].to_owned(), route.path.last()?.strip_prefix('$')?.to_owned())));
    assert_eq!(operations, routed.collect());
    for (kind, codes) in [
        ("Consent", "create read search-type update"),
        ("Task", "read search-type update"),
        ("Binary", "read"),
        ("Endpoint", "create history-instance read search-type update"),
        // of the record's it was read before
        ("Organization", "read create history-instance search-type update"),
        ("AuditEvent", "search-type"),
    ] {
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        let resource = resources.iter().find(|resource| resource["type"] == kind).unwrap();
        assert_eq!(named(&resource["interaction"], "code").join(" "), codes, "{kind}");
    }
}
