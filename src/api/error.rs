//! The one table from what went wrong to what the caller reads: HTTP status, OperationOutcome, headers
//! (docs/STATUS-CODES.md). What the log holds is another matter; no word of a provider, a database or a record is here.

use super::reply::Reply;
use crate::{
    access::{ContentFault, FaultCode, NotStaged, RefusalKind},
    fhir::outcome::{Coding, Issue, IssueCode, OperationOutcome},
    identity::IdentityError,
    query::QueryFault,
    story::{Ending, RegistryFault, Undeliverable},
};
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};

/// The one text of every refusal without role or relationship, whatever is or is not known about the patient.
const UNIFORM: &str = "You may not see this. If you care for this patient, have your organisation's system record the \
                       care relationship, or, where your role allows it, claim it with Patient/$claim-relationship.";
const NO_CONSENT: &str = "The patient objects to this record being shared. Ask the patient; what your own organisation \
                          holds is in your own system.";
const COULD_NOT_CHECK: &str = "Whether your organisation cares for this patient could not be checked just now. Try \
                               again shortly, or, where your role allows it, claim the relationship with \
                               Patient/$claim-relationship.";
const NOT_FOUND: &str = "There is no such resource in what you may see of this patient's record.";
const ELSEWHERE: &str = "The document is kept outside its source's own FHIR service, where this gateway does not go. Ask \
                         the organisation for it.";
const TOO_LARGE: &str = "The document is larger than this gateway passes on. Ask the organisation for it.";
const NOT_ACCEPTABLE: &str = "The document is of none of the types that Accept names. Leave Accept out, or ask for \
                              application/fhir+json.";
const NO_SUCH_PATIENT: &str = "The patient index has no patient of this number to show. Check the number; if it is right, ask your \
                               registration authority.";
const GONE: &str = "This page no longer stands: the record, your permission or the time has moved on. Start the search \
                    again.";
const PROVIDERS_FAILED: &str = "The sources needed for this answer did not answer. This does not mean that there is \
                                nothing: try again, or ask the organisations themselves.";
const CONFLICT: &str = "Another version is stored by now. Read it, and change that.";
const UNAVAILABLE: &str = "The gateway cannot check or record this access just now, so it shows nothing. Try again \
                           shortly; use your local record meanwhile.";
const INTERNAL: &str = "The gateway failed. The failure is recorded under this answer's X-Request-ID.";
const NO_TOKEN: &str = "Send an access token: Authorization: Bearer ...";
const NO_KEYS: &str = "The issuer's keys cannot be fetched just now. Try again shortly.";

pub fn ending(ending: &Ending) -> Reply {
    let (code, text) = match ending {
        Ending::Refused(refusal) => match refusal.kind {
            RefusalKind::Uniform => (IssueCode::Forbidden, UNIFORM),
            RefusalKind::NoConsent => (IssueCode::Suppressed, NO_CONSENT),
            RefusalKind::CouldNotCheck => (IssueCode::Transient, COULD_NOT_CHECK),
        },
        Ending::Content(fault) => return outcome(ending.status(), content(fault)),
        Ending::InState(state) => {
            let said = format!("The objection is {}: this cannot be done to it as it stands.", state.as_str());
            return outcome(ending.status(), Issue::error(IssueCode::Conflict).diagnostics(said));
        }
        Ending::NotStaged(why) => (IssueCode::BusinessRule, not_staged(*why)),
        Ending::Registry(fault) => registry(*fault),
        Ending::NotFound => (IssueCode::NotFound, NOT_FOUND),
        Ending::Undeliverable(Undeliverable::Elsewhere) => (IssueCode::NotFound, ELSEWHERE),
        Ending::Undeliverable(Undeliverable::TooLarge) => (IssueCode::TooCostly, TOO_LARGE),
        Ending::Undeliverable(Undeliverable::NotAcceptable) => (IssueCode::NotSupported, NOT_ACCEPTABLE),
        Ending::NoSuchPatient => (IssueCode::NotFound, NO_SUCH_PATIENT),
        Ending::Gone => (IssueCode::Expired, GONE),
        Ending::ProvidersFailed { timeout: true } => (IssueCode::Timeout, PROVIDERS_FAILED),
        Ending::ProvidersFailed { timeout: false } => (IssueCode::Incomplete, PROVIDERS_FAILED),
        Ending::Conflict | Ending::VersionDiffers => (IssueCode::Conflict, CONFLICT),
        Ending::FactsUnavailable
        | Ending::PolicyUnavailable
        | Ending::AuditUnavailable
        | Ending::Contended
        | Ending::Stale => (IssueCode::Transient, UNAVAILABLE),
        Ending::Internal => (IssueCode::Exception, INTERNAL),
    };
    let mut issue = Issue::error(code).diagnostics(text);
    if let Some(spine) = spine(ending) {
        issue = issue.details(Coding::spine(spine));
    }
    let reply = outcome(ending.status(), issue);
    match ending {
        // a probe takes minutes
        Ending::Registry(RegistryFault::ManyProbes) => reply.header(RETRY_AFTER, "120"),
        Ending::Registry(RegistryFault::TooOften) => reply.header(RETRY_AFTER, "600"),
        _ if ending.status() == 503 => reply.header(RETRY_AFTER, "2"),
        _ => reply,
    }
}

