//! What an organisation sent about patients, in sums and row by row: when, of whom, what became of it, and who sent it.

use crate::{
    access::Policy,
    audit::{DayTotal, Row, TAKEN, ledger},
    pages::{components::table, words},
};
use maud::{Markup, html};

/// What was sent on each day, by what became of it.
pub fn totals(totals: &[DayTotal]) -> Markup {
    if totals.is_empty() {
        return html! { p { "There is nothing on these days." } };
    }
    let row = |one: &DayTotal| {
        vec![html! { (words::day(ledger::begins(one.day))) }, became(&one.part), html! { (one.times) }]
    };
    let rows: Vec<_> = totals.iter().map(row).collect();
    html! { (table("By day and by what became of it", &["Day", "What became of it", "Times"], &rows)) }
}

fn became(part: &str) -> Markup {
    let (colour, said, why) = match part {
        TAKEN => return words::tag("green", "Accepted"),
        "access-denied" => ("red", "Refused", "Your system, or whoever sent it, may not say so."),
        "content" => {
            let why = "It could not be understood, or contradicts itself or what is known. The answer your system was sent says what to correct.";
            ("red", "Refused", why)
        }
        "conflict" => ("red", "Refused", "It contradicts what was said before."),
        // the fact may have been written when something else failed
        _ => ("yellow", "Not confirmed", "It may be in force all the same. Send it again to be sure."),
    };
    html! { (words::tag(colour, said)) br; (why) }
}

/// What became of one row, and by which rules it was refused.
pub fn outcome(row: &Row, policy: Option<&Policy>) -> Markup {
    let part = ledger::became(row);
    html! { (became(part)) @if part != TAKEN { (words::rules(&row.rules, policy)) } }
}

/// Of whom it was said; of what was refused that is not told.
pub fn patient(row: &Row) -> Markup {
    html! { (row.patient.map_or_else(|| "Not shown".to_owned(), |patient| patient.digits())) }
}

/// Who sent it, and by which request it is found again.
pub fn sender(row: &Row) -> Markup {
    let who = row.who.as_ref();
    let name = who.and_then(|who| who.name.as_deref().or(who.user.as_deref()));
    html! {
        (name.or(who.map(|who| who.client.as_str())).unwrap_or("Not shown"))
        br; span.nhsuk-body-s { "Request " (row.request_id) }
    }
}

/// What of a request's own words the log keeps under this name.
pub fn said<'a>(row: &'a Row, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let query = row.request.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes()).filter(move |(one, _)| one == name).map(|(_, said)| said.into_owned())
}
