//! Answers made comparable: as JSON, without what a server stamps on what it stores, numbers by their value.

use crate::harness::{Answer, Gate};
use caregate::domain::NhsNumber;
use serde_json::Value;

/// An entry's mode and id, and what of it can be compared.
pub type Shown = (String, String, Value);

/// Every entry of every page but the outcomes, in order.
pub fn shown(gate: &Gate, pages: &[Answer]) -> Vec<Shown> {
    let entries = pages.iter().flat_map(|page| {
        let bundle: Value = serde_json::from_str(&page.text.replace(&gate.url, "http://gateway.example")).unwrap();
        bundle["entry"].as_array().cloned().unwrap_or_default()
    });
    let matches = entries.filter(|entry| entry["search"]["mode"] != "outcome");
    let read = matches.map(|mut entry| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (mode, id) = (text(&entry["search"]["mode"]), text(&entry["resource"]["id"]));
        comparable(&mut entry);
        (mode, id, entry)
    });
    read.collect()
}

/// What the outcome entries say of each source, without the times.
pub fn completeness(pages: &[Answer]) -> Vec<(Value, Option<String>)> {
    let said = |issue: &Value| (issue["details"]["coding"][0]["code"].clone(), crate::harness::named_in(issue));
    let all = pages.iter().flat_map(|page| page.issues().iter().map(said).collect::<Vec<_>>());
    // what servers declare is their own: that one may be asked by filters says nothing of what it holds
    all.filter(|(code, _)| code != "by-filter").collect()
}

pub fn comparable(value: &mut Value) {
    match value {
        Value::Number(number) => *value = number.as_f64().unwrap().into(),
        Value::Array(items) => items.iter_mut().for_each(comparable),
        Value::Object(members) => {
            if let Some(Value::Object(meta)) = members.get_mut("meta") {
                meta.remove("versionId");
                meta.remove("lastUpdated");
                // sets, which HAPI keeps in an order of its own
                for name in ["profile", "security", "tag"] {
                    if let Some(Value::Array(items)) = meta.get_mut(name) {
                        items.sort_by_key(Value::to_string);
                    }
                }
            }
            members.values_mut().for_each(comparable);
        }
        _ => {}
    }
}

/// As HAPI keeps it: section "The fragment of meta.source".
pub fn without_fragment((mode, id, entry): &Shown) -> Shown {
    let mut entry = entry.clone();
    for extension in entry["resource"]["meta"]["extension"].as_array_mut().into_iter().flatten() {
        if let Some((source, _)) = extension["valueUri"].as_str().and_then(|uri| uri.split_once('#')) {
            extension["valueUri"] = Value::from(source);
        }
    }
    (mode.clone(), id.clone(), entry)
}

/// All pages of a search by the patient's own GP; each is whole, or could not be compared.
pub async fn asked(gate: &Gate, patient: NhsNumber, kind: &str, pairs: &[(String, String)]) -> Vec<Answer> {
    let practice = gate.data.patient(patient).unwrap().gp_practice;
    let gp = if practice.as_str() == "F99001" { "gp-saltmarsh" } else { "gp-blackwater" };
    let partial = |pages: &[Answer]| pages.iter().position(|page| page.header("x-completeness") != "complete");
    for _ in 0..3 {
        let pages = gate.pages(gp, &format!("{kind}?{}", crate::queries::written(pairs)), patient).await;
        let Some(at) = partial(&pages) else { return pages };
        // a real server on a busy machine may hang up; one that never answers this fails below
        eprintln!("asked again: {kind} {pairs:?}: {}", pages[at].text);
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    panic!("{kind} {pairs:?}: three times partial, see above");
}
