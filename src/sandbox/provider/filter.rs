//! Search by what entries say: codes and dates. <https://hl7.org/fhir/R4/search.html>
//!
//! Nothing here is shared with the gateway, so that one may be held against the other.

use crate::sandbox::data::Resource;
use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime};
use serde_json::Value;

/// A parameter: its name, its type as R4 names it, the types that have it, and the elements it reads.
type Parameter = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const PARAMETERS: &[Parameter] = &[
    ("category", "token", &["CarePlan", "Condition", "DiagnosticReport", "Observation"], &["category"]),
    ("clinical-status", "token", &["AllergyIntolerance", "Condition"], &["clinicalStatus"]),
    ("code", "token", &["AllergyIntolerance"], &["code", "reaction.substance"]),
    (
        "code",
        "token",
        &["Condition", "DiagnosticReport", "List", "Observation", "Procedure", "ServiceRequest"],
        &["code"],
    ),
    ("code", "token", &["MedicationRequest", "MedicationStatement"], &["medicationCodeableConcept"]),
    (
        "status",
        "token",
        &[
            "DiagnosticReport",
            "DocumentReference",
            "Encounter",
            "Immunization",
            "MedicationRequest",
            "Observation",
            "Procedure",
        ],
        &["status"],
    ),
    ("type", "token", &["DocumentReference", "Encounter"], &["type"]),
    ("vaccine-code", "token", &["Immunization"], &["vaccineCode"]),
    ("authored", "date", &["ServiceRequest"], &["authoredOn"]),
    (
        "date",
        "date",
        &["DiagnosticReport", "Observation"],
        &["effectiveDateTime", "effectivePeriod", "effectiveTiming", "effectiveInstant"],
    ),
    ("date", "date", &["DocumentReference"], &["date"]),
    ("date", "date", &["Encounter", "Flag"], &["period"]),
    ("date", "date", &["Immunization"], &["occurrenceDateTime"]),
    ("date", "date", &["Procedure"], &["performedDateTime", "performedPeriod"]),
    ("onset-date", "date", &["Condition"], &["onsetDateTime", "onsetPeriod"]),
    ("recorded-date", "date", &["Condition"], &["recordedDate"]),
];

/// The names and types of what a type can be searched by.
pub fn parameters(kind: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    PARAMETERS.iter().filter(move |(_, _, kinds, _)| kinds.contains(&kind)).map(|(name, of, ..)| (*name, *of))
}

/// One parameter and its alternatives.
pub struct Filter {
    elements: &'static [&'static str],
    any: Vec<Test>,
}

enum Test {
    /// `None`: of any system.
    Token(Option<String>, String),
    Date(String, Span),
}

/// From here up to but not including there, in microseconds.
#[derive(Clone, Copy)]
struct Span(i64, i64);

impl Filter {
    /// Nothing where the type has no such parameter; where it has, nothing within for a value that cannot be read.
    pub fn parse(kind: &str, name: &str, value: &str) -> Option<Option<Self>> {
        let known = PARAMETERS.iter().find(|(known, _, kinds, _)| *known == name && kinds.contains(&kind));
        let (_, of, _, elements) = known?;
        let test = |text: &str| match *of {
            "date" => {
                let (prefix, date) = text
                    .split_at_checked(2)
                    .filter(|(p, _)| p.bytes().all(|b| b.is_ascii_lowercase()))
                    .unwrap_or(("eq", text));
                let known = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"].contains(&prefix);
                Some(Test::Date(prefix.to_owned(), span(date).filter(|_| known)?))
            }
            _ => Some(match text.split_once('|') {
                Some((system, code)) => Test::Token(Some(system.to_owned()), code.to_owned()),
                None => Test::Token(None, text.to_owned()),
            }),
        };
        let any: Option<Vec<Test>> = value.split(',').map(test).collect();
        Some(any.map(|any| Self { elements, any }))
    }

    pub fn holds(&self, resource: &Resource) -> bool {
        let Ok(json) = serde_json::from_str::<Value>(&resource.json) else { return false };
        let held = self.elements.iter().flat_map(|path| at(&json, path));
        held.into_iter().any(|element| self.any.iter().any(|test| test.passes(element)))
    }
}

/// What stands there, through every item of lists on the way.
fn at<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut found = vec![value];
    for key in path.split('.') {
        let items = found.into_iter().filter_map(|value| value.get(key));
        found = items.flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)).collect();
    }
    found
}

