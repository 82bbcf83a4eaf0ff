use crate::{
    access::{OverrideReason, Relationship},
    domain::{Epochs, NhsNumber, OdsCode, RequestId, Timestamp},
    record::SourceLine,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    /// search, read, create, update, operation or batch; page, sign-in or sign-out of our own pages; authenticate where a token was refused, unknown where what was asked
    /// was not understood.
    pub interaction: String,
    /// What was asked, in the gateway's canonical spelling: path and query below its FHIR base. Until it has been understood,
    /// the method and the path's shape; nothing where a token was refused.
    pub request: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// The moment that the facts were weighed at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// v3-ActReason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The relationship relied on, with its evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// The policy's determining rule ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// The fingerprint of the policy that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<Epochs>,
    /// What the requester's own organisation said when it was asked: with the facts of those epochs, all that the decision
    /// rested on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Asked>,
    /// The override that was in force for this reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overriding: Option<Overriding>,
    /// Held back from the patient's own log until the hold of this id is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// HTTP status answered; 0 in an intent, which has no answer yet.
    pub status: u16,
    /// A short code for what went wrong, or for a bad token why; never free text of a caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many requests this row stands for, where rows are aggregated past a rate (refused tokens).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What the patient index said, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identified: Option<Identified>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceLine>,
}

impl Row {
    /// One that says nothing yet, but that it was now.
    pub fn blank(kind: Kind, request_id: RequestId) -> Self {
        Self {
            kind,
            at: Timestamp::now(),
            request_id,
            who: None,
            patient: None,
            interaction: String::new(),
            request: String::new(),
            resource_type: None,
            decided_at: None,
            purpose: None,
            basis: None,
            rules: Vec::new(),
            policy: None,
            epochs: None,
            evidence: None,
            overriding: None,
            held: None,
            status: 0,
            reason: None,
            count: None,
            identified: None,
            sources: Vec::new(),
        }
    }

    /// What was said by everyone who was asked, the patient index first.
    pub fn lines(&self) -> impl Iterator<Item = &SourceLine> {
        self.identified.iter().map(|identified| &identified.line).chain(&self.sources)
    }
}

/// The patient index's word on whom a number means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identified {
    /// The number it was asked about; the row's patient is the one in use.
    pub number: NhsNumber,
    /// Where the patient is seen was kept from this reader.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub concealed: bool,
    /// answered, stale, failed, unknown.
    #[serde(flatten)]
    pub line: SourceLine,
}

/// Live evidence, as the decision had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    Found(Vec<Relationship>),
    Unreachable,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overriding {
    pub id: String,
    pub reason: OverrideReason,
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
    /// Activity codes of the selected role, and the token's SMART scopes: with the rest, all that a decision knew of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activities: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scopes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OdsCode>,
    /// What kind of organisation it was then (organisations.json).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_kind: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting: Option<String>,
    pub client: String,
    pub token: String,
    /// The peer's network address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// Under what a row may commit: the epochs that the permit was decided under, and until when it stands.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// `None` where it is about nobody in particular: then the global epoch alone must stand.
    pub patient: Option<NhsNumber>,
    pub epochs: Epochs,
    pub valid_until: Timestamp,
}
