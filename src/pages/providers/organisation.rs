//! An organisation's entry by form.

use super::{
    contacts,
    kept::{self, Kept},
    period,
    whose::Whose,
    written::{FieldKind, Written},
};
use crate::{
    access::Listed,
    audit::{Opened, Released},
    domain::OdsCode,
    pages::{
        Done, Fields, Undone, Visit,
        input::{Inputs, asks},
        words,
    },
    registry::directory::{
        Content, Organisation,
        shape::{AGREEMENT, CLIENT_KEYS, KIND, ODS_ROLE},
    },
    story::Ending,
};
use maud::{Markup, html};
use serde_json::{Value, json};

const KINDS: &[FieldKind] = &[
    FieldKind { field: "name", name: "the organisation's name", stand_in: "x" },
    FieldKind { field: "kind", name: "what kind of organisation it is", stand_in: "gp-practice" },
    FieldKind { field: "ods-role", name: "the ODS role", stand_in: "" },
    FieldKind { field: "agreement-reference", name: "the sharing agreement's reference", stand_in: "x" },
    FieldKind { field: "agreement-from", name: "when the agreement begins", stand_in: "" },
    FieldKind { field: "agreement-until", name: "the agreement's last day", stand_in: "" },
    FieldKind { field: "contact-purpose", name: "what the contact is for", stand_in: "" },
    FieldKind { field: "contact-system", name: "the kind of contact", stand_in: "email" },
    FieldKind { field: "contact-value", name: "the contact's address or number", stand_in: "desk@stand-in.example" },
    FieldKind { field: "jwks-url", name: "the address of your system's keys", stand_in: "" },
    FieldKind { field: "jwks", name: "your system's public keys", stand_in: "" },
    FieldKind { field: "certificates", name: "your system's certificates", stand_in: "" },
];

pub const FORM: kept::Form = kept::Form {
    listed: Listed::Organization,
    path: "/organisation",
    title: "The organisation's entry",
    kinds: KINDS,
    write,
    fill,
    show,
};

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    kept::page(&FORM, visit, opened).await
}

pub async fn keep(visit: &Visit, filled: &Fields, opened: &mut Opened) -> Result<Done, Undone> {
    kept::keep(&FORM, visit, filled, opened).await
}

fn fill(content: &Content, fields: &mut Fields) {
    let Content::Organization(Organisation { name, kind, role, agreement, contacts, client, .. }) = content else {
        return;
    };
    fields.set("name", name.clone());
    fields.set("kind", kind.clone());
    fields.set("ods-role", role.clone().unwrap_or_default());
    if let Some(agreement) = agreement {
        fields.set("agreement-reference", agreement.reference.clone());
        fields.set("agreement-from", agreement.from.map(words::precise).unwrap_or_default());
        fields.set("agreement-until", agreement.until.map(words::precise_end).unwrap_or_default());
    }
    contacts::filled_in(contacts, fields);
    if let Some(client) = client {
        fields.set("jwks-url", client.jwks_url.as_ref().map(ToString::to_string).unwrap_or_default());
        let keys = client.jwks.as_ref().map(|keys| json!({"keys": keys}));
        fields.set("jwks", keys.map(|keys| format!("{keys:#}")).unwrap_or_default());
        fields.set("certificates", client.certificates.join("\n"));
    }
}

fn write(ods: OdsCode, fields: &Fields) -> Written {
    let mut written = Written::new(Value::Null);
    let (desks, points) = contacts::written(fields, "Organization", &mut written);
    let mut extensions = Vec::new();
    extensions.extend(agreement(fields, &mut written));
    let at = extensions.len();
    extensions.extend(client_keys(fields, at, &mut written));
    for (place, field) in [
        ("Organization.name", "name"),
        ("Organization.type", "kind"),
        ("Organization.type[0].coding[1]", "ods-role"),
        ("Organization.extension.extension('jwks-url')", "jwks-url"),
    ] {
        written.came_of(place, field);
    }
    written.came_of(format!("Organization.extension('{AGREEMENT}')"), "agreement-reference");
    written.came_of(format!("Organization.extension('{CLIENT_KEYS}')"), "jwks");
    let mut resource = json!({
        "resourceType": "Organization",
        "id": ods,
        "identifier": [{"system": OdsCode::SYSTEM, "value": ods}],
    });
    let mut add = |name: &str, value: Value| {
        if let Some(members) = resource.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    };
    let mut codings = Vec::new();
    if !fields.text("kind").is_empty() {
        codings.push(json!({"system": KIND, "code": fields.text("kind")}));
        if !fields.text("ods-role").is_empty() {
            codings.push(json!({"system": ODS_ROLE, "code": fields.text("ods-role")}));
        }
        add("type", json!([{"coding": codings}]));
    }
    if !fields.text("name").is_empty() {
        add("name", fields.text("name").into());
    }
    for (name, list) in [("contact", desks), ("telecom", points), ("extension", extensions)] {
        if !list.is_empty() {
            add(name, list.into());
        }
    }
    written.resource = resource;
    written
}

