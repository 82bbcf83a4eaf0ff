use super::{Endpoint, Organisation};
use crate::{
    access::{Listed, Recorder},
    domain::{OdsCode, Timestamp},
};

/// One version of what is registered.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// From 1, for each organisation and sort of entry.
    pub version: i64,
    pub content: Content,
    pub state: EntryState,
    pub by: Recorder,
    /// By the organisation's own system, and not by a person.
    pub by_system: bool,
    pub at: Timestamp,
    /// Who let it in, or did not.
    pub decided: Option<Decided>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Organization(Organisation),
    Endpoint(Endpoint),
}

/// A version that needs nobody's approval is in force at once; each that comes into force replaces the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryState {
    Proposed,
    InForce,
    Refused,
    Replaced,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub by: Recorder,
    pub at: Timestamp,
    pub reason: Option<String>,
}

impl Content {
    pub fn listed(&self) -> Listed {
        match self {
            Self::Organization(_) => Listed::Organization,
            Self::Endpoint(_) => Listed::Endpoint,
        }
    }

    /// Whose it is, and its id.
    pub fn ods(&self) -> OdsCode {
        match self {
            Self::Organization(organisation) => organisation.ods,
            Self::Endpoint(endpoint) => endpoint.ods,
        }
    }

    /// Whether this needs a second person where that is in force.
    pub fn needs_approval(&self, before: Option<&Self>) -> bool {
        match (self, before) {
            (Self::Organization(new), Some(Self::Organization(before))) => new.needs_approval(Some(before)),
            (Self::Endpoint(new), Some(Self::Endpoint(before))) => new.needs_approval(Some(before)),
            _ => true,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Organization(organisation) => &organisation.name,
            Self::Endpoint(endpoint) => &endpoint.name,
        }
    }
}

impl EntryState {
    pub const SYSTEM: &str = "https://caregate.example/CodeSystem/registration-state";
    pub const ALL: [Self; 4] = [Self::Proposed, Self::InForce, Self::Refused, Self::Replaced];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::InForce => "in-force",
            Self::Refused => "refused",
            Self::Replaced => "replaced",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == code)
    }
}
