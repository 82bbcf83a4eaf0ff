//! What a provider is told of who asks, and what follows from its answers depending on it.

use super::{GP, behind, kept, tap::Tap};
use crate::{
    harness::{Answer, Gate, of_patient},
    joined::with,
    program::Region,
};
use caregate::domain::NhsNumber;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header, jwk::JwkSet};
use reqwest::Method;
use serde_json::Value;

const HEADER: &str = "x-caregate-context";

/// A gateway in front of the region, with taps before RZ901, which has this context, and RZ902's neighbour NZ901, which has none.
async fn told(context: &str) -> (Gate, Tap, Tap, Region) {
    let region = Region::start();
    let told = Tap::start(Some(behind(&region, "estuary")), None, |_| None).await;
    let untold = Tap::start(Some(behind(&region, "hedgerow")), None, |_| None).await;
    let config = with(&region.config(), "RZ901", |entry| {
        entry
            .set("base_url", &format!("{:?}", format!("{}/fhir", told.url)))
            .set("reader_context", &format!("{context:?}"))
    });
    let config =
        with(&config, "NZ901", |entry| entry.set("base_url", &format!("{:?}", format!("{}/fhir", untold.url))));
    let gate = region.join(&config, &[]);
    (gate, told, untold, region)
}

/// Known to both, and to two members of one practice.
fn patient(gate: &Gate) -> NhsNumber {
    let both = gate.shared_with("F99001", "hedgerow");
    *gate.shared_with("F99001", "estuary").iter().find(|one| both.contains(one)).expect("a patient of both")
}

async fn claims(gate: &Gate, statement: &str, audience: &str) -> Value {
    let published = Answer::of(gate.request(Method::GET, &format!("{}/.well-known/jwks.json", gate.url))).await;
    let keys: JwkSet = serde_json::from_str(&published.text).unwrap();
    let header = decode_header(statement).unwrap();
    assert_eq!(header.typ.as_deref(), Some("caregate-context+jwt"));
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).expect("a published key")).unwrap();
    let mut wanted = Validation::new(Algorithm::ES256);
    wanted.set_audience(&[audience]);
    wanted.set_issuer(&[format!("{}/fhir", gate.url)]);
    jsonwebtoken::decode(statement, &key, &wanted).unwrap().claims
}

#[tokio::test]
async fn a_provider_is_told_who_asks_where_that_is_configured_and_nobody_ever_sees_the_readers_token() {
    let (gate, told, untold, _region) = told("informs").await;
    let patient = patient(&gate);
    let token = gate.token(GP).await;
    let answer = gate.search(GP, "Encounter", patient).await;
    assert_eq!(answer.header("x-completeness"), "complete", "{}", answer.text);
    let (seen, others) = (told.take(), untold.take());
    assert!(!seen.is_empty() && !others.is_empty());
    let audience = format!("{}/fhir", told.url);
    for one in &seen {
        let said = claims(&gate, one.header(HEADER), &audience).await;
        assert!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap() <= 120);
        assert_eq!(said["request_id"], answer.request_id().to_string());
        assert_eq!(said["reason_for_request"], "directcare");
        assert_eq!(said["sub_id"]["iss"], gate.identity);
        assert_eq!(said["requesting_organization"]["identifier"][0]["value"], "F99001");
        let iua = &said["extensions"]["ihe_iua"];
        assert_eq!(iua["subject_role"][0]["code"], "R0260");
        assert_eq!(iua["purpose_of_use"][0]["code"], "TREAT");
        assert_eq!(iua["person_id"], format!("https://fhir.nhs.uk/Id/nhs-number|{}", patient.digits()));
        // beside the credential, never in its place
        assert!(one.header("authorization").starts_with("Bearer estuary-"));
    }
    assert!(others.iter().all(|one| !one.text().contains(HEADER)));
    let (_, signature) = token.rsplit_once('.').unwrap();
    for one in seen.iter().chain(&others) {
        assert!(!one.text().contains(signature), "{one:?}");
    }
    // its answers are the same for all: another reader is answered from memory
    let colleague =
        gate.token_with("staff", &[("organisation", "F99001"), ("role", "R0260"), ("user", "555021400001")]).await;
    let again = Answer::of(gate.request(Method::GET, &of_patient("Encounter", patient)).bearer_auth(&colleague)).await;
    assert_eq!((again.status, told.count()), (200, 0));
    kept(&gate, &[&answer, &again], &[seen[0].header(HEADER), signature]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_answers_depend_on_the_reader_each_asks_for_themselves_and_nothing_is_shared() {
    let (gate, told, untold, _region) = told("decides").await;
    let patient = patient(&gate);
    let token = gate.token(GP).await;
    let colleague =
        gate.token_with("staff", &[("organisation", "F99001"), ("role", "R0260"), ("user", "555021400001")]).await;
    let ask = async |token: &str| {
        let answer = Answer::of(gate.request(Method::GET, &of_patient("Encounter", patient)).bearer_auth(token)).await;
        assert_eq!((answer.status, answer.header("x-completeness")), (200, "complete"), "{}", answer.text);
        answer
    };
    ask(&token).await;
    let calls = told.take().len();
    let others = untold.take().len();
    assert!(calls >= 2 && others > 0, "its own Patient, and the entries");
    // one after the other, at the same moment, and the same reader once more
    ask(&colleague).await;
    assert_eq!(told.take().len(), calls);
    let _ = futures::join!(ask(&token), ask(&colleague), ask(&token));
    let seen = told.take();
    assert_eq!(seen.len(), 3 * calls);
    assert_eq!(untold.take().len(), 0, "those that answer all alike are remembered");
    let audience = format!("{}/fhir", told.url);
    let mut users = Vec::new();
    for one in &seen {
        users.push(claims(&gate, one.header(HEADER), &audience).await["sub"].clone());
    }
    users.sort_by_key(Value::to_string);
    users.dedup();
    assert_eq!(users.len(), 2, "each call says who it is for: {users:?}");
    let lookups = seen.iter().filter(|one| one.path.contains("/Patient?")).count();
    assert_eq!(lookups, 3, "not even who the patient is");
    // and its pages are each asked for by their own reader: the cursor of one leads the other nowhere
    let page =
        Answer::of(gate.request(Method::GET, &of_patient("Encounter?_count=1", patient)).bearer_auth(&token)).await;
    if let Some(next) = page.next() {
        told.take();
        let answer = Answer::of(gate.request(Method::GET, &next).bearer_auth(&token)).await;
        assert_eq!((answer.status, told.take().len()), (200, calls), "{}", answer.text);
    }
}
