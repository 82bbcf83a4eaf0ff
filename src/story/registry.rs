//! The registry: what organisations say of themselves and of their endpoints, by their own systems and people, and what the
//! region's operators let in of it. It is about no patient, so that a clearance decides; whose entry it is stands in the request, so
//! that it is decided before anything of it is looked up, and a refusal tells nothing.

mod changes;
mod probes;
mod search;
mod stages;

pub use changes::{approve_entry, change_entry, register};
pub use probes::{PROBES_MAX, endpoint_probe, keep_probing, probe_endpoint};
pub use search::entries;
pub use stages::{endpoint_stages, stage_endpoint};

use super::{Ending, Gateway, RegistryFault, released_cleared};
use crate::{
    access::{Action, Interaction, Listed},
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    identity::Requester,
    record::Redacted,
    registry::directory::{self, Content, Entry, Standing},
};
use serde_json::Value;

/// `GET Organization/[ODS code]`, `GET Endpoint/[ODS code]`: the newest version, with its number.
pub async fn entry(
    g: &Gateway,
    requester: &Requester,
    listed: Listed,
    id: &str,
    opened: &mut Opened,
) -> Result<(Released, i64), Ending> {
    let of = asks(opened, "read", listed, id, "");
    let action =
        Action::ReadRegistry { listed, interaction: Interaction::Read, concerns_own: concerns(g, requester, of) };
    let mut version = 0;
    let released = released_cleared(g, requester, action, opened, async |_| {
        let latest = latest(g, listed, of).await?;
        version = latest.version;
        Ok(Redacted::own(shown(g, &latest).await?.to_string()))
    })
    .await?;
    Ok((released, version))
}

/// `[type]/[ODS code]/_history`: every version, the newest first.
pub async fn entry_history(
    g: &Gateway,
    requester: &Requester,
    listed: Listed,
    id: &str,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    let of = asks(opened, "history", listed, id, "/_history");
    let action =
        Action::ReadRegistry { listed, interaction: Interaction::Read, concerns_own: concerns(g, requester, of) };
    released_cleared(g, requester, action, opened, async |_| {
        let ods = of.ok_or(RegistryFault::NotRegistered)?;
        let versions = g.directory.versions(listed, ods).await?;
        if versions.is_empty() {
            return Err(RegistryFault::NotRegistered.into());
        }
        let standing = Standings::of(g, listed, ods).await?;
        let resources = versions.iter().map(|version| (version, standing.resource(version)));
        let history = directory::history(&g.base, Timestamp::now(), resources.collect());
        Ok(Redacted::own(history.to_string()))
    })
    .await
}

/// Whether it is the requester's own, or they are an operator.
fn concerns(g: &Gateway, requester: &Requester, of: Option<OdsCode>) -> bool {
    (of.is_some() && of == requester.party.organisation()) || g.registry_terms.is_operator(requester)
}

/// Only what could be an organisation's code is looked for, and written down.
fn asks(opened: &mut Opened, interaction: &str, listed: Listed, id: &str, after: &str) -> Option<OdsCode> {
    let of = OdsCode::parse(id).ok();
    let known = of.as_ref().map_or("unknown", OdsCode::as_str);
    let name = listed.as_str();
    opened.asks(interaction, format!("{name}/{known}{after}"), Some(name), None);
    of
}

async fn latest(g: &Gateway, listed: Listed, of: Option<OdsCode>) -> Result<Entry, Ending> {
    let ods = of.ok_or(RegistryFault::NotRegistered)?;
    Ok(g.directory.latest(listed, ods).await?.ok_or(RegistryFault::NotRegistered)?)
}

/// An entry as an answer shows it.
async fn shown(g: &Gateway, entry: &Entry) -> Result<Value, Ending> {
    let standings = Standings::of(g, entry.content.listed(), entry.content.ods()).await?;
    Ok(standings.resource(entry))
}

/// How one organisation's entry stands, whichever version of it is shown.
struct Standings {
    in_force: Option<i64>,
    has_endpoint: bool,
    global: std::sync::Arc<crate::access::GlobalFacts>,
}

impl Standings {
    async fn of(g: &Gateway, listed: Listed, ods: OdsCode) -> Result<Self, Ending> {
        let in_force = g.directory.in_force(listed, ods).await?.map(|entry| entry.version);
        let has_endpoint = listed == Listed::Organization && g.directory.latest(Listed::Endpoint, ods).await?.is_some();
        Ok(Self { in_force, has_endpoint, global: g.facts.global().await? })
    }

    fn resource(&self, entry: &Entry) -> Value {
        let standing = Standing::of(entry, self.in_force, self.has_endpoint, &self.global, Timestamp::now());
        directory::resource(entry, &standing)
    }
}

/// An endpoint is an organisation's that was let in.
async fn has_organisation(g: &Gateway, content: &Content) -> Result<(), Ending> {
    if let Content::Endpoint(endpoint) = content
        && g.directory.in_force(Listed::Organization, endpoint.ods).await?.is_none()
    {
        return Err(RegistryFault::OrganisationNotInForce.into());
    }
    Ok(())
}
