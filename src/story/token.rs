//! A token of our own is given: proved, granted, written down, and only then handed over.

use super::Gateway;
use crate::{
    audit::{Opened, Released},
    domain::RequestId,
    identity::{Thumbprint, TokenFault, TokenRequest},
    record::Redacted,
};

/// The answer with the token in it, its row committed. What is refused leaves no row here: nobody is known.
pub async fn token(
    g: &Gateway,
    asked: &TokenRequest,
    shown: Option<Thumbprint>,
    network: Option<String>,
    id: RequestId,
) -> Result<Released, TokenFault> {
    let authorisation = g.authorisation.as_ref().ok_or(TokenFault::NotOffered)?;
    let granted = authorisation.grant(asked, shown).await?;
    // afresh: what was revoked a moment ago is given nothing more
    let known = g.facts.store().global_facts().await.map_err(|_| TokenFault::Unavailable)?;
    if known.revoked.contains(&granted.requester.client()) {
        return Err(TokenFault::Revoked);
    }
    let mut opened = Opened::new(g.log.clone(), &granted.requester, network, id);
    opened.asks("token", format!("POST /oauth/token {}", asked.grant.name()), None, None);
    opened.release(Redacted::own(granted.answer), 200).await.map_err(|_| TokenFault::Unavailable)
}
