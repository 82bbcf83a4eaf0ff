//! What left an organisation: told to its own officers, release by release, and in sums to whoever keeps its registration.

use crate::harness::{Answer, Gate, on_each_database, own, soon};
use caregate::{audit::Kind, domain::NhsNumber};
use serde_json::Value;
use sqlx::Connection as _;

const GP: &str = "gp-saltmarsh";
const OFFICER: &str = "privacy-officer-estuary";
const LEDGER: &str = "Organization/RZ901/$disclosures";
const TOTALS: &str = "Organization/RZ901/$disclosure-totals";

/// The ledger, once it tells of so many releases.
async fn ledger(gate: &Gate, releases: usize) -> Answer {
    soon("the ledger is drawn", async || {
        let told = gate.get(OFFICER, LEDGER).await;
        assert_eq!(told.status, 200, "{}", told.text);
        (told.matches().len() >= releases).then_some(told)
    })
    .await
}

async fn looked_at(gate: &Gate) -> (NhsNumber, Answer) {
    let patient = gate.shared_with("F99001", "estuary")[0];
    let answer = gate.search(GP, "Condition", patient).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (patient, answer)
}

#[tokio::test]
async fn an_officer_sees_every_release_of_their_own_organisations_data_to_whom_for_whom_and_why_and_of_no_other() {
    for gate in on_each_database().await {
        let (patient, first) = looked_at(&gate).await;
        let second = gate.search(GP, "Condition", patient).await;
        // nothing of Estuary's is shown by these
        gate.search("consultant-colneside", "Condition", patient).await;
        gate.search(GP, "Immunization", patient).await;
        let told = ledger(&gate, 2).await;
        let events = told.matches();
        let requests: Vec<String> = events.iter().map(crate::log::request_id).collect();
        let expected: Vec<_> = [&second, &first].map(|one| one.request_id().to_string()).into();
        let shown: Vec<&String> = requests.iter().filter(|id| expected.contains(id)).collect();
        assert_eq!(shown, expected.iter().collect::<Vec<_>>(), "newest first, each once");
        let event = events.iter().find(|event| crate::log::request_id(event) == expected[0]).unwrap();
        let text = event.to_string();
        for said in [patient.digits().as_str(), "Fielding", "F99001", "registered"] {
            assert!(text.contains(said), "{said}: {text}");
        }
        for other in ["F99002", "RZ902", "RZ903"] {
            assert!(!told.text.contains(other), "{other} is not theirs to know of: {}", told.text);
        }
        let said = told.issues();
        assert!(said[0]["diagnostics"].as_str().unwrap().contains("until"), "{said:?}");
        let row = gate.closing(&told).await;
        assert_eq!((row.patient, row.interaction.as_str(), row.kind), (None, "operation", Kind::Released));
    }
}

#[tokio::test]
async fn pages_of_the_ledger_lose_and_repeat_nothing() {
    let gate = own().await;
    let (patient, _) = looked_at(&gate).await;
    for _ in 0..6 {
        gate.search(GP, "Condition", patient).await;
    }
    let whole: Vec<Value> = ledger(&gate, 7).await.matches();
    let mut paged = Vec::new();
    let mut page = gate.get(OFFICER, &format!("{LEDGER}?_count=3")).await;
    loop {
        assert!(page.status == 200 && page.matches().len() <= 3, "{}", page.text);
        paged.extend(page.matches());
        let Some(next) = page.next() else { break };
        let other = gate.get("caldicott-guardian", next.split("/fhir/").nth(1).unwrap()).await;
        assert_eq!(other.status, 410, "another's page token: {}", other.text);
        page = gate.get(OFFICER, next.split("/fhir/").nth(1).unwrap()).await;
    }
    let ids = |events: &[Value]| events.iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&paged), ids(&whole));
    let none = gate.get(OFFICER, &format!("{LEDGER}?end=2001-01-01")).await;
    assert!(none.status == 200 && none.matches().is_empty(), "{}", none.text);
}

