//! Pages, orders and dates; and that a page goes on only for the reader, the query and the facts it was begun under.

use crate::{
    harness::{Answer, Gate, NHS, Setup, canary, named_in, of_patient, on_each_database, own, shared, source_of},
    objections::{one_source, recorded, whole_record},
    relationships::assert_relationship,
};
use caregate::{audit::Kind, domain::NhsNumber};
use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const GP: &str = "gp-saltmarsh";

/// Who measured at home for months: more Observations than fit on the largest page.
fn measured_at_home(gate: &Gate) -> NhsNumber {
    gate.registered("F99001", 0).nhs_number
}

/// Canaries of the matches, in the order shown.
async fn order(gate: &Gate, query: &str, patient: NhsNumber) -> Vec<String> {
    gate.pages(GP, query, patient).await.iter().flat_map(Answer::matches).map(|one| canary(&one)).collect()
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_or_a_repeat_whatever_their_size() {
    let gate = shared().await;
    let patient = measured_at_home(&gate);
    let whole = order(&gate, "Observation?_count=200", patient).await;
    assert!(whole.len() > 220, "{}", whole.len());
    assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), whole.len());
    for count in [1000, 50, 33, 7] {
        assert_eq!(order(&gate, &format!("Observation?_count={count}"), patient).await, whole, "_count={count}");
    }
    // each page is a release of its own, with its own items
    let pages = gate.pages(GP, "Observation?_count=100", patient).await;
    let mut released = BTreeSet::new();
    for page in &pages {
        let row = gate.closing(page).await;
        assert_eq!(row.kind, Kind::Released);
        for line in &row.sources {
            let items = line.answer.as_ref().map(|_| line.released.clone());
            let shown = (0..1000).filter(|at| items.as_ref().is_some_and(|items| items.contains(*at)));
            shown.for_each(|at| assert!(released.insert((line.source, at)), "shown on two pages"));
        }
    }
    assert_eq!(released.len(), whole.len());
}

#[tokio::test]
async fn count_is_lowered_to_the_maximum_and_the_self_link_says_so() {
    let gate = shared().await;
    let patient = measured_at_home(&gate);
    for (asked, used, shown) in
        [("", "_count=50", 50), ("?_count=2147483647", "_count=200", 200), ("?_count=1", "_count=1", 1)]
    {
        let answer = gate.search(GP, &format!("Observation{asked}"), patient).await;
        assert_eq!(answer.matches().len(), shown);
        let links = answer.json()["link"].clone();
        assert_eq!(links[0]["relation"], "self");
        let url = links[0]["url"].as_str().unwrap();
        assert!(url.ends_with(used), "{url}");
        assert!(!url.contains(&patient.digits()), "no NHS number in a link: {url}");
        // the self link is the same search
        assert_eq!(gate.get(GP, url).await.match_ids(), answer.match_ids());
    }
}

/// The span of time that a FHIR date or dateTime stands for, in microseconds: computed anew, to hold the gateway's against.
fn span(text: &str) -> (i64, i64) {
    let micros = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
    match text.len() {
        4 => (micros(day(&format!("{text}-01-01"))), micros(day(&format!("{text}-01-01")) + Months::new(12))),
        7 => (micros(day(&format!("{text}-01"))), micros(day(&format!("{text}-01")) + Months::new(1))),
        10 => (micros(day(text)), micros(day(text) + Days::new(1))),
        _ => {
            let start = DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
            (start, start + if text.contains('.') { 1_000 } else { 1_000_000 })
        }
    }
}

/// The same of an element: a dateTime, or a Period, open where it has no end.
fn span_of(element: &Value) -> Option<(i64, i64)> {
    match element {
        Value::String(text) => Some(span(text)),
        Value::Object(period) => {
            let end = |name: &str| period.get(name).and_then(Value::as_str).map(span);
            Some((end("start").map_or(i64::MIN, |s| s.0), end("end").map_or(i64::MAX, |e| e.1)))
        }
        _ => None,
    }
}

