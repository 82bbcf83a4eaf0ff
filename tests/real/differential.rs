//! The gateway over the region split among its organisations, against one real FHIR server that holds everybody's data: the
//! same random searches find the same entries, in the same order, but for the differences that docs/DIFFERENCES.md lists.

use crate::{
    answers::asked,
    differences::{self, Bound},
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
    // the gateway's `Type/id`, by canary
    let mut ids = BTreeMap::new();
    for n in 0..searches {
        let mut query = grammar.query(n, &mut random);
        query.ids.retain(|canary| ids.contains_key(canary));
        if !differences::brings_along(maker) {
            query.includes.clear();
        }
        let patient = random.one(&BUILT_IN.patients).nhs_number;
        if differences::refuses(maker, &query) {
            continue;
        }
        let ours = Found::by_gateway(&gate, patient, &query, None, &mut ids).await;
        let theirs = everybody.found(patient, &query, None).await;
        met.compare(maker, &query, &ours, &theirs);
        if let Some(view) = query.view.filter(|view| differences::views(maker, *view)) {
            let less = Found::by_gateway(&gate, patient, &query, Some(view), &mut ids).await;
            let theirs_less = everybody.found(patient, &query, Some(view)).await;
            met.compare_views(&query, view, [&ours, &less], [&theirs, &theirs_less]);
        }
    }
    let Met { entries, included, members, differences, unexplained } = &met;
    eprintln!("{maker:?}: {searches} searches, {entries} entries, {included} included, {members} members of views");
    eprintln!("differences: {differences:?}");
    assert!(unexplained.is_empty(), "{} unexplained:\n{}", unexplained.len(), unexplained.join("\n"));
    assert!(*entries > searches / 2, "hardly anything was found");
    assert!(*included > searches / 100 || !differences::brings_along(maker), "hardly anything came along");
    assert!(*members > searches / 2 || maker != Helios, "hardly anything was viewed");
    if searches >= MANY {
        let idle = differences::of(maker).filter(|name| !differences.contains_key(name));
        assert_eq!(idle.collect::<Vec<_>>(), [""; 0], "listed, and not to be seen any more");
    }
}

/// What a run has come across.
#[derive(Default)]
struct Met {
    entries: usize,
    included: usize,
    members: usize,
    differences: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

impl Met {
    fn compare(&mut self, maker: Maker, query: &Query, ours: &Found, theirs: &Found) {
        self.entries += theirs.entries.len();
        self.included += theirs.entries.iter().filter(|entry| entry.included).count();
        let mut left = Vec::new();
        for (one, other, by_gateway) in [(ours, theirs, true), (theirs, ours, false)] {
            let there = other.names();
            let only: Vec<_> = one.entries.iter().filter(|entry| !there.contains(&entry.key())).collect();
            for Entry { name, included, resource } in &only {
                // it hangs on a match that only one of them has
                let follows = |entry: &&&Entry| !entry.included && refer(&entry.resource, resource);
                if *included && (there.contains(&(name, false)) || only.iter().any(|entry| follows(&entry))) {
                    continue;
                }
                match differences::explained(maker, query, resource, by_gateway) {
                    Some(known) => *self.differences.entry(known).or_default() += 1,
                    None => left
                        .push(format!("  only {}: {name} {resource}", if by_gateway { "gateway" } else { "server" })),
                }
            }
        }
        for (who, one) in [("gateway", ours), ("server", theirs)] {
            if one.total.is_some_and(|total| total != one.matches().len() + one.barred) {
                left.push(format!("  {who} counts {:?} of {}", one.total, one.matches().len()));
            }
        }
        // entries without the date may stand anywhere
        let ours = ours.dates(query, Bound::Start);
        let theirs = differences::descends_by(maker).map(|bound| theirs.dates(query, bound)).unwrap_or_default();
        if !is_ordered(query, &ours) || !is_ordered(query, &theirs) {
            left.push(format!("  ordered {ours:?}\n  there   {theirs:?}"));
        }
        self.leave(query, &left);
    }

