//! What a search finds by tokens and dates is what a person would find who read every stored resource: told by a reader of
//! its own, over plain JSON, which knows nothing of the gateway's.

use crate::harness::{Gate, canary, shared, source_of};
use caregate::domain::NhsNumber;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::collections::BTreeSet;

const GP: &str = "gp-saltmarsh";

/// Type, parameter, elements, and the system that a `code` there is of; as R4's registry has them.
const TOKENS: &[(&str, &str, &[&str], Option<&str>)] = &[
    ("AllergyIntolerance", "code", &["code", "reaction.substance"], None),
    ("AllergyIntolerance", "clinical-status", &["clinicalStatus"], None),
    ("AllergyIntolerance", "type", &["type"], Some("http://hl7.org/fhir/allergy-intolerance-type")),
    ("AllergyIntolerance", "category", &["category"], Some("http://hl7.org/fhir/allergy-intolerance-category")),
    ("Condition", "code", &["code"], None),
    ("Condition", "category", &["category"], None),
    ("Condition", "clinical-status", &["clinicalStatus"], None),
    ("Condition", "identifier", &["identifier"], None),
    ("Procedure", "status", &["status"], Some("http://hl7.org/fhir/event-status")),
    ("Immunization", "vaccine-code", &["vaccineCode"], None),
    ("MedicationRequest", "code", &["medicationCodeableConcept"], None),
    ("MedicationRequest", "category", &["category"], None),
    ("MedicationRequest", "intent", &["intent"], Some("http://hl7.org/fhir/CodeSystem/medicationrequest-intent")),
    ("MedicationRequest", "status", &["status"], Some("http://hl7.org/fhir/CodeSystem/medicationrequest-status")),
    ("Observation", "code", &["code"], None),
    ("Observation", "category", &["category"], None),
    ("Observation", "status", &["status"], Some("http://hl7.org/fhir/observation-status")),
    ("Observation", "identifier", &["identifier"], None),
    ("DiagnosticReport", "category", &["category"], None),
    ("DocumentReference", "identifier", &["masterIdentifier", "identifier"], None),
    ("DocumentReference", "type", &["type"], None),
    ("EpisodeOfCare", "status", &["status"], Some("http://hl7.org/fhir/episode-of-care-status")),
    ("FamilyMemberHistory", "code", &["condition.code"], None),
    ("List", "code", &["code"], None),
    ("Composition", "identifier", &["identifier"], None),
    ("ServiceRequest", "intent", &["intent"], Some("http://hl7.org/fhir/request-intent")),
];

const DATES: &[(&str, &str, &[&str])] = &[
    ("AllergyIntolerance", "date", &["recordedDate"]),
    ("Condition", "onset-date", &["onsetDateTime", "onsetPeriod"]),
    ("Condition", "recorded-date", &["recordedDate"]),
    ("Procedure", "date", &["performedDateTime", "performedPeriod"]),
    ("MedicationRequest", "authoredon", &["authoredOn"]),
    ("MedicationStatement", "effective", &["effectiveDateTime", "effectivePeriod"]),
    ("MedicationDispense", "whenhandedover", &["whenHandedOver"]),
    ("Observation", "date", &["effectiveDateTime", "effectivePeriod"]),
    ("Encounter", "date", &["period"]),
    ("EpisodeOfCare", "date", &["period"]),
    ("CarePlan", "date", &["period"]),
    ("Goal", "start-date", &["startDate"]),
    ("QuestionnaireResponse", "authored", &["authored"]),
    ("Observation", "_lastUpdated", &["meta.lastUpdated"]),
];

/// One search, and which resources it must find, by their sources and canaries.
struct Case {
    query: String,
    expected: BTreeSet<(String, String)>,
}

/// A stored resource, and who holds it.
type Stored = (String, Value);

fn stored(gate: &Gate, kind: &str, patient: NhsNumber) -> Vec<Stored> {
    let held = crate::records::held_as_stored(gate, kind, patient);
    held.into_iter().map(|(ods, json)| (ods, serde_json::from_str(&json).unwrap())).collect()
}

