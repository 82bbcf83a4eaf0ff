//! What left an organisation: sums for whoever looks after its systems, and each release for whoever answers for access there.

use super::whose::Whose;
use crate::{
    audit::{DayTotal, Opened, Released, Row},
    domain::{OdsCode, Timestamp},
    pages::{
        Page, Visit,
        chart::{Bar, bars},
        components::{back, heading, subheading, table},
        input::{Faults, Inputs, asks},
        words,
    },
    query::{self, DisclosuresAsk, PageSize, RawQuery, Setting},
    registry::Registry,
    story::{self, Ending, Ledger},
};
use maud::{Markup, html};
use std::{collections::BTreeMap, time::Duration};

const AFTER: &str = "/disclosures";
/// Shown unless other days are asked for.
const USUAL_DAYS: u64 = 30;
const MOST_BARS: i64 = 31;
const FEWEST_BARS: i64 = 14;
const DAY: i64 = 86_400_000_000;

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let whose = Whose::of(visit);
    let (ask, faults) = wanted(visit, false);
    let ask = ask.ok_or(Ending::Internal)?;
    whose.asks(&format!("{AFTER}{}", ask.canonical()), opened);
    let make = |ledger: &Ledger| visit.frame().html(&made(visit, &whose, (&ask, &faults), ledger));
    story::ledger_page(visit.gateway(), &visit.session.requester, visit.segment(1), &ask, opened, make).await
}

/// All of the days asked for, as a file.
pub async fn table_of_all(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let ask = match wanted(visit, true) {
        (Some(ask), faults) if faults.is_empty() => ask,
        _ => return Err(Ending::content("start", "days are written like 2026-11-22").close(opened).await),
    };
    story::disclosures(visit.gateway(), &visit.session.requester, visit.segment(1), &ask, opened).await
}

/// What the address asks for, read as the operation's query is; days that cannot be read are told, and the usual ones shown.
fn wanted(visit: &Visit, as_table: bool) -> (Option<DisclosuresAsk>, Faults) {
    let now = Timestamp::now();
    let (usual, today) = (now.minus(Duration::from_secs((USUAL_DAYS - 1) * 86_400)).fhir(), now.fhir());
    let usual = [usual.get(..10).unwrap_or_default(), today.get(..10).unwrap_or_default()];
    let typed = ["start", "end"].map(|field| visit.query.text(field));
    let days = [0, 1].map(|at| match (typed.get(at), usual.get(at)) {
        (Some(&""), Some(usual)) | (None, Some(usual)) => *usual,
        (Some(typed), _) => *typed,
        (None, None) => "",
    });
    let mut faults = Faults::default();
    let asked = parsed(visit, days, as_table);
    if asked.is_some() {
        return (asked, faults);
    }
    for (field, day) in ["start", "end"].into_iter().zip(days) {
        if parsed(visit, [day, day], as_table).is_none() {
            faults.add(field, "Enter a day like 2026-11-22".to_owned());
        }
    }
    if faults.is_empty() {
        faults.add("end", "The last day is before the first".to_owned());
    }
    (parsed(visit, usual, as_table), faults)
}

fn parsed(visit: &Visit, [start, end]: [&str; 2], as_table: bool) -> Option<DisclosuresAsk> {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.append_pair("start", start).append_pair("end", end);
    if as_table {
        text.append_pair("_format", "text/csv");
    } else if let Some(page) = visit.query.get("page") {
        text.append_pair("page", page);
    }
    let text = text.finish();
    let raw =
        RawQuery { method: query::Method::Get, path: &[], query: &text, content_type: None, body: &[], accept: None };
    let (g, bases) = (visit.gateway(), &visit.pages.node.bases);
    let ask = query::parse_disclosures(&raw, &Setting { ids: &g.ids, bases, page_size: PageSize::default() }).ok()?;
    (ask.during().start < ask.during().end).then_some(ask)
}

