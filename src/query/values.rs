//! How the value of each kind of parameter is read.

use super::ask::{Sort, SortKey};
use super::escape;
use super::everything::Moment;
use super::fault::QueryFault;
use super::grammar::{self, Rule};
use super::results::{Include, Total, View};
use super::token::TokenTest;
use super::{PageSize, Setting};
use crate::domain::OdsCode;
use crate::fhir::ResourceType;
use crate::fhir::date::{DateTest, FhirDate, Precision};
use crate::fhir::is_id;
use crate::fhir::outcome::IssueCode::{NotSupported, TooCostly, Value};

/// How many values one parameter may offer as alternatives.
const MAX_ALTERNATIVES: usize = 100;
const MAX_ELEMENTS: usize = 50;
/// FHIR's largest integer.
const MAX_COUNT: u64 = 2_147_483_647;

pub fn dates(value: &str) -> Result<Vec<DateTest>, QueryFault> {
    let read = |text: &str| {
        // the commonest mistake with zones deserves to be told
        let hint = if text.contains(' ') { "; in a URL, + is written %2B" } else { "" };
        DateTest::parse(text).map_err(|e| QueryFault::bad(Value, format!("{e}{hint}")))
    };
    let mut tests = few(value.split(',').collect())?.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    tests.sort_by_cached_key(ToString::to_string);
    tests.dedup();
    Ok(tests)
}

pub fn tokens(value: &str) -> Result<Vec<TokenTest>, QueryFault> {
    let read = |text: &str| TokenTest::parse(text).map_err(|e| QueryFault::bad(Value, e.to_string()));
    let mut tests = few(escape::split(value, ','))?.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    tests.sort_unstable();
    tests.dedup();
    Ok(tests)
}

pub fn ids(value: &str) -> Result<Vec<String>, QueryFault> {
    let mut ids = few(value.split(',').collect())?;
    if !ids.iter().all(|id| is_id(id)) {
        return Err(QueryFault::bad(Value, "an id is 1 to 64 letters, digits, - and ."));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids.into_iter().map(str::to_owned).collect())
}

fn few(values: Vec<&str>) -> Result<Vec<&str>, QueryFault> {
    if values.len() > MAX_ALTERNATIVES {
        return Err(QueryFault::bad(TooCostly, "a parameter may offer 100 alternatives"));
    }
    Ok(values)
}

