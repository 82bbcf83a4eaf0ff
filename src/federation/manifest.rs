use super::Failure;
use crate::{
    domain::{Labels, NhsNumber, OdsCode},
    fhir::{ResourceType, is_id, json::Value},
};
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bytes of one manifest. It is written in a transaction that other requests' rows share: a source must not fill that.
const MOST_TEXT: usize = 8 << 20;

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
    /// at position 0: `Type/local-id version sha256-of-the-source's-bytes labels`, without spaces in a field, `-` for
    /// nothing. The labels are those decided by, inherited ones and marks (`sensitivity=name`) included.
    pub text: Arc<str>,
}

impl Items {
    /// `kind` is the type that was asked for; `lines` are the items, which are read no further than they are accepted.
    pub fn new<L: AsRef<str>>(
        source: OdsCode,
        patient: NhsNumber,
        kind: &str,
        lines: impl IntoIterator<Item = L>,
    ) -> Result<Self, Failure> {
        let mut text = format!("{}{kind}\n", Self::heading(source, patient));
        for line in lines {
            text.push_str(line.as_ref());
            text.push('\n');
            if text.len() > MOST_TEXT {
                return Err(Failure::TooLarge);
            }
        }
        Ok(Self::written(source, patient, text))
    }

    fn written(source: OdsCode, patient: NhsNumber, text: String) -> Self {
        Self { id: AnswerId::of(&text), source, patient, text: text.into() }
    }

    /// Of one document: `Binary/ID` as the source calls it, or `Binary/sha256:` and the digest of another address, which may
    /// hold a secret. Its bytes are still to come when it is released, so it has no hash; what is declared of them, and what
    /// refers to it, follow the labels: `Binary/ID - - labels content-type length Type/local-id`.
    pub fn of_document(
        source: OdsCode,
        patient: NhsNumber,
        address: &str,
        labels: &Labels,
        declared: (&str, Option<u64>),
        referrers: &str,
    ) -> Self {
        let name = match address.strip_prefix("Binary/").filter(|id| is_id(id)) {
            Some(_) => address.to_owned(),
            None => format!("Binary/sha256:{}", HEXLOWER.encode(&sha256(address.as_bytes()))),
        };
        let content_type = declared.0.split(';').next().unwrap_or_default().trim();
        let length = declared.1.map(|length| length.to_string()).unwrap_or_default();
        let words = [&spoken(labels), content_type, &length, referrers].map(word).join(" ");
        let text = format!("{}Binary\n{name} - - {words}\n", Self::heading(source, patient));
        Self::written(source, patient, text)
    }

    /// The items' lines, by position.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().skip(1)
    }

    /// Whether id, source and patient are those of the text.
    pub fn is_whole(&self) -> bool {
        self.id == AnswerId::of(&self.text) && self.text.starts_with(&Self::heading(self.source, self.patient))
    }

    fn heading(source: OdsCode, patient: NhsNumber) -> String {
        format!("{source} {} ", patient.digits())
    }
}

impl AnswerId {
    fn of(text: &str) -> Self {
        Self(HEXLOWER.encode(&sha256(text.as_bytes())))
    }
}

/// A resource's own version, as a line names it. It is an id; what is none could be anything of any length, and is not written
/// down: the hash says which bytes it was.
pub fn version_of(resource: Value<'_>) -> String {
    match resource.get("meta").and_then(|meta| meta.text("versionId")) {
        None => String::new(),
        Some(version) if is_id(&version) => version.into_owned(),
        Some(_) => "?".to_owned(),
    }
}

/// An item's line.
pub fn line(resource_type: ResourceType, local: &str, version: &str, hash: &[u8], labels: &Labels) -> String {
    format!("{resource_type}/{local} {} {} {}", word(version), HEXLOWER.encode(hash), word(&spoken(labels)))
}

fn spoken(labels: &Labels) -> String {
    let marks = labels.sensitivities().map(|name| format!("sensitivity={name}"));
    labels.codes().map(str::to_owned).chain(marks).collect::<Vec<_>>().join(",")
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
