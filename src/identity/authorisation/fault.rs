use super::super::Reason;
use std::borrow::Cow;

/// Why no token is given. Closed, like [`Reason`]: an OAuth error code, constant words for the caller, a short name for the
/// audit. None of them tells a caller anything of a client that it has not proved to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// This gateway issues no tokens.
    NotOffered,
    /// The request is not one, in these words.
    Request(&'static str),
    GrantType,
    /// What the assertion says of itself, whoever it is of.
    Assertion(Reason),
    /// An unknown client, a key that is not its own, an algorithm that it does not use, a wrong signature: the same words.
    Client,
    /// An assertion that was brought before.
    Replayed,
    /// The client has certificates, and none of them was shown.
    Certificate,
    /// The client is barred by name.
    Revoked,
    /// The client is not allowed this grant.
    Grant,
    Scope,
    /// For something other than this gateway.
    Target,
    /// The person's ID token, or what its issuer says of them.
    Subject(Reason),
    /// The ID token is not the one that came with the access token brought along, or is of somebody else.
    AnotherSignIn,
    /// The issuer does not take the access token brought along.
    AccessToken,
    /// How the person signed in is not strong enough.
    Assurance,
    /// Signed in too long ago.
    Old,
    Unavailable,
    Internal,
}

impl TokenFault {
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>
    pub fn error(self) -> &'static str {
        match self {
            Self::NotOffered | Self::Request(_) => "invalid_request",
            Self::GrantType => "unsupported_grant_type",
            Self::Assertion(_) | Self::Client | Self::Replayed | Self::Certificate | Self::Revoked => "invalid_client",
            Self::Grant => "unauthorized_client",
            Self::Scope => "invalid_scope",
            // RFC 8693 §2.2.2
            Self::Target => "invalid_target",
            Self::Subject(_) | Self::AnotherSignIn | Self::AccessToken | Self::Assurance | Self::Old => "invalid_grant",
            Self::Unavailable => "temporarily_unavailable",
            Self::Internal => "server_error",
        }
    }

    pub fn status(self) -> u16 {
        match self.error() {
            "invalid_client" => 401,
            "temporarily_unavailable" => 503,
            "server_error" => 500,
            _ if self == Self::NotOffered => 404,
            _ => 400,
        }
    }

    /// For metrics and audit rows.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotOffered => "not-offered",
            Self::Request(_) => "request",
            Self::GrantType => "grant-type",
            Self::Assertion(reason) | Self::Subject(reason) => reason.code(),
            Self::Client => "unknown-client",
            Self::Replayed => "replayed",
            Self::Certificate => "certificate",
            Self::Revoked => "revoked",
            Self::Grant => "grant",
            Self::Scope => "scope",
            Self::Target => "target",
            Self::AnotherSignIn => "another-sign-in",
            Self::AccessToken => "access-token",
            Self::Assurance => "assurance",
            Self::Old => "old",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// What the caller reads.
    pub fn text(self) -> Cow<'static, str> {
        match self {
            Self::NotOffered => "This gateway issues no tokens. Its smart-configuration says who does, if anyone.",
            Self::Request(what) => what,
            Self::GrantType => "grant_type is client_credentials or urn:ietf:params:oauth:grant-type:token-exchange.",
            Self::Assertion(reason) => return format!("client_assertion: {reason}.").into(),
            Self::Client => {
                "client_assertion: no such client, or not signed by a key and an algorithm that it is registered with."
            }
            Self::Replayed => "client_assertion: its jti was used before. Sign a new one for each request.",
            Self::Certificate => "The client is registered with client certificates, and none of them was shown.",
            Self::Revoked => "The client is revoked.",
            Self::Grant => "The client is not registered for this grant.",
            Self::Scope => "scope: name what the client is registered for, as SMART v2 spells it.",
            Self::Target => "resource, audience: tokens are given for the FHIR base of this gateway alone.",
            Self::Subject(reason) => return format!("subject_token: {reason}.").into(),
            Self::AnotherSignIn => "subject_token: not of the sign-in that access_token is of.",
            Self::AccessToken => "access_token: not accepted by the issuer of subject_token.",
            Self::Assurance => "subject_token: signed in without the assurance that is needed here.",
            Self::Old => "subject_token: issued too long ago. Have the person signed in afresh.",
            Self::Unavailable => {
                "This cannot be checked or recorded just now. Try again shortly, with a new assertion."
            }
            Self::Internal => "The gateway failed.",
        }
        .into()
    }
}
