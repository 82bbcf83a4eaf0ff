//! Providers are asked by the filters that they declare, and no answer shows it: neither what it holds nor what it says of
//! what is withheld. In what ways one that declares filters can be wrong is told in `liars`.

mod kept;
mod liars;
mod unserved;

use crate::{
    harness::{Answer, Gate, Setup, of_patient},
    misbehaviour::stage::Stage,
    records::raw_matches,
    relationships::assert_relationship,
    sensitivity::{Region, claim, patient},
};
use caregate::{
    domain::NhsNumber,
    fhir::ResourceType,
    query::grammar::{self, DataType},
    sandbox::data::ProviderData,
};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;

const GP: &str = "gp-saltmarsh";
const TTL: &str = "CAREGATE__FEDERATION__TTL_SECONDS";
const REFRESH: &str = "CAREGATE__FEDERATION__CAPABILITY_REFRESH_SECONDS";

/// All of a region's providers that have said what they can do, once they have.
async fn declared(gate: &Gate) {
    let all = gate.data.providers.len();
    crate::harness::soon("every provider says what it can do", async || {
        let known = metrics(gate).await.lines().filter(|line| is_declared(line)).count();
        (known == all).then_some(())
    })
    .await;
}

fn is_declared(line: &str) -> bool {
    line.starts_with("caregate_provider_declares{")
}

async fn metrics(gate: &Gate) -> String {
    Answer::of(gate.request(Method::GET, &gate.metrics)).await.text
}

/// How often it came to this, at all providers.
async fn times(gate: &Gate, outcome: &str) -> u64 {
    let metrics = metrics(gate).await;
    let lines = metrics.lines().filter(|line| {
        line.starts_with("caregate_push_down_total{") && line.contains(&format!("outcome=\"{outcome}\""))
    });
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// How often a provider was asked for a type by filters.
async fn filtered(gate: &Gate, slug: &str, kind: &str) -> u64 {
    gate.asked(slug).await["filtered"][kind].as_u64().unwrap_or_default()
}

/// What a resource holds there, through all lists on the way.
fn at<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    path.split('.').fold(vec![value], |found, key| {
        let items = found.into_iter().filter_map(|value| value.get(key));
        items.flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)).collect()
    })
}

/// Filters on everything that a type can be searched by, of values that somebody holds and of some that nobody does.
fn filters(providers: &[ProviderData], kind: ResourceType) -> Vec<String> {
    let held = providers.iter().flat_map(|provider| provider.of_type(kind.as_str()));
    let held: Vec<Value> = held.map(|one| serde_json::from_str(&one.json).unwrap()).collect();
    let rule = grammar::rule(kind);
    let mut filters = Vec::new();
    for (name, found, paths) in rule.tokens {
        let elements = held.iter().flat_map(|one| paths.iter().flat_map(|path| at(one, path)));
        let mut values: BTreeSet<String> = match found {
            DataType::Code(system) => {
                elements.filter_map(Value::as_str).flat_map(|c| [c.to_owned(), format!("{system}|{c}")]).collect()
            }
            DataType::Identifier => elements.filter_map(|e| e["value"].as_str()).map(str::to_owned).take(1).collect(),
            DataType::CodeableConcept => elements
                .flat_map(|e| at(e, "coding"))
                .flat_map(|c| {
                    [
                        c["code"].as_str().unwrap().to_owned(),
                        format!("{}|{}", c["system"].as_str().unwrap(), c["code"].as_str().unwrap()),
                    ]
                })
                .collect(),
        };
        let some: Vec<String> = values
            .iter()
            .filter(|value| !value.contains(','))
            .step_by(values.len().div_ceil(4).max(1))
            .cloned()
            .collect();
        values = some.iter().cloned().collect();
        values.extend([some.join(","), "nobody-holds-this".to_owned(), "|nor-this".to_owned()]);
        filters.extend(values.into_iter().filter(|value| !value.is_empty()).map(|value| format!("{name}={value}")));
    }
    for (name, paths) in rule.dates {
        let elements = held.iter().flat_map(|one| paths.iter().flat_map(|path| at(one, path)));
        let texts = elements.filter_map(|e| e.as_str().or(e["start"].as_str()).or(e["end"].as_str()));
        let texts: BTreeSet<&str> = texts.collect();
        for text in texts.iter().step_by(texts.len().div_ceil(2).max(1)) {
            let day = &text[..text.len().min(10)];
            for prefix in ["", "ne", "gt", "lt", "ge", "le"] {
                filters.push(format!("{name}={prefix}{day}"));
            }
            filters.push(format!("{name}={text}"));
            filters.push(format!("{name}=ge{day}&{name}=lt2031"));
        }
    }
    let both: Vec<String> =
        filters.windows(2).step_by(5).map(|two| two.join("&")).filter(|both| is_one(both)).collect();
    filters.extend(both);
    filters
}

