//! One probe, step by step. A step that cannot go on ends the probe, and what it did not come to is reported as not tested.

use super::{
    Progress, Report, Target,
    caller::{Caller, Stopped},
    check::Check,
    findings::Findings,
    reading::Item,
    steps,
};
use crate::{
    domain::Timestamp,
    federation::{Failure, Inspection, Judge},
    fhir::ResourceType,
    registry::Statement,
};
use std::{collections::BTreeMap, time::Instant};

/// What the steps know and find.
pub struct Run<'a> {
    pub target: Target,
    pub caller: Caller,
    pub findings: Findings,
    pub statement: Option<Statement>,
    /// The test patients whom it knows.
    pub patients: Vec<Judge>,
    /// What it holds of a type of each of them, by their places.
    pub held: BTreeMap<(ResourceType, usize), Vec<Item>>,
    /// A type in which somebody was answered with another's.
    pub suspect: Option<ResourceType>,
    progress: Tally<'a>,
}

struct Tally<'a> {
    done: u32,
    total: u32,
    tell: &'a mut (dyn FnMut(Progress) + Send),
}

/// The checks that are made for each type.
pub const BY_TYPE: [Check; 4] = [Check::TypeSearch, Check::TypeEntries, Check::FilterKeeps, Check::FilterNarrows];

/// Asks the endpoint everything there is to ask, and tells on the way how far it has come. It ends within the target's limits, whatever
/// the provider does.
pub async fn probe(target: &Target, mut on_progress: impl FnMut(Progress) + Send) -> Report {
    let (began, clock) = (Timestamp::now(), Instant::now());
    let inspection = match Inspection::new(&target.provider) {
        Ok(inspection) => inspection,
        Err(failure) => return not_begun(target, began, failure),
    };
    let request = inspection.request;
    let mut run = Run {
        target: target.clone(),
        caller: Caller::new(inspection, target.limits),
        findings: Findings::default(),
        statement: None,
        patients: Vec::new(),
        held: BTreeMap::new(),
        suspect: None,
        progress: Tally { done: 0, total: 0, tell: &mut on_progress },
    };
    let why = match run.steps().await {
        Ok(()) if target.patients.is_empty() => "No test patients were given.".to_owned(),
        Ok(()) if run.patients.is_empty() => "It finds none of the test patients.".to_owned(),
        Ok(()) => "It gave no answer that could be looked into.".to_owned(),
        Err(Stopped(why)) => why,
    };
    let Run { target, caller, mut findings, mut progress, .. } = run;
    steps::speed(&caller, &mut findings);
    let calls = caller.calls();
    caller.conduct.tell(&mut findings, &why);
    untested(&target, &mut findings, &why);
    progress.end();
    Report::new(&target, began, clock.elapsed(), request).with(findings.into_all(), calls)
}

/// Its TLS could not be set up.
fn not_begun(target: &Target, began: Timestamp, failure: Failure) -> Report {
    let mut findings = Findings::default();
    untested(target, &mut findings, &format!("The probe could not begin: {failure}."));
    Report::new(target, began, std::time::Duration::ZERO, crate::domain::RequestId::fresh())
        .with(findings.into_all(), 0)
}

/// All that was not come to.
fn untested(target: &Target, findings: &mut Findings, why: &str) {
    for check in Check::ALL {
        if BY_TYPE.contains(check) {
            for of in &target.types {
                if !findings.has(*check, Some(of.as_str())) {
                    findings.untested(*check, Some(of.as_str()), why);
                }
            }
            if target.types.is_empty() {
                findings.untested(*check, None, "No types were given, and its statement claims none.");
            }
        } else if !findings.has(*check, None) {
            findings.untested(*check, None, why);
        }
    }
}

impl Run<'_> {
    async fn steps(&mut self) -> Result<(), Stopped> {
        self.count();
        self.next("the connection");
        let metadata = steps::reachable(self).await?;
        self.next("its statement");
        steps::statement(self, metadata);
        self.count();
        self.next("sign-in");
        steps::sign_in(self).await?;
        steps::patients(self).await?;
        steps::types(self).await?;
        self.next("two patients in turns");
        steps::in_turns(self).await?;
        self.next("pages");
        steps::paging(self).await?;
        steps::filters(self).await?;
        steps::replicas(self).await?;
        self.next("wrong requests");
        steps::errors(self).await
    }

    /// How many steps there are: known once the types are.
    fn count(&mut self) {
        let (patients, types) = (self.target.patients.len(), self.target.types.len());
        let by_patient = if patients == 0 { 0 } else { patients + 2 * types + self.target.provider.replicas.len() };
        self.progress.total = u32::try_from(7 + by_patient).unwrap_or(u32::MAX);
    }

    pub fn next(&mut self, what: &str) {
        self.progress.next(what);
    }
}

impl Tally<'_> {
    fn next(&mut self, what: &str) {
        self.done += 1;
        (self.tell)(Progress { done: self.done.min(self.total), total: self.total, what: what.to_owned() });
    }

    fn end(&mut self) {
        (self.tell)(Progress { done: self.total, total: self.total, what: String::new() });
    }
}
