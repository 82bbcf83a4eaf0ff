use super::{Locate, OrganisationConfig, Provider, ProviderConfig};
use crate::domain::{OdsCode, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// All providers and organisations of the region, by ODS code: those of the deployment's own configuration, and those that
/// are in force of what was registered.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    providers: BTreeMap<OdsCode, Arc<Provider>>,
    /// The kinds of all organisations whose people may read, those that provide nothing too.
    pub(super) kinds: BTreeMap<OdsCode, Arc<str>>,
    /// Of everyone, those too who may do nothing just now.
    pub(super) names: BTreeMap<OdsCode, String>,
    /// Where any of them answers.
    pub(super) hosts: BTreeSet<String>,
    /// When it changes by itself.
    pub(super) until: Option<Timestamp>,
    /// Whether anyone is asked only about patients that something says it holds. Kept: to look would touch thousands for every request.
    locates: bool,
}

impl Registry {
    /// Those of the configuration.
    ///
    /// # Errors
    /// What is wrong with the first provider that cannot be asked as it is configured.
    pub fn new(
        configs: &[ProviderConfig],
        organisations: &[OrganisationConfig],
        default_deadline: Duration,
    ) -> Result<Self, String> {
        let mut registry = Self::default();
        for organisation in organisations {
            registry.kinds.insert(organisation.ods, organisation.kind.as_str().into());
            registry.names.insert(organisation.ods, organisation.name.clone());
        }
        for config in configs {
            let provider = config.provider(default_deadline)?;
            registry.kinds.insert(provider.ods, Arc::clone(&provider.kind));
            registry.names.insert(provider.ods, provider.name.clone());
            registry.hosts.extend(provider.bases().filter_map(|base| base.host_str()).map(str::to_owned));
            registry.insert(Arc::new(provider));
        }
        Ok(registry)
    }

    pub(super) fn insert(&mut self, provider: Arc<Provider>) {
        self.locates |= provider.locate != Locate::Always;
        self.providers.insert(provider.ods, provider);
    }

    /// What kind of organisation it is; `None` for one that is not of this region.
    pub fn kind_of(&self, ods: OdsCode) -> Option<&Arc<str>> {
        self.kinds.get(&ods)
    }

    pub fn name_of(&self, ods: OdsCode) -> Option<&str> {
        self.names.get(&ods).map(String::as_str)
    }

    pub fn provider(&self, ods: OdsCode) -> Option<&Arc<Provider>> {
        self.providers.get(&ods)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }

    /// The same, each beside its code: whoever goes by the code alone touches nothing else of thousands.
    pub fn by_code(&self) -> impl Iterator<Item = (OdsCode, &Arc<Provider>)> {
        self.providers.iter().map(|(ods, provider)| (*ods, provider))
    }

    /// By what everyone in the region is recognised in a text: names, and hosts; and beside those the codes.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.names.values().chain(&self.hosts).map(String::as_str)
    }

    pub fn codes(&self) -> impl Iterator<Item = OdsCode> {
        self.names.keys().copied()
    }

    /// Whether everyone is called and found as in that one.
    pub fn reads_like(&self, other: &Self) -> bool {
        self.names == other.names && self.hosts == other.hosts
    }

    /// When it changes by itself: an agreement or a period begins or ends then.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether anyone is asked only about patients that something says it holds.
    pub fn locates(&self) -> bool {
        self.locates
    }

    /// Reads every provider's secrets again. Each that cannot be used stays as it was, and is told with its place.
    pub fn reload_secrets(&self) -> Vec<(OdsCode, String)> {
        let faults = |provider: &Arc<Provider>| {
            let ods = provider.ods;
            provider.sign_in.reload().into_iter().map(move |what| (ods, what))
        };
        self.all().flat_map(faults).collect()
    }
}
