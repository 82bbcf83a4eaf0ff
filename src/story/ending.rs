use crate::{
    access::{ConsentState, ContentFault, FaultCode, NotStaged, PolicyUnavailable, Refusal, RefusalKind},
    audit::{NotCommitted, Opened},
    domain::StoreError,
    record::NotShown,
};

/// How a story ends without a release. What the caller reads of it is made in one place, `api::error`.
#[derive(Debug)]
pub enum Ending {
    Refused(Refusal),
    /// To a reader permitted for the patient: there is no such thing in the record.
    NotFound,
    /// To the same: the patient index knows no such patient, or keeps the record from everybody.
    NoSuchPatient,
    /// The page token is no longer what it was.
    Gone,
    /// To a reader permitted for it: a document that this gateway does not fetch, or not in such a form.
    Undeliverable(Undeliverable),
    /// Every provider failed, or one did and the caller wanted all or nothing.
    ProvidersFailed {
        timeout: bool,
    },
    /// What was posted is not understood, or cannot be done.
    Content(ContentFault),
    /// The version to be replaced is not the current one.
    Conflict,
    /// The objection is in a state in which this cannot be done to it.
    InState(ConsentState),
    /// The endpoint's stage stays as it is.
    NotStaged(NotStaged),
    /// What is asked of the registry, by somebody who may, cannot be done as it stands.
    Registry(RegistryFault),
    /// `If-Match` names a version that is not the current one.
    VersionDiffers,
    FactsUnavailable,
    /// This node cannot apply the policy in force, and decides by no other.
    PolicyUnavailable,
    AuditUnavailable,
    /// Facts kept changing under the decision.
    Contended,
    /// No ending yet: an epoch has moved, and the story is told again.
    Stale,
    Internal,
}

/// Why a document that is there cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeliverable {
    /// Its address is not below its source's own base.
    Elsewhere,
    TooLarge,
    /// The caller takes none of the forms it has.
    NotAcceptable,
}

/// Why a change of the registry is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryFault {
    /// Nothing is registered for this organisation.
    NotRegistered,
    /// Something is: it is changed, not registered again.
    Registered,
    /// The deployment's configuration says who this organisation is.
    Configured,
    /// An endpoint of an organisation that nobody has let in.
    OrganisationNotInForce,
    /// There is nothing to decide on: the newest version is in force, or was refused.
    NothingProposed,
    /// Whoever proposed it would decide on it.
    OwnProposal,
    /// What an operator proposed is decided on first.
    OperatorsProposal,
    /// No version of it was let in yet.
    NotInForce,
    /// It is in force, and cannot be asked as it stands.
    NotAsked,
    NeverProbed,
    ProbeUnderWay,
    /// This node probes as many as it can.
    ManyProbes,
    /// It was changed very often within the hour.
    TooOften,
}

impl RegistryFault {
    fn status(self) -> u16 {
        match self {
            Self::NotRegistered | Self::NeverProbed => 404,
            Self::OrganisationNotInForce | Self::OwnProposal => 422,
            Self::Registered
            | Self::Configured
            | Self::NothingProposed
            | Self::OperatorsProposal
            | Self::NotInForce
            | Self::NotAsked
            | Self::ProbeUnderWay => 409,
            Self::ManyProbes => 503,
            Self::TooOften => 429,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::NotRegistered => "not-registered",
            Self::Registered => "registered",
            Self::Configured => "configured",
            Self::OrganisationNotInForce => "organisation-not-in-force",
            Self::NothingProposed => "nothing-proposed",
            Self::OwnProposal => "own-proposal",
            Self::OperatorsProposal => "operators-proposal",
            Self::NotInForce => "not-in-force",
            Self::NotAsked => "not-asked",
            Self::NeverProbed => "never-probed",
            Self::ProbeUnderWay => "probe-under-way",
            Self::ManyProbes => "many-probes",
            Self::TooOften => "too-often",
        }
    }
}

impl Ending {
    /// A posted resource that contradicts what is stored.
    pub fn content(path: &str, diagnostics: &str) -> Self {
        let (path, diagnostics) = (path.to_owned(), diagnostics.to_owned());
        Self::Content(ContentFault { code: FaultCode::Value, path, diagnostics })
    }

    /// Commits the closing row, and says how the story ended then: `Stale` where a newer fact would end it otherwise.
    pub async fn close(self, opened: &mut Opened) -> Self {
        let (status, code) = (self.status(), self.code());
        let closed = match &self {
            Self::Refused(refusal) => opened.refuse(refusal, status, code).await,
            _ => opened.fail(status, code).await,
        };
        match closed {
            Ok(()) => self,
            Err(not) => not.into(),
        }
    }