    /// The same entries with less in them: of each, the same members.
    fn compare_views(&mut self, query: &Query, view: View, ours: [&Found; 2], theirs: [&Found; 2]) {
        let mut left = Vec::new();
        for (who, [whole, less]) in [("gateway", ours), ("server", theirs)] {
            let counted = view == ("_summary", "count");
            let same = less.names() == if counted { BTreeSet::new() } else { whole.names() };
            let total = less.total.is_none_or(|total| total == whole.matches().len() + whole.barred);
            if !same || !total || (counted && less.total.is_none()) {
                left.push(format!("  {who}: {:?} counted, {:?} of {:?}", less.total, less.names(), whole.names()));
            }
        }
        let [whole, ours] = ours;
        for Entry { name, included, resource } in &ours.entries {
            let Some(theirs) = theirs[1].entries.iter().find(|entry| entry.name == *name) else { continue };
            let (whole, theirs) =
                (&whole.entries.iter().find(|entry| entry.name == *name).unwrap().resource, &theirs.resource);
            let names = |resource: &Value| resource.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
            self.members += names(resource).len();
            for member in names(resource).symmetric_difference(&names(theirs)) {
                let kind = resource["resourceType"].as_str().unwrap();
                let by_gateway = resource.get(member).is_some();
                match differences::viewed(view, kind, member, *included).filter(|_| by_gateway) {
                    Some(known) => *self.differences.entry(known).or_default() += 1,
                    None => left.push(format!("  {member}\n    gateway {resource}\n    server {theirs}")),
                }
            }
            let changed =
                names(resource).into_iter().find(|member| member != "meta" && resource[member] != whole[member]);
            left.extend(changed.map(|member| format!("  {member} is another than of the whole {whole}")));
        }
        self.leave(query, &left);
    }

    fn leave(&mut self, query: &Query, left: &[String]) {
        if !left.is_empty() {
            self.unexplained.push(format!("{query:?}\n{}", left.join("\n")));
        }
    }
}

/// Whether one of them refers to the other.
fn refer(one: &Value, other: &Value) -> bool {
    let reads = |text: &Value, of: &Value| text.to_string().contains(&format!("\"{}\"", address(of)));
    reads(one, other) || reads(other, one)
}

/// `Type/id`.
fn address(of: &Value) -> String {
    format!("{}/{}", of["resourceType"].as_str().unwrap(), of["id"].as_str().unwrap())
}

type View = (&'static str, &'static str);

struct Entry {
    /// Its canary.
    name: String,
    /// Only because a match leads to it, or it to one.
    included: bool,
    resource: Value,
}

/// The entries of an answer, in their order.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    total: Option<usize>,
    /// What is shown to nobody, and counted all the same.
    barred: usize,
}

impl Entry {
    fn key(&self) -> (&String, bool) {
        (&self.name, self.included)
    }
}

impl Found {
    async fn by_gateway(
        gate: &Gate,
        patient: NhsNumber,
        query: &Query,
        view: Option<View>,
        ids: &mut BTreeMap<String, String>,
    ) -> Self {
        let mut pairs = query.parameters(|canary| ids[canary].split_once('/').unwrap().1.to_owned());
        pairs.extend(query.sort.iter().map(|(sort, _)| ("_sort".to_owned(), (*sort).to_owned())));
        pairs.extend(query.shapes.iter().chain(&view).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut found = Self::default();
        for page in asked(gate, patient, &query.kind, &pairs).await {
            found.add(&page.json(), |resource| {
                // an id alone names no type
                let address = address(resource);
                let known = ids.iter().find(|(_, known)| **known == address).map(|(name, _)| name.clone());
                known.unwrap_or_else(|| {
                    ids.insert(name(resource), address);
                    name(resource)
                })
            });
        }
        found.once_each()
    }

    fn add(&mut self, bundle: &Value, mut name: impl FnMut(&Value) -> String) {
        self.total = bundle["total"].as_u64().map(|total| usize::try_from(total).unwrap());
        let all = bundle["entry"].as_array().into_iter().flatten();
        for entry in all.filter(|entry| entry["resource"]["resourceType"] != "OperationOutcome") {
            let (included, resource) = (entry["search"]["mode"] == "include", entry["resource"].clone());
            self.entries.push(Entry { name: name(&resource), included, resource });
        }
    }

    /// What comes along with several pages is one, and what is a match on another page is that.
    fn once_each(mut self) -> Self {
        let matches: BTreeSet<String> = self.matches().into_iter().map(|entry| entry.name.clone()).collect();
        let mut brought = BTreeSet::new();
        self.entries
            .retain(|entry| !entry.included || (!matches.contains(&entry.name) && brought.insert(entry.name.clone())));
        self
    }

    fn matches(&self) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| !entry.included).collect()
    }

    fn names(&self) -> BTreeSet<(&String, bool)> {
        self.entries.iter().map(Entry::key).collect()
    }

    /// What the matches are sorted by: the beginning of each one's date; in descending order, this bound of it.
    fn dates(&self, query: &Query, descends_by: Bound) -> Vec<i64> {
        let Some((sort, parameter)) = &query.sort else { return Vec::new() };
        let bound = if sort.starts_with('-') { descends_by } else { Bound::Start };
        let matches = self.matches().into_iter();
        matches.filter_map(|entry| differences::sort_key(parameter, &entry.resource, bound)).collect()
    }
}