/// Whether no parameter is named twice, which only dates may be.
fn is_one(filter: &str) -> bool {
    let names: Vec<&str> = filter.split('&').map(|one| one.split('=').next().unwrap()).collect();
    names.iter().collect::<BTreeSet<_>>().len() == names.len()
}

fn escaped(filter: &str) -> String {
    filter.replace('|', "%7C").replace('+', "%2B").replace(' ', "%20")
}

#[tokio::test]
async fn every_filter_has_the_same_answer_from_providers_that_are_asked_by_it_and_that_are_not() {
    // of one region and with the same keys, so that ids are the same
    let (asking, plain) = (Stage::new().set(REFRESH, 3_600).set(TTL, 0).start(), Stage::new().start());
    declared(&asking).await;
    // one whom many know, and one whose whereabouts are kept from most
    let known = asking.data.patients.iter().filter(|patient| patient.gp_practice.as_str() == "F99001");
    let mut known: Vec<_> = known.collect();
    known.sort_by_key(|patient| std::cmp::Reverse(patient.held_by.len()));
    let hidden = asking.data.patients.iter().find(|patient| patient.name.contains("Hollowell")).unwrap();
    assert_relationship(&asking, hidden.nhs_number, "RZ901").await;
    assert_relationship(&plain, hidden.nhs_number, "RZ901").await;
    let (mut asked, mut compared) = (0, 0);
    for kind in ResourceType::RECORDS.iter().filter(|kind| **kind != ResourceType::Patient) {
        for filter in filters(&asking.data.providers, *kind) {
            let readers = [(GP, known[0].nhs_number), ("consultant-estuary", hidden.nhs_number)];
            asked += 1;
            for (persona, number) in readers.into_iter().take(1 + usize::from(asked % 4 == 0)) {
                let query = format!("{kind}?_count=200&{}", escaped(&filter));
                let expected = told(&plain, persona, &query, number).await;
                assert_eq!(told(&asking, persona, &query, number).await, expected, "{persona} {query}");
                compared += expected.0.len();
            }
        }
    }
    assert!(compared > 200, "{compared}");
    assert!(times(&asking, "narrowed").await > 300 && times(&plain, "narrowed").await == 0);
    assert_eq!((times(&asking, "lost").await, times(&asking, "refused").await), (0, 0));
}

/// Each entry's bytes, in the order that they are shown, and what is missing.
async fn told(gate: &Gate, persona: &str, query: &str, number: NhsNumber) -> (Vec<String>, String) {
    let answer = gate.search(persona, query, number).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    let entries = raw_matches(std::slice::from_ref(&answer)).iter().map(|entry| entry.replace(&gate.url, "")).collect();
    (entries, answer.header("x-completeness").to_owned())
}

