//! Somebody wants to be signed in as another, to have another signed in as themselves, or to lead people astray.

use super::{
    browser::{Browser, SESSION, TICKET, said},
    issuer::Issuer,
};
use crate::harness::{Answer, Gate, own, shared, soon};
use reqwest::Method;
use std::time::Duration;
use url::Url;

async fn refused(gate: &Gate, browser: &Browser<'_>, back: &str, reason: &str) {
    // so that each has a row of its own: past a rate one stands for many
    tokio::time::sleep(Duration::from_millis(120)).await;
    let answer = browser.get(back).await;
    assert_eq!((answer.status, browser.cookie(SESSION)), (400, None), "{back}: {}", answer.text);
    assert!(answer.text.contains("You are not signed in"), "{}", answer.text);
    let row = soon("the refusal is written down", async || gate.rows(&answer).await.pop()).await;
    assert_eq!((row.interaction.as_str(), row.reason.as_deref()), ("sign-in", Some(reason)), "{back}");
}

/// The address with this parameter changed, or without it.
fn with(url: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse(url).unwrap();
    let kept: Vec<_> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    if let Some(value) = value {
        url.query_pairs_mut().append_pair(name, value);
    }
    url.into()
}

#[tokio::test]
async fn a_sign_in_ends_in_the_browser_that_began_it_with_the_issuer_it_was_begun_with_and_once() {
    let gate = own().await;
    let persona = "systems-estuary";
    // an attacker's own sign-in, ended in somebody else's browser: with no ticket, and with that one's own
    let attacker = Browser::new(&gate);
    let back = attacker.chooses(&attacker.begins("staff", "/").await, persona).await;
    refused(&gate, &Browser::new(&gate), &back, "not-begun").await;
    let victim = Browser::new(&gate);
    victim.begins("staff", "/").await;
    refused(&gate, &victim, &back, "not-begun").await;
    // a ticket that was changed, or is no ticket
    let ticket = attacker.cookie(TICKET).unwrap();
    let forged = ticket.replacen('e', "f", 1);
    for other in ["", "a.b", "x", forged.as_str(), ticket.split_once('.').unwrap().0] {
        let browser = Browser::new(&gate);
        browser.set(TICKET, other);
        refused(&gate, &browser, &back, "not-begun").await;
    }
    // the state is needed, as it is
    for state in [None, Some(""), Some("x"), Some(said(&back, "state").to_lowercase().as_str())] {
        let browser = Browser::new(&gate);
        browser.set(TICKET, &ticket);
        refused(&gate, &browser, &with(&back, "state", state), "not-begun").await;
    }
    // mix-up: another issuer's address, or its name (RFC 9207)
    for other in
        [back.replace("/sign-in/staff/", "/sign-in/patients/"), with(&back, "iss", Some("https://elsewhere.example"))]
    {
        let browser = Browser::new(&gate);
        browser.set(TICKET, &ticket);
        refused(&gate, &browser, &other, "not-begun").await;
    }
    // none of these used it up; once it is used, it is
    let both = [Browser::new(&gate), Browser::new(&gate)];
    both.iter().for_each(|browser| browser.set(TICKET, &ticket));
    let (one, other) = tokio::join!(both[0].get(&back), both[1].get(&back));
    let mut ended = [one.status, other.status];
    ended.sort_unstable();
    assert_eq!(ended, [303, 400], "of two at once one is signed in");
    let again = Browser::new(&gate);
    again.set(TICKET, &ticket);
    refused(&gate, &again, &back, "replayed").await;
}

