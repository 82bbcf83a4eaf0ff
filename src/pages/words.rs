//! What is stored, in plain words.

use crate::{
    access::{ConsentState, Policy, Recorder, Stage},
    domain::{OdsCode, Timestamp},
    registry::{
        Registry,
        directory::{Entry, EntryState},
    },
};
use chrono::{DateTime, Datelike, Timelike, Utc};
use maud::{Markup, html};

/// `acute-trust` is an Acute trust.
pub fn kind(code: &str) -> String {
    match code {
        "gp-practice" => "GP practice".to_owned(),
        "icb" => "Integrated care board".to_owned(),
        "nhs-england" => "NHS England".to_owned(),
        other => sentence(&other.replace('-', " ")),
    }
}

/// `AllergyIntolerance` is an Allergy intolerance.
pub fn resource_type(name: &str) -> String {
    let mut words = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            words.push(' ');
        }
        words.push(if at > 0 { c.to_ascii_lowercase() } else { c });
    }
    words
}

fn sentence(words: &str) -> String {
    let (first, rest) = words.split_at_checked(1).unwrap_or_default();
    format!("{}{rest}", first.to_ascii_uppercase())
}

/// 22 November 2026 at 13:05 UTC
pub fn moment(at: Timestamp) -> String {
    let Some(time) = utc(at) else { return "for ever".to_owned() };
    format!("{} at {:02}:{:02} UTC", date(time), time.hour(), time.minute())
}

/// 22 November 2026
pub fn day(at: Timestamp) -> String {
    utc(at).map_or_else(|| "for ever".to_owned(), date)
}

/// A whole day as FHIR writes it, anything else to the millisecond: what a field is filled in with, to be read again as it was.
pub fn precise(at: Timestamp) -> String {
    let whole = at.fhir();
    if at.0.rem_euclid(86_400_000_000) == 0 { whole.get(..10).unwrap_or_default().to_owned() } else { whole }
}

/// The same of an end that is exclusive.
pub fn precise_end(until: Timestamp) -> String {
    let last = Timestamp(until.0.saturating_sub(1_000));
    if until.0.rem_euclid(86_400_000_000) == 0 {
        last.fhir().get(..10).unwrap_or_default().to_owned()
    } else {
        last.fhir()
    }
}

fn utc(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(at.0).filter(|time| time.year() < 9999)
}

fn date(time: DateTime<Utc>) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let month = MONTHS.get(usize::try_from(time.month0()).unwrap_or_default()).copied().unwrap_or_default();
    format!("{} {month} {}", time.day(), time.year())
}

/// `Name (CODE)`, or the code alone.
pub fn organisation(ods: OdsCode, registry: &Registry) -> String {
    registry.name_of(ods).map_or_else(|| ods.to_string(), |name| format!("{name} ({ods})"))
}

pub const TOO_OFTEN: &str = "This was changed very often in the last hour. Wait a while, then make all your changes at once. An endpoint can be suspended at any time.";

/// Who did something. People are named by their number to their own colleagues alone.
pub fn by(recorder: &Recorder, by_system: bool, reader: Option<OdsCode>, registry: &Registry) -> String {
    // what it does by itself, because of what a probe found
    if recorder.organisation.is_none() {
        return "this gateway".to_owned();
    }
    let of = recorder.organisation.map(|ods| organisation(ods, registry));
    let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
    match (by_system, reader.is_some() && reader == recorder.organisation) {
        (true, _) => format!("the system{of}"),
        (false, true) => format!("{}{of}", recorder.subject),
        (false, false) => format!("somebody{of}"),
    }
}

/// A relationship's basis.
pub fn basis(code: &str) -> &str {
    match code {
        "registered" => "registered there",
        "encounter" => "seen or admitted there",
        "referral" => "referred there",
        "appointment" => "has an appointment there",
        "caseload" => "on a caseload there",
        "care-team" => "in the care of a team there",
        "claim" => "by a clinician's own word",
        other => other,
    }
}

