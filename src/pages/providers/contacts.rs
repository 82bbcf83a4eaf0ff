//! Desks that can be turned to: as many rows as there are, and one more.

use super::written::Written;
use crate::{
    pages::{
        Fields,
        input::{Inputs, asks},
    },
    registry::directory::Contact,
};
use maud::{Markup, html};
use serde_json::{Value, json};

/// What the reader takes.
const MOST: usize = 10;

pub fn filled_in(contacts: &[Contact], fields: &mut Fields) {
    for (at, contact) in contacts.iter().enumerate() {
        fields.set(&name(at, "purpose"), contact.name.clone().unwrap_or_default());
        fields.set(&name(at, "system"), contact.system.clone());
        fields.set(&name(at, "value"), contact.value.clone());
    }
}

/// `with_purpose`: whether it is said what each is for.
pub fn rows(inputs: &Inputs<'_>, with_purpose: bool) -> Markup {
    let told = (0..MOST).filter(|at| is_told(inputs.filled, *at)).max().map_or(0, |last| last + 1);
    let kinds = [("email", "Email address"), ("phone", "Telephone number"), ("url", "Web page (https)")];
    let kinds = kinds.map(|(value, said)| (value.to_owned(), said.to_owned()));
    html! {
        @for at in 0..(told + 1).min(MOST) {
            fieldset.nhsuk-fieldset.caregate-row {
                legend.nhsuk-fieldset__legend.nhsuk-fieldset__legend--s { "Contact " (at + 1) @if at == told { " (if there is one)" } }
                @if with_purpose {
                    (inputs.text(asks(&name(at, "purpose"), "What it is for", "For example, systems desk. A desk or an office, never a person.")))
                }
                (inputs.select(asks(&name(at, "system"), "Kind", ""), &kinds))
                (inputs.text(asks(&name(at, "value"), "Address or number", "")))
            }
        }
    }
}

/// Those that say what they are for, and those that do not: the resource's own two lists.
pub fn written(fields: &Fields, resource_type: &str, written: &mut Written) -> (Vec<Value>, Vec<Value>) {
    let (mut desks, mut points) = (Vec::new(), Vec::new());
    for at in (0..MOST).filter(|at| is_told(fields, *at)) {
        let (value, purpose) = (name(at, "value"), name(at, "purpose"));
        let mut point = json!({"system": fields.text(&name(at, "system")), "use": "work"});
        if let (Some(point), false) = (point.as_object_mut(), fields.text(&value).is_empty()) {
            point.insert("value".to_owned(), fields.text(&value).into());
        }
        let plain = if resource_type == "Endpoint" { "contact" } else { "telecom" };
        if fields.text(&purpose).is_empty() || resource_type == "Endpoint" {
            let place = format!("{resource_type}.{plain}[{}]", points.len());
            written.came_of(format!("{place}.system"), name(at, "system"));
            written.came_of(place, value);
            points.push(point);
        } else {
            let place = format!("{resource_type}.contact[{}]", desks.len());
            written.came_of(format!("{place}.telecom[0].system"), name(at, "system"));
            written.came_of(format!("{place}.telecom"), value);
            written.came_of(place, purpose.clone());
            desks.push(json!({"purpose": {"text": fields.text(&purpose)}, "telecom": [point]}));
        }
    }
    (desks, points)
}

fn is_told(fields: &Fields, at: usize) -> bool {
    ["purpose", "value"].iter().any(|part| !fields.text(&name(at, part)).is_empty())
}

fn name(at: usize, part: &str) -> String {
    format!("contact-{}-{part}", at + 1)
}
