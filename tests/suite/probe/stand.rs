//! A bare socket that does all that a sound FHIR server does, as far as it is probed, until it is told to spoil something.

use crate::{
    harness::BUILT_IN,
    raw::{Act, Heard, Raw, Sound, answer, searchset},
};
use caregate::domain::NhsNumber;
use serde_json::{Value, json};

pub const ODS: &str = "F99001";
pub const TOKEN: &str = "token-of-the-probe-77a1";
pub const FHIR: &str = "content-type: application/fhir+json\r\n";

/// An answer before it is sent.
#[derive(Clone)]
pub struct Reply {
    pub status: &'static str,
    pub headers: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: "200 OK", headers: FHIR.to_owned(), body: body.into() }
    }

    pub fn error(status: &'static str, code: &str) -> Self {
        let issue = json!([{"severity": "error", "code": code}]);
        let body = json!({"resourceType": "OperationOutcome", "issue": issue}).to_string();
        Self { status, ..Self::ok(body) }
    }

    pub fn sent(&self) -> Act {
        Act::Send(self.bytes())
    }

    pub fn bytes(&self) -> Vec<u8> {
        answer(self.status, &self.headers, &self.body)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn edited(self, edit: impl FnOnce(String) -> String) -> Self {
        let text = self.text();
        Self { body: edit(text).into_bytes(), ..self }
    }
}

/// Two whom it holds much of.
pub fn patients() -> Vec<NhsNumber> {
    let provider = BUILT_IN.provider("saltmarsh").unwrap();
    let mut all: Vec<_> = BUILT_IN.patients.iter().map(|patient| patient.nhs_number).collect();
    let count = |number: &NhsNumber| provider.about(*number).iter().filter(|(kind, _)| KINDS.contains(kind)).count();
    all.sort_by_key(|number| std::cmp::Reverse(count(number)));
    all.truncate(2);
    all
}

pub const KINDS: [&str; 3] = ["Condition", "Observation", "DocumentReference"];

pub fn statement() -> Value {
    let resource = |name: &str, parameters: &[&str]| {
        let parameters: Vec<_> = parameters.iter().map(|name| json!({"name": name, "type": "token"})).collect();
        json!({"type": name, "interaction": [{"code": "search-type"}], "searchParam": parameters})
    };
    let resources = [
        resource("Patient", &["identifier"]),
        resource("Condition", &["patient", "code", "onset-date"]),
        resource("Observation", &["patient"]),
        resource("DocumentReference", &["patient"]),
    ];
    json!({
        "resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "format": ["json"],
        "rest": [{"mode": "server", "resource": resources}],
    })
}

/// What a sound server answers.
pub fn well(heard: &Heard, sound: &Sound) -> Reply {
    if heard.kind == "metadata" {
        return Reply::ok(statement().to_string());
    }
    if !heard.head.to_ascii_lowercase().contains(&format!("authorization: bearer {TOKEN}")) {
        return Reply::error("401 Unauthorized", "login");
    }
    let path = heard.target.split('?').next().unwrap().trim_start_matches("/fhir/");
    if path.contains('/') {
        return Reply::error("404 Not Found", "not-found");
    }
    if path != "Patient" && !KINDS.contains(&path) {
        return Reply::error("404 Not Found", "not-supported");
    }
    if heard.query.get("onset-date").is_some_and(|date| date.starts_with('n')) {
        return Reply::error("400 Bad Request", "value");
    }
    let of = |name: &str| heard.query.get(name);
    let all: Vec<String> = sound.resources(heard).into_iter().filter(|one| passes(one, of("code"))).collect();
    let count = of("_count").map_or(50, |count| count.parse::<usize>().unwrap());
    let offset = of("offset").map_or(0, |offset| offset.parse::<usize>().unwrap());
    let page: Vec<String> = all.iter().skip(offset).take(count).cloned().collect();
    let next = offset + page.len();
    let link = match next < all.len() {
        true => {
            let rest = heard.target.split("&offset=").next().unwrap();
            format!(r#","link":[{{"relation":"next","url":"{rest}&offset={next}"}}]"#)
        }
        false => String::new(),
    };
    Reply::ok(searchset(&page, &format!(r#","total":{}{link}"#, all.len())))
}

fn passes(resource: &str, code: Option<&String>) -> bool {
    let Some((system, code)) = code.and_then(|code| code.split_once('|')) else { return true };
    let resource: Value = serde_json::from_str(resource).unwrap();
    let codings = resource["code"]["coding"].as_array().cloned().unwrap_or_default();
    codings.iter().any(|coding| coding["system"] == system && coding["code"] == code)
}

/// One that is sound but for what `spoil` makes of its answers; `None` leaves one as it is.
pub async fn server(spoil: impl Fn(&Heard, &Sound, Reply) -> Option<Act> + Send + Sync + 'static) -> Raw {
    let raw = Raw::start(ODS).await;
    raw.does(move |heard, sound| {
        let reply = well(heard, sound);
        spoil(heard, sound, reply.clone()).unwrap_or_else(|| reply.sent())
    });
    raw
}

/// A sound one that asks nobody to sign in.
pub async fn open_server() -> Raw {
    let raw = Raw::start(ODS).await;
    raw.does(|heard, sound| {
        let head = format!("{}authorization: Bearer {TOKEN}", heard.head);
        well(&Heard { head, ..heard.clone() }, sound).sent()
    });
    raw
}