pub fn code(value: &str, codes: &[&'static str]) -> Result<&'static str, QueryFault> {
    let known = codes.iter().find(|code| **code == value).copied();
    known.ok_or_else(|| QueryFault::bad(Value, format!("one of {}", codes.join(", "))))
}

pub fn include(value: &str, resource_type: ResourceType) -> Result<Include, QueryFault> {
    let rule = grammar::rule(resource_type);
    Include::parse(value, rule).ok_or_else(|| QueryFault::bad(NotSupported, offered(rule)))
}

/// The allow-list, in words.
fn offered(rule: Rule) -> String {
    let one = |reference: &grammar::Reference| {
        let targets: Vec<_> = reference.targets.iter().map(|t| t.as_str()).collect();
        format!("{}:{} (to {})", rule.resource_type, reference.name, targets.join(", "))
    };
    let all: Vec<_> = rule.includes.iter().map(one).collect();
    format!("what may be included is {}; of one target alone by :Target after it", all.join("; "))
}

pub fn rev_include(value: &str) -> Result<(), QueryFault> {
    let said = "what may be included in reverse is Provenance:target";
    if value == "Provenance:target" { Ok(()) } else { Err(QueryFault::bad(NotSupported, said)) }
}

pub fn organisation(value: &str) -> Result<OdsCode, QueryFault> {
    let code = match value.split_once('|') {
        None => value,
        Some((OdsCode::SYSTEM, code)) => code,
        Some(_) => return Err(QueryFault::bad(Value, format!("an organisation is {}|CODE", OdsCode::SYSTEM))),
    };
    OdsCode::parse(code).map_err(|error| QueryFault::bad(Value, error.to_string()))
}

/// `F99001`, `Organization/F99001` or our own absolute URL of that.
pub fn organisation_reference(value: &str, setting: &Setting<'_>) -> Result<OdsCode, QueryFault> {
    let local = setting.bases.iter().find_map(|base| value.strip_prefix(base.as_str())?.strip_prefix('/'));
    let local = local.unwrap_or(value);
    let code = local.strip_prefix("Organization/").unwrap_or(local);
    OdsCode::parse(code).map_err(|_| QueryFault::bad(Value, "an organisation is Organization/ and its ODS code"))
}

pub fn name(value: &str) -> Result<String, QueryFault> {
    let fits = value.len() <= 200 && !value.chars().any(char::is_control);
    if fits { Ok(value.to_owned()) } else { Err(QueryFault::bad(Value, "a name is up to 200 letters")) }
}

pub fn with_endpoints(value: &str) -> Result<(), QueryFault> {
    let said = "what may be included is Organization:endpoint";
    if value == grammar::WITH_ENDPOINTS { Ok(()) } else { Err(QueryFault::bad(NotSupported, said)) }
}

pub fn total(value: &str) -> Result<Total, QueryFault> {
    let known = Total::NAMES.into_iter().find(|(name, _)| *name == value);
    known.map(|(_, total)| total).ok_or_else(|| QueryFault::bad(Value, "_total is none, accurate or estimate"))
}

pub fn summary(value: &str) -> Result<View, QueryFault> {
    let known = View::SUMMARIES.into_iter().find(|(name, _)| *name == value);
    known.map(|(_, view)| view).ok_or_else(|| QueryFault::bad(Value, "_summary is true, text, data, count or false"))
}

pub fn elements(value: &str) -> Result<View, QueryFault> {
    let mut names: Vec<_> = value.split(',').collect();
    if names.len() > MAX_ELEMENTS {
        return Err(QueryFault::bad(TooCostly, "_elements may name 50 elements"));
    }
    if !names.iter().all(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic())) {
        return Err(QueryFault::bad(Value, "_elements names top-level elements of the type, such as status,code"));
    }
    names.sort_unstable();
    names.dedup();
    Ok(View::Elements(names.into_iter().map(str::to_owned).collect()))
}

pub fn sort(value: &str, by_date: bool) -> Result<Sort, QueryFault> {
    let offered = if by_date { "date, -date, _lastUpdated or -_lastUpdated" } else { "_lastUpdated or -_lastUpdated" };
    Sort::parse(value)
        .filter(|sort| by_date || sort.key != SortKey::Date)
        .ok_or_else(|| QueryFault::bad(NotSupported, format!("_sort is one of {offered}")))
}

pub fn count(value: &str, size: PageSize) -> Result<u32, QueryFault> {
    let digits = value.bytes().all(|b| b.is_ascii_digit()) && !value.starts_with('0');
    let count = value.parse().ok().filter(|c: &u64| digits && *c <= MAX_COUNT);
    let count = count.ok_or_else(|| QueryFault::bad(Value, "_count is a whole number from 1 to 2147483647"))?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX).min(size.maximum))
}

/// Of type date: a day, a month or a year.
pub fn day(value: &str) -> Result<Moment, QueryFault> {
    moment(value, |date| date.precision <= Precision::Day, "a date is YYYY, YYYY-MM or YYYY-MM-DD")
}

pub fn instant(value: &str) -> Result<Moment, QueryFault> {
    let said = "an instant is YYYY-MM-DDThh:mm:ss[.fff] with Z or +hh:mm after it; in a URL, + is written %2B";
    moment(value, |date| date.precision >= Precision::Second && date.zoned, said)
}

fn moment(value: &str, is_one: impl Fn(&FhirDate) -> bool, said: &str) -> Result<Moment, QueryFault> {
    let date = FhirDate::parse(value).ok().filter(is_one).ok_or_else(|| QueryFault::bad(Value, said))?;
    Ok(Moment { date, text: value.to_owned() })
}

pub fn types(value: &str) -> Result<Vec<ResourceType>, QueryFault> {
    let read = |name| ResourceType::parse(name).filter(|t| !t.is_target());
    let named = value.split(',').map(read).collect::<Option<Vec<_>>>();
    let mut types =
        named.ok_or_else(|| QueryFault::bad(Value, "_type names types of the record, such as Condition,Flag"))?;
    types.sort_unstable();
    types.dedup();
    Ok(types)
}
