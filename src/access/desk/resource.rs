//! A task as FHIR: <https://hl7.org/fhir/R4/task.html>

use super::{DeskTask, Remark, TaskKind};
use crate::domain::{NhsNumber, OdsCode};
use serde_json::{Map, Value, json};

/// As a list shows it: the patient by our own opaque id alone, and nothing that anybody wrote.
pub fn listed(task: &DeskTask, patient: &str) -> Value {
    Value::Object(common(task, patient))
}

/// As its reader sees it, who was found to be an officer of its organisation.
pub fn whole(task: &DeskTask, patient: &str) -> Value {
    let mut whole = common(task, patient);
    let number = json!({"system": NhsNumber::SYSTEM, "value": task.patient.digits()});
    whole.insert("for".into(), json!({"reference": format!("Patient/{patient}"), "identifier": number}));
    whole.insert("focus".into(), json!({"identifier": {"value": task.about}}));
    let inputs: Vec<Value> = task.detail.iter().map(|(name, value)| input(name, value)).collect();
    let notes: Vec<Value> = task.closed.iter().chain(task.released()).map(note).collect();
    for (name, list) in [("input", inputs), ("note", notes)] {
        if !list.is_empty() {
            whole.insert(name.into(), list.into());
        }
    }
    Value::Object(whole)
}

fn common(task: &DeskTask, patient: &str) -> Map<String, Value> {
    let changed = task.closed.iter().chain(task.released()).map(|remark| remark.at).max().unwrap_or(task.at).fhir();
    let mut common = Map::new();
    for (name, value) in [
        ("resourceType", json!("Task")),
        ("id", json!(task.id)),
        ("meta", json!({"versionId": task.version().to_string(), "lastUpdated": changed})),
        ("status", json!(if task.closed.is_some() { "completed" } else { "requested" })),
        ("intent", json!("order")),
        ("code", json!({"coding": [{"system": TaskKind::SYSTEM, "code": task.kind.as_str()}]})),
        ("for", json!({"reference": format!("Patient/{patient}")})),
        ("authoredOn", json!(task.at.fhir())),
        ("lastModified", json!(changed)),
        ("owner", json!({"identifier": {"system": OdsCode::SYSTEM, "value": task.organisation}})),
    ] {
        common.insert(name.to_owned(), value);
    }
    if let Some(hold) = &task.hold {
        let said = match hold.released {
            None => "held back from the patient's log",
            Some(_) => "released into the patient's log",
        };
        common.insert("businessStatus".into(), json!({"text": said}));
    }
    common
}

fn input(name: &str, value: &Value) -> Value {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    json!({"type": {"text": name}, "valueString": text})
}

fn note(remark: &Remark) -> Value {
    let author = json!({"identifier": {"system": remark.by.issuer, "value": remark.by.subject}});
    json!({"authorReference": author, "time": remark.at.fhir(), "text": remark.text})
}
