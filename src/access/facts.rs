use crate::domain::{Epochs, OdsCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};

/// Everything a decision may rest on, loaded at one moment. The epochs were read *before* the facts: facts newer than
/// their epoch are found out by the release transaction, facts older than it could not be.
#[derive(Clone, Debug)]
pub struct Facts {
    pub patient: std::sync::Arc<PatientFacts>,
    pub global: std::sync::Arc<GlobalFacts>,
    pub evidence: Evidence,
    pub now: Timestamp,
}

impl Facts {
    pub fn epochs(&self) -> Epochs {
        Epochs { patient: self.patient.epoch, global: self.global.epoch }
    }
}

/// What is stored about one patient. `Default` is a patient nobody ever wrote about.
#[derive(Clone, Debug, Default)]
pub struct PatientFacts {
    pub epoch: i64,
    pub objections: Vec<Objection>,
    pub relationships: Vec<Relationship>,
    /// Sources whose answers for this patient held another person's data: not asked, not shown, until a person looks.
    pub quarantined: BTreeSet<OdsCode>,
}

/// What is stored about everyone.
#[derive(Clone, Debug, Default)]
pub struct GlobalFacts {
    pub epoch: i64,
    pub suspended: BTreeSet<OdsCode>,
    /// Users barred at once, by issuer and subject.
    pub revoked: HashSet<(String, String)>,
}

/// An objection in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The Consent's id.
    pub id: String,
    pub scope: ObjectionScope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectionScope {
    WholeRecord,
    /// What this organisation holds is not to be shared.
    Source(OdsCode),
}

/// A care relationship that an organisation's system asserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    pub organisation: OdsCode,
    pub basis: Basis,
    pub start: Timestamp,
    /// Exclusive; `None` while it lasts.
    pub end: Option<Timestamp>,
    /// The evidence's identifier at the asserting organisation (system|value).
    pub evidence: String,
}

/// `basis` of `$assert-relationship` (contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    Registered,
    Encounter,
    Referral,
    Appointment,
    Caseload,
    CareTeam,
}

impl Basis {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Encounter => "encounter",
            Self::Referral => "referral",
            Self::Appointment => "appointment",
            Self::Caseload => "caseload",
            Self::CareTeam => "care-team",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        [Self::Registered, Self::Encounter, Self::Referral, Self::Appointment, Self::Caseload, Self::CareTeam]
            .into_iter()
            .find(|basis| basis.as_str() == code)
    }
}

/// What the requester's own organisation said when asked whether it is this patient's general practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    NotAsked,
    /// Its own Patient names it as general practice.
    Registered,
    NotRegistered,
    /// It could not be reached, or did not answer sense.
    Unreachable,
}
