//! Where a real server answers otherwise than the gateway, and why: each by a predicate as narrow as the difference, and a
//! section of docs/DIFFERENCES.md with its name.

use crate::{
    queries::{self, Query},
    servers::Maker::{self, Hapi, Helios, Medplum},
};
use caregate::{
    fhir::{ResourceType, date::FhirDate, element},
    query::grammar,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// One way in which they differ.
pub struct Difference {
    /// The section's heading.
    pub name: &'static str,
    pub makers: &'static [Maker],
    /// Whether an entry that only one of them found, the gateway or else the server, is of this kind.
    pub is: fn(&Query, &Value, bool) -> bool,
}

pub const ALL: &[Difference] = &[
    Difference {
        name: "Equal means overlapping",
        makers: &[Medplum],
        is: |query, resource, by_gateway| {
            filters(query, resource)
                .any(|one| one.prefix == if by_gateway { "ne" } else { "eq" } && one.overlaps() && !one.within())
        },
    },
    Difference {
        name: "Codes of contained medicines",
        makers: &[Helios],
        is: |query, resource, by_gateway| {
            let by_code = query.filters.iter().any(|(name, _)| name == "code") && query.kind.starts_with("Medication");
            let contained = resource["contained"][0]["resourceType"] == "Medication";
            !by_gateway && by_code && contained && resource.get("medicationCodeableConcept").is_none()
        },
    },
    Difference {
        name: "Not equal is true of nothing",
        makers: &[Medplum],
        is: |query, resource, by_gateway| {
            !by_gateway && filters(query, resource).any(|one| one.prefix == "ne" && one.found.is_empty())
        },
    },
    Difference {
        name: "Up to a day means begun by its end",
        makers: &[Medplum, Hapi],
        is: |query, resource, by_gateway| {
            let either = |one: &Filter<'_>| match one.prefix {
                "le" => one.any(|found, asked| asked.0 <= found.0 && found.0 < asked.1),
                "ge" => one.any(|found, asked| asked.0 < found.1 && found.1 <= asked.1),
                _ => false,
            };
            !by_gateway && filters(query, resource).any(|one| either(&one) && !one.within())
        },
    },
    Difference {
        name: "Up to a month or a year is without it",
        makers: &[Hapi],
        is: |query, resource, by_gateway| {
            let partial = |text: &str| text.len() < "2025-01-01".len();
            let bounded = |one: &Filter<'_>| matches!(one.prefix, "le" | "ge") && partial(one.text) && one.overlaps();
            by_gateway && filters(query, resource).any(|one| bounded(&one))
        },
    },
    Difference {
        name: "A code has the system of its binding",
        makers: &[Hapi],
        is: |query, resource, by_gateway| {
            let bare = |value: &str| value.split(',').any(|one| one.starts_with('|'));
            // a bare string, or a list of them
            let is_code = |element: &Value| element.is_string() || element[0].is_string();
            by_gateway
                && query
                    .filters
                    .iter()
                    .any(|(name, value)| bare(value) && is_code(&resource[queries::camel_case(name)]))
        },
    },
    Difference {
        name: "An instant equals nothing",
        makers: &[Medplum],
        is: |query, resource, by_gateway| {
            filters(query, resource)
                .any(|one| one.prefix == if by_gateway { "eq" } else { "ne" } && one.text.contains('.') && one.within())
        },
    },
];

/// Those that are no matter of an entry: what `descends_by`, `refuses`, `without_fragment`, `viewed` and `views` say, and what is never asked.
const ELSEWHERE: &[&str] = &[
    "Descending order",
    "Order of dates as text",
    "Several dates in one parameter",
    "A bound of a date given twice",
    "The fragment of meta.source",
    MANDATORY,
    INCLUDED,
    CHOICES,
    "Text alone, with what comes along",
    "Views are not known",
    "What comes along is not compared",
];
const MANDATORY: &str = "What is mandatory may go";
const INCLUDED: &str = "Elements of what comes along";
const CHOICES: &str = "Elements of several types in a summary";

/// The names of those that must show.
pub fn of(maker: Maker) -> impl Iterator<Item = &'static str> {
    ALL.iter().filter(move |one| one.makers.contains(&maker)).map(|one| one.name)
}

/// Why only one of them, the gateway or else the server, found this.
pub fn explained(maker: Maker, query: &Query, resource: &Value, by_gateway: bool) -> Option<&'static str> {
    let mut all = ALL.iter().filter(|one| one.makers.contains(&maker));
    all.find(|one| (one.is)(query, resource, by_gateway)).map(|one| one.name)
}

/// Whether what comes along with this server's entries is compared: section "What comes along is not compared".
pub fn brings_along(maker: Maker) -> bool {
    maker != Hapi
}

/// Which parameters that show less of an entry this server knows: section "Views are not known".
pub fn views(maker: Maker, view: (&str, &str)) -> bool {
    maker == Helios || view == ("_summary", "count")
}

/// Why only the gateway shows this element, where less than all is asked for.
pub fn viewed(view: (&str, &str), kind: &str, member: &str, included: bool) -> Option<&'static str> {
    let kind = ResourceType::parse(kind)?;
    let whose = grammar::rule(kind).link.path().and_then(|path| path.split('.').next());
    let known = element(kind, member);
    let stays = known.is_some_and(|element| element.mandatory || element.modifier) || Some(member) == whose;
    match view {
        ("_elements", _) if included => Some(INCLUDED),
        // with what is contained where what stays refers to it
        ("_elements", _) | ("_summary", "text") if stays || member == "contained" => Some(MANDATORY),
        ("_summary", "true") if known.is_some_and(|element| element.in_summary) => Some(CHOICES),
        _ => None,
    }
}

