use super::{Objection, Override, Recall, Stage, Stages};
use crate::domain::{Epochs, NhsNumber, Numbers, OdsCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

/// Everything a decision may rest on, loaded at one moment. The epochs were read *before* the facts: facts newer than
/// their epoch are found out by the release transaction, facts older than it could not be.
#[derive(Clone, Debug)]
pub struct Facts {
    pub patient: Arc<PatientFacts>,
    pub global: Arc<GlobalFacts>,
    pub evidence: Evidence,
    /// The kind of the requester's organisation (organisations.json); `None` where the region does not know it.
    pub organisation: Option<Arc<str>>,
    /// When what is in force of the registry changes by itself: an agreement or a period begins or ends then.
    pub until: Option<Timestamp>,
    pub now: Timestamp,
}

impl Facts {
    pub fn epochs(&self) -> Epochs {
        Epochs { patient: self.patient.epoch, global: self.global.epoch }
    }
}

/// What is stored about one patient, under any of their numbers. `Default` is a patient nobody ever wrote about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatientFacts {
    /// Of the number in use; what is written under any of them raises them all. At 0 nobody ever wrote.
    pub epoch: i64,
    /// The number in use, where it is not the one asked for, and those given up for it.
    pub current: Option<NhsNumber>,
    pub superseded: Vec<NhsNumber>,
    pub objections: Vec<Objection>,
    pub relationships: Vec<Relationship>,
    pub overrides: Vec<Override>,
    /// Sources whose answers for this patient held another person's data: not asked, not shown, until a person looks.
    pub quarantined: BTreeSet<OdsCode>,
    /// What sources have taken back.
    pub recalls: Vec<Recall>,
}

impl PatientFacts {
    /// All numbers of the person whose number was asked for.
    pub fn numbers(&self, asked: NhsNumber) -> Numbers {
        Numbers::new(self.current.unwrap_or(asked), &self.superseded)
    }
}

/// What is stored about everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GlobalFacts {
    pub epoch: i64,
    pub suspended: BTreeSet<OdsCode>,
    /// Of every endpoint that joined by itself; those that the deployment itself configures are shown as they are.
    pub stages: BTreeMap<OdsCode, Stages>,
    /// The epoch by which the registry last changed.
    pub registry: i64,
    /// Users barred at once.
    pub revoked: HashSet<Person>,
    /// The fingerprint of the policy in force; `None` where none was ever stored.
    pub policy: Option<Arc<str>>,
}

impl GlobalFacts {
    /// How far this source has come with this type; one that the deployment itself configures is live.
    pub fn stage(&self, source: OdsCode, resource_type: &str) -> Stage {
        self.stages.get(&source).map_or(Stage::Live, |stages| stages.of(resource_type))
    }
}

/// A user: the issuer's URL and its name for them, together unique for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    pub issuer: String,
    pub subject: String,
}

/// A care relationship: asserted by an organisation's system, found by asking it, or claimed by one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    pub organisation: OdsCode,
    pub basis: Basis,
    pub start: Timestamp,
    /// Exclusive; `None` while it lasts.
    pub end: Option<Timestamp>,
    /// It was ended explicitly: it ends then, however long its kind holds otherwise.
    #[serde(default)]
    pub closed: bool,
    /// The evidence's identifier at the asserting organisation (system|value), what it was found in, or the claim's id.
    pub evidence: String,
    /// Whose alone it is: a claim's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    Registered,
    Encounter,
    Referral,
    Appointment,
    Caseload,
    CareTeam,
    /// One person's own word.
    Claim,
}

impl Basis {
    /// Those that an organisation's system may assert: `basis` of `$assert-relationship` (contract).
    pub const ASSERTED: [Self; 6] =
        [Self::Registered, Self::Encounter, Self::Referral, Self::Appointment, Self::Caseload, Self::CareTeam];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Encounter => "encounter",
            Self::Referral => "referral",
            Self::Appointment => "appointment",
            Self::Caseload => "caseload",
            Self::CareTeam => "care-team",
            Self::Claim => "claim",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ASSERTED.into_iter().chain([Self::Claim]).find(|basis| basis.as_str() == code)
    }
}

/// What the requester's own organisation said when asked whether it cares for this patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    NotAsked,
    /// What it answered holds these; none is a no.
    Found(Arc<[Relationship]>),
    /// It could not be reached, or did not answer sense.
    Unreachable,
}
