//! Our own pages are told as everything else is: decided, made, written down, and only then shown.

use super::{Ending, Gateway, clearance, released_cleared, until_it_stands};
use crate::{
    access::{Action, Clearance},
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
    released_cleared(g, requester, action, opened, async |clearance| make(clearance).await.map(Redacted::own)).await
}

/// The same under the first of these that the requester may.
pub async fn cleared_by_any(
    g: &Gateway,
    requester: &Requester,
    actions: &[Action],
    opened: &mut Opened,
    mut make: impl AsyncFnMut(Action, &Clearance) -> Result<String, Ending>,
) -> Result<Released, Ending> {
    until_it_stands(g, None, opened, async |opened: &mut Opened| {
        opened.undecided(None);
        let mut refused = Ending::Internal;
        for action in actions {
            let clearance = match clearance(g, requester, *action).await {
                Ok(clearance) => clearance,
                Err(Ending::Refused(refusal)) => {
                    refused = Ending::Refused(refusal);
                    continue;
                }
                Err(ending) => return Err(ending),
            };
            opened.cleared(&clearance);
            let body = make(*action, &clearance).await?;
            return Ok(opened.release(Redacted::own(body), 200).await?);
        }
        Err(refused)
    })
    .await
}

/// Whether they may: for what a page offers. It decides nothing that is done.
pub async fn may(g: &Gateway, requester: &Requester, action: Action) -> Result<bool, Ending> {
    match clearance(g, requester, action).await {
        Ok(_) => Ok(true),
        Err(Ending::Refused(_)) => Ok(false),
        Err(ending) => Err(ending),
    }
}
