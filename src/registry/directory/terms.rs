use crate::{domain::OdsCode, registry::RegistryConfig};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What a deployment says of the registry: who its operators are, and what may be registered.
#[derive(Clone, Debug, Default)]
pub struct RegistryTerms {
    /// By sds-user-id.
    pub operators: BTreeSet<String>,
    pub allow_http: bool,
    pub allow_private_addresses: bool,
    /// The names of the credentials that are kept for each organisation.
    pub credentials: BTreeMap<OdsCode, BTreeSet<String>>,
    /// For how long a passing probe is good to come further by.
    pub probe_holds: Duration,
}

impl From<&RegistryConfig> for RegistryTerms {
    fn from(config: &RegistryConfig) -> Self {
        Self {
            operators: config.operators.clone(),
            allow_http: config.allow_http,
            allow_private_addresses: config.allow_private_addresses,
            credentials: BTreeMap::new(),
            probe_holds: Duration::from_secs(u64::from(config.probe_days) * 86_400),
        }
    }
}
