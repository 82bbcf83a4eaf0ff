//! What left an organisation: sums for whoever looks after its systems, and each release for whoever answers for access there.

use super::days::{self, Days, Sheet};
use crate::{
    access::Policy,
    audit::{DayTotal, List, Opened, Released, Row, ledger},
    domain::{OdsCode, Timestamp},
    pages::{
        Page, Visit,
        chart::{Bar, bars},
        components::{back, heading, subheading, table},
        words,
    },
    registry::Registry,
    story::{self, Ending},
};
use maud::{Markup, html};
use std::collections::BTreeMap;

const AFTER: &str = "/disclosures";
const TITLE: &str = "What left your organisation";
const MOST_BARS: i64 = 31;
const FEWEST_BARS: i64 = 14;

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    days::page(visit, (List::Disclosures, AFTER), opened, made).await
}

/// All of the days asked for, as a file.
pub async fn table_of_all(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let ask = Days::as_table(visit, opened).await?;
    story::disclosures(visit.gateway(), &visit.session.requester, visit.segment(1), &ask, opened).await
}

fn made(&Sheet { visit, whose, days, ledger, policy }: &Sheet<'_>) -> Page {
    let registry = visit.gateway().registries.latest();
    let own = whose.path(AFTER);
    let during = days.ask.during();
    let main = html! {
        (back(&visit.pages.base, "/providers", "Your organisation"))
        (days.faults.summary())
        (heading(TITLE))
        p { "Each time somebody was shown something of your organisation's records through this gateway, until " (words::moment(ledger.until)) "." }
        (days.form(visit, &own))
        (subheading("By day"))
        (totals(&ledger.totals, (during.start, during.end.min(Timestamp::now())), &registry))
        @match &ledger.rows {
            Some(rows) => {
                (days.listed(visit, &own, rows.is_empty(), ledger.next.as_deref(), &releases(rows, &registry, policy)))
                @if !rows.is_empty() {
                    p { a href=(days.link(visit, &format!("{own}/table"), None)) { "Download all of these days as a table (CSV)" } }
                }
            },
            None => p { "Who was shown what, and of which patient, is seen by those who answer for access at your organisation: its privacy officer and Caldicott Guardian." },
        }
    };
    Page::new(days.title(TITLE), Some("/providers"), main).wide()
}

fn recipient(to: Option<OdsCode>, registry: &Registry) -> String {
    to.map_or_else(|| "Patients themselves".to_owned(), |to| words::organisation(to, registry))
}

fn totals(totals: &[DayTotal], (from, until): (Timestamp, Timestamp), registry: &Registry) -> Markup {
    if totals.is_empty() {
        return html! { p { "Nothing was shown on these days." } };
    }
    let (times, items) = totals.iter().fold((0, 0), |(times, items), one| (times + one.times, items + one.items));
    // from the first day there is anything of, so that a ledger's whole time makes no empty chart
    let first = totals.iter().map(|one| one.day).min().unwrap_or_default().max(ledger::day(from));
    let last = ledger::day(Timestamp(until.0.saturating_sub(1))).max(first);
    // a single day would be one block
    let first = first.min(last - FEWEST_BARS + 1);
    let length = (last - first + 1).div_euclid(MOST_BARS) + 1;
    let mut sums: BTreeMap<i64, u64> = (0..=(last - first).div_euclid(length)).map(|bar| (bar, 0)).collect();
    for one in totals {
        *sums.entry((one.day - first).div_euclid(length)).or_default() += one.times;
    }
    let label = |bar: i64| words::day(ledger::begins(first + bar * length));
    let all: Vec<Bar<1>> = sums.iter().map(|(bar, times)| Bar { label: label(*bar), parts: [*times] }).collect();
    let said = format!("Shown {times} times, {items} entries; the table below says by day and by whom");
    let row = |one: &DayTotal| {
        vec![
            html! { (words::day(ledger::begins(one.day))) },
            html! { (recipient(one.to(), registry)) },
            html! { (one.times) },
            html! { (one.items) },
        ]
    };
    let headings = ["Day", "Shown to people of", "Times", "Entries"];
    html! {
        p { "Shown " strong { (times) } @if times == 1 { " time, " } @else { " times, " } strong { (items) } @if items == 1 { " entry." } @else { " entries." } }
        (bars(&said, ["caregate-bar--time"], &all))
        (table("By day and by whom it was seen", &headings, &totals.iter().map(row).collect::<Vec<_>>()))
    }
}

fn releases(rows: &[Row], registry: &Registry, policy: Option<&Policy>) -> Markup {
    let row = |row: &Row| {
        let who = row.who.as_ref();
        let name = who.and_then(|who| who.name.clone().or_else(|| who.user.clone()));
        let role = who.and_then(|who| who.role.clone());
        let items: u64 = row.sources.iter().map(|line| line.released.count()).sum();
        vec![
            html! { (words::moment(row.at)) },
            html! { (row.patient.map(|patient| patient.digits()).unwrap_or_default()) },
            html! {
                (name.unwrap_or_else(|| if who.is_some() { "A system or a patient".to_owned() } else { "Not shown".to_owned() }))
                @if let Some(role) = role { " (role " (role) ")" }
                br; (recipient(who.and_then(|who| who.organisation), registry))
            },
            html! { (items) },
            html! { (row.basis.as_deref().map(words::relation).unwrap_or_default()) (words::rules(&row.rules, policy)) },
        ]
    };
    let headings = ["When", "Patient", "Shown to", "Entries", "Because of, and by which rules"];
    table("Releases, the newest first", &headings, &rows.iter().map(row).collect::<Vec<_>>())
}
