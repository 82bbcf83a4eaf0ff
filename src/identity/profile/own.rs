//! This gateway's own tokens: what it said of a requester when it issued one is what it reads when the token comes back.
//! Names of claims as RFC 9068 (`client_id`, `scope`), RFC 9493 (`sub_id`) and RFC 8693 (`act`) have them.

use super::super::claims::Claims;
use super::super::registered::Registered;
use super::super::{IssuerConfig, Party, Purpose, Reason, Requester};
use super::scopes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Whom the token is of, by the name of whoever signed them in: that is who is audited, and who can be revoked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectId {
    format: String,
    iss: String,
    sub: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Actor {
    sub: String,
}

const ISS_SUB: &str = "iss_sub";

/// All that is said of the requester, but for the times, the issuer and the audience.
pub(in super::super) fn claims(requester: &Requester) -> Map<String, Value> {
    let Requester { issuer, subject, party, client_id, token_id, scopes, purpose, acting, expires: _, given_by: _ } =
        requester;
    let said = json!({
        "sub": subject,
        "sub_id": {"format": ISS_SUB, "iss": issuer, "sub": subject},
        "client_id": client_id,
        "jti": token_id,
        "scope": scopes.to_string(),
        "party": party,
        "purpose": purpose,
    });
    let mut said = if let Value::Object(said) = said { said } else { Map::new() };
    if let Some(sub) = acting {
        said.insert("act".to_owned(), json!({ "sub": sub }));
    }
    said
}

pub(super) fn requester(claims: &Claims, registered: Registered, issuer: &IssuerConfig) -> Result<Requester, Reason> {
    let whose: SubjectId = claims.read("sub_id")?.ok_or(Reason::Claim)?;
    if whose.format != ISS_SUB || whose.sub != registered.subject {
        return Err(Reason::Claim);
    }
    Ok(Requester {
        issuer: whose.iss,
        subject: registered.subject,
        party: claims.read::<Party>("party")?.ok_or(Reason::Claim)?,
        given_by: issuer.issuer.clone(),
        client_id: registered.client_id,
        token_id: registered.token_id,
        scopes: scopes(claims)?,
        purpose: claims.read::<Purpose>("purpose")?.ok_or(Reason::Claim)?,
        acting: claims.read::<Actor>("act")?.map(|actor| actor.sub),
        expires: registered.expires,
    })
}
