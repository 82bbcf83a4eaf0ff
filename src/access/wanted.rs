use super::OverrideReason;
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
    /// Open a document that a resource of this type refers to: `[Type].r` and `Binary.r`. It needs and meets all that
    /// reading that resource does, and all that is said of documents.
    ReadDocument(ResourceType),
    /// The patient's access log; for staff, of it what concerns their own organisation: `AuditEvent.s` or `AuditEvent.r`.
    ReadLog(Interaction),
    /// What left the requester's own organisation, of all patients: `AuditEvent.s`.
    ReadLedger { concerns_own: bool },
    /// See objections: `Consent.s` or `Consent.r`.
    ReadObjections(Interaction),
    /// `Consent.c`.
    RecordObjection,
    /// `Consent.u`.
    WithdrawObjection,
    /// See objections in order to decide on them: `Consent.s` or `Consent.r`. Whether one of them concerns the requester's own
    /// organisation is for the caller to say.
    InspectObjections { interaction: Interaction, concerns_own: bool },
    /// Decide on an objection: `Consent.u`. Whether it concerns the requester's own organisation is for the caller to say.
    ReviewObjection { concerns_own: bool },
    /// A system says that this organisation cares for the patient: `Patient.u`.
    AssertRelationship { organisation: OdsCode },
    /// ... and that it no longer does: `Patient.u`.
    EndRelationship { organisation: OdsCode },
    /// A source takes back what it gave out: `Patient.u`.
    Recall { organisation: OdsCode },
    /// A person says that they care for the patient: `Patient.r`.
    ClaimRelationship,
    /// `Patient.r`.
    Override(OverrideReason),
    /// Why do I see what I see? `Patient.r`.
    Explain,
    /// ... and a colleague: `Patient.r`.
    ExplainColleague,
    /// The review desk's list, or one task of it: `Task.s` or `Task.r`.
    ReadDesk { interaction: Interaction, concerns_own: bool },
    /// ... and its end: `Task.u`.
    KeepDesk { concerns_own: bool },
    /// An organisation's entry in the registry, or its endpoint's: `[Type].s` or `[Type].r`. Whether it is the requester's own, or
    /// they are one of its operators, is for the caller to say.
    ReadRegistry { listed: Listed, interaction: Interaction, concerns_own: bool },
    /// ... made (`[Type].c`) or changed (`[Type].u`).
    KeepRegistry { listed: Listed, is_new: bool, concerns_own: bool },
}

/// What the registry lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listed {
    Organization,
    Endpoint,
}

impl Listed {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "Organization",
            Self::Endpoint => "Endpoint",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Organization, Self::Endpoint].into_iter().find(|listed| listed.as_str() == name)
    }
}

/// <https://hl7.org/fhir/R4/http.html>: search-type or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interaction {
    Search,
    Read,
}

impl Action {
    /// The type under which documents are named in scopes, roles and objections.
    pub(super) const DOCUMENT: &str = "Binary";

    /// Whether it is a part of the record that is wanted.
    pub fn reads_record(self) -> bool {
        matches!(self, Self::ReadRecord(..) | Self::ReadDocument(_))
    }

    /// Whether it is the registry that is meant, which an organisation reaches before anybody knows it.
    pub(super) fn is_of_registry(self) -> bool {
        matches!(self, Self::ReadRegistry { .. } | Self::KeepRegistry { .. })
    }

    /// The type and the letter that a SMART scope must cover.
    pub(super) fn scope(self) -> (&'static str, char) {
        let letter = |interaction| match interaction {
            Interaction::Search => 's',
            Interaction::Read => 'r',
        };
        match self {
            Self::ReadRecord(resource_type, interaction) => (resource_type.as_str(), letter(interaction)),
            Self::ReadDocument(referrer) => (referrer.as_str(), 'r'),
            Self::ReadLedger { .. } => ("AuditEvent", 's'),
            Self::ReadLog(interaction) => ("AuditEvent", letter(interaction)),
            Self::ReadObjections(interaction) | Self::InspectObjections { interaction, .. } => {
                ("Consent", letter(interaction))
            }
            Self::RecordObjection => ("Consent", 'c'),
            Self::WithdrawObjection | Self::ReviewObjection { .. } => ("Consent", 'u'),
            Self::AssertRelationship { .. } | Self::EndRelationship { .. } | Self::Recall { .. } => ("Patient", 'u'),
            Self::ClaimRelationship | Self::Override(_) | Self::Explain | Self::ExplainColleague => ("Patient", 'r'),
            Self::ReadDesk { interaction, .. } => ("Task", letter(interaction)),
            Self::KeepDesk { .. } => ("Task", 'u'),
            Self::ReadRegistry { listed, interaction, .. } => (listed.as_str(), letter(interaction)),
            Self::KeepRegistry { listed, is_new, .. } => (listed.as_str(), if is_new { 'c' } else { 'u' }),
        }
    }
}