/// Which end of a date, a month or a period it is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Start,
    End,
}

/// R4 leaves open by which, and Medplum sorts by neither: sections "Descending order" and "Order of dates as text".
pub fn descends_by(maker: Maker) -> Option<Bound> {
    match maker {
        Helios => Some(Bound::End),
        Medplum => None,
        Hapi | Maker::Ours => Some(Bound::Start),
    }
}

/// What this server refuses to be asked: sections "Several dates in one parameter" and "A bound of a date given twice".
pub fn refuses(maker: Maker, query: &Query) -> bool {
    let dates = || query.filters.iter().filter(|(name, _)| is_date(query, name));
    let several = dates().any(|(_, value)| value.contains(','));
    // one that has the same bound as another of the same parameter: `gt` and `ge` have no upper one, `lt` and `le` no lower
    let bounds = |value: &str| [!value.starts_with('g'), !value.starts_with('l')];
    let bounded = |end: usize| dates().filter(move |(_, value)| bounds(value)[end]).map(|(name, _)| name);
    let twice = (0..2).any(|end| bounded(end).count() > bounded(end).collect::<BTreeSet<_>>().len());
    match maker {
        Hapi => several || twice,
        Medplum => several,
        Helios | Maker::Ours => false,
    }
}

fn is_date(query: &Query, parameter: &str) -> bool {
    dates(&query.kind).is_some_and(|mut dates| dates.any(|(name, _)| *name == parameter))
}

fn dates(kind: &str) -> Option<impl Iterator<Item = &'static grammar::DateParameter>> {
    Some(grammar::rule(ResourceType::parse(kind)?).dates.iter())
}

/// A date filter, and the intervals that the resource has there; in microseconds.
struct Filter<'a> {
    prefix: &'a str,
    text: &'a str,
    asked: (i64, i64),
    found: Vec<(i64, i64)>,
}

impl Filter<'_> {
    fn any(&self, is: impl Fn((i64, i64), (i64, i64)) -> bool) -> bool {
        self.found.iter().any(|found| is(*found, self.asked))
    }

    fn overlaps(&self) -> bool {
        self.any(|found, asked| found.0 < asked.1 && found.1 > asked.0)
    }

    fn within(&self) -> bool {
        self.any(|found, asked| asked.0 <= found.0 && found.1 <= asked.1)
    }
}

fn filters<'a>(query: &'a Query, resource: &'a Value) -> impl Iterator<Item = Filter<'a>> {
    let read = move |(name, value): &'a (String, String)| {
        let found = found(name, resource)?;
        let (prefix, text) = value.split_at(value.find(|c: char| c.is_ascii_digit())?);
        let prefix = if prefix.is_empty() { "eq" } else { prefix };
        Some(Filter { prefix, text, asked: interval(&text.into())?, found })
    };
    query.filters.iter().filter_map(read)
}

/// Where a resource's date, as this parameter reads it, begins or ends, in microseconds: the earliest, or the latest.
pub fn sort_key(parameter: &str, resource: &Value, bound: Bound) -> Option<i64> {
    let found = found(parameter, resource)?.into_iter();
    match bound {
        Bound::Start => found.map(|(start, _)| start).min(),
        Bound::End => found.map(|(_, end)| end).max(),
    }
}

/// The intervals that this date parameter reads; `None` if it is no date.
fn found(parameter: &str, resource: &Value) -> Option<Vec<(i64, i64)>> {
    let (_, paths) = dates(resource["resourceType"].as_str()?)?.find(|(name, _)| *name == parameter)?;
    let mut found = Vec::new();
    paths.iter().for_each(|path| at(resource, path, &mut |value| found.extend(interval(value))));
    Some(found)
}

fn at(value: &Value, path: &str, each: &mut impl FnMut(&Value)) {
    match (value, path.split_once('.')) {
        (Value::Array(items), _) => items.iter().for_each(|item| at(item, path, each)),
        (_, _) if path.is_empty() => each(value),
        (_, Some((name, rest))) => at(&value[name], rest, each),
        (_, None) => at(&value[path], "", each),
    }
}

fn interval(value: &Value) -> Option<(i64, i64)> {
    let read = |text: &str| FhirDate::parse(text).ok().map(|date| date.interval);
    if let Some(text) = value.as_str() {
        return read(text).map(|date| (date.start(), date.end()));
    }
    let start = value["start"].as_str().map_or(Some(i64::MIN), |text| Some(read(text)?.start()))?;
    let end = value["end"].as_str().map_or(Some(i64::MAX), |text| Some(read(text)?.end()))?;
    value.is_object().then_some((start, end))
}

#[test]
fn every_difference_is_told_of_in_the_document() {
    let document = include_str!("../../docs/DIFFERENCES.md");
    let told: Vec<&str> = document.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let known: Vec<&str> = ALL.iter().map(|one| one.name).chain(ELSEWHERE.iter().copied()).collect();
    assert_eq!(told, known);
}
