//! From signed claims to a [`Requester`], by the issuer's profile. Where a claim could mean two things (two roles, two
//! purposes, two clients) the token is refused: choosing for it could only widen what it says.

mod backend;
mod cis2;
mod ihe_iua;
mod nhs_login;
mod own;

use super::claims::Claims;
use super::registered::Registered;
use super::{ClaimProfile, IssuerConfig, Purpose, Reason, Requester, Scopes, Whose};
use ihe_iua::IheIua;

pub(super) use ihe_iua::JOB_ROLE;
pub(super) use own::claims as own_claims;

const PATIENT_REQUESTED: &str = "PATRQT";

pub(super) fn requester(claims: &Claims, registered: Registered, issuer: &IssuerConfig) -> Result<Requester, Reason> {
    if issuer.profile == ClaimProfile::Own {
        return own::requester(claims, registered, issuer);
    }
    let extension = IheIua::read(claims)?;
    if extension.person_id.is_some() {
        // restricted to one patient: more than a requester can carry, so not to be widened by forgetting it
        return Err(Reason::OnePatient);
    }
    let mut scopes = scopes(claims)?;
    let mut purpose = extension.purpose()?;
    let mut acting = None;
    let party = match issuer.profile {
        ClaimProfile::Cis2 => cis2::party(claims)?,
        ClaimProfile::Iua => ihe_iua::party(extension, &registered.subject)?,
        ClaimProfile::NhsLogin => {
            purpose = Purpose(PATIENT_REQUESTED.to_owned());
            acting = nhs_login::acting(claims)?;
            nhs_login::party(claims)?
        }
        ClaimProfile::Backend => {
            scopes = scopes.only(Whose::System);
            backend::party(claims, &registered, issuer)?
        }
        // read above
        ClaimProfile::Own => return Err(Reason::Claim),
    };
    if issuer.profile != ClaimProfile::NhsLogin && claims.has("act") {
        // the audit would name the one acted for as the one who looked
        return Err(Reason::Delegation);
    }
    Ok(Requester {
        issuer: issuer.issuer.clone(),
        subject: registered.subject,
        party,
        given_by: issuer.issuer.clone(),
        client_id: registered.client_id,
        token_id: registered.token_id,
        scopes,
        purpose,
        acting,
        expires: registered.expires,
    })
}

/// `scope` (RFC 9068 §2.2.3), or the list `scp` that some issuers write instead.
fn scopes(claims: &Claims) -> Result<Scopes, Reason> {
    match (claims.has("scope"), claims.has("scp")) {
        (true, true) => Err(Reason::Claim),
        (true, false) => claims.read::<&str>("scope").map(|s| Scopes::parse(s.unwrap_or_default())),
        (false, true) => Ok(Scopes::parse(&claims.texts("scp")?.join(" "))),
        (false, false) => Ok(Scopes::default()),
    }
}

/// A job role code, such as `R0260`.
fn is_job_role(code: &str) -> bool {
    matches!(code.as_bytes(), [b'R', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests;