fn agreement(fields: &Fields, written: &mut Written) -> Option<Value> {
    let mut parts = Vec::new();
    let place = |at: usize| format!("Organization.extension[0].extension[{at}]");
    if !fields.text("agreement-reference").is_empty() {
        written.came_of(place(parts.len()), "agreement-reference");
        parts.push(json!({"url": "reference", "valueString": fields.text("agreement-reference")}));
    }
    let at = format!("{}.valuePeriod", place(parts.len()));
    let period = period::written(fields, ("agreement-from", "agreement-until"), &at, written);
    parts.extend(period.map(|period| json!({"url": "period", "valuePeriod": period})));
    (!parts.is_empty()).then(|| json!({"url": AGREEMENT, "extension": parts}))
}

fn client_keys(fields: &Fields, at: usize, written: &mut Written) -> Option<Value> {
    let mut parts = Vec::new();
    let place = |part: usize| format!("Organization.extension[{at}].extension[{part}]");
    if !fields.text("jwks-url").is_empty() {
        written.came_of(place(0), "jwks-url");
        parts.push(json!({"url": "jwks-url", "valueUrl": fields.text("jwks-url")}));
    }
    for key in keys(fields.text("jwks")) {
        written.came_of(place(parts.len()), "jwks");
        parts.push(json!({"url": "jwk", "valueString": key}));
    }
    for certificate in fields.text("certificates").lines().map(str::trim).filter(|line| !line.is_empty()) {
        written.came_of(place(parts.len()), "certificates");
        parts.push(json!({"url": "certificate", "valueString": certificate}));
    }
    written.came_of(format!("Organization.extension[{at}]"), "jwks");
    (!parts.is_empty()).then(|| json!({"url": CLIENT_KEYS, "extension": parts}))
}

/// The keys of a key set, one by one; whatever else was pasted goes to the reader as it is.
fn keys(pasted: &str) -> Vec<String> {
    let set: Option<Value> = serde_json::from_str(pasted).ok();
    match set.as_ref().and_then(|set| set.get("keys")).and_then(Value::as_array) {
        Some(keys) => keys.iter().map(ToString::to_string).collect(),
        None => (!pasted.is_empty()).then(|| pasted.to_owned()).into_iter().collect(),
    }
}

fn show(visit: &Visit, whose: &Whose, kept: &Kept<'_>) -> Markup {
    let Kept { filled, faults, kinds, .. } = kept;
    let inputs = Inputs { filled, faults };
    let none = (String::new(), "Choose a kind".to_owned());
    let kinds: Vec<_> =
        std::iter::once(none).chain(kinds.iter().map(|kind| (kind.clone(), words::kind(kind)))).collect();
    let fields = html! {
        (kept::version(filled))
        (inputs.text(asks("name", "Name of the organisation", "")))
        (inputs.select(asks("kind", "Kind of organisation", "What its people may see here follows from this."), &kinds))
        (inputs.text(asks("ods-role", "ODS role (if you know it)", "What the Organisation Data Service calls it, for example RO177. Nothing is decided by it.")))
        h2.nhsuk-heading-m { "Sharing agreement" }
        p { "What your organisation holds is shared, and its people read, while an agreement holds." }
        (inputs.text(asks("agreement-reference", "Reference", "As on the agreement, for example ISA-2026-014")))
        (inputs.text(asks("agreement-from", "First day (if it has not begun)", DAY)))
        (inputs.text(asks("agreement-until", "Last day (if it ends)", DAY)))
        h2.nhsuk-heading-m { "Contacts" }
        (contacts::rows(&inputs, true))
        h2.nhsuk-heading-m { "Your organisation's own system" }
        p { "If a system of yours is to use this gateway by itself, it proves who it is by a key. Give the public half: paste it, or say where it is kept. Never paste a private key." }
        (inputs.text(asks("jwks-url", "Where its public keys are", "An https address of a JSON Web Key Set")))
        (inputs.area(asks("jwks", "Or its public keys themselves", "A JSON Web Key Set: {\"keys\": [...]}"), 8))
        (inputs.area(asks("certificates", "Certificates that its tokens are bound to", "One a line: the certificate's SHA-256 in base64url, 43 characters. Leave empty if you do not use client certificates."), 3))
        (kept::approval("Another name, kind or agreement, and other keys, are in force once an operator of the registry has approved them. Until then what was in force stays."))
        (kept::save())
    };
    kept::whole(visit, whose, &FORM, faults, &fields)
}

pub const DAY: &str = "For example, 2027-03-31";
