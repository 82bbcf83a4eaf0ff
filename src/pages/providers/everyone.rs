//! `GET /providers/all`: every organisation that registered, for the operators; what waits for their decision first.

use super::whose::Whose;
use crate::{
    access::{Action, Interaction, Listed, Stage},
    audit::{Opened, Released},
    domain::OdsCode,
    pages::{
        Page, Visit,
        components::{heading, subheading, table},
        words,
    },
    registry::directory::{Entry, ListingPage},
    story::Ending,
};
use maud::{Markup, html};

const A_PAGE: u32 = 50;
/// So many proposals are told at once: an operator who has more to decide on decides some first.
const MOST_WAITING: u32 = 100;

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    opened.asks("page", "GET /providers/all".to_owned(), None, None);
    let by_operator = Whose::own(visit).by_operator;
    let action = Action::ReadRegistry {
        listed: Listed::Organization,
        interaction: Interaction::Search,
        concerns_own: by_operator,
    };
    visit.cleared(action, opened, async |_| made(visit).await).await
}

async fn made(visit: &Visit) -> Result<Page, Ending> {
    let (g, base) = (visit.gateway(), &visit.pages.base);
    let mut waiting = Vec::new();
    for listed in [Listed::Organization, Listed::Endpoint] {
        waiting.extend(g.directory.waiting(listed, MOST_WAITING).await?);
    }
    let after = visit.query.get("after").and_then(|code| OdsCode::parse(code).ok());
    let limit = A_PAGE + 1;
    let listing = ListingPage { listed: Listed::Organization, of: None, after, limit };
    let mut entries = g.directory.list(&listing).await?;
    let more = entries.len() > usize::try_from(A_PAGE).unwrap_or(usize::MAX);
    entries.truncate(usize::try_from(A_PAGE).unwrap_or(usize::MAX));
    let global = g.facts.global().await?;
    let stage = |ods: OdsCode| match global.suspended.contains(&ods) {
        true => Some(Stage::Suspended),
        false => global.stages.get(&ods).map(|stages| stages.usual),
    };
    let main = html! {
        (heading("Organisations"))
        (subheading("What waits for a decision"))
        @if waiting.is_empty() { p { "Nothing waits for a decision." } } @else {
            (table("Proposals", &["Organisation", "What", "Version", "Sent"], &waiting.iter().map(|entry| proposal(visit, entry)).collect::<Vec<_>>()))
        }
        (subheading("All that registered"))
        @if entries.is_empty() { p { "No organisation has registered." } } @else {
            (table("Organisations", &["Organisation", "Kind", "Entry", "Endpoint"], &entries.iter().map(|entry| row(visit, entry, stage(entry.content.ods()))).collect::<Vec<_>>()))
        }
        @if let (true, Some(last)) = (more, entries.last()) {
            p { a href=(base.link(&format!("/providers/all?after={}", last.content.ods()))) { "Next page" } }
        }
    };
    Ok(Page::new("Organisations", Some("/providers"), main).wide())
}

fn proposal(visit: &Visit, entry: &Entry) -> Vec<Markup> {
    let (ods, what) = (entry.content.ods(), path(entry));
    let registry = visit.gateway().registries.latest();
    // an endpoint's own name says little beside another's
    let name = match entry.content.listed() {
        Listed::Organization => format!("{} ({ods})", entry.content.name()),
        Listed::Endpoint => words::organisation(ods, &registry),
    };
    vec![
        html! { a href=(visit.pages.base.link(&format!("/providers/{ods}/proposal/{what}"))) { (name) } },
        html! { (if what == "endpoint" { "Endpoint" } else { "Organisation" }) },
        html! { (entry.version) },
        html! { (words::moment(entry.at)) },
    ]
}

/// What an address calls this sort of entry.
fn path(entry: &Entry) -> &'static str {
    match entry.content.listed() {
        Listed::Organization => "organisation",
        Listed::Endpoint => "endpoint",
    }
}

fn row(visit: &Visit, entry: &Entry, stage: Option<Stage>) -> Vec<Markup> {
    let ods = entry.content.ods();
    let kind = super::said::said(&entry.content).into_iter().find(|(name, _)| *name == "Kind of organisation");
    vec![
        html! { a href=(visit.pages.base.link(&format!("/providers/{ods}"))) { (entry.content.name()) " (" (ods) ")" } },
        html! { (kind.map(|(_, kind)| kind).unwrap_or_default()) },
        words::state(entry),
        html! { @if let Some(stage) = stage { (words::stage(stage)) } @else { "None yet" } },
    ]
}
