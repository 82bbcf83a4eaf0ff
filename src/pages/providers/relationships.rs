//! What an organisation's systems said of whom it cares for, and what of it was refused.

use super::{days::Days, whose::Whose};
use crate::{
    access::Policy,
    audit::{DayTotal, List, Opened, Released, Row, TAKEN},
    domain::Timestamp,
    pages::{
        Page, Visit,
        components::{back, heading, subheading, table},
        words,
    },
    story::{self, Ending, Ledger},
};
use maud::{Markup, html};

const AFTER: &str = "/relationships";
const TITLE: &str = "Relationships your systems sent";

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let (whose, days) = (Whose::of(visit), Days::of(visit)?);
    whose.asks(&format!("{AFTER}{}", days.ask.canonical()), opened);
    let (g, requester, of) = (visit.gateway(), &visit.session.requester, (visit.segment(1), List::Relationships));
    let policy = visit.policy().await;
    let make = |ledger: &Ledger| visit.frame().html(&made(visit, &whose, &days, ledger, policy.as_deref()));
    story::ledger_page(g, requester, of, &days.ask, opened, make).await
}

fn made(visit: &Visit, whose: &Whose, days: &Days, ledger: &Ledger, policy: Option<&Policy>) -> Page {
    let own = whose.path(AFTER);
    let main = html! {
        (back(&visit.pages.base, "/providers", "Your organisation"))
        (days.faults.summary())
        (heading(TITLE))
        p { "Each time one of your organisation's systems said that it cares for a patient, or no longer does, until " (words::moment(ledger.until))
            ". While such a relationship stands, your people can look at that patient's record." }
        (days.form(visit, &own))
        (subheading("By day"))
        (totals(&ledger.totals))
        @match &ledger.rows {
            Some(rows) => (days.listed(visit, &own, rows.is_empty(), ledger.next.as_deref(), &sent(rows, policy))),
            None => p { "Of which patients it was said is seen by those who answer for access at your organisation: its privacy officer and Caldicott Guardian." },
        }
    };
    Page::new(days.title(TITLE), Some("/providers"), main).wide()
}

/// What was sent on each day, by what became of it.
pub fn totals(totals: &[DayTotal]) -> Markup {
    if totals.is_empty() {
        return html! { p { "Nothing was sent on these days." } };
    }
    let row = |one: &DayTotal| {
        vec![
            html! { (words::day(Timestamp(one.day.saturating_mul(86_400_000_000)))) },
            became(&one.part),
            html! { (one.times) },
        ]
    };
    let rows: Vec<_> = totals.iter().map(row).collect();
    html! { (table("By day and by what became of it", &["Day", "What became of it", "Times"], &rows)) }
}

/// What became of something that was sent: in force, or why not.
pub fn became(part: &str) -> Markup {
    let why = match part {
        TAKEN => return words::tag("green", "In force"),
        "access-denied" => "Your system, or whoever sent it, may not say so.",
        "content" => "It could not be understood, or cannot be so. The answer to it said what to mend.",
        "conflict" => "It contradicts what stands.",
        "abandoned" => "Its connection ended before it was done. Send it again.",
        "request" => "It took too long. Send it again.",
        _ => "The gateway could not do it then. Send it again.",
    };
    html! { (words::tag("red", "Refused")) br; (why) }
}

/// What is said of one row in every list of what was sent: when, by whom, which request, and what became of it.
pub fn outcome(row: &Row, policy: Option<&Policy>) -> Markup {
    let part = if row.status < 400 { TAKEN } else { row.reason.as_deref().unwrap_or_default() };
    html! { (became(part)) @if part != TAKEN { (words::rules(&row.rules, policy)) } }
}

pub fn sender(row: &Row) -> Markup {
    let who = row.who.as_ref();
    let name = who.and_then(|who| who.name.as_deref().or(who.user.as_deref()));
    html! {
        (name.or(who.map(|who| who.client.as_str())).unwrap_or("Not told"))
        br; span.nhsuk-body-s { "Request " (row.request_id) }
    }
}

/// What of a request's own words the log keeps under this name.
pub fn said<'a>(row: &'a Row, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let query = row.request.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes()).filter(move |(one, _)| one == name).map(|(_, said)| said.into_owned())
}

fn sent(rows: &[Row], policy: Option<&Policy>) -> Markup {
    let row = |row: &Row| {
        let basis = said(row, "basis").next();
        let what = match (row.request.starts_with("Patient/$end-relationship"), basis.as_deref()) {
            (true, _) => "Ended".to_owned(),
            (false, Some(basis)) => format!("Cares for: {basis}"),
            (false, None) => "Not understood".to_owned(),
        };
        vec![
            html! { (words::moment(row.at)) },
            html! { (row.patient.map_or_else(|| "Not told".to_owned(), |patient| patient.digits())) },
            html! { (what) @for evidence in said(row, "evidence") { br; span.nhsuk-body-s { (evidence) } } },
            outcome(row, policy),
            sender(row),
        ]
    };
    let headings = ["When", "Patient", "What was said, on which evidence", "What became of it", "Sent by"];
    table("What was sent, the newest first", &headings, &rows.iter().map(row).collect::<Vec<_>>())
}
