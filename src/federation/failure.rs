/// Why one provider's answer is not there. A failure is an answer: it is reported, audited and never cached. It holds no
/// word of the provider's own, which could be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    #[error("it did not answer within its deadline")]
    Timeout,
    #[error("it could not be reached")]
    Unreachable,
    #[error("its certificate is not one that is trusted")]
    Untrusted,
    #[error("its address is not one that may be connected to")]
    AddressRefused,
    #[error("it did not accept the gateway's credential")]
    CredentialRefused,
    #[error("the gateway could not sign in to it: its token endpoint gave no token")]
    NotSignedIn,
    #[error("it is out of use: its entry in the registry has run out, or cannot be used as it is")]
    OutOfUse,
    #[error("it asked to be called less often")]
    Throttled,
    #[error("it failed too often just now, and is asked again in a moment")]
    Ejected,
    #[error("too many requests wait for it already")]
    Busy,
    #[error("it answered with HTTP status {0}")]
    Status(u16),
    #[error("it answered that it does not support what was asked")]
    NotSupported,
    #[error("it sent the gateway elsewhere")]
    Redirected,
    #[error("the connection ended before the answer did")]
    Cut,
    #[error("its answer is larger than accepted")]
    TooLarge,
    #[error("its answer has too many pages, or pages that lead in a circle")]
    TooManyPages,
    #[error("its answer says that it has more, and leads to no further page")]
    MissingPages,
    #[error("its next page is not its own")]
    ForeignPage,
    #[error("its answer is not FHIR JSON")]
    NotJson,
    #[error("its answer is not a FHIR R4 searchset")]
    NotSearchset,
    #[error("its answer says that the search failed")]
    SearchFailed,
    #[error("an entry of its answer is not what was asked for")]
    UnexpectedEntry,
    #[error("an entry of its answer does not say whose it is")]
    NoSubject,
    #[error("two entries of its answer have the same id and differ")]
    ConflictingIds,
    #[error("its answer held another person's data; it is quarantined for this patient")]
    WrongPatient,
    #[error("it knows the patient under another NHS number, in place of the one asked for")]
    Superseded,
    #[error("its name and birth date for this NHS number are another person's")]
    DemographicsConflict,
    #[error("it is quarantined for this patient until its data have been looked at")]
    Quarantined,
    #[error("it is suspended, or was taken out of the record for now")]
    Suspended,
    #[error("its document is kept elsewhere")]
    Elsewhere,
    #[error("its document does not come in a way that can be passed on")]
    NotDocument,
    #[error("what lends its entries their labels did not come with them")]
    Unlabelled,
    #[error("the gateway itself failed while asking it")]
    Internal,
}

impl Failure {
    /// It could not answer just now, and nothing that it answered is in doubt.
    pub fn is_of_the_moment(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::Unreachable
                | Self::Throttled
                | Self::Ejected
                | Self::Busy
                | Self::Cut
                | Self::Status(500..=599)
        )
    }

    /// How a server says that it does not serve a type.
    pub fn is_not_served(self) -> bool {
        matches!(self, Self::Status(404 | 405 | 501) | Self::NotSupported)
    }

    /// Asked in another way it might have answered: its word on what was asked, not on whether it can be asked.
    pub fn is_of_the_question(self) -> bool {
        !matches!(
            self,
            Self::Unreachable
                | Self::Untrusted
                | Self::AddressRefused
                | Self::NotSignedIn
                | Self::OutOfUse
                | Self::Throttled
                | Self::Ejected
                | Self::Busy
                | Self::WrongPatient
                | Self::Internal
        )
    }

    /// The code that audit rows, metrics and the completeness entry use.
    pub fn code(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::AddressRefused => "address-refused",
            Self::CredentialRefused => "credential-refused",
            Self::NotSignedIn => "not-signed-in",
            Self::OutOfUse => "out-of-use",
            Self::Throttled => "throttled",
            Self::Ejected => "ejected",
            Self::Busy => "busy",
            Self::Status(_) => "status",
            Self::NotSupported => "not-supported",
            Self::Redirected => "redirected",
            Self::Cut => "cut",
            Self::TooLarge => "too-large",
            Self::TooManyPages => "too-many-pages",
            Self::MissingPages => "missing-pages",
            Self::ForeignPage => "foreign-page",
            Self::NotJson => "not-json",
            Self::NotSearchset => "not-searchset",
            Self::SearchFailed => "search-failed",
            Self::UnexpectedEntry => "unexpected-entry",
            Self::NoSubject => "no-subject",
            Self::ConflictingIds => "conflicting-ids",
            Self::WrongPatient => "wrong-patient",
            Self::Superseded => "superseded",
            Self::DemographicsConflict => "demographics-conflict",
            Self::Quarantined => "quarantined",
            Self::Suspended => "suspended",
            Self::Elsewhere => "elsewhere",
            Self::NotDocument => "not-document",
            Self::Unlabelled => "unlabelled",
            Self::Internal => "internal",
        }
    }
}
