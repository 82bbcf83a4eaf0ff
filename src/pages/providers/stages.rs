//! How far an endpoint has come, and a step up or down.

use super::{proposal::one_line, whose::Whose};
use crate::{
    access::{Listed, NotStaged, Stage, Stages},
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    fhir::ResourceType,
    pages::{
        Done, Fields, Page, Undone, Visit,
        components::{back, button_link, facts, form, heading, inset, subheading, table},
        input::{Faults, Inputs, asks},
        words,
    },
    registry::directory::{Content, Endpoint, Staged},
    story::{self, Ending, RegistryFault},
};
use maud::{Markup, html};
use serde_json::json;

const AFTER: &str = "/stages";
const MOST_CHANGES: usize = 50;
/// As they are gone through.
pub const STEPS: [Stage; 5] = [Stage::Registered, Stage::Shadow, Stage::SafetyOnly, Stage::Live, Stage::Suspended];

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let whose = Whose::of(visit);
    whose.shown(visit, (Listed::Endpoint, AFTER), opened, async |ods| made(visit, &whose, ods).await).await
}

pub async fn step(visit: &Visit, filled: &Fields, opened: &mut Opened) -> Result<Done, Undone> {
    let whose = Whose::of(visit);
    let ods = match whose.ods() {
        Ok(ods) => ods,
        Err(ending) => return Err(ending.close(opened).await.into()),
    };
    let mut parameters = Vec::new();
    let stage = filled.text("stage");
    for (name, value) in [("stage", stage.to_owned()), ("reason", one_line(filled.text("reason")))] {
        let kind = if name == "stage" { "valueCode" } else { "valueString" };
        parameters.extend((!value.is_empty()).then(|| json!({"name": name, kind: value})));
    }
    for served in chosen(filled) {
        parameters.push(json!({"name": "type", "valueCode": served.as_str()}));
    }
    if stage == Stage::SafetyOnly.as_str() {
        let reviewers = filled.text("reviewers").split_whitespace().map(|user| user.trim_matches([',', ';']));
        for user in reviewers.filter(|user| !user.is_empty()) {
            let value = json!({"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": user});
            parameters.push(json!({"name": "reviewer", "valueIdentifier": value}));
        }
    }
    let body = json!({"resourceType": "Parameters", "parameter": parameters}).to_string();
    let told = story::stage_endpoint(visit.gateway(), &visit.session.requester, ods.as_str(), &body, opened).await;
    let ending = match told {
        Ok(wrote) => return Ok(Done::wrote(wrote, &whose.path(AFTER))),
        Err(ending) => ending,
    };
    let mut faults = Faults::default();
    match &ending {
        Ending::Content(_) | Ending::NotStaged(_) | Ending::Registry(_) if !(whose.is_own || whose.by_operator) => {}
        Ending::Content(_) if stage.is_empty() => faults.add("stage", "Choose a stage".to_owned()),
        Ending::Content(_) if filled.text("reason").is_empty() => {
            faults.add("reason", "Enter a reason: it is kept with the change".to_owned());
        }
        Ending::Content(fault) if fault.path.contains("reviewer") => {
            faults.add("reviewers", format!("The reviewers: {}", fault.diagnostics));
        }
        Ending::Content(fault) if fault.path.contains("reason") => {
            faults.add("reason", format!("The reason: {}", fault.diagnostics));
        }
        Ending::Content(fault) if fault.path.contains("type") => {
            faults.add("types", format!("What it holds: {}", fault.diagnostics));
        }
        Ending::Content(fault) => faults.add("stage", fault.diagnostics.clone()),
        Ending::NotStaged(why) => faults.add("stage", not_staged(*why).to_owned()),
        Ending::Registry(RegistryFault::TooOften) => faults.add("", words::TOO_OFTEN.to_owned()),
        Ending::Conflict => {
            faults.add(
                "",
                "Somebody else changed the stage meanwhile. Look at what stands, then make your change.".to_owned(),
            );
        }
        _ => {}
    }
    if faults.is_empty() {
        return Err(ending.into());
    }
    let (base, path) = (&visit.pages.base, whose.path(AFTER));
    // of types all that there are: what is registered is told by a page that was decided; and whatever was chosen, which sent again
    // without it would mean all of the endpoint
    let others = chosen(filled).filter(|served| served.is_target());
    let types = ResourceType::RECORDS.iter().copied().chain(others);
    let main = html! {
        (back(base, &path, "Stages"))
        (faults.summary())
        (heading("Change the stage"))
        (form(base, &visit.session, &path, "", &fields(types, filled, &faults)))
    };
    Err(Undone::Again(ending.status(), Box::new(Page::new("Error: Change the stage", Some("/providers"), main))))
}

fn not_staged(why: NotStaged) -> &'static str {
    match why {
        NotStaged::OnlyAnOperator => {
            "It was suspended by an operator, or by this gateway because of another person's data in its answers. Mend what was found, \
             then ask an operator to resume it."
        }
        NotStaged::WhollySuspended => "All of this endpoint is suspended. Resume all of it first: choose no type.",
        NotStaged::NotProbed => {
            "This version of the endpoint has not lately passed a probe. Have it probed, mend what the report names, and try again."
        }
    }
}

fn type_field(served: ResourceType) -> String {
    format!("types-{}", served.as_str())
}

fn chosen(filled: &Fields) -> impl Iterator<Item = ResourceType> {
    ResourceType::ALL.iter().copied().filter(|served| !filled.text(&type_field(*served)).is_empty())
}

