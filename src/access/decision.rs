use super::{Permit, RuleId};
use crate::domain::Epochs;
use std::sync::Arc;

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one a decision, taken apart at once")]
pub enum Decision {
    Permit(Permit),
    /// Nothing stored relates them to the patient, but their own organisation's word would: ask it, and decide again.
    NeedsEvidence,
    Refused(Refusal),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub kind: RefusalKind,
    /// What decided, step by step. For the audit only: the one refused never sees it.
    pub rules: Vec<RuleId>,
    pub epochs: Epochs,
    /// The policy's.
    pub fingerprint: Arc<str>,
}

/// What the one refused may know. Everything but `NoConsent` is the same whatever is known about the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// Without role or relationship: whether the patient exists, has data or objected is not told.
    Uniform,
    /// With both: an objection to the whole record stands.
    NoConsent,
    /// No relationship is stored and the requester's own organisation could not be asked.
    CouldNotCheck,
}
