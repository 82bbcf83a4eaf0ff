//! The patient's own log: every closing row of theirs and nothing else, in IHE BALP's shapes.

use crate::{
    harness::{Answer, Gate, NHS, ODS, of_patient, on_each_database, own},
    objections::{persona, recorded, whole_record},
};
use caregate::domain::NhsNumber;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const GP: &str = "gp-saltmarsh";
const TRANSACTION: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";

async fn log(gate: &Gate, patient: NhsNumber, more: &str) -> Vec<Value> {
    let pages = gate.pages(&persona(patient), &format!("AuditEvent{more}"), patient).await;
    pages.iter().flat_map(Answer::matches).collect()
}

pub fn request_id(event: &Value) -> String {
    let entities = event["entity"].as_array().unwrap();
    let transaction: Vec<_> = entities.iter().filter(|one| one["type"]["system"] == TRANSACTION).collect();
    assert_eq!(transaction.len(), 1);
    assert_eq!(transaction[0]["type"]["code"], "XrequestId");
    transaction[0]["what"]["identifier"]["value"].as_str().unwrap().to_owned()
}

/// The agents of this type.
fn agents<'e>(event: &'e Value, system: &str, code: &str) -> Vec<&'e Value> {
    let typed = |one: &&Value| one["type"]["coding"][0]["system"] == system && one["type"]["coding"][0]["code"] == code;
    event["agent"].as_array().unwrap().iter().filter(typed).collect()
}

fn entities<'e>(event: &'e Value, kind: &str, role: &str) -> Vec<&'e Value> {
    let of = |one: &&Value| {
        one["type"]["system"] == "http://terminology.hl7.org/CodeSystem/audit-entity-type"
            && one["type"]["code"] == kind
            && one["role"]["system"] == "http://terminology.hl7.org/CodeSystem/object-role"
            && one["role"]["code"] == role
    };
    event["entity"].as_array().unwrap().iter().filter(of).collect()
}

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

#[tokio::test]
async fn a_patient_sees_exactly_what_was_asked_about_them_and_how_it_ended() {
    for gate in on_each_database().await {
        let (patient, other) = (gate.registered("F99001", 0).nhs_number, gate.registered("F99001", 1).nhs_number);
        let search = gate.search(GP, "Condition", patient).await;
        let read = gate.get(GP, &format!("Condition/{}", search.match_ids()[0])).await;
        let cached = gate.search(GP, "Condition", patient).await;
        let refused = gate.search("consultant-colneside", "Condition", patient).await;
        let lost = gate.get(GP, &format!("{}&page=AAAA", of_patient("Condition", patient))).await;
        let consent = gate.post(&persona(patient), "Consent", &whole_record(patient)).await;
        let objected = gate.search(GP, "Condition", patient).await;
        // not about this patient: another's, nobody's, and one that was never understood
        gate.search(GP, "Condition", other).await;
        gate.get(GP, "Condition/nothing").await;
        gate.search(GP, "Condition?nonsense=1", patient).await;

        let expected: Vec<_> = [&objected, &consent, &lost, &refused, &cached, &read, &search]
            .map(|one| one.request_id().to_string())
            .into();
        let events = log(&gate, patient, "").await;
        let ids: Vec<_> = events.iter().map(request_id).collect();
        assert_eq!(ids, expected, "newest first");
        let told: Vec<_> = events
            .iter()
            .map(|event| {
                (event["action"].as_str().unwrap(), event["outcome"].as_str().unwrap(), event["outcomeDesc"].as_str())
            })
            .collect();
        let expected = [
            ("E", "8", Some("no-patient-consent")),
            ("C", "0", None),
            ("E", "4", Some("gone")),
            ("E", "8", Some("access-denied")),
            ("E", "0", None),
            ("R", "0", None),
            ("E", "0", None),
        ];
        assert_eq!(told, expected);
        // reading the log is itself in the log, and the page says how far back it goes
        let again = log(&gate, patient, "").await;
        assert_eq!(again.len(), events.len() + 1);
        assert_eq!(agents(&again[0], PARTICIPATION, "IRCP")[0]["who"]["display"], "The patient");
        for event in &again {
            assert_eq!(event["resourceType"], "AuditEvent");
            assert_ne!(
                agents(event, PARTICIPATION, "IRCP")[0]["who"]["display"],
                "caregate",
                "the gateway is never the viewer"
            );
            assert!(!event.to_string().contains("canary"));
        }
    }
}

