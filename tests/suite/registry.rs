//! The registry: organisations register themselves and their endpoints, operators let them in, and nobody else's hand is in it.

mod addresses;
mod content;
mod matrix;
mod reads;

use crate::{
    harness::{Answer, Gate, ODS, on_each_database, own},
    oauth::Signer,
};
use caregate::audit::Kind;
use reqwest::Method;
use serde_json::{Value, json};

/// One that the region does not configure, and its hands.
pub const HOSPICE: &str = "RZ950";
pub const SYSTEM: &str = "system:RZ950";
pub const SYSTEMS: &str = "systems:RZ950";
pub const OPERATOR: &str = "operator-estuary";
pub const OTHER_OPERATOR: &str = "operator-saltmarsh";

const OURS: &str = "https://caregate.example/StructureDefinition/";

pub fn organization(ods: &str) -> Value {
    json!({
        "resourceType": "Organization",
        "identifier": [{"system": ODS, "value": ods}],
        "type": [{"coding": [{"system": "https://caregate.example/CodeSystem/organisation-kind", "code": "hospice"}]}],
        "name": "Lantern Hospice (synthetic)",
        "contact": [{"purpose": {"text": "Systems desk"}, "telecom": [{"system": "phone", "value": "01632 960 950"}]}],
        "extension": [
            {"url": format!("{OURS}sharing-agreement"), "extension": [
                {"url": "reference", "valueString": "ISA-2026-014"},
                {"url": "period", "valuePeriod": {"start": "2026-01-01", "end": "2028-12-31"}}
            ]}
        ]
    })
}

