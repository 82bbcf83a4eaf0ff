//! What an ID token is exchanged for, and what is no sign-in: nobody becomes more than their own sign-in makes them.

use super::{
    CLIENT, ID_TOKEN, bearing, claims_of, error_of, exchanged, now,
    provider::{ACCESS_TOKEN, Provider, at_hash, role},
    token_of,
};
use crate::harness::{Gate, of_patient};
use caregate::domain::NhsNumber;
use serde_json::{Value, json};

const SCOPE: &str = "user/*.rs";

async fn error(gate: &Gate, provider: &Provider, id_token: &str, access_token: Option<&str>) -> (u16, String, String) {
    error_of(&exchanged(gate, &provider.assertion(gate), id_token, access_token, SCOPE).await)
}

/// The claims with this one changed, or without it for null.
fn with(mut claims: Value, name: &str, value: &Value) -> Value {
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value.clone(),
    }
    claims
}

#[tokio::test]
async fn a_sign_in_becomes_a_token_of_the_one_role_that_was_selected_for_as_long_as_it_lasts() {
    let (provider, gate) = Provider::start().await;
    provider.answers(200, &Provider::roles());
    let id_token = provider.signed(&provider.clinician());
    let asked = || exchanged(&gate, &id_token, &id_token, Some(ACCESS_TOKEN), SCOPE);
    assert_eq!(error_of(&asked().await).1, "invalid_client", "an ID token is no assertion");
    let answer = exchanged(&gate, &provider.assertion(&gate), &id_token, Some(ACCESS_TOKEN), SCOPE).await;
    let token = token_of(&answer);
    assert_eq!(answer.json()["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    let who = gate.closing(&answer).await.who.unwrap();
    assert_eq!((who.issuer, who.subject.as_str()), (format!("{}/cis2", provider.tap.url), "555021400101"));
    assert_eq!((who.client.as_str(), who.role.as_deref()), (CLIENT, Some("R0260")));
    assert_eq!(provider.tap.take().iter().filter(|seen| seen.path == "/userinfo").count(), 1);
    let patient = gate.registered("F99001", 0).nhs_number;
    let shown = bearing(&gate, &token, &of_patient("Observation", patient)).await;
    let own = gate.search("gp-saltmarsh", "Observation", patient).await;
    assert_eq!(shown.match_ids(), own.match_ids());
    assert!(!shown.match_ids().is_empty());
    // the other role is another decision
    let desk = provider.signed(&with(provider.clinician(), "selected_roleid", &json!("r-2")));
    let token = token_of(&exchanged(&gate, &provider.assertion(&gate), &desk, Some(ACCESS_TOKEN), SCOPE).await);
    assert_eq!(bearing(&gate, &token, &of_patient("Observation", patient)).await.status, 403);
    // neither of the issuer's tokens opens anything here itself
    for bare in [&id_token, ACCESS_TOKEN] {
        assert_eq!(bearing(&gate, bare, &of_patient("Observation", patient)).await.status, 401);
    }
    provider.log_is_clean(&gate);
}

#[tokio::test]
async fn an_id_token_with_any_fault_is_exchanged_for_nothing() {
    let (provider, gate) = Provider::start().await;
    provider.answers(200, &Provider::roles());
    for (name, value, said) in [
        ("aud", json!("another-app"), "another audience"),
        ("aud", json!(CLIENT), "another audience"),
        ("aud", json!(["ward-app", "another-app"]), "another audience"),
        ("azp", json!("another-app"), "another audience"),
        ("iss", json!("https://elsewhere.example"), "issuer is not known"),
        ("iss", json!(format!("{}/login", provider.tap.url)), "subject_token"),
        ("exp", json!(now() - 1), "expired"),
        ("exp", Value::Null, "a claim is missing"),
        ("iat", json!(now() - 600), "issued too long ago"),
        ("iat", json!(now() + 600), "not valid yet"),
        ("iat", Value::Null, "a claim is missing"),
        ("acr", json!("AAL1_USERPASS"), "assurance"),
        ("acr", Value::Null, "assurance"),
        ("scope", json!("openid"), "type is not accepted"),
        ("scp", json!(["openid"]), "type is not accepted"),
        ("client_id", json!("ward-app"), "type is not accepted"),
        ("sub", Value::Null, "a claim is missing"),
        ("at_hash", json!(at_hash("canary-opaque-2")), "not of the sign-in"),
        ("at_hash", Value::Null, "not of the sign-in"),
        ("sub", json!("555021400102"), "not of the sign-in"),
        ("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}}), "issuer"),
        ("act", json!({"sub": "555021400999"}), "delegated"),
        ("selected_roleid", Value::Null, "select one role"),
        ("selected_roleid", json!("r-9"), "select one role"),
    ] {
        let id_token = provider.signed(&with(provider.clinician(), name, &value));
        let (status, error, description) = error(&gate, &provider, &id_token, Some(ACCESS_TOKEN)).await;
        assert_eq!((status, error.as_str()), (400, "invalid_grant"), "{name} {value}: {description}");
        assert!(description.contains(said), "{name} {value}: {description}");
    }
    // signed by another key of that name, of another type, by an algorithm that is not for ID tokens
    let good = provider.clinician();
    let forged = super::Signer::es384("idp-1").sign(&good);
    let mut header = provider.signer.header();
    header.typ = Some("at+jwt".to_owned());
    let typed = provider.signer.sign_under(&header, &good);
    let swapped = provider.signed(&good).replace('.', ".e");
    for bad in [&forged, &typed, &swapped, "nonsense"] {
        assert_eq!(error(&gate, &provider, bad, Some(ACCESS_TOKEN)).await.1, "invalid_grant");
    }
    // a client that is not registered to bring this issuer's
    let narrow = provider.client().assertion("narrow", &gate);
    let answer = exchanged(&gate, &narrow, &provider.signed(&good), Some(ACCESS_TOKEN), "user/Observation.rs").await;
    assert_eq!(error_of(&answer).1, "invalid_grant", "{}", answer.text);
    let alone = super::asked(&gate, &provider.client().assertion("narrow", &gate), "system/*.rs").await;
    assert_eq!(error_of(&alone).1, "unauthorized_client");
    // and never more than the client is registered for
    for (scope, granted) in [("user/*.cruds", Some("user/*.rs user/Consent.crus user/Task.u")), ("system/*.rs", None)] {
        let answer =
            exchanged(&gate, &provider.assertion(&gate), &provider.signed(&good), Some(ACCESS_TOKEN), scope).await;
        match granted {
            Some(granted) => assert_eq!(claims_of(&token_of(&answer))["scope"], granted),
            None => assert_eq!(error_of(&answer).1, "invalid_scope"),
        }
    }
    provider.log_is_clean(&gate);
}

#[tokio::test]
async fn userinfo_is_believed_of_the_same_person_alone_and_without_it_nobody_is_let_in() {
    let (provider, gate) = Provider::start().await;
    let good = provider.signed(&provider.clinician());
    let said = async |status: u16, said: Value| {
        provider.answers(status, &said);
        error(&gate, &provider, &good, Some(ACCESS_TOKEN)).await
    };
    let roles = |roles: Value| with(Provider::roles(), "nhsid_nrbac_roles", &roles);
    for (answer, what) in [
        (with(Provider::roles(), "sub", &json!("555021400102")), "not of the sign-in"),
        (with(Provider::roles(), "sub", &Value::Null), "not of the sign-in"),
        (with(Provider::roles(), "selected_roleid", &json!("r-2")), "not of the sign-in"),
        (roles(json!([])), "select one role"),
        (roles(Value::Null), "select one role"),
        (roles(json!([role("r-1", "F99001", "R0260"), role("r-1", "RZ901", "R0050")])), "select one role"),
        (roles(json!([role("r-1", "no code", "R0260")])), "names no organisation"),
        (roles(json!("R0260")), "a claim is missing or malformed"),
    ] {
        let (status, error, description) = said(200, answer.clone()).await;
        assert_eq!((status, error.as_str()), (400, "invalid_grant"), "{answer}");
        assert!(description.contains(what), "{answer}: {description}");
    }
    for status in [400, 401, 403] {
        let (status, error, description) = said(status, json!({})).await;
        assert_eq!((status, error.as_str()), (400, "invalid_grant"));
        assert!(description.starts_with("access_token: not accepted"), "{description}");
    }
    for status in [302, 404, 500, 503] {
        let (status, error, _) = said(status, json!({})).await;
        assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"));
    }
    assert_eq!(said(200, json!([])).await.0, 503, "not an object");
    assert_eq!(said(200, json!({"sub": "x".repeat(300 << 10)})).await.0, 503, "too large");
    // nothing that is said there is left out by not asking
    let (_, error, description) = error(&gate, &provider, &good, None).await;
    assert_eq!(error, "invalid_request");
    assert!(description.starts_with("access_token is missing"), "{description}");
    // what the issuer grants, or binds, is for itself
    let mut more = Provider::roles();
    more["scope"] = json!("user/*.cruds system/*.cruds");
    more["cnf"] = json!({"jkt": "x"});
    provider.answers(200, &more);
    let answer = exchanged(&gate, &provider.assertion(&gate), &good, Some(ACCESS_TOKEN), "user/Observation.rs").await;
    assert_eq!(claims_of(&token_of(&answer))["scope"], "user/Observation.rs");
    provider.log_is_clean(&gate);
}

#[tokio::test]
async fn a_patient_is_proved_to_p9_and_sees_their_own_log_and_nobody_elses() {
    let (provider, gate) = Provider::start().await;
    let own = gate.registered("F99001", 0).nhs_number;
    let other = gate.registered("F99001", 1).nhs_number;
    let scope = "patient/AuditEvent.rs user/*.rs";
    let asked = async |claims: &Value| {
        exchanged(&gate, &provider.assertion(&gate), &provider.signed(claims), None, scope).await
    };
    let good = provider.patient(&own.digits());
    for (name, value, said) in [
        ("identity_proofing_level", json!("P5"), "not proved"),
        ("identity_proofing_level", Value::Null, "not proved"),
        ("vot", json!("P5.Cp.Cd"), "assurance"),
        ("vot", json!("P9.Cp"), "assurance"),
        ("vot", Value::Null, "assurance"),
        ("nhs_number", json!("9990000019"), "no valid NHS number"),
        ("nhs_number", Value::Null, "no valid NHS number"),
    ] {
        let (_, error, description) = error_of(&asked(&with(good.clone(), name, &value)).await);
        assert!(error == "invalid_grant" && description.contains(said), "{name}: {description}");
        assert!(!description.contains(&own.digits()), "{description}");
    }
    let answer = asked(&good).await;
    let token = token_of(&answer);
    assert_eq!(answer.json()["scope"], "patient/AuditEvent.rs", "a patient is no user of an organisation's");
    let log = async |patient: NhsNumber| {
        let path = format!("AuditEvent?patient.identifier={}%7C{}", crate::harness::NHS, patient.digits());
        bearing(&gate, &token, &path).await.status
    };
    assert_eq!((log(own).await, log(other).await), (200, 403));
    // somebody who acts for them is named as the one who looks
    let acting = asked(&with(good, "act", &json!({"sub": "daughter-1"}))).await;
    assert_eq!(gate.closing(&acting).await.who.unwrap().acting.as_deref(), Some("daughter-1"));
}

#[tokio::test]
async fn what_an_exchange_is_not_for_is_refused() {
    let (provider, gate) = Provider::start().await;
    provider.answers(200, &Provider::roles());
    let id_token = provider.signed(&provider.clinician());
    for (name, value, error) in [
        ("actor_token", "a.b.c", "invalid_request"),
        ("requested_token_type", ID_TOKEN, "invalid_request"),
        ("audience", "https://elsewhere.example", "invalid_target"),
        ("access_token", "a b", "invalid_request"),
    ] {
        let assertion = provider.assertion(&gate);
        let mut form = vec![
            ("grant_type", super::EXCHANGE),
            ("client_assertion_type", super::JWT_BEARER),
            ("client_assertion", &assertion),
            ("subject_token_type", ID_TOKEN),
            ("subject_token", &id_token),
            ("scope", SCOPE),
            ("access_token", ACCESS_TOKEN),
        ];
        form.retain(|(one, _)| *one != name);
        form.push((name, value));
        let answer = super::posted(&gate, &gate.url, &form).await;
        assert_eq!(error_of(&answer).1, error, "{name}: {}", answer.text);
    }
}
