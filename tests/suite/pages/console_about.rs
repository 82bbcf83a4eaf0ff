//! What an organisation is told, and does, of patients by its own pages: the relationships it sent, the objections that concern it, and what it
//! takes back.

use super::{
    browser::Browser,
    console::{OPERATOR, filled, send},
};
use crate::{
    harness::{Answer, Gate, canary, on_each_database, own, soon, source_of},
    objections::{one_source, recorded},
    relationships::{asserted, ended},
};
use caregate::{audit::Kind, domain::NhsNumber};

const OFFICER: &str = "privacy-officer-estuary";
const SYSTEMS: &str = "systems-estuary";
const RELATIONSHIPS: &str = "/providers/RZ901/relationships";
const OBJECTIONS: &str = "/providers/RZ901/objections";
const RECALLS: &str = "/providers/RZ901/recalls";

/// The page, once what the log holds has been drawn into it.
async fn drawn(browser: &Browser<'_>, path: &str, says: &[&str]) -> Answer {
    soon("it is drawn from the log", async || {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        says.iter().all(|said| page.text.contains(said)).then_some(page)
    })
    .await
}

/// A row of a table that says this.
fn row_of<'a>(page: &'a str, says: &str) -> &'a str {
    let found = page.split("<tr").find(|row| row.contains(says)).unwrap_or_else(|| panic!("no {says} in {page}"));
    found.split("</tr>").next().unwrap()
}

#[tokio::test]
async fn an_officer_sees_what_relationships_their_systems_sent_and_why_which_was_refused_and_its_keepers_how_many() {
    for gate in on_each_database().await {
        let (officer, systems) = (Browser::of(&gate, OFFICER).await, Browser::of(&gate, SYSTEMS).await);
        let patient = gate.registered("F99001", 0).nhs_number;
        let taken = gate.post("system:RZ901", "Patient/$assert-relationship", &asserted(patient, "RZ901")).await;
        assert_eq!(taken.status, 201, "{}", taken.text);
        let over = gate.post("system:RZ901", "Patient/$end-relationship", &ended(patient, "RZ901")).await;
        assert_eq!(over.status, 200, "{}", over.text);
        let theirs = gate.post("system:RZ901", "Patient/$assert-relationship", &asserted(patient, "RZ902")).await;
        assert_eq!(theirs.status, 403, "{}", theirs.text);
        let mut odd = asserted(patient, "RZ901");
        odd["parameter"][2]["valueCode"] = "neighbour".into();
        let odd = gate.post("system:RZ901", "Patient/$assert-relationship", &odd).await;
        assert_eq!(odd.status, 422, "{}", odd.text);
        // another organisation's are not theirs to see
        let other = gate.post("system:RZ903", "Patient/$assert-relationship", &asserted(patient, "RZ903")).await;
        assert_eq!(other.status, 201, "{}", other.text);

        let ids = [&taken, &over, &theirs, &odd].map(|answer| answer.request_id().to_string());
        let page = drawn(&officer, RELATIONSHIPS, &ids.each_ref().map(String::as_str)).await;
        let [taken, over, theirs, odd] = ids.each_ref().map(|id| row_of(&page.text, id));
        let digits = patient.digits();
        assert!(
            taken.contains("Accepted") && taken.contains("seen or admitted there") && taken.contains(&digits),
            "{taken}"
        );
        assert!(taken.contains("https://estuary.example/visit|V1"), "{taken}");
        assert!(over.contains("Accepted") && over.contains("Ended") && over.contains(&digits), "{over}");
        assert!(theirs.contains("Refused") && theirs.contains("Nobody speaks for another organisation"), "{theirs}");
        assert!(!theirs.contains(&digits), "of whom it was refused to speak is not told: {theirs}");
        assert!(odd.contains("Refused") && odd.contains("could not be understood"), "{odd}");
        assert!(!page.text.contains(&other.request_id().to_string()) && !page.text.contains("RZ903"));
        let row = gate.closing(&page).await;
        assert_eq!((row.kind, row.interaction.as_str(), row.patient), (Kind::Released, "page", None));
        assert!(row.request.starts_with("GET /providers/RZ901/relationships?start="), "{}", row.request);

        let sums = drawn(&systems, RELATIONSHIPS, &["Accepted", "could not be understood"]).await;
        assert!(!sums.text.contains(&digits) && !sums.text.contains(&ids[0]), "{}", sums.text);
        for stranger in ["privacy-officer-saltmarsh", "consultant-estuary", "systems-saltmarsh"] {
            let browser = Browser::of(&gate, stranger).await;
            for path in [RELATIONSHIPS, OBJECTIONS, RECALLS] {
                let page = browser.get(path).await;
                assert!(page.status == 403 && !page.text.contains(&digits), "{stranger} {path}: {}", page.text);
            }
        }
    }
}

#[tokio::test]
async fn an_officer_sees_each_objection_that_concerns_their_organisation_and_of_others_nothing() {
    for gate in on_each_database().await {
        let officer = Browser::of(&gate, OFFICER).await;
        assert!(officer.get(OBJECTIONS).await.text.contains("There are none"));
        let [first, second] = [0, 1].map(|at| gate.registered("F99001", at).nhs_number);
        recorded(&gate, first, &one_source(first, "RZ901")).await;
        recorded(&gate, second, &one_source(second, "RZ903")).await;
        let page = officer.get(OBJECTIONS).await;
        let row = row_of(&page.text, &first.digits());
        assert!(row.contains("Showing what your organisation holds") && row.contains("In force"), "{row}");
        assert!(!page.text.contains(&second.digits()) && !page.text.contains("RZ903"), "{}", page.text);
        assert!(officer.get("/providers").await.text.contains(OBJECTIONS));
        let row = gate.closing(&page).await;
        assert_eq!((row.kind, row.interaction.as_str(), row.patient), (Kind::Released, "page", None));
        assert!(row.rules.iter().any(|rule| rule == "role-keeps-desk"), "{row:?}");
        // whoever looks after systems has no part in it
        let systems = Browser::of(&gate, SYSTEMS).await;
        assert_eq!(systems.get(OBJECTIONS).await.status, 403);
        assert!(!systems.get("/providers").await.text.contains(OBJECTIONS));
    }
}