impl Test {
    fn passes(&self, element: &Value) -> bool {
        match self {
            // a `code` does not say the system of its binding: any is believed
            Self::Token(_, code) if element.is_string() => element == code.as_str(),
            Self::Token(system, code) => at(element, "coding").into_iter().any(|coding| {
                let said = coding["system"].as_str().unwrap_or_default();
                system.as_deref().is_none_or(|system| system == said)
                    && (code.is_empty() || coding["code"] == code.as_str())
            }),
            Self::Date(prefix, Span(from, to)) => time(element).is_some_and(|Span(start, end)| {
                let within = *from <= start && end <= *to;
                match prefix.as_str() {
                    "ne" => !within,
                    "gt" => end > *to,
                    "lt" => start < *from,
                    "ge" => end > *to || within,
                    "le" => start < *from || within,
                    "sa" => start >= *to,
                    "eb" => end <= *from,
                    _ => within,
                }
            }),
        }
    }
}

/// A date, a Period, or the outer limits of a Timing.
fn time(element: &Value) -> Option<Span> {
    if let Some(text) = element.as_str() {
        return span(text);
    }
    let parts: Vec<Span> =
        ["event", "repeat.boundsPeriod"].iter().flat_map(|path| at(element, path)).filter_map(time).collect();
    if let Some(first) = parts.first() {
        return Some(parts.iter().fold(*first, |all, one| Span(all.0.min(one.0), all.1.max(one.1))));
    }
    let limit = |key| element.get(key).and_then(Value::as_str);
    let (start, end) = (limit("start").map(span), limit("end").map(span));
    match (start, end) {
        (None, None) | (Some(None), _) | (_, Some(None)) => None,
        (start, end) => Some(Span(start.flatten().map_or(i64::MIN, |s| s.0), end.flatten().map_or(i64::MAX, |e| e.1))),
    }
}

/// As precise as it is written.
fn span(text: &str) -> Option<Span> {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    let whole = |from: NaiveDate, to: Option<NaiveDate>| Some(Span(midnight(from), midnight(to?)));
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    match text.len() {
        4 => day(&format!("{text}-01-01")).and_then(|from| whole(from, from.checked_add_months(Months::new(12)))),
        7 => day(&format!("{text}-01")).and_then(|from| whole(from, from.checked_add_months(Months::new(1)))),
        10 => day(text).and_then(|from| whole(from, from.checked_add_days(Days::new(1)))),
        _ => {
            let at = DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros();
            Some(Span(at, at + if text.contains('.') { 1_000 } else { 1_000_000 }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(kind: &str, name: &str, value: &str, members: &str) -> bool {
        let json = format!(r#"{{"resourceType":"{kind}","id":"1",{members}}}"#);
        let resource = Resource::parse(kind, &json).unwrap();
        Filter::parse(kind, name, value).unwrap().unwrap().holds(&resource)
    }

    #[test]
    fn codes_are_found_by_system_and_alone() {
        let coded = r#""status":"final","code":{"coding":[{"system":"s","code":"a"},{"code":"b"}]}"#;
        for (name, value, found) in [
            ("code", "a", true),
            ("code", "s|a", true),
            ("code", "t|a", false),
            ("code", "x,b", true),
            ("code", "|b", true),
            ("code", "|a", false),
            ("code", "s|", true),
            ("code", "A", false),
            ("status", "final", true),
            ("status", "amended", false),
        ] {
            assert_eq!(finds("Observation", name, value, coded), found, "{name}={value}");
        }
        assert!(Filter::parse("Observation", "onset-date", "2020").is_none());
    }

    #[test]
    fn dates_are_found_as_precise_as_they_are() {
        let period = r#""period":{"start":"2020-05-20T10:00:00+02:00"}"#;
        for (value, found) in [
            ("ge2030-01-01", true),
            ("lt2020-05-20", false),
            ("le2020-05-20", false),
            ("2020-05-20", false),
            ("gt2020-05", true),
            ("sa2020-05-19", true),
            ("2020-05,ne2020-05", true),
        ] {
            assert_eq!(finds("Encounter", "date", value, period), found, "{value}");
        }
        assert!(finds("Observation", "date", "2020", r#""effectiveTiming":{"event":["2020-03","2020-04-01"]}"#));
        assert!(Filter::parse("Encounter", "date", "ap2020").unwrap().is_none());
        assert!(Filter::parse("Encounter", "date", "soon").unwrap().is_none());
    }
}
