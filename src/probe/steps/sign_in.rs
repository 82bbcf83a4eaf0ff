//! Whom it answers.

use crate::{
    federation::{Failure, Unseen},
    probe::{caller::Stopped, check::Check, run::Run, steps::patients::lookup},
};

pub async fn sign_in(run: &mut Run<'_>) -> Result<(), Stopped> {
    let nothing = run.target.provider.sign_in.is_nothing();
    let number = run.target.patients.first().copied().or_else(|| run.target.nobody());
    let Some(url) = number.and_then(|number| lookup(run, number)) else { return Ok(()) };
    let signed = run.caller.get(url.clone(), run.caller.deadline(), true).await?;
    let refused = match &signed {
        Ok(seen) => matches!(seen.status, 401 | 403),
        Err(Unseen { failure, .. }) => matches!(failure, Failure::CredentialRefused | Failure::NotSignedIn),
    };
    match (refused, nothing) {
        (true, true) => {
            run.findings.failed(Check::CredentialAccepted, None, "It asks for a credential, and none is given.")
        }
        (true, false) => {
            run.findings.failed(Check::CredentialAccepted, None, "It does not accept the one that is given.")
        }
        (false, true) => run.findings.excused(Check::CredentialAccepted, None, "None is given, and it asks for none."),
        (false, false) => run.findings.passed(Check::CredentialAccepted, None, "It was accepted."),
    }
    if refused {
        return Err(Stopped("It does not let the gateway in.".to_owned()));
    }
    if nothing {
        run.findings.excused(
            Check::CredentialRequired,
            None,
            "No credential is configured: it answers whoever reaches it.",
        );
        return Ok(());
    }
    match run.caller.get(url, run.caller.deadline(), false).await? {
        Ok(seen) if matches!(seen.status, 401 | 403) => {
            run.findings.passed(Check::CredentialRequired, None, format!("Without one it answers {}.", seen.status));
        }
        Ok(seen) if seen.status == 200 => {
            run.findings.failed(Check::CredentialRequired, None, "Without one it answers just the same.");
        }
        Ok(seen) => {
            let said = format!("Without one it answers {}, which is neither 401 nor 403.", seen.status);
            run.findings.failed(Check::CredentialRequired, None, said);
        }
        // it wants to see a certificate before it says anything
        Err(Unseen { failure: Failure::Cut | Failure::Untrusted | Failure::Unreachable, .. }) => {
            run.findings.passed(Check::CredentialRequired, None, "Without one no connection comes about.");
        }
        Err(unseen) => {
            run.findings.untested(Check::CredentialRequired, None, format!("Without one {}.", unseen.failure))
        }
    }
    Ok(())
}
