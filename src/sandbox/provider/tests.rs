use super::Fault;
use crate::sandbox::Region;
use crate::sandbox::data::{Dataset, NHS_NUMBER};
use crate::sandbox::tests::{client, get, region, send, token_of};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Saltmarsh numbers from 1: its Patient 1 has more observations than fit on a page.
async fn saltmarsh() -> (Region, String, String) {
    let region = region().await;
    let (url, token) = (region.providers[0].url.clone(), token_of(&region.providers[0]).to_owned());
    (region, url, token)
}

async fn json(url: &str, token: &str) -> Value {
    let (status, body) = get(url, token).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn control(base: &str) -> String {
    base.replace("/fhir", "/control")
}

async fn order(base: &str, fault: Value) -> Value {
    let (status, body) = send(client().post(control(base)).body(fault.to_string())).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn entries(bundle: &Value) -> &[Value] {
    bundle["entry"].as_array().map_or(&[], Vec::as_slice)
}

fn next(bundle: &Value) -> Option<&str> {
    let link = bundle["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next")?;
    link["url"].as_str()
}

fn nhs_number(index: usize) -> String {
    format!("{NHS_NUMBER}%7C{}", Dataset::builtin().patients[index].nhs_number.digits())
}

#[actix_web::test]
async fn a_patient_is_found_by_nhs_number_and_their_data_in_every_idiom() {
    let (region, base, token) = saltmarsh().await;
    let number = nhs_number(0);
    let found = json(&format!("{base}/Patient?identifier={number}"), &token).await;
    assert_eq!((&found["type"], &found["total"]), (&json!("searchset"), &json!(1)));
    assert_eq!(found["entry"][0]["fullUrl"], format!("{base}/Patient/1"));
    for idiom in [
        "patient=1".to_owned(),
        "patient=Patient/1".to_owned(),
        "subject=77,1".to_owned(),
        format!("patient.identifier={number}"),
        format!("patient:identifier={number}"),
        format!("subject:identifier={number}"),
        format!("subject.identifier={number}&patient=1"),
    ] {
        assert_eq!(json(&format!("{base}/Condition?{idiom}"), &token).await["total"], 3, "{idiom}");
        let search = client().post(format!("{base}/Condition/_search")).bearer_auth(&token);
        let (status, body) = send(search.header("content-type", "application/x-www-form-urlencoded").body(idiom)).await;
        assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()["total"].clone()), (200, json!(3)));
    }
    assert_eq!(json(&format!("{base}/Condition?patient=2&patient=1"), &token).await["total"], 0);
    assert_eq!(json(&format!("{base}/Condition?_id=1,2,nobody"), &token).await["total"], 2);
    region.stop().await;
}

#[actix_web::test]
async fn pages_lead_through_every_match_once_and_each_resource_keeps_its_bytes() {
    let (region, base, token) = saltmarsh().await;
    let dataset = Dataset::builtin();
    let held = dataset.provider("saltmarsh").unwrap().of_type("Observation");
    let expected: Vec<&str> = held.iter().filter(|one| one.patients == ["1"]).map(|one| one.id.as_str()).collect();
    let (mut url, mut ids, mut pages) = (format!("{base}/Observation?patient=1&colour=red"), Vec::new(), 0);
    loop {
        let (_, body) = get(&url, &token).await;
        let bundle: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(bundle["total"], expected.len());
        let own = bundle["link"][0]["url"].as_str().unwrap();
        assert!(!own.contains("colour"), "a parameter that was ignored is not in the self link");
        for entry in entries(&bundle) {
            let id = entry["resource"]["id"].as_str().unwrap();
            assert!(body.contains(&*held.iter().find(|one| one.id == id).unwrap().json));
            ids.push(id.to_owned());
        }
        pages += 1;
        let Some(link) = next(&bundle) else { break };
        assert!(link.starts_with(&format!("{base}?_page=")), "{link}");
        url = link.to_owned();
    }
    assert_eq!((pages, ids), (5, expected.into_iter().map(str::to_owned).collect()));
    assert_eq!(entries(&json(&format!("{base}/Observation?_count=7"), &token).await).len(), 7);
    assert_eq!(entries(&json(&format!("{base}/Observation?_count=9999"), &token).await).len(), 200);
    region.stop().await;
}

#[actix_web::test]
async fn what_is_not_let_in_not_there_or_not_fhir_is_refused_with_an_outcome() {
    let (region, base, token) = saltmarsh().await;
    for (path, credential, status, code) in [
        ("/Patient/1", "", 401, "login"),
        ("/Patient/1", "another", 401, "login"),
        ("/Surgeon?patient=1", "", 401, "login"),
        ("/Patient/999", &token, 404, "not-found"),
        ("/Surgeon?patient=1", &token, 404, "not-supported"),
        ("/Patient/1/_history", &token, 405, "not-supported"),
        ("/Patient?_count=many", &token, 400, "value"),
        ("?_page=bm90aGluZw", &token, 400, "value"),
    ] {
        let (answered, body) = get(&format!("{base}{path}"), credential).await;
        let outcome: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((answered, outcome["issue"][0]["code"].as_str()), (status, Some(code)), "{path}");
    }
    let empty = json(&format!("{base}/ImagingStudy?patient=1"), &token).await;
    assert_eq!((&empty["total"], empty.get("entry")), (&json!(0), None));
    let (status, body) = get(&format!("{base}/metadata"), "").await;
    assert_eq!((status, body.contains("\"fhirVersion\":\"4.0.1\"")), (200, true));
    region.stop().await;
}

