//! The provider's console by HTTP: an organisation joins by its pages alone, and what is wrong is said where it was typed.

use super::browser::Browser;
use crate::{
    harness::{Answer, Gate, on_each_database, own, soon},
    probe::stand,
};
use caregate::audit::Kind;

pub const HOSPICE: &str = "RZ950";
pub const PEOPLE: &str = "systems:RZ950";
pub const OPERATOR: &str = "operator-estuary";

/// A form of a page of this browser's, sent with its token.
pub async fn send(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = browser.form_token().await;
    let all: Vec<(&str, &str)> = [("form_token", token.as_str())].into_iter().chain(fields.iter().copied()).collect();
    browser.post(path, &all).await
}

/// The value that a field is filled in with.
pub fn filled<'a>(page: &'a str, name: &str) -> &'a str {
    let at = page.split(&format!("name=\"{name}\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {page}"));
    at.split("value=\"").nth(1).unwrap_or_default().split('"').next().unwrap_or_default()
}

pub fn organisation() -> Vec<(&'static str, &'static str)> {
    vec![
        ("version", ""),
        ("name", "Lantern Hospice (synthetic)"),
        ("kind", "hospice"),
        ("agreement-reference", "ISA-2026-014"),
        ("agreement-from", "2026-01-01"),
        ("agreement-until", "2028-12-31"),
        ("contact-1-purpose", "Systems desk"),
        ("contact-1-system", "phone"),
        ("contact-1-value", "01632 960 950"),
    ]
}

pub fn with<'a>(fields: &[(&'a str, &'a str)], others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = fields.iter().filter(|(name, _)| others.iter().all(|(other, _)| other != name)).copied();
    kept.chain(others.iter().copied()).collect()
}

pub fn endpoint<'a>(address: &'a str, patients: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("version", ""),
        ("name", "Our own record"),
        ("address", address),
        ("types-Condition", "yes"),
        ("types-Observation", "yes"),
        ("idiom", "chained"),
        ("test-patients", patients),
        ("deadline", "1500"),
        ("contact-1-system", "email"),
        ("contact-1-value", "systems@lantern.example"),
    ]
}

