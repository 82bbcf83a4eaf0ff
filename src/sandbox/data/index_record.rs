use crate::domain::{NhsNumber, OdsCode};
use serde::{Deserialize, Serialize};

/// What the region's patient index holds about a person, as `region.json` tells it. A region without any has no index.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexRecord {
    pub nhs_number: NhsNumber,
    /// Numbers of theirs that were given up for this one.
    #[serde(default)]
    pub supersedes: Vec<NhsNumber>,
    pub family: String,
    pub given: String,
    pub gender: String,
    pub birth_date: String,
    /// Date or time of death.
    #[serde(default)]
    pub deceased: Option<String>,
    pub gp_practice: Option<OdsCode>,
    /// UKCore-NHSNumberVerificationStatusEngland: 01 is present and verified.
    #[serde(default = "verified")]
    pub verification: String,
    #[serde(default)]
    pub flag: Flag,
}

/// PDS's confidentiality flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flag {
    #[default]
    U,
    /// Restricted: where they live is left out.
    R,
    /// Sensitive: to everybody it is as if there were no such patient.
    S,
}

fn verified() -> String {
    "01".to_owned()
}
