use super::{asks, concerns, has_organisation, latest, shown, stages};
use crate::{
    access::{Action, Listed, Person, parameters},
    audit::Opened,
    domain::{OdsCode, Timestamp},
    identity::{Party, Requester},
    registry::directory::{self, Content, Decided, Entry, EntryState},
    story::{Answer, Ending, Gateway, OrClose, RegistryFault, Wrote, is_current, written_cleared},
};
use std::time::Duration;

/// `POST Organization`, `POST Endpoint`.
pub async fn register(
    g: &Gateway,
    requester: &Requester,
    listed: Listed,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    opened.asks("create", listed.as_str().to_owned(), Some(listed.as_str()), None);
    let content = read(g, listed, body).await.or_close(opened).await?;
    let of = asks(opened, "create", listed, content.ods().as_str(), "");
    let action = Action::KeepRegistry { listed, is_new: true, concerns_own: concerns(g, requester, of) };
    written_cleared(g, requester, action, opened, async || match g.directory.latest(listed, content.ods()).await? {
        Some(_) => Err(RegistryFault::Registered.into()),
        None => write(g, requester, &content, 0).await,
    })
    .await
}

/// `PUT Organization/[ODS code]`, `PUT Endpoint/[ODS code]`: of what is registered, another version.
pub async fn change_entry(
    g: &Gateway,
    requester: &Requester,
    listed: Listed,
    (id, if_match): (&str, Option<&str>),
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let of = asks(opened, "update", listed, id, "");
    let content = read(g, listed, body).await.or_close(opened).await?;
    if of != Some(content.ods()) {
        let place = match listed {
            Listed::Organization => "Organization.identifier",
            Listed::Endpoint => "Endpoint.managingOrganization",
        };
        return Err(Ending::content(place, "is another organisation than the address names").close(opened).await);
    }
    let action = Action::KeepRegistry { listed, is_new: false, concerns_own: concerns(g, requester, of) };
    written_cleared(g, requester, action, opened, async || {
        let before = latest(g, listed, of).await?;
        is_current(if_match, before.version)?;
        write(g, requester, &content, before.version).await
    })
    .await
}

/// `[type]/[ODS code]/$approve`: an operator lets a proposed version in, or does not.
pub async fn approve_entry(
    g: &Gateway,
    requester: &Requester,
    listed: Listed,
    id: &str,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let of = asks(opened, "operation", listed, id, "/$approve");
    let approving = parameters::read_approving(body).or_close(opened).await?;
    let concerns_own = g.registry_terms.is_operator(requester);
    let action = Action::KeepRegistry { listed, is_new: false, concerns_own };
    written_cleared(g, requester, action, opened, async || {
        let proposed = latest(g, listed, of).await?;
        if proposed.version != approving.version {
            return Err(Ending::Conflict);
        }
        if proposed.state != EntryState::Proposed {
            return Err(RegistryFault::NothingProposed.into());
        }
        let Person { issuer, subject } = requester.person();
        let by = &proposed.by;
        // what a system wrote its own organisation's people may have had it write
        let by_own_system = proposed.by_system && by.organisation == requester.party.organisation();
        if (&by.issuer, &by.subject) == (&issuer, &subject) || by_own_system {
            return Err(RegistryFault::OwnProposal.into());
        }
        if approving.is_let_in {
            // what the deployment allows may have changed since it was proposed
            keeps_to_terms(g, &proposed.content).await?;
        }
        let decided = Decided { by: requester.recorder(), at: Timestamp::now(), reason: approving.reason.clone() };
        let ods = proposed.content.ods();
        let is_probed = listed == Listed::Endpoint && stages::is_probed(g, ods, approving.version).await?;
        g.directory.decide(listed, ods, approving.version, approving.is_let_in, &decided, is_probed).await?;
        let state = if approving.is_let_in { EntryState::InForce } else { EntryState::Refused };
        answer(g, 200, &Entry { state, decided: Some(decided), ..proposed }).await
    })
    .await
}

async fn read(g: &Gateway, listed: Listed, body: &str) -> Result<Content, Ending> {
    Ok(match listed {
        Listed::Organization => {
            let policy = g.policies.of(&*g.facts.global().await?).await?;
            Content::Organization(directory::read_organization(body, &policy)?)
        }
        Listed::Endpoint => Content::Endpoint(directory::read_endpoint(body)?),
    })
}

async fn keeps_to_terms(g: &Gateway, content: &Content) -> Result<(), Ending> {
    if g.registry_terms.configured.contains(&content.ods()) {
        return Err(RegistryFault::Configured.into());
    }
    g.registry_terms.vet(content)?;
    has_organisation(g, content).await
}

/// The next version: proposed where it decides who, where or by which keys, else in force at once.
async fn write(g: &Gateway, requester: &Requester, content: &Content, before: i64) -> Result<Answer, Ending> {
    keeps_to_terms(g, content).await?;
    let (listed, ods): (Listed, OdsCode) = (content.listed(), content.ods());
    let in_force = g.directory.in_force(listed, ods).await?;
    // what says nothing new is no version: nobody need decide anything again
    if let Some(same) = in_force.as_ref().filter(|entry| entry.version == before && entry.content == *content) {
        return answer(g, 200, same).await;
    }
    if !g.registry_terms.is_operator(requester) {
        let versions = g.directory.versions(listed, ods).await?;
        seldom(versions.iter().map(|entry| entry.at))?;
        // nobody takes an operator's proposal off the table by writing over it
        if versions
            .first()
            .is_some_and(|entry| entry.state == EntryState::Proposed && entry.by.organisation != Some(ods))
        {
            return Err(RegistryFault::OperatorsProposal.into());
        }
    }
    let approved = !content.needs_approval(in_force.as_ref().map(|entry| &entry.content));
    let entry = Entry {
        version: before.saturating_add(1),
        content: content.clone(),
        state: if approved { EntryState::InForce } else { EntryState::Proposed },
        by: requester.recorder(),
        by_system: matches!(requester.party, Party::System { .. }),
        at: Timestamp::now(),
        decided: None,
    };
    g.directory.write(&entry, in_force.map(|entry| entry.version)).await?;
    answer(g, if before == 0 { 201 } else { 200 }, &entry).await
}

/// So many changes in an hour are more than anybody makes by hand.
const MOST_CHANGES: usize = 30;

/// What comes into force has every decision of the region made again: nobody holds that up by changing things for ever.
pub(super) fn seldom(changes: impl Iterator<Item = Timestamp>) -> Result<(), Ending> {
    let since = Timestamp::now().minus(Duration::from_secs(3600));
    match changes.filter(|at| *at >= since).count() >= MOST_CHANGES {
        true => Err(RegistryFault::TooOften.into()),
        false => Ok(()),
    }
}

async fn answer(g: &Gateway, status: u16, entry: &Entry) -> Result<Answer, Ending> {
    let url = format!("{}{}/{}", g.base, entry.content.listed().as_str(), entry.content.ods());
    Ok(Answer::new(status, shown(g, entry).await?.to_string()).with_location(url, entry.version))
}
