use super::shown;
use crate::{
    access::{Action, Clearance, GlobalFacts, Interaction, Listed},
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    fhir::Searchset,
    identity::Requester,
    query::DirectoryAsk,
    record::Redacted,
    registry::directory::{Content, Entry, EntryState, ListingPage, Standing},
    story::{Ending, Gateway, clearance, paging::Paging, released_cleared},
};

/// How many are read at once while those that match are looked for.
const BATCH: u32 = 500;

/// `GET Organization?...`, `GET Endpoint?...`: the requester's own; to an operator everyone's, by ODS code.
pub async fn entries(
    g: &Gateway,
    requester: &Requester,
    listed: Listed,
    ask: &DirectoryAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    opened.asks("search", ask.canonical(), Some(listed.as_str()), None);
    let searches = |listed| Action::ReadRegistry { listed, interaction: Interaction::Search, concerns_own: true };
    released_cleared(g, requester, searches(listed), opened, async |leave| {
        if ask.with_endpoints {
            // what comes along needs leave of its own
            clearance(g, requester, searches(Listed::Endpoint)).await?;
        }
        Ok(Redacted::own(page(g, requester, listed, ask, leave).await?))
    })
    .await
}

async fn page(
    g: &Gateway,
    requester: &Requester,
    listed: Listed,
    ask: &DirectoryAsk,
    clearance: &Clearance,
) -> Result<String, Ending> {
    let canonical = ask.canonical();
    let paging = Paging::new(g, requester, &[&canonical]).under(clearance.epochs());
    let after = paging.after(ask.page.as_deref())?;
    let count = usize::try_from(ask.count).unwrap_or(usize::MAX);
    // one more than is shown tells whether there is a next page
    let mut found = match whose(g, requester, ask, clearance) {
        Some(of) => matching(g, listed, ask, of, after, count.saturating_add(1)).await?,
        None => Vec::new(),
    };
    let more = found.len() > count;
    found.truncate(count);
    let next = paging.next(found.last().filter(|_| more).map(|last| last.content.ods()))?;
    let url = |page| format!("{}{}", g.base, ask.link(page));
    let next = next.as_deref().map(|next| url(Some(next)));
    let mut bundle = Searchset::new(url(ask.page.as_deref()), next, Timestamp::now().fhir());
    for entry in &found {
        bundle.add_match(full_url(g, entry), shown(g, entry).await?);
    }
    for entry in found.iter().filter(|_| ask.with_endpoints) {
        if let Some(endpoint) = g.directory.latest(Listed::Endpoint, entry.content.ods()).await? {
            bundle.add_include(full_url(g, &endpoint), shown(g, &endpoint).await?);
        }
    }
    bundle.to_json().map_err(|_| Ending::Internal)
}

fn full_url(g: &Gateway, entry: &Entry) -> String {
    format!("{}{}/{}", g.base, entry.content.listed().as_str(), entry.content.ods())
}

/// Of whom it is asked; nobody where somebody asks of another organisation. Of everyone an operator may.
fn whose(g: &Gateway, requester: &Requester, ask: &DirectoryAsk, clearance: &Clearance) -> Option<Option<OdsCode>> {
    let own = clearance.organisation();
    match ask.organisation {
        asked if g.registry_terms.is_operator(requester) => Some(asked),
        Some(asked) if asked != own => None,
        _ => Some(Some(own)),
    }
}

async fn matching(
    g: &Gateway,
    listed: Listed,
    ask: &DirectoryAsk,
    of: Option<OdsCode>,
    mut after: Option<OdsCode>,
    enough: usize,
) -> Result<Vec<Entry>, Ending> {
    let (global, now) = (g.facts.global().await?, Timestamp::now());
    let name = ask.name.as_ref().map(|name| name.to_lowercase());
    let mut found = Vec::new();
    while found.len() < enough {
        let batch = g.directory.list(&ListingPage { listed, of, after, limit: BATCH }).await?;
        let Some(last) = batch.last().map(|entry| entry.content.ods()) else { break };
        after = Some(last);
        found.extend(batch.into_iter().filter(|entry| {
            let begins = |name: &String| entry.content.name().to_lowercase().starts_with(name.as_str());
            name.as_ref().is_none_or(begins) && ask.status.is_none_or(|status| has_status(entry, status, &global, now))
        }));
    }
    found.truncate(enough);
    Ok(found)
}

fn has_status(entry: &Entry, wanted: &str, global: &GlobalFacts, now: Timestamp) -> bool {
    match &entry.content {
        Content::Organization(_) => (entry.state == EntryState::InForce) == (wanted == "true"),
        Content::Endpoint(_) => Standing::of(entry, None, false, global, now).status == wanted,
    }
}
