//! A report as FHIR tells such things. <https://hl7.org/fhir/R4/operationoutcome.html>

use super::report::{Finding, Outcome, Report};
use crate::fhir::outcome::{Coding, Issue, IssueCode, OperationOutcome, Severity};

const SYSTEM: &str = "https://caregate.example/CodeSystem/probe-check";

impl From<&Report> for OperationOutcome {
    /// The verdict, then each finding, in the order of the report.
    fn from(report: &Report) -> Self {
        let (severity, code) = match report.passed() {
            true => (Severity::Information, IssueCode::Informational),
            false => (Severity::Error, IssueCode::BusinessRule),
        };
        let (address, verdict, began) = (&report.address, report.verdict.as_str(), report.began.fhir());
        let told = format!("The probe of {address}, begun {began}: {verdict}.");
        let mut issues = vec![Issue::new(severity, code).diagnostics(told)];
        issues.extend(report.findings.iter().map(issue));
        Self { issues }
    }
}

fn issue(finding: &Finding) -> Issue {
    let (severity, code) = match finding.outcome {
        Outcome::Failed => (Severity::Error, IssueCode::Processing),
        Outcome::Warned => (Severity::Warning, IssueCode::Processing),
        Outcome::NotTested if finding.blocks() => (Severity::Error, IssueCode::Incomplete),
        Outcome::NotTested => (Severity::Information, IssueCode::Incomplete),
        Outcome::Passed => (Severity::Information, IssueCode::Informational),
    };
    let details = Coding {
        system: SYSTEM.into(),
        code: finding.check.clone().into(),
        display: Some(finding.title.clone().into()),
    };
    let told = match finding.outcome {
        Outcome::Failed | Outcome::Warned => format!("{} {} ({})", finding.seen, finding.mend, finding.see),
        Outcome::NotTested => format!("Not tested: {}", finding.seen),
        Outcome::Passed => finding.seen.clone(),
    };
    Issue::new(severity, code).details(details).diagnostics(told).expression(finding.about.clone())
}
