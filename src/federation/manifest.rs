use crate::{
    domain::{Labels, NhsNumber, OdsCode},
    fhir::ResourceType,
};
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// SHA-256 (lower-case hex) of the manifest's text: the answer's name is its content, so a changed manifest shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AnswerId(pub String);

/// The manifest of one provider's answer: its items as stored, once, whoever is shown them.
#[derive(Clone, Debug)]
pub struct Items {
    pub id: AnswerId,
    pub source: OdsCode,
    pub patient: NhsNumber,
    /// First line: `source patient type`, so that the id covers all of it; then one line an item, of which the first is
    /// item 0: `Type/local-id version sha256-of-the-source's-bytes labels`, without spaces in a field, `-` for nothing.
    pub text: Arc<str>,
}

/// Writes a manifest, item by item.
pub struct ItemsWriter {
    source: OdsCode,
    patient: NhsNumber,
    resource_type: ResourceType,
    text: String,
}

impl ItemsWriter {
    pub fn new(source: OdsCode, patient: NhsNumber, resource_type: ResourceType) -> Self {
        Self { source, patient, resource_type, text: format!("{source} {} {resource_type}", patient.digits()) }
    }

    pub fn item(&mut self, local: &str, version: &str, hash: &[u8], labels: &Labels) {
        let labels = labels.codes().collect::<Vec<_>>().join(",");
        let line = [&format!("\n{}/{local}", self.resource_type), &word(version), &HEXLOWER.encode(hash), &word(&labels)]
            .map(String::as_str)
            .join(" ");
        self.text.push_str(&line);
    }

    pub fn finish(self) -> Arc<Items> {
        let id = AnswerId(HEXLOWER.encode(&sha256(self.text.as_bytes())));
        Arc::new(Items { id, source: self.source, patient: self.patient, text: self.text.into() })
    }
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// One field of a line: no spaces, never empty, nothing that could break the line.
fn word(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
