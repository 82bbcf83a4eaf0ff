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
const NOT_ASKED: &str = "https://caregate.example/StructureDefinition/completeness-not-asked";

/// Which sources, by place, have an entry in the answer as this reader sees it: one of what they answered, or an old one.
#[derive(Clone, Debug)]
pub struct Contributed {
    fresh: Vec<bool>,
    stale: Vec<bool>,
}

impl Contributed {
    pub fn none(sources: usize) -> Self {
        Self { fresh: vec![false; sources], stale: vec![false; sources] }
    }

    pub fn add(&mut self, source: usize, stale: bool) {
        let all = if stale { &mut self.stale } else { &mut self.fresh };
        if let Some(place) = all.get_mut(source) {
            *place = true;
        }
    }

    /// Whatever is in either.
    pub fn and(&mut self, other: &Self) {
        self.fresh.iter_mut().zip(&other.fresh).for_each(|(here, there)| *here |= there);
        self.stale.iter_mut().zip(&other.stale).for_each(|(here, there)| *here |= there);
    }

    fn iter(&self) -> impl Iterator<Item = (bool, bool)> {
        self.fresh.iter().copied().zip(self.stale.iter().copied())
    }
}

/// How many sources were not asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unasked {
    /// As nothing says that they know the patient.
    pub elsewhere: usize,
    /// As they are still joining.
    pub joining: usize,
    /// How many were asked without a part of what is wanted, as that is still joining.
    pub joining_in_part: usize,
}

impl Unasked {
    fn issues(self) -> impl Iterator<Item = Issue> {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (elsewhere, joining) = (number(self.elsewhere), number(self.joining));
        let nothing_says = "nothing says that they know this patient";
        let said = match (elsewhere, joining) {
            (0, 0) => None,
            (_, 0) => Some(format!("were not asked, as {nothing_says}")),
            (0, _) => Some("were not asked, as they are still joining".to_owned()),
            _ => Some(format!(
                "were not asked: {elsewhere}, as {nothing_says}, and {joining}, as they are still joining"
            )),
        };
        let in_part = (self.joining_in_part > 0).then(|| {
            let said = format!("A part of {} sources is not shared yet: it is still joining.", self.joining_in_part);
            Issue::new(Severity::Information, IssueCode::Informational).details(coding("joining")).diagnostics(said)
        });
        said.map(|said| count(elsewhere.saturating_add(joining), &said, NOT_ASKED)).into_iter().chain(in_part)
    }
}

fn count(number: u32, said: &str, url: &'static str) -> Issue {
    Issue::new(Severity::Information, IssueCode::Informational)
        .diagnostics(format!("{number} other sources {said}."))
        .extension(url, ExtensionValue::UnsignedInt(number))
}

/// What the reader is told about the sources.
#[derive(Clone, Debug)]
pub struct Completeness {
    outcome: OperationOutcome,
    partial: bool,
}

impl Completeness {
    /// `withheld` tells whether anything was held back; `named` whether a source may be named, given whether anything of it
    /// is shown; `unasked` how many more there are; `issues` are what else is told.
    ///
    /// Of a source of which nothing is shown the same is said whether it knows the patient or not: that it failed.
    pub fn of(
        sources: &[Source],
        unasked: Unasked,
        contributed: &Contributed,
        withheld: bool,
        named: impl Fn(&Source, bool) -> bool,
        mut issues: Vec<Issue>,
    ) -> Self {
        let (mut partial, before, mut others) = (false, issues.len(), 0_u32);
        for (source, (fresh, old)) in sources.iter().zip(contributed.iter()) {
            let (shown, since) = (fresh || old, source.stale_since());
            let named = named(source, shown);
            partial |= source.shortfall().is_some();
            // what is old and not shown is missing like what failed
            if let Some(failure) = source.failure().or(source.shortfall().filter(|_| !old)) {
                issues.push(failed(source, failure, named, shown));
            }
            if let Some(since) = since.filter(|_| old) {
                issues.push(stale(source, since, named));
            }
            match fresh {
                true => issues.push(answered(source, named)),
                false if source.shortfall().is_none() && !source.is_joining() => others += 1,
                false => {}
            }
        }
        if others > 0 || issues.len() == before {
            issues.push(count(others, "told of nothing that matches", OTHERS));
        }
        issues.extend(unasked.issues());
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

fn failed(source: &Source, failure: Failure, named: bool, shown: bool) -> Issue {
    let code = if failure == Failure::Timeout { IssueCode::Timeout } else { IssueCode::Incomplete };
    // a part that failed is named where others of the same source are shown
    let parts = source.parts().iter().filter(|part| shown && part.failure().is_some());
    let types: Vec<&str> = parts.map(type_of).collect();
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
    let age = age(since);
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

/// How old what was said then is.
pub fn age(since: Timestamp) -> String {
    in_words(Timestamp::now().0.saturating_sub(since.0) / 1_000_000)
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
