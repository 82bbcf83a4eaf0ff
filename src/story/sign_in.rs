//! Somebody signs in to our own pages, and out again: each is written down, and of a sign-in before the browser holds anything.

use super::Gateway;
use crate::{
    audit::{Opened, Released},
    domain::{RequestId, Timestamp},
    identity::{PageSession, Returned, SessionId, Sessions, SignInFault, SignIns},
    record::Redacted,
};

/// Somebody who is signed in from now on.
pub struct SignedIn {
    pub session: SessionId,
    /// The path of ours that they wanted to see.
    pub to: String,
    pub released: Released,
}

/// The end of a sign-in. What is refused leaves no row here where nobody is known.
pub async fn sign_in(
    g: &Gateway,
    sign_ins: &SignIns,
    sessions: &Sessions,
    returned: &Returned,
    network: Option<String>,
    id: RequestId,
) -> Result<SignedIn, SignInFault> {
    let now = Timestamp::now();
    let (requester, to) = sign_ins.finish(returned, now).await?;
    // afresh: who was revoked a moment ago is not let in
    let known = g.facts.store().global_facts().await.map_err(|_| SignInFault::Unavailable)?;
    let mut opened = Opened::new(g.log.clone(), &requester, network, id);
    opened.asks("sign-in", format!("GET /sign-in/{}/callback", returned.way), None, None);
    if known.revoked.contains(&requester.person()) || known.revoked.contains(&requester.client()) {
        // who it was is proved: whoever looks into it is to find them
        opened.fail_anyway(403, SignInFault::Revoked.reason()).await.map_err(|_| SignInFault::Unavailable)?;
        return Err(SignInFault::Revoked);
    }
    let released = opened.release(Redacted::own(String::new()), 303).await.map_err(|_| SignInFault::Unavailable)?;
    let session = sessions.begin(&requester, now).await.map_err(|_| SignInFault::Unavailable)?;
    Ok(SignedIn { session, to, released })
}

/// Whether whoever is signed in, or the application they signed in with, was barred meanwhile: said from the database's word
/// of now.
pub async fn is_barred(g: &Gateway, session: &PageSession) -> Result<bool, super::Ending> {
    let known = g.facts.store().global_facts().await?;
    Ok(known.revoked.contains(&session.requester.person()) || known.revoked.contains(&session.requester.client()))
}

/// Ends the session, and then writes that down: whoever wants out is out, whatever becomes of the row.
pub async fn sign_out(
    sessions: &Sessions,
    session: &PageSession,
    opened: &mut Opened,
) -> Result<Released, super::Ending> {
    opened.asks("sign-out", "POST /sign-out".to_owned(), None, None);
    if let Err(error) = sessions.end(session.id).await {
        return Err(super::Ending::from(error).close(opened).await);
    }
    match opened.release(Redacted::own(String::new()), 303).await {
        Ok(released) => Ok(released),
        Err(not) => Err(not.into()),
    }
}
