//! Many assertions in one request: each by itself, whatever becomes of the others.

use crate::{
    harness::{Answer, Gate, on_each_database, own},
    relationships::asserted,
};
use caregate::{
    access::batch::MAX_ITEMS,
    audit::Kind,
    domain::{NhsNumber, RequestId},
};
use serde_json::{Value, json};

const SYSTEM: &str = "system:RZ901";
const OPERATION: &str = "Patient/$assert-relationship";

fn bundle(items: &[Value]) -> Value {
    let entry = |item: &Value| json!({"resource": item, "request": {"method": "POST", "url": OPERATION}});
    json!({"resourceType": "Bundle", "type": "batch", "entry": items.iter().map(entry).collect::<Vec<_>>()})
}

fn lines(items: &[Value]) -> String {
    items.iter().map(|item| format!("{item}\n")).collect()
}

async fn post(gate: &Gate, persona: &str, media: &str, body: String) -> Answer {
    let token = gate.token(persona).await;
    let request = gate.request(reqwest::Method::POST, OPERATION).bearer_auth(token);
    Answer::of(request.header("content-type", media).body(body)).await
}

/// Status, code and id of each item's outcome.
fn outcomes(answer: &Answer) -> Vec<(String, String, RequestId)> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let bundle = answer.json();
    assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("batch-response")));
    assert_eq!(crate::fhir::faults(&bundle), [""; 0]);
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{bundle}")).to_owned();
    let entries = bundle["entry"].as_array().unwrap().iter();
    entries
        .map(|entry| &entry["response"])
        .map(|said| {
            let outcome = &said["outcome"];
            let id = RequestId::parse(&text(&outcome["id"])).unwrap();
            (text(&said["status"]), text(&outcome["issue"][0]["code"]), id)
        })
        .collect()
}

/// Two of the hospital's own, and between them one of another organisation, one not understood, and one that is no JSON.
fn mixed(patients: [NhsNumber; 3]) -> Vec<Value> {
    let mut unknown = asserted(patients[2], "RZ901");
    unknown["parameter"].as_array_mut().unwrap().push(json!({"name": "note", "valueString": "x"}));
    vec![asserted(patients[0], "RZ901"), asserted(patients[2], "RZ902"), unknown, asserted(patients[1], "RZ901")]
}

#[tokio::test]
async fn each_assertion_of_many_is_decided_and_recorded_by_itself() {
    for gate in on_each_database().await {
        let known = gate.shared_with("F99002", "colneside");
        let patients = [known[0], known[1], gate.registered("F99002", 0).nhs_number];
        let items = mixed(patients);
        for (media, body) in
            [("application/fhir+json", bundle(&items).to_string()), ("application/fhir+ndjson", lines(&items))]
        {
            let answer = post(&gate, SYSTEM, media, body).await;
            let envelope = gate.closing(&answer).await;
            assert_eq!(
                (envelope.kind, envelope.interaction.as_str(), envelope.patient),
                (Kind::Released, "batch", None)
            );
            let told = outcomes(&answer);
            let expected = [
                ("201", "informational", Kind::Released, Some(patients[0])),
                ("403", "forbidden", Kind::Refused, Some(patients[2])),
                ("422", "not-supported", Kind::Failed, None),
                ("201", "informational", Kind::Released, Some(patients[1])),
            ];
            assert_eq!(told.len(), expected.len());
            for (at, ((status, code, id), (as_status, as_code, kind, patient))) in told.iter().zip(expected).enumerate()
            {
                assert_eq!((status.as_str(), code.as_str()), (as_status, as_code), "{at}");
                assert_eq!(*id, answer.request_id().item(at), "made of the request's own id and its place");
                let rows = gate.audit().await.request_rows(*id).await.unwrap();
                let row = rows.last().unwrap().row().unwrap().unwrap();
                assert_eq!((row.kind, row.status.to_string(), row.patient), (kind, status.clone(), patient), "{at}");
                assert_eq!(row.who.unwrap().organisation.unwrap().as_str(), "RZ901");
            }
        }
        for (patient, status) in patients.into_iter().zip([200, 200, 403]) {
            assert_eq!(gate.search("consultant-estuary", "Condition", patient).await.status, status);
        }
    }
}

