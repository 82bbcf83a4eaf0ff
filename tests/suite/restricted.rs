//! A patient whose whereabouts are kept from most: no way in tells where they are seen, and no filter finds what is not shown.

use crate::{
    harness::{Answer, Gate, NHS, ODS, Setup, of_patient, own},
    index::{numbers, of_log, outcome, tells_no_place},
    raw::{Act, Raw, ok},
    relationships::assert_relationship,
};
use caregate::domain::{Labels, NhsNumber};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The practice that this index names, which is told, and a hospital, which is not.
const GP: &str = "gp-blackwater";
const CONSULTANT: &str = "consultant-estuary";

/// A region whose index, unlike PDS, names the practice of restricted patients too.
async fn restricted() -> (Raw, Gate, NhsNumber) {
    let region = own().await;
    let number = numbers(&region, "Hollowell")[0];
    let held = region.provider("F99002").about(number);
    let (_, held) = held.iter().find(|(kind, _)| *kind == "Patient").unwrap();
    let held: Value = serde_json::from_str(&held.json).unwrap();
    let patient = json!({
        "resourceType": "Patient",
        "id": number.digits(),
        "meta": {"security": [{"system": Labels::CONFIDENTIALITY, "code": "R"}]},
        "identifier": [{"system": NHS, "value": number.digits()}],
        "name": held["name"],
        "birthDate": held["birthDate"],
        "generalPractitioner": [{"identifier": {"system": ODS, "value": "F99002"}}],
    });
    let index = Raw::start("RZ901").await;
    index.does(move |_, _| Act::Send(ok(patient.to_string())));
    let gate = Setup::default().set("CAREGATE__INDEX__BASE_URL", format!("http://127.0.0.1:{}/", index.port)).start();
    assert_relationship(&gate, number, "RZ901").await;
    (index, gate, number)
}

fn tells_nothing(gate: &Gate, answer: &Answer, of: &str) {
    tells_no_place(gate, &answer.text, of);
    for (name, value) in &answer.headers {
        tells_no_place(gate, value.to_str().unwrap(), &format!("{name} of {of}"));
    }
}

async fn patient_id(gate: &Gate, persona: &str, number: NhsNumber) -> String {
    gate.search(persona, "Patient", number).await.match_ids()[0].clone()
}

#[tokio::test]
async fn what_is_taken_out_of_an_entry_is_not_found_by_a_filter_either() {
    let (_index, gate, number) = restricted().await;
    let mut systems = BTreeSet::new();
    for kind in ["Condition", "Observation", "MedicationRequest", "DocumentReference"] {
        for found in gate.search(GP, kind, number).await.matches() {
            let given = found["identifier"].as_array().into_iter().flatten();
            systems.extend(given.map(|one| (kind, one["system"].as_str().unwrap().to_owned())));
        }
        assert!(!gate.search(CONSULTANT, kind, number).await.matches().is_empty(), "{kind}");
    }
    assert!(systems.len() > 3, "{systems:?}");
    for (kind, system) in systems {
        let query = format!("{kind}?identifier={system}%7C");
        assert!(!gate.search(GP, &query, number).await.matches().is_empty(), "{query}");
        assert_eq!(gate.search(CONSULTANT, &query, number).await.match_ids(), [""; 0], "{query}");
    }
}

#[tokio::test]
async fn everything_a_summary_and_what_comes_along_tell_no_place() {
    let (_index, gate, number) = restricted().await;
    let id = patient_id(&gate, CONSULTANT, number).await;
    assert!(gate.get(GP, &format!("Patient/{id}/$everything?_count=500")).await.text.contains("RZ901"));
    for path in [format!("Patient/{id}/$everything?_count=500"), format!("Patient/{id}/$summary")] {
        let answer = gate.get(CONSULTANT, &path).await;
        assert!(answer.status == 200 && answer.text.contains("Pneumonia"), "{}", answer.text);
        tells_nothing(&gate, &answer, &path);
    }
    let mut along = 0;
    for query in [
        "Encounter?_include=Encounter:service-provider",
        "Encounter?_include=Encounter:participant",
        "Encounter?_include=Encounter:location",
        "Condition?_revinclude=Provenance:target",
        "DiagnosticReport?_include=DiagnosticReport:result",
        "Observation?_include=Observation:performer",
    ] {
        let answer = gate.search(CONSULTANT, query, number).await;
        if answer.status == 400 {
            continue;
        }
        along += answer.entries("include").len();
        tells_nothing(&gate, &answer, query);
    }
    assert!(along > 2, "{along}");
}

