//! What it says of itself.

use crate::{
    federation::{Seen, Unseen},
    fhir::{
        MediaType, ResourceType,
        json::{self, Limits, Tape, Value},
    },
    probe::{check::Check, run::Run},
    registry::Statement,
};
use std::collections::BTreeSet;

const WHAT: &str = "its metadata";

pub fn statement(run: &mut Run<'_>, answer: Result<Seen, Unseen>) {
    let body = match run.caller.body(answer, WHAT) {
        Ok(body) => body,
        Err(failure) => return run.findings.failed(Check::StatementRead, None, format!("For its metadata {failure}.")),
    };
    let mut limits: Limits = run.target.limits.json;
    let mut tape = Tape::new();
    let read = match json::parse(&body, &mut limits, &mut tape) {
        Ok(read) => read,
        Err(fault) => {
            run.caller.conduct.note_unread(fault.into(), WHAT);
            return run.findings.failed(Check::StatementRead, None, format!("It could not be read: {fault}."));
        }
    };
    if read.text("resourceType").as_deref() != Some("CapabilityStatement") {
        return run.findings.failed(Check::StatementRead, None, "It is another resource, or none.");
    }
    run.findings.passed(Check::StatementRead, None, "It is a CapabilityStatement.");
    let version = read.text("fhirVersion").unwrap_or_default();
    if version == "4.0" || version.starts_with("4.0.") {
        run.findings.passed(Check::StatementR4, None, "fhirVersion is 4.0.");
    } else {
        run.findings.failed(Check::StatementR4, None, "fhirVersion is another, or is not said.");
    }
    match says_json(read) {
        true => run.findings.passed(Check::StatementJson, None, "It lists JSON."),
        false => run.findings.failed(Check::StatementJson, None, "It does not list JSON."),
    }
    let claimed = claimed(read);
    run.statement = Statement::read(read);
    types(run, &claimed);
}

fn says_json(statement: Value<'_>) -> bool {
    let mut said = false;
    statement.each("format", &mut |format| {
        said |= format.as_str().is_some_and(|format| format == "json" || MediaType::of(&format).is_json());
    });
    said
}

/// The types that a server's part claims.
fn claimed(statement: Value<'_>) -> BTreeSet<ResourceType> {
    let mut claimed = BTreeSet::new();
    statement.each("rest", &mut |rest| {
        if rest.text("mode").as_deref() == Some("server") {
            rest.each("resource.type", &mut |name| {
                claimed.extend(name.as_str().and_then(|name| ResourceType::parse(&name)));
            });
        }
    });
    claimed
}

/// Where nobody has said what it serves, what it claims is what is asked for.
fn types(run: &mut Run<'_>, claimed: &BTreeSet<ResourceType>) {
    if run.target.types.is_empty() {
        let searched = claimed.iter().filter(|of| !of.is_target() && **of != ResourceType::Patient);
        run.target.types = searched.copied().collect();
    }
    let wanted = run.target.types.iter().chain([&ResourceType::Patient]);
    let missing: Vec<&str> = wanted.filter(|of| !claimed.contains(of)).map(|of| of.as_str()).collect();
    if missing.is_empty() {
        let count = run.target.types.len();
        run.findings.passed(Check::StatementTypes, None, format!("Patient and all {count} types are claimed."));
    } else {
        run.findings.failed(Check::StatementTypes, None, format!("Not claimed: {}.", missing.join(", ")));
    }
}
