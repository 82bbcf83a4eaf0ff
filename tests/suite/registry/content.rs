//! What is not understood, or has no place in a registry, is refused with its place and what to do.

use super::{ADDRESS, HOSPICE, OPERATOR, SYSTEM, decision, endpoint, organization};
use crate::{
    harness::{Gate, own},
    oauth::Signer,
};
use caregate::audit::Kind;
use serde_json::{Value, json};

async fn refused(gate: &Gate, kind: &str, body: &Value, code: &str, place: &str, said: &str) {
    let answer = gate.post(SYSTEM, kind, body).await;
    let status = if code == "structure" { 400 } else { 422 };
    gate.ends(&answer, status, code, Kind::Failed, "content").await;
    let issue = &answer.json()["issue"][0];
    assert!(issue["expression"][0].as_str().unwrap().starts_with(place), "{place}: {issue}");
    assert!(issue["diagnostics"].as_str().unwrap().contains(said), "{said}: {issue}");
}

fn with(mut resource: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = if parent.is_empty() { &mut resource } else { resource.pointer_mut(parent).unwrap() };
    match parent {
        Value::Array(list) => list.push(value),
        other => other[name] = value,
    }
    resource
}

#[tokio::test]
async fn an_organization_is_understood_to_its_last_member() {
    let gate = own().await;
    let sound = || organization(HOSPICE);
    let secret = Signer::es384("k-1").jwk();
    let mut private = secret.clone();
    private["d"] = json!("AQAB");
    let keys = |parts: Value| {
        with(
            sound(),
            "/extension/-",
            json!({"url": "https://caregate.example/StructureDefinition/client-keys", "extension": parts}),
        )
    };
    let jwk = |key: &Value| json!({"url": "jwk", "valueString": key.to_string()});
    for (body, code, place, said) in [
        (with(sound(), "/id", json!("RZ951")), "value", "Organization.identifier", "another organisation's"),
        (
            with(sound(), "/partOf", json!({"reference": "Organization/1"})),
            "not-supported",
            "Organization.partOf",
            "not understood",
        ),
        (
            with(sound(), "/modifierExtension", json!([])),
            "not-supported",
            "Organization.modifierExtension",
            "not understood",
        ),
        (with(sound(), "/name", json!("a\u{7}b")), "value", "Organization.name", "some text"),
        (with(sound(), "/name", json!("x".repeat(300))), "value", "Organization.name", "some text"),
        (
            with(sound(), "/type/0/coding/0/code", json!("bank")),
            "value",
            "Organization.type[0].coding[0].code",
            "no kind",
        ),
        (
            with(sound(), "/type/0/coding/-", json!({"system": "urn:x", "code": "1"})),
            "not-supported",
            "Organization.type",
            "only",
        ),
        (
            with(sound(), "/contact/0/name", json!({"text": "Dr Who"})),
            "not-supported",
            "Organization.contact[0].name",
            "not a person",
        ),
        (
            with(sound(), "/contact/0/telecom/0/value", json!("javascript:1")),
            "value",
            "Organization.contact[0].telecom[0]",
            "office",
        ),
        (
            with(sound(), "/extension/-", json!({"url": "https://x.example/secret", "valueString": "s"})),
            "not-supported",
            "Organization.extension[1]",
            "no extension",
        ),
        (
            with(sound(), "/endpoint", json!([{"reference": "Endpoint/RZ901"}])),
            "not-supported",
            "Organization.endpoint",
            "own endpoint",
        ),
        (with(sound(), "/identifier/0/value", json!("rz950")), "value", "Organization.identifier", "ODS code"),
        (keys(json!([jwk(&private)])), "value", "Organization.extension[1].extension[0]", "private or shared"),
        (
            keys(json!([jwk(&json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0"}))])),
            "value",
            "Organization.extension[1]",
            "private or shared",
        ),
        (
            keys(json!([jwk(&secret), jwk(&secret)])),
            "value",
            "Organization.extension[1].extension[1]",
            "kid of another",
        ),
        (keys(json!([jwk(&json!("text"))])), "value", "Organization.extension[1].extension[0]", "JSON object"),
        (
            keys(json!([{"url": "jwk", "valueString": "{\"kty\":\"EC\",\"kty\":\"RSA\"}"}])),
            "value",
            "Organization.extension[1]",
            "JWK",
        ),
        (
            keys(json!([{"url": "client-secret", "valueString": "hunter2"}, jwk(&secret)])),
            "not-supported",
            "Organization.extension[1]",
            "no extension",
        ),
        (
            keys(json!([{"url": "certificate", "valueString": "AQAB"}, jwk(&secret)])),
            "value",
            "Organization.extension[1]",
            "x5t#S256",
        ),
        (
            keys(json!([jwk(&secret), {"url": "jwks-url", "valueUrl": "https://k.example/"}])),
            "not-supported",
            "Organization.extension[1]",
            "not both",
        ),
    ] {
        refused(&gate, "Organization", &body, code, place, said).await;
    }
    let answer = gate.post(SYSTEM, "Organization", &json!([])).await;
    gate.ends(&answer, 400, "structure", Kind::Failed, "content").await;
    let made = gate.post(SYSTEM, "Organization", &keys(json!([jwk(&secret)]))).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

#[tokio::test]
async fn an_endpoint_is_understood_to_its_last_member() {
    let gate = own().await;
    gate.post(SYSTEM, "Organization", &organization(HOSPICE)).await;
    let path = format!("Organization/{HOSPICE}/$approve");
    assert_eq!(gate.post(OPERATOR, &path, &decision(1, "approve", None)).await.status, 200);
    let sound = || endpoint(HOSPICE, ADDRESS);
    let asked = |part: Value| with(sound(), "/extension/0/extension/-", part);
    let real = json!({"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919"});
    for (body, code, place, said) in [
        (
            with(sound(), "/connectionType/code", json!("ihe-xcpd")),
            "not-supported",
            "Endpoint.connectionType",
            "adapter",
        ),
        (
            with(sound(), "/header", json!(["Authorization: Bearer s3cret"])),
            "not-supported",
            "Endpoint.header",
            "credential",
        ),
        (with(sound(), "/status", json!("off")), "not-supported", "Endpoint.status", "period.end"),
        (with(sound(), "/status", json!("entered-in-error")), "not-supported", "Endpoint.status", "only"),
        (
            with(sound(), "/payloadType/0/coding/0/code", json!("Binary")),
            "value",
            "Endpoint.payloadType[0]",
            "DocumentReference",
        ),
        (with(sound(), "/payloadType", json!([])), "structure", "Endpoint.payloadType", "items"),
        (
            with(sound(), "/payloadMimeType/-", json!("application/fhir+json")),
            "not-supported",
            "Endpoint.payloadMimeType",
            "only one",
        ),
        (
            with(sound(), "/payloadMimeType", json!(["application/fhir+xml"])),
            "not-supported",
            "Endpoint.payloadMimeType",
            "fhir+json",
        ),
        (with(sound(), "/extension/1/valueIdentifier", real), "value", "Endpoint.extension[1]", "never issued"),
        (
            asked(json!({"url": "credential", "valueString": "kept-nowhere"})),
            "value",
            "Endpoint.extension",
            "no credential",
        ),
        (
            asked(json!({"url": "credential", "valueString": "Bearer s3cret"})),
            "value",
            "Endpoint.extension[0]",
            "never what it holds",
        ),
        (asked(json!({"url": "idiom", "valueCode": "chained"})), "not-supported", "Endpoint.extension[0]", "only one"),
        (
            asked(json!({"url": "password", "valueString": "s3cret"})),
            "not-supported",
            "Endpoint.extension[0]",
            "no extension",
        ),
        (
            with(sound(), "/extension/0/extension/1/valuePositiveInt", json!(9)),
            "value",
            "Endpoint.extension[0]",
            "milliseconds",
        ),
        (
            with(sound(), "/managingOrganization", json!({"display": "us"})),
            "required",
            "Endpoint.managingOrganization",
            "names no",
        ),
        (
            with(sound(), "/managingOrganization/reference", json!("Organization/RZ901")),
            "value",
            "Endpoint.managingOrganization",
            "two",
        ),
        (
            with(sound(), "/period", json!({"start": "2027-01-01", "end": "2026-01-01"})),
            "value",
            "Endpoint.period",
            "before it begins",
        ),
    ] {
        refused(&gate, "Endpoint", &body, code, place, said).await;
        let answer = gate.post(SYSTEM, "Endpoint", &body).await;
        assert!(!answer.text.contains("s3cret"), "{}", answer.text);
    }
    let made = gate.post(SYSTEM, "Endpoint", &sound()).await;
    assert_eq!(made.status, 201, "{}", made.text);
}
