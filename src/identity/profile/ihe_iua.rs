//! IHE Internet User Authorization: the `ihe_iua` extension of an access token. A profile of its own, and for the
//! others the place where a purpose of use is said. <https://profiles.ihe.net/ITI/IUA/index.html>

use super::super::claims::{Claims, sound};
use super::super::{Party, Purpose, Reason};
use super::is_job_role;
use crate::domain::OdsCode;
use serde::Deserialize;
use std::collections::BTreeSet;

const ACT_REASON: [&str; 2] = [Purpose::SYSTEM, "urn:oid:2.16.840.1.113883.5.8"];
pub const JOB_ROLE: &str = "https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName";
/// The ways an ODS code is written where a URN is asked for.
const ODS: [&str; 2] = ["urn:nhs-uk:addressing:ods:", "https://fhir.nhs.uk/Id/ods-organization-code|"];
const TREATMENT: &str = "TREAT";

#[derive(Deserialize)]
struct Extensions {
    #[serde(default)]
    ihe_iua: IheIua,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct IheIua {
    subject_name: Option<String>,
    subject_organization_id: Option<String>,
    subject_role: Vec<Coding>,
    purpose_of_use: Vec<Coding>,
    national_provider_identifier: Option<String>,
    /// The patient the token is restricted to.
    pub person_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Coding {
    Code(String),
    Coded { system: Option<String>, code: String },
}

impl Coding {
    fn parts(&self) -> (Option<&str>, &str) {
        match self {
            Self::Code(code) => (None, code),
            Self::Coded { system, code } => (system.as_deref(), code),
        }
    }
}

impl IheIua {
    /// The extension, empty where the token has none.
    pub fn read(claims: &Claims) -> Result<Self, Reason> {
        Ok(claims.read::<Extensions>("extensions")?.map(|e| e.ihe_iua).unwrap_or_default())
    }

    /// The one purpose stated; treatment where none is.
    pub fn purpose(&self) -> Result<Purpose, Reason> {
        let mut stated = None;
        for (system, code) in self.purpose_of_use.iter().map(Coding::parts) {
            let known = system.is_none_or(|s| ACT_REASON.contains(&s));
            let spelt =
                (1..=32).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            if !known || !spelt || stated.is_some_and(|before| before != code) {
                return Err(Reason::Purpose);
            }
            stated = Some(code);
        }
        Ok(Purpose(stated.unwrap_or(TREATMENT).to_owned()))
    }

    /// The job role, where one is stated. Roles of other systems (a speciality, a structural role) are not job roles.
    fn role(&self) -> Result<Option<String>, Reason> {
        let of_jobs = |(system, code): &(Option<&str>, &str)| system.is_none_or(|s| s == JOB_ROLE) && is_job_role(code);
        let roles: BTreeSet<&str> =
            self.subject_role.iter().map(Coding::parts).filter(of_jobs).map(|(_, code)| code).collect();
        if roles.len() > 1 {
            return Err(Reason::Role);
        }
        Ok(roles.first().map(|role| (*role).to_owned()))
    }

    fn organisation(&self) -> Result<OdsCode, Reason> {
        let id = self.subject_organization_id.as_deref().ok_or(Reason::Organisation)?;
        let code = ODS.iter().find_map(|prefix| id.strip_prefix(prefix)).unwrap_or(id);
        OdsCode::parse(code).map_err(|_| Reason::Organisation)
    }
}

pub(super) fn party(extension: IheIua, subject: &str) -> Result<Party, Reason> {
    let (role, organisation) = (extension.role()?, extension.organisation()?);
    let user = extension.national_provider_identifier.as_deref().unwrap_or(subject);
    Ok(Party::Staff {
        user: sound(user)?.to_owned(),
        name: extension.subject_name.as_deref().map(sound).transpose()?.map(str::to_owned),
        role,
        role_name: None,
        activities: Vec::new(),
        organisation,
    })
}
