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
        p { "Objections that name your organisation, and those that your people recorded. Those in force are applied already: you do not need to do anything." }
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
            @if covers.sources.is_empty() && covers.recipients.is_empty() { li { "Showing the record to anybody" @if covers.is_in_part() { " (in part)" } } }
            @if holds(covers) { li { "Showing what your organisation holds" @if covers.is_in_part() { " (in part)" } } }
            @if reads(covers) { li { "Showing anything to your people" @if covers.is_in_part() { " (in part)" } } }
            @if except.iter().any(|matter| holds(matter) || reads(matter)) { li { "Your organisation is an exception to an objection about others" } }
            @if by_own { li { "Recorded by your organisation" } }
            @if consent.terms.until.is_some() || consent.terms.from.is_some() { li { "For a limited time" } }
        }
    }
}
