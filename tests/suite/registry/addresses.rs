//! Where nobody's registration may lead: each row of the registry's cases. What a name leads to is vetted again when it is connected to.

use super::{ADDRESS, HOSPICE, OPERATOR, SYSTEM, decision, endpoint, organization, state};
use crate::harness::{Gate, Setup};
use caregate::audit::Kind;
use serde_json::{Value, json};

/// A deployment that allows neither plain HTTP nor addresses of its own network, with the hospice let in.
async fn strict() -> Gate {
    let gate = Setup::default()
        .set("CAREGATE__REGISTRY__ALLOW_HTTP", false)
        .set("CAREGATE__REGISTRY__ALLOW_PRIVATE_ADDRESSES", false)
        .start();
    gate.post(SYSTEM, "Organization", &organization(HOSPICE)).await;
    let path = format!("Organization/{HOSPICE}/$approve");
    let approved = gate.post(OPERATOR, &path, &decision(1, "approve", None)).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    gate
}

const REFUSED: &[&str] = &[
    "http://fhir.lantern.example/r4",
    "https://127.0.0.1/r4",
    "https://127.1/r4",
    "https://0177.0.0.1/r4",
    "https://0x7f000001/r4",
    "https://2130706433/r4",
    "https://[::1]/r4",
    "https://[::ffff:127.0.0.1]/r4",
    "https://[::ffff:169.254.169.254]/r4",
    "https://169.254.169.254/latest/meta-data",
    "https://metadata.google.internal/computeMetadata/v1",
    "https://10.0.0.7/r4",
    "https://192.168.1.1/r4",
    "https://[fd00::7]/r4",
    "https://0.0.0.0/r4",
    "https://localhost/r4",
    "https://LocalHost.:8443/r4",
    "https://database/r4",
    "https://fhir.corp/r4",
    "https://user:secret@fhir.lantern.example/r4",
    "https://provider.nhs.uk@evil.example/r4",
    "https://fhir.lantern.example:22/r4",
    "https://fhir.lantern.example:25/r4",
    "https://fhir.lantern.example/r4?tenant=1",
    "https://fhir.lantern.example/r4#part",
    "ftp://fhir.lantern.example/r4",
    "file:///etc/passwd",
    "gopher://fhir.lantern.example:70/r4",
    "https://fhir.lantern.example/r4\r\nX-Injected: 1",
    "https://fhir.lantern.example/r4\u{7f}",
    "//fhir.lantern.example/r4",
    "https://",
    "",
];

#[tokio::test]
async fn an_endpoint_leads_nowhere_but_to_a_service_root_on_the_public_internet() {
    let gate = strict().await;
    for address in REFUSED {
        let answer = gate.post(SYSTEM, "Endpoint", &endpoint(HOSPICE, address)).await;
        gate.ends(&answer, 422, "value", Kind::Failed, "content").await;
        assert_eq!(answer.json()["issue"][0]["expression"][0], "Endpoint.address", "{address}: {}", answer.text);
        assert!(!answer.text.contains("secret") && !answer.text.contains("Injected"), "{}", answer.text);
        let mut replica = endpoint(HOSPICE, ADDRESS);
        replica["extension"][0]["extension"]
            .as_array_mut()
            .unwrap()
            .push(json!({"url": "replica", "valueUrl": address}));
        let answer = gate.post(SYSTEM, "Endpoint", &replica).await;
        gate.ends(&answer, 422, "value", Kind::Failed, "content").await;
        let mut keys = organization(HOSPICE);
        let place = json!([{"url": "jwks-url", "valueUrl": address}]);
        let keyed = json!({"url": "https://caregate.example/StructureDefinition/client-keys", "extension": place});
        keys["extension"].as_array_mut().unwrap().push(keyed);
        let answer = gate.put(SYSTEM, &format!("Organization/{HOSPICE}"), &keys).await;
        gate.ends(&answer, 422, "value", Kind::Failed, "content").await;
    }
    let none: Value = gate.get(SYSTEM, "Endpoint").await.json();
    assert_eq!(none["total"], Value::Null);
    assert!(none.get("entry").is_none(), "{none}");
}

/// A name's look proves nothing, either way. What stands between is the operator, who sees it before it is in force; the probe; and
/// the vetting of what the name leads to at each connection.
#[tokio::test]
async fn a_name_that_looks_like_a_providers_is_proposed_like_any_other() {
    let gate = strict().await;
    for (version, address) in
        ["https://provider.nhs.uk.evil.example/r4", "https://fhir.lantern.example:8443/r4"].into_iter().enumerate()
    {
        let answer = match version {
            0 => gate.post(SYSTEM, "Endpoint", &endpoint(HOSPICE, address)).await,
            _ => gate.put(SYSTEM, &format!("Endpoint/{HOSPICE}"), &endpoint(HOSPICE, address)).await,
        };
        assert_eq!(state(&answer), "proposed", "{}", answer.text);
        assert_eq!(answer.json()["address"], address);
    }
    let seen = gate.get(OPERATOR, &format!("Endpoint/{HOSPICE}")).await;
    assert_eq!(seen.json()["address"], "https://fhir.lantern.example:8443/r4");
}

#[tokio::test]
async fn another_organisations_code_is_not_registered_by_whoever_is_not_it() {
    let gate = strict().await;
    for (who, ods) in [(SYSTEM, "RZ951"), (SYSTEM, "RZ901"), ("systems:RZ951", HOSPICE), ("system:F99001", "RZ901")] {
        for (kind, body) in [("Organization", organization(ods)), ("Endpoint", endpoint(ods, ADDRESS))] {
            let answer = gate.post(who, kind, &body).await;
            gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
        }
    }
}
