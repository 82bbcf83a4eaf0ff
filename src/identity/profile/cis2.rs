//! NHS CIS2: a member of staff and the one role they selected when signing in; their other roles count for nothing.
//! <https://digital.nhs.uk/services/care-identity-service/applications-and-services/cis2-authentication>

use super::super::claims::{Claims, sound};
use super::super::{Party, Reason};
use super::is_job_role;
use crate::domain::OdsCode;
use serde::Deserialize;

#[derive(Deserialize)]
struct Role {
    org_code: Option<String>,
    person_roleid: Option<String>,
    /// `S8000:G8000:R8001`: staff group, sub-group, job role.
    role_code: Option<String>,
    /// The same three as names, each perhaps in quotation marks.
    role_name: Option<String>,
    #[serde(default)]
    activity_codes: Vec<String>,
}

pub(super) fn party(claims: &Claims) -> Result<Party, Reason> {
    let selected = claims.text_if_any("selected_roleid")?.ok_or(Reason::Role)?;
    let roles: Vec<Role> = claims.read("nhsid_nrbac_roles")?.unwrap_or_default();
    let mut matching = roles.into_iter().filter(|role| role.person_roleid.as_deref() == Some(selected));
    let (Some(role), None) = (matching.next(), matching.next()) else { return Err(Reason::Role) };
    let organisation = role.org_code.as_deref().map(OdsCode::parse);
    let Some(Ok(organisation)) = organisation else { return Err(Reason::Organisation) };
    let job = role.role_code.as_deref().and_then(|code| code.rsplit(':').next()).filter(|code| is_job_role(code));
    for activity in &role.activity_codes {
        sound(activity)?;
    }
    Ok(Party::Staff {
        user: claims.text("nhsid_useruid")?.to_owned(),
        name: claims.text_if_any("name")?.map(str::to_owned),
        role: job.map(str::to_owned),
        role_name: role.role_name.as_deref().map(job_name).map(sound).transpose()?.map(str::to_owned),
        activities: role.activity_codes,
        organisation,
    })
}

fn job_name(names: &str) -> &str {
    names.rsplit(':').next().unwrap_or(names).trim_matches('"')
}
