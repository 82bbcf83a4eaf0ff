//! NHS login: a patient, proved to P9 (identity checked in full), or somebody acting for one.
//! <https://nhsconnect.github.io/nhslogin/interface-spec-doc/>

use super::super::claims::{Claims, sound};
use super::super::{Party, Reason};
use crate::domain::NhsNumber;
use serde::Deserialize;

const FULLY_PROVED: &str = "P9";

/// RFC 8693 §4.1; an actor's own actor is history, not the one at the keyboard.
#[derive(Deserialize)]
struct Actor {
    sub: String,
}

pub(super) fn party(claims: &Claims) -> Result<Party, Reason> {
    if claims.text_if_any("identity_proofing_level")? != Some(FULLY_PROVED) {
        return Err(Reason::Proofing);
    }
    let number = claims.text_if_any("nhs_number")?.ok_or(Reason::NhsNumber)?;
    NhsNumber::parse(number).map(|nhs_number| Party::Patient { nhs_number }).map_err(|_| Reason::NhsNumber)
}

/// The person acting for the patient, if it is not the patient.
pub(super) fn acting(claims: &Claims) -> Result<Option<String>, Reason> {
    let Some(actor) = claims.read::<Actor>("act")? else { return Ok(None) };
    sound(&actor.sub).map(|sub| Some(sub.to_owned()))
}
