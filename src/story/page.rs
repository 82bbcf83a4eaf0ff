//! Our own pages are told as everything else is: decided, made, written down, and only then shown.

use super::{Ending, Gateway, released, until_it_stands};
use crate::{
    access::{Action, Clearance, Permit, Wanted},
    audit::{Opened, Released},
    identity::Requester,
    record::Redacted,
};

/// What is about no patient, of the requester's own organisation. `make` writes it under a clearance; it is shown if the
/// clearance's epoch still stands once its row commits, else made again.
pub async fn cleared(
    g: &Gateway,
    requester: &Requester,
    action: Action,
    opened: &mut Opened,
    mut make: impl AsyncFnMut(&Clearance) -> Result<String, Ending>,
) -> Result<Released, Ending> {
    until_it_stands(g, None, opened, async |opened: &mut Opened| {
        opened.undecided(None);
        let clearance = clearance(g, requester, action).await?;
        opened.cleared(&clearance);
        let body = make(&clearance).await?;
        Ok(opened.release(Redacted::own(body), 200).await?)
    })
    .await
}

/// The same of what is about a patient, under a permit. What `make` writes is of the gateway's own: a page that draws on
/// sources' entries releases what the record's own stages have made of them.
pub async fn permitted_page(
    g: &Gateway,
    requester: &Requester,
    wanted: Wanted,
    opened: &mut Opened,
    mut make: impl AsyncFnMut(&Permit) -> Result<String, Ending>,
) -> Result<Released, Ending> {
    released(g, requester, wanted, opened, async |permit, _| make(permit).await.map(Redacted::own)).await
}

async fn clearance(g: &Gateway, requester: &Requester, action: Action) -> Result<Clearance, Ending> {
    let global = g.facts.global().await?;
    let kind = requester.party.organisation().and_then(|ods| g.registry.kind_of(ods));
    let policy = g.policies.of(&global).await?;
    policy.clear(requester, action, &global, kind.map(|kind| &**kind)).map_err(Ending::Refused)
}
