//! How an endpoint has answered lately: one node's own count since it started, and no more than a day.

use super::whose::Whose;
use crate::{
    access::Listed,
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    federation::{Failure, STEP, Step},
    pages::{
        Page, Visit,
        chart::{Bar, bars},
        components::{back, facts, heading, inset, subheading, table},
        words,
    },
    story::Ending,
};
use maud::{Markup, html};
use std::time::Duration;

/// Hours that are shown, in quarters of one.
const HOURS: u64 = 6;
const BARS: i64 = 24;
const STEPS_OF_A_BAR: i64 = 3;

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let whose = Whose::of(visit);
    whose.shown(visit, (Listed::Endpoint, "/health"), opened, async |ods| Ok(made(visit, &whose, ods))).await
}

fn made(visit: &Visit, whose: &Whose, ods: OdsCode) -> Page {
    let now = Timestamp::now();
    let (steps, rests) = visit.gateway().federation.vitals(ods, now.minus(Duration::from_secs(HOURS * 3_600)));
    let quarters = quarters(&steps, now);
    let all = steps.iter().fold(Step::default(), |all, step| all.with(step));
    let said = format!(
        "Requests of the last {HOURS} hours: {} answered, {} failed, {} too late, {} not made because it was left to rest",
        all.answered, all.failed, all.timed_out, all.unasked
    );
    let main = html! {
        (back(&visit.pages.base, &whose.path(""), "The organisation"))
        (heading("Live health"))
        p { "What one computer of this gateway has counted by itself since it started, over the last " (HOURS) " hours at most. The gateway may run on several: load this page again and another may answer." }
        @match rests {
            Some(Failure::Throttled) => (inset(&html! { p { "It is not asked just now: it asked to be left alone for a while." } })),
            Some(_) => (inset(&html! { p { "It is not asked just now: too many of its answers failed. It is tried again by itself, a few times a minute." } })),
            None => {}
        }
        @if all.calls() == 0 && all.unasked == 0 {
            p { "It has not been asked for anything in this time." }
        } @else {
            (facts(&[
                ("Requests", html! { (all.calls()) }),
                ("Failed", html! { (all.failed) }),
                ("Too late", html! { (all.timed_out) }),
                ("Not made: left to rest", html! { (all.unasked) }),
                ("Half answered within", took(all.within(50))),
                ("19 of 20 answered within", took(all.within(95))),
            ]))
            (subheading("Requests"))
            p { (words::tag("green", "Answered")) " " (words::tag("red", "Failed")) " " (words::tag("orange", "Too late")) " " (words::tag("grey", "Left to rest")) }
            (bars(&said, ["caregate-bar--well", "caregate-bar--failed", "caregate-bar--late", "caregate-bar--rested"], &counts(&quarters)))
            (subheading("Time for an answer"))
            p { "Milliseconds within which 19 of 20 requests ended, quarter of an hour by quarter of an hour." }
            (bars("Milliseconds within which 19 of 20 requests ended; the table below says the same", ["caregate-bar--time"], &times(&quarters)))
            (numbers(&quarters))
        }
    };
    Page::new("Live health", Some("/providers"), main).wide()
}

/// In a sentence, for where the whole is one fact among others.
pub fn in_short(visit: &Visit, ods: OdsCode) -> Markup {
    let from = Timestamp::now().minus(Duration::from_secs(HOURS * 3_600));
    let (steps, rests) = visit.gateway().federation.vitals(ods, from);
    let all = steps.iter().fold(Step::default(), |all, step| all.with(step));
    html! {
        @if all.calls() == 0 { "Not asked in the last " (HOURS) " hours" } @else {
            (all.calls()) " requests in the last " (HOURS) " hours: " (all.failed) " failed, " (all.timed_out) " too late"
        }
        @if rests.is_some() { ". Not asked just now" }
    }
}

/// The moment each began, and what came of it.
type Quarters = Vec<(Timestamp, Step)>;

fn quarters(steps: &[Step], now: Timestamp) -> Quarters {
    let length = STEP * STEPS_OF_A_BAR;
    let last = now.seconds().div_euclid(length);
    let of = |number: i64| {
        let (from, until) = (Timestamp::from_seconds(number * length), Timestamp::from_seconds((number + 1) * length));
        let own = steps.iter().filter(|step| (from..until).contains(&step.began()));
        (from, own.fold(Step::default(), |all, step| all.with(step)))
    };
    (last - BARS + 1..=last).map(of).collect()
}

fn counts(quarters: &Quarters) -> Vec<Bar<4>> {
    let bar = |(from, step): &(Timestamp, Step)| Bar {
        label: clock(*from),
        parts: [step.answered, step.failed, step.timed_out, step.unasked].map(u64::from),
    };
    quarters.iter().map(bar).collect()
}

fn times(quarters: &Quarters) -> Vec<Bar<1>> {
    quarters
        .iter()
        .map(|(from, step)| Bar { label: clock(*from), parts: [step.within(95).unwrap_or_default()] })
        .collect()
}

fn numbers(quarters: &Quarters) -> Markup {
    let row = |(from, step): &(Timestamp, Step)| {
        vec![
            html! { (clock(*from)) },
            html! { (step.answered) },
            html! { (step.failed) },
            html! { (step.timed_out) },
            html! { (step.unasked) },
            took(step.within(50)),
            took(step.within(95)),
        ]
    };
    let busy = quarters.iter().rev().filter(|(_, step)| step.calls() > 0 || step.unasked > 0);
    let headings = ["From (UTC)", "Answered", "Failed", "Too late", "Left to rest", "Half within", "19 of 20 within"];
    table("The same as a table, the newest first", &headings, &busy.map(row).collect::<Vec<_>>())
}

fn took(millis: Option<u64>) -> Markup {
    html! { @if let Some(millis) = millis { (millis) " ms" } @else { "-" } }
}

fn clock(at: Timestamp) -> String {
    at.fhir().get(11..16).unwrap_or_default().to_owned()
}