#[tokio::test]
async fn a_search_is_told_as_balp_patient_query_and_a_read_as_patient_read() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    gate.fault("quayside", json!({"fault": "error", "status": 500})).await;
    let search = gate.search(GP, "Condition?_count=5", patient).await;
    let read = gate.get(GP, &format!("Condition/{}", search.match_ids()[0])).await;
    assert_eq!(read.status, 200);
    let [told_read, told_search] = &log(&gate, patient, "").await[..] else { panic!("two events") };

    for (event, profile, subtype, action, client, server) in [
        (told_search, "IHE.BasicAudit.PatientQuery", "search", "E", "110153", "110152"),
        (told_read, "IHE.BasicAudit.PatientRead", "read", "R", "110152", "110153"),
    ] {
        assert_eq!(
            event["meta"]["profile"],
            json!([format!("https://profiles.ihe.net/ITI/BALP/StructureDefinition/{profile}")])
        );
        assert_eq!(event["type"]["system"], "http://terminology.hl7.org/CodeSystem/audit-event-type");
        assert_eq!(event["type"]["code"], "rest");
        assert_eq!(event["subtype"][0]["system"], "http://hl7.org/fhir/restful-interaction");
        assert_eq!(
            (&event["subtype"][0]["code"], &event["action"], &event["outcome"]),
            (&json!(subtype), &json!(action), &json!("0"))
        );
        assert!(event["recorded"].as_str().unwrap().ends_with('Z'));
        assert!(event["source"]["observer"].is_object());

        let client = agents(event, DCM, client);
        assert_eq!(client.len(), 1);
        assert_eq!(
            (&client[0]["requestor"], &client[0]["who"]["identifier"]["value"]),
            (&json!(false), &json!("caregate-sandbox"))
        );
        assert_eq!(client[0]["network"], json!({"address": "127.0.0.1", "type": "2"}));
        let server = agents(event, DCM, server);
        assert_eq!(
            (server.len(), &server[0]["requestor"], &server[0]["network"]["type"]),
            (1, &json!(false), &json!("5"))
        );
        assert_eq!(server[0]["network"]["address"], format!("{}/fhir/", gate.url));

        let user = agents(event, PARTICIPATION, "IRCP");
        assert_eq!((user.len(), &user[0]["requestor"]), (1, &json!(true)));
        assert_eq!(
            user[0]["who"]["identifier"],
            json!({"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "555021400101"})
        );
        assert_eq!(user[0]["name"], "Dr A Fielding (synthetic)");
        let role = &user[0]["role"][0]["coding"][0];
        assert_eq!((&role["code"], &role["display"]), (&json!("R0260"), &json!("General Medical Practitioner")));
        let purpose = &user[0]["purposeOfUse"][0]["coding"][0];
        assert_eq!(*purpose, json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}));
        let organisations: Vec<_> =
            event["agent"].as_array().unwrap().iter().filter(|one| one["who"]["identifier"]["system"] == ODS).collect();
        assert_eq!(organisations.len(), 1);
        assert_eq!(organisations[0]["who"]["identifier"]["value"], "F99001");
        assert_eq!(organisations[0]["who"]["display"], "Saltmarsh Surgery");
        let requestors = event["agent"].as_array().unwrap().iter().filter(|one| one["requestor"] == true).count();
        assert_eq!(requestors, 1);

        let person = entities(event, "1", "1");
        assert_eq!(person.len(), 1);
        assert_eq!(person[0]["what"]["identifier"], json!({"system": NHS, "value": patient.digits()}));
        // why, and who did not answer
        let extensions = event["extension"].as_array().unwrap();
        let basis = extensions
            .iter()
            .find(|one| one["url"] == "https://caregate.example/StructureDefinition/access-basis")
            .unwrap();
        assert_eq!(basis["valueString"], "registered: generalPractitioner at F99001");
        let missing: Vec<_> = extensions
            .iter()
            .filter(|one| one["url"] == "https://caregate.example/StructureDefinition/missing-source")
            .collect();
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0]["valueReference"]["identifier"]["value"], "FZ901");
    }
    let query = entities(told_search, "2", "24");
    assert_eq!(query.len(), 1);
    for absent in ["what", "name", "detail"] {
        assert!(query[0].get(absent).is_none(), "{absent}");
    }
    let asked = String::from_utf8(BASE64.decode(query[0]["query"].as_str().unwrap().as_bytes()).unwrap()).unwrap();
    let id = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
    assert_eq!(asked, format!("Condition?patient={id}&_sort=-date&_count=5"));
    assert_eq!(request_id(told_search), search.request_id().to_string());
    let data = entities(told_read, "2", "4");
    assert_eq!(
        (data.len(), &data[0]["what"]["reference"]),
        (1, &json!(format!("Condition/{}", search.match_ids()[0])))
    );
    assert!(entities(told_read, "2", "24").is_empty());
}

