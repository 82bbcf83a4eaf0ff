//! One probe: how far it is while it runs, and what it found.

use super::{overview::verdict, probes::AFTER, whose::Whose};
use crate::{
    access::Listed,
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    pages::{
        Page, Visit,
        components::{back, facts, heading, inset, subheading},
        words,
    },
    probe::{Finding, Group, Kept, Level, Outcome, Report, State},
    story::Ending,
};
use maud::{Markup, html};
use uuid::Uuid;

/// While it runs the page is loaded again by itself, after so many seconds.
const AGAIN: u32 = 3;

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let (whose, id) = (Whose::of(visit), Uuid::try_parse(visit.segment(3)).ok());
    let after = id.map_or_else(|| AFTER.to_owned(), |id| format!("{AFTER}/{id}"));
    whose.shown(visit, (Listed::Endpoint, &after), opened, async |ods| made(visit, &whose, (ods, id)).await).await
}

async fn made(visit: &Visit, whose: &Whose, (ods, id): (OdsCode, Option<Uuid>)) -> Result<Page, Ending> {
    let found = match id {
        Some(id) => visit.gateway().probes.report(id).await?,
        None => None,
    };
    let (kept, report) = found.filter(|(kept, _)| kept.begun.ods == ods).ok_or(Ending::NotFound)?;
    let title = format!("Probe of {}", words::moment(kept.begun.at));
    let (is_watched, own) = (visit.query.get("watch") != Some("no"), whose.path(&format!("{AFTER}/{}", kept.begun.id)));
    let under_way = report.is_none() && kept.state(Timestamp::now()) == State::Running;
    let main = html! {
        (back(&visit.pages.base, &whose.path(AFTER), "Probes"))
        (heading(&title))
        @match (&report, under_way) {
            (Some(report), _) => (whole(report, &kept)),
            (None, true) => {
                (progress(&kept))
                @if is_watched {
                    p { "This page is loaded again by itself every " (AGAIN) " seconds. " a href=(visit.pages.base.link(&format!("{own}?watch=no"))) { "Stop that" } }
                } @else {
                    p { a href=(visit.pages.base.link(&own)) { "See how far it is now" } }
                }
            },
            (None, false) => (inset(&html! { p { "It broke off: the computer that made it stopped. Have the endpoint probed again." } })),
        }
    };
    let page = Page::new(title, Some("/providers"), main);
    Ok(Page { again_after: (under_way && is_watched).then_some(AGAIN), ..page })
}

fn progress(kept: &Kept) -> Markup {
    html! {
        @if kept.total == 0 { p { "It has begun." } } @else {
            p #progress-text { "Step " (kept.done) " of " (kept.total) }
            progress.caregate-progress max=(kept.total) value=(kept.done) aria-labelledby="progress-text" { (kept.done) " of " (kept.total) }
        }
    }
}

fn whole(report: &Report, kept: &Kept) -> Markup {
    let count = |outcome| report.findings.iter().filter(|one| one.outcome == outcome).count();
    let mend = report.to_mend();
    let types: Vec<String> = report.types.iter().map(|name| words::resource_type(name)).collect();
    html! {
        (facts(&[
            ("Verdict", verdict(report.verdict)),
            ("Address", html! { (report.address) }),
            ("Version of the entry", html! { (kept.begun.version) }),
            ("Asked about", html! { (report.patients) " test patients; " (types.join(", ")) }),
            ("Took", html! { (report.took_ms / 1_000) " seconds, " (report.calls) " requests" }),
            ("Checks", html! {
                (count(Outcome::Passed)) " passed, " (count(Outcome::Failed)) " failed, "
                (count(Outcome::Warned)) " warned of, " (count(Outcome::NotTested)) " not tested"
            }),
            ("Look for it in your log", html! { "X-Request-ID " (report.request) }),
        ]))
        (subheading("What to mend first"))
        @if mend.is_empty() { p { "Nothing: it does what is needed." } } @else {
            ol.nhsuk-list.nhsuk-list--number { @for finding in &mend { li { (told(finding, true)) } } }
        }
        (subheading("Every check"))
        @for group in Group::ALL {
            @let own: Vec<&Finding> = report.findings.iter().filter(|one| one.group == group).collect();
            @if !own.is_empty() {
                details.nhsuk-details {
                    summary.nhsuk-details__summary { span.nhsuk-details__summary-text { (group.title()) " (" (own.len()) ")" } }
                    div.nhsuk-details__text { ul.nhsuk-list { @for finding in own { li { (told(finding, false)) } } } }
                }
            }
        }
    }
}

fn told(finding: &Finding, with_mending: bool) -> Markup {
    let about = finding.about.as_deref().map(words::resource_type);
    html! {
        p.nhsuk-u-margin-bottom-1 {
            (outcome(finding)) " " strong { (finding.title) } @if let Some(about) = about { " (" (about) ")" }
        }
        p.nhsuk-u-margin-bottom-1 { "Seen: " (finding.seen) }
        @if with_mending || matches!(finding.outcome, Outcome::Failed | Outcome::Warned) {
            p.nhsuk-u-margin-bottom-1 { "To mend it: " (finding.mend) }
            @if finding.see.starts_with("https://") {
                p { a href=(finding.see) rel="noreferrer" { "What the specification says" span.nhsuk-u-visually-hidden { " of: " (finding.title) @if let Some(about) = &finding.about { " (" (about) ")" } } } }
            }
        }
    }
}

fn outcome(finding: &Finding) -> Markup {
    match finding.outcome {
        Outcome::Failed if finding.level == Level::Must => words::tag("red", "Failed"),
        Outcome::Failed | Outcome::Warned => words::tag("yellow", "Should be better"),
        Outcome::NotTested => words::tag("grey", "Not tested"),
        Outcome::Passed => words::tag("green", "Passed"),
    }
}
