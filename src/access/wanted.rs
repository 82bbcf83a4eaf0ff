use crate::{
    domain::{NhsNumber, OdsCode},
    fhir::ResourceType,
};

/// What is wanted, as the decision sees it: one action on one patient.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub action: Action,
    /// `None` where the id presented is none of ours: refused like any other, so that it tells nothing.
    pub patient: Option<NhsNumber>,
}

/// Each needs its own SMART scope: `patient/`, `user/` or `system/`, after the party that asks, and then as said here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Look for this type in the joined-up record: `[Type].s` or `[Type].r`.
    ReadRecord(ResourceType, Interaction),
    /// The patient's access log: `AuditEvent.s` or `AuditEvent.r`.
    ReadLog(Interaction),
    /// See objections: `Consent.s` or `Consent.r`.
    ReadObjections(Interaction),
    /// `Consent.c`.
    RecordObjection,
    /// `Consent.u`.
    WithdrawObjection,
    /// A system says that this organisation cares for the patient: `Patient.u`.
    AssertRelationship { organisation: OdsCode },
    /// ... and that it no longer does: `Patient.u`.
    EndRelationship { organisation: OdsCode },
}

/// <https://hl7.org/fhir/R4/http.html>: search-type or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interaction {
    Search,
    Read,
}

impl Action {
    /// The type and the letter that a SMART scope must cover.
    pub(super) fn scope(self) -> (&'static str, char) {
        let letter = |interaction| match interaction {
            Interaction::Search => 's',
            Interaction::Read => 'r',
        };
        match self {
            Self::ReadRecord(resource_type, interaction) => (resource_type.as_str(), letter(interaction)),
            Self::ReadLog(interaction) => ("AuditEvent", letter(interaction)),
            Self::ReadObjections(interaction) => ("Consent", letter(interaction)),
            Self::RecordObjection => ("Consent", 'c'),
            Self::WithdrawObjection => ("Consent", 'u'),
            Self::AssertRelationship { .. } | Self::EndRelationship { .. } => ("Patient", 'u'),
        }
    }
}
