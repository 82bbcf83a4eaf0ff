use crate::{
    domain::OdsCode,
    registry::{CredentialConfig, Idiom, Locate, Provider, ProviderConfig, ReaderContext},
};
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// `[index]`: the patient index, which says who a number is. Left out: the sources' own word stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexConfig {
    /// Who runs it: what it says is tagged with this. England's is NHS England's.
    #[serde(default = "default_ods")]
    pub ods: String,
    #[serde(default = "default_name")]
    pub name: String,
    /// The FHIR service root: `Patient/[NHS number]` is below it.
    pub base_url: Url,
    pub credential: Option<CredentialConfig>,
    #[serde(default = "default_deadline")]
    pub deadline_ms: u64,
    /// Seconds that its word is kept; 0 keeps nothing.
    #[serde(default = "default_ttl")]
    pub ttl_seconds: u64,
    /// How old its last word may be, in seconds, while it does not answer.
    #[serde(default = "default_stale")]
    pub stale_seconds: u64,
    #[serde(default)]
    pub allow_http: bool,
    #[serde(default)]
    pub allow_private_addresses: bool,
}

fn default_ods() -> String {
    "X26".to_owned()
}
fn default_name() -> String {
    "National patient index".to_owned()
}
fn default_deadline() -> u64 {
    2_000
}
fn default_ttl() -> u64 {
    300
}
fn default_stale() -> u64 {
    14_400
}

impl IndexConfig {
    /// Everything wrong with it.
    pub fn faults(&self) -> Vec<String> {
        self.endpoint().map_or_else(|what| vec![what], |endpoint| endpoint.faults())
    }

    /// As it is asked: the way any provider is.
    pub(super) fn provider(&self) -> Result<Provider, String> {
        self.endpoint()?.provider(Duration::from_millis(self.deadline_ms))
    }

    fn endpoint(&self) -> Result<ProviderConfig, String> {
        Ok(ProviderConfig {
            ods: OdsCode::parse(&self.ods).map_err(|e| format!("ods: {e}"))?,
            name: self.name.clone(),
            kind: "patient-index".to_owned(),
            base_url: self.base_url.clone(),
            replicas: Vec::new(),
            ca: None,
            idiom: Idiom::default(),
            credential: self.credential.clone(),
            client_certificate: None,
            reader_context: ReaderContext::default(),
            deadline_ms: Some(self.deadline_ms),
            max_calls: None,
            allow_private_addresses: self.allow_private_addresses,
            allow_http: self.allow_http,
            restricted: false,
            push_down: false,
            locate: Locate::default(),
        })
    }
}