#[actix_web::test]
async fn a_fault_hits_only_its_types_and_only_so_often_and_what_was_asked_is_counted() {
    let (region, base, token) = saltmarsh().await;
    order(&base, json!({"fault": "error", "status": 503, "retry_after": 7, "times": 2, "types": ["Condition"]})).await;
    assert_eq!(get(&format!("{base}/Observation?patient=1"), &token).await.0, 200);
    let response = client().get(format!("{base}/Condition?patient=1")).bearer_auth(&token).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"7".parse().unwrap()));
    assert_eq!(get(&format!("{base}/Condition/1"), &token).await.0, 503);
    assert_eq!(get(&format!("{base}/Condition/1"), &token).await.0, 200);
    get(&format!("{base}/Condition/1"), "wrong").await;
    get(&format!("{base}/Patient?identifier={}", nhs_number(0)), &token).await;

    let (_, body) = get(&control(&base), "").await;
    let shown: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(shown["fault"], Value::Null);
    for (counter, value) in [("requests", 6), ("refused", 1), ("searches", 3), ("reads", 2), ("patient_lookups", 1)] {
        assert_eq!(shown[counter], value, "{counter}");
    }
    assert_eq!(shown["types"], json!({"Condition": 3, "Observation": 1, "Patient": 1}));
    region.stop().await;
}

#[actix_web::test]
async fn an_order_stands_until_it_is_taken_back_and_one_that_makes_no_sense_is_refused() {
    let (region, base, token) = saltmarsh().await;
    let fault = json!({"fault": "error", "status": 302, "location": "http://elsewhere.example/"});
    assert_eq!(order(&base, fault.clone()).await["fault"]["fault"], "error");
    let moved = client().get(format!("{base}/Patient/1")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(
        (moved.status().as_u16(), &moved.headers()["location"]),
        (302, &"http://elsewhere.example/".parse().unwrap())
    );
    let (_, cleared) = send(client().delete(control(&base))).await;
    assert!(cleared.contains("\"fault\":null"));
    assert_eq!(get(&format!("{base}/Patient/1"), &token).await.0, 200);
    for nonsense in ["", "{}", r#"{"fault":"sulk"}"#, r#"{"fault":"cut"}"#, r#"{"fault":"error","status":99}"#] {
        assert_eq!(send(client().post(control(&base)).body(nonsense)).await.0, 400, "{nonsense}");
    }
    region.stop().await;
}

#[actix_web::test]
async fn faults_of_delivery_spoil_the_body_as_they_say() {
    let (region, base, token) = saltmarsh().await;
    let url = format!("{base}/Condition?patient=1");
    let sound = get(&url, &token).await.1;
    let request = || client().get(&url).bearer_auth(&token);
    let body = async || request().send().await.unwrap().bytes().await.unwrap();

    order(&base, json!({"fault": "truncate", "bytes": 40})).await;
    assert_eq!(body().await, sound.as_bytes()[..40]);
    order(&base, json!({"fault": "trailing"})).await;
    assert_eq!(body().await, format!("{sound}{sound}").as_bytes());
    order(&base, json!({"fault": "bad-utf8"})).await;
    let spoilt = body().await;
    assert!(std::str::from_utf8(&spoilt).is_err() && serde_json::from_slice::<Value>(&spoilt).is_err());
    order(&base, json!({"fault": "cut", "bytes": 100})).await;
    let mut response = request().send().await.unwrap();
    assert_eq!(response.content_length(), Some(sound.len() as u64));
    assert_eq!(response.chunk().await.unwrap().unwrap(), sound.as_bytes()[..100]);
    assert!(response.chunk().await.is_err());
    order(&base, json!({"fault": "drip", "milliseconds": 200})).await;
    let mut response = request().send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 1);
    region.stop().await;
}

