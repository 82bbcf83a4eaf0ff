//! A version that waits for an operator: what it changes of what is in force, and the decision.

use super::{history::compared, said, whose::Whose};
use crate::{
    access::Listed,
    audit::{Opened, Released},
    domain::OdsCode,
    pages::{
        Done, Fields, Page, Undone, Visit,
        components::{back, facts, form, heading, inset, subheading},
        input::{Faults, Inputs, asks},
        words,
    },
    registry::directory::EntryState,
    story::{self, Ending, RegistryFault},
};
use maud::{Markup, html};
use serde_json::json;

fn listed(visit: &Visit) -> Listed {
    // a path with another word is one of an organisation: it is decided all the same, and there is nothing there
    if visit.segment(3) == "endpoint" { Listed::Endpoint } else { Listed::Organization }
}

fn after(listed: Listed) -> &'static str {
    match listed {
        Listed::Endpoint => "/proposal/endpoint",
        Listed::Organization => "/proposal/organisation",
    }
}

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let (whose, listed) = (Whose::of(visit), listed(visit));
    let make = async |ods| made(visit, &whose, listed, ods).await;
    whose.shown(visit, (listed, after(listed)), opened, make).await
}

pub async fn decide(visit: &Visit, filled: &Fields, opened: &mut Opened) -> Result<Done, Undone> {
    let (g, whose, listed) = (visit.gateway(), Whose::of(visit), listed(visit));
    let version = filled.text("version").parse::<i64>().unwrap_or_default();
    let mut parameters = vec![json!({"name": "version", "valuePositiveInt": version})];
    if !filled.text("decision").is_empty() {
        parameters.push(json!({"name": "decision", "valueCode": filled.text("decision")}));
    }
    if !filled.text("reason").is_empty() {
        parameters.push(json!({"name": "reason", "valueString": one_line(filled.text("reason"))}));
    }
    let body = json!({"resourceType": "Parameters", "parameter": parameters}).to_string();
    let ods = match whose.ods() {
        Ok(ods) => ods,
        Err(ending) => return Err(ending.close(opened).await.into()),
    };
    let told = story::approve_entry(g, &visit.session.requester, listed, ods.as_str(), &body, opened).await;
    let ending = match told {
        Ok(wrote) => return Ok(Done::wrote(wrote, &whose.path(""))),
        Err(ending) => ending,
    };
    let mut faults = Faults::default();
    match &ending {
        Ending::Content(fault) if fault.path.contains("'reason'") => {
            faults.add("reason", format!("The reason: {}", fault.diagnostics));
        }
        Ending::Content(_) if filled.text("decision").is_empty() => {
            faults.add("decision", "Choose whether you approve this version".to_owned());
        }
        Ending::Content(fault) if fault.path.starts_with("Parameters") => {
            let said = "Enter a reason: whoever is refused is told why";
            faults.add("reason", said.to_owned());
        }
        Ending::Content(fault) => {
            let said = format!(
                "It cannot be let in as it is now ({}: {}). Refuse it, and say so.",
                fault.path, fault.diagnostics
            );
            faults.add("", said);
        }
        Ending::Conflict | Ending::Registry(RegistryFault::NothingProposed) => {
            faults.add(
                "",
                "There is another version meanwhile, or it was decided on. Look at the proposal again.".to_owned(),
            );
        }
        Ending::Registry(RegistryFault::OwnProposal) => {
            faults.add(
                "",
                "You, or your own organisation's system, wrote this version. Another operator decides on it."
                    .to_owned(),
            );
        }
        _ => return Err(ending.into()),
    }
    if !whose.by_operator {
        return Err(ending.into());
    }
    // nothing of what is stored: that is told by a page that was decided
    let (base, path) = (&visit.pages.base, whose.path(after(listed)));
    let main = html! {
        (back(base, &path, "The proposal"))
        (faults.summary())
        (heading("Your decision"))
        (form(base, &visit.session, &path, "", &fields(version, filled, &faults)))
    };
    Err(Undone::Again(ending.status(), Box::new(Page::new("Error: Your decision", Some("/providers"), main))))
}

/// The reader takes one line of text.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn made(visit: &Visit, whose: &Whose, listed: Listed, ods: OdsCode) -> Result<Page, Ending> {
    let (g, base) = (visit.gateway(), &visit.pages.base);
    let latest = g.directory.latest(listed, ods).await?.ok_or(RegistryFault::NotRegistered)?;
    let in_force = g.directory.in_force(listed, ods).await?;
    let before = in_force.as_ref().filter(|entry| entry.version != latest.version);
    let changes = said::changes(before.map(|entry| &entry.content), &latest.content);
    let (registry, reader) = (g.registries.latest(), visit.session.requester.party.organisation());
    let by = words::by(&latest.by, latest.by_system, reader, &registry);
    let title = match listed {
        Listed::Organization => "Proposal: organisation",
        Listed::Endpoint => "Proposal: endpoint",
    };
    let waits = latest.state == EntryState::Proposed;
    let main = html! {
        (back(base, &whose.path(""), latest.content.name()))
        (heading(title))
        (facts(&[
            ("Organisation", html! { (words::organisation(ods, &registry)) }),
            ("Version", html! { (latest.version) }),
            ("State", words::state(&latest)),
            ("Sent", html! { (words::moment(latest.at)) " by " (by) }),
        ]))
        @if let Some(before) = before {
            (subheading("What it changes"))
            p { "Beside version " (before.version) ", which is in force." }
        } @else { (subheading("What it says")) }
        (compared(&changes, before.is_some()))
        @if !waits {
            (inset(&html! { p { "There is nothing to decide on: this version was decided on already, or needed nobody's approval." } }))
        } @else if !whose.by_operator {
            (inset(&html! { p { "An operator of the registry decides on it: somebody else than who wrote it." } }))
        } @else {
            (subheading("Your decision"))
            (form(base, &visit.session, &whose.path(after(listed)), "", &fields(latest.version, &Fields::default(), &Faults::default())))
        }
    };
    Ok(Page::new(title, Some("/providers"), main))
}

fn fields(version: i64, filled: &Fields, faults: &Faults) -> Markup {
    let inputs = Inputs { filled, faults };
    let options = [
        ("approve", "Approve", "This version is in force from then on, instead of the one before."),
        ("refuse", "Refuse", "What was in force stays. Whoever sent it reads your reason."),
    ];
    html! {
        input type="hidden" name="version" value=(version);
        (inputs.radios(asks("decision", "Do you approve this version?", "Make sure that whoever sent it is who they say, and that the address and keys are theirs."), &options))
        (inputs.area(asks("reason", "Reason", "Needed if you refuse"), 3))
        button.nhsuk-button type="submit" { "Decide" }
    }
}
