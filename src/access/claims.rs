//! What becomes of a claimed relationship: evidence confirms it, or the privacy officer hears of it.

use super::{
    Basis, PatientFacts, Person, Relationships,
    desk::{Alert, TaskKind},
};
use crate::domain::{NhsNumber, OdsCode, StoreError, Timestamp};
use async_trait::async_trait;
use serde_json::{Map, json};

/// One person's own word that they care for a patient. While it holds it is a `Relationship` too, whose evidence is this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRecord {
    pub id: String,
    pub patient: NhsNumber,
    pub organisation: OdsCode,
    pub person: Person,
    pub reason: String,
    pub at: Timestamp,
    /// Unconfirmed then, the privacy officer is told.
    pub confirm_by: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
    /// What was found when the organisation itself was asked.
    pub confirmed_by: Option<String>,
}

/// A claim's end: what confirmed it, and what is put before the privacy officer, if anything.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub confirmed_by: Option<String>,
    pub task: Option<Alert>,
}

#[async_trait]
pub trait ClaimStore: Send + Sync {
    /// Stores the claim and its relationship, and raises the patient's epoch; unless one of this person's for this patient
    /// stands: then nothing. The one that stands.
    async fn claim(&self, claim: &ClaimRecord) -> Result<ClaimRecord, StoreError>;
    /// This person's claims for this patient that are not settled are confirmed by this; those that are already stay so.
    async fn confirm(
        &self,
        patient: NhsNumber,
        organisation: OdsCode,
        person: &Person,
        evidence: &str,
    ) -> Result<(), StoreError>;
    /// Those to be settled by now, oldest first, no more than `limit`.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<ClaimRecord>, StoreError>;
    /// Settles it, with its task and alert in the same transaction; nothing where it has changed or is settled already.
    async fn settle(&self, claim: &ClaimRecord, settlement: &Settlement) -> Result<(), StoreError>;
}

impl ClaimRecord {
    /// By what was found live, else by what the organisation's system asserted of a time that the claim shares. Without
    /// either that is for its officers to know; of the confirmed one in `review_one_in`, the same for whichever node looks, is looked at too.
    pub fn settled(&self, facts: &PatientFacts, rules: &Relationships, now: Timestamp, base: &str) -> Settlement {
        let confirmed_by = self.confirmed_by.clone().or_else(|| self.asserted(facts, rules));
        let kind = match &confirmed_by {
            None => Some(TaskKind::ClaimUnconfirmed),
            Some(_) if self.is_sampled(rules.claim.review_one_in) => Some(TaskKind::ClaimSample),
            Some(_) => None,
        };
        let task = kind.map(|kind| {
            let mut detail = Map::new();
            for (name, value) in [
                ("claimant", json!(self.person)),
                ("reason", json!(self.reason)),
                ("start", json!(self.at.fhir())),
                ("end", json!(self.until.fhir())),
                ("confirmedBy", json!(confirmed_by)),
            ] {
                detail.insert(name.to_owned(), value);
            }
            Alert::new(kind, self.organisation, self.patient, &self.id, detail, now, base)
        });
        Settlement { confirmed_by, task }
    }

    fn asserted(&self, facts: &PatientFacts, rules: &Relationships) -> Option<String> {
        let shares_time = |(from, until): (Timestamp, Timestamp)| from < self.until && self.at < until;
        let confirms = facts.relationships.iter().find(|relationship| {
            relationship.organisation == self.organisation
                && relationship.basis != Basis::Claim
                && shares_time(rules.holds(relationship))
        })?;
        Some(format!("{}: {}", confirms.basis.as_str(), confirms.evidence))
    }

    /// The id is random and made here: nobody can choose to be left out.
    fn is_sampled(&self, one_in: u32) -> bool {
        uuid::Uuid::try_parse(&self.id).is_ok_and(|id| id.as_u128() % u128::from(one_in.max(1)) == 0)
    }
}

#[cfg(test)]
mod tests;
