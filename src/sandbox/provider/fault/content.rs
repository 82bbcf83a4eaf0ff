//! Faults in what an answer says.

use super::Fault;
use crate::sandbox::data::{Members, ProviderData, Resource};
use crate::sandbox::provider::bundle::Entry;
use serde_json::json;
use std::borrow::Cow;

/// The body of a read.
pub fn resource(resource: &Resource, kind: &str, data: &ProviderData, fault: &Fault) -> String {
    tampered(&resource.json, kind, data, fault).unwrap_or_else(|| resource.json.to_string())
}

/// The entries of a page.
pub fn entries(entries: &mut Vec<Entry<'_>>, kind: &str, data: &ProviderData, fault: &Fault) {
    let all = matches!(fault, Fault::WrongDemographics | Fault::Attachments { .. });
    let touched = if all { entries.len() } else { 1 };
    for entry in entries.iter_mut().take(touched) {
        if let Some(json) = tampered(&entry.resource, kind, data, fault) {
            entry.resource = Cow::Owned(json);
        }
    }
    if *fault == Fault::FatalEntry {
        let issue = json!([{"severity": "fatal", "code": "exception", "diagnostics": "The index failed half way."}]);
        entries.push(Entry::outcome(json!({"resourceType": "OperationOutcome", "issue": issue}).to_string()));
    }
}

/// The resource with the fault done to it, all else byte for byte; `None` if the fault is not of this kind.
fn tampered(json: &str, kind: &str, data: &ProviderData, fault: &Fault) -> Option<String> {
    if let Fault::Attachments { base } = fault {
        return Some(json.replace(r#""url":"Binary/"#, &format!(r#""url":"{base}/Binary/"#)));
    }
    let mut members = Members::parse(json).ok()?;
    match fault {
        Fault::DuplicateKeys => {
            let key = ["subject", "patient"].into_iter().find(|key| members.has(key))?;
            let first = members.value(key);
            let is_other = |patient: &&Resource| first != reference(&patient.id);
            let other = data.of_type("Patient").iter().find(is_other).map_or("another", |patient| patient.id.as_str());
            members.append(key, &reference(other)).ok()?;
        }
        Fault::NoSubject => ["subject", "patient", "participant"].into_iter().for_each(|key| members.remove(key)),
        Fault::WrongDemographics if kind == "Patient" => {
            members.remove("birthDate");
            members.remove("name");
            members.append("birthDate", &json!("1901-01-01")).ok()?;
            members.append("name", &json!([{"family": "Changeling", "given": ["Nobody"]}])).ok()?;
        }
        _ => return None,
    }
    Some(members.to_json())
}

fn reference(patient: &str) -> serde_json::Value {
    json!({"reference": format!("Patient/{patient}")})
}
