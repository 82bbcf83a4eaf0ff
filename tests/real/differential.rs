//! The gateway over the region split among its organisations, against one real FHIR server that holds everybody's data: the
//! same random searches find the same entries, in the same order, but for the differences that docs/DIFFERENCES.md lists.

use crate::{
    answers::asked,
    differences::{self, Bound, Difference},
    harness::{BUILT_IN, Gate, canary},
    queries::{Grammar, Query, Random, written},
    region::gateway,
    servers::{
        Maker::{self, Hapi, Helios, Medplum},
        Server,
    },
    tools::{HAPI, HFS, NODE, have},
};
use caregate::domain::NhsNumber;
use reqwest::Client;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
};

/// How many searches; `CAREGATE_QUERIES` asks for more. HAPI takes its time.
fn usually(maker: Maker) -> usize {
    if maker == Hapi { 300 } else { 1000 }
}

/// So many meet with every difference that there is.
const MANY: usize = 5000;

/// What a statute bars from everyone but who wrote it, the gateway shows to nobody: it carries this code.
const BARRED: &str = "\"407376001\"";

#[tokio::test]
async fn the_gateway_over_many_finds_what_helios_finds_holding_everything() {
    if have(&[HFS, NODE], "the gateway against Helios HFS") {
        against(Helios).await;
    }
}

#[tokio::test]
async fn the_gateway_over_many_finds_what_medplum_finds_holding_everything() {
    if have(&[NODE], "the gateway against Medplum") {
        against(Medplum).await;
    }
}

#[tokio::test]
async fn the_gateway_over_many_finds_what_hapi_finds_holding_everything() {
    if have(&[HAPI], "the gateway against HAPI FHIR") {
        against(Hapi).await;
    }
}

async fn against(maker: Maker) {
    let searches = env::var("CAREGATE_QUERIES").ok().map_or(usually(maker), |text| text.parse().expect("a number"));
    let seed = env::var("CAREGATE_SEED").ok().map_or(1, |text| text.parse().expect("a number"));
    let gate = gateway(|_| maker).await;
    let everybody = Everybody::at(maker).await;
    let grammar = Grammar::of(&gate).await;
    let mut random = Random(seed);
    let mut met = Met::default();
    let mut ids = BTreeMap::new();
    for n in 0..searches {
        let mut query = grammar.query(n, &mut random);
        query.ids.retain(|canary| ids.contains_key(canary));
        // the gateway reads includes, and does not bring them yet
        query.includes.clear();
        let patient = random.one(&BUILT_IN.patients).nhs_number;
        if differences::refuses(maker, &query) {
            continue;
        }
        let found = Found::by_gateway(&gate, patient, &query, &mut ids).await;
        let theirs = everybody.found(patient, &query).await;
        met.compared += theirs.entries.len();
        met.compare(maker, &query, &found, &theirs);
    }
    eprintln!("{maker:?}: {searches} searches, {} entries, differences: {:?}", met.compared, met.differences);
    assert!(met.unexplained.is_empty(), "{} unexplained:\n{}", met.unexplained.len(), met.unexplained.join("\n"));
    assert!(met.compared > searches / 2, "hardly anything was found");
    if searches >= MANY {
        let idle = differences::of(maker).filter(|one| !met.differences.contains_key(one.name));
        assert_eq!(idle.map(|one| one.name).collect::<Vec<_>>(), [""; 0], "listed, and not to be seen any more");
    }
}