#[tokio::test]
async fn what_is_withheld_is_told_alike_whatever_a_filter_asks_for() {
    let region = Region::new();
    region.add("Condition", "status", serde_json::json!({"clinicalStatus": {"coding": [{"code": "active"}]}}));
    let gate = region.setup().set(TTL, 0).start();
    declared(&gate).await;
    claim(&gate, "paramedic-eastline", "RZ904").await;
    let issues = async |query: &str| {
        let answer = gate.search("paramedic-eastline", query, patient()).await;
        let told = answer.issues().into_iter().map(|issue| (issue["code"].clone(), issue["diagnostics"].clone()));
        (answer.matches().len(), told.collect::<Vec<_>>())
    };
    let suppressed = |issues: &[(Value, Value)]| issues.iter().any(|(code, _)| code == "suppressed");
    assert!(suppressed(&issues("Condition").await.1), "without a filter it is told");
    // before its answers are relied on, when they are, and when it is checked again
    let absent = issues("Condition?code=nobody-holds-this").await;
    assert!(absent.0 == 0 && !suppressed(&absent.1));
    assert!(absent.1.iter().any(|(_, said)| said.as_str().unwrap().contains("by the filters of this search")));
    for round in 0..20 {
        // coded as sensitive: withheld from a paramedic
        assert_eq!(issues("Condition?code=15628003").await, absent, "{round}");
    }
    assert!(times(&gate, "narrowed").await > 0);
    // whether the whole is in memory or not
    let remembering = region.setup().start();
    declared(&remembering).await;
    claim(&remembering, "paramedic-eastline", "RZ904").await;
    for query in ["Condition?code=15628003", "Condition", "Condition?code=15628003", "Condition?code=nobody-holds-this"]
    {
        let told = remembering.search("paramedic-eastline", query, patient()).await.issues();
        let said = told.iter().any(|issue| issue["code"] == "suppressed");
        assert_eq!(said, query == "Condition", "{query}: {told:?}");
    }
    // the same to one who may see it all
    let gp = gate.search(GP, "Condition?code=nobody-holds-this", patient()).await.issues();
    let gp: Vec<_> = gp.into_iter().map(|issue| (issue["code"].clone(), issue["diagnostics"].clone())).collect();
    assert_eq!(gp, absent.1);
}

#[tokio::test]
async fn an_entry_takes_the_labels_of_what_a_filter_leaves_out() {
    let region = Region::new();
    let coded = |code: &str| serde_json::json!({"coding": [{"system": "http://snomed.info/sct", "code": code}]});
    let member = serde_json::json!([{"reference": "Observation/x-count"}]);
    region.add("Observation", "lone", serde_json::json!({"code": coded("26604007")}));
    region.add("Observation", "group", serde_json::json!({"code": coded("26604007"), "hasMember": member}));
    let gate = region.setup().set(TTL, 0).start();
    declared(&gate).await;
    claim(&gate, "paramedic-eastline", "RZ904").await;
    for round in 0..4 {
        let query = "Observation?code=http://snomed.info/sct%7C26604007";
        let answer = gate.search("paramedic-eastline", query, patient()).await;
        assert_eq!(region.shown(&answer, &["lone", "group", "count"]), ["lone"], "{round}");
        let answer = gate.search(GP, query, patient()).await;
        assert_eq!(region.shown(&answer, &["lone", "group", "count"]), ["lone", "group"], "{round}");
    }
    assert!(times(&gate, "narrowed").await > 0);
}

/// The built-in region's provider of most, asked for this.
async fn ask(gate: &Gate, query: &str, number: NhsNumber) -> Answer {
    let answer =
        Answer::of(gate.request(Method::GET, &of_patient(query, number)).bearer_auth(gate.token(GP).await)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

#[tokio::test]
async fn allergies_medicines_and_warnings_are_asked_for_whole() {
    let gate = Setup::default().set(TTL, 0).start();
    declared(&gate).await;
    let number = gate.registered("F99001", 0).nhs_number;
    let pharmacy =
        ["AllergyIntolerance?code=91936005", "AllergyIntolerance?clinical-status=active", "Flag?date=ge2000-01-01"];
    let medicines =
        ["MedicationRequest?status=active", "MedicationRequest?code=91936005", "MedicationStatement?code=1"];
    for query in pharmacy.iter().chain(&medicines).chain(&["MedicationDispense?status=completed"]) {
        for _ in 0..3 {
            let answer = ask(&gate, query, number).await;
            let said = answer.issues().iter().any(|issue| issue["diagnostics"].to_string().contains("filters"));
            assert!(!said, "{query}");
        }
    }
    // what brings along others of its own type needs them all, and so does what tells where each came from
    for query in [
        "Observation?code=8867-4&_include=Observation:has-member",
        "Condition?code=1&_revinclude=Provenance:target",
        "Condition?_id=x",
    ] {
        ask(&gate, query, number).await;
    }
    assert_eq!(times(&gate, "checked").await, 0);
    for slug in gate.providers.keys() {
        assert_eq!(gate.asked(slug).await["filtered"], serde_json::json!({}), "{slug}");
    }
    ask(&gate, "Condition?code=1", number).await;
    assert!(times(&gate, "checked").await > 0, "and what may be is not");
    let lines = gate.provider("F99001").of_type("Condition").len();
    assert!(lines > 0 && filtered(&gate, "saltmarsh", "Condition").await == 1);
}
