//! Why a caller stays unknown. [`Reason`] is closed: its code labels metrics and audit rows, its text is constant and
//! fit for the client. Neither ever holds a part of the token.

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No token at all: 401 with nothing more to say (RFC 6750 §3.1).
    #[error("no bearer token was presented")]
    Missing,
    /// A token that does not make its holder known: 401 `invalid_token`.
    #[error("{reason}")]
    Refused { reason: Reason, token: Option<TokenDigest> },
    /// The issuer's keys are not to be had: nobody's fault here, 503 `transient`.
    #[error("the keys of the token's issuer could not be fetched")]
    Unavailable,
}

/// The start of a token's SHA-256: enough to count one bad token's tries together, useless for anything else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 4]);

impl TokenDigest {
    pub fn of(token: &str) -> Self {
        let whole = digest::digest(&digest::SHA256, token.as_bytes());
        Self(whole.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    ManyHeaders,
    Scheme,
    InUrl,
    TooLong,
    Malformed,
    Duplicate,
    Header,
    KeyId,
    Algorithm,
    TokenType,
    Issuer,
    Key,
    Signature,
    Audience,
    Expired,
    NotYetValid,
    TooLongLived,
    IdToken,
    Bound,
    Claim,
    Delegation,
    OnePatient,
    Purpose,
    Role,
    Organisation,
    Client,
    Proofing,
    NhsNumber,
}

impl Reason {
    /// A short name for metrics and audit rows.
    pub fn code(self) -> &'static str {
        self.words().0
    }

    /// What the client may be told.
    pub fn text(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::ManyHeaders => ("many-headers", "more than one Authorization header"),
            Self::Scheme => ("scheme", "the Authorization scheme is not Bearer"),
            Self::InUrl => ("in-url", "a token must not be sent in the URL"),
            Self::TooLong => ("too-long", "the token is too long"),
            Self::Malformed => ("malformed", "not a signed JSON web token"),
            Self::Duplicate => ("duplicate", "the token says something twice"),
            Self::Header => ("header", "the token's header holds a member that is not accepted"),
            Self::KeyId => ("key-id", "the token's key id is missing or malformed"),
            Self::Algorithm => ("algorithm", "the token's algorithm is not accepted from its issuer"),
            Self::TokenType => ("token-type", "the token's type is not accepted from its issuer"),
            Self::Issuer => ("issuer", "the token's issuer is not known here"),
            Self::Key => ("key", "the token's key is not one that its issuer publishes for this use"),
            Self::Signature => ("signature", "the token's signature is wrong"),
            Self::Audience => ("audience", "the token is for another audience"),
            Self::Expired => ("expired", "the token has expired"),
            Self::NotYetValid => ("not-yet-valid", "the token is not valid yet"),
            Self::TooLongLived => ("too-long-lived", "the token is valid for longer than is accepted"),
            Self::IdToken => ("id-token", "an ID token is not an access token"),
            Self::Bound => ("bound", "the token is bound to a key or a certificate that was not shown here"),
            Self::Claim => ("claim", "a claim is missing or malformed"),
            Self::Delegation => ("delegation", "a delegated token is not accepted from this issuer"),
            Self::OnePatient => ("one-patient", "a token restricted to one patient is not accepted"),
            Self::Purpose => ("purpose", "the token must state at most one purpose of use"),
            Self::Role => ("role", "the token must select one role"),
            Self::Organisation => ("organisation", "the token names no organisation by its ODS code"),
            Self::Client => ("client", "the token's client is not consistent"),
            Self::Proofing => ("proofing", "the identity was not proved to the level needed"),
            Self::NhsNumber => ("nhs-number", "the token holds no valid NHS number"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_eight_hex_digits_of_the_sha_256() {
        assert_eq!(TokenDigest::of("abc").to_string(), "ba7816bf");
    }
}