/// What a run has come across.
#[derive(Default)]
struct Met {
    compared: usize,
    differences: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

impl Met {
    fn compare(&mut self, maker: Maker, query: &Query, ours: &Found, theirs: &Found) {
        let only = |one: &Found, other: &Found| -> Vec<(bool, Value)> {
            let here = one.entries.iter().filter(|entry| !other.names().contains(&entry.0));
            here.map(|(_, resource)| (std::ptr::eq(one, ours), resource.clone())).collect()
        };
        let mut left = Vec::new();
        for (by_gateway, resource) in [only(ours, theirs), only(theirs, ours)].concat() {
            match differences::of(maker).find(|one| (one.is)(query, &resource, by_gateway)) {
                Some(Difference { name, .. }) => *self.differences.entry(name).or_default() += 1,
                None => left.push(format!("  only {}: {resource}", if by_gateway { "gateway" } else { "server" })),
            }
        }
        // entries without the date may stand anywhere
        let ours = ours.dates(query, Bound::Start);
        let theirs = differences::descends_by(maker).map(|bound| theirs.dates(query, bound)).unwrap_or_default();
        if !is_ordered(query, &ours) || !is_ordered(query, &theirs) {
            left.push(format!("  ordered {ours:?}\n  there   {theirs:?}"));
        }
        if !left.is_empty() {
            self.unexplained.push(format!("{query:?}\n{}", left.join("\n")));
        }
    }
}

/// The entries of an answer, by canary, in their order.
struct Found {
    entries: Vec<(String, Value)>,
}

impl Found {
    async fn by_gateway(gate: &Gate, patient: NhsNumber, query: &Query, ids: &mut BTreeMap<String, String>) -> Self {
        let mut pairs = query.parameters(|canary| ids[canary].clone());
        pairs.extend(query.sort.iter().map(|(sort, _)| ("_sort".to_owned(), (*sort).to_owned())));
        pairs.extend(query.shapes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let pages = asked(gate, patient, &query.kind, &pairs).await;
        let bundles = pages.iter().map(|page| page.json());
        let entries: Vec<(String, Value)> = bundles.flat_map(|bundle| entries(&bundle)).collect();
        ids.extend(entries.iter().map(|(name, one)| (name.clone(), one["id"].as_str().unwrap().to_owned())));
        Self { entries }
    }

    fn names(&self) -> BTreeSet<&String> {
        self.entries.iter().map(|entry| &entry.0).collect()
    }

    /// What the matches are sorted by: the beginning of each one's date; in descending order, this bound of it.
    fn dates(&self, query: &Query, descends_by: Bound) -> Vec<i64> {
        let Some((sort, parameter)) = &query.sort else { return Vec::new() };
        let bound = if sort.starts_with('-') { descends_by } else { Bound::Start };
        let matches = self.entries.iter().filter(|(_, resource)| resource["resourceType"] == *query.kind);
        matches.filter_map(|(_, resource)| differences::sort_key(parameter, resource, bound)).collect()
    }
}

fn is_ordered(query: &Query, dates: &[i64]) -> bool {
    let descending = query.sort.as_ref().is_some_and(|(sort, _)| sort.starts_with('-'));
    dates.is_sorted_by(|a, b| if descending { a >= b } else { a <= b })
}

fn entries(bundle: &Value) -> Vec<(String, Value)> {
    let all = bundle["entry"].as_array().cloned().unwrap_or_default().into_iter();
    let resources = all.map(|entry| entry["resource"].clone()).filter(|one| one["resourceType"] != "OperationOutcome");
    let shown = resources.filter(|one| !one.to_string().contains(BARRED));
    shown.map(|resource| (name(&resource), resource)).collect()
}

/// Its canary: an identifier, or an extension where its type has none.
fn name(resource: &Value) -> String {
    let mut extensions = resource["extension"].as_array().into_iter().flatten();
    let own = extensions.find(|one| one["url"] == "https://region.example/canary");
    own.map_or_else(|| canary(resource), |one| one["valueString"].as_str().unwrap().to_owned())
}

/// One server that holds what all organisations do.
struct Everybody {
    base: String,
    http: Client,
}

impl Everybody {
    async fn at(maker: Maker) -> Self {
        let server = Server::of(maker).await;
        for provider in &BUILT_IN.providers {
            let all = provider.resources.values().flatten().map(|one| serde_json::from_str(&one.json).unwrap());
            let apart = all.map(|mut resource: Value| {
                resource["id"] = format!("{}.{}", provider.slug, resource["id"].as_str().unwrap()).into();
                each_reference(&mut resource, &mut |kind, id| format!("{kind}/{}.{id}", provider.slug));
                resource
            });
            server.load("everybody", apart).await;
        }
        Self { base: server.base("everybody"), http: Client::builder().no_proxy().build().unwrap() }
    }

    /// What it finds about the patient: under any of the ids that the organisations have for them.
    async fn found(&self, patient: NhsNumber, query: &Query) -> Found {
        let patients = BUILT_IN.providers.iter().flat_map(|provider| {
            let own = provider.local_patients(Some(NhsNumber::SYSTEM), &patient.digits());
            own.into_iter().map(|id| format!("{}.{id}", provider.slug))
        });
        let mut pairs =
            vec![("patient".to_owned(), patients.map(|id| format!("Patient/{id}")).collect::<Vec<_>>().join(","))];
        pairs.extend(query.parameters(id_of));
        pairs.extend(query.sort.iter().map(|(sort, parameter)| {
            ("_sort".to_owned(), if sort.starts_with('-') { format!("-{parameter}") } else { parameter.clone() })
        }));
        pairs.push(("_count".to_owned(), "1000".to_owned()));
        let mut next = Some(format!("{}/{}?{}", self.base, query.kind, written(&pairs)));
        let mut found = Vec::new();
        while let Some(url) = next {
            let answer = self.http.get(&url).header("accept", "application/fhir+json").send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert_eq!(status, 200, "{url}: {text}");
            let bundle: Value = serde_json::from_str(&text).unwrap();
            found.extend(entries(&bundle));
            let mut links = bundle["link"].as_array().into_iter().flatten();
            next = links.find(|link| link["relation"] == "next").map(|link| link["url"].as_str().unwrap().to_owned());
        }
        Found { entries: found }
    }
}

/// Its id there.
fn id_of(canary: &str) -> String {
    let holders = BUILT_IN.providers.iter();
    let mut found = holders.flat_map(|provider| {
        let all = provider.resources.values().flatten().filter(|one| one.json.contains(&format!("\"{canary}\"")));
        all.map(|one| format!("{}.{}", provider.slug, one.id))
    });
    found.next().unwrap()
}

/// Writes each literal reference `Type/id` anew.
fn each_reference(value: &mut Value, write: &mut impl FnMut(&str, &str) -> String) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_reference(item, write)),
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == "reference").and_then(|text| text.split_once('/')) {
                    Some((kind, id)) if kind.starts_with(char::is_uppercase) => *value = write(kind, id).into(),
                    _ => each_reference(value, write),
                }
            }
        }
        _ => {}
    }
}