/// <https://hl7.org/fhir/R4/search.html#prefix>
fn passes(test: &str, element: (i64, i64)) -> bool {
    let prefixed = test.starts_with(|c: char| c.is_ascii_lowercase());
    let (prefix, date) = if prefixed { test.split_at(2) } else { ("eq", test) };
    let (from, to) = span(date);
    let within = from <= element.0 && element.1 <= to;
    match prefix {
        "eq" => within,
        "ne" => !within,
        "gt" => element.1 > to,
        "lt" => element.0 < from,
        "ge" => element.1 > to || within,
        "le" => element.0 < from || within,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn dates_filter_as_computed_from_what_the_sources_hold() {
    let gate = shared().await;
    // the built-in onsets are as precise as FHIR allows: a year, a month, a day, a second, a fraction, with zones
    let tests: &[(&str, &str, &[&str], &[&str])] = &[
        (
            "Condition",
            "onset-date",
            &["onsetDateTime", "onsetPeriod"],
            &[
                "2009",
                "eq2014-03",
                "ne2014-03",
                "gt2014-03",
                "lt2014-03",
                "ge2014-03",
                "le2014-03",
                "2018-11-05",
                "ge2018-11-05T08:15:00Z",
                "gt2018-11-05T08:15:00Z",
                "le2019-06-02T23:45:10%2B01:00",
                "lt2019-06-02T22:45:10Z",
                "2021-01-09T12:00:00Z",
                "ge2021-01-09T12:00:00.125Z",
                "2009,2014-03",
                "ge2016&onset-date=lt2021",
                "lt1900",
                "2016-07-21",
            ],
        ),
        ("Condition", "recorded-date", &["recordedDate"], &["2024-12-28", "ne2024-12-28", "ge2024", "lt2024-12"]),
        (
            "Encounter",
            "date",
            &["period"],
            &["2025", "2025-09-03", "gt2025-09-03", "ge2025-09-03", "lt2025", "2025-09-03T09:30:00Z", "le2024-12-31"],
        ),
        (
            "Observation",
            "date",
            &["effectiveDateTime", "effectivePeriod", "effectiveInstant"],
            &["2025-04", "ge2025-06-15", "lt2025-02-12", "ne2025"],
        ),
        ("Immunization", "date", &["occurrenceDateTime"], &["ge2020", "lt2020", "2018"]),
        ("EpisodeOfCare", "date", &["period"], &["ge2024-09", "le2011", "2024-08", "gt2030", "eq2011-04-01"]),
        ("Appointment", "date", &["start"], &["ge2020", "lt2020"]),
    ];
    let (mut none, mut some, mut all) = (0, 0, 0);
    for (kind, parameter, elements, filters) in tests {
        for patient in gate.data.patients.iter().filter(|one| one.gp_practice.as_str() == "F99001") {
            let held: Vec<Value> = gate
                .data
                .providers
                .iter()
                .flat_map(|provider| provider.about(patient.nhs_number))
                .filter(|(one, _)| one == kind)
                .map(|(_, resource)| serde_json::from_str(&resource.json).unwrap())
                .collect();
            for filter in *filters {
                let every: Vec<&str> = filter.split(&format!("&{parameter}=")).collect();
                let fits = |resource: &Value| {
                    let spans: Vec<_> = elements.iter().filter_map(|name| span_of(&resource[*name])).collect();
                    every.iter().all(|any| {
                        let any = any.replace("%2B", "+");
                        spans.iter().any(|span| any.split(',').any(|test| passes(test, *span)))
                    })
                };
                let expected: BTreeSet<_> = held.iter().filter(|one| fits(one)).map(canary).collect();
                let found: BTreeSet<_> =
                    order(&gate, &format!("{kind}?{parameter}={filter}&_count=200"), patient.nhs_number)
                        .await
                        .into_iter()
                        .collect();
                assert_eq!(found, expected, "{kind}?{parameter}={filter} of {}", patient.name);
                *(if expected.is_empty() {
                    &mut none
                } else if expected.len() == held.len() {
                    &mut all
                } else {
                    &mut some
                }) += 1;
            }
        }
    }
    assert!(none > 20 && some > 20 && all > 5, "filters that filter: {none} {some} {all}");
}

#[tokio::test]
async fn entries_come_in_the_order_asked_for_and_those_without_a_date_come_last() {
    let gate = shared().await;
    let patient = gate.data.patients.iter().max_by_key(|patient| patient.held_by.len()).unwrap().nhs_number;
    for (kind, element) in [
        ("Observation", "effectiveDateTime"),
        ("Condition", "recordedDate"),
        ("Encounter", "period"),
        ("Goal", "startDate"),
    ] {
        for (sort, newest_first, by_date) in [
            ("", true, true),
            ("date", false, true),
            ("-date", true, true),
            ("_lastUpdated", false, false),
            ("-_lastUpdated", true, false),
        ] {
            let query = if sort.is_empty() { kind.to_owned() } else { format!("{kind}?_sort={sort}") };
            let found: Vec<Value> = gate
                .pages(GP, &format!("{query}{}_count=9", if sort.is_empty() { "?" } else { "&" }), patient)
                .await
                .iter()
                .flat_map(Answer::matches)
                .collect();
            let key = |one: &Value| {
                span_of(if by_date { &one[element] } else { &one["meta"]["lastUpdated"] }).map(|span| span.0)
            };
            let keys: Vec<_> = found.iter().map(key).collect();
            let mut sorted: Vec<_> = keys.iter().flatten().copied().collect();
            sorted.sort_unstable();
            if newest_first {
                sorted.reverse();
            }
            let dated: Vec<_> = keys.iter().map_while(|key| *key).collect();
            assert_eq!(dated, sorted, "{query}: those with a date come first, in order");
            assert!(keys.len() > 1, "{query}");
        }
    }
    // twice the same, and ties broken by the source's code
    assert_eq!(
        order(&gate, "Condition?_sort=date", patient).await,
        order(&gate, "Condition?_sort=date", patient).await
    );
}

#[tokio::test]
async fn last_updated_filters_and_leaves_out_what_does_not_say() {
    let gate = shared().await;
    let patient = measured_at_home(&gate);
    let all = gate.pages(GP, "Observation?_count=200", patient).await;
    let all: Vec<Value> = all.iter().flat_map(Answer::matches).collect();
    for test in ["ge2026-03", "lt2026-03", "2026-02", "ne2026-02"] {
        let fits = |one: &&Value| span_of(&one["meta"]["lastUpdated"]).is_some_and(|span| passes(test, span));
        let expected: BTreeSet<_> = all.iter().filter(fits).map(canary).collect();
        let found: BTreeSet<_> =
            order(&gate, &format!("Observation?_lastUpdated={test}&_count=200"), patient).await.into_iter().collect();
        assert_eq!(found, expected, "{test}");
        assert!(!expected.is_empty() && expected.len() < all.len());
    }
}

/// A search with at least two pages, and the second's address.
async fn begun(gate: &Gate, patient: NhsNumber) -> String {
    gate.search(GP, "Condition?_count=2", patient).await.next().expect("a second page")
}

async fn gone(gate: &Gate, persona: &str, page: &str) {
    let answer = gate.get(persona, page).await;
    gate.ends(&answer, 410, "expired", Kind::Failed, "gone").await;
}

#[tokio::test]
async fn a_page_token_is_one_readers_own_and_of_one_query_and_cannot_be_changed() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        assert_relationship(&gate, patient, "RZ901").await;
        let page = begun(&gate, patient).await;
        gone(&gate, "consultant-estuary", &page).await;
        // who may not see the patient at all learns nothing of pages
        let stranger = gate.get("consultant-colneside", &page).await;
        gate.ends(&stranger, 403, "forbidden", Kind::Refused, "access-denied").await;

        let (url, token) = page.split_once("page=").unwrap();
        let mut changed = token.to_owned();
        changed.replace_range(20..21, if token.as_bytes()[20] == b'x' { "y" } else { "x" });
        for token in [&changed, "AAAA", &token[..token.len() - 1], &"x".repeat(500)] {
            gone(&gate, GP, &format!("{url}page={token}")).await;
        }
        for other in [
            page.replace("_count=2", "_count=3"),
            page.replace("_sort=-date", "_sort=date"),
            page.replace("/Condition?", "/Encounter?"),
        ] {
            assert_ne!(other, page);
            gone(&gate, GP, &other).await;
        }
        let another = gate.shared_with("F99001", "estuary")[1];
        gone(&gate, GP, &format!("{}&_count=2&page={token}", of_patient("Condition", another))).await;
        // another session of the same reader goes on, and a page may be read twice
        let token = gate.token_with(GP, &[]).await;
        let again = Answer::of(gate.request(reqwest::Method::GET, &page).bearer_auth(token)).await;
        assert_eq!(again.match_ids(), gate.get(GP, &page).await.match_ids());
    }
}