#[tokio::test]
async fn a_code_of_another_sign_in_is_no_use_for_want_of_its_verifier_and_no_code_is_used_twice() {
    let gate = own().await;
    let (attacker, victim) = (Browser::new(&gate), Browser::new(&gate));
    let theirs = attacker.chooses(&attacker.begins("staff", "/").await, "systems-estuary").await;
    // somebody else's code, brought into a sign-in of one's own
    let own = victim.chooses(&victim.begins("staff", "/").await, "systems-saltmarsh").await;
    let code = said(&theirs, "code");
    refused(&gate, &victim, &with(&own, "code", Some(&code)), "code").await;
    // and it is of no use to its owner either, who is told to begin again
    refused(&gate, &attacker, &theirs, "code").await;
    let fresh = Browser::new(&gate);
    let back = fresh.chooses(&fresh.begins("staff", "/").await, "systems-estuary").await;
    assert_eq!(fresh.get(&back).await.status, 303);
    let later = Browser::new(&gate);
    let other = later.chooses(&later.begins("staff", "/").await, "systems-estuary").await;
    refused(&gate, &later, &with(&other, "code", Some(&said(&back, "code"))), "code").await;
    for (code, reason) in [(None, "not-signed-in"), (Some("x".repeat(5000)), "code"), (Some(String::new()), "code")] {
        let browser = Browser::new(&gate);
        let back = browser.chooses(&browser.begins("staff", "/").await, "systems-estuary").await;
        refused(&gate, &browser, &with(&back, "code", code.as_deref()), reason).await;
    }
    let turned = Browser::new(&gate);
    let back = turned.chooses(&turned.begins("staff", "/").await, "").await;
    assert_eq!(said(&back, "error"), "access_denied");
    refused(&gate, &turned, &back, "not-signed-in").await;
}

#[tokio::test]
async fn nobody_is_led_anywhere_but_to_our_own_pages() {
    let gate = shared().await;
    let front = gate.url.clone() + "/";
    for to in [
        "//evil.example",
        "///evil.example/a",
        "/\\evil.example",
        "https://evil.example/providers",
        "javascript:alert(1)",
        "\r\nLocation: https://evil.example",
        "/providers\r\nSet-Cookie: a=b",
        "@evil.example",
        ".evil.example",
        "/sign-in/staff",
    ] {
        let browser = Browser::new(&gate);
        let coded: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
        let page = browser.get(&format!("/?to={coded}")).await;
        assert!(!page.text.contains("evil") && !page.text.contains("javascript"), "{to}: {}", page.text);
        let at = browser.begins("staff", to).await;
        assert!(at.as_str().starts_with(&gate.identity), "{at}");
        let back = browser.chooses(&at, "systems-estuary").await;
        let answer = browser.get(&back).await;
        assert_eq!((answer.status, answer.header("location")), (303, front.as_str()), "{to}");
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2, "{to}");
    }
    // a page of ours is gone on to with what was asked of it
    let browser = Browser::new(&gate);
    let answer = browser.signs_in("systems-estuary", "/providers?a=1&b=2").await;
    assert_eq!(answer.header("location"), browser.link("/providers?a=1&b=2"));
}

#[tokio::test]
async fn no_header_of_a_request_has_a_say_in_a_link() {
    let gate = shared().await;
    let browser = Browser::of(&gate, "systems-estuary").await;
    let nobody = Browser::new(&gate);
    for (browser, path) in [
        (&nobody, "/"),
        (&nobody, "/providers"),
        (&nobody, "/sign-in/staff"),
        (&browser, "/"),
        (&browser, "/providers"),
    ] {
        let mut request = browser.request(Method::GET, path);
        for name in ["host", "x-forwarded-host", "x-host", "x-original-host", "x-forwarded-server", "x-original-url"] {
            request = request.header(name, "evil.example");
        }
        let request = request.header("forwarded", "host=evil.example;proto=https").header("x-forwarded-proto", "https");
        let answer = Answer::of(request).await;
        assert!(answer.status < 400, "{path}: {}", answer.text);
        assert!(
            !answer.text.contains("evil") && !answer.header("location").contains("evil"),
            "{path}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn sign_ins_that_hang_take_no_place_of_anybody_elses_request() {
    let (issuer, gate) = Issuer::start().await;
    let hanging = async || {
        let browser = Browser::new(&gate);
        let at = browser.begins("silent", "/").await;
        issuer.ends(&browser, &at).await.status
    };
    let flood = futures::future::join_all((0..caregate::pages::SIGN_INS_MAX + 6).map(|_| hanging()));
    let beside = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let began = std::time::Instant::now();
        let answer = gate.search("gp-saltmarsh", "Flag", gate.registered("F99001", 0).nhs_number).await;
        (answer.status, began.elapsed())
    };
    let (statuses, (status, took)) = tokio::join!(flood, beside);
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    assert!(status == 200 && took < Duration::from_secs(2), "{status} {took:?}");
}
