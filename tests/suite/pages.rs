//! What people see, over HTTP as a browser speaks it: signing in and out, sessions, forms, headers, and who is shown what. That it
//! is usable, and looks as it should, is told in a real browser (`tests/real/browser.rs`).

#[path = "pages/attacks.rs"]
mod attacks;
#[path = "pages/browser.rs"]
mod browser;
#[path = "pages/console.rs"]
mod console;
#[path = "pages/console_about.rs"]
mod console_about;
#[path = "pages/console_who.rs"]
mod console_who;
#[path = "pages/forms.rs"]
mod forms;
#[path = "pages/issuer.rs"]
mod issuer;
#[path = "pages/issuers.rs"]
mod issuers;
#[path = "pages/sessions.rs"]
mod sessions;

use crate::harness::{Answer, on_each_database, shared};
use browser::Browser;
use caregate::{audit::Kind, pages::PAGES};
use reqwest::Method;

#[tokio::test]
async fn a_sign_in_leads_to_the_page_that_was_wanted_and_is_written_down_as_each_page_is() {
    for gate in on_each_database().await {
        let browser = Browser::new(&gate);
        let first = browser.get("/providers").await;
        assert_eq!((first.status, first.header("location")), (303, browser.link("/?to=%2Fproviders").as_str()));
        let front = browser.get("/?to=%2Fproviders").await;
        assert_eq!(front.status, 200);
        assert!(front.text.contains(&browser.link("/sign-in/staff?to=%2Fproviders")), "{}", front.text);
        let signed_in = browser.signs_in("systems-estuary", "/providers").await;
        assert_eq!((signed_in.status, signed_in.header("location")), (303, browser.link("/providers").as_str()));
        let row = gate.closing(&signed_in).await;
        assert_eq!((row.kind, row.interaction.as_str(), row.status), (Kind::Released, "sign-in", 303));
        let who = row.who.unwrap();
        assert_eq!((who.subject.as_str(), who.role.as_deref()), ("555021400122", Some("R8015")));
        assert_eq!((who.issuer, who.client.as_str()), (gate.identity.clone(), "caregate-pages"));
        let page = browser.get("/providers").await;
        assert_eq!(page.status, 200, "{}", page.text);
        for known in ["Estuary Hospitals NHS Foundation Trust", "RZ901", "Acute trust", "P Gantry", "R8015"] {
            assert!(page.text.contains(known), "{known}: {}", page.text);
        }
        let row = gate.closing(&page).await;
        assert_eq!(
            (row.kind, row.interaction.as_str(), row.request.as_str()),
            (Kind::Released, "page", "GET /providers")
        );
        assert!(!row.rules.is_empty() && row.epochs.is_some() && row.patient.is_none(), "{row:?}");
        assert_eq!(row.who.unwrap().subject, "555021400122");
    }
}

#[tokio::test]
async fn what_the_gateway_knows_of_an_organisation_is_what_its_page_says() {
    for gate in on_each_database().await {
        let browser = Browser::of(&gate, "systems-saltmarsh").await;
        let page = browser.get("/providers").await;
        assert!(page.text.contains("F99001") && page.text.contains("GP practice"), "{}", page.text);
        assert!(page.text.contains("shown to those who may") && !page.text.contains("RZ901"), "{}", page.text);
        let mut suspend = crate::harness::program();
        suspend.args(["provider", "suspend", "F99001", "--reason", "a test", "--database", &gate.database]);
        assert!(suspend.output().unwrap().status.success());
        let page = browser.get("/providers").await;
        assert!(page.text.contains("Suspended"), "{}", page.text);
    }
}

/// Who is refused at each page that is not for everybody. A page that is added here without a line fails below.
const REFUSED: &[(&str, &[&str])] = &[
    ("/providers", &["patient", "consultant-estuary", "receptionist-saltmarsh", "researcher"]),
    ("/providers/all", &["patient", "consultant-estuary", "systems-estuary", "privacy-officer-estuary"]),
];