#[tokio::test]
async fn a_row_that_was_erased_does_not_end_the_ledger_before_those_that_were_not() {
    const ERASE: &str = "UPDATE audit_row SET nonce = NULL, body = NULL, kind = NULL, at = NULL, patient = NULL, request_id = NULL \
        WHERE request_id = $1";
    for gate in on_each_database().await {
        let (patient, _) = looked_at(&gate).await;
        for _ in 0..2 {
            gate.search(GP, "Condition", patient).await;
        }
        let newest = gate.search(GP, "Condition", patient).await.request_id();
        let whole = ledger(&gate, 4).await.matches();
        let erased = uuid::Uuid::parse_str(&newest.to_string()).unwrap().as_bytes().to_vec();
        let rows = if gate.database.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(&gate.database).await.unwrap();
            sqlx::query(ERASE).bind(erased).execute(&mut connection).await.unwrap().rows_affected()
        } else {
            let mut connection = sqlx::PgConnection::connect(&gate.database).await.unwrap();
            sqlx::query(ERASE).bind(erased).execute(&mut connection).await.unwrap().rows_affected()
        };
        assert!(rows > 0, "the row stood there");
        let first = gate.get(OFFICER, &format!("{LEDGER}?_count=2")).await;
        let next = first.next().expect("two more are before these");
        let second = gate.get(OFFICER, next.split("/fhir/").nth(1).unwrap()).await;
        let told: Vec<_> = [first.matches(), second.matches()].concat();
        let ids = |events: &[Value]| events.iter().map(crate::log::request_id).collect::<Vec<_>>();
        assert_eq!(ids(&told), ids(&whole[1..]), "{}", second.text);
        assert!(second.next().is_none(), "{}", second.text);
    }
}

#[tokio::test]
async fn a_table_of_a_time_is_for_a_spreadsheet_and_no_cell_of_it_is_a_formula() {
    let gate = own().await;
    let (patient, answer) = looked_at(&gate).await;
    ledger(&gate, 1).await;
    let table = gate.get(OFFICER, &format!("{LEDGER}?_format=text/csv")).await;
    assert_eq!((table.status, table.header("content-type")), (200, "text/csv; charset=utf-8"), "{}", table.text);
    assert!(table.header("content-disposition").starts_with("attachment"), "{:?}", table.header("content-disposition"));
    let lines: Vec<&str> = table.text.lines().collect();
    assert!(lines[0].starts_with("at,request,patient,asked,"), "{lines:?}");
    let line = lines.iter().find(|line| line.contains(&answer.request_id().to_string())).unwrap();
    assert!(line.contains(&patient.digits()) && line.contains("F99001"), "{line}");
    assert!(lines.iter().flat_map(|line| line.split(',')).all(|cell| !cell.starts_with(['=', '+', '-', '@'])));
}

#[tokio::test]
async fn sums_by_day_name_nobody_and_are_for_whoever_keeps_the_registration_too() {
    let gate = own().await;
    let (patient, _) = looked_at(&gate).await;
    ledger(&gate, 1).await;
    for who in [OFFICER, "system:RZ901"] {
        let told = gate.get(who, TOTALS).await;
        assert_eq!(told.status, 200, "{who}: {}", told.text);
        let parameters = told.json()["parameter"].as_array().unwrap().clone();
        assert_eq!(parameters[0]["name"], "until");
        let parts = parameters[1]["part"].as_array().unwrap();
        let of = |name: &str| parts.iter().find(|part| part["name"] == name).unwrap();
        assert_eq!(of("recipient")["valueIdentifier"]["value"], "F99001");
        assert!(
            of("releases")["valueInteger"].as_u64().unwrap() >= 1 && of("items")["valueInteger"].as_u64().unwrap() >= 1
        );
        assert!(!told.text.contains(&patient.digits()));
    }
}
