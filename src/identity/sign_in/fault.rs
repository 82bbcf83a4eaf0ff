use super::super::TokenFault;

/// Why nobody is signed in. Closed: a short name for the audit, and for the person which of a few pages they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInFault {
    /// Nobody signs in with an issuer of this name.
    NoSuchWay,
    /// Not begun in this browser, too long ago, or with another issuer.
    NotBegun,
    /// This sign-in was ended before.
    Repeated,
    /// The issuer says that it came to nothing: the person changed their mind, or may not.
    NotSignedIn,
    /// The issuer does not take the code.
    Code,
    /// What the issuer says of them makes nobody of them.
    Person(TokenFault),
    /// Barred by name, they or the application.
    Revoked,
    /// The issuer, or our own database, does not answer.
    Unavailable,
}

impl SignInFault {
    pub fn status(self) -> u16 {
        match self {
            Self::NoSuchWay => 404,
            Self::NotBegun | Self::Repeated | Self::NotSignedIn | Self::Code => 400,
            Self::Person(TokenFault::Unavailable) | Self::Unavailable => 503,
            Self::Person(_) | Self::Revoked => 403,
        }
    }

    /// For the audit.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoSuchWay => "no-such-way",
            Self::NotBegun => "not-begun",
            Self::Repeated => "replayed",
            Self::NotSignedIn => "not-signed-in",
            Self::Code => "code",
            Self::Person(fault) => fault.reason(),
            Self::Revoked => "revoked",
            Self::Unavailable => "unavailable",
        }
    }
}