async fn decided(gate: &Gate, what: &str, version: &str) {
    let operator = Browser::of(gate, OPERATOR).await;
    let path = format!("/providers/{HOSPICE}/proposal/{what}");
    let answer = send(&operator, &path, &[("version", version), ("decision", "approve")]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
}

#[tokio::test]
async fn an_organisation_joins_by_pages_alone_and_answers_in_a_joined_up_record() {
    for gate in on_each_database().await {
        let patients = stand::patients();
        let server = stand::open_server().await;
        let address = format!("http://127.0.0.1:{}/fhir", server.port);
        let typed: Vec<String> = patients.iter().map(|number| number.digits()).collect();
        let typed = typed.join("\n");
        let people = Browser::of(&gate, PEOPLE).await;
        let page = people.get("/providers").await;
        assert!(page.status == 200 && page.text.contains("not registered here yet"), "{}", page.text);
        let made = send(&people, &format!("/providers/{HOSPICE}/organisation"), &organisation()).await;
        let home = format!("/providers/{HOSPICE}");
        assert_eq!((made.status, made.header("location")), (303, people.link(&home).as_str()), "{}", made.text);
        let row = gate.closing(&made).await;
        assert_eq!((row.kind, row.interaction.as_str(), row.status), (Kind::Released, "create", 303));
        assert!(people.get(&home).await.text.contains("Waits for approval"));

        // an operator sees it first, and sends it back
        let operator = Browser::of(&gate, OPERATOR).await;
        let all = operator.get("/providers/all").await;
        assert!(all.text.contains(&format!("/providers/{HOSPICE}/proposal/organisation")), "{}", all.text);
        let proposal = format!("/providers/{HOSPICE}/proposal/organisation");
        let page = operator.get(&proposal).await;
        assert!(page.text.contains("ISA-2026-014") && page.text.contains("Your decision"), "{}", page.text);
        let silent = send(&operator, &proposal, &[("version", "1"), ("decision", "refuse")]).await;
        assert_eq!(silent.status, 422, "{}", silent.text);
        assert!(silent.text.contains("Enter a reason") && filled(&silent.text, "version") == "1", "{}", silent.text);
        let why = ("reason", "the agreement is not signed");
        let refused = send(&operator, &proposal, &[("version", "1"), ("decision", "refuse"), why]).await;
        assert_eq!(refused.status, 303, "{}", refused.text);
        let page = people.get(&home).await.text;
        assert!(page.contains("Refused") && page.contains(why.1) && page.contains("Estuary Hospitals"), "{page}");

        // mended, and let in; what was seen before is stale
        let path = format!("/providers/{HOSPICE}/organisation");
        let form = people.get(&path).await.text;
        assert_eq!((filled(&form, "version"), filled(&form, "agreement-until")), ("1", "2028-12-31"));
        assert_eq!(filled(&form, "contact-1-value"), "01632 960 950");
        let mended = with(&organisation(), &[("version", "1"), ("agreement-reference", "ISA-2026-015")]);
        assert_eq!(send(&people, &path, &mended).await.status, 303);
        let stale = send(&people, &path, &mended).await;
        assert_eq!(stale.status, 412, "{}", stale.text);
        assert!(stale.text.contains("Somebody else changed this") && stale.text.contains("ISA-2026-015"));
        decided(&gate, "organisation", "2").await;
        let path = format!("/providers/{HOSPICE}/endpoint");
        assert_eq!(send(&people, &path, &endpoint(&address, &typed)).await.status, 303);
        decided(&gate, "endpoint", "1").await;

        // not before it is probed
        let stages = format!("/providers/{HOSPICE}/stages");
        let up = [("stage", "live"), ("reason", "the desk agreed")];
        let early = send(&people, &stages, &up).await;
        assert!(early.status == 409 && early.text.contains("has not lately passed a probe"), "{}", early.text);
        let begun = send(&people, &format!("/providers/{HOSPICE}/probes"), &[]).await;
        assert_eq!(begun.status, 303, "{}", begun.text);
        let report = begun.header("location").to_owned();
        assert!(report.contains(&format!("{home}/probes/")), "{report}");
        let told = soon("the probe", async || {
            let page = people.get(&report).await;
            assert_eq!(page.status, 200, "{}", page.text);
            let running = page.text.contains("http-equiv=\"refresh\"");
            (!running).then_some(page.text)
        })
        .await;
        assert!(told.contains("Verdict") && told.contains("Every check") && !told.contains("Broke off"), "{told}");
        assert!(!told.contains("nhsuk-tag--red"), "{told}");
        assert!(patients.iter().all(|patient| !told.contains(&patient.digits())), "{told}");
        let gone = send(&people, &stages, &up).await;
        assert_eq!(gone.status, 303, "{}", gone.text);
        let page = people.get(&stages).await.text;
        assert!(page.contains("nhsuk-tag--green\">Live") && page.contains("the desk agreed"), "{page}");

        let answer = gate.search("gp-saltmarsh", "Condition?", patients[0]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let sources: Vec<_> = answer.matches().iter().map(crate::harness::source_of).collect();
        assert!(sources.iter().any(|source| source == HOSPICE), "{sources:?}");
        let health = people.get(&format!("/providers/{HOSPICE}/health")).await.text;
        assert!(health.contains("<svg") && !health.contains("has not been asked"), "{health}");

        let page = people.get("/providers").await.text;
        assert!(page.contains("To mend first") && page.contains("requests in the last 6 hours: 0 failed"), "{page}");
        let history = people.get(&format!("/providers/{HOSPICE}/history")).await.text;
        for told in ["Version 2", "Was: ISA-2026-014", "the agreement is not signed", "somebody of Estuary Hospitals"] {
            assert!(history.contains(told), "{told}: {history}");
        }
        // down again at once, by its own word
        let down = send(&people, &stages, &[("stage", "suspended"), ("reason", "a fault was found")]).await;
        assert_eq!(down.status, 303, "{}", down.text);
        let answer = gate.search("gp-saltmarsh", "Condition?", patients[0]).await;
        assert!(answer.matches().iter().all(|entry| crate::harness::source_of(entry) != HOSPICE), "{}", answer.text);
    }
}

#[tokio::test]
async fn everything_wrong_with_a_form_is_said_at_once_beside_what_was_typed() {
    let gate = own().await;
    let people = Browser::of(&gate, PEOPLE).await;
    let script = "\"><script>alert(1)</script>";
    let path = format!("/providers/{HOSPICE}/organisation");
    let wrong = with(
        &organisation(),
        &[
            ("name", ""),
            ("kind", script),
            ("ods-role", script),
            ("agreement-from", script),
            ("agreement-until", "yesterday"),
            ("contact-1-value", script),
            ("contact-1-purpose", script),
            ("jwks-url", script),
            ("certificates", script),
        ],
    );
    let answer = send(&people, &path, &wrong).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let row = gate.closing(&answer).await;
    assert_eq!((row.kind, row.reason.as_deref()), (Kind::Failed, Some("content")));
    assert!(!answer.text.contains("<script") && answer.text.contains("&lt;script&gt;"), "{}", answer.text);
    assert!(answer.text.contains("<title>Error: "), "{}", answer.text);
    for field in ["name", "kind", "agreement-from", "agreement-until", "contact-1-value", "jwks-url", "certificates"] {
        assert!(answer.text.contains(&format!("id=\"{field}-error\"")), "{field}: {}", answer.text);
        assert!(answer.text.contains(&format!("href=\"#{field}\"")), "{field}");
    }
    assert!(
        answer.text.contains("Enter the organisation&#39;s name")
            || answer.text.contains("Enter the organisation's name")
    );
    assert_eq!(filled(&answer.text, "agreement-until"), "yesterday");
    let private = r#"{"keys":[{"kty":"EC","crv":"P-384","x":"a","y":"b","d":"secret"}]}"#;
    let answer = send(&people, &path, &with(&organisation(), &[("jwks", private)])).await;
    assert!(answer.status == 422 && answer.text.contains("id=\"jwks-error\""), "{}", answer.text);
    // nothing was registered by any of it
    assert!(people.get("/providers").await.text.contains("not registered here yet"));

    // an endpoint waits for its organisation, and says so where it was typed
    let path = format!("/providers/{HOSPICE}/endpoint");
    let early = send(&people, &path, &endpoint("https://fhir.lantern.example/r4", "9990000018")).await;
    assert!(early.status == 422 && early.text.contains("has not been approved yet"), "{}", early.text);
    assert_eq!(filled(&early.text, "address"), "https://fhir.lantern.example/r4");
    assert_eq!(send(&people, &format!("/providers/{HOSPICE}/organisation"), &organisation()).await.status, 303);
    decided(&gate, "organisation", "1").await;
    let wrong = with(
        &endpoint("ftp://fhir.lantern.example/r4", "9434765919"),
        &[
            ("name", script),
            ("deadline", "soon"),
            ("credential", script),
            ("idiom", "guess"),
            ("replicas", "https://user:pass@fhir.lantern.example/"),
            ("contact-1-value", "nobody"),
            ("from", "2027-13-01"),
        ],
    );
    let answer = send(&people, &path, &wrong).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(!answer.text.contains("<script"), "{}", answer.text);
    for field in ["address", "test-patients", "deadline", "credential", "idiom", "replicas", "contact-1-value", "from"]
    {
        assert!(answer.text.contains(&format!("id=\"{field}-error\"")), "{field}: {}", answer.text);
    }
    assert!(
        !answer.text.contains("id=\"types-error\"") && !answer.text.contains("id=\"name-error\""),
        "{}",
        answer.text
    );
    let none: Vec<_> = endpoint("https://fhir.lantern.example/r4", "")
        .into_iter()
        .filter(|(name, _)| !name.starts_with("types"))
        .collect();
    let answer = send(&people, &path, &none).await;
    assert!(answer.status == 422 && answer.text.contains("Enter what the endpoint holds"), "{}", answer.text);
}

#[tokio::test]
async fn what_somebody_names_themselves_is_text_on_every_page_that_shows_it() {
    let gate = own().await;
    let people = Browser::of(&gate, PEOPLE).await;
    let script = "<script>alert(1)</script>";
    let named =
        with(&organisation(), &[("name", script), ("agreement-reference", script), ("contact-1-purpose", script)]);
    assert_eq!(send(&people, &format!("/providers/{HOSPICE}/organisation"), &named).await.status, 303);
    let operator = Browser::of(&gate, OPERATOR).await;
    for (browser, path) in [
        (&people, "/providers".to_owned()),
        (&people, format!("/providers/{HOSPICE}/organisation")),
        (&people, format!("/providers/{HOSPICE}/history")),
        (&operator, "/providers/all".to_owned()),
        (&operator, format!("/providers/{HOSPICE}")),
        (&operator, format!("/providers/{HOSPICE}/proposal/organisation")),
    ] {
        let page = browser.get(&path).await;
        assert!(page.status == 200 && page.text.contains("&lt;script&gt;"), "{path}: {}", page.text);
        assert!(!page.text.contains("<script"), "{path}: {}", page.text);
    }
    let refusal = [("version", "1"), ("decision", "refuse"), ("reason", script)];
    let proposal = format!("/providers/{HOSPICE}/proposal/organisation");
    assert_eq!(send(&operator, &proposal, &refusal).await.status, 303);
    for path in ["/providers".to_owned(), format!("/providers/{HOSPICE}/history")] {
        let page = people.get(&path).await.text;
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{path}: {page}");
    }
}