pub fn endpoint(ods: &str, address: &str) -> Value {
    let concept = |code| json!({"coding": [{"system": "http://hl7.org/fhir/resource-types", "code": code}]});
    json!({
        "resourceType": "Endpoint",
        "status": "active",
        "connectionType": {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-rest"},
        "name": "Lantern's own record",
        "managingOrganization": {"identifier": {"system": ODS, "value": ods}},
        "contact": [{"system": "email", "value": "systems@lantern.example", "use": "work"}],
        "payloadType": [concept("Patient"), concept("Condition"), concept("Observation")],
        "payloadMimeType": ["application/fhir+json"],
        "address": address,
        "extension": [
            {"url": format!("{OURS}how-to-ask"), "extension": [
                {"url": "idiom", "valueCode": "chained"}, {"url": "deadline", "valuePositiveInt": 1500}
            ]},
            {"url": format!("{OURS}test-patient"),
             "valueIdentifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}}
        ]
    })
}

pub const ADDRESS: &str = "https://fhir.lantern.example/r4";

pub fn decision(version: i64, code: &str, reason: Option<&str>) -> Value {
    let mut parameters =
        vec![json!({"name": "version", "valuePositiveInt": version}), json!({"name": "decision", "valueCode": code})];
    parameters.extend(reason.map(|reason| json!({"name": "reason", "valueString": reason})));
    json!({"resourceType": "Parameters", "parameter": parameters})
}

/// The state of the version that is shown, and the part of what is said of its registration.
pub fn registration(resource: &Value, part: &str) -> Value {
    let extensions = resource["extension"].as_array().unwrap();
    let said = extensions.iter().find(|one| one["url"] == format!("{OURS}registration")).expect("a registration");
    let parts = said["extension"].as_array().unwrap();
    let found = parts
        .iter()
        .find(|one| one["url"] == part)
        .map(|one| one.as_object().unwrap().iter().find(|(name, _)| name.starts_with("value")).unwrap().1.clone());
    found.unwrap_or_default()
}

pub fn state(answer: &Answer) -> String {
    registration(&answer.json(), "state").as_str().unwrap_or_default().to_owned()
}

/// The hospice and its endpoint, in force.
pub async fn joined(gate: &Gate) {
    for (kind, resource) in [("Organization", organization(HOSPICE)), ("Endpoint", endpoint(HOSPICE, ADDRESS))] {
        let made = gate.post(SYSTEM, kind, &resource).await;
        assert_eq!((made.status, state(&made).as_str()), (201, "proposed"), "{}", made.text);
        let path = format!("{kind}/{HOSPICE}/$approve");
        let approved = gate.post(OPERATOR, &path, &decision(1, "approve", None)).await;
        assert_eq!((approved.status, state(&approved).as_str()), (200, "in-force"), "{}", approved.text);
    }
}

async fn put_if(gate: &Gate, persona: &str, path: &str, version: &str, body: &Value) -> Answer {
    let request = gate.request(Method::PUT, path).bearer_auth(gate.token(persona).await);
    let request = request.header("if-match", version).header("content-type", "application/fhir+json");
    Answer::of(request.body(body.to_string())).await
}

#[tokio::test]
async fn an_organisation_joins_by_itself_and_is_in_force_once_an_operator_has_let_it_in() {
    for gate in on_each_database().await {
        let made = gate.post(SYSTEM, "Organization", &organization(HOSPICE)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(made.header("location"), format!("{}/fhir/Organization/{HOSPICE}", gate.url));
        assert_eq!(made.header("etag"), "W/\"1\"");
        let organisation = made.json();
        assert_eq!((&organisation["id"], &organisation["active"]), (&json!(HOSPICE), &json!(false)));
        assert_eq!(organisation["meta"]["versionId"], "1");
        assert_eq!(registration(&organisation, "state"), "proposed");
        assert_eq!(registration(&organisation, "version-in-force"), Value::Null);
        assert_eq!(registration(&organisation, "written-by")["identifier"]["value"], HOSPICE);
        assert_eq!(registration(&organisation, "written-through"), "system");
        let rows = gate.rows(&made).await;
        let told: Vec<_> = rows.iter().map(|row| (row.kind, row.status, row.interaction.as_str())).collect();
        assert_eq!(told, [(Kind::Intent, 0, "create"), (Kind::Released, 201, "create")]);
        let closing = gate.closing(&made).await;
        assert_eq!((closing.patient, closing.resource_type.as_deref()), (None, Some("Organization")));
        assert_eq!(closing.request, format!("Organization/{HOSPICE}"));
        assert!(closing.rules.iter().any(|rule| rule == "system-keeps-registry"), "{:?}", closing.rules);

        // its endpoint waits for the organisation, and nobody but an operator lets either in
        let early = gate.post(SYSTEM, "Endpoint", &endpoint(HOSPICE, ADDRESS)).await;
        gate.ends(&early, 422, "business-rule", Kind::Failed, "organisation-not-in-force").await;
        let approve = format!("Organization/{HOSPICE}/$approve");
        for nobody in [SYSTEM, SYSTEMS] {
            let refused = gate.post(nobody, &approve, &decision(1, "approve", None)).await;
            gate.ends(&refused, 403, "forbidden", Kind::Refused, "access-denied").await;
        }
        let other = gate.post(OPERATOR, &approve, &decision(2, "approve", None)).await;
        gate.ends(&other, 409, "conflict", Kind::Failed, "conflict").await;
        let approved = gate.post(OPERATOR, &approve, &decision(1, "approve", Some("agreement seen"))).await;
        assert_eq!((approved.status, approved.header("etag")), (200, "W/\"1\""), "{}", approved.text);
        let organisation = approved.json();
        assert_eq!(organisation["active"], true);
        assert_eq!(registration(&organisation, "state"), "in-force");
        assert_eq!(registration(&organisation, "version-in-force"), "1");
        assert_eq!(registration(&organisation, "decided-by")["identifier"]["value"], "RZ901");
        assert_eq!(registration(&organisation, "reason"), "agreement seen");
        let again = gate.post(OPERATOR, &approve, &decision(1, "approve", None)).await;
        gate.ends(&again, 409, "conflict", Kind::Failed, "nothing-proposed").await;

        let made = gate.post(SYSTEMS, "Endpoint", &endpoint(HOSPICE, ADDRESS)).await;
        assert_eq!((made.status, state(&made).as_str()), (201, "proposed"), "{}", made.text);
        assert_eq!(registration(&made.json(), "written-through"), "staff");
        let approve = format!("Endpoint/{HOSPICE}/$approve");
        let approved = gate.post(OPERATOR, &approve, &decision(1, "approve", None)).await;
        assert_eq!((approved.status, state(&approved).as_str()), (200, "in-force"), "{}", approved.text);
        // nobody has looked at it yet, so readers are shown nothing of it
        assert_eq!(approved.json()["status"], "test");
        let organisation = gate.get(SYSTEM, &format!("Organization/{HOSPICE}")).await;
        assert_eq!(organisation.json()["endpoint"], json!([{"reference": format!("Endpoint/{HOSPICE}")}]));
        let names = ["5550", "system-RZ950", "\"iss\"", "Beacon"];
        for answer in [&organisation, &approved] {
            assert!(names.iter().all(|name| !answer.text.contains(name)), "nobody is named: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn what_decides_who_where_or_by_which_keys_waits_for_somebody_else_and_all_else_is_in_force_at_once() {
    for gate in on_each_database().await {
        joined(&gate).await;
        let path = format!("Endpoint/{HOSPICE}");
        // in force at once: how it is called and asked
        let mut changed = endpoint(HOSPICE, ADDRESS);
        changed["name"] = json!("Our record");
        let answer = put_if(&gate, SYSTEM, &path, "W/\"1\"", &changed).await;
        assert_eq!((answer.status, state(&answer).as_str(), answer.header("etag")), (200, "in-force", "W/\"2\""));
        // an address waits, and what was in force stays so
        let moved = endpoint(HOSPICE, "https://elsewhere.example/r4");
        let answer = put_if(&gate, SYSTEM, &path, "W/\"2\"", &moved).await;
        assert_eq!((answer.status, state(&answer).as_str()), (200, "proposed"), "{}", answer.text);
        assert_eq!(registration(&answer.json(), "version-in-force"), "2");
        let stale = put_if(&gate, SYSTEM, &path, "W/\"2\"", &changed).await;
        gate.ends(&stale, 412, "conflict", Kind::Failed, "version-differs").await;
        let approve = format!("{path}/$approve");
        let unexplained = gate.post(OPERATOR, &approve, &decision(3, "refuse", None)).await;
        gate.ends(&unexplained, 422, "required", Kind::Failed, "content").await;
        let refused = gate.post(OPERATOR, &approve, &decision(3, "refuse", Some("not yours"))).await;
        assert_eq!((refused.status, state(&refused).as_str()), (200, "refused"), "{}", refused.text);
        assert_eq!(registration(&refused.json(), "reason"), "not yours");
        assert_eq!(registration(&refused.json(), "version-in-force"), "2");
        // a proposal that nobody decided on is passed over by the next
        let second = gate.put(SYSTEM, &path, &moved).await;
        assert_eq!((state(&second).as_str(), second.header("etag")), ("proposed", "W/\"4\""));
        let third = gate.put(SYSTEM, &path, &endpoint(HOSPICE, "https://third.example/r4")).await;
        assert_eq!((state(&third).as_str(), third.header("etag")), ("proposed", "W/\"5\""));
        let late = gate.post(OPERATOR, &approve, &decision(4, "approve", None)).await;
        gate.ends(&late, 409, "conflict", Kind::Failed, "conflict").await;
        let approved = gate.post(OPERATOR, &approve, &decision(5, "approve", None)).await;
        assert_eq!((approved.status, state(&approved).as_str()), (200, "in-force"), "{}", approved.text);

        let history = gate.get(SYSTEM, &format!("{path}/_history")).await;
        assert_eq!(history.json()["type"], "history");
        let states: Vec<_> = history.json()["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let version = entry["resource"]["meta"]["versionId"].as_str().unwrap().to_owned();
                assert_eq!(entry["response"]["etag"], format!("W/\"{version}\""));
                (version, registration(&entry["resource"], "state").as_str().unwrap().to_owned())
            })
            .collect();
        let known = ["in-force", "replaced", "refused", "replaced", "replaced"];
        let wanted: Vec<_> = (1..=5).rev().map(|n: usize| n.to_string()).zip(known.map(str::to_owned)).collect();
        assert_eq!(states, wanted);
    }
}

#[tokio::test]
async fn a_second_person_decides_even_where_an_operator_writes() {
    let gate = own().await;
    joined(&gate).await;
    let mut renamed = organization(HOSPICE);
    renamed["name"] = json!("Lantern and Harbour Hospices (synthetic)");
    let path = format!("Organization/{HOSPICE}");
    let written = gate.put(OPERATOR, &path, &renamed).await;
    assert_eq!((written.status, state(&written).as_str()), (200, "proposed"), "{}", written.text);
    assert_eq!(registration(&written.json(), "written-by")["identifier"]["value"], "RZ901");
    let approve = format!("{path}/$approve");
    for code in ["approve", "refuse"] {
        let own_word = gate.post(OPERATOR, &approve, &decision(2, code, Some("mine"))).await;
        gate.ends(&own_word, 422, "business-rule", Kind::Failed, "own-proposal").await;
    }
    let approved = gate.post(OTHER_OPERATOR, &approve, &decision(2, "approve", None)).await;
    assert_eq!((approved.status, state(&approved).as_str()), (200, "in-force"), "{}", approved.text);
    assert_eq!(registration(&approved.json(), "decided-by")["identifier"]["value"], "F99001");
}

#[tokio::test]
async fn keys_wait_for_a_second_person_and_an_office_number_does_not() {
    let gate = own().await;
    joined(&gate).await;
    let path = format!("Organization/{HOSPICE}");
    let mut called = organization(HOSPICE);
    called["contact"][0]["telecom"][0]["value"] = json!("01632 960 951");
    let answer = gate.put(SYSTEM, &path, &called).await;
    assert_eq!((answer.status, state(&answer).as_str()), (200, "in-force"), "{}", answer.text);
    for keys in [
        json!([{"url": "jwks-url", "valueUrl": "https://keys.lantern.example/jwks"}]),
        json!([{"url": "jwk", "valueString": Signer::es384("lantern-1").jwk().to_string()}]),
    ] {
        let mut keyed = called.clone();
        keyed["extension"]
            .as_array_mut()
            .unwrap()
            .push(json!({"url": format!("{OURS}client-keys"), "extension": keys}));
        let answer = gate.put(SYSTEM, &path, &keyed).await;
        assert_eq!((answer.status, state(&answer).as_str()), (200, "proposed"), "{}", answer.text);
        assert_eq!(registration(&answer.json(), "version-in-force"), "2");
    }
    let mut longer = called.clone();
    longer["extension"][0]["extension"][1]["valuePeriod"]["end"] = json!("2099-12-31");
    let answer = gate.put(SYSTEM, &path, &longer).await;
    assert_eq!(state(&answer), "proposed", "nobody extends their own agreement: {}", answer.text);
}

#[tokio::test]
async fn a_code_that_is_taken_or_that_the_deployment_configures_is_not_registered() {
    let gate = own().await;
    joined(&gate).await;
    for (kind, again) in [("Organization", organization(HOSPICE)), ("Endpoint", endpoint(HOSPICE, ADDRESS))] {
        let taken = gate.post(SYSTEM, kind, &again).await;
        gate.ends(&taken, 409, "duplicate", Kind::Failed, "registered").await;
    }
    for (kind, configured) in [("Organization", organization("RZ901")), ("Endpoint", endpoint("RZ901", ADDRESS))] {
        let answer = gate.post("system:RZ901", kind, &configured).await;
        gate.ends(&answer, 409, "business-rule", Kind::Failed, "configured").await;
    }
    let absent = gate.put("system:RZ951", "Organization/RZ951", &organization("RZ951")).await;
    gate.ends(&absent, 404, "not-found", Kind::Failed, "not-registered").await;
    let crossed = gate.put(SYSTEM, &format!("Organization/{HOSPICE}"), &organization("RZ951")).await;
    gate.ends(&crossed, 422, "value", Kind::Failed, "content").await;
}

/// As docs/REGISTRY.md walks it.
#[tokio::test]
async fn the_examples_join_as_the_document_says() {
    let gate = own().await;
    let example = |name: &str| -> Value {
        let path = format!("{}/fhir_profiles/examples/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let approval = example("Parameters-approve-registration");
    for kind in ["Organization", "Endpoint"] {
        let made = gate.post(SYSTEM, kind, &example(&format!("{kind}-joining"))).await;
        assert_eq!(
            (made.status, made.header("etag"), state(&made).as_str()),
            (201, "W/\"1\"", "proposed"),
            "{}",
            made.text
        );
        let approved = gate.post(OPERATOR, &format!("{kind}/{HOSPICE}/$approve"), &approval).await;
        assert_eq!((approved.status, state(&approved).as_str()), (200, "in-force"), "{}", approved.text);
    }
    let mut answered = gate.get(SYSTEM, &format!("Organization/{HOSPICE}")).await.json();
    let mut wanted = example("Organization-in-force");
    for resource in [&mut answered, &mut wanted] {
        resource["meta"]["lastUpdated"] = Value::Null;
        resource["extension"][0]["extension"][5] = Value::Null;
    }
    assert_eq!(answered, wanted);
}

/// Several at once: one is written, and what is said to the others is true.
#[tokio::test]
async fn of_changes_at_once_one_is_the_next_version() {
    for gate in on_each_database().await {
        joined(&gate).await;
        let path = format!("Endpoint/{HOSPICE}");
        // what says nothing new is no version
        let same = put_if(&gate, SYSTEM, &path, "W/\"1\"", &endpoint(HOSPICE, ADDRESS)).await;
        assert_eq!((same.status, same.header("etag")), (200, "W/\"1\""), "{}", same.text);
        let bodies: Vec<Value> = (0..8)
            .map(|n| {
                let mut body = endpoint(HOSPICE, ADDRESS);
                body["name"] = json!(format!("Record {n}"));
                body
            })
            .collect();
        let all = bodies.iter().map(|body| put_if(&gate, SYSTEM, &path, "W/\"1\"", body));
        let statuses: Vec<u16> = futures::future::join_all(all).await.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 409, 412].contains(status)), "{statuses:?}");
        let now = gate.get(SYSTEM, &path).await;
        assert_eq!((now.header("etag"), state(&now).as_str()), ("W/\"2\"", "in-force"));
    }
}

#[tokio::test]
async fn no_operator_decides_on_what_their_own_organisations_system_wrote() {
    let gate = own().await;
    let made = gate.post(SYSTEM, "Organization", &organization(HOSPICE)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    // an operator who works there
    let wishes = [("user", "555021400120"), ("role", "R8015"), ("organisation", HOSPICE)];
    let token = gate.token_with("staff", &wishes).await;
    let approve = format!("Organization/{HOSPICE}/$approve");
    let request =
        gate.request(Method::POST, &approve).bearer_auth(token).header("content-type", "application/fhir+json");
    let own_word = Answer::of(request.body(decision(1, "approve", None).to_string())).await;
    gate.ends(&own_word, 422, "business-rule", Kind::Failed, "own-proposal").await;
    assert_eq!(gate.post(OTHER_OPERATOR, &approve, &decision(1, "approve", None)).await.status, 200);
}

#[tokio::test]
async fn nobody_has_the_regions_decisions_made_again_and_again_by_changing_things_for_ever() {
    for gate in on_each_database().await {
        joined(&gate).await;
        let path = format!("Organization/{HOSPICE}");
        let called = |n: usize| {
            let mut called = organization(HOSPICE);
            called["contact"][0]["telecom"][0]["value"] = json!(format!("01632 96{n:04}"));
            called
        };
        let mut taken = 0;
        let held = loop {
            let answer = gate.put(SYSTEM, &path, &called(taken)).await;
            if answer.status != 200 {
                break answer;
            }
            taken += 1;
        };
        gate.ends(&held, 429, "throttled", Kind::Failed, "too-often").await;
        // with the one that joined it
        assert_eq!((taken + 1, held.header("retry-after")), (30, "600"), "{}", held.text);
        // what says nothing new is no change
        assert_eq!(gate.put(SYSTEM, &path, &called(taken - 1)).await.status, 200);
        // an operator may all the same
        let renamed = |name: &str| {
            let mut renamed = called(taken);
            renamed["name"] = json!(name);
            renamed
        };
        let proposed = gate.put(OPERATOR, &path, &renamed("Lantern and Harbour Hospices (synthetic)")).await;
        assert_eq!((proposed.status, state(&proposed).as_str()), (200, "proposed"), "{}", proposed.text);
    }
}

#[tokio::test]
async fn what_an_operator_proposed_is_not_taken_off_the_table_by_whom_it_is_about() {
    let gate = own().await;
    joined(&gate).await;
    let path = format!("Organization/{HOSPICE}");
    let mut ended = organization(HOSPICE);
    ended["extension"][0]["extension"][1]["valuePeriod"]["end"] = json!("2026-11-30");
    let proposed = gate.put(OPERATOR, &path, &ended).await;
    assert_eq!((proposed.status, state(&proposed).as_str()), (200, "proposed"), "{}", proposed.text);
    let mut called = organization(HOSPICE);
    called["contact"][0]["telecom"][0]["value"] = json!("01632 960 977");
    for who in [SYSTEM, SYSTEMS] {
        let over = gate.put(who, &path, &called).await;
        gate.ends(&over, 409, "business-rule", Kind::Failed, "operators-proposal").await;
    }
    let approve = format!("{path}/$approve");
    assert_eq!(gate.post(OTHER_OPERATOR, &approve, &decision(2, "approve", None)).await.status, 200);
    assert_eq!(gate.put(SYSTEM, &path, &called).await.status, 200, "after that it may");
}
