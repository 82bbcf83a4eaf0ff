//! Forms that were not sent from a page of this very session: nothing is done.

use super::browser::{Browser, SESSION};
use crate::harness::{Answer, Gate, shared};
use caregate::audit::Kind;
use reqwest::Method;

const OURS: &[(&str, &str)] = &[("origin", "null"), ("sec-fetch-site", "same-origin")];

async fn still_signed_in(gate: &Gate, browser: &Browser<'_>, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.headers.get("set-cookie").is_none());
    let row = gate.closing(answer).await;
    assert_eq!((row.kind, row.status), (Kind::Failed, status));
    assert!(browser.get("/").await.text.contains("You are signed in"));
}

#[tokio::test]
async fn a_form_of_another_page_or_session_or_site_does_nothing_and_is_written_down() {
    let gate = shared().await;
    let (one, other) = (Browser::of(&gate, "systems-estuary").await, Browser::of(&gate, "systems-estuary").await);
    let token = one.form_token().await;
    let theirs = other.form_token().await;
    assert_ne!(token, theirs);
    let session = one.cookie(SESSION).unwrap();
    for wrong in ["", "x", theirs.as_str(), &token[1..], &session, &token.to_uppercase()] {
        let answer = one.post("/sign-out", &[("form_token", wrong)]).await;
        still_signed_in(&gate, &one, &answer, 403).await;
    }
    still_signed_in(&gate, &one, &one.post("/sign-out", &[]).await, 403).await;
    // twice says nothing
    let twice = one.post("/sign-out", &[("form_token", &token), ("form_token", &token)]).await;
    still_signed_in(&gate, &one, &twice, 400).await;
    let form = [("form_token", token.as_str())];
    let own = gate.url.as_str();
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", own), ("sec-fetch-site", "cross-site")],
        &[("origin", own), ("sec-fetch-site", "same-site")],
        &[("origin", "http://127.0.0.1"), ("sec-fetch-site", "same-origin")],
    ] {
        let answer = one.post_from("/sign-out", &form, headers).await;
        still_signed_in(&gate, &one, &answer, 403).await;
    }
    // what a form of another kind could be made to send
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json"] {
        let request = one.request(Method::POST, "/sign-out").header("content-type", kind);
        let request = OURS.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = Answer::of(request.body(format!("form_token={token}"))).await;
        still_signed_in(&gate, &one, &answer, 415).await;
    }
    let large = one.post("/sign-out", &[("form_token", &token), ("more", &"x".repeat(64 << 10))]).await;
    still_signed_in(&gate, &one, &large, 413).await;
    // neither by a link, nor by a token in one
    let by_link = one.get(&format!("/sign-out?form_token={token}")).await;
    assert_eq!((by_link.status, by_link.header("allow")), (405, "POST"));
    let in_url = one.post(&format!("/sign-out?form_token={token}"), &[]).await;
    still_signed_in(&gate, &one, &in_url, 403).await;
    // and nobody else's session is ended by it
    let out = one.post_from("/sign-out", &form, &[("origin", own)]).await;
    assert_eq!((out.status, out.header("location")), (303, one.link("/?signed-out=yes").as_str()));
    assert!(other.get("/").await.text.contains("You are signed in"));
}
