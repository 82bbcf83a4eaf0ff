use crate::{domain::NhsNumber, fhir::ResourceType};

/// What is wanted, as the decision sees it: one action on one patient.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub action: Action,
    /// `None` where the id presented is none of ours: refused like any other, so that it tells nothing.
    pub patient: Option<NhsNumber>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Search or read this type in the joined-up record.
    ReadRecord(ResourceType),
    /// The patient's access log (AuditEvent).
    ReadLog,
    /// Consent: see, record, withdraw an objection.
    ReadObjections,
    RecordObjection,
    WithdrawObjection,
    /// An organisation's system says that it cares, or no longer cares, for the patient.
    AssertRelationship,
    EndRelationship,
}