async fn made(visit: &Visit, whose: &Whose, ods: OdsCode) -> Result<Page, Ending> {
    let (g, base) = (visit.gateway(), &visit.pages.base);
    let entry = g.directory.in_force(Listed::Endpoint, ods).await?;
    let mut main = html! {
        (back(base, &whose.path(""), "The organisation"))
        (heading("Stages"))
    };
    let Some((version, Content::Endpoint(endpoint))) = entry.map(|entry| (entry.version, entry.content)) else {
        main = html! { (main) p { "No endpoint of this organisation is in force yet." } };
        return Ok(Page::new("Stages", Some("/providers"), main));
    };
    let history = g.directory.stage_history(ods).await?;
    let stands = history.first().map(|staged| staged.stages.clone()).unwrap_or_default();
    let is_shut_out = g.facts.global().await?.suspended.contains(&ods);
    let since = Timestamp::now().minus(g.registry_terms.probe_holds);
    let is_probed = g.probes.passed_since(ods, version, since).await?;
    let days = g.registry_terms.probe_holds.as_secs() / 86_400;
    main = html! {
        (main)
        @if is_shut_out {
            (inset(&html! { p { "It was shut out by the gateway or by an operator. Only an operator resumes it." } }))
        }
        (facts(&standing(&stands, &endpoint)))
        (subheading("What is needed"))
        ul.nhsuk-list.nhsuk-list--bullet {
            li { "To go further than Registered, this version of the endpoint must have passed a probe in the last " (days) " days. "
                @if is_probed { strong { "It has." } } @else { strong { "It has not." } } }
            li { "People of the organisation who look after its systems move it up and down, and operators of the registry do." }
            li { "To suspend it, or to move it down, nothing is needed. It holds at once, everywhere." }
            li { "What an operator suspended, an operator resumes." }
            li { "What was Live and is not any more is told as missing in every record, until it is Live again, or an operator has put it back to Registered: that says that it has left." }
        }
        @if !is_probed { (button_link(&base.link(&whose.path("/probes")), "Have it probed")) }
        (subheading("Change the stage"))
        (form(base, &visit.session, &whose.path(AFTER), "", &fields(endpoint.types.iter().copied().filter(|served| !served.is_target()), &Fields::default(), &Faults::default())))
        (subheading("What changed"))
        (changes(visit, &history))
    };
    Ok(Page::new("Stages", Some("/providers"), main))
}

/// The stage of all of it, and of each type that has another.
pub fn standing(stands: &Stages, endpoint: &Endpoint) -> Vec<(&'static str, Markup)> {
    let others = endpoint.types.iter().filter(|served| stands.of(served.as_str()) != stands.usual);
    let others: Vec<_> =
        others.map(|served| (words::resource_type(served.as_str()), stands.of(served.as_str()))).collect();
    let mut rows = vec![(
        "Stage",
        html! { (words::stage(stands.usual)) p.nhsuk-u-margin-top-2.nhsuk-u-margin-bottom-0 { (words::stage_means(stands.usual)) } },
    )];
    if !others.is_empty() {
        let list =
            html! { ul.nhsuk-list { @for (name, stage) in &others { li { (name) ": " (words::stage(*stage)) } } } };
        rows.push(("Other stages", list));
    }
    let missing: Vec<String> = endpoint
        .types
        .iter()
        .map(|served| served.as_str())
        .filter(|served| stands.is_missing(served))
        .map(words::resource_type)
        .collect();
    if !missing.is_empty() {
        rows.push(("Told as missing", html! { (missing.join(", ")) }));
    }
    if !stands.reviewers.is_empty() {
        rows.push((
            "Reviewers",
            html! { (stands.reviewers.iter().map(String::as_str).collect::<Vec<_>>().join(", ")) },
        ));
    }
    rows
}

fn fields(types: impl Iterator<Item = ResourceType>, filled: &Fields, faults: &Faults) -> Markup {
    let inputs = Inputs { filled, faults };
    let options = STEPS.map(|stage| (stage.as_str(), words::stage_name(stage), words::stage_means(stage)));
    let types: Vec<(&str, String)> =
        types.map(|served| (served.as_str(), words::resource_type(served.as_str()))).collect();
    html! {
        (inputs.radios(asks("stage", "Which stage is it to be at?", ""), &options))
        (inputs.checkboxes(asks("types", "Only some of what it holds?", "Choose none for all of it. What you say of all of it holds for each."), &types))
        (inputs.area(asks("reviewers", "Reviewers, for Safety only", "The user numbers of those who look first, one a line. They see it of patients they care for."), 3))
        (inputs.area(asks("reason", "Reason", "It is kept with the change, and others of your organisation read it."), 2))
        button.nhsuk-button type="submit" { "Change the stage" }
    }
}

fn changes(visit: &Visit, history: &[Staged]) -> Markup {
    let (registry, reader) = (visit.gateway().registries.latest(), visit.session.requester.party.organisation());
    let row = |staged: &Staged| {
        let types = staged.stages.types.iter();
        let types: Vec<String> = types
            .map(|(served, stage)| format!("{}: {}", words::resource_type(served.as_str()), words::stage_name(*stage)))
            .collect();
        vec![
            html! { (words::moment(staged.at)) },
            html! { (words::stage(staged.stages.usual)) @if !types.is_empty() { p { (types.join(", ")) } } },
            html! { (words::by(&staged.by, false, reader, &registry)) },
            html! { (staged.reason) },
        ]
    };
    let rows: Vec<_> = history.iter().take(MOST_CHANGES).map(row).collect();
    html! {
        @if rows.is_empty() { p { "It has been at Registered from the beginning." } }
        @else { (table("Changes of stage, the newest first", &["When", "To", "By", "Why"], &rows)) }
    }
}
