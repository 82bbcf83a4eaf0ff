//! What an issuer says at the end of a sign-in, and what is made of it.

use super::{
    browser::{Browser, SESSION, said},
    issuer::{ACCESS_TOKEN, Issuer, SECRET},
};
use crate::{
    harness::{Gate, shared, soon},
    oauth::{now, provider::role},
};
use aws_lc_rs::digest;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};
use std::time::Duration;

/// The whole way with what this issuer says: the status, and whether anybody is signed in then.
async fn tried(issuer: &Issuer, gate: &Gate, claims: impl FnOnce(&mut Value), person: &Value) -> (u16, bool) {
    let browser = Browser::new(gate);
    let at = browser.begins("canary", "/providers").await;
    let mut said = issuer.claims(&at);
    claims(&mut said);
    issuer.answers(&said, person);
    let answer = issuer.ends(&browser, &at).await;
    (answer.status, browser.cookie(SESSION).is_some())
}

#[tokio::test]
async fn the_issuer_is_asked_once_with_a_proof_and_the_verifier_and_nothing_of_it_reaches_a_browser_or_a_log() {
    let (issuer, gate) = Issuer::start().await;
    let browser = Browser::new(&gate);
    let at = browser.begins("canary", "/providers").await;
    let asked = |name: &str| said(at.as_str(), name);
    assert!(at.as_str().starts_with(&format!("{}/authorize?tenant=1&", issuer.tap.url)), "{at}");
    let callback = format!("{}/sign-in/canary/callback", gate.url);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "pages-at-canary"),
        ("redirect_uri", callback.as_str()),
        ("scope", "openid profile nationalrbacaccess"),
        ("code_challenge_method", "S256"),
        ("acr_values", "AAL3_ANY"),
    ] {
        assert_eq!(asked(name), value, "{name}");
    }
    issuer.answers(&issuer.claims(&at), &Issuer::person());
    issuer.tap.take();
    let answer = issuer.ends(&browser, &at).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, browser.link("/providers").as_str()),
        "{}",
        answer.text
    );
    let page = browser.get("/providers").await;
    assert!(page.status == 200 && page.text.contains("N Pontoon"), "{}", page.text);
    let seen = issuer.tap.take();
    let to = |path: &str| seen.iter().filter(|one| one.path == path).cloned().collect::<Vec<_>>();
    let [token] = to("/token").try_into().unwrap();
    assert_eq!(to("/userinfo").len(), 1);
    let coded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    assert_eq!(
        token.header("authorization"),
        format!("Basic {}", BASE64.encode(format!("pages-at-canary:{coded}").as_bytes()))
    );
    assert_eq!(
        (token.field("grant_type").as_str(), token.field("code").as_str()),
        ("authorization_code", "canary-code")
    );
    assert_eq!(token.field("redirect_uri"), callback);
    let hashed = digest::digest(&digest::SHA256, token.field("code_verifier").as_bytes());
    assert_eq!(BASE64URL_NOPAD.encode(hashed.as_ref()), asked("code_challenge"));
    let told = format!("{:?}{:?}{}{}{}", answer, page, browser.cookie(SESSION).unwrap(), gate.stderr(), gate.stdout());
    for secret in
        [ACCESS_TOKEN, "canary-code", "eyJ", SECRET, &token.field("code_verifier"), &asked("state"), &asked("nonce")]
    {
        assert!(!told.contains(secret), "{secret}");
    }
    assert!(!gate.stderr().contains("Pontoon") && !gate.stderr().contains("555021400115"));
}

