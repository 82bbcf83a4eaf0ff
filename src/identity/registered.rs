//! The claims every access token must hold (RFC 7519 §4.1, RFC 9068 §2.2), checked once its signature is known to be
//! right.

use super::claims::Claims;
use super::{ClaimProfile, IssuerConfig, Reason, Thumbprint};
use crate::domain::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// Marks of an ID token (OpenID Connect Core §2): proof of a sign-in for a client, not permission to ask us.
const ID_TOKEN: [&str; 3] = ["nonce", "at_hash", "c_hash"];

pub(super) struct Registered {
    pub subject: String,
    pub token_id: String,
    pub client_id: String,
    pub expires: Timestamp,
    /// The one client certificate it may be used with.
    pub bound: Option<Thumbprint>,
}

/// RFC 8705 §3.1; any other confirmation is one that we cannot check.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    certificate: String,
}

pub(super) fn check(claims: &Claims, issuer: &IssuerConfig, now: Timestamp) -> Result<Registered, Reason> {
    if claims.text("iss")? != issuer.issuer {
        return Err(Reason::Issuer);
    }
    if !claims.texts("aud")?.contains(&issuer.audience.as_str()) {
        return Err(Reason::Audience);
    }
    if ID_TOKEN.iter().any(|mark| claims.has(mark)) {
        return Err(Reason::IdToken);
    }
    let leeway = Leeway { early: issuer.leeway(), late: issuer.overtime() };
    Ok(Registered {
        subject: claims.text("sub")?.to_owned(),
        token_id: claims.text("jti")?.to_owned(),
        client_id: client_id(claims)?.to_owned(),
        expires: in_date(claims, leeway, issuer.max_lifetime(), now)?,
        bound: bound(claims, issuer)?,
    })
}

/// `cnf` binds a token to a key its holder must prove to have (RFC 8705, RFC 9449); as a bearer token it is stolen. Only our
/// own tokens are bound in a way that is known here.
fn bound(claims: &Claims, issuer: &IssuerConfig) -> Result<Option<Thumbprint>, Reason> {
    if claims.has("cnf") && issuer.profile != ClaimProfile::Own {
        return Err(Reason::Bound);
    }
    let Some(confirmation) = claims.read::<Confirmation>("cnf").map_err(|_| Reason::Bound)? else { return Ok(None) };
    Thumbprint::parse(&confirmation.certificate).map(Some).ok_or(Reason::Bound)
}

/// Between the clock of whoever gave it and ours: how long before its start it is taken, and how long after its end.
#[derive(Clone, Copy)]
pub(super) struct Leeway {
    pub early: Duration,
    pub late: Duration,
}

impl Leeway {
    pub fn of(leeway: Duration) -> Self {
        Self { early: leeway, late: leeway }
    }
}

/// Until when it is accepted, if it is in date: give or take the leeway on every side.
pub(super) fn in_date(claims: &Claims, leeway: Leeway, longest: Duration, now: Timestamp) -> Result<Timestamp, Reason> {
    let expires = Timestamp::from_seconds(claims.seconds("exp")?.ok_or(Reason::Claim)?);
    let latest = now.plus(leeway.early);
    for start in ["nbf", "iat"] {
        if claims.seconds(start)?.is_some_and(|s| Timestamp::from_seconds(s) > latest) {
            return Err(Reason::NotYetValid);
        }
    }
    if expires <= now.minus(leeway.late) {
        return Err(Reason::Expired);
    }
    if expires > latest.plus(longest) {
        return Err(Reason::TooLongLived);
    }
    Ok(expires.plus(leeway.late))
}

/// `client_id` (RFC 9068) or `azp` (OpenID Connect); if both, they must agree.
fn client_id(claims: &Claims) -> Result<&str, Reason> {
    match (claims.text_if_any("client_id")?, claims.text_if_any("azp")?) {
        (Some(one), Some(other)) if one != other => Err(Reason::Client),
        (Some(client), _) | (None, Some(client)) => Ok(client),
        (None, None) => Err(Reason::Claim),
    }
}
