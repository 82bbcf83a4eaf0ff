use super::merkle::Hash;
use crate::domain::{Epochs, NhsNumber, OdsCode, RequestId, Timestamp};
use serde::{Deserialize, Serialize};

/// One audit row: what the log's leaf covers, as JSON, byte for byte as stored. Patients, privacy officers and courts
/// read it, so it names things as they were then and never points at something that could change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub kind: Kind,
    pub at: Timestamp,
    pub request_id: RequestId,
    /// `None` only for tokens that were refused: then nobody is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<NhsNumber>,
    /// search, read, create, update, operation, log...: the restful interaction.
    pub interaction: String,
    /// The request as asked: method, path and query, in the gateway's canonical spelling.
    pub request: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// v3-ActReason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The relationship relied on, with its evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// The policy's determining rule ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<Epochs>,
    /// HTTP status answered; 0 in an intent, which has no answer yet.
    pub status: u16,
    /// A short code for what went wrong, or for a bad token why; never free text of a caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many requests this row stands for, where rows are aggregated past a rate (refused tokens).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceLine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Before anything is asked or written. Every other kind closes a request.
    Intent,
    Released,
    Refused,
    Failed,
}

impl Kind {
    /// As stored beside the row; the numbers stay for ever.
    pub fn code(self) -> i16 {
        match self {
            Self::Intent => 0,
            Self::Released => 1,
            Self::Refused => 2,
            Self::Failed => 3,
        }
    }
}

/// The requester as the log keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    pub issuer: String,
    pub subject: String,
    /// staff, patient or system.
    pub party: String,
    /// sds-user-id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OdsCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting: Option<String>,
    pub client: String,
    pub token: String,
    /// The peer's network address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// What one source answered, and which items of its answer were shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceLine {
    pub source: OdsCode,
    /// answered, empty, failed, withheld.
    pub outcome: String,
    /// The failure's code (timeout, wrong-patient...), or the rule that withheld the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<Timestamp>,
    /// The manifest these items are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerId>,
    #[serde(default, skip_serializing_if = "ItemRanges::is_empty")]
    pub released: ItemRanges,
    #[serde(default, skip_serializing_if = "ItemRanges::is_empty")]
    pub withheld: ItemRanges,
}

/// SHA-256 (lower-case hex) of the manifest's text: the answer's name is its content, so a changed manifest shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AnswerId(pub String);

impl AnswerId {
    fn of(text: &[u8]) -> Self {
        Self(Hash::of(&[text]).to_string())
    }
}

/// Positions in a manifest, such as `0-49,52`: sorted, none twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemRanges(String);

impl ItemRanges {
    pub fn of(positions: impl IntoIterator<Item = u32>) -> Self {
        use std::fmt::Write as _;
        let mut sorted: Vec<u32> = positions.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut text = String::new();
        let mut rest = sorted.into_iter().peekable();
        while let Some(first) = rest.next() {
            let mut last = first;
            while let Some(next) = rest.next_if(|n| *n == last + 1) {
                last = next;
            }
            let comma = if text.is_empty() { "" } else { "," };
            // writing to a String cannot fail
            let _ = if first == last { write!(text, "{comma}{first}") } else { write!(text, "{comma}{first}-{last}") };
        }
        Self(text)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, position: u32) -> bool {
        self.0.split(',').any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            matches!((first.parse::<u32>(), last.parse::<u32>()), (Ok(f), Ok(l)) if (f..=l).contains(&position))
        })
    }
}

/// The manifest of one provider's answer: its items as stored, once, whoever is shown them. After the heading each line is
/// an item, the first at position 0: `Type/local-id version sha256-of-the-source's-bytes labels`, each field without
/// spaces, `-` where there is none.
#[derive(Clone, Debug)]
pub struct Items {
    pub id: AnswerId,
    pub source: OdsCode,
    pub patient: NhsNumber,
    /// First line: `source patient type`, then one line an item, so that the id covers all of it.
    pub text: std::sync::Arc<str>,
}

impl Items {
    /// `kind` is the type that was asked for; `lines` are the items.
    pub fn new<L: AsRef<str>>(
        source: OdsCode,
        patient: NhsNumber,
        kind: &str,
        lines: impl IntoIterator<Item = L>,
    ) -> Self {
        let mut text = format!("{}{kind}\n", Self::heading(source, patient));
        for line in lines {
            text.push_str(line.as_ref());
            text.push('\n');
        }
        Self { id: AnswerId::of(text.as_bytes()), source, patient, text: text.into() }
    }

    /// The items' lines, by position.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().skip(1)
    }

    /// Whether id, source and patient are those of the text.
    pub fn is_whole(&self) -> bool {
        self.id == AnswerId::of(self.text.as_bytes())
            && self.text.starts_with(&Self::heading(self.source, self.patient))
    }

    fn heading(source: OdsCode, patient: NhsNumber) -> String {
        format!("{source} {} ", patient.digits())
    }
}

/// Under what a row may commit: the epochs that the permit was decided under, and until when it stands.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    pub patient: NhsNumber,
    pub epochs: Epochs,
    pub valid_until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::ItemRanges;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_contain_what_they_were_made_of_and_nothing_else(positions in proptest::collection::btree_set(0..60_u32, 0..40)) {
            let ranges = ItemRanges::of(positions.iter().copied().rev());
            for at in 0..60 {
                prop_assert_eq!(ranges.contains(at), positions.contains(&at));
            }
        }
    }
}