#[actix_web::test]
async fn faults_in_place_of_an_answer_come_with_200_or_not_at_all() {
    let (region, base, token) = saltmarsh().await;
    let url = format!("{base}/Condition?patient=1");

    order(&base, json!({"fault": "garbage"})).await;
    assert!(get(&url, &token).await.1.starts_with("<!DOCTYPE html>"));
    order(&base, json!({"fault": "outcome"})).await;
    assert_eq!(json(&url, &token).await["resourceType"], "OperationOutcome");
    order(&base, json!({"fault": "huge", "megabytes": 3})).await;
    let (_, huge) = get(&url, &token).await;
    assert!(huge.len() > 3 * 1024 * 1024 && serde_json::from_str::<Value>(&huge).is_ok());
    order(&base, json!({"fault": "deep", "depth": 100})).await;
    assert!(json(&url, &token).await["entry"][0]["resource"]["extension"].is_array());
    order(&base, json!({"fault": "delay", "milliseconds": 150, "times": 1})).await;
    let start = Instant::now();
    assert_eq!(json(&url, &token).await["total"], 3);
    assert!(start.elapsed() >= Duration::from_millis(150));
    order(&base, json!({"fault": "black-hole"})).await;
    let request = client().get(&url).bearer_auth(&token).timeout(Duration::from_millis(200));
    assert!(request.send().await.err().unwrap().is_timeout());
    region.stop().await;
}

#[actix_web::test]
async fn faults_of_content_show_another_patient_none_or_one_who_is_someone_else() {
    let (region, base, token) = saltmarsh().await;
    let url = format!("{base}/Condition?patient=1");
    let lookup = format!("{base}/Patient?identifier={}", nhs_number(0));
    let sound = get(&url, &token).await.1;

    order(&base, json!({"fault": "other-patient"})).await;
    let other = json(&url, &token).await;
    assert!(!entries(&other).is_empty());
    assert!(entries(&other).iter().all(|entry| entry["resource"]["subject"]["reference"] != "Patient/1"));
    assert_eq!(json(&lookup, &token).await["entry"][0]["resource"]["id"], "1");
    order(&base, json!({"fault": "other-patient", "lookup": true})).await;
    assert_eq!(json(&lookup, &token).await["entry"][0]["resource"]["id"], "2");

    order(&base, json!({"fault": "duplicate-keys"})).await;
    let twice = get(&url, &token).await.1;
    assert_eq!(twice.matches("\"subject\":").count(), sound.matches("\"subject\":").count() + 1);
    assert!(twice.contains(r#""subject":{"reference":"Patient/2"}}"#));

    order(&base, json!({"fault": "no-subject"})).await;
    let orphan = json(&url, &token).await;
    assert_eq!(
        (orphan["entry"][0]["resource"].get("subject"), &orphan["entry"][1]["resource"]["subject"]["reference"]),
        (None, &json!("Patient/1"))
    );

    order(&base, json!({"fault": "wrong-demographics"})).await;
    let changeling = &json(&lookup, &token).await["entry"][0]["resource"];
    assert_eq!(
        (&changeling["birthDate"], &changeling["name"][0]["family"]),
        (&json!("1901-01-01"), &json!("Changeling"))
    );
    assert_eq!(changeling["identifier"][0]["value"], Dataset::builtin().patients[0].nhs_number.digits());

    order(&base, json!({"fault": "fatal-entry"})).await;
    let bundle = json(&url, &token).await;
    let last = entries(&bundle).last().unwrap();
    assert_eq!(
        (&last["search"]["mode"], &last["resource"]["issue"][0]["severity"]),
        (&json!("outcome"), &json!("fatal"))
    );

    send(client().delete(control(&base))).await;
    let earlier = get(&url, &token).await.1;
    order(&base, json!({"fault": "replay"})).await;
    assert_eq!(get(&format!("{base}/Condition?patient=2"), &token).await.1, earlier);
    region.stop().await;
}

#[actix_web::test]
async fn faults_of_paging_lead_round_elsewhere_or_on_for_ever() {
    let (region, base, token) = saltmarsh().await;
    let url = format!("{base}/Condition?patient=1&_count=2");

    order(&base, json!({"fault": "next-loop"})).await;
    let first = json(next(&json(&url, &token).await).unwrap(), &token).await;
    let second = json(next(&first).unwrap(), &token).await;
    assert_eq!((next(&first), &first["entry"]), (next(&second), &second["entry"]));

    order(&base, json!({"fault": "next-foreign", "location": "http://elsewhere.example/fhir?p=2"})).await;
    assert_eq!(next(&json(&url, &token).await), Some("http://elsewhere.example/fhir?p=2"));

    order(&base, json!({"fault": "endless"})).await;
    let (mut page, mut seen) = (json(&url, &token).await, std::collections::BTreeSet::new());
    for _ in 0..10 {
        assert!(!entries(&page).is_empty() && seen.insert(next(&page).unwrap().to_owned()));
        page = json(next(&page).unwrap(), &token).await;
    }
    region.stop().await;
}

#[test]
fn a_fault_written_and_read_again_is_the_same() {
    for fault in [
        Fault::Error { status: 429, retry_after: Some(json!("Fri, 31 Dec 9999 23:59:59 GMT")), location: None },
        Fault::OtherPatient { lookup: true },
        Fault::BlackHole,
    ] {
        assert_eq!(serde_json::from_value::<Fault>(json!(fault)).unwrap(), fault);
    }
}