/// The two who are known in most places: one of them fills several pages.
fn patients(gate: &Gate) -> Vec<NhsNumber> {
    let mut own: Vec<_> =
        gate.data.patients.iter().filter(|patient| patient.gp_practice.as_str() == "F99001").collect();
    own.sort_by_key(|patient| std::cmp::Reverse(patient.held_by.len()));
    own.into_iter().take(2).map(|patient| patient.nhs_number).collect()
}

async fn hold(gate: &Gate, patient: NhsNumber, cases: Vec<Case>) -> (usize, usize) {
    let answered = stream::iter(cases).map(async |case| {
        let pages = gate.pages(GP, &format!("{}&_count=200", case.query), patient).await;
        let found: Vec<(String, String)> =
            pages.iter().flat_map(|page| page.matches()).map(|one| (source_of(&one), canary(&one))).collect();
        let distinct: BTreeSet<_> = found.iter().cloned().collect();
        assert_eq!(distinct.len(), found.len(), "{} shows something twice", case.query);
        assert!(distinct == case.expected, "{}: {distinct:#?} and not {:#?}", case.query, case.expected);
        found.len()
    });
    let counts: Vec<usize> = answered.buffer_unordered(8).collect().await;
    (counts.len(), counts.iter().filter(|found| **found > 0).count())
}

fn values<'a>(resource: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![resource];
    for name in path.split('.') {
        let inner = found.into_iter().filter_map(|value| value.get(name));
        found = inner.flat_map(|value| value.as_array().map_or(vec![value], |list| list.iter().collect())).collect();
    }
    found
}

/// What an element says as tokens: its system, where it says one, and its code. A `code` has the system of its binding, and says none.
fn tokens(resource: &Value, paths: &[&str], bound: Option<&str>) -> Vec<(Option<String>, bool, String)> {
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    let mut found = Vec::new();
    for value in paths.iter().flat_map(|path| values(resource, path)) {
        match (value.as_str(), bound) {
            (Some(code), Some(system)) => found.push((Some(system.to_owned()), false, code.to_owned())),
            _ => {
                let codings = value["coding"].as_array().cloned().unwrap_or_default();
                let all = codings.iter().map(|coding| (text(coding, "system"), text(coding, "code")));
                let all = all.chain([(text(value, "system"), text(value, "value"))]);
                found.extend(all.filter_map(|(system, code)| Some((system.clone(), system.is_some(), code?))));
            }
        }
    }
    found
}

fn escaped(text: &str) -> String {
    let mut plain = text.to_owned();
    for special in ['\\', ',', '|', '$'] {
        plain = plain.replace(special, &format!("\\{special}"));
    }
    url::form_urlencoded::byte_serialize(plain.as_bytes()).collect()
}

#[tokio::test]
async fn a_search_by_token_finds_what_the_stored_resources_say_in_every_form() {
    let gate = shared().await;
    let (mut asked, mut found) = (0, 0);
    for patient in patients(&gate) {
        let mut cases = Vec::new();
        for (kind, name, paths, bound) in TOKENS {
            let all = stored(&gate, kind, patient);
            let held: Vec<_> = all.iter().map(|(ods, one)| ((ods, one), tokens(one, paths, *bound))).collect();
            let mut case = |value: String, passes: &dyn Fn(&Option<String>, bool, &str) -> bool| {
                let matching = held.iter().filter(|(_, tokens)| tokens.iter().any(|(s, said, c)| passes(s, *said, c)));
                let expected = matching.map(|((ods, one), _)| ((*ods).clone(), canary(one))).collect();
                cases.push(Case { query: format!("{kind}?{name}={value}"), expected });
            };
            let mut distinct: Vec<_> = held.iter().flat_map(|(_, tokens)| tokens.clone()).collect();
            distinct.sort();
            distinct.dedup();
            let last = distinct.last().cloned();
            for (system, said, code) in distinct.iter().take(3).chain(&last) {
                let name = system.clone().unwrap_or_default();
                let (s, c) = (escaped(&name), escaped(code));
                case(c.clone(), &|_, _, held| held == code);
                case(format!("%7C{c}"), &|_, said, held| !said && held == code);
                case(format!("nothing,{c},{}", escaped("a,b")), &|_, _, held| held == code);
                case(escaped(&code.to_uppercase()), &|_, _, held| *held == code.to_uppercase());
                if system.is_some() {
                    case(format!("{s}%7C{c}"), &|other, _, held| other == system && held == code);
                    case(format!("{s}%7C"), &|other, _, _| other == system);
                    case(format!("https://elsewhere.example%7C{c}"), &|_, _, _| false);
                    case(format!("{s}%7Cnothing,{s}%7C{c}"), &|other, _, held| other == system && held == code);
                }
                assert!(*said || system.is_none() || bound.is_some());
            }
        }
        let (one, more) = hold(&gate, patient, cases).await;
        (asked, found) = (asked + one, found + more);
    }
    assert!(asked > 400 && found > 200, "{asked} asked, {found} found something");
}

