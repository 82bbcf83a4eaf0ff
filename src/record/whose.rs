use super::completeness;
use crate::{
    domain::{NhsNumber, Numbers},
    federation::{Failure, Identity, IndexPatient, Places},
    fhir::outcome::{ExtensionValue, Issue, IssueCode, Severity},
};
use std::sync::Arc;

/// Whose record it is, as far as the patient index could say.
#[derive(Clone, Debug)]
pub struct Whose {
    pub numbers: Numbers,
    pub identity: Identity,
    /// Why it is not known whose a number is that a source says was given up for the patient's.
    pub unchecked: Option<Failure>,
    /// Where the patient is seen is kept from this reader: by what that is recognised.
    pub concealing: Option<Arc<Places>>,
}

impl Whose {
    pub(super) fn indexed(&self) -> Option<&Arc<IndexPatient>> {
        self.identity.patient()
    }

    /// Whether who the patient is should have been checked and was not.
    pub(super) fn is_unchecked(&self) -> bool {
        matches!(self.identity, Identity::Unchecked(_)) || self.unchecked.is_some()
    }

    /// What the reader is told of it. It is said to readers who are permitted, and names no number.
    pub(super) fn issues(&self, asked: Option<NhsNumber>) -> Vec<Issue> {
        let told = |severity, code, said: String| Issue::new(severity, code).diagnostics(said);
        let mut issues = Vec::new();
        match &self.identity {
            Identity::NoIndex => {}
            Identity::Known(_) => {}
            Identity::Stale(patient, failure) => {
                let at = ExtensionValue::Instant(patient.resolution.fetched_at.fhir());
                let said = format!("The patient index is missing: {failure}. Who the patient is was checked before.");
                let issue = told(Severity::Information, IssueCode::Informational, said);
                issues.push(issue.details(completeness::coding("stale")).extension(completeness::TIME, at));
            }
            Identity::Unchecked(failure) => {
                let said = format!(
                    "Who the patient is could not be checked, as the patient index is missing: {failure}. Check that the \
                     number is theirs. Where they are seen is left out meanwhile."
                );
                let reason = ExtensionValue::Code(failure.code().into());
                let issue = told(Severity::Warning, IssueCode::Incomplete, said);
                issues.push(issue.details(completeness::coding("failed")).extension(completeness::REASON, reason));
            }
        }
        if let Some(failure) = self.unchecked {
            let said = format!(
                "A source says that the patient had another NHS number before, and the patient index did not say whether that is so: \
                 {failure}. An objection made under it may not be known here."
            );
            let reason = ExtensionValue::Code(failure.code().into());
            let issue = told(Severity::Warning, IssueCode::Incomplete, said);
            issues.push(issue.details(completeness::coding("failed")).extension(completeness::REASON, reason));
        }
        if self.indexed().is_some_and(|patient| !patient.verified) {
            let said = "The patient index has not verified this NHS number: check that it is this patient's.";
            issues.push(told(Severity::Warning, IssueCode::Informational, said.to_owned()));
        }
        if asked.is_some_and(|asked| asked != self.numbers.current) {
            let said = "The NHS number asked for has been given up for another, which the Patient's identifier holds.";
            issues.push(told(Severity::Information, IssueCode::Informational, said.to_owned()));
        }
        issues
    }
}
