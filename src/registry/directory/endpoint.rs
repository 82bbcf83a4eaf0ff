use super::Contact;
use crate::{
    access::Stages,
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::ResourceType,
    registry::Idiom,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use url::Url;

/// Where an organisation's part of the record is asked for (mCSD's Endpoint). One endpoint of each organisation is asked, so it
/// goes by the organisation's code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub ods: OdsCode,
    pub name: String,
    /// The FHIR service root.
    pub address: Url,
    /// The same service at other addresses.
    #[serde(default)]
    pub replicas: Vec<Url>,
    /// What it serves (`payloadType`).
    pub types: BTreeSet<ResourceType>,
    pub idiom: Idiom,
    /// The name of a credential that the deployment keeps for this organisation; none where it wants to see nothing of us.
    pub credential: Option<String>,
    /// Whom to turn to where it fails.
    #[serde(default)]
    pub contacts: Vec<Contact>,
    /// Made-up people whom it holds so that it can be probed.
    pub test_patients: Vec<NhsNumber>,
    /// Milliseconds for all of one answer.
    pub deadline_ms: Option<u64>,
    /// When it is in use.
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
}

impl Endpoint {
    pub fn is_in_use(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// Its own address first, then the replicas'.
    pub fn addresses(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.address).chain(&self.replicas)
    }

    /// What becomes of its stages when it replaces that one: another address or another credential is another endpoint, and a type
    /// that was not served is not probed, unless this version has passed a probe already.
    pub fn restaged(&self, before: Option<&Self>, stood: &Stages, is_probed: bool) -> Stages {
        if is_probed {
            return stood.clone();
        }
        let Some(before) = before.filter(|before| !self.is_another(before)) else {
            return stood.of_another_server();
        };
        let added: Vec<ResourceType> = self.types.difference(&before.types).copied().collect();
        stood.lowered_to_shadow(Some(&added))
    }

    /// Whether this instead of that changes where records are asked for, what goes there of ours, or takes something out of them: then
    /// somebody else approves it.
    pub fn needs_approval(&self, before: Option<&Self>) -> bool {
        // a type that is served no more is out of everybody's record
        before.is_none_or(|before| self.is_another(before) || !self.types.is_superset(&before.types))
    }

    /// Whether it is another server than that one, or is shown another credential of ours.
    pub fn is_another(&self, before: &Self) -> bool {
        self.address != before.address || self.replicas != before.replicas || self.credential != before.credential
    }
}
