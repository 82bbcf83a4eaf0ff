//! The probes of an endpoint: those that were, the one that runs, and another.

use super::{overview::verdict, whose::Whose};
use crate::{
    access::Listed,
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    pages::{
        Done, Page, Undone, Visit,
        components::{back, form, heading, inset, subheading, table},
        words,
    },
    probe::{Kept, State},
    story::{self, Ending, RegistryFault},
};
use maud::{Markup, html};
use std::time::Duration;
use tokio::time::sleep;

pub const AFTER: &str = "/probes";
const MOST: u32 = 50;

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let whose = Whose::of(visit);
    whose.shown(visit, (Listed::Endpoint, AFTER), opened, async |ods| made(visit, &whose, ods).await).await
}

pub async fn begin(visit: &Visit, opened: &mut Opened) -> Result<Done, Undone> {
    let whose = Whose::of(visit);
    let ods = match whose.ods() {
        Ok(ods) => ods,
        Err(ending) => return Err(ending.close(opened).await.into()),
    };
    let began = Timestamp::now();
    let told = story::probe_endpoint(&visit.pages.node.gateway, &visit.session.requester, ods.as_str(), opened).await;
    let ending = match told {
        Ok(wrote) => return Ok(Done::wrote(wrote, &whose.path(&begun(visit, ods, began).await))),
        Err(ending) => ending,
    };
    let said = match &ending {
        Ending::Registry(RegistryFault::ProbeUnderWay) => "A probe of this endpoint is under way already.",
        Ending::Registry(RegistryFault::ManyProbes) => "Other endpoints are being probed. Try again in a few minutes.",
        Ending::Registry(RegistryFault::NotInForce) => "No endpoint of this organisation is in force yet.",
        Ending::Registry(RegistryFault::NotAsked) => {
            "It cannot be probed: it is not in use today, no sharing agreement of the organisation holds, or its credential is not kept here."
        }
        Ending::Content(fault) => fault.diagnostics.as_str(),
        _ => return Err(ending.into()),
    };
    let main = html! {
        (back(&visit.pages.base, &whose.path(AFTER), "Probes"))
        (heading("No probe was begun"))
        p { (said) }
    };
    Err(Undone::Again(ending.status(), Box::new(Page::new("No probe was begun", Some("/providers"), main))))
}

/// Where the probe is told of that began a moment ago: it is stored by the task that makes it.
async fn begun(visit: &Visit, ods: OdsCode, since: Timestamp) -> String {
    for _ in 0..100 {
        if let Ok(Some(kept)) = visit.gateway().probes.latest(ods).await
            && kept.begun.at >= since
        {
            return format!("{AFTER}/{}", kept.begun.id);
        }
        sleep(Duration::from_millis(20)).await;
    }
    AFTER.to_owned()
}

async fn made(visit: &Visit, whose: &Whose, ods: OdsCode) -> Result<Page, Ending> {
    let (g, base) = (visit.gateway(), &visit.pages.base);
    let endpoint = g.directory.in_force(Listed::Endpoint, ods).await?;
    let kept = g.probes.history(ods, MOST).await?;
    let now = Timestamp::now();
    let running = kept.first().filter(|kept| kept.state(now) == State::Running);
    let link = |kept: &Kept| base.link(&whose.path(&format!("{AFTER}/{}", kept.begun.id)));
    let row = |kept: &Kept| {
        vec![
            html! { a href=(link(kept)) { (words::moment(kept.begun.at)) } },
            html! { (kept.begun.version) },
            came_to(kept, now),
        ]
    };
    let main = html! {
        (back(base, &whose.path(""), "The organisation"))
        (heading("Probes"))
        p { "A probe asks the endpoint for its test patients, in the ways in which records are asked for, and in ways that go wrong. It finds out whether the endpoint is \
             reachable, does what it says, keeps its patients apart, and how quick it is. It takes some minutes, and nobody is shown what it is answered." }
        @match (&endpoint, running) {
            (None, _) => (inset(&html! { p { "No endpoint of this organisation is in force yet: there is nothing to probe." } })),
            (Some(_), Some(kept)) => p { a href=(link(kept)) { "A probe is under way: see how far it is" } },
            (Some(_), None) => (form(base, &visit.session, &whose.path(AFTER), "", &html! {
                button.nhsuk-button type="submit" { "Probe the endpoint now" }
            })),
        }
        (subheading("Probes that were made"))
        @if kept.is_empty() { p { "None yet." } } @else {
            (table("Probes, the newest first", &["When", "Version of the entry", "Came to"], &kept.iter().map(row).collect::<Vec<_>>()))
        }
    };
    Ok(Page::new("Probes", Some("/providers"), main))
}

fn came_to(kept: &Kept, now: Timestamp) -> Markup {
    match (&kept.ended, kept.state(now)) {
        (Some(ended), _) => verdict(ended.verdict),
        (None, State::Died) => words::tag("grey", "Broke off"),
        (None, _) => words::tag("blue", "Under way"),
    }
}

/// The last probe in a few words, with the way to it.
pub fn last(kept: Option<&Kept>, probes: &str) -> Markup {
    match kept {
        None => html! { "None yet" },
        Some(kept) => html! {
            (came_to(kept, Timestamp::now())) " "
            a href={ (probes) "/" (kept.begun.id) } { "Probe of " (words::moment(kept.begun.at)) }
            " (version " (kept.begun.version) ")"
        },
    }
}