/// Microseconds, up to but not including the end.
type Span = (i64, i64);

fn span(text: &str) -> Span {
    let day = |date: NaiveDate| date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_micros();
    let first = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
    match text.len() {
        4 => {
            let start = first(&format!("{text}-01-01"));
            (day(start), day(start.with_year(start.year() + 1).unwrap()))
        }
        7 => {
            let start = first(&format!("{text}-01"));
            (day(start), day(start + Months::new(1)))
        }
        10 => (day(first(text)), day(first(text) + Days::new(1))),
        _ => {
            let start = DateTime::parse_from_rfc3339(text).unwrap().to_utc();
            let digits =
                text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
            let length = TimeDelta::microseconds(10_i64.pow(6 - u32::try_from(digits).unwrap()));
            (start.timestamp_micros(), (start + length).timestamp_micros())
        }
    }
}

fn spans(resource: &Value, paths: &[&str]) -> Vec<Span> {
    let of = |value: &Value| match value.as_str() {
        Some(text) => span(text),
        None => {
            let start = value["start"].as_str().map_or(i64::MIN, |text| span(text).0);
            (start, value["end"].as_str().map_or(i64::MAX, |text| span(text).1))
        }
    };
    paths.iter().flat_map(|path| values(resource, path)).map(of).collect()
}

