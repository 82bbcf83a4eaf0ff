//! Whose the pages of an organisation are: a matrix of every page and every form by everybody.

use super::{
    browser::Browser,
    console::{HOSPICE, OPERATOR, PEOPLE, endpoint, organisation, send},
};
use crate::harness::{Gate, own, shared};
use caregate::{
    audit::Kind,
    pages::{PAGES, PageRoute},
};

/// The pages below an organisation's own address, with that of this one in it.
fn paths(method: &str, ods: &str) -> Vec<String> {
    let below = |page: &&PageRoute| page.method == method && page.path.starts_with(&["providers", "*"]);
    let one = |page: &PageRoute| {
        let mut segments: Vec<&str> = page.path.to_vec();
        segments[1] = ods;
        for (at, last) in [(
            3,
            if segments.get(2) == Some(&"proposal") { "organisation" } else { "00000000-0000-4000-8000-000000000000" },
        )] {
            if segments.get(at) == Some(&"*") {
                segments[at] = last;
            }
        }
        format!("/{}", segments.join("/"))
    };
    PAGES.iter().filter(below).map(one).collect()
}

async fn joined(gate: &Gate) {
    let people = Browser::of(gate, PEOPLE).await;
    assert_eq!(send(&people, &format!("/providers/{HOSPICE}/organisation"), &organisation()).await.status, 303);
    let operator = Browser::of(gate, OPERATOR).await;
    let approve = [("version", "1"), ("decision", "approve")];
    assert_eq!(send(&operator, &format!("/providers/{HOSPICE}/proposal/organisation"), &approve).await.status, 303);
    let fields = endpoint("http://127.0.0.1:40009/fhir", "9990000018");
    assert_eq!(send(&people, &format!("/providers/{HOSPICE}/endpoint"), &fields).await.status, 303);
    assert_eq!(send(&operator, &format!("/providers/{HOSPICE}/proposal/endpoint"), &approve).await.status, 303);
}

#[tokio::test]
async fn an_organisations_pages_are_its_own_and_the_operators_and_a_refusal_tells_nothing() {
    let gate = own().await;
    joined(&gate).await;
    let patient = format!("patient:{}", gate.registered("F99001", 0).nhs_number.digits());
    let shown = paths("GET", HOSPICE);
    assert!(shown.len() > 10, "{shown:?}");
    let strangers =
        ["systems-estuary", "systems:RZ951", "consultant-estuary", "privacy-officer-estuary", "researcher", &patient];
    for persona in strangers {
        let browser = Browser::of(&gate, persona).await;
        for path in &shown {
            let page = browser.get(path).await;
            assert_eq!(page.status, 403, "{persona} {path}: {}", page.text);
            assert!(!page.text.contains("Lantern"), "{persona} {path}");
            let row = gate.closing(&page).await;
            assert_eq!((row.kind, row.reason.as_deref()), (Kind::Refused, Some("access-denied")), "{persona} {path}");
            // the same words of one that there is not, and of what could be none
            for nobody in ["RZ9999", "nobody"] {
                let other = browser.get(&path.replace(HOSPICE, nobody)).await;
                let bare = |text: &str, id: &str| text.replace(id, "");
                assert_eq!(
                    bare(&page.text, page.header("x-request-id")),
                    bare(&other.text, other.header("x-request-id")),
                    "{persona} {path} {nobody}"
                );
            }
        }
        assert_eq!(browser.get("/providers/all").await.status, 403, "{persona}");
        for (path, fields) in works() {
            let answer = send(&browser, &path, &fields).await;
            assert_eq!(answer.status, 403, "{persona} {path}: {}", answer.text);
            assert_eq!(gate.closing(&answer).await.kind, Kind::Refused, "{persona} {path}");
        }
    }
    let (people, operator) = (Browser::of(&gate, PEOPLE).await, Browser::of(&gate, OPERATOR).await);
    for path in &shown {
        let own = people.get(path).await;
        let wanted = if path.contains("/probes/") {
            404
        } else if path.ends_with("/table") || path.ends_with("/objections") {
            403
        } else {
            200
        };
        assert_eq!(own.status, wanted, "{path}: {}", own.text);
        // what is about patients is its own people's alone
        let theirs = operator.get(path).await;
        let about = ["/disclosures", "/relationships", "/objections", "/recalls"];
        let wanted = if about.iter().any(|one| path.contains(one)) { 403 } else { wanted };
        assert_eq!(theirs.status, wanted, "operator {path}: {}", theirs.text);
    }
    assert_eq!((people.get("/providers/all").await.status, operator.get("/providers/all").await.status), (403, 200));
    // who sent it does not decide on it
    let approve = [("version", "1"), ("decision", "approve")];
    let answer = send(&people, &format!("/providers/{HOSPICE}/proposal/organisation"), &approve).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
}

