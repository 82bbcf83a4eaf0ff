use super::{
    GlobalFacts, PatientFacts, Relationship, Terms, Withdrawer,
    desk::{Alert, Notice},
};
use crate::domain::{NhsNumber, OdsCode, StoreError, Timestamp};
use async_trait::async_trait;

/// What the decision's stage asks of the database. Every write raises the patient's epoch (or the global one) in its own
/// transaction and returns only after that has committed: from then on no release commits against it.
#[async_trait]
pub trait FactStore: Send + Sync {
    /// The patient's epoch first, then the facts, of all of their numbers. A patient never written about is the default; no
    /// row is made.
    ///
    /// # Errors
    /// Of every read: `Unavailable` where the database does not answer, `Corrupt` where what it holds cannot be what was
    /// written. Nobody may take either for facts that are not there.
    async fn patient_facts(&self, patient: NhsNumber) -> Result<PatientFacts, StoreError>;
    async fn global_facts(&self) -> Result<GlobalFacts, StoreError>;
    /// What stood about this patient at an epoch of theirs that is or was, as it mattered at that moment: by these and the
    /// evidence, a past decision can be made again.
    async fn patient_facts_at(&self, patient: NhsNumber, epoch: i64, at: Timestamp)
    -> Result<PatientFacts, StoreError>;
    async fn global_facts_at(&self, epoch: i64) -> Result<GlobalFacts, StoreError>;

    /// Stores a new objection. `Conflict` if the id is taken, or the same recorder's very same objection is in force already.
    async fn create_consent(&self, consent: &ConsentRecord) -> Result<(), StoreError>;
    /// Replaces version `consent.version - 1` (every version is kept), and stores with it what it sets going. `Conflict` if
    /// another is current.
    async fn update_consent(&self, consent: &ConsentRecord, sequel: Option<&Sequel>) -> Result<(), StoreError>;
    /// The current version.
    async fn consent(&self, id: &str) -> Result<Option<ConsentRecord>, StoreError>;
    async fn consent_version(&self, id: &str, version: i64) -> Result<Option<ConsentRecord>, StoreError>;
    /// The current versions of all of a patient's objections, withdrawn ones too, oldest first.
    async fn consents(&self, patient: NhsNumber) -> Result<Vec<ConsentRecord>, StoreError>;

    /// The same organisation, basis and evidence again replaces the period. `Conflict` where it was ended, and did not, as
    /// its sender dates it (`begins`), begin again after that.
    async fn assert_relationship(
        &self,
        patient: NhsNumber,
        relationship: &Relationship,
        begins: Option<Timestamp>,
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

    /// The patient index says that `number` is `current` by now; where the two are the same, that it is in use. Raises the
    /// epochs of all numbers of these persons where that was news, and none where it was not; whether it was.
    async fn supersede(&self, number: NhsNumber, current: NhsNumber) -> Result<bool, StoreError>;

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
    pub terms: Terms,
    pub state: ConsentState,
    /// Who wrote down a withdrawal that is not yet confirmed.
    pub withdrawer: Option<Withdrawer>,
    /// Why it came into this state, in words.
    pub note: Option<String>,
    /// Who wrote this version down...
    pub recorded_by: Recorder,
    pub recorded_at: Timestamp,
    /// ... and who the first.
    pub first_recorded_by: Recorder,
    /// The Consent as we answer it, JSON text.
    pub resource: String,
}

impl ConsentRecord {
    /// Whether it is this organisation's to review: it wrote it down, or it is what it holds that is objected to. Whoever is
    /// kept from seeing something is no judge of that.
    pub fn is_reviewed_by(&self, organisation: OdsCode) -> bool {
        self.first_recorded_by.organisation == Some(organisation) || self.terms.covers.sources.contains(&organisation)
    }

    /// Whether an organisation's privacy office has a say in it: its people recorded it, or it names the organisation.
    pub fn concerns(&self, organisation: OdsCode) -> bool {
        self.concerned().any(|one| one == organisation)
    }

    /// All of those, some more than once.
    pub fn concerned(&self) -> impl Iterator<Item = OdsCode> {
        self.first_recorded_by.organisation.into_iter().chain(self.terms.named())
    }
}

/// What a withdrawal that somebody else recorded sets going: the review desk of the organisation that recorded it looks, and the
/// patient is told.
#[derive(Clone, Debug)]
pub struct Sequel {
    pub alert: Alert,
    pub to_patient: Notice,
}

/// Where an objection stands. In force from the first; reviewed after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsentState {
    Requested,
    UnderReview,
    Upheld,
    /// Decided against, and in force until the patient has been told (UK GDPR Art 18(3)).
    NotUpheld,
    /// Not upheld, and the patient has been told.
    Lifted,
    /// Somebody else than the patient has written down that it is withdrawn: in force for them alone until it is confirmed.
    WithdrawalRecorded,
    Withdrawn,
}

impl ConsentState {
    pub const ALL: [Self; 7] = [
        Self::Requested,
        Self::UnderReview,
        Self::Upheld,
        Self::NotUpheld,
        Self::Lifted,
        Self::WithdrawalRecorded,
        Self::Withdrawn,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::UnderReview => "under-review",
            Self::Upheld => "upheld",
            Self::NotUpheld => "not-upheld",
            Self::Lifted => "lifted",
            Self::WithdrawalRecorded => "withdrawal-recorded",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == code)
    }

    /// For somebody at least.
    pub fn in_force(self) -> bool {
        !matches!(self, Self::Lifted | Self::Withdrawn)
    }

    /// Consent.status (<https://hl7.org/fhir/R4/valueset-consent-state-codes.html>): `active` is in force, and only that.
    pub fn status(self) -> &'static str {
        match self {
            Self::Lifted => "rejected",
            Self::Withdrawn => "inactive",
            _ => "active",
        }
    }
}

/// Who wrote a fact down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorder {
    pub issuer: String,
    pub subject: String,
    pub organisation: Option<OdsCode>,
}
