use super::{Freshness, Locate, Narrowing, OrganisationConfig, Presence, Provider, ProviderConfig, Want};
use crate::{
    access::{Asking, Permits, SkipReason},
    domain::{OdsCode, Timestamp},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// All providers of the region, by ODS code.
#[derive(Debug)]
pub struct Registry {
    providers: BTreeMap<OdsCode, Arc<Provider>>,
    /// The kinds of all organisations, those that provide nothing too.
    kinds: BTreeMap<OdsCode, Arc<str>>,
    /// The names of those that provide nothing.
    others: BTreeMap<OdsCode, String>,
}

/// Whom one request asks, and whom it does not and why. Always in ODS order, so that answers are the same everywhere.
#[derive(Debug, Default)]
pub struct Plan {
    pub ask: Vec<Errand>,
    pub skip: Vec<(Arc<Provider>, SkipReason)>,
    /// How many are not asked because nothing says that they hold anything.
    pub elsewhere: usize,
    /// Whether there are providers that such a question is put to by its filters, whoever is asked of this patient.
    pub by_filter: bool,
}

/// What one provider is asked: who the patient is, and its share of the record.
#[derive(Clone, Debug)]
pub struct Errand {
    pub provider: Arc<Provider>,
    pub wants: Vec<Want>,
    /// What is not asked for, since nothing that it could hold of it might be shown.
    pub withheld: Vec<Want>,
    /// What is remembered may be used where it is as new as this.
    pub freshness: Freshness,
}

impl Registry {
    /// # Errors
    /// What is wrong with the first provider that cannot be asked as it is configured.
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
        let others = organisations.iter().map(|organisation| (organisation.ods, organisation.name.clone())).collect();
        Ok(Self { providers, kinds, others })
    }

    /// What kind of organisation it is; `None` for one that is not of this region.
    pub fn kind_of(&self, ods: OdsCode) -> Option<&Arc<str>> {
        self.kinds.get(&ods)
    }

    pub fn name_of(&self, ods: OdsCode) -> Option<&str> {
        self.providers.get(&ods).map(|provider| &provider.name).or(self.others.get(&ods)).map(String::as_str)
    }

    pub fn provider(&self, ods: OdsCode) -> Option<&Arc<Provider>> {
        self.providers.get(&ods)
    }

    /// Of everyone in the region, those who provide nothing too.
    pub fn codes(&self) -> impl Iterator<Item = OdsCode> {
        self.kinds.keys().copied()
    }

    /// The same, by name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all().map(|provider| provider.name.as_str()).chain(self.others.values().map(String::as_str))
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }

    /// Whether anyone is asked only about patients that something says it holds.
    pub fn locates(&self) -> bool {
        self.providers.values().any(|provider| provider.locate != Locate::Always)
    }

    /// Reads every provider's secrets again. Each that cannot be used stays as it was, and is told with its place.
    pub fn reload_secrets(&self) -> Vec<(OdsCode, String)> {
        let faults = |provider: &Arc<Provider>| {
            let ods = provider.ods;
            provider.sign_in.reload().into_iter().map(move |what| (ods, what))
        };
        self.all().flat_map(faults).collect()
    }

    /// Everyone who may be asked under these permits, each for what it may be asked for. Where only one source's entries
    /// are wanted the others still say who the patient is: another person's data could hide behind an id too.
    /// The requester's own organisation is always asked, and whoever said that it cares for the patient.
    pub fn plan(
        &self,
        permits: &Permits,
        (wants, narrowing): (&[Want], Option<&Narrowing>),
        only: Option<OdsCode>,
        presence: &Presence,
    ) -> Plan {
        let mut plan = Plan::default();
        for provider in self.all() {
            let narrowed = narrowing.and_then(|narrowing| Some((narrowing, narrowing.at(provider)?)));
            plan.by_filter |= narrowed.is_some();
            let want = |want: &Want| match &narrowed {
                Some((narrowing, narrowed)) if narrowing.narrows(want) => narrowed.clone(),
                _ => want.clone(),
            };
            let known = only == Some(provider.ods) || permits.first().relates(provider.ods);
            if !known && !presence.asks(provider.ods, provider.locate) {
                plan.elsewhere += 1;
                continue;
            }
            let asking = |resource_type| permits.of(resource_type).unwrap_or(permits.first()).asks(provider.ods);
            let wants = if only.is_some_and(|only| only != provider.ods) { &[] } else { wants };
            let (ask, withheld): (Vec<&Want>, Vec<&Want>) =
                wants.iter().partition(|want| asking(want.resource_type) == Asking::Ask);
            match (permits.first().asks(provider.ods), ask.is_empty()) {
                (Asking::Skip(reason), true) => plan.skip.push((Arc::clone(provider), reason)),
                _ => plan.ask.push(Errand {
                    provider: Arc::clone(provider),
                    wants: ask.into_iter().map(want).collect(),
                    withheld: withheld.into_iter().map(want).collect(),
                    freshness: Freshness { recalled: permits.first().recalled_at(provider.ods), since: None },
                }),
            }
        }
        plan
    }
}

impl Plan {
    /// Nothing is to be used that was asked for before this moment.
    pub fn since(mut self, moment: Option<Timestamp>) -> Self {
        self.ask.iter_mut().for_each(|errand| errand.freshness.since = moment);
        self
    }
}

impl Errand {
    /// To ask who the patient is, and nothing more.
    pub fn who(provider: &Arc<Provider>) -> Self {
        Self {
            provider: Arc::clone(provider),
            wants: Vec::new(),
            withheld: Vec::new(),
            freshness: Freshness::default(),
        }
    }
}
