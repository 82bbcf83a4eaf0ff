use super::{GlobalFacts, ObjectionScope, PatientFacts, Relationship};
use crate::domain::{NhsNumber, OdsCode, StoreError, Timestamp};
use async_trait::async_trait;

/// What the decision's stage asks of the database. Every write raises the patient's epoch (or the global one) in its own
/// transaction and returns only after that has committed: from then on no release commits against it.
#[async_trait]
pub trait FactStore: Send + Sync {
    /// The patient's epoch first, then the facts. A patient never written about is the default; no row is made.
    async fn patient_facts(&self, patient: NhsNumber) -> Result<PatientFacts, StoreError>;
    async fn global_facts(&self) -> Result<GlobalFacts, StoreError>;

    /// Stores a new objection. `Conflict` if the id is taken.
    async fn create_consent(&self, consent: &ConsentRecord) -> Result<(), StoreError>;
    /// Replaces version `consent.version - 1` (every version is kept). `Conflict` if another is current.
    async fn update_consent(&self, consent: &ConsentRecord) -> Result<(), StoreError>;
    /// The current version.
    async fn consent(&self, id: &str) -> Result<Option<ConsentRecord>, StoreError>;
    /// The current versions of all of a patient's objections, withdrawn ones too, oldest first.
    async fn consents(&self, patient: NhsNumber) -> Result<Vec<ConsentRecord>, StoreError>;

    /// The same organisation, basis and evidence again replaces the period.
    async fn assert_relationship(
        &self,
        patient: NhsNumber,
        relationship: &Relationship,
        by: &Recorder,
    ) -> Result<(), StoreError>;
    /// Ends what this organisation asserted (of that evidence, where given) at `at`; how many were ended.
    async fn end_relationship(
        &self,
        patient: NhsNumber,
        organisation: OdsCode,
        evidence: Option<&str>,
        at: Timestamp,
        by: &Recorder,
    ) -> Result<u64, StoreError>;

    /// Bars a user from now on.
    async fn revoke(&self, issuer: &str, subject: &str, reason: &str) -> Result<(), StoreError>;
}

/// One version of a recorded objection.
#[derive(Clone, Debug)]
pub struct ConsentRecord {
    pub id: String,
    /// From 1.
    pub version: i64,
    pub patient: NhsNumber,
    pub scope: ObjectionScope,
    /// Consent.status active; withdrawn is inactive.
    pub in_force: bool,
    pub recorded_by: Recorder,
    pub recorded_at: Timestamp,
    /// The Consent as we answer it, JSON text.
    pub resource: String,
}

/// Who wrote a fact down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorder {
    pub issuer: String,
    pub subject: String,
    pub organisation: Option<OdsCode>,
}
