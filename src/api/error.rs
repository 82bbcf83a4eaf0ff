//! The one table from what went wrong to what the caller reads: HTTP status, OperationOutcome, headers
//! (docs/STATUS-CODES.md). What the log holds is another matter; no word of a provider, a database or a record is here.

use super::reply::Reply;
use crate::{
    access::{ContentFault, FaultCode, RefusalKind},
    fhir::outcome::{Coding, Issue, IssueCode, OperationOutcome},
    identity::IdentityError,
    query::QueryFault,
    story::Ending,
};
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};

pub fn ending(ending: &Ending) -> Reply {
    let issue = match ending {
        Ending::Refused(refusal) => match refusal.kind {
            RefusalKind::Uniform => uniform(),
            RefusalKind::NoConsent => Issue::error(IssueCode::Suppressed)
                .details(Coding::spine("NO_PATIENT_CONSENT"))
                .diagnostics("The patient objects to this record being shared. Ask the patient; what your own organisation holds is in your own system."),
            RefusalKind::CouldNotCheck => Issue::error(IssueCode::Transient)
                .diagnostics("Whether your organisation cares for this patient could not be checked just now. Try again shortly."),
        },
        Ending::NotFound => Issue::error(IssueCode::NotFound).details(Coding::spine("NO_RECORD_FOUND")).diagnostics("There is no such resource in this patient's record."),
        Ending::Gone => Issue::error(IssueCode::Expired).diagnostics("This page no longer stands: the record, your permission or the time has moved on. Start the search again."),
        Ending::ProvidersFailed { timeout } => {
            let code = if *timeout { IssueCode::Timeout } else { IssueCode::Incomplete };
            Issue::error(code).diagnostics("The sources needed for this answer did not answer. This does not mean that there is nothing: try again, or ask the organisations themselves.")
        }
        Ending::Content(fault) => content(fault),
        Ending::Conflict => Issue::error(IssueCode::Conflict).diagnostics("Another version is stored by now. Read it, and change that."),
        Ending::FactsUnavailable | Ending::AuditUnavailable | Ending::Contended | Ending::Stale => {
            Issue::error(IssueCode::Transient).diagnostics("The gateway cannot check or record this access just now, so it shows nothing. Try again shortly; use your local record meanwhile.")
        }
        Ending::Internal => Issue::error(IssueCode::Exception).diagnostics("The gateway failed. The failure is recorded under this answer's X-Request-ID."),
    };
    let reply = outcome(ending.status(), issue);
    if ending.status() == 503 { reply.header(RETRY_AFTER, "2") } else { reply }
}

/// The one body of every refusal without role or relationship, whatever is or is not known about the patient.
fn uniform() -> Issue {
    Issue::error(IssueCode::Forbidden).details(Coding::spine("ACCESS_DENIED")).diagnostics(
        "You may not see this. If you care for this patient, have your organisation's system record the care relationship.",
    )
}

pub fn identity(error: &IdentityError) -> Reply {
    match error {
        IdentityError::Missing => outcome(401, Issue::error(IssueCode::Login).diagnostics("Send an access token: Authorization: Bearer ..."))
            .header(WWW_AUTHENTICATE, "Bearer"),
        IdentityError::Refused { reason, .. } => {
            outcome(401, Issue::error(IssueCode::Login).diagnostics(format!("The access token is refused: {reason}.")))
                .header(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
        }
        IdentityError::Unavailable => {
            outcome(503, Issue::error(IssueCode::Transient).diagnostics("The issuer's keys cannot be fetched just now. Try again shortly."))
                .header(RETRY_AFTER, "5")
        }
    }
}

pub fn query(fault: &QueryFault) -> Reply {
    let mut issue = Issue::error(fault.code).diagnostics(fault.diagnostics.clone()).expression(fault.expression.clone());
    if let Some(spine) = fault.spine {
        issue = issue.details(Coding::spine(spine));
    }
    let reply = outcome(fault.status, issue);
    match fault.allow {
        Some(methods) => reply.header(ALLOW, methods),
        None => reply,
    }
}

fn content(fault: &ContentFault) -> Issue {
    let code = match fault.code {
        FaultCode::Structure => IssueCode::Structure,
        FaultCode::Required => IssueCode::Required,
        FaultCode::Value => IssueCode::Value,
        FaultCode::NotSupported => IssueCode::NotSupported,
    };
    Issue::error(code).diagnostics(fault.diagnostics.clone()).expression(Some(fault.path.clone()))
}

pub fn refused(status: u16, code: IssueCode, diagnostics: &'static str) -> Reply {
    outcome(status, Issue::error(code).diagnostics(diagnostics))
}

fn outcome(status: u16, issue: Issue) -> Reply {
    Reply::own(status, OperationOutcome::from(issue).to_json())
}
