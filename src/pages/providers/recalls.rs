//! What an organisation takes back of what it gave out by mistake, and what it took back before.

use super::{
    days::{self, Sheet},
    proposal::one_line,
    sent::{outcome, patient, said, sender, totals},
    whose::Whose,
};
use crate::{
    access::{Action, Policy, RecallReason},
    audit::{List, Opened, Released, Row, shown::Viewer},
    domain::{NhsNumber, OdsCode},
    pages::{
        Done, Fields, Page, Undone, Visit,
        components::{back, form, heading, inset, subheading, table},
        input::{Faults, Inputs, asks},
        words,
    },
    registry::Registry,
    story::{self, Ending, TakenBack},
};
use maud::{Markup, html};
use serde_json::json;

const AFTER: &str = "/recalls";
const TITLE: &str = "Taking back what was given out";

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    days::page(visit, (List::Recalls, AFTER), opened, made).await
}

/// By the very operation that a system would have sent. It may be sent twice: a page that is loaded again takes back the same again.
pub async fn recall(visit: &Visit, filled: &Fields, opened: &mut Opened) -> Result<Done, Undone> {
    let (g, requester, whose) = (visit.gateway(), &visit.session.requester, Whose::of(visit));
    let ods = match whose.ods() {
        Ok(ods) => ods,
        Err(ending) => return Err(ending.close(opened).await.into()),
    };
    let registry = g.registries.latest();
    let make = |told: &TakenBack| visit.frame().html(&taken_back(visit, &whose, told, &registry));
    let ending = match story::recall(g, requester, &parameters(ods, filled), opened, make).await {
        Ok(wrote) => return Ok(Done::told(wrote)),
        Err(ending) => ending,
    };
    // whoever reads these lists row by row may recall: to nobody else is the form shown again
    let may = story::may(g, requester, Action::ReadLedger { concerns_own: whose.is_own }).await.unwrap_or(false);
    let faults = if may { faults(&ending, filled) } else { Faults::default() };
    if faults.is_empty() {
        return Err(ending.into());
    }
    let path = whose.path(AFTER);
    let main = html! {
        (back(&visit.pages.base, &path, TITLE))
        (faults.summary())
        (heading("Take something back"))
        (form(&visit.pages.base, &visit.session, &path, "", &fields(filled, &faults)))
    };
    Err(Undone::Again(ending.status(), Box::new(Page::new("Error: Take something back", Some("/providers"), main))))
}

/// Parameters of `Patient/$recall`.
fn parameters(ods: OdsCode, filled: &Fields) -> String {
    let number: String = filled.text("patient").split_whitespace().collect();
    let mut parameters =
        vec![json!({"name": "organization", "valueIdentifier": {"system": OdsCode::SYSTEM, "value": ods}})];
    if !number.is_empty() {
        let value = json!({"system": NhsNumber::SYSTEM, "value": number});
        parameters.push(json!({"name": "patient", "valueIdentifier": value}));
    }
    if !filled.text("reason").is_empty() {
        parameters.push(json!({"name": "reason", "valueCode": filled.text("reason")}));
    }
    let note = one_line(filled.text("note"));
    if !note.is_empty() {
        parameters.push(json!({"name": "note", "valueString": note}));
    }
    for item in filled.text("items").split_whitespace() {
        parameters.push(json!({"name": "item", "valueReference": {"reference": item.trim_matches([',', ';'])}}));
    }
    json!({"resourceType": "Parameters", "parameter": parameters}).to_string()
}

/// What is wrong with what was filled in.
fn faults(ending: &Ending, filled: &Fields) -> Faults {
    let mut faults = Faults::default();
    let Ending::Content(fault) = ending else { return faults };
    for (field, said) in [
        ("patient", "Enter the patient's NHS number"),
        ("items", "Enter what is to be taken back"),
        ("reason", "Choose why it is taken back"),
    ] {
        if filled.text(field).trim().is_empty() {
            faults.add(field, said.to_owned());
        }
    }
    if faults.is_empty() {
        let parts = [
            ("patient", "patient", "The NHS number"),
            ("reason", "reason", "The reason"),
            ("note", "note", "The note"),
            ("item", "items", "What is taken back"),
        ];
        let part = parts.iter().find(|(part, ..)| fault.path.contains(&format!("'{part}'")));
        let (field, name) = part.map_or(("", "What was entered"), |(_, field, name)| (*field, *name));
        faults.add(field, format!("{name}: {}", fault.diagnostics));
    }
    faults
}