#[tokio::test]
async fn whoever_may_not_assert_one_may_not_assert_many() {
    let gate = own().await;
    let patient = gate.shared_with("F99002", "colneside")[0];
    let body = || lines(&[asserted(patient, "RZ901"), asserted(patient, "RZ901")]);
    let other_system = outcomes(&post(&gate, "system:RZ902", "application/x-ndjson", body()).await);
    assert!(other_system.iter().all(|(status, code, _)| (status.as_str(), code.as_str()) == ("403", "forbidden")));
    // of whoever is no system no item could be taken: one refusal, with one row, whatever they sent
    for persona in ["consultant-estuary", "researcher", "patient:9990012024"] {
        let answer = post(&gate, persona, "application/x-ndjson", body()).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{persona}");
        assert_eq!(gate.rows(&answer).await.len(), 1, "{persona}");
    }
    assert_eq!(gate.search("consultant-estuary", "Condition", patient).await.status, 403);
}

#[tokio::test]
async fn an_envelope_that_is_not_understood_is_refused_whole() {
    let gate = own().await;
    let patient = gate.shared_with("F99002", "colneside")[0];
    let good = bundle(&[asserted(patient, "RZ901")]);
    let with = |place: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(place).unwrap() = value;
        body.to_string()
    };
    let json = "application/fhir+json";
    let many = vec![json!({}); MAX_ITEMS + 1];
    for (media, body, status, code) in [
        (json, with("/type", json!("transaction")), 422, "not-supported"),
        (json, with("/entry/0/request/method", json!("PUT")), 422, "not-supported"),
        (json, with("/entry/0/request/url", json!("Patient/$end-relationship")), 422, "not-supported"),
        (json, with("/entry/0", json!({"resource": asserted(patient, "RZ901")})), 422, "required"),
        (json, with("/entry", json!([])), 400, "structure"),
        (json, bundle(&many).to_string(), 422, "not-supported"),
        ("application/x-ndjson", lines(&many), 422, "not-supported"),
        ("application/x-ndjson", "\n\n".to_owned(), 422, "required"),
    ] {
        let answer = post(&gate, SYSTEM, media, body).await;
        gate.ends(&answer, status, code, Kind::Failed, "content").await;
        assert!(answer.json()["issue"][0]["expression"][0].is_string(), "{}", answer.text);
    }
    let huge = post(&gate, SYSTEM, json, format!("{good}{}", " ".repeat(1 << 20))).await;
    gate.ends(&huge, 413, "too-long", Kind::Failed, "request").await;
    let elsewhere =
        gate.request(reqwest::Method::POST, "Patient/$end-relationship").bearer_auth(gate.token(SYSTEM).await);
    let body = format!("{good}{}", " ".repeat(70_000));
    let answer = Answer::of(elsewhere.header("content-type", json).body(body)).await;
    gate.ends(&answer, 413, "too-long", Kind::Failed, "request").await;
    assert_eq!(gate.search("consultant-estuary", "Condition", patient).await.status, 403, "nothing was asserted");
}

#[tokio::test]
async fn as_many_as_are_taken_at_once_are_in_force_within_one_requests_deadline() {
    for gate in on_each_database().await {
        let numbers = (999_300_000_u64..)
            .filter_map(|nine| (0..10).find_map(|check| NhsNumber::from_value(nine * 10 + check).ok()));
        let items: Vec<Value> = numbers.take(MAX_ITEMS).map(|number| asserted(number, "RZ901")).collect();
        let answer = post(&gate, SYSTEM, "application/fhir+ndjson", lines(&items)).await;
        let told = outcomes(&answer);
        assert!(told.len() == MAX_ITEMS && told.iter().all(|(status, ..)| status == "201"));
    }
}
