//! What a source takes back: gone at once from every answer, whoever remembers it, and the source learns who was shown it.

use crate::{
    harness::{Answer, Gate, NHS, ODS, canary, on_each_database, own, source_of},
    overrides::overridden,
    relationships::assert_relationship,
};
use caregate::{
    audit::Kind,
    domain::NhsNumber,
    store::{DatabaseUrl, Store},
};
use serde_json::{Value, json};

const GP: &str = "gp-saltmarsh";
const SYSTEM: &str = "system:RZ901";

/// Parameters by which this organisation takes these items back.
pub fn recalling(patient: NhsNumber, organisation: &str, reason: &str, items: &[&str]) -> Value {
    let mut all = vec![
        json!({"name": "patient", "valueIdentifier": {"system": NHS, "value": patient.digits()}}),
        json!({"name": "organization", "valueIdentifier": {"system": ODS, "value": organisation}}),
        json!({"name": "reason", "valueCode": reason}),
        json!({"name": "note", "valueString": "entered into the wrong record"}),
    ];
    all.extend(items.iter().map(|item| json!({"name": "item", "valueReference": {"reference": item}})));
    json!({"resourceType": "Parameters", "parameter": all})
}

async fn recall(gate: &Gate, patient: NhsNumber, reason: &str, item: &str) -> Answer {
    let answer = gate.post(SYSTEM, "Patient/$recall", &recalling(patient, "RZ901", reason, &[item])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

/// A Condition that Estuary holds of a patient of Saltmarsh: whose, what Estuary calls it, and by what it is known wherever it shows.
fn held_by_estuary(gate: &Gate) -> (NhsNumber, String, String) {
    let patient = gate.shared_with("F99001", "estuary")[0];
    let (_, resource) = *gate.provider("RZ901").about(patient).iter().find(|(kind, _)| *kind == "Condition").unwrap();
    let known = canary(&serde_json::from_str(&resource.json).unwrap());
    (patient, format!("Condition/{}", resource.id), known)
}

/// The gateway's id of the entry known so, where it is shown.
fn shown(answer: &Answer, known: &str) -> Option<String> {
    let matches = answer.matches();
    let found = matches.iter().find(|entry| canary(entry) == known)?;
    Some(found["id"].as_str().unwrap().to_owned())
}

fn values(answer: &Answer, name: &str) -> Vec<Value> {
    let parameters = answer.json()["parameter"].as_array().unwrap().clone();
    parameters.into_iter().filter(|one| one["name"] == name).collect()
}

fn part(showing: &Value, name: &str) -> Value {
    let parts = showing["part"].as_array().unwrap().iter();
    parts
        .filter(|part| part["name"] == name)
        .flat_map(|part| part.as_object().unwrap().iter())
        .find(|(key, _)| key.starts_with("value"))
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
}

#[tokio::test]
async fn what_is_another_patients_is_shown_to_nobody_until_its_source_withdraws_that_and_who_saw_it_is_told() {
    for gate in on_each_database().await {
        let (patient, item, known) = held_by_estuary(&gate);
        let before = gate.search(GP, "Condition", patient).await;
        let id = shown(&before, &known).expect("it is held");

        let answer = recall(&gate, patient, "wrong-patient", &item).await;
        let rows = gate.rows(&answer).await;
        let kinds: Vec<_> = rows.iter().map(|row| (row.kind, row.status, row.patient)).collect();
        assert_eq!(kinds, [(Kind::Intent, 0, Some(patient)), (Kind::Released, 200, Some(patient))]);
        assert_eq!(rows[1].request, format!("Patient/$recall?reason=wrong-patient&item={item}"));
        assert_eq!(values(&answer, "count")[0]["valueUnsignedInt"], 1);
        let [showing] = values(&answer, "shown").try_into().unwrap();
        assert_eq!(part(&showing, "item")["reference"], json!(item));
        assert_eq!(part(&showing, "request"), json!(before.request_id().to_string()));
        assert_eq!(part(&showing, "role"), "R0260");
        assert_eq!(part(&showing, "organization")["value"], "F99001");

        // asked for again, and hidden though its source still gives it out; nothing else of that source is
        let after = gate.search(GP, "Condition", patient).await;
        assert_eq!(shown(&after, &known), None);
        assert_eq!(after.matches().len(), before.matches().len() - 1);
        assert_eq!(after.header("x-completeness"), "complete");
        assert!(after.issues().iter().all(|issue| issue["code"] != "suppressed"), "no choice of the patient's");
        gate.ends(&gate.get(GP, &format!("Condition/{id}")).await, 404, "not-found", Kind::Failed, "not-found").await;
        let row = gate.closing(&after).await;
        assert!(row.sources.iter().any(|line| line.source.as_str() == "RZ901" && !line.withheld.is_empty()));

        // the officers of those who saw it have a task, and the patient reads in the log that it was taken back
        let tasks = gate.get("privacy-officer-saltmarsh", "Task").await.matches();
        assert_eq!(tasks[0]["code"]["coding"][0]["code"], "recall");
        let whole = gate.get("privacy-officer-saltmarsh", &format!("Task/{}", tasks[0]["id"].as_str().unwrap())).await;
        assert!(whole.text.contains(&item) && whole.text.contains("wrong-patient"), "{}", whole.text);
        let log = gate.search(&format!("patient:{}", patient.digits()), "AuditEvent", patient).await;
        assert!(log.text.contains("$recall"), "{}", log.text);

        let withdrawn = recall(&gate, patient, "withdrawn", &item).await;
        assert_eq!(values(&withdrawn, "withdrawn")[0]["valueUnsignedInt"], 1);
        assert_eq!(shown(&gate.search(GP, "Condition", patient).await, &known), Some(id));
    }
}

#[tokio::test]
async fn what_was_entered_in_error_is_shown_from_no_memory_but_as_its_source_gives_it_afterwards() {
    for gate in on_each_database().await {
        let (patient, item, known) = held_by_estuary(&gate);
        assert!(shown(&gate.search(GP, "Condition", patient).await, &known).is_some());
        recall(&gate, patient, "entered-in-error", &item).await;

        // what is remembered is not used, even where that leaves the source missing
        gate.fault("estuary", json!({"fault": "error", "status": 503, "types": ["Condition"]})).await;
        let failing = gate.search(GP, "Condition", patient).await;
        assert_eq!((shown(&failing, &known), failing.header("x-completeness")), (None, "partial"));
        assert!(failing.matches().iter().all(|entry| source_of(entry) != "RZ901"));
        gate.lift("estuary").await;
        assert!(shown(&gate.search(GP, "Condition", patient).await, &known).is_some(), "as it is given now");
    }
}

#[tokio::test]
async fn who_looked_for_anothers_sake_is_told_once_that_may_be_told() {
    let gate = own().await;
    let (patient, item, known) = held_by_estuary(&gate);
    overridden(&gate, GP, patient, "harm-to-child").await;
    assert!(shown(&gate.search(GP, "Condition", patient).await, &known).is_some());
    let answer = recall(&gate, patient, "wrong-patient", &item).await;
    assert_eq!(values(&answer, "shown"), [Value::Null; 0]);
    assert_eq!(values(&answer, "count")[0]["valueUnsignedInt"], 0);
    let tasks = gate.get("privacy-officer-saltmarsh", "Task").await.matches();
    assert!(tasks.iter().any(|task| task["code"]["coding"][0]["code"] == "recall"), "their own officers are");
}

/// Who opened a letter has read what refers to it.
#[tokio::test]
async fn who_opened_the_document_of_what_is_taken_back_was_shown_it() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let letters = gate.search(GP, "DocumentReference", patient).await.matches();
    let url = |one: &Value| one.pointer("/content/0/attachment/url").unwrap().as_str().unwrap().to_owned();
    let letter = letters.iter().find(|one| source_of(one) == "RZ901" && one.to_string().contains("Discharge letter"));
    let letter = letter.unwrap();
    let opened = gate.get(GP, &url(letter)).await;
    assert_eq!(opened.status, 200);
    let theirs = gate.provider("RZ901").about(patient);
    let theirs = theirs.iter().find(|(_, one)| one.json.contains(&canary(letter))).unwrap();
    let answer = recall(&gate, patient, "entered-in-error", &format!("DocumentReference/{}", theirs.1.id)).await;
    let told: Vec<Value> = values(&answer, "shown").iter().map(|one| part(one, "request")).collect();
    assert!(told.contains(&json!(opened.request_id().to_string())), "{}", answer.text);
}

/// A source learns that it was shown, and not to whom where else: for them that is where somebody could look.
#[tokio::test]
async fn of_a_restricted_patient_a_recall_names_nobody_of_another_organisation() {
    let gate = own().await;
    let (gp, patient) = ("gp-blackwater", crate::index::numbers(&gate, "Hollowell")[0]);
    assert_relationship(&gate, patient, "RZ901").await;
    for reader in [gp, "consultant-estuary"] {
        assert!(!gate.search(reader, "Condition", patient).await.matches().is_empty());
    }
    let held = gate.provider("RZ901").about(patient);
    let (_, held) = held.iter().find(|(kind, _)| *kind == "Condition").unwrap();
    let answer = recall(&gate, patient, "wrong-patient", &format!("Condition/{}", held.id)).await;
    assert_eq!(values(&answer, "count")[0]["valueUnsignedInt"], 2);
    let mut organisations = Vec::new();
    for showing in values(&answer, "shown") {
        assert_eq!(part(&showing, "user").is_null(), part(&showing, "organization").is_null());
        organisations.push(part(&showing, "organization")["value"].clone());
    }
    organisations.sort_by_key(Value::to_string);
    assert_eq!(organisations, [json!("RZ901"), Value::Null]);
    assert!(!answer.text.contains("F99002"), "{}", answer.text);
}

#[tokio::test]
async fn a_system_takes_back_its_own_entries_alone() {
    let gate = own().await;
    let (patient, item, known) = held_by_estuary(&gate);
    let answer =
        gate.post("system:RZ902", "Patient/$recall", &recalling(patient, "RZ901", "wrong-patient", &[&item])).await;
    gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
    // what another says in its own name of an id that is Estuary's is about its own
    let answer =
        gate.post("system:RZ902", "Patient/$recall", &recalling(patient, "RZ902", "wrong-patient", &[&item])).await;
    assert_eq!(answer.status, 200);
    assert!(shown(&gate.search(GP, "Condition", patient).await, &known).is_some());
}

#[tokio::test]
async fn what_was_taken_back_is_no_evidence_of_a_relationship_and_no_reason_to_refuse_others() {
    let gate = own().await;
    let (patient, item, known) = held_by_estuary(&gate);
    assert_relationship(&gate, patient, "RZ902").await;
    let reader = "consultant-colneside";
    assert!(shown(&gate.search(reader, "Condition", patient).await, &known).is_some());
    recall(&gate, patient, "wrong-patient", &item).await;
    let after = gate.search(reader, "Condition", patient).await;
    assert_eq!((after.status, shown(&after, &known)), (200, None));
}

#[tokio::test]
async fn a_recall_that_is_not_understood_is_refused_with_its_place_and_takes_nothing_back() {
    let gate = own().await;
    let (patient, item, known) = held_by_estuary(&gate);
    let good = recalling(patient, "RZ901", "wrong-patient", &[&item]);
    let changed = |at: usize, value: Value| {
        let mut body = good.clone();
        body["parameter"][at] = value;
        body
    };
    let without = |at: usize| {
        let mut body = good.clone();
        body["parameter"].as_array_mut().unwrap().remove(at);
        body
    };
    let reference = |to: &str| json!({"name": "item", "valueReference": {"reference": to}});
    let many: Vec<String> = (0..51).map(|n| format!("Condition/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (body, code) in [
        (without(0), "required"),
        (without(1), "required"),
        (without(2), "required"),
        (without(4), "required"),
        (changed(2, json!({"name": "reason", "valueCode": "embarrassing"})), "value"),
        (changed(3, json!({"name": "why", "valueString": "x"})), "not-supported"),
        (changed(4, reference("Patient/1")), "value"),
        (changed(4, reference("Horoscope/1")), "value"),
        (changed(4, reference("Condition")), "value"),
        (changed(4, reference("Condition/a/_history/1")), "value"),
        (changed(4, reference("https://rz901.example/fhir/Condition/a")), "value"),
        (recalling(patient, "RZ901", "wrong-patient", &many), "value"),
    ] {
        let answer = gate.post(SYSTEM, "Patient/$recall", &body).await;
        gate.ends(&answer, 422, code, Kind::Failed, "content").await;
        assert!(
            answer.json()["issue"][0]["expression"][0].as_str().unwrap().starts_with("Parameters"),
            "{}",
            answer.text
        );
    }
    // of whom anything is given out is learned by nobody else than themselves
    for another in ["ZZ999", "RZ902"] {
        let body = recalling(patient, another, "wrong-patient", &[&item]);
        let answer = gate.post(SYSTEM, "Patient/$recall", &body).await;
        gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
    }
    let body = recalling(patient, "ZZ999", "wrong-patient", &[&item]);
    let answer = gate.post("system:ZZ999", "Patient/$recall", &body).await;
    gate.ends(&answer, 422, "value", Kind::Failed, "content").await;
    assert!(shown(&gate.search(GP, "Condition", patient).await, &known).is_some());
}

#[tokio::test]
async fn what_is_recalled_again_stands_recalled_once_and_from_then_on() {
    for gate in on_each_database().await {
        let (patient, item, known) = held_by_estuary(&gate);
        for _ in 0..3 {
            recall(&gate, patient, "entered-in-error", &item).await;
            // the source holds it as it did, and so gives it out anew as right
            assert!(shown(&gate.search(GP, "Condition", patient).await, &known).is_some());
        }
        let store = Store::open_existing(&DatabaseUrl::parse(&gate.database).unwrap()).await.unwrap();
        let facts = store.facts().patient_facts(patient).await.unwrap();
        assert_eq!(facts.recalls.len(), 1, "{:?}", facts.recalls);
    }
}