fn made(&Sheet { visit, whose, days, ledger, policy }: &Sheet<'_>) -> Page {
    let (base, own) = (&visit.pages.base, whose.path(AFTER));
    let main = html! {
        (back(base, "/providers", "Your organisation"))
        (days.faults.summary())
        (heading(TITLE))
        @match &ledger.rows {
            Some(_) => {
                p { "What your organisation gave out by mistake, as another patient's or as something that is wrong. It is removed at once from everything \
                    that this gateway shows. Correct it in your own system too." }
                (subheading("Take something back"))
                (form(base, &visit.session, &own, "", &fields(&Fields::default(), &Faults::default())))
            },
            None => p { "Something is taken back by those who answer for access at your organisation, its privacy officer and Caldicott Guardian, or by your own system." },
        }
        (subheading("What was taken back"))
        p { "Until " (words::moment(ledger.until)) "." }
        (days.form(visit, &own))
        (totals(&ledger.totals))
        @if let Some(rows) = &ledger.rows {
            (days.listed(visit, &own, rows.is_empty(), ledger.next.as_deref(), &before(rows, policy)))
        }
    };
    Page::new(days.title(TITLE), Some("/providers"), main).wide()
}

fn fields(filled: &Fields, faults: &Faults) -> Markup {
    let inputs = Inputs { filled, faults };
    let options = [
        (
            RecallReason::WrongPatient.as_str(),
            "It is another patient's",
            "It is shown to nobody until you say that it was this patient's after all.",
        ),
        (
            RecallReason::EnteredInError.as_str(),
            "It was wrong",
            "What was given out is shown to nobody. What your system gives out from now on is shown again.",
        ),
        (
            RecallReason::Withdrawn.as_str(),
            "It was this patient's after all",
            "It ends what was said before: it is shown again.",
        ),
    ];
    html! {
        (inputs.text(asks("patient", "NHS number of the patient in whose record it is", "")))
        (inputs.area(asks("items", "What is to be taken back", "As your own system calls it, for example Observation/12345. One a line."), 3))
        (inputs.radios(asks("reason", "Why?", ""), &options))
        (inputs.text(asks("note", "Anything that those who were shown it need to know", "If there is anything. Their privacy officers read it.")))
        button.nhsuk-button type="submit" { "Take it back" }
    }
}

fn taken_back(visit: &Visit, whose: &Whose, told: &TakenBack, registry: &Registry) -> Page {
    let title = match told {
        TakenBack::Withdrawn(0) => "Nothing was changed",
        TakenBack::Withdrawn(_) => "It is shown again",
        TakenBack::Recalled { .. } => "It is taken back",
    };
    let main = html! {
        (back(&visit.pages.base, &whose.path(AFTER), TITLE))
        (heading(title))
        @match told {
            TakenBack::Withdrawn(0) => (inset(&html! { p { "None of these entries had been taken back as another patient's. Check the NHS number and the entries." } })),
            TakenBack::Withdrawn(ended) => p { (ended) @if *ended == 1 { " entry is" } @else { " entries are" } " part of this patient's record again." },
            TakenBack::Recalled { count: 0, .. } => p { "As far as we can tell you, nobody was shown it." },
            TakenBack::Recalled { count, showings, .. } => {
                p { "As far as we can tell you, it was shown " strong { (count) } @if *count == 1 { " time" } @else { " times" } ". The privacy officers of the organisations concerned have a task to look into it." }
                @if showings.len() < *count { p { "The latest " (showings.len()) " are listed." } }
                (viewers(showings, registry))
            }
        }
    };
    Page::new(title, Some("/providers"), main).wide()
}

fn viewers(showings: &[Viewer], registry: &Registry) -> Markup {
    let row = |viewer: &Viewer| {
        let who = viewer.who.as_ref();
        let name = who.and_then(|who| who.name.as_deref().or(who.user.as_deref()));
        let of = who.and_then(|who| who.organisation).map(|ods| words::organisation(ods, registry));
        vec![
            html! { (words::moment(viewer.at)) },
            html! { (viewer.item.reference) },
            html! {
                @match (who.map(|who| who.party.as_str()), name) {
                    (Some("patient"), _) => "The patient",
                    (_, name) => (name.unwrap_or("Not shown")),
                }
                @if let Some(role) = who.and_then(|who| who.role.as_deref()) { " (role " (role) ")" }
                @if let Some(of) = of { br; (of) }
            },
            html! { (viewer.request_id) },
        ]
    };
    table(
        "To whom it was shown, the newest first",
        &["When", "What", "Shown to", "Request"],
        &showings.iter().map(row).collect::<Vec<_>>(),
    )
}

fn before(rows: &[Row], policy: Option<&Policy>) -> Markup {
    let row = |row: &Row| {
        let why = match said(row, "reason").next().as_deref().and_then(RecallReason::parse) {
            Some(RecallReason::WrongPatient) => "Another patient's",
            Some(RecallReason::EnteredInError) => "Wrong",
            Some(RecallReason::Withdrawn) => "This patient's after all",
            None => "Not understood",
        };
        vec![
            html! { (words::moment(row.at)) },
            patient(row),
            html! { (why) @for items in said(row, "item") { br; span.nhsuk-body-s { (items.replace(',', ", ")) } } },
            outcome(row, policy),
            sender(row),
        ]
    };
    let headings = ["When", "Patient", "What, and why", "What became of it", "By"];
    table("What was taken back, the newest first", &headings, &rows.iter().map(row).collect::<Vec<_>>())
}
