//! Random searches of the whole grammar: the types and parameters are those the gateway's own CapabilityStatement tells of,
//! the values those the region holds. What comes new into the grammar is asked from then on; a parameter that only shapes the
//! answer, which such a statement does not tell of, is a line of `SHAPES`.

use crate::harness::{BUILT_IN, Gate};
use caregate::fhir::{ResourceType, date::FhirDate};
use serde_json::Value;
use std::collections::BTreeSet;

/// Parameters that shape an answer and leave its entries as they are, and what may be asked of them.
const SHAPES: &[(&str, &[&str])] =
    &[("_count", &["1", "2", "3", "7", "40", "1000"]), ("_total", &["none", "estimate", "accurate"])];

/// Those that make less of the entries.
const VIEWS: &[(&str, &[&str])] =
    &[("_summary", &["true", "text", "data", "count", "false"]), ("_elements", &["status", "code,subject"])];

/// How an answer is sorted, but for the types' own dates: those of `_sort=date` have `SortKey::Date`.
const SORTS: &[&str] = &["", "date", "-date"];

pub struct Grammar {
    types: Vec<Type>,
}

struct Type {
    name: String,
    dates: Vec<String>,
    tokens: Vec<String>,
    includes: Vec<(&'static str, String)>,
    /// Of this type, everything held: where values are taken from.
    held: Vec<Value>,
}

/// One search: what chooses entries, what orders them, what shapes the answer.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub kind: String,
    pub filters: Vec<(String, String)>,
    /// Canaries of the entries that `_id` names.
    pub ids: Vec<String>,
    /// `_sort`, and the type's own parameter that `date` stands for.
    pub sort: Option<(&'static str, String)>,
    pub includes: Vec<(&'static str, String)>,
    pub shapes: Vec<(&'static str, &'static str)>,
    pub view: Option<(&'static str, &'static str)>,
}

/// A sequence that is the same for the same seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % u64::try_from(end).unwrap()) as usize
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// True once in `n`.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

impl Grammar {
    pub async fn of(gate: &Gate) -> Self {
        let answer = crate::harness::Answer::of(gate.request(reqwest::Method::GET, "metadata")).await;
        let statement = answer.json();
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        // the record's, and not what stands beside it: the log, the desk, the registry
        let of_record = |name: &str| ResourceType::parse(name).is_some_and(|kind| !kind.is_target());
        let searched = |one: &&Value| {
            let kind = one["type"].as_str().unwrap();
            one["interaction"].to_string().contains("search-type") && kind != "Patient" && of_record(kind)
        };
        let types = resources.iter().filter(searched).map(Type::told);
        let types: Vec<Type> = types.filter(|one| !one.held.is_empty()).collect();
        assert!(types.len() > 20, "the statement was read");
        Self { types }
    }

    /// The `n`th of a run. The first ask for each parameter of each type, one by one.
    pub fn query(&self, n: usize, random: &mut Random) -> Query {
        let mut each = self.types.iter().flat_map(|kind| kind.parameters().map(move |name| (kind, name)));
        if let Some((kind, name)) = each.nth(n) {
            let value = kind.value(name, random);
            return Query { filters: vec![(name.clone(), value)], kind: kind.name.clone(), ..Query::default() };
        }
        // by what is held of it, but the few are asked for too
        let by_weight = random.once_in(2);
        let kind = if by_weight { random.one(&self.weighted()).to_owned() } else { random.below(self.types.len()) };
        self.types[kind].query(random)
    }

    fn weighted(&self) -> Vec<usize> {
        let of = |(at, kind): (usize, &Type)| vec![at; kind.held.len().min(100)];
        self.types.iter().enumerate().flat_map(of).collect()
    }
}

impl Type {
    fn told(resource: &Value) -> Self {
        let name = resource["type"].as_str().unwrap().to_owned();
        let of = |kind: &str| -> Vec<String> {
            let all = resource["searchParam"].as_array().into_iter().flatten().filter(|one| one["type"] == kind);
            let names = all.map(|one| one["name"].as_str().unwrap());
            names.filter(|name| !["_id", "_lastUpdated"].contains(name)).map(str::to_owned).collect()
        };
        let listed = |member: &str, parameter: &'static str| {
            let all = resource[member].as_array().into_iter().flatten();
            all.map(move |one| (parameter, one.as_str().unwrap().to_owned())).collect::<Vec<_>>()
        };
        let held = BUILT_IN.providers.iter().flat_map(|provider| provider.of_type(&name));
        Self {
            dates: of("date"),
            tokens: of("token"),
            includes: [listed("searchInclude", "_include"), listed("searchRevInclude", "_revinclude")].concat(),
            held: held.map(|one| serde_json::from_str(&one.json).unwrap()).collect(),
            name,
        }
    }

    fn parameters(&self) -> impl Iterator<Item = &String> {
        self.dates.iter().chain(&self.tokens)
    }

    fn value(&self, name: &String, random: &mut Random) -> String {
        if self.dates.contains(name) { self.date(random) } else { self.token(name, random) }
    }

    fn query(&self, random: &mut Random) -> Query {
        let mut query = Query { kind: self.name.clone(), ..Query::default() };
        let all: Vec<&String> = self.parameters().collect();
        for _ in 0..random.below(4) {
            let name = *random.one(&all);
            // a date may be asked twice, and anything else once
            if self.dates.contains(name) || !query.filters.iter().any(|(again, _)| again == name) {
                query.filters.push((name.clone(), self.value(name, random)));
            }
        }
        if random.once_in(8) {
            query.ids = (0..=random.below(3)).map(|_| crate::harness::canary(random.one(&self.held))).collect();
        }
        if let (Some(date), sort) = (self.dates.first(), random.one(SORTS))
            && !sort.is_empty()
        {
            query.sort = Some((sort, date.clone()));
        }
        if !self.includes.is_empty() && random.once_in(3) {
            query.includes.push(random.one(&self.includes).clone());
        }
        for (name, values) in SHAPES {
            if random.once_in(3) {
                query.shapes.push((name, *random.one::<&str>(values)));
            }
        }
        if random.once_in(6) {
            let (name, values) = random.one(VIEWS);
            query.view = Some((name, *random.one::<&str>(values)));
            // R4: nothing is included where an answer is text alone
            query.includes.retain(|_| query.view != Some(("_summary", "text")));
        }
        query
    }

    /// A date of the type's own resources, cut to some precision, compared in some way; now and then two of them.
    fn date(&self, random: &mut Random) -> String {
        let mut dates = Vec::new();
        texts(random.one(&self.held), &mut |text| {
            if FhirDate::parse(text).is_ok() {
                dates.push(text.to_owned());
            }
        });
        let one = |random: &mut Random| {
            let fallback = "2025-06-15T12:00:00Z".to_owned();
            let date = if dates.is_empty() { &fallback } else { random.one(&dates) };
            let cut = *random.one(&[4, 7, 10, 64, 64]);
            let date = &date[..cut.min(date.len())];
            format!("{}{date}", random.one(&["", "eq", "ne", "gt", "lt", "ge", "le"]))
        };
        let first = one(random);
        if random.once_in(6) { format!("{first},{}", one(random)) } else { first }
    }

    /// A code of the type's own resources, under the element that the parameter reads, in some form; now and then two.
    fn token(&self, name: &str, random: &mut Random) -> String {
        let element = camel_case(name);
        let mut found = BTreeSet::new();
        for resource in &self.held {
            for (member, value) in resource.as_object().unwrap() {
                if *member == element || (element == "code" && member.ends_with("CodeableConcept")) {
                    codes(value, &mut |system, code| {
                        found.insert((system.to_owned(), code.to_owned()));
                    });
                }
            }
        }
        let found: Vec<(String, String)> = found.into_iter().collect();
        let one = |random: &mut Random| {
            let unknown = ("http://nobody.example".to_owned(), "nothing".to_owned());
            let (system, code) = if found.is_empty() || random.once_in(10) { &unknown } else { random.one(&found) };
            match random.below(5) {
                0 if !system.is_empty() => format!("{system}|"),
                1 => format!("|{code}"),
                2 | 3 if !system.is_empty() => format!("{system}|{code}"),
                _ => code.clone(),
            }
        };
        let first = one(random);
        if random.once_in(5) { format!("{first},{}", one(random)) } else { first }
    }
}

impl Query {
    /// Its parameters but the patient, `_id` by what `id` makes of a canary.
    pub fn parameters(&self, id: impl Fn(&str) -> String) -> Vec<(String, String)> {
        let mut pairs = self.filters.clone();
        if !self.ids.is_empty() {
            pairs.push(("_id".to_owned(), self.ids.iter().map(|canary| id(canary)).collect::<Vec<_>>().join(",")));
        }
        pairs.extend(self.includes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        pairs
    }
}

/// `name=value&...`, each part encoded.
pub fn written(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn texts(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, each)),
        Value::Object(members) => {
            members.iter().filter(|(name, _)| *name != "meta").for_each(|(_, value)| texts(value, each));
        }
        _ => {}
    }
}

/// What a token may stand for: codes, Codings, CodeableConcepts, Identifiers.
fn codes(value: &Value, each: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(code) => each("", code),
        Value::Array(items) => items.iter().for_each(|item| codes(item, each)),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            match (members.get("coding"), text("code").or(text("value"))) {
                (Some(coding), _) => codes(coding, each),
                (None, Some(code)) => each(text("system").unwrap_or_default(), code),
                _ => {}
            }
        }
        _ => {}
    }
}

/// `clinical-status` is of `clinicalStatus`.
pub fn camel_case(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| whole + &part[..1].to_uppercase() + &part[1..])
}