#[tokio::test]
async fn whoever_a_page_is_not_for_is_refused_in_plain_words_and_that_is_written_down() {
    let gate = shared().await;
    let patient = format!("patient:{}", gate.registered("F99001", 0).nhs_number.digits());
    for (path, personas) in REFUSED {
        for persona in *personas {
            let browser = Browser::of(&gate, if *persona == "patient" { &patient } else { persona }).await;
            let page = browser.get(path).await;
            assert_eq!(page.status, 403, "{persona}: {}", page.text);
            assert!(page.text.contains("You cannot see this page") && !page.text.contains("NHS Foundation Trust"));
            let row = gate.closing(&page).await;
            assert_eq!((row.kind, row.reason.as_deref()), (Kind::Refused, Some("access-denied")));
        }
        // nobody is asked to sign in by whom they are, and nobody is let in by a token that is for systems
        let token = gate.token("systems-estuary").await;
        let bare = gate.http.get(format!("{}{path}", gate.url)).bearer_auth(token);
        assert_eq!(Answer::of(bare).await.status, 303, "{path}");
    }
    let shown: Vec<_> = PAGES.iter().filter(|page| format!("{:?}", page.told).starts_with("Shows")).collect();
    // those of one organisation are told page by page in console_who.rs
    for page in shown.into_iter().filter(|page| !page.path.starts_with(&["providers", "*"])) {
        let path = format!("/{}", page.path.join("/"));
        assert!(REFUSED.iter().any(|(known, _)| *known == path), "{path}: who is refused there?");
    }
}

#[tokio::test]
async fn a_session_opens_pages_and_nothing_else() {
    let gate = shared().await;
    let browser = Browser::of(&gate, "privacy-officer-estuary").await;
    assert_eq!(browser.get("/fhir/Task").await.status, 401);
    assert_eq!(browser.get("/fhir/metadata").await.status, 200);
}

#[tokio::test]
async fn every_answer_to_a_person_is_guarded_and_says_in_words_what_is_wrong() {
    let gate = shared().await;
    let (nobody, somebody) = (Browser::new(&gate), Browser::of(&gate, "consultant-estuary").await);
    let long = format!("/providers?{}", "a".repeat(9 << 10));
    let mut answers = vec![
        (200, nobody.get("/").await),
        (200, somebody.get("/").await),
        (303, nobody.get("/providers").await),
        (303, nobody.get("/sign-in/staff").await),
        (403, somebody.get("/providers").await),
        (404, nobody.get("/sign-in/nobody").await),
        (404, nobody.get("/nothing").await),
        (404, somebody.get("/assets/0000000000000000/pages.css").await),
        (400, nobody.get("/sign-in/staff/callback").await),
        (400, nobody.get("/sign-in/staff/callback?state=a&state=b").await),
        (414, somebody.get(&long).await),
        (403, nobody.post("/sign-out", &[]).await),
        (303, somebody.signs_out().await),
    ];
    for method in [Method::PUT, Method::DELETE, Method::POST] {
        answers.push((405, Answer::of(nobody.request(method, "/providers")).await));
    }
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{}", answer.text);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                 frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(answer.header(name), value, "{status} {name}");
        }
        assert!(answer.header("permissions-policy").contains("camera=()"), "{status}");
        assert_eq!(answer.header("strict-transport-security"), "", "this one has no TLS");
        answer.request_id();
        if status != 303 {
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{status}");
            assert!(answer.text.contains("<h1") && !answer.text.contains("<script"), "{}", answer.text);
            assert!(status < 400 || answer.text.contains(answer.header("x-request-id")), "{status}: no reference");
        }
    }
}

#[tokio::test]
async fn what_pages_load_is_kept_for_good_under_the_hash_of_what_it_is() {
    let gate = shared().await;
    let browser = Browser::new(&gate);
    let front = browser.get("/").await;
    let links = front.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let assets: Vec<&str> = links.filter(|link| link.contains("/assets/")).collect();
    assert_eq!(assets.len(), 3, "{}", front.text);
    for path in assets {
        let asset = browser.get(path).await;
        assert_eq!(
            (asset.status, asset.header("cache-control")),
            (200, "public, max-age=31536000, immutable"),
            "{path}"
        );
        assert_eq!((asset.header("x-content-type-options"), asset.headers.get("set-cookie")), ("nosniff", None));
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, asset.text.as_bytes());
        let hash = data_encoding::HEXLOWER.encode(&hash.as_ref()[..8]);
        assert!(path.contains(&hash), "{path}");
    }
}

#[tokio::test]
async fn what_is_nowhere_is_told_to_a_person_in_words_and_to_a_system_as_everything_else_is() {
    let gate = shared().await;
    let at = |path: &str| gate.http.get(format!("{}{path}", gate.url));
    let person = Answer::of(at("/nowhere").header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")).await;
    assert!(person.status == 404 && person.text.contains("Page not found"), "{}", person.text);
    for (path, accept) in [("/nowhere", "application/fhir+json"), ("/nowhere", "*/*"), ("/fhir", "text/html")] {
        let system = Answer::of(at(path).header("accept", accept)).await;
        assert_eq!((system.status, system.json()["resourceType"].as_str()), (404, Some("OperationOutcome")), "{path}");
    }
}
