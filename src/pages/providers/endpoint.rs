//! An endpoint's entry by form.

use super::{
    contacts,
    kept::{self, Kept},
    organisation::DAY,
    period, said,
    whose::Whose,
    written::{FieldKind, Written},
};
use crate::{
    access::Listed,
    audit::{Opened, Released},
    domain::{NhsNumber, OdsCode},
    fhir::ResourceType,
    pages::{
        Done, Fields, Undone, Visit,
        input::{Inputs, asks},
        words,
    },
    registry::{
        Idiom,
        directory::{
            Content, Endpoint,
            shape::{CONNECTION_TYPE, FHIR_JSON, HOW_TO_ASK, RESOURCE_TYPES, REST, TEST_PATIENT},
        },
    },
    story::Ending,
};
use maud::{Markup, html};
use serde_json::{Value, json};

const KINDS: &[FieldKind] = &[
    FieldKind { field: "name", name: "a name for the endpoint", stand_in: "x" },
    FieldKind { field: "address", name: "the endpoint's address", stand_in: "https://stand-in.example/r4" },
    FieldKind { field: "replicas", name: "the other addresses", stand_in: "" },
    FieldKind { field: "types", name: "what the endpoint holds", stand_in: "" },
    FieldKind { field: "idiom", name: "how it is asked", stand_in: "resolve-first" },
    FieldKind { field: "credential", name: "the credential", stand_in: "" },
    FieldKind { field: "test-patients", name: "the test patients", stand_in: "" },
    FieldKind { field: "deadline", name: "the time for an answer", stand_in: "" },
    FieldKind { field: "from", name: "when it is in use", stand_in: "" },
    FieldKind { field: "until", name: "the last day of use", stand_in: "" },
    FieldKind { field: "contact-system", name: "the kind of contact", stand_in: "email" },
    FieldKind { field: "contact-value", name: "the contact's address or number", stand_in: "desk@stand-in.example" },
];

pub const FORM: kept::Form =
    kept::Form { listed: Listed::Endpoint, path: "/endpoint", title: "The endpoint", kinds: KINDS, write, fill, show };

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    kept::page(&FORM, visit, opened).await
}

pub async fn keep(visit: &Visit, filled: &Fields, opened: &mut Opened) -> Result<Done, Undone> {
    kept::keep(&FORM, visit, filled, opened).await
}

fn fill(content: &Content, fields: &mut Fields) {
    let Content::Endpoint(endpoint) = content else { return };
    let Endpoint { name, address, replicas, types, idiom, credential, contacts, test_patients, .. } = endpoint;
    fields.set("name", name.clone());
    fields.set("address", address.as_str());
    fields.set("replicas", replicas.iter().map(url::Url::as_str).collect::<Vec<_>>().join("\n"));
    types.iter().for_each(|served| fields.set(&type_field(*served), "yes"));
    fields.set("idiom", idiom.as_str());
    fields.set("credential", credential.clone().unwrap_or_default());
    fields.set("test-patients", test_patients.iter().map(|number| number.digits()).collect::<Vec<_>>().join("\n"));
    fields.set("deadline", endpoint.deadline_ms.map(|ms| ms.to_string()).unwrap_or_default());
    fields.set("from", endpoint.from.map(words::precise).unwrap_or_default());
    fields.set("until", endpoint.until.map(words::precise_end).unwrap_or_default());
    contacts::filled_in(contacts, fields);
}

fn type_field(served: ResourceType) -> String {
    format!("types-{}", served.as_str())
}

fn lines<'a>(fields: &'a Fields, field: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    fields.text(field).split(['\n', ',', ';']).map(str::trim).filter(|line| !line.is_empty())
}

fn write(ods: OdsCode, fields: &Fields) -> Written {
    let mut written = Written::new(Value::Null);
    let (_, points) = contacts::written(fields, "Endpoint", &mut written);
    let mut extensions = Vec::new();
    extensions.extend(how_to_ask(fields, &mut written));
    for number in lines(fields, "test-patients") {
        written.came_of(format!("Endpoint.extension[{}]", extensions.len()), "test-patients");
        let digits: String = number.chars().filter(|c| !c.is_whitespace()).collect();
        let value = json!({"system": NhsNumber::SYSTEM, "value": digits});
        extensions.push(json!({"url": TEST_PATIENT, "valueIdentifier": value}));
    }
    let served = ResourceType::ALL.iter().filter(|served| !fields.text(&type_field(**served)).is_empty());
    let types: Vec<Value> =
        served.map(|served| json!({"coding": [{"system": RESOURCE_TYPES, "code": served.as_str()}]})).collect();
    let period = period::written(fields, ("from", "until"), "Endpoint.period", &mut written);
    for (place, field) in [
        ("Endpoint.name", "name"),
        ("Endpoint.address", "address"),
        ("Endpoint.payloadType", "types"),
        ("Endpoint.extension.extension('replica')", "replicas"),
        ("Endpoint.extension.extension('credential')", "credential"),
    ] {
        written.came_of(place, field);
    }
    let mut resource = json!({
        "resourceType": "Endpoint",
        "id": ods,
        "status": "active",
        "connectionType": {"system": CONNECTION_TYPE, "code": REST},
        "managingOrganization": {"identifier": {"system": OdsCode::SYSTEM, "value": ods}},
        "payloadMimeType": [FHIR_JSON],
    });
    if let Some(members) = resource.as_object_mut() {
        for field in ["name", "address"] {
            if !fields.text(field).is_empty() {
                members.insert(field.to_owned(), fields.text(field).into());
            }
        }
        for (name, list) in [("payloadType", types), ("contact", points), ("extension", extensions)] {
            if !list.is_empty() {
                members.insert(name.to_owned(), list.into());
            }
        }
        members.extend(period.map(|period| ("period".to_owned(), period)));
    }
    written.resource = resource;
    written
}