#[tokio::test]
async fn the_log_is_paged_and_filtered_by_date() {
    for gate in on_each_database().await {
        let patient = gate.registered("F99001", 2).nhs_number;
        let mut asked = Vec::new();
        for _ in 0..7 {
            asked.insert(0, gate.search(GP, "Flag", patient).await.request_id().to_string());
        }
        let me = persona(patient);
        let first = gate.search(&me, "AuditEvent?_count=3", patient).await;
        let mut shown: Vec<String> = first.matches().iter().map(request_id).collect();
        // what is asked meanwhile does not shift the pages
        gate.search(GP, "Flag", patient).await;
        let mut next = first.next();
        while let Some(page) = next {
            let answer = gate.get(&me, &page).await;
            assert!(answer.matches().len() <= 3);
            shown.extend(answer.matches().iter().map(request_id));
            next = answer.next();
        }
        assert_eq!(shown, asked);
        // a page of the log is its reader's own
        let other = persona(gate.registered("F99001", 3).nhs_number);
        assert_eq!(gate.get(&other, &first.next().unwrap()).await.status, 403);
        let answer = gate.get(&me, &first.next().unwrap().replace("_count=3", "_count=4")).await;
        assert_eq!((answer.status, answer.code().as_str()), (410, "expired"));

        let events = log(&gate, patient, "").await;
        let second = events[events.len() - 3]["recorded"].as_str().unwrap().to_owned();
        let at = |prefix: &str| format!("?date={prefix}{second}");
        let ids = |events: &[Value]| events.iter().map(request_id).collect::<BTreeSet<_>>();
        let (early, late) = events.split_at(events.len() - 3);
        let (before, after) = (ids(&log(&gate, patient, &at("lt")).await), ids(&log(&gate, patient, &at("ge")).await));
        assert!(before.is_subset(&ids(late)) && before.is_disjoint(&ids(early)) && !before.is_empty());
        assert!(after.is_superset(&ids(early)));
        assert!(before.is_disjoint(&after));
        assert!(log(&gate, patient, "?date=lt2020").await.is_empty());
        assert!(log(&gate, patient, "?date=gt2999").await.is_empty());
        assert!(!log(&gate, patient, "?date=ge2020&date=lt2999").await.is_empty());
    }
}

#[tokio::test]
async fn an_attempt_at_an_objection_that_is_not_theirs_is_in_the_patients_log() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let id = recorded(&gate, patient, &whole_record(patient)).await;
    let answer = gate.get("gp-blackwater", &format!("Consent/{id}")).await;
    assert_eq!(answer.status, 403);
    let events = log(&gate, patient, "").await;
    assert_eq!((request_id(&events[0]), &events[0]["outcome"]), (answer.request_id().to_string(), &json!("8")));
}

const OFFICER: &str = "privacy-officer-estuary";

#[tokio::test]
async fn an_officer_sees_what_concerns_their_own_organisation_and_of_that_nothing_of_others() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        let unshown = gate.search(GP, "Patient?birthdate=1800-01-01", patient).await;
        assert_eq!(unshown.status, 200);
        gate.fault("quayside", json!({"fault": "error", "status": 500})).await;
        // their data, read by another organisation; then what their own people tried
        let theirs = gate.search(GP, "Encounter", patient).await;
        let own = gate.search("consultant-estuary", "Encounter", patient).await;
        assert_eq!((theirs.status, own.status), (200, 403));
        // neither: another organisation's attempt, and what the patient did
        gate.search("consultant-colneside", "Encounter", patient).await;
        assert_eq!(log(&gate, patient, "").await.len(), 4);

        let shown = gate.search(OFFICER, "AuditEvent", patient).await;
        let events = shown.matches();
        let expected = [&own, &theirs].map(|one| one.request_id().to_string());
        assert_eq!(events.iter().map(request_id).collect::<Vec<_>>(), expected);
        for other in ["FZ901", "Quayside"] {
            assert!(!shown.text.contains(other), "{}", shown.text);
        }
        assert!(!shown.text.contains("holds every access"), "{}", shown.text);
        let row = gate.closing(&shown).await;
        assert_eq!(row.patient, Some(patient));
        assert!(row.rules.iter().any(|rule| rule == "concerns-own-organisation"), "{:?}", row.rules);
    }
}

#[tokio::test]
async fn of_whom_nothing_concerns_an_officer_they_see_nothing_whether_the_patient_exists_or_not() {
    let gate = own().await;
    let unheard = NhsNumber::parse("9999999999").unwrap();
    let mut told = BTreeSet::new();
    for patient in [gate.registered("F99002", 0).nhs_number, unheard] {
        let answer = gate.search(OFFICER, "AuditEvent", patient).await;
        assert!(answer.matches().is_empty(), "{}", answer.text);
        let issues = answer.issues();
        told.insert(issues[0]["diagnostics"].to_string());
    }
    assert_eq!(told.len(), 1);
}
