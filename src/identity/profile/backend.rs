//! SMART Backend Services: an organisation's own system, on nobody's behalf.
//! <https://hl7.org/fhir/smart-app-launch/backend-services.html>

use super::super::claims::Claims;
use super::super::registered::Registered;
use super::super::{IssuerConfig, Party, Reason};
use crate::domain::OdsCode;

pub(super) fn party(claims: &Claims, registered: &Registered, issuer: &IssuerConfig) -> Result<Party, Reason> {
    // a subject that is not the client is a user, who would borrow the system's rights
    if registered.subject != registered.client_id {
        return Err(Reason::Client);
    }
    let claimed = match claims.text_if_any("ods_code")? {
        Some(code) => Some(OdsCode::parse(code).map_err(|_| Reason::Organisation)?),
        None => None,
    };
    let configured = issuer.clients.get(&registered.client_id).copied();
    match (configured, claimed) {
        (Some(ours), Some(theirs)) if ours != theirs => Err(Reason::Organisation),
        (Some(organisation), _) | (None, Some(organisation)) => Ok(Party::System { organisation }),
        (None, None) => Err(Reason::Organisation),
    }
}
