//! Every version of what an organisation registered: who changed what, and who let it in.

use super::{said, whose::Whose};
use crate::{
    access::Listed,
    audit::{Opened, Released},
    domain::OdsCode,
    pages::{
        Page, Visit,
        components::{back, facts, heading, subheading},
        words,
    },
    registry::{Registry, directory::Entry},
    story::Ending,
};
use maud::{Markup, html};

/// So many versions of each are told.
const MOST: usize = 50;

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let whose = Whose::of(visit);
    whose.shown(visit, (Listed::Organization, "/history"), opened, async |ods| made(visit, &whose, ods).await).await
}

async fn made(visit: &Visit, whose: &Whose, ods: OdsCode) -> Result<Page, Ending> {
    let (g, reader) = (visit.gateway(), visit.session.requester.party.organisation());
    let registry = g.registries.latest();
    let organisation = g.directory.versions(Listed::Organization, ods).await?;
    let endpoint = g.directory.versions(Listed::Endpoint, ods).await?;
    let main = html! {
        (back(&visit.pages.base, &whose.path(""), "The organisation"))
        (heading("History"))
        @for (title, versions) in [("Organisation", &organisation), ("Endpoint", &endpoint)] {
            (subheading(title))
            @if versions.is_empty() { p { "Nothing was registered." } }
            @for (at, version) in versions.iter().enumerate().take(MOST) {
                (told(version, versions.get(at + 1), reader, &registry))
            }
            @if versions.len() > MOST { p { "Those before are not shown here." } }
        }
    };
    Ok(Page::new("History", Some("/providers"), main))
}

fn told(version: &Entry, before: Option<&Entry>, reader: Option<OdsCode>, registry: &Registry) -> Markup {
    let by = words::by(&version.by, version.by_system, reader, registry);
    let mut rows = vec![("State", words::state(version)), ("Sent", html! { (words::moment(version.at)) " by " (by) })];
    if let Some(decided) = &version.decided {
        let by = words::by(&decided.by, false, reader, registry);
        rows.push(("Decided", html! { (words::moment(decided.at)) " by " (by) }));
        rows.extend(decided.reason.as_ref().map(|reason| ("Reason", html! { (reason) })));
    }
    let changes = said::changes(before.map(|before| &before.content), &version.content);
    html! {
        h3.nhsuk-heading-s { "Version " (version.version) }
        (facts(&rows))
        details.nhsuk-details {
            summary.nhsuk-details__summary { span.nhsuk-details__summary-text { "What version " (version.version) " changed" } }
            div.nhsuk-details__text { (compared(&changes, before.is_some())) }
        }
    }
}

/// What differs, each by its name; beside what was there, where there was something.
pub fn compared(changes: &[(&'static str, String, String)], with_before: bool) -> Markup {
    let rows: Vec<(&str, Markup)> = changes
        .iter()
        .map(|(name, was, now)| {
            let is = html! { @if now.is_empty() { "Nothing" } @else { (now) } };
            let was = html! { @if was.is_empty() { "Nothing" } @else { (was) } };
            (*name, html! { @if with_before { p { "Was: " (was) } p { "Is: " strong { (is) } } } @else { (is) } })
        })
        .collect();
    html! { @if rows.is_empty() { p { "Nothing that is written in it." } } @else { (facts(&rows)) } }
}
