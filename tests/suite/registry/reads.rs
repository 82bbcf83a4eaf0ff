//! What is read back: searches, pages, what comes along; and that the record's own Organizations are read as ever.

use super::{ADDRESS, HOSPICE, OPERATOR, OTHER_OPERATOR, SYSTEM, decision, endpoint, joined, organization, put_if};
use crate::harness::{Gate, ODS, own, shared};
use caregate::audit::Kind;
use serde_json::{Value, json};

async fn proposed(gate: &Gate, ods: &str, name: &str) {
    let mut organisation = organization(ods);
    organisation["name"] = json!(name);
    let made = gate.post(&format!("system:{ods}"), "Organization", &organisation).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

#[tokio::test]
async fn an_operator_searches_all_and_pages_through_them_by_code() {
    let gate = own().await;
    joined(&gate).await;
    for (ods, name) in [("RZ960", "Harbour Care Home"), ("RZ961", "harbour Optician"), ("RZ940", "Anchor Pharmacy")] {
        proposed(&gate, ods, name).await;
    }
    let found = async |query: &str| {
        let answer = gate.get(OPERATOR, query).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        answer.match_ids()
    };
    assert_eq!(found("Organization").await, ["RZ940", HOSPICE, "RZ960", "RZ961"]);
    assert_eq!(found("Organization?name=HARB").await, ["RZ960", "RZ961"]);
    assert_eq!(found("Organization?active=true").await, [HOSPICE]);
    assert_eq!(found("Organization?active=false&name=anchor").await, ["RZ940"]);
    assert_eq!(found(&format!("Organization?identifier={ODS}%7CRZ960")).await, ["RZ960"]);
    assert_eq!(found("Organization?identifier=RZ999").await, [""; 0]);
    for query in [
        format!("Endpoint?organization=Organization/{HOSPICE}"),
        format!("Endpoint?organization={}/fhir/Organization/{HOSPICE}", gate.url),
        format!("Endpoint?organization.identifier={ODS}%7C{HOSPICE}"),
        "Endpoint?status=test&name=lantern".to_owned(),
    ] {
        assert_eq!(found(&query).await, [HOSPICE], "{query}");
    }
    assert_eq!(found("Endpoint?status=active").await, [""; 0]);

    let first = gate.get(OPERATOR, "Organization?_count=3").await;
    assert_eq!(first.match_ids(), ["RZ940", HOSPICE, "RZ960"]);
    let next = first.next().unwrap();
    let second = gate.get(OPERATOR, &next).await;
    assert_eq!((second.match_ids(), second.next()), (vec!["RZ961".to_owned()], None));
    let stolen = gate.get(OTHER_OPERATOR, &next).await;
    gate.ends(&stolen, 410, "expired", Kind::Failed, "gone").await;

    let along = gate.get(OPERATOR, "Organization?_include=Organization:endpoint").await;
    let modes: Vec<(Value, Value)> = along.json()["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["resource"]["resourceType"].clone(), entry["search"]["mode"].clone()))
        .collect();
    assert_eq!(modes.len(), 5);
    assert_eq!(modes[4], (json!("Endpoint"), json!("include")));
    let half = gate.token_with(OPERATOR, &[("scope", "user/Organization.rs")]).await;
    let request = gate.request(reqwest::Method::GET, "Organization?_include=Organization:endpoint").bearer_auth(half);
    assert_eq!(crate::harness::Answer::of(request).await.status, 403, "what comes along needs leave of its own");

    for (query, code) in [
        ("Organization?patient=1", "not-supported"),
        ("Organization?active=maybe", "value"),
        ("Organization?identifier=urn:oid:1%7CRZ950", "value"),
        ("Organization?_include=Organization:partof", "not-supported"),
        ("Endpoint?status=error", "value"),
        ("Endpoint?organization=Practitioner/1", "value"),
        ("Endpoint?organization=RZ950&organization.identifier=RZ950", "invariant"),
    ] {
        gate.ends(&gate.get(OPERATOR, query).await, 400, code, Kind::Failed, "request").await;
    }
}

#[tokio::test]
async fn what_is_read_may_be_sent_back_and_is_then_the_same() {
    let gate = own().await;
    joined(&gate).await;
    for kind in ["Organization", "Endpoint"] {
        let path = format!("{kind}/{HOSPICE}");
        let read = gate.get(SYSTEM, &path).await;
        assert_eq!((read.status, read.header("etag")), (200, "W/\"1\""), "{}", read.text);
        let faults = crate::fhir::faults(&read.json());
        assert!(faults.is_empty(), "{faults:?} in {}", read.text);
        let sent = put_if(&gate, SYSTEM, &path, read.header("etag"), &read.json()).await;
        assert_eq!((sent.status, super::state(&sent).as_str()), (200, "in-force"), "{}", sent.text);
        let (mut before, mut after) = (read.json(), sent.json());
        for resource in [&mut before, &mut after] {
            resource["meta"] = Value::Null;
            resource["extension"][0] = Value::Null;
        }
        assert_eq!(before, after);
    }
    let read = gate.get(SYSTEM, &format!("Endpoint/{HOSPICE}")).await.json();
    let sent = endpoint(HOSPICE, ADDRESS);
    for member in ["connectionType", "payloadType", "payloadMimeType", "address", "name", "contact"] {
        assert_eq!(read[member], sent[member], "{member}");
    }
    assert_eq!(&read["extension"].as_array().unwrap()[1..], &sent["extension"].as_array().unwrap()[..]);
}

#[tokio::test]
async fn an_opaque_id_is_still_the_records() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let along = gate.search("gp-saltmarsh", "Encounter?_include=Encounter:service-provider", patient).await;
    let bundle = along.json();
    let included =
        bundle["entry"].as_array().unwrap().iter().find(|entry| entry["resource"]["resourceType"] == "Organization");
    let id = included.expect("an Organization of the record")["resource"]["id"].as_str().unwrap().to_owned();
    let read = gate.get("gp-saltmarsh", &format!("Organization/{id}")).await;
    assert_eq!(read.status, 200, "{}", read.text);
    assert_eq!(gate.closing(&read).await.patient, Some(patient));
    // nobody who keeps the registry reads the record by that
    for other in ["systems:F99001", OPERATOR, SYSTEM] {
        let refused = gate.get(other, &format!("Organization/{id}")).await;
        gate.ends(&refused, 403, "forbidden", Kind::Refused, "access-denied").await;
    }
}

#[tokio::test]
async fn whoever_is_barred_keeps_nothing() {
    let gate = own().await;
    joined(&gate).await;
    let path = format!("Organization/{HOSPICE}/$approve");
    let mut renamed = organization(HOSPICE);
    renamed["name"] = json!("Another name (synthetic)");
    gate.put(SYSTEM, &format!("Organization/{HOSPICE}"), &renamed).await;
    let url = caregate::store::DatabaseUrl::parse(&gate.database).unwrap();
    let store = caregate::store::Store::open_existing(&url).await.unwrap();
    store.facts().revoke(&gate.identity, "555021400120", "left").await.unwrap();
    // what a node remembers of it does not last past the next commit
    let refused = gate.post(OPERATOR, &path, &decision(2, "approve", None)).await;
    gate.ends(&refused, 403, "forbidden", Kind::Refused, "access-denied").await;
    let allowed = gate.post(OTHER_OPERATOR, &path, &decision(2, "approve", None)).await;
    assert_eq!(allowed.status, 200, "{}", allowed.text);
}