/// What each form sends.
fn works() -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let below = |path: &str| format!("/providers/{HOSPICE}{path}");
    let again = |fields: Vec<(&'static str, &'static str)>| -> Vec<(&'static str, &'static str)> {
        fields.into_iter().map(|(name, value)| if name == "version" { (name, "1") } else { (name, value) }).collect()
    };
    vec![
        (below("/organisation"), organisation()),
        (below("/organisation"), again(organisation())),
        (below("/endpoint"), endpoint("https://fhir.lantern.example/r4", "9990000018")),
        (below("/endpoint"), again(endpoint("https://fhir.lantern.example/r4", "9990000018"))),
        (below("/proposal/organisation"), vec![("version", "1"), ("decision", "refuse"), ("reason", "a test")]),
        (below("/proposal/endpoint"), vec![("version", "1"), ("decision", "approve")]),
        (below("/stages"), vec![("stage", "suspended"), ("reason", "a test")]),
        (below("/probes"), vec![]),
        (below("/recalls"), vec![("patient", "9990000018"), ("items", "Condition/1"), ("reason", "wrong-patient")]),
    ]
}

#[tokio::test]
async fn no_form_is_taken_that_no_page_of_this_session_sent() {
    let gate = own().await;
    joined(&gate).await;
    let (people, other) = (Browser::of(&gate, PEOPLE).await, Browser::of(&gate, PEOPLE).await);
    let (token, theirs) = (people.form_token().await, other.form_token().await);
    let forms: Vec<String> = paths("POST", HOSPICE);
    let told: Vec<_> = works().into_iter().map(|(path, _)| path).collect();
    assert!(forms.iter().all(|path| told.contains(path)), "a form without a case: {forms:?}");
    for (path, fields) in works() {
        let with = |token| -> Vec<(&str, &str)> {
            [("form_token", token)].into_iter().chain(fields.iter().copied()).collect()
        };
        assert_eq!(people.post(&path, &fields).await.status, 403, "{path}");
        assert_eq!(people.post(&path, &with(&theirs)).await.status, 403, "{path}");
        let cross = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
        let answer = people.post_from(&path, &with(&token), &cross).await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(gate.closing(&answer).await.kind, Kind::Failed, "{path}");
        let nobody = Browser::new(&gate);
        assert_eq!(nobody.post(&path, &with(&token)).await.status, 403, "{path}");
    }
    let page = people.get(&format!("/providers/{HOSPICE}/history")).await.text;
    assert!(!page.contains("Version 2"), "{page}");
    assert!(people.get(&format!("/providers/{HOSPICE}/probes")).await.text.contains("None yet"));
}

