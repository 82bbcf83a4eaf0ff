use super::{PatientFacts, Person, desk::Alert};
use crate::{
    domain::{NhsNumber, OdsCode, StoreError, Timestamp},
    fhir::{ResourceType, is_id},
};
use async_trait::async_trait;

/// What the story of a recall asks of the database.
#[async_trait]
pub trait RecallStore: Send + Sync {
    /// Stores it, and raises the patient's epoch in the same transaction: from its commit on no release shows what it
    /// covers.
    async fn recall(&self, recalled: &Recalled) -> Result<(), StoreError>;
    /// Takes back what was said of these items being another patient's; how many.
    async fn withdraw(&self, recalled: &Recalled) -> Result<u64, StoreError>;
    /// Has the officers told whose people saw it.
    async fn tell(&self, alerts: &[Alert]) -> Result<(), StoreError>;
}

/// A recall to be stored: this source was wrong to give these items out as this patient's, or as they are.
#[derive(Clone, Debug)]
pub struct Recalled {
    pub id: String,
    pub source: OdsCode,
    pub patient: NhsNumber,
    pub items: Vec<Item>,
    pub reason: RecallReason,
    pub note: Option<String>,
    pub by: Person,
    pub at: Timestamp,
}

/// An entry, as its source calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub resource_type: ResourceType,
    pub local: String,
}

impl Item {
    /// `None` for what is no entry of a record: a Patient is not one.
    pub fn parse(resource_type: &str, local: &str) -> Option<Self> {
        let resource_type = ResourceType::parse(resource_type).filter(|of| *of != ResourceType::Patient)?;
        is_id(local).then(|| Self { resource_type, local: local.to_owned() })
    }

    /// `Type/local-id`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.resource_type, self.local)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecallReason {
    /// What was fetched before is not shown; what the source gives afterwards is.
    EnteredInError,
    /// It is another patient's: not shown, whatever the source gives, until the source withdraws this.
    WrongPatient,
    /// It was this patient's after all.
    Withdrawn,
}

impl RecallReason {
    pub const ALL: [Self; 3] = [Self::EnteredInError, Self::WrongPatient, Self::Withdrawn];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::EnteredInError => "entered-in-error",
            Self::WrongPatient => "wrong-patient",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == code)
    }
}

/// A recall in force, of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    pub source: OdsCode,
    pub item: Item,
    pub reason: RecallReason,
    /// The patient's epoch that it raised.
    pub epoch: i64,
}

impl PatientFacts {
    /// The epoch by which this source last took something back: what was asked of it under an earlier one may hold
    /// that.
    pub fn recalled_at(&self, source: OdsCode) -> i64 {
        let own = self.recalls.iter().filter(|recall| recall.source == source);
        own.map(|recall| recall.epoch).max().unwrap_or_default()
    }

    /// Whether this source has taken back an entry that was asked for under this epoch.
    pub fn is_recalled(&self, source: OdsCode, resource_type: ResourceType, local: &str, asked_at: i64) -> bool {
        self.recalls.iter().any(|recall| {
            let same = recall.source == source && recall.item.resource_type == resource_type;
            let still = recall.reason == RecallReason::WrongPatient || asked_at < recall.epoch;
            same && recall.item.local == local && still
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_before_is_taken_back_and_another_patients_for_good() {
        let source = OdsCode::parse("RZ901").unwrap();
        let item = |local: &str| Item { resource_type: ResourceType::Observation, local: local.to_owned() };
        let recall = |local, reason, epoch| Recall { source, item: item(local), reason, epoch };
        let recalls = vec![recall("a", RecallReason::EnteredInError, 3), recall("b", RecallReason::WrongPatient, 2)];
        let facts = PatientFacts { recalls, ..PatientFacts::default() };
        assert_eq!(facts.recalled_at(source), 3);
        assert_eq!(facts.recalled_at(OdsCode::parse("RZ902").unwrap()), 0);
        let is = |local, asked_at| facts.is_recalled(source, ResourceType::Observation, local, asked_at);
        assert_eq!(["a", "b", "c"].map(|local| is(local, 2)), [true, true, false]);
        assert_eq!(["a", "b", "c"].map(|local| is(local, 3)), [false, true, false]);
        assert!(!facts.is_recalled(source, ResourceType::Condition, "a", 0));
        assert!(!facts.is_recalled(OdsCode::parse("RZ902").unwrap(), ResourceType::Observation, "a", 0));
    }
}