#[tokio::test]
async fn an_id_token_with_any_fault_signs_nobody_in() {
    let (issuer, gate) = Issuer::start().await;
    let person = Issuer::person();
    assert_eq!(tried(&issuer, &gate, |_| (), &person).await, (303, true));
    // one without the hash of the access token that came along with it is as good
    assert_eq!(
        tried(&issuer, &gate, |c| drop(c.as_object_mut().unwrap().remove("at_hash")), &person).await,
        (303, true)
    );
    for (name, value) in [
        ("nonce", json!("another")),
        ("nonce", json!("")),
        ("nonce", Value::Null),
        ("aud", json!("another-app")),
        ("aud", json!(["pages-at-canary", "another-app"])),
        ("azp", json!("another-app")),
        ("iss", json!("https://elsewhere.example")),
        ("iss", json!(gate.identity)),
        ("exp", json!(now() - 60)),
        ("iat", json!(now() - 3600)),
        ("iat", json!(now() + 600)),
        ("acr", json!("AAL1_USERPASS")),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("at_hash", json!(1)),
        ("sub", json!("somebody-else")),
        ("selected_roleid", json!("r-9")),
        ("selected_roleid", Value::Null),
        ("events", json!({})),
    ] {
        let change = |claims: &mut Value| match &value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        };
        assert_eq!(tried(&issuer, &gate, change, &person).await, (403, false), "{name}: {value}");
    }
    // userinfo that is of nobody, of somebody else, or contradicts
    for (name, value) in [
        ("sub", json!("somebody-else")),
        ("selected_roleid", json!("r-2")),
        ("nhsid_nrbac_roles", json!([role("r-1", "?", "R8015")])),
    ] {
        let mut other = Issuer::person();
        other[name] = value;
        assert_eq!(tried(&issuer, &gate, |_| (), &other).await, (403, false), "{name}");
    }
    // the row of a refused sign-in names nobody; past a rate one row stands for many
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let browser = Browser::new(&gate);
    let at = browser.begins("canary", "/").await;
    let mut claims = issuer.claims(&at);
    claims["nonce"] = json!("another");
    issuer.answers(&claims, &person);
    let refused = issuer.ends(&browser, &at).await;
    let row = soon("the refusal is written down", async || gate.rows(&refused).await.pop()).await;
    assert_eq!(
        (row.interaction.as_str(), row.status, row.reason.as_deref()),
        ("sign-in", 403, Some("another-sign-in"))
    );
    assert!(row.who.is_none());
}

#[tokio::test]
async fn a_token_endpoint_that_says_no_or_nothing_or_nonsense_signs_nobody_in() {
    let (issuer, gate) = Issuer::start().await;
    let good = |browser_at: &url::Url| json!({"access_token": ACCESS_TOKEN, "id_token": issuer.signer.sign(&issuer.claims(browser_at)), "token_type": "Bearer"});
    issuer.says.lock().unwrap().userinfo = (200, Issuer::person().to_string());
    for (status, change, told) in [
        (200, ("token_type", json!("mac")), 400),
        (200, ("access_token", json!("a b")), 400),
        (200, ("access_token", json!("")), 400),
        (200, ("id_token", json!(1)), 400),
        (200, ("id_token", json!("a.b.c")), 403),
        (400, ("", json!(0)), 400),
        (401, ("", json!(0)), 400),
        (500, ("", json!(0)), 503),
        (302, ("", json!(0)), 503),
    ] {
        let browser = Browser::new(&gate);
        let at = browser.begins("canary", "/").await;
        let mut tokens = good(&at);
        tokens[change.0] = change.1.clone();
        issuer.says.lock().unwrap().token = (status, tokens.to_string());
        let answer = issuer.ends(&browser, &at).await;
        assert_eq!((answer.status, browser.cookie(SESSION)), (told, None), "{status} {change:?}");
        assert!(!answer.text.contains("mac") && !answer.text.contains(ACCESS_TOKEN));
    }
    let browser = Browser::new(&gate);
    let at = browser.begins("canary", "/").await;
    issuer.says.lock().unwrap().token = (200, "<html>".to_owned());
    assert_eq!(issuer.ends(&browser, &at).await.status, 503);
    // one that does not answer costs this browser some seconds and nobody anything else
    let at = browser.begins("silent", "/").await;
    let began = std::time::Instant::now();
    let answer = issuer.ends(&browser, &at).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "2"));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let other = Browser::of(&gate, "systems-estuary").await;
    assert_eq!(other.get("/providers").await.status, 200);
}

#[tokio::test]
async fn a_script_in_a_name_is_a_name() {
    let (issuer, gate) = Issuer::start().await;
    let browser = Browser::new(&gate);
    let at = browser.begins("canary", "/providers").await;
    let mut person = Issuer::person();
    let name = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&";
    person["name"] = json!(name);
    person["nhsid_nrbac_roles"][0]["role_name"] = json!("</dd><script>alert(2)</script>");
    issuer.answers(&issuer.claims(&at), &person);
    assert_eq!(issuer.ends(&browser, &at).await.status, 303);
    for path in ["/", "/providers", "/nowhere"] {
        let page = browser.get(path).await.text;
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(path == "/nowhere" || page.contains("&lt;script&gt;alert(1)"), "{page}");
    }
}

#[tokio::test]
async fn patients_sign_in_by_the_key_of_the_pages_and_are_named_nowhere() {
    let gate = shared().await;
    let number = gate.registered("F99001", 0).nhs_number.digits();
    let browser = Browser::of(&gate, &format!("patient:{number}")).await;
    let page = browser.get("/").await.text;
    assert!(page.contains("Signed in as a patient") && !page.contains(&number), "{page}");
    assert!(!gate.stderr().contains(&number));
}
