//! The claims every access token must hold (RFC 7519 §4.1, RFC 9068 §2.2), checked once its signature is known to be
//! right.

use super::claims::Claims;
use super::{IssuerConfig, Reason};
use crate::domain::Timestamp;

/// Marks of an ID token (OpenID Connect Core §2): proof of a sign-in for a client, not permission to ask us.
const ID_TOKEN: [&str; 3] = ["nonce", "at_hash", "c_hash"];

pub(super) struct Registered {
    pub subject: String,
    pub token_id: String,
    pub client_id: String,
    pub expires: Timestamp,
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
    // `cnf` binds a token to a key its holder must prove to have (RFC 8705, RFC 9449); as a bearer token it is stolen
    if claims.has("cnf") {
        return Err(Reason::Bound);
    }
    Ok(Registered {
        subject: claims.text("sub")?.to_owned(),
        token_id: claims.text("jti")?.to_owned(),
        client_id: client_id(claims)?.to_owned(),
        expires: in_date(claims, issuer, now)?,
    })
}

/// Until when it is accepted, if it is in date: give or take the issuer's leeway on every side.
fn in_date(claims: &Claims, issuer: &IssuerConfig, now: Timestamp) -> Result<Timestamp, Reason> {
    let expires = Timestamp::from_seconds(claims.seconds("exp")?.ok_or(Reason::Claim)?);
    let latest = now.plus(issuer.leeway());
    for start in ["nbf", "iat"] {
        if claims.seconds(start)?.is_some_and(|s| Timestamp::from_seconds(s) > latest) {
            return Err(Reason::NotYetValid);
        }
    }
    if expires <= now.minus(issuer.leeway()) {
        return Err(Reason::Expired);
    }
    if expires > latest.plus(issuer.max_lifetime()) {
        return Err(Reason::TooLongLived);
    }
    Ok(expires.plus(issuer.leeway()))
}

/// `client_id` (RFC 9068) or `azp` (OpenID Connect); if both, they must agree.
fn client_id(claims: &Claims) -> Result<&str, Reason> {
    match (claims.text_if_any("client_id")?, claims.text_if_any("azp")?) {
        (Some(one), Some(other)) if one != other => Err(Reason::Client),
        (Some(client), _) | (None, Some(client)) => Ok(client),
        (None, None) => Err(Reason::Claim),
    }
}
