//! Requests that are wrong.

use crate::{
    federation::{Media, Seen},
    fhir::{
        ResourceType,
        json::{self, Tape},
    },
    probe::{caller::Stopped, check::Check, run::Run, steps::patients::lookup},
    query::grammar,
    registry::Want,
};
use url::Url;

/// No type of R4 is called so.
const NO_TYPE: &str = "NoSuchType";
const NO_DATE: &str = "no-date-at-all";

pub async fn errors(run: &mut Run<'_>) -> Result<(), Stopped> {
    let base = run.target.provider.base.clone();
    let (mut outcomes, mut others) = (0, 0);
    let mut note = |seen: &Option<Seen>, run: &Run<'_>| {
        if let Some(seen) = seen.as_ref().filter(|seen| seen.status >= 400) {
            if is_outcome(seen, run) { outcomes += 1 } else { others += 1 }
        }
    };
    // an id that this very probe has thought of
    let id = run.caller.inspection.request.to_string();
    let seen = ask(run, base.join(&format!("Patient/{id}")).ok()).await?;
    match seen.as_ref().map(|seen| (seen.status, is_outcome(seen, run))) {
        Some((404 | 410, true)) => run.findings.passed(Check::UnknownId, None, "404, and an OperationOutcome."),
        Some((404 | 410, false)) => run.findings.warned(Check::UnknownId, None, "404, without an OperationOutcome."),
        Some((status @ 400..=499, _)) => {
            run.findings.warned(Check::UnknownId, None, format!("{status} instead of 404."))
        }
        Some((status, _)) => run.findings.failed(Check::UnknownId, None, format!("{status} instead of 404.")),
        None => run.findings.untested(Check::UnknownId, None, "It gave no answer."),
    }
    note(&seen, run);
    let seen = ask(run, base.join(NO_TYPE).ok()).await?;
    match seen.as_ref().map(|seen| seen.status) {
        Some(status @ (400..=499 | 501)) => run.findings.passed(Check::UnknownType, None, format!("{status}.")),
        Some(status) => run.findings.failed(Check::UnknownType, None, format!("{status} instead of 404.")),
        None => run.findings.untested(Check::UnknownType, None, "It gave no answer."),
    }
    note(&seen, run);
    let seen = ask(run, malformed(run)).await?;
    match seen.as_ref().map(|seen| seen.status) {
        Some(status @ 400..=499) => run.findings.passed(Check::MalformedQuery, None, format!("{status}.")),
        Some(200) => run.findings.failed(Check::MalformedQuery, None, "It was answered as though nothing were wrong."),
        Some(status) => run.findings.failed(Check::MalformedQuery, None, format!("{status} instead of 400.")),
        None => run.findings.untested(Check::MalformedQuery, None, "It gave no answer."),
    }
    note(&seen, run);
    match (outcomes, others) {
        (0, 0) => run.findings.untested(Check::ErrorOutcome, None, "It answered with no error."),
        (_, 0) => run.findings.passed(Check::ErrorOutcome, None, format!("{outcomes} of {outcomes} were.")),
        _ => run.findings.failed(Check::ErrorOutcome, None, format!("{outcomes} of {} were.", outcomes + others)),
    }
    Ok(())
}

async fn ask(run: &mut Run<'_>, url: Option<Url>) -> Result<Option<Seen>, Stopped> {
    let Some(url) = url else { return Ok(None) };
    let seen = run.caller.get(url, run.caller.deadline(), true).await?.ok();
    if seen.as_ref().is_some_and(|seen| (300..400).contains(&seen.status)) {
        run.caller.conduct.note(Check::Redirect, "a request that is wrong");
    }
    Ok(seen)
}

/// A date that is none, by a parameter that it says it has; else by one that every resource has.
fn malformed(run: &Run<'_>) -> Option<Url> {
    let declares = |of: ResourceType, name: &str| run.statement.as_ref().is_some_and(|said| said.declares(of, name));
    let Some(judge) = run.patients.first() else {
        let mut url = lookup(run, run.target.nobody()?)?;
        url.query_pairs_mut().append_pair("birthdate", NO_DATE);
        return Some(url);
    };
    let declared = run.target.types.iter().find_map(|of| {
        let mut dates = grammar::rule(*of).dates.iter();
        dates.find(|(name, _)| declares(*of, name)).map(|(name, _)| (*of, *name))
    });
    let (of, name) = declared.or_else(|| run.target.types.first().map(|of| (*of, "_lastUpdated")))?;
    let mut url = judge.searches(&Want::all(of), 1).ok()?.into_iter().next()?;
    url.query_pairs_mut().append_pair(name, NO_DATE);
    Some(url)
}

fn is_outcome(seen: &Seen, run: &Run<'_>) -> bool {
    let (mut limits, mut tape) = (run.target.limits.json, Tape::new());
    let Ok(body) = &seen.body else { return false };
    let read = json::parse(body, &mut limits, &mut tape);
    let is = read.is_ok_and(|read| read.text("resourceType").as_deref() == Some("OperationOutcome"));
    is && seen.media == Media::Json
}
