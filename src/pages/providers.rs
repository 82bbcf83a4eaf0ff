//! The console of an organisation that takes part: what it registered, how far that has come, how it fares, and what left it. For its own
//! people who look after its systems or answer for access; for the registry's operators that of everybody.

mod contacts;
mod days;
mod disclosures;
mod endpoint;
mod everyone;
mod health;
mod history;
mod kept;
mod objections;
mod organisation;
mod overview;
mod period;
mod probes;
mod proposal;
mod recalls;
mod relationships;
mod report;
mod said;
mod sent;
mod stages;
mod whose;
mod written;

use super::{
    Fields,
    route::{Console, Work},
    visit::{Done, Undone, Visit},
};
use crate::{
    audit::{Opened, Released},
    identity::Party,
    story::Ending,
};
use maud::{Markup, html};

pub async fn show(what: Console, visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    match what {
        Console::Own => overview::own(visit, opened).await,
        Console::Everyone => everyone::page(visit, opened).await,
        Console::Overview => overview::page(visit, opened).await,
        Console::Organisation => organisation::page(visit, opened).await,
        Console::Endpoint => endpoint::page(visit, opened).await,
        Console::History => history::page(visit, opened).await,
        Console::Proposal => proposal::page(visit, opened).await,
        Console::Stages => stages::page(visit, opened).await,
        Console::Probes => probes::page(visit, opened).await,
        Console::Probe => report::page(visit, opened).await,
        Console::Disclosures => disclosures::page(visit, opened).await,
        Console::DisclosuresTable => disclosures::table_of_all(visit, opened).await,
        Console::Relationships => relationships::page(visit, opened).await,
        Console::Objections => objections::page(visit, opened).await,
        Console::Recalls => recalls::page(visit, opened).await,
        Console::Health => health::page(visit, opened).await,
    }
}

pub async fn perform(work: Work, visit: &Visit, filled: &Fields, opened: &mut Opened) -> Result<Done, Undone> {
    match work {
        Work::KeepOrganisation => organisation::keep(visit, filled, opened).await,
        Work::KeepEndpoint => endpoint::keep(visit, filled, opened).await,
        Work::Decide => proposal::decide(visit, filled, opened).await,
        Work::Stage => stages::step(visit, filled, opened).await,
        Work::Probe => probes::begin(visit, opened).await,
        Work::Recall => recalls::recall(visit, filled, opened).await,
    }
}

fn person(party: &Party) -> Vec<(&'static str, Markup)> {
    let Party::Staff { user, name, role, role_name, .. } = party else { return Vec::new() };
    let code = role.as_deref().unwrap_or("none");
    vec![
        ("Name", html! { (name.as_deref().unwrap_or("not told")) }),
        ("User", html! { (user) }),
        ("Role", html! { @if let Some(name) = role_name { (name) " (" (code) ")" } @else { (code) } }),
    ]
}
