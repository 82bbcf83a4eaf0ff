//! The objections that concern an organisation: to sharing what it holds, to showing its people anything, or written down by them.

use super::whose::Whose;
use crate::{
    access::{ConsentRecord, Matter},
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    pages::{
        Page, Visit,
        components::{back, heading, table},
        words,
    },
    story::{self, Concerning, Ending},
};
use maud::{Markup, html};

const AFTER: &str = "/objections";
const TITLE: &str = "Objections that concern your organisation";

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let whose = Whose::of(visit);
    whose.asks(AFTER, opened);
    let make = |ods, told: &Concerning| visit.frame().html(&made(visit, &whose, ods, told));
    let (g, requester) = (visit.gateway(), &visit.session.requester);
    story::objections_page(g, requester, visit.segment(1), visit.query.get("page"), opened, make).await
}

fn made(visit: &Visit, whose: &Whose, ods: OdsCode, told: &Concerning) -> Page {
    let row = |(first, consent): &(Timestamp, ConsentRecord)| {
        vec![
            html! { (words::moment(*first)) },
            html! { (consent.patient.digits()) },
            concerns(ods, consent),
            html! { (words::objection(consent.state)) br; span.nhsuk-body-s { "since " (words::moment(consent.recorded_at)) } },
        ]
    };
    let rows: Vec<_> = told.consents.iter().map(row).collect();
    let headings = ["First recorded", "Patient", "What is objected to", "Where it stands"];
    let main = html! {
        (back(&visit.pages.base, "/providers", "Your organisation"))
        (heading(TITLE))
        p { "What patients object to that names your organisation, and what your people wrote down for them. All of it that is in force holds already: nothing has to be done for that." }
        @if rows.is_empty() { p { "There are none." } } @else { (table("Objections, the newest first", &headings, &rows)) }
        @if let Some(next) = &told.next {
            p { a href=(visit.pages.base.link(&format!("{}?page={next}", whose.path(AFTER)))) { "Earlier ones" } }
        }
    };
    Page::new(TITLE, Some("/providers"), main).wide()
}

/// What of it is this organisation's to know: which others it names is not.
fn concerns(own: OdsCode, consent: &ConsentRecord) -> Markup {
    let holds = |matter: &Matter| matter.sources.contains(&own);
    let reads = |matter: &Matter| matter.is_for_organisation(own);
    let (covers, except) = (&consent.terms.covers, &consent.terms.except);
    let by_own = consent.first_recorded_by.organisation == Some(own);
    html! {
        ul.nhsuk-list {
            @if holds(covers) { li { "That what you hold is shown" @if covers.is_in_part() { " (a part of it)" } } }
            @if reads(covers) { li { "That your people are shown anything" @if covers.is_in_part() { " (of a part of it)" } } }
            @if except.iter().any(|matter| holds(matter) || reads(matter)) { li { "You are excepted from something else that is objected to" } }
            @if by_own { li { "Written down by your organisation" } }
            @if consent.terms.until.is_some() || consent.terms.from.is_some() { li { "For a time" } }
        }
    }
}