/// The same with its evidence, as a row has it: `encounter: system|value`.
pub fn relation(said: &str) -> Markup {
    match said.split_once(": ") {
        Some((code, evidence)) => html! { (sentence(basis(code))) br; span.nhsuk-body-s { (evidence) } },
        None => html! { (sentence(basis(said))) },
    }
}

/// The rules that decided, in the words of the policy in force; by name where it has another.
pub fn rules(ids: &[String], policy: Option<&Policy>) -> Markup {
    let said = |id: &str| policy.and_then(|policy| policy.reason(id));
    html! {
        @if !ids.is_empty() {
            details.nhsuk-details {
                summary.nhsuk-details__summary { span.nhsuk-details__summary-text { "Rules: " (ids.len()) } }
                div.nhsuk-details__text {
                    p.nhsuk-body-s { "As whoever asked would read them:" }
                    ul.nhsuk-list { @for id in ids { li { @if let Some(said) = said(id) { (said) " " } "(" (id) ")" } } }
                }
            }
        }
    }
}

pub fn tag(colour: &str, text: &str) -> Markup {
    html! { strong class={ "nhsuk-tag nhsuk-tag--" (colour) } { (text) } }
}

pub fn state(entry: &Entry) -> Markup {
    match entry.state {
        EntryState::Proposed => tag("yellow", "Waits for approval"),
        EntryState::InForce => tag("green", "In force"),
        EntryState::Refused => tag("red", "Refused"),
        EntryState::Replaced => tag("grey", "Replaced"),
    }
}

/// Where an objection stands.
pub fn objection(state: ConsentState) -> Markup {
    match state {
        ConsentState::Requested => tag("yellow", "In force, to be reviewed"),
        ConsentState::UnderReview => tag("yellow", "In force, under review"),
        ConsentState::Upheld => tag("green", "In force, upheld"),
        ConsentState::NotUpheld => tag("yellow", "In force: not upheld, the patient is to be told"),
        ConsentState::Lifted => tag("grey", "Ended: not upheld"),
        ConsentState::WithdrawalRecorded => tag("blue", "In force for some: withdrawal to be confirmed"),
        ConsentState::Withdrawn => tag("grey", "Withdrawn"),
    }
}

pub fn stage(stage: Stage) -> Markup {
    match stage {
        Stage::Suspended => tag("red", stage_name(stage)),
        Stage::Registered => tag("grey", stage_name(stage)),
        Stage::Shadow => tag("blue", stage_name(stage)),
        Stage::SafetyOnly => tag("yellow", stage_name(stage)),
        Stage::Live => tag("green", stage_name(stage)),
    }
}

pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Suspended => "Suspended",
        Stage::Registered => "Registered",
        Stage::Shadow => "Shadow",
        Stage::SafetyOnly => "Safety only",
        Stage::Live => "Live",
    }
}

pub fn stage_means(stage: Stage) -> &'static str {
    match stage {
        Stage::Suspended => "Nobody is shown anything of it, and it is not asked.",
        Stage::Registered => "It is known here. It is not asked for anything, unless it is probed.",
        Stage::Shadow => "It is asked for test patients and its answers are checked. Nobody is shown them.",
        Stage::SafetyOnly => {
            "Its answers are shown to the reviewers you name, if they care for the patient, and to its own organisation's people."
        }
        Stage::Live => "Its answers are a part of everybody's record.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_said_in_words() {
        assert_eq!(kind("acute-trust"), "Acute trust");
        assert_eq!(kind("icb"), "Integrated care board");
        assert_eq!(resource_type("AllergyIntolerance"), "Allergy intolerance");
        let midnight = Timestamp::from_seconds(1_767_225_600);
        assert_eq!((moment(midnight), day(midnight)), ("1 January 2026 at 00:00 UTC".into(), "1 January 2026".into()));
        assert_eq!((precise(midnight), precise_end(midnight)), ("2026-01-01".into(), "2025-12-31".into()));
        let later = Timestamp(midnight.0 + 1_000);
        assert_eq!(precise(later), "2026-01-01T00:00:00.001Z");
        assert_eq!(precise_end(later), "2026-01-01T00:00:00.000Z");
        assert_eq!(day(Timestamp::MAX), "for ever");
    }
}
