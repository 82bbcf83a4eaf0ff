//! What the region's folders hold, and what an answer shows, as lists that can be compared.

use crate::{
    harness::{Answer, Gate},
    tokens::Tokens,
};
use caregate::domain::NhsNumber;
use serde_json::value::RawValue;

/// (source's ODS code, resource made neutral), sorted: two copies are two.
pub type Entries = Vec<(String, String)>;

/// What a statute bars from everyone but who wrote it carries this code, of the fixture list.
const BARRED: &str = "\"407376001\"";

/// Everything of this type that the region holds about this patient, and may share.
pub fn held(gate: &Gate, kind: &str, patient: NhsNumber) -> Entries {
    let stored = held_as_stored(gate, kind, patient).into_iter();
    let mut entries: Entries = stored.map(|(ods, json)| (ods, Tokens::parse(&json).neutral().to_string())).collect();
    entries.sort();
    entries
}

/// The same, each as its source stores it.
pub fn held_as_stored(gate: &Gate, kind: &str, patient: NhsNumber) -> Entries {
    let mut entries = Vec::new();
    for provider in &gate.data.providers {
        let about = provider.about(patient).into_iter().filter(|(one, _)| *one == kind);
        let about = about.filter(|(_, resource)| !resource.json.contains(BARRED));
        entries.extend(about.map(|(_, resource)| (provider.ods.to_string(), resource.json.to_string())));
    }
    entries
}

/// The same without one source's.
pub fn held_but(gate: &Gate, kind: &str, patient: NhsNumber, without: &str) -> Entries {
    held(gate, kind, patient).into_iter().filter(|(ods, _)| ods != without).collect()
}

/// The matches' resources on these pages, byte for byte, in the order they were shown.
pub fn raw_matches(pages: &[Answer]) -> Vec<String> {
    let mut found = Vec::new();
    for page in pages {
        assert_eq!(page.status, 200, "{}", page.text);
        let bundle: Bundle = serde_json::from_str(&page.text).unwrap();
        let matches = bundle.entry.iter().filter(|entry| entry.search.mode == "match");
        found.extend(matches.map(|entry| entry.resource.get().to_owned()));
    }
    found
}

/// The matches on these pages, the gateway's rewrites undone.
pub fn shown(pages: &[Answer]) -> Entries {
    let undone = |raw: &String| {
        let (ods, resource) = Tokens::parse(raw).without_provenance();
        (ods, resource.neutral().to_string())
    };
    let mut entries: Entries = raw_matches(pages).iter().map(undone).collect();
    entries.sort();
    entries
}

#[derive(serde::Deserialize)]
struct Bundle {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    resource: Box<RawValue>,
    search: Search,
}

#[derive(serde::Deserialize)]
struct Search {
    mode: String,
}
