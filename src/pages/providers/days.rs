//! The days that a list is asked for, and the form that asks for others.

use super::whose::Whose;
use crate::{
    access::Policy,
    audit::{List, Opened, Released},
    domain::Timestamp,
    pages::{
        Page, Visit,
        components::subheading,
        input::{Faults, Inputs, asks},
        words,
    },
    query::{self, DisclosuresAsk, PageSize, RawQuery, Setting},
    story::{self, Ending, Ledger},
};
use maud::{Markup, html};
use std::time::Duration;

/// Shown unless other days are asked for.
const USUAL_DAYS: u64 = 30;

/// A list of an organisation's on these days, and what it is told with.
pub struct Sheet<'a> {
    pub visit: &'a Visit,
    pub whose: &'a Whose,
    pub days: &'a Days,
    pub ledger: &'a Ledger,
    pub policy: Option<&'a Policy>,
}

/// A page of this list, which is found below the organisation's.
pub async fn page(
    visit: &Visit,
    (list, after): (List, &str),
    opened: &mut Opened,
    made: impl Fn(&Sheet<'_>) -> Page,
) -> Result<Released, Ending> {
    let (whose, days) = (Whose::of(visit), Days::of(visit)?);
    whose.asks(&format!("{after}{}", days.ask.canonical()), opened);
    let policy = visit.policy().await;
    let make = |ledger: &Ledger| {
        let (whose, days, policy) = (&whose, &days, policy.as_deref());
        visit.frame().html(&made(&Sheet { visit, whose, days, ledger, policy }))
    };
    let (g, requester) = (visit.gateway(), &visit.session.requester);
    story::ledger_page(g, requester, (visit.segment(1), list), &days.ask, opened, make).await
}

/// What the address asks for, read as the operation's query is; days that cannot be read are told, and the usual ones shown.
pub struct Days {
    pub ask: DisclosuresAsk,
    pub faults: Faults,
}

impl Days {
    pub fn of(visit: &Visit) -> Result<Self, Ending> {
        let (ask, faults) = wanted(visit, false);
        Ok(Self { ask: ask.ok_or(Ending::Internal)?, faults })
    }

    /// All of them at once, as a file: there is no page that could tell what is wrong with them.
    pub async fn as_table(visit: &Visit, opened: &mut Opened) -> Result<DisclosuresAsk, Ending> {
        match wanted(visit, true) {
            (Some(ask), faults) if faults.is_empty() => Ok(ask),
            _ => Err(Ending::content("start", "days are written like 2026-11-22").close(opened).await),
        }
    }

    /// A title, which says where something is wrong.
    pub fn title(&self, title: &str) -> String {
        if self.faults.is_empty() { title.to_owned() } else { format!("Error: {title}") }
    }

    /// The days, to be changed.
    pub fn form(&self, visit: &Visit, path: &str) -> Markup {
        let mut filled = visit.query.clone();
        if self.faults.is_empty() {
            let during = self.ask.during();
            filled.set("start", words::precise(during.start));
            filled.set("end", words::precise_end(during.end));
        }
        let inputs = Inputs { filled: &filled, faults: &self.faults };
        html! {
            form method="get" action=(visit.pages.base.local(path)) {
                div.caregate-filter {
                    (inputs.text(asks("start", "First day", "")))
                    (inputs.text(asks("end", "Last day", "")))
                }
                button.nhsuk-button.nhsuk-button--secondary type="submit" { "Show these days" }
            }
        }
    }

    /// These rows under a heading, or that there are none, and the way to those before.
    pub fn listed(&self, visit: &Visit, path: &str, is_empty: bool, next: Option<&str>, rows: &Markup) -> Markup {
        html! {
            (subheading("Each time"))
            @if is_empty { p { "There is nothing on these days." } } @else { (rows) }
            @if let Some(next) = next { p { a href=(self.link(visit, path, Some(next))) { "Earlier ones" } } }
        }
    }

    /// A page of these days.
    pub fn link(&self, visit: &Visit, path: &str, page: Option<&str>) -> String {
        let during = self.ask.during();
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.append_pair("start", &words::precise(during.start)).append_pair("end", &words::precise_end(during.end));
        page.map(|page| text.append_pair("page", page));
        visit.pages.base.link(&format!("{path}?{}", text.finish()))
    }
}

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
