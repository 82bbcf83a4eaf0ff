//! Every route of the registry, asked by everyone: who may what, and that of another organisation's entry nobody learns even whether
//! there is one.

use super::{ADDRESS, HOSPICE, OPERATOR, SYSTEM, SYSTEMS, decision, endpoint, joined, organization};
use crate::harness::{Answer, Gate, own};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;

/// Who asks, by persona and what their token says otherwise.
type Who = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const WHO: [Who; 11] = [
    ("own system", SYSTEM, &[]),
    ("own R8015", SYSTEMS, &[]),
    ("operator", OPERATOR, &[]),
    ("another's system", "system:RZ952", &[]),
    ("another's R8015", "systems:RZ952", &[]),
    ("own clinician", "staff", &[("organisation", HOSPICE), ("role", "R0050"), ("user", "555021777701")]),
    ("own receptionist", "staff", &[("organisation", HOSPICE), ("role", "R8009"), ("user", "555021777702")]),
    ("a clinician named as nothing", "gp-saltmarsh", &[]),
    ("patient", "patient:9990012024", &[]),
    ("own system without scope", SYSTEM, &[("scope", "system/Patient.rus system/*.d")]),
    ("operator without scope", OPERATOR, &[("scope", "user/Patient.rs user/Task.rus")]),
];

/// A way in, and what each of those above is answered; without a token it is 401.
type Row = (&'static str, fn(&str, &str) -> String, [u16; 11]);

const READ: [u16; 11] = [200, 200, 200, 403, 403, 403, 403, 403, 403, 403, 403];
const ROWS: [Row; 7] = [
    ("GET", |kind, _| kind.to_owned(), [200, 200, 200, 200, 200, 403, 403, 403, 403, 403, 403]),
    ("POST form", |kind, _| format!("{kind}/_search"), [200, 200, 200, 200, 200, 403, 403, 403, 403, 403, 403]),
    ("GET", |kind, ods| format!("{kind}/{ods}"), READ),
    ("GET", |kind, ods| format!("{kind}/{ods}/_history"), READ),
    ("POST", |kind, _| kind.to_owned(), [409, 409, 409, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("PUT", |kind, ods| format!("{kind}/{ods}"), READ),
    (
        "POST approval",
        |kind, ods| format!("{kind}/{ods}/$approve"),
        [403, 403, 409, 403, 403, 403, 403, 403, 403, 403, 403],
    ),
];

fn body(kind: &str, ods: &str) -> Value {
    if kind == "Organization" { organization(ods) } else { endpoint(ods, ADDRESS) }
}

async fn asked(gate: &Gate, (way, path, _): &Row, kind: &str, ods: &str, token: Option<&str>) -> Answer {
    let method = if way.starts_with("POST") { Method::POST } else { way.parse().unwrap() };
    let mut request = gate.request(method, &path(kind, ods));
    request = match *way {
        "GET" => request,
        "POST form" => request.header("content-type", "application/x-www-form-urlencoded").body("_count=5"),
        "POST approval" => {
            request.header("content-type", "application/fhir+json").body(decision(1, "approve", None).to_string())
        }
        _ => request.header("content-type", "application/fhir+json").body(body(kind, ods).to_string()),
    };
    Answer::of(token.into_iter().fold(request, |request, token| request.bearer_auth(token))).await
}

#[tokio::test]
async fn everyone_at_every_route() {
    let gate = own().await;
    joined(&gate).await;
    let mut refusals = BTreeSet::new();
    for row in &ROWS {
        for kind in ["Organization", "Endpoint"] {
            let unknown = asked(&gate, row, kind, HOSPICE, None).await;
            assert_eq!(unknown.status, 401, "{} {kind}", row.0);
        }
        for (at, (who, persona, wishes)) in WHO.iter().enumerate() {
            let token = gate.token_with(persona, wishes).await;
            for kind in ["Organization", "Endpoint"] {
                let answer = asked(&gate, row, kind, HOSPICE, Some(&token)).await;
                let told = format!("{who} at {} {}: {}", row.0, row.1(kind, HOSPICE), answer.text);
                // after a change of its own there is something newer than the version that is decided on
                let wanted = row.2[at];
                assert_eq!(answer.status, wanted, "{told}");
                gate.closing(&answer).await;
                let shows = answer.text.contains("Lantern") || answer.text.contains(HOSPICE);
                let may = matches!(at, 0..=2);
                assert!(may || !shows, "{told}");
                if wanted == 403 && at > 2 {
                    refusals.insert(answer.text);
                }
            }
        }
    }
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
}

#[tokio::test]
async fn of_anothers_entry_nobody_learns_whether_it_exists() {
    let gate = own().await;
    joined(&gate).await;
    for stranger in ["system:RZ952", "systems:RZ952", "gp-saltmarsh", "system:F99001"] {
        let token = gate.token(stranger).await;
        for row in &ROWS {
            for kind in ["Organization", "Endpoint"] {
                let mut told = BTreeSet::new();
                // there, configured, and unheard of
                for ods in [HOSPICE, "RZ901", "RZ953"] {
                    let answer = asked(&gate, row, kind, ods, Some(&token)).await;
                    let mut json = answer.json();
                    for passing in ["id", "meta"] {
                        json.as_object_mut().unwrap().remove(passing);
                    }
                    told.insert((answer.status, answer.header("etag").to_owned(), json.to_string()));
                }
                assert_eq!(told.len(), 1, "{stranger} {} {kind}: {told:#?}", row.0);
            }
        }
        for query in ["identifier", "name"] {
            let value = |ods: &str| if query == "name" { "Lantern".to_owned() } else { ods.to_owned() };
            for ods in [HOSPICE, "RZ953"] {
                let answer = gate.get(stranger, &format!("Organization?{query}={}", value(ods))).await;
                assert!(answer.status == 403 || answer.matches().is_empty(), "{}", answer.text);
            }
        }
    }
    // none of them did anything
    let organisation = gate.get(SYSTEM, &format!("Organization/{HOSPICE}")).await;
    assert_eq!(organisation.header("etag"), "W/\"1\"");
}