/// <https://hl7.org/fhir/R4/search.html#prefix>, in its words.
fn compares(prefix: &str, search: Span, held: Span) -> bool {
    let contains = search.0 <= held.0 && held.1 <= search.1;
    let (above, below) = (held.1 > search.1, held.0 < search.0);
    match prefix {
        "" | "eq" => contains,
        "ne" => !contains,
        "gt" => above,
        "lt" => below,
        "ge" => above || contains,
        "le" => below || contains,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_search_by_date_finds_what_the_stored_resources_say_by_every_prefix_and_precision() {
    let gate = shared().await;
    let (mut asked, mut found) = (0, 0);
    for patient in patients(&gate) {
        let mut cases = Vec::new();
        for (kind, name, paths) in DATES {
            let all = stored(&gate, kind, patient);
            let mut texts: Vec<String> = Vec::new();
            for (_, resource) in &all {
                for value in paths.iter().flat_map(|path| values(resource, path)) {
                    let said = [value, &value["start"], &value["end"]];
                    texts.extend(said.into_iter().filter_map(|one| one.as_str()).map(str::to_owned));
                }
            }
            texts.sort();
            texts.dedup();
            let mut case = |value: String, passes: &dyn Fn(Span) -> bool| {
                let matching = all.iter().filter(|(_, one)| spans(one, paths).into_iter().any(passes));
                let expected = matching.map(|(ods, one)| (ods.clone(), canary(one))).collect();
                cases.push(Case { query: format!("{kind}?{name}={}", value.replace('+', "%2B")), expected });
            };
            let (first, last) = (texts.first().cloned(), texts.last().cloned());
            let middle = texts.get(texts.len() / 2).cloned();
            for text in first.iter().chain(&middle).chain(&last) {
                for precision in [4, 7, 10, text.len()] {
                    let Some(date) = text.get(..precision) else { continue };
                    for prefix in ["", "eq", "ne", "gt", "lt", "ge", "le"] {
                        case(format!("{prefix}{date}"), &|held| compares(prefix, span(date), held));
                    }
                }
            }
            if let (Some(first), Some(last)) = (&first, &last) {
                let (a, b) = (&first[..4], &last[..4]);
                case(format!("{a},{b}"), &|held| compares("eq", span(a), held) || compares("eq", span(b), held));
            }
        }
        let (one, more) = hold(&gate, patient, cases).await;
        (asked, found) = (asked + one, found + more);
    }
    assert!(asked > 1000 && found > 400, "{asked} asked, {found} found something");
}

#[tokio::test]
async fn repeated_dates_and_different_parameters_must_all_pass() {
    let gate = shared().await;
    let patient = patients(&gate)[0];
    let all = stored(&gate, "Observation", patient);
    let (from, to) = (span("2025-04"), span("2025-09-03"));
    let matching = all.iter().filter(|(_, one)| {
        let within = |held: &Span| compares("ge", from, *held);
        let before = |held: &Span| compares("lt", to, *held);
        let dates = spans(one, &["effectiveDateTime"]);
        dates.iter().any(within)
            && dates.iter().any(before)
            && one["status"] == "final"
            && values(one, "code.coding").iter().any(|coding| coding["code"] == "85354-9")
    });
    let expected: BTreeSet<_> = matching.map(|(ods, one)| (ods.clone(), canary(one))).collect();
    assert!(expected.len() > 5 && expected.len() < all.len(), "{}", expected.len());
    let query = "Observation?date=ge2025-04&code=http://loinc.org%7C85354-9&date=lt2025-09-03&status=final".to_owned();
    hold(&gate, patient, vec![Case { query, expected }]).await;
}

#[tokio::test]
async fn a_target_is_read_by_its_id_at_the_one_source_and_searched_by_nothing() {
    let gate = shared().await;
    let patient = patients(&gate)[0];
    let mut read = BTreeSet::new();
    for (kind, names) in [
        ("Observation", &["performer", "specimen", "device"][..]),
        ("MedicationRequest", &["medicationReference"]),
        ("Encounter", &["serviceProvider", "location"]),
    ] {
        for page in gate.pages(GP, kind, patient).await {
            for shown in page.matches() {
                let paths =
                    names.iter().flat_map(|name| [format!("{name}.reference"), format!("{name}.location.reference")]);
                for path in paths {
                    for reference in values(&shown, &path).into_iter().filter_map(Value::as_str) {
                        let Some((target, _)) = reference.split_once('/').filter(|_| !reference.starts_with('#'))
                        else {
                            continue;
                        };
                        if !read.insert((target.to_owned(), source_of(&shown))) {
                            continue;
                        }
                        let answer = gate.get(GP, reference).await;
                        assert_eq!(answer.status, 200, "{reference}: {}", answer.text);
                        let found = answer.json();
                        assert_eq!(found["resourceType"], target);
                        assert_eq!(source_of(&found), source_of(&shown));
                        assert_eq!(gate.closing(&answer).await.request, reference);
                    }
                }
            }
        }
    }
    let types: BTreeSet<&str> = read.iter().map(|(target, _)| target.as_str()).collect();
    let expected = BTreeSet::from(["Device", "Location", "Medication", "Organization", "Practitioner", "Specimen"]);
    assert_eq!(types, expected, "{read:?}");
    for kind in [
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Location",
        "Medication",
        "Specimen",
        "Device",
        "Provenance",
    ] {
        let answer = gate.search(GP, kind, patient).await;
        gate.ends(&answer, 400, "not-supported", caregate::audit::Kind::Failed, "request").await;
    }
}

/// The id of one resource names its patient, its source and its local id there, but no type.
#[tokio::test]
async fn an_id_under_another_type_never_shows_nor_blames_what_a_source_keeps_of_others_there() {
    let gate = crate::harness::own().await;
    // one who is not the first of a hospital that counts: its first Specimen is another's
    let patient = *gate.shared_with("F99001", "colneside").last().unwrap();
    let counted = gate.search(GP, "Encounter", patient).await.matches();
    let held = counted.iter().filter(|one| source_of(one) == "RZ902");
    let mut refused = 0;
    for id in held.map(|one| one["id"].as_str().unwrap().to_owned()) {
        for kind in ["Specimen", "Device", "Provenance"] {
            let answer = gate.get(GP, &format!("{kind}/{id}")).await;
            assert!([200, 404].contains(&answer.status), "{kind}: {}", answer.text);
            refused += usize::from(answer.status == 404);
        }
    }
    assert!(refused > 0);
    let after = gate.search(GP, "Encounter", patient).await;
    assert_eq!(after.header("x-completeness"), "complete", "the source is not shut out: {}", after.text);
}
