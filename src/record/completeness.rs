//! The one entry that says how complete an answer is (contract: Completeness). It stands on every page.

use super::source::Source;
use crate::{
    domain::{OdsCode, Timestamp},
    federation::{Failure, Part},
    fhir::{
        ResourceType,
        outcome::{Coding, ExtensionValue, Issue, IssueCode, OperationOutcome, Severity},
    },
};

pub const SYSTEM: &str = "https://caregate.example/CodeSystem/completeness";
const SOURCE: &str = "https://caregate.example/StructureDefinition/completeness-source";
pub const TIME: &str = "https://caregate.example/StructureDefinition/completeness-time";
pub const REASON: &str = "https://caregate.example/StructureDefinition/completeness-reason";
const OTHERS: &str = "https://caregate.example/StructureDefinition/completeness-others";

/// What the reader is told about the sources.
#[derive(Clone, Debug)]
pub struct Completeness {
    outcome: OperationOutcome,
    partial: bool,
}

impl Completeness {
    /// `contributed` tells which sources, by place, have an entry of what they answered in the answer as this reader
    /// sees it; `withheld` whether anything was held back; `named` whether a source may be named; `elsewhere` how many
    /// more there are, which were not asked; `issues` are what else is told.
    pub fn of(
        sources: &[Source],
        elsewhere: usize,
        contributed: &[bool],
        withheld: bool,
        named: impl Fn(&Source) -> bool,
        mut issues: Vec<Issue>,
    ) -> Self {
        let mut others = u32::try_from(elsewhere).unwrap_or(u32::MAX);
        let (mut partial, before) = (false, issues.len());
        for (source, contributed) in sources.iter().zip(contributed) {
            let named = named(source);
            if let Some(failure) = source.failure() {
                partial = true;
                issues.push(failed(source, failure, named));
            }
            if let Some(since) = source.stale_since() {
                partial = true;
                issues.push(stale(source, since, named));
            }
            match *contributed {
                true => issues.push(answered(source, named)),
                false if source.shortfall().is_none() => others += 1,
                false => {}
            }
        }
        if others > 0 || issues.len() == before {
            let said = format!("{others} other sources hold nothing that matches, or were not asked.");
            issues.push(
                Issue::new(Severity::Information, IssueCode::Informational)
                    .diagnostics(said)
                    .extension(OTHERS, ExtensionValue::UnsignedInt(others)),
            );
        }
        if withheld {
            issues.push(Issue::new(Severity::Information, IssueCode::Suppressed).diagnostics(
                "Something is withheld from you for reasons of privacy. If it matters to the care you give, ask the \
                 patient, or your privacy officer.",
            ));
        }
        Self { outcome: OperationOutcome { issues }, partial }
    }

    /// ... and what else they are told of the answer as a whole.
    pub fn with(mut self, issues: impl IntoIterator<Item = Issue>) -> Self {
        self.outcome.issues.extend(issues);
        self
    }

    /// Says as well that these types were not looked for.
    pub fn without(mut self, types: &[ResourceType]) -> Self {
        if !types.is_empty() {
            let names: Vec<_> = types.iter().map(|t| t.as_str()).collect();
            let said = format!(
                "Not looked for, since your role or your system's scopes do not reach it: {}.",
                names.join(", ")
            );
            let issue = Issue::new(Severity::Information, IssueCode::Informational).diagnostics(said);
            self.outcome.issues.push(issue);
        }
        self
    }

    /// Says as well that what is withheld of those asked by the search's filters is not told here: a filter that had it told or
    /// not would find out what is withheld. It is the same for everyone, whatever anybody holds.
    pub fn by_filter(mut self, is: bool) -> Self {
        if is {
            let said = "Some sources are asked by the filters of this search. Whether they withhold anything from you is told by \
                        the same search without filters.";
            let issue = Issue::new(Severity::Information, IssueCode::Informational);
            self.outcome.issues.push(issue.details(coding("by-filter")).diagnostics(said));
        }
        self
    }

    /// The same, where something else than a source is missing.
    pub fn partial_if(mut self, missing: bool) -> Self {
        self.partial |= missing;
        self
    }

    /// Whether a source is missing that should be there.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    pub fn outcome(&self) -> &OperationOutcome {
        &self.outcome
    }

    /// As a Bundle entry.
    pub fn entry(&self) -> String {
        self.outcome.to_entry()
    }
}

pub fn coding(code: &'static str) -> Coding {
    Coding { system: SYSTEM.into(), code: code.into(), display: None }
}

fn organisation(source: &Source) -> ExtensionValue {
    ExtensionValue::Identifier { system: OdsCode::SYSTEM.into(), value: source.provider.ods.to_string() }
}

fn answered(source: &Source, named: bool) -> Issue {
    let at = source.since().unwrap_or_else(Timestamp::now);
    let who = if named { source.provider.name.as_str() } else { "A source" };
    let issue = Issue::new(Severity::Information, IssueCode::Informational)
        .details(coding("answered"))
        .diagnostics(format!("{who} answered."));
    let issue = if named { issue.extension(SOURCE, organisation(source)) } else { issue };
    issue.extension(TIME, ExtensionValue::Instant(at.fhir()))
}

fn failed(source: &Source, failure: Failure, named: bool) -> Issue {
    let code = if failure == Failure::Timeout { IssueCode::Timeout } else { IssueCode::Incomplete };
    // a part that failed is named where others of the same source did not
    let types: Vec<&str> = source.parts().iter().filter(|part| part.failure().is_some()).map(type_of).collect();
    let of = |who: &str| if types.is_empty() { who.to_owned() } else { format!("{} of {who}", types.join(", ")) };
    let who = if named { of(&source.provider.name) } else { "A source".to_owned() };
    let issue = Issue::new(Severity::Warning, code)
        .details(coding("failed"))
        .diagnostics(format!(
            "{who} is missing: {failure}. This record is not complete: ask again, or ask the organisation itself."
        ))
        .extension(REASON, ExtensionValue::Code(failure.code().into()))
        .extension(TIME, ExtensionValue::Instant(Timestamp::now().fhir()));
    if named { issue.extension(SOURCE, organisation(source)) } else { issue }
}

/// It could not be asked now, and what it said then is shown.
fn stale(source: &Source, since: Timestamp, named: bool) -> Issue {
    let types: Vec<&str> = source.parts().iter().filter(|part| part.stale().is_some()).map(type_of).collect();
    let who = if named { source.provider.name.as_str() } else { "A source" };
    let age = in_words(Timestamp::now().0.saturating_sub(since.0) / 1_000_000);
    let issue = Issue::new(Severity::Warning, IssueCode::Incomplete)
        .details(coding("stale"))
        .diagnostics(format!(
            "{who} cannot be asked now. Its {} are shown as they were {age} ago: what has changed since is missing.",
            types.join(", ")
        ))
        .extension(TIME, ExtensionValue::Instant(since.fhir()));
    if named { issue.extension(SOURCE, organisation(source)) } else { issue }
}

fn type_of(part: &Part) -> &'static str {
    part.want.resource_type.as_str()
}

/// Rounded down; older than that nothing is shown.
fn in_words(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..60 => (seconds.max(0), "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