fn made(visit: &Visit, whose: &Whose, (ask, faults): (&DisclosuresAsk, &Faults), ledger: &Ledger) -> Page {
    let base = &visit.pages.base;
    let registry = visit.gateway().registries.latest();
    let own = whose.path(AFTER);
    let during = ask.during();
    let days = [words::precise(during.start), words::precise_end(during.end)];
    let [start, end] = &days;
    let mut filled = visit.query.clone();
    if faults.is_empty() {
        filled.set("start", start.clone());
        filled.set("end", end.clone());
    }
    let inputs = Inputs { filled: &filled, faults };
    let main = html! {
        (back(base, "/providers", "Your organisation"))
        (faults.summary())
        (heading("What left your organisation"))
        p { "Each time somebody was shown something of your organisation's records through this gateway, until " (words::moment(ledger.until)) "." }
        form method="get" action=(base.local(&own)) {
            div.caregate-filter {
                (inputs.text(asks("start", "First day", "")))
                (inputs.text(asks("end", "Last day", "")))
            }
            button.nhsuk-button.nhsuk-button--secondary type="submit" { "Show these days" }
        }
        (subheading("By day"))
        (totals(&ledger.totals, (during.start, during.end.min(Timestamp::now())), &registry))
        @match &ledger.rows {
            Some(rows) => {
                (subheading("Each time"))
                @if rows.is_empty() { p { "Nothing was shown on these days." } } @else {
                    (releases(rows, &registry))
                    @if let Some(next) = &ledger.next {
                        p { a href=(base.link(&format!("{own}?{}", query_of(start, end, Some(next))))) { "Earlier ones" } }
                    }
                    p { a href=(base.link(&format!("{own}/table?{}", query_of(start, end, None)))) { "Download all of these days as a table (CSV)" } }
                }
            },
            None => p { "Who was shown what, and of which patient, is seen by those who answer for access at your organisation: its privacy officer and Caldicott Guardian." },
        }
    };
    let title = "What left your organisation";
    let title = if faults.is_empty() { title.to_owned() } else { format!("Error: {title}") };
    Page::new(title, Some("/providers"), main).wide()
}

fn query_of(start: &str, end: &str, page: Option<&str>) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.append_pair("start", start).append_pair("end", end);
    page.map(|page| text.append_pair("page", page));
    text.finish()
}

fn recipient(to: Option<OdsCode>, registry: &Registry) -> String {
    to.map_or_else(|| "Patients themselves".to_owned(), |to| words::organisation(to, registry))
}

fn totals(totals: &[DayTotal], (from, until): (Timestamp, Timestamp), registry: &Registry) -> Markup {
    if totals.is_empty() {
        return html! { p { "Nothing was shown on these days." } };
    }
    let (times, items) = totals.iter().fold((0, 0), |(times, items), one| (times + one.releases, items + one.items));
    // from the first day there is anything of, so that a ledger's whole time makes no empty chart
    let first = totals.iter().map(|one| one.day).min().unwrap_or_default().max(from.0.div_euclid(DAY));
    let last = Timestamp(until.0.saturating_sub(1)).0.div_euclid(DAY).max(first);
    // a single day would be one block
    let first = first.min(last - FEWEST_BARS + 1);
    let length = (last - first + 1).div_euclid(MOST_BARS) + 1;
    let mut sums: BTreeMap<i64, u64> = (0..=(last - first).div_euclid(length)).map(|bar| (bar, 0)).collect();
    for one in totals {
        *sums.entry((one.day - first).div_euclid(length)).or_default() += one.releases;
    }
    let label = |bar: i64| words::day(Timestamp((first + bar * length).saturating_mul(DAY)));
    let all: Vec<Bar<1>> = sums.iter().map(|(bar, times)| Bar { label: label(*bar), parts: [*times] }).collect();
    let said = format!("Shown {times} times, {items} entries; the table below says by day and by whom");
    let row = |one: &DayTotal| {
        vec![
            html! { (words::day(Timestamp(one.day.saturating_mul(DAY)))) },
            html! { (recipient(one.to, registry)) },
            html! { (one.releases) },
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

fn releases(rows: &[Row], registry: &Registry) -> Markup {
    let row = |row: &Row| {
        let who = row.who.as_ref();
        let name = who.and_then(|who| who.name.clone().or_else(|| who.user.clone()));
        let role = who.and_then(|who| who.role.clone());
        let items: u64 = row.sources.iter().map(|line| line.released.count()).sum();
        vec![
            html! { (words::moment(row.at)) },
            html! { (row.patient.map(|patient| patient.digits()).unwrap_or_default()) },
            html! {
                (name.unwrap_or_else(|| if who.is_some() { "A system or a patient".to_owned() } else { "Not told".to_owned() }))
                @if let Some(role) = role { " (role " (role) ")" }
                br; (recipient(who.and_then(|who| who.organisation), registry))
            },
            html! { (items) },
            html! { (row.basis.as_deref().unwrap_or("-")) @if !row.rules.is_empty() { br; span.nhsuk-body-s { (row.rules.join(", ")) } } },
        ]
    };
    let headings = ["When", "Patient", "Shown to", "Entries", "Because of, and by which rules"];
    table("Releases, the newest first", &headings, &rows.iter().map(row).collect::<Vec<_>>())
}