fn is_ordered(query: &Query, dates: &[i64]) -> bool {
    let descending = query.sort.as_ref().is_some_and(|(sort, _)| sort.starts_with('-'));
    dates.is_sorted_by(|a, b| if descending { a >= b } else { a <= b })
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
    /// Canaries, by the id there; and those of what is shown to nobody.
    names: BTreeMap<String, String>,
    barred: BTreeSet<String>,
}

impl Everybody {
    async fn at(maker: Maker) -> Self {
        let server = Server::of(maker).await;
        let (mut names, mut barred) = (BTreeMap::new(), BTreeSet::new());
        for provider in &BUILT_IN.providers {
            let all = provider.resources.values().flatten().map(|one| serde_json::from_str(&one.json).unwrap());
            let apart: Vec<Value> = all
                .map(|mut resource: Value| {
                    let id = format!("{}.{}", provider.slug, resource["id"].as_str().unwrap());
                    if !["Patient", "Binary"].map(Value::from).contains(&resource["resourceType"]) {
                        let name = name(&resource);
                        if resource.to_string().contains(BARRED) {
                            barred.insert(name.clone());
                        }
                        names.insert(format!("{}/{id}", resource["resourceType"].as_str().unwrap()), name);
                    }
                    resource["id"] = id.into();
                    each_reference(&mut resource, &mut |kind, id| format!("{kind}/{}.{id}", provider.slug));
                    resource
                })
                .collect();
            server.load("everybody", apart).await;
        }
        Self { base: server.base("everybody"), http: Client::builder().no_proxy().build().unwrap(), names, barred }
    }

    /// What it finds about the patient: under any of the ids that the organisations have for them.
    async fn found(&self, patient: NhsNumber, query: &Query, view: Option<View>) -> Found {
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
        pairs.extend(view.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // what is only counted has no pages and is counted anyhow: servers differ on what else is said there
        if view != Some(("_summary", "count")) {
            let counted = query.shapes.iter().find(|(name, _)| *name == "_total");
            pairs.extend(counted.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            pairs.push(("_count".to_owned(), "1000".to_owned()));
        }
        let mut next = Some(format!("{}/{}?{}", self.base, query.kind, written(&pairs)));
        let mut found = Found::default();
        while let Some(url) = next {
            let answer = self.http.get(&url).header("accept", "application/fhir+json").send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert_eq!(status, 200, "{url}: {text}");
            let bundle: Value = serde_json::from_str(&text).unwrap();
            found.add(&bundle, |resource| {
                self.names.get(&address(resource)).cloned().unwrap_or_else(|| address(resource))
            });
            let mut links = bundle["link"].as_array().into_iter().flatten();
            next = links.find(|link| link["relation"] == "next").map(|link| link["url"].as_str().unwrap().to_owned());
        }
        let mut found = found.once_each();
        found.barred = found.matches().iter().filter(|entry| self.barred.contains(&entry.name)).count();
        found.entries.retain(|entry| !self.barred.contains(&entry.name));
        found
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