#[tokio::test]
async fn officers_see_what_left_their_organisation_and_its_systems_people_only_how_much() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let read = gate.search("gp-saltmarsh", "Condition?", patient).await;
    assert_eq!(read.status, 200, "{}", read.text);
    let officer = Browser::of(&gate, "privacy-officer-saltmarsh").await;
    let front = officer.get("/providers").await;
    assert!(front.status == 200 && front.text.contains("/providers/F99001/disclosures"), "{}", front.text);
    let page = crate::harness::soon("the ledger is drawn", async || {
        let page = officer.get("/providers/F99001/disclosures").await;
        assert_eq!(page.status, 200, "{}", page.text);
        page.text.contains(&patient.digits()).then_some(page)
    })
    .await;
    assert!(page.text.contains("<svg") && page.text.contains("table?start="), "{}", page.text);
    let row = gate.closing(&page).await;
    assert_eq!(row.interaction, "page");
    assert!(row.request.starts_with("GET /providers/F99001/disclosures?start="), "it says which days: {}", row.request);
    let table = officer.get("/providers/F99001/disclosures/table").await;
    assert_eq!((table.status, table.header("content-type")), (200, "text/csv; charset=utf-8"), "{}", table.text);
    assert!(table.text.contains(&patient.digits()) && table.header("content-disposition").starts_with("attachment"));
    let odd = officer.get("/providers/F99001/disclosures?start=%3Cscript%3E&end=2026-01-01").await;
    assert!(
        odd.status == 200 && odd.text.contains("id=\"start-error\"") && !odd.text.contains("<script"),
        "{}",
        odd.text
    );
    let none = officer.get("/providers/F99001/disclosures?start=2020-01-01&end=2020-01-02").await;
    assert!(none.text.contains("Nothing was shown") && !none.text.contains(&patient.digits()), "{}", none.text);

    let systems = Browser::of(&gate, "systems-saltmarsh").await;
    let page = systems.get("/providers/F99001/disclosures").await;
    assert!(
        page.status == 200 && page.text.contains("<svg") && !page.text.contains(&patient.digits()),
        "{}",
        page.text
    );
    assert_eq!(systems.get("/providers/F99001/disclosures/table").await.status, 403);
    for other in ["privacy-officer-estuary", "systems-estuary", OPERATOR] {
        let browser = Browser::of(&gate, other).await;
        assert_eq!(browser.get("/providers/F99001/disclosures").await.status, 403, "{other}");
    }
}

#[tokio::test]
async fn an_operator_suspends_anybody_and_it_holds_at_once() {
    let gate = own().await;
    joined(&gate).await;
    let (people, operator) = (Browser::of(&gate, PEOPLE).await, Browser::of(&gate, OPERATOR).await);
    let stages = format!("/providers/{HOSPICE}/stages");
    let mute = send(&operator, &stages, &[("stage", "suspended")]).await;
    assert!(mute.status == 422 && mute.text.contains("Enter a reason"), "{}", mute.text);
    let none = send(&operator, &stages, &[("reason", "x")]).await;
    assert!(none.status == 422 && none.text.contains("Choose a stage"), "{}", none.text);
    assert_eq!(send(&operator, &stages, &[("stage", "suspended"), ("reason", "it leaks")]).await.status, 303);
    let page = people.get("/providers").await.text;
    assert!(page.contains("Suspended"), "{page}");
    let back = send(&people, &stages, &[("stage", "registered"), ("reason", "mended")]).await;
    assert!(back.status == 409 && back.text.contains("ask an operator"), "{}", back.text);
    assert_eq!(send(&operator, &stages, &[("stage", "registered"), ("reason", "seen")]).await.status, 303);
    assert!(!people.get("/providers").await.text.contains("Suspended"));
}

#[tokio::test]
async fn what_the_deployment_configures_is_not_changed_by_any_form() {
    let gate = shared().await;
    let browser = Browser::of(&gate, "systems-saltmarsh").await;
    let page = browser.get("/providers").await.text;
    assert!(page.contains("own configuration") && !page.contains("Change the organisation"), "{page}");
    let answer = send(&browser, "/providers/F99001/organisation", &organisation()).await;
    assert!(answer.status == 409 && answer.text.contains("written in the configuration"), "{}", answer.text);
}