fn not_staged(why: NotStaged) -> &'static str {
    match why {
        NotStaged::OnlyAnOperator => {
            "It was suspended by an operator, or by this gateway for another person's data in its answers. Mend what was \
             found, and ask an operator to resume it."
        }
        NotStaged::WhollySuspended => "All of this endpoint is suspended. Resume all of it first: send no type.",
        NotStaged::NotProbed => {
            "This version of the endpoint has not lately passed a probe. Have it probed (Endpoint/[id]/$probe), mend what \
             the report names, and ask again."
        }
    }
}

fn registry(fault: RegistryFault) -> (IssueCode, &'static str) {
    match fault {
        RegistryFault::NotRegistered => (
            IssueCode::NotFound,
            "Nothing is registered under this ODS code. POST it first; after that it is changed by PUT.",
        ),
        RegistryFault::Registered => {
            (IssueCode::Duplicate, "This ODS code is registered already. Read what is there, and change that by PUT.")
        }
        RegistryFault::Configured => (
            IssueCode::BusinessRule,
            "This deployment's own configuration says who this organisation is and how it is asked. Speak to whoever runs it.",
        ),
        RegistryFault::OrganisationNotInForce => (
            IssueCode::BusinessRule,
            "An endpoint is registered once its organisation is in force: an operator approves that first.",
        ),
        RegistryFault::NothingProposed => (
            IssueCode::Conflict,
            "There is nothing to decide on: the newest version is in force already, or was refused.",
        ),
        RegistryFault::OwnProposal => (
            IssueCode::BusinessRule,
            "Whoever wrote this version does not decide on it, nor does an operator of the organisation whose system wrote it: another operator does.",
        ),
        RegistryFault::OperatorsProposal => (
            IssueCode::BusinessRule,
            "An operator of the registry has proposed a version of this entry. It is decided on first: then read the entry again, and make \
             your change to that.",
        ),
        RegistryFault::NotInForce => (
            IssueCode::BusinessRule,
            "No version of this endpoint is in force: an operator approves it first, and with it where we go.",
        ),
        RegistryFault::NotAsked => (
            IssueCode::BusinessRule,
            "This endpoint cannot be asked as it stands: its organisation's agreement or its own period is over, or a credential of \
             it cannot be used. Look at both entries, and speak to whoever runs this gateway.",
        ),
        RegistryFault::NeverProbed => (IssueCode::NotFound, "This endpoint was never probed. Begin a probe by POST."),
        RegistryFault::ProbeUnderWay => (
            IssueCode::Conflict,
            "A probe of this endpoint is under way. Ask for it by GET, and begin another when it has ended.",
        ),
        RegistryFault::TooOften => (
            IssueCode::Throttled,
            "This entry was changed very often within the last hour. Make the next change later, and more at once. It may always be suspended.",
        ),
        RegistryFault::ManyProbes => {
            (IssueCode::Throttled, "This node probes as many endpoints as it can. Try again in some minutes.")
        }
    }
}

/// <https://fhir.nhs.uk/CodeSystem/Spine-ErrorOrWarningCode>
fn spine(ending: &Ending) -> Option<&'static str> {
    match ending {
        Ending::Refused(refusal) if refusal.kind == RefusalKind::Uniform => Some("ACCESS_DENIED"),
        Ending::Refused(refusal) if refusal.kind == RefusalKind::NoConsent => Some("NO_PATIENT_CONSENT"),
        Ending::NotFound | Ending::Undeliverable(Undeliverable::Elsewhere) => Some("NO_RECORD_FOUND"),
        Ending::NoSuchPatient => Some("PATIENT_NOT_FOUND"),
        Ending::Internal => Some("INTERNAL_SERVER_ERROR"),
        _ => None,
    }
}

pub fn identity(error: &IdentityError) -> Reply {
    let login = |text: String| outcome(401, Issue::error(IssueCode::Login).diagnostics(text));
    match error {
        IdentityError::Missing => login(NO_TOKEN.to_owned()).header(WWW_AUTHENTICATE, "Bearer"),
        IdentityError::Refused { reason, .. } => login(format!("The access token is refused: {reason}."))
            .header(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""),
        IdentityError::Unavailable => refused(503, IssueCode::Transient, NO_KEYS).header(RETRY_AFTER, "5"),
    }
}

pub fn query(fault: &QueryFault) -> Reply {
    let mut issue =
        Issue::error(fault.code).diagnostics(fault.diagnostics.clone()).expression(fault.expression.clone());
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
