use super::{OrganisationConfig, Provider, ProviderConfig};
use crate::{
    access::{Asking, Permit, SkipReason},
    domain::OdsCode,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// All providers of the region, by ODS code.
#[derive(Debug)]
pub struct Registry {
    providers: BTreeMap<OdsCode, Arc<Provider>>,
    /// The kinds of all organisations, those that provide nothing too.
    kinds: BTreeMap<OdsCode, Arc<str>>,
}

/// Whom one request asks, and whom it does not and why. Always in ODS order, so that answers are the same everywhere.
#[derive(Debug)]
pub struct Plan {
    pub ask: Vec<Arc<Provider>>,
    pub skip: Vec<(Arc<Provider>, SkipReason)>,
}

impl Registry {
    pub fn new(
        configs: &[ProviderConfig],
        organisations: &[OrganisationConfig],
        default_deadline: Duration,
    ) -> Result<Self, String> {
        let providers: BTreeMap<_, _> = configs
            .iter()
            .map(|config| Ok((config.ods, Arc::new(config.provider(default_deadline)?))))
            .collect::<Result<_, String>>()?;
        let provide = providers.values().map(|provider| (provider.ods, Arc::clone(&provider.kind)));
        let others = organisations.iter().map(|organisation| (organisation.ods, organisation.kind.as_str().into()));
        let kinds = others.chain(provide).collect();
        Ok(Self { providers, kinds })
    }

    /// What kind of organisation it is; `None` for one that is not of this region.
    pub fn kind_of(&self, ods: OdsCode) -> Option<&Arc<str>> {
        self.kinds.get(&ods)
    }

    pub fn provider(&self, ods: OdsCode) -> Option<&Arc<Provider>> {
        self.providers.get(&ods)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }

    /// Everyone who may be asked under this permit.
    pub fn plan(&self, permit: &Permit) -> Plan {
        let mut plan = Plan { ask: Vec::new(), skip: Vec::new() };
        for provider in self.all() {
            match permit.asks(provider.ods) {
                Asking::Ask => plan.ask.push(Arc::clone(provider)),
                Asking::Skip(reason) => plan.skip.push((Arc::clone(provider), reason)),
            }
        }
        plan
    }
}
