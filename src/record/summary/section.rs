//! The sections of a summary: what belongs in which, and what each says of itself where it is empty or not whole.

use crate::{
    access::Permits,
    federation::Part,
    fhir::{
        ResourceType,
        json::{self, Limits, Tape, Value},
    },
    query::grammar,
    record::{Record, Source, State, completeness::age, selection::Match},
};
use serde_json::json;

const INCOMPLETE: &str = "https://caregate.example/StructureDefinition/section-incomplete";

pub struct Section {
    title: &'static str,
    /// LOINC's code, and its name for it.
    code: (&'static str, &'static str),
    types: &'static [ResourceType],
    /// Whether there may be so many that only the newest are told.
    capped: bool,
}

/// Of results, that is: a summary is read, not searched.
const NEWEST: usize = 50;

use ResourceType as T;

/// As the International Patient Summary has them; the first three are in every one.
/// <http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips>
static SECTIONS: [Section; 11] = [
    section("Problems", ("11450-4", "Problem list - Reported"), &[T::Condition]),
    section(
        "Allergies and intolerances",
        ("48765-2", "Allergies and adverse reactions Document"),
        &[T::AllergyIntolerance],
    ),
    section(
        "Medicines",
        ("10160-0", "History of Medication use Narrative"),
        &[T::MedicationRequest, T::MedicationStatement],
    ),
    section("Alerts", ("104605-1", "Alert"), &[T::Flag]),
    section("Immunizations", ("11369-6", "History of Immunization Narrative"), &[T::Immunization]),
    section("Procedures", ("47519-4", "History of Procedures Document"), &[T::Procedure]),
    Section {
        capped: true,
        ..section(
            "Results",
            ("30954-2", "Relevant diagnostic tests/laboratory data Narrative"),
            &[T::Observation, T::DiagnosticReport],
        )
    },
    Section { capped: true, ..section("Vital signs", ("8716-3", "Vital signs"), &[T::Observation]) },
    Section { capped: true, ..section("Social history", ("29762-2", "Social history Narrative"), &[T::Observation]) },
    section("Past illnesses", ("11348-0", "History of Past illness Narrative"), &[T::Condition]),
    section("Plan of care", ("18776-5", "Plan of care note"), &[T::CarePlan, T::Goal]),
];

const fn section(title: &'static str, code: (&'static str, &'static str), types: &'static [T]) -> Section {
    Section { title, code, types, capped: false }
}

/// The types that a summary is made of, in their order.
pub fn types() -> Vec<ResourceType> {
    let in_one = |t: &&ResourceType| SECTIONS.iter().any(|section| section.types.contains(t));
    ResourceType::RECORDS.iter().filter(in_one).copied().collect()
}

/// The entries of each section: every entry is in one.
pub struct Filled {
    section: &'static Section,
    pub entries: Vec<Match>,
    /// How many there are, those that are not told included.
    all: usize,
}

pub fn fill(record: &Record, shown: &[Match]) -> Vec<Filled> {
    let with = |section: &'static Section| {
        let belongs = |found: &&Match| title(record, found) == Some(section.title);
        let mut entries: Vec<Match> = shown.iter().filter(belongs).copied().collect();
        let all = entries.len();
        if section.capped {
            entries.sort_by_key(|found| std::cmp::Reverse(found.key));
            entries.truncate(NEWEST);
        }
        Filled { section, entries, all }
    };
    SECTIONS.iter().map(with).collect()
}

/// The section that an entry belongs in, by its title.
fn title(record: &Record, found: &Match) -> Option<&'static str> {
    let resource_type = found.part_of(record)?.want.resource_type;
    let has = |parameter: &str, code: &str| has_code(record, found, resource_type, parameter, code);
    let past = || ["resolved", "inactive", "remission"].iter().any(|status| has("clinical-status", status));
    match resource_type {
        T::Condition if past() => Some("Past illnesses"),
        T::Observation if has("category", "vital-signs") => Some("Vital signs"),
        T::Observation if has("category", "social-history") => Some("Social history"),
        _ => SECTIONS.iter().find(|section| section.types.contains(&resource_type)).map(|section| section.title),
    }
}

fn has_code(record: &Record, found: &Match, resource_type: T, parameter: &str, code: &str) -> bool {
    let rule = grammar::rule(resource_type);
    let at = rule.tokens.iter().position(|(name, ..)| *name == parameter);
    let (Some(at), Some(answer), Some(entry)) = (at, found.answer_of(record), found.entry_of(record)) else {
        return false;
    };
    answer.tokens_of(entry, at).any(|token| token.code.as_deref() == Some(code))
}