fn how_to_ask(fields: &Fields, written: &mut Written) -> Option<Value> {
    let mut parts = Vec::new();
    let mut add = |parts: &mut Vec<Value>, field: &str, part: Value| {
        written.came_of(format!("Endpoint.extension[0].extension[{}]", parts.len()), field);
        parts.push(part);
    };
    if !fields.text("idiom").is_empty() {
        add(&mut parts, "idiom", json!({"url": "idiom", "valueCode": fields.text("idiom")}));
    }
    if !fields.text("credential").is_empty() {
        add(&mut parts, "credential", json!({"url": "credential", "valueString": fields.text("credential")}));
    }
    for replica in lines(fields, "replicas") {
        add(&mut parts, "replicas", json!({"url": "replica", "valueUrl": replica}));
    }
    let deadline = fields.text("deadline");
    if !deadline.is_empty() {
        // what is no number goes to the reader as it is
        let number = deadline.parse::<u64>().map_or_else(|_| Value::from(deadline), Value::from);
        add(&mut parts, "deadline", json!({"url": "deadline", "valuePositiveInt": number}));
    }
    (!parts.is_empty()).then(|| json!({"url": HOW_TO_ASK, "extension": parts}))
}

fn show(visit: &Visit, whose: &Whose, kept: &Kept<'_>) -> Markup {
    let Kept { filled, faults, credentials, .. } = kept;
    let inputs = Inputs { filled, faults };
    let types: Vec<(&str, String)> =
        ResourceType::ALL.iter().map(|served| (served.as_str(), words::resource_type(served.as_str()))).collect();
    let none = (String::new(), "None: it wants to see nothing of us".to_owned());
    let mut credentials: Vec<(String, String)> =
        std::iter::once(none).chain(credentials.iter().map(|name| (name.clone(), name.clone()))).collect();
    let chosen = filled.text("credential");
    if !chosen.is_empty() && !credentials.iter().any(|(name, _)| name == chosen) {
        // one that was kept once is told to be wrong, and not silently left out
        credentials.push((chosen.to_owned(), chosen.to_owned()));
    }
    let idioms = Idiom::ALL.map(|idiom| (idiom.as_str(), said::idiom(idiom), ""));
    let fields = html! {
        p { "The endpoint is where your organisation's part of the record is asked for: a server of yours that speaks FHIR R4." }
        (kept::version(filled))
        (inputs.text(asks("name", "Name", "What you call it, for example Our own record")))
        (inputs.text(asks("address", "Address", "Its FHIR service root, for example https://fhir.example.org/r4. It must be on the public Internet and have a valid certificate.")))
        (inputs.area(asks("replicas", "Other addresses of the same service (if there are any)", "One a line, three at most"), 3))
        (inputs.checkboxes(asks("types", "What it holds", "It is asked for these alone. Choose only what it can be searched for by patient."), &types))
        (inputs.radios(asks("idiom", "How it is asked for a patient's entries", ""), &idioms))
        (inputs.select(asks("credential", "How we sign in to it", "Whoever runs this gateway keeps the credential. Here is only its name: never write a secret into this form."), &credentials))
        (inputs.area(asks("test-patients", "Test patients", "NHS numbers of made-up people whom it holds, one a line, best two or more. They begin with 999: nobody has such a number."), 4))
        (inputs.text(asks("deadline", "Time for an answer (if it needs its own)", "In milliseconds, 10 to 60000. Everybody waits this long for it.")))
        (inputs.text(asks("from", "First day of use (if it is to begin later)", DAY)))
        (inputs.text(asks("until", "Last day of use (if it ends)", DAY)))
        h2.nhsuk-heading-m { "Whom to turn to when it fails" }
        (contacts::rows(&inputs, false))
        (kept::approval("Another address or credential is in force once an operator of the registry has approved it. Then the endpoint is probed again before it goes further."))
        (kept::save())
    };
    kept::whole(visit, whose, &FORM, faults, &fields)
}
