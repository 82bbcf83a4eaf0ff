use crate::domain::OdsCode;
use serde::Deserialize;

/// `[[organisation]]`: one that has no endpoint here, but whose people read, or which is told of disclosures.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationConfig {
    pub ods: OdsCode,
    pub name: String,
    /// One of the policy's organisations.json.
    pub kind: String,
}