impl Filled {
    /// As a Composition's section. `address` is the fullUrl of an entry.
    pub fn json(
        &self,
        record: &Record,
        permits: &Permits,
        address: impl Fn(&Match) -> Option<String>,
    ) -> serde_json::Value {
        let Section { title, code: (code, display), types, .. } = self.section;
        let asked = types.iter().any(|resource_type| permits.of(*resource_type).is_some());
        let incomplete = asked && record.sources.iter().any(|source| is_missing(source, types));
        let mut said = Vec::new();
        if incomplete {
            said.push("This section is not complete: a source did not answer.".to_owned());
        }
        let old = self.entries.iter().filter_map(|found| found.part_of(record)).filter(|part| part.stale().is_some());
        if let Some(since) = old.filter_map(Part::answer).map(|answer| answer.fetched_at).min() {
            said.push(format!("A part of it is as its source told it {} ago.", age(since)));
        }
        if self.entries.len() < self.all {
            said.push(format!("The newest {} of {}: search for the others.", self.entries.len(), self.all));
        }
        if self.entries.is_empty() {
            said.push(if asked { NOTHING } else { NOT_ASKED }.to_owned());
        }
        let lines: Vec<String> = self.entries.iter().filter_map(|found| line(record, found)).collect();
        let mut section = json!({
            "title": title,
            "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]},
            "text": narrative(&said, &lines),
        });
        let entries: Vec<_> = self.entries.iter().filter_map(address).map(|url| json!({"reference": url})).collect();
        if let Some(section) = section.as_object_mut() {
            if incomplete {
                section.insert("extension".into(), json!([{"url": INCOMPLETE, "valueBoolean": true}]));
            }
            if entries.is_empty() {
                // never that there is nothing: only a source says that. What is withheld reads like what nobody holds
                let reason = if asked { "unavailable" } else { "notasked" };
                let system = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
                section.insert("emptyReason".into(), json!({"coding": [{"system": system, "code": reason}]}));
            } else {
                section.insert("entry".into(), entries.into());
            }
        }
        section
    }
}

const NOTHING: &str = "No source told of any. That does not mean that there is none.";
const NOT_ASKED: &str = "Not asked for: it is beyond what the reader's role and system may see.";

fn is_missing(source: &Source, types: &[ResourceType]) -> bool {
    let failed = |part: &Part| part.failure().or(part.stale()).is_some();
    match &source.state {
        State::Failed(_) => true,
        State::Holds { parts, .. } => parts.iter().any(|part| types.contains(&part.want.resource_type) && failed(part)),
        State::Nothing | State::Withheld | State::Joining => false,
    }
}

/// Plain text, in the one form that a Narrative has. <https://hl7.org/fhir/R4/narrative.html>
pub fn narrative(said: &[String], lines: &[String]) -> serde_json::Value {
    let mut div = String::from(r#"<div xmlns="http://www.w3.org/1999/xhtml">"#);
    said.iter().for_each(|text| div.extend(["<p>", &escaped(text), "</p>"]));
    if !lines.is_empty() {
        div.push_str("<ul>");
        lines.iter().for_each(|text| div.extend(["<li>", &escaped(text), "</li>"]));
        div.push_str("</ul>");
    }
    div.push_str("</div>");
    json!({"status": "generated", "div": div})
}

fn escaped(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control());
    let mut out = String::with_capacity(text.len());
    for c in clean {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// What it is, how it stands, since when, and who says so.
fn line(record: &Record, found: &Match) -> Option<String> {
    let (answer, entry) = (found.answer_of(record)?, found.entry_of(record)?);
    let resource_type = found.part_of(record)?.want.resource_type;
    let bytes = answer.bytes(&entry.resource);
    let mut tape = Tape::new();
    let resource = json::parse(&bytes, &mut Limits { nodes: u32::MAX, ..Limits::default() }, &mut tape).ok()?;
    let what = ["code", "medicationCodeableConcept", "vaccineCode", "description", "category"];
    let what = what.iter().find_map(|name| concept(resource, name)).unwrap_or_else(|| resource_type.to_string());
    let how = ["clinicalStatus", "verificationStatus", "status"].iter().filter_map(|name| plain(resource, name));
    let how: Vec<String> = how.collect();
    let paths = grammar::rule(resource_type).primary_date().map(|(_, paths)| paths).unwrap_or_default();
    let when = paths.iter().find_map(|path| {
        let value = first(resource, path)?;
        Some(value.as_str().or_else(|| value.text("start"))?.into_owned())
    });
    let who = record.sources.get(found.source).filter(|_| !record.is_concealed());
    let who = who.map(|source| source.provider.name.clone());
    let how = (!how.is_empty()).then(|| how.join(", "));
    Some([Some(what), how, when, who].into_iter().flatten().collect::<Vec<_>>().join("; "))
}

fn first<'a>(resource: Value<'a>, path: &str) -> Option<Value<'a>> {
    let mut found = None;
    resource.each(path, &mut |value| {
        found.get_or_insert(value);
    });
    found
}

fn concept(resource: Value<'_>, name: &str) -> Option<String> {
    let concept = first(resource, name)?;
    let coding = || first(concept, "coding").and_then(|coding| coding.text("display").or_else(|| coding.text("code")));
    Some(concept.text("text").or_else(coding)?.into_owned())
}

/// A code, as it is or as a concept.
fn plain(resource: Value<'_>, name: &str) -> Option<String> {
    let value = first(resource, name)?;
    let coded = || first(value, "coding").and_then(|coding| coding.text("code"));
    Some(value.as_str().or_else(coded)?.into_owned())
}