    /// <https://hl7.org/fhir/R4/http.html>, docs/STATUS-CODES.md
    pub fn status(&self) -> u16 {
        match self {
            Self::Refused(refusal) if refusal.kind == RefusalKind::CouldNotCheck => 503,
            Self::Refused(_) => 403,
            Self::NotFound | Self::NoSuchPatient => 404,
            Self::Undeliverable(Undeliverable::Elsewhere) => 404,
            Self::Undeliverable(Undeliverable::TooLarge) => 502,
            Self::Undeliverable(Undeliverable::NotAcceptable) => 406,
            Self::Gone => 410,
            Self::Conflict | Self::InState(_) | Self::NotStaged(_) => 409,
            Self::Registry(fault) => fault.status(),
            Self::VersionDiffers => 412,
            Self::Content(fault) if fault.code == FaultCode::Structure => 400,
            Self::Content(_) => 422,
            Self::ProvidersFailed { timeout: true } => 504,
            Self::ProvidersFailed { timeout: false } => 502,
            Self::FactsUnavailable
            | Self::PolicyUnavailable
            | Self::AuditUnavailable
            | Self::Contended
            | Self::Stale => 503,
            Self::Internal => 500,
        }
    }

    /// For the audit and the metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => match refusal.kind {
                RefusalKind::Uniform => "access-denied",
                RefusalKind::NoConsent => "no-patient-consent",
                RefusalKind::CouldNotCheck => "could-not-check",
            },
            Self::NotFound => "not-found",
            Self::Undeliverable(Undeliverable::Elsewhere) => "document-elsewhere",
            Self::Undeliverable(Undeliverable::TooLarge) => "document-too-large",
            Self::Undeliverable(Undeliverable::NotAcceptable) => "not-acceptable",
            Self::NoSuchPatient => "no-such-patient",
            Self::Gone => "gone",
            Self::Conflict | Self::InState(_) => "conflict",
            Self::NotStaged(_) => "not-staged",
            Self::Registry(fault) => fault.code(),
            Self::VersionDiffers => "version-differs",
            Self::Content(_) => "content",
            Self::ProvidersFailed { .. } => "providers-failed",
            Self::FactsUnavailable => "facts-unavailable",
            Self::PolicyUnavailable => "policy-unavailable",
            Self::AuditUnavailable => "audit-unavailable",
            Self::Contended | Self::Stale => "contended",
            Self::Internal => "internal",
        }
    }
}

/// What goes wrong before a story has anything to decide ends it there and then.
pub(super) trait OrClose<T> {
    /// What was wanted, or how the story ended without it: its closing row is committed.
    async fn or_close(self, opened: &mut Opened) -> Result<T, Ending>;
}

impl<T, E: Into<Ending>> OrClose<T> for Result<T, E> {
    async fn or_close(self, opened: &mut Opened) -> Result<T, Ending> {
        match self {
            Ok(wanted) => Ok(wanted),
            Err(error) => Err(error.into().close(opened).await),
        }
    }
}

impl From<RegistryFault> for Ending {
    fn from(fault: RegistryFault) -> Self {
        Self::Registry(fault)
    }
}

impl From<ContentFault> for Ending {
    fn from(fault: ContentFault) -> Self {
        Self::Content(fault)
    }
}

impl From<NotShown> for Ending {
    fn from(not: NotShown) -> Self {
        match not {
            NotShown::NotFound => Self::NotFound,
            NotShown::Gone => Self::Gone,
            NotShown::ProvidersFailed { timeout } => Self::ProvidersFailed { timeout },
        }
    }
}

impl From<StoreError> for Ending {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict,
            StoreError::Unavailable | StoreError::Corrupt => Self::FactsUnavailable,
        }
    }
}

impl From<PolicyUnavailable> for Ending {
    fn from(unavailable: PolicyUnavailable) -> Self {
        match unavailable {
            PolicyUnavailable::Store(StoreError::Unavailable) => Self::FactsUnavailable,
            _ => Self::PolicyUnavailable,
        }
    }
}

impl From<NotCommitted> for Ending {
    fn from(not: NotCommitted) -> Self {
        match not {
            NotCommitted::Stale => Self::Stale,
            NotCommitted::Unavailable => Self::AuditUnavailable,
        }
    }
}
