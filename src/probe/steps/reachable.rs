//! Name, connection, TLS.

use crate::{
    domain::{Timestamp, is_public, literal_address},
    federation::{Failure, Seen, Unseen},
    probe::{caller::Stopped, certificate::Certificate, check::Check, run::Run},
};
use std::time::Duration;
use tokio::{net::lookup_host, time::timeout};
use url::Url;

/// The gateway's own patience with a statement, which some servers make when they are first asked for it.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOKUP: Duration = Duration::from_secs(5);
const SOON: i64 = 30;

/// What it answers for its metadata.
pub async fn reachable(run: &mut Run<'_>) -> Result<Result<Seen, Unseen>, Stopped> {
    let base = run.target.provider.base.clone();
    name(run, &base).await?;
    let url = base.join("metadata").map_err(|_| Stopped("It has no address.".to_owned()))?;
    let mut answer = run.caller.get(url.clone(), PATIENCE.min(run.target.limits.time / 4), true).await?;
    let mut certificate = answer.as_ref().ok().and_then(|seen| seen.certificate.clone());
    if let Err(unseen) = &answer {
        connected(run, unseen).await?;
    } else {
        run.findings.passed(Check::Connect, None, "It answers.");
    }
    if base.scheme() != "https" {
        run.findings.warned(Check::Tls, None, "Plain http, as was allowed: whoever is on the way reads along.");
        run.findings.excused(Check::Certificate, None, "Plain http shows none.");
        run.findings.excused(Check::CertificateDays, None, "Plain http shows none.");
        return Ok(answer);
    }
    match run.caller.speaks_tls_1_3(url.clone()).await {
        Some(true) => run.findings.passed(Check::Tls, None, "TLS 1.3."),
        Some(false) => run.findings.warned(Check::Tls, None, "TLS 1.2, and no 1.3."),
        None => run.findings.passed(Check::Tls, None, "TLS 1.2 or 1.3."),
    }
    if certificate.is_none() {
        // a connection that shows our own certificate does not tell the other side's
        let unsigned = run.caller.get(url, run.caller.deadline(), false).await?;
        certificate = unsigned.ok().and_then(|seen| seen.certificate);
    }
    told(run, certificate.as_deref());
    if let Ok(seen) = &mut answer {
        seen.certificate = None;
    }
    Ok(answer)
}

async fn name(run: &mut Run<'_>, base: &Url) -> Result<(), Stopped> {
    let private = run.target.provider.allow_private_addresses;
    if literal_address(base).is_some() {
        run.findings.passed(Check::Dns, None, "It is an address, and no name.");
        return Ok(());
    }
    let place = (base.host_str().unwrap_or_default(), base.port_or_known_default().unwrap_or(443));
    let found: Vec<_> = match timeout(LOOKUP, lookup_host(place)).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let public = found.iter().filter(|address| is_public(**address)).count();
    let (count, seen) = (found.len(), if found.len() == 1 { "address" } else { "addresses" });
    if found.is_empty() {
        run.findings.failed(Check::Dns, None, "The name leads to no address.");
        Err(Stopped("Its name leads to no address.".to_owned()))
    } else if public == 0 && !private {
        run.findings.failed(Check::Dns, None, "The name leads to addresses inside a private network only.");
        Err(Stopped("Its name leads to no address that may be connected to.".to_owned()))
    } else {
        let told =
            if public == count { format!("{count} {seen}.") } else { format!("{count} {seen}, {public} public.") };
        run.findings.passed(Check::Dns, None, told);
        Ok(())
    }
}

/// Its metadata did not come. That may be of the metadata alone: then it is there, and the probe goes on.
async fn connected(run: &mut Run<'_>, unseen: &Unseen) -> Result<(), Stopped> {
    match unseen.failure {
        Failure::Untrusted => {
            let why = unseen.untrusted.map_or_else(|| unseen.failure.to_string(), |fault| fault.to_string());
            run.findings.passed(Check::Connect, None, "It accepts connections.");
            run.findings.failed(Check::Certificate, None, format!("No connection is made: {why}."));
            return Err(Stopped("Its certificate is not trusted, so it was told nothing.".to_owned()));
        }
        Failure::NotSignedIn | Failure::CredentialRefused => {
            run.findings.failed(Check::CredentialAccepted, None, format!("{}.", capital(unseen.failure)));
            return Err(Stopped("The gateway could not sign in to it.".to_owned()));
        }
        _ => {}
    }
    let again = match run.target.nobody().map(|number| super::patients::lookup(run, number)) {
        Some(Some(url)) => run.caller.get(url, run.caller.deadline(), true).await?,
        _ => Err(*unseen),
    };
    match again {
        Ok(_) => {
            run.findings.passed(Check::Connect, None, "It answers, though not for its metadata.");
            Ok(())
        }
        Err(_) => {
            run.findings.failed(Check::Connect, None, format!("{}.", capital(unseen.failure)));
            Err(Stopped("It could not be reached.".to_owned()))
        }
    }
}

fn told(run: &mut Run<'_>, der: Option<&[u8]>) {
    let Some(read) = der.and_then(|der| Certificate::read(der, Timestamp::now())) else {
        run.findings.passed(Check::Certificate, None, "It is trusted.");
        run.findings.excused(Check::CertificateDays, None, "The certificate could not be looked into.");
        return;
    };
    let Certificate { names, authority, days_left } = read;
    let authority = if authority.is_empty() { "an authority without a name" } else { &authority };
    run.findings.passed(Check::Certificate, None, format!("For {}, of {authority}.", names.join(" and ")));
    let days = format!("{days_left} days are left.");
    if days_left > SOON {
        run.findings.passed(Check::CertificateDays, None, days);
    } else {
        run.findings.failed(Check::CertificateDays, None, days);
    }
}

fn capital(failure: Failure) -> String {
    let words = failure.to_string();
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