#[tokio::test]
async fn objections_go_on_from_page_to_page_for_the_same_reader_alone() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    for at in 0..53 {
        let mut objection = one_source(patient, "RZ901");
        objection["provision"]["dataPeriod"] = serde_json::json!({"start": format!("20{at:02}-01-01")});
        recorded(&gate, patient, &objection).await;
    }
    let officer = Browser::of(&gate, OFFICER).await;
    let first = officer.get(OBJECTIONS).await.text;
    let rows = |page: &str| page.matches("<tr class").count();
    let next = first.split("href=\"").find(|link| link.contains("?page=")).expect("there are earlier ones");
    let next =
        next.split('"').next().unwrap().split("/providers").nth(1).map(|rest| format!("/providers{rest}")).unwrap();
    let second = officer.get(&next).await;
    assert_eq!((rows(&first), rows(&second.text)), (50, 3), "{}", second.text);
    assert!(!second.text.contains("?page="));
    let other = Browser::of(&gate, "caldicott-guardian").await.get(&next).await;
    assert_eq!(other.status, 410, "another's page token: {}", other.text);
}

/// A Condition that Estuary holds of a patient of Saltmarsh: whose, what Estuary calls it, and by what it is known.
fn held(gate: &Gate) -> (NhsNumber, String, String) {
    let patient = gate.shared_with("F99001", "estuary")[0];
    let (_, resource) = *gate.provider("RZ901").about(patient).iter().find(|(kind, _)| *kind == "Condition").unwrap();
    let known = canary(&serde_json::from_str(&resource.json).unwrap());
    (patient, format!("Condition/{}", resource.id), known)
}

#[tokio::test]
async fn an_officer_takes_back_by_form_what_was_another_patients_and_sees_who_was_shown_it() {
    for gate in on_each_database().await {
        let (patient, item, known) = held(&gate);
        let looked = gate.search("gp-saltmarsh", "Condition", patient).await;
        let holds = |answer: &Answer| {
            answer.matches().iter().any(|entry| source_of(entry) == "RZ901" && canary(entry) == known)
        };
        assert!(holds(&looked));
        let officer = Browser::of(&gate, OFFICER).await;
        assert!(officer.get(RECALLS).await.text.contains("Take it back"));

        // what is not filled in is asked for, and what was typed stays
        let none = send(&officer, RECALLS, &[("items", &item)]).await;
        assert_eq!(none.status, 422, "{}", none.text);
        assert!(none.text.contains("Choose why") && none.text.contains("NHS number") && none.text.contains(&item));
        let spaced = format!("{} {} {}", &patient.digits()[..3], &patient.digits()[3..6], &patient.digits()[6..]);
        let odd = [("patient", spaced.as_str()), ("items", "something"), ("reason", "wrong-patient")];
        let odd = send(&officer, RECALLS, &odd).await;
        assert!(
            odd.status == 422 && odd.text.contains("Type/id") && filled(&odd.text, "patient") == spaced,
            "{}",
            odd.text
        );
        assert!(holds(&gate.search("gp-saltmarsh", "Condition", patient).await), "nothing was taken back yet");

        let fields =
            [("patient", spaced.as_str()), ("items", &item), ("reason", "wrong-patient"), ("note", "mixed up")];
        let told = send(&officer, RECALLS, &fields).await;
        assert_eq!(told.status, 200, "{}", told.text);
        let shown = row_of(&told.text, &looked.request_id().to_string());
        assert!(shown.contains(&item) && shown.contains("R0260") && shown.contains("F99001"), "{shown}");
        let row = gate.closing(&told).await;
        assert_eq!((row.kind, row.status, row.patient), (Kind::Released, 200, Some(patient)));
        assert!(row.rules.iter().any(|rule| rule == "officer-recalls"), "{row:?}");
        assert!(!holds(&gate.search("gp-saltmarsh", "Condition", patient).await));
        let id = told.request_id().to_string();
        let page = drawn(&officer, RECALLS, &[&id]).await;
        let row = row_of(&page.text, &id);
        for said in [patient.digits().as_str(), &item, "Another patient", "Accepted"] {
            assert!(row.contains(said), "{said}: {row}");
        }

        let fields = [("patient", spaced.as_str()), ("items", &item), ("reason", "withdrawn")];
        let over = send(&officer, RECALLS, &fields).await;
        assert!(over.status == 200 && over.text.contains("It is shown again"), "{}", over.text);
        assert!(holds(&gate.search("gp-saltmarsh", "Condition", patient).await));

        // by nobody else, and the refusal shows no form
        for other in [SYSTEMS, "consultant-estuary", "privacy-officer-saltmarsh", OPERATOR] {
            let browser = Browser::of(&gate, other).await;
            for fields in [&fields[..], &[]] {
                let answer = send(&browser, RECALLS, fields).await;
                let wanted = if fields.is_empty() { 422 } else { 403 };
                assert_eq!(answer.status, wanted, "{other}: {}", answer.text);
                assert!(!answer.text.contains("Take it back"), "{other}: {}", answer.text);
            }
        }
    }
}