#[tokio::test]
async fn a_document_of_theirs_is_not_found_and_no_ending_names_its_source() {
    let (_index, gate, number) = restricted().await;
    let url = |found: &Value| Some(found.pointer("/content/0/attachment/url")?.as_str()?.to_owned());
    let letters: Vec<String> =
        gate.search(GP, "DocumentReference", number).await.matches().iter().filter_map(url).collect();
    let mut opened = 0;
    for url in letters {
        // some are kept elsewhere
        opened += usize::from(gate.get(GP, &url).await.status == 200);
        let answer = gate.get(CONSULTANT, &url).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not-found"), "{}", answer.text);
        tells_nothing(&gate, &answer, "a document");
    }
    assert!(opened > 0, "their practice opens them");
}

/// What else is asked: all of it, its summary, what comes along with each type's entries, and what is included in reverse.
async fn other_ways(gate: &Gate, number: NhsNumber) -> Vec<String> {
    let id = gate.search(CONSULTANT, "Patient", number).await.match_ids().remove(0);
    let mut all = vec![format!("Patient/{id}/$everything?_count=20"), format!("Patient/{id}/$summary")];
    let metadata = Answer::of(gate.request(reqwest::Method::GET, "metadata")).await.json();
    for resource in metadata["rest"][0]["resource"].as_array().unwrap() {
        for (list, name) in [("searchInclude", "_include"), ("searchRevInclude", "_revinclude")] {
            let kind = resource["type"].as_str().unwrap();
            // what the registry brings along is of no patient
            let offered = resource[list].as_array().filter(|_| kind != "Organization").into_iter().flatten();
            all.extend(offered.map(|one| of_patient(&format!("{kind}?{name}={}", one.as_str().unwrap()), number)));
        }
    }
    all
}

#[tokio::test]
async fn whatever_else_is_asked_of_a_restricted_patient_tells_no_place_either() {
    let (_index, gate, number) = restricted().await;
    let (mut along, mut pages) = (0, 0);
    for path in other_ways(&gate, number).await {
        // the practice first: what it is shown must not be what others are shown from memory
        assert_eq!(gate.get(GP, &path).await.status, 200, "{path}");
        let mut next = Some(path.clone());
        while let Some(page) = next {
            let answer = gate.get(CONSULTANT, &page).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            tells_no_place(&gate, &answer.text, &path);
            tells_no_place(&gate, &format!("{:?}", answer.headers), &path);
            assert!(outcome(&gate.closing(&answer).await).2, "{path}: the row says that it was concealed");
            along += answer.text.matches(r#""mode":"include""#).count();
            pages += 1;
            next = answer.next();
        }
    }
    assert!(along > 5 && pages > 60, "{along} came along, on {pages} pages");

    // a document's own head would tell, and nothing leads there: an id from elsewhere is as good as none
    let mut documents = 0;
    for kind in ["DocumentReference", "DiagnosticReport"] {
        let shown = gate.search(GP, kind, number).await.text;
        for id in shown.split("/fhir/Binary/").skip(1).filter_map(|rest| rest.split('"').next()) {
            let path = format!("Binary/{id}");
            // some lead nowhere, for anybody
            documents += usize::from(gate.get(GP, &path).await.status == 200);
            let answer = gate.get(CONSULTANT, &path).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "not-found"), "{}", answer.text);
            tells_no_place(&gate, &answer.text, &path);
            tells_no_place(&gate, &format!("{:?}", answer.headers), &path);
        }
    }
    assert!(documents > 0, "there is a document to ask for");
    let log = gate.get("privacy-officer-estuary", &of_log(number)).await;
    for event in log.matches().into_iter().filter(|event| !event.to_string().contains("RZ901")) {
        tells_no_place(&gate, &event.to_string().replace(ODS, ""), "the log");
    }
}