#[tokio::test]
async fn no_page_goes_on_under_facts_that_have_changed_since() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        let page = begun(&gate, patient).await;
        recorded(&gate, patient, &one_source(patient, "RZ902")).await;
        gone(&gate, GP, &page).await;

        let page = begun(&gate, patient).await;
        recorded(&gate, patient, &whole_record(patient)).await;
        let answer = gate.get(GP, &page).await;
        gate.ends(&answer, 403, "suppressed", Kind::Refused, "no-patient-consent").await;

        let other = gate.shared_with("F99001", "estuary")[1];
        let page = begun(&gate, other).await;
        assert_relationship(&gate, other, "RZ904").await;
        gone(&gate, GP, &page).await;
        // a suspension is everyone's
        let page = begun(&gate, other).await;
        let mut suspend = crate::harness::program();
        suspend.args(["provider", "suspend", "FZ901", "--reason", "a test", "--database", &gate.database]);
        assert!(suspend.output().unwrap().status.success());
        gone(&gate, GP, &page).await;
        let answer = gate.search(GP, "Condition", other).await;
        assert!(
            answer
                .issues()
                .iter()
                .any(|issue| named_in(issue).as_deref() == Some("FZ901") && issue["severity"] == "warning")
        );
    }
}

#[tokio::test]
async fn no_page_goes_on_from_other_answers_than_it_began_with() {
    let gate = Setup::default().set("CAREGATE__FEDERATION__TTL_SECONDS", 1).start();
    let patient = gate.shared_with("F99001", "estuary")[0];
    let forgotten = async || tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let page = begun(&gate, patient).await;
    forgotten().await;
    // asked anew, everyone says the same: it goes on
    assert_eq!(gate.get(GP, &page).await.status, 200);
    forgotten().await;
    gate.fault("estuary", json!({"fault": "error", "status": 500, "types": ["Condition"]})).await;
    gone(&gate, GP, &page).await;
    // begun without it, gone when it is there again
    let page = begun(&gate, patient).await;
    gate.lift("estuary").await;
    gone(&gate, GP, &page).await;
}

#[tokio::test]
async fn a_restarted_search_shows_every_page_with_its_completeness() {
    let gate = own().await;
    let patient = measured_at_home(&gate);
    gate.fault("estuary", json!({"fault": "error", "status": 500})).await;
    let first = gate.search(GP, "Observation?_count=100", patient).await;
    // the fault stays: the page goes on, and says so again
    let second = gate.get(GP, &first.next().unwrap()).await;
    for page in [first, second] {
        assert_eq!(page.header("x-completeness"), "partial");
        assert!(
            page.issues()
                .iter()
                .any(|issue| named_in(issue).as_deref() == Some("RZ901") && issue["code"] == "incomplete")
        );
        assert!(page.matches().iter().all(|one| source_of(one) != "RZ901"));
    }
    assert!(of_patient("Observation", patient).contains(NHS));
}
