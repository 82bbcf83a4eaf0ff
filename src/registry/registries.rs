//! The registry as it is in force at an epoch: what the deployment configures, and what was registered, made anew only where
//! something changed.
//!
//! Promises: nobody is asked by an entry older than the facts that a decision was made by; whatever is wrong with one entry
//! leaves out that one alone; an endpoint whose entry is the same keeps its connections, tokens and what it declares, and one
//! whose entry is another has nothing of the one before.

use super::{
    CredentialConfig, Credentials, Locate, Provider, ProviderConfig, ReaderContext, Registry, RegistryConfig,
    directory::{Content, DirectoryStore, Endpoint, Entry, Organisation},
};
use crate::{
    access::GlobalFacts,
    domain::{OdsCode, StoreError, Timestamp},
};
use arc_swap::{ArcSwap, Guard};
use moka::future::Cache;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// Every registry of this node, one after the other.
pub struct Registries {
    ground: Arc<Ground>,
    directory: Arc<dyn DirectoryStore>,
    current: ArcSwap<Snapshot>,
    /// One making, however many ask for it.
    making: Cache<(i64, Option<Timestamp>), Arc<Snapshot>>,
    /// One after the other: each takes over from the one before.
    turn: Mutex<()>,
    /// Of the keys that sign at registered endpoints.
    public_keys: ArcSwap<Vec<Value>>,
}

/// What does not change while a node runs.
struct Ground {
    configured: Registry,
    credentials: Credentials,
    allow_http: bool,
    allow_private_addresses: bool,
    default_deadline: Duration,
    locate: Locate,
}

#[derive(Default)]
struct Snapshot {
    registry: Arc<Registry>,
    /// The registry's epoch that it was asked for under: what is in it may be newer, never older.
    epoch: i64,
    /// What was made of which versions.
    made: BTreeMap<OdsCode, Arc<Provider>>,
    /// Whether an entry in force was left out for a fault.
    is_lacking: bool,
}

impl Snapshot {
    fn serves(&self, epoch: i64, now: Timestamp) -> bool {
        self.epoch >= epoch && self.registry.until.is_none_or(|until| now < until)
    }
}

impl Registries {
    pub fn new(
        configured: Registry,
        terms: &RegistryConfig,
        credentials: Credentials,
        default_deadline: Duration,
        directory: Arc<dyn DirectoryStore>,
    ) -> Self {
        let first = Snapshot { registry: Arc::new(configured.clone()), ..Snapshot::default() };
        let public_keys = ArcSwap::from_pointee(credentials.public_keys());
        let ground = Ground {
            configured,
            credentials,
            allow_http: terms.allow_http,
            allow_private_addresses: terms.allow_private_addresses,
            default_deadline,
            locate: terms.locate,
        };
        Self {
            ground: Arc::new(ground),
            directory,
            current: ArcSwap::from_pointee(first),
            making: Cache::builder().max_capacity(8).build(),
            turn: Mutex::default(),
            public_keys,
        }
    }

    /// The registry for a decision that is made by these facts: as it was when they were read, or newer.
    pub async fn of(&self, global: &GlobalFacts) -> Result<Arc<Registry>, StoreError> {
        let now = Timestamp::now();
        let current: Guard<Arc<Snapshot>> = self.current.load();
        if current.serves(global.registry, now) {
            return Ok(Arc::clone(&current.registry));
        }
        let key = (current.epoch.max(global.registry), current.registry.until);
        drop(current);
        let made = self.making.try_get_with(key, self.make(key.0)).await;
        // what is kept is `current`
        self.making.invalidate(&key).await;
        made.map(|snapshot| Arc::clone(&snapshot.registry)).map_err(|error: Arc<StoreError>| *error)
    }

    /// The newest that was made: for what is about no decision.
    pub fn latest(&self) -> Arc<Registry> {
        Arc::clone(&self.current.load().registry)
    }

    /// The public halves of the keys by which the gateway signs in anywhere.
    pub fn public_keys(&self) -> Vec<Value> {
        let own = self.ground.configured.all().filter_map(|provider| provider.sign_in.public_key());
        own.chain(self.public_keys.load().iter().cloned()).collect()
    }

    /// Reads every secret again, as [`Registry::reload_secrets`]; an endpoint that was left out for one is tried again.
    pub fn reload_secrets(&self) -> Vec<(OdsCode, String)> {
        self.public_keys.store(Arc::new(self.ground.credentials.public_keys()));
        let current = self.current.load_full();
        if current.is_lacking {
            let mut registry = (*current.registry).clone();
            registry.until = Some(Timestamp::now());
            let (epoch, made) = (current.epoch, current.made.clone());
            let due = Arc::new(Snapshot { registry: Arc::new(registry), epoch, made, is_lacking: true });
            // one that was made meanwhile has tried already
            self.current.compare_and_swap(&current, due);
        }
        current.registry.reload_secrets()
    }

    async fn make(&self, epoch: i64) -> Result<Arc<Snapshot>, StoreError> {
        let _turn = self.turn.lock().await;
        let before = self.current.load_full();
        let now = Timestamp::now();
        if before.serves(epoch, now) {
            return Ok(before);
        }
        let entries = self.directory.all_in_force().await?;
        let ground = Arc::clone(&self.ground);
        // secrets are files: not on the event loop
        let made = tokio::task::spawn_blocking(move || ground.snapshot(&entries, &before, epoch, now));
        let made = Arc::new(made.await.map_err(|_| StoreError::Unavailable)?);
        self.current.store(Arc::clone(&made));
        Ok(made)
    }
}

impl Ground {
    fn snapshot(&self, entries: &[Entry], before: &Snapshot, epoch: i64, now: Timestamp) -> Snapshot {
        let mut registry = self.configured.clone();
        let (mut made, mut out, mut left_out) = (BTreeMap::new(), Vec::new(), 0_u32);
        let mut organisations: BTreeMap<OdsCode, &Organisation> = BTreeMap::new();
        let mut changes = |moments: [Option<Timestamp>; 2]| {
            let next = moments.into_iter().flatten().filter(|moment| *moment > now);
            registry.until = registry.until.into_iter().chain(next).min();
        };
        for organisation in entries.iter().filter_map(organisation) {
            let agreement = organisation.agreement.as_ref();
            changes(agreement.map_or([None; 2], |agreement| [agreement.from, agreement.until]));
            organisations.insert(organisation.ods, organisation);
        }
        for (_, endpoint) in entries.iter().filter_map(endpoint) {
            changes([endpoint.from, endpoint.until]);
        }
        for organisation in entries.iter().filter_map(organisation) {
            registry.names.entry(organisation.ods).or_insert_with(|| organisation.name.clone());
        }
        for organisation in organisations.values().filter(|organisation| organisation.shares(now)) {
            registry.kinds.entry(organisation.ods).or_insert_with(|| organisation.kind.as_str().into());
        }
        for (version, endpoint) in entries.iter().filter_map(endpoint) {
            registry.hosts.extend(endpoint.addresses().filter_map(|url| url.host_str()).map(str::to_owned));
            let Some(organisation) = organisations.get(&endpoint.ods) else { continue };
            if self.configured.provider(endpoint.ods).is_some() {
                continue;
            }
            if !endpoint.is_in_use(now) || !organisation.shares(now) {
                // whatever its dates are by now: if it was live, the record lacks it and says so until an operator has said that it left
                out.extend(self.out_of_use(organisation, endpoint, version));
                continue;
            }
            let known = before.made.get(&endpoint.ods).filter(|known| known.version == version);
            match self.provider(organisation, endpoint, version, known) {
                Ok(provider) => drop(made.insert(endpoint.ods, provider)),
                Err(what) => {
                    left_out += 1;
                    tracing::error!(provider.ods = %endpoint.ods, entry.version = version, entry.fault = what,
                        "a registered endpoint cannot be asked");
                    // it is a part of the record all the same: whoever is not told that it is missing would think it has nothing
                    out.extend(self.out_of_use(organisation, endpoint, version));
                }
            }
        }
        out.into_iter().chain(made.values().map(Arc::clone)).for_each(|provider| registry.insert(provider));
        metrics::gauge!("caregate_registered_endpoints").set(u32::try_from(made.len()).unwrap_or(u32::MAX));
        metrics::gauge!("caregate_registered_endpoints_left_out").set(left_out);
        Snapshot { registry: Arc::new(registry), epoch, made, is_lacking: left_out > 0 }
    }

    /// The endpoint in the record's eyes, where it cannot be asked: with nothing of it that has a fault.
    fn out_of_use(&self, organisation: &Organisation, endpoint: &Endpoint, version: i64) -> Option<Arc<Provider>> {
        let plain = Endpoint { credential: None, replicas: Vec::new(), deadline_ms: None, ..endpoint.clone() };
        let config = self.config(organisation, &plain, None);
        let provider = config.provider(self.default_deadline).ok()?;
        // by a version that none has: what it said while it was in use is found in no memory
        let version = -version;
        Some(Arc::new(Provider { types: Some(endpoint.types.clone()), version, is_out_of_use: true, ..provider }))
    }

    /// The endpoint as it is asked: the very one of before, where its entry is the same.
    fn provider(
        &self,
        organisation: &Organisation,
        endpoint: &Endpoint,
        version: i64,
        known: Option<&Arc<Provider>>,
    ) -> Result<Arc<Provider>, String> {
        let (name, kind) = (&organisation.name, organisation.kind.as_str());
        match known {
            Some(known) if known.name == *name && *known.kind == *kind => return Ok(Arc::clone(known)),
            Some(known) => {
                return Ok(Arc::new(Provider { name: name.clone(), kind: kind.into(), ..Provider::clone(known) }));
            }
            None => {}
        }
        let credential: Option<CredentialConfig> = match &endpoint.credential {
            None => None,
            Some(name) => {
                let kept = self.credentials.of(endpoint.ods, name);
                Some(kept.ok_or_else(|| format!("no [[credential]] {name} is kept for it"))?.clone())
            }
        };
        let config = self.config(organisation, endpoint, credential);
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(faults.join("; "));
        }
        let provider = config.provider(self.default_deadline)?;
        Ok(Arc::new(Provider { types: Some(endpoint.types.clone()), version, ..provider }))
    }

    fn config(
        &self,
        organisation: &Organisation,
        endpoint: &Endpoint,
        credential: Option<CredentialConfig>,
    ) -> ProviderConfig {
        // everybody waits for the slowest: nobody has them wait longer than the deployment does
        let most = u64::try_from(self.default_deadline.as_millis()).unwrap_or(u64::MAX);
        ProviderConfig {
            ods: endpoint.ods,
            name: organisation.name.clone(),
            kind: organisation.kind.clone(),
            base_url: endpoint.address.clone(),
            replicas: endpoint.replicas.clone(),
            ca: None,
            idiom: endpoint.idiom,
            credential,
            client_certificate: None,
            reader_context: ReaderContext::Untold,
            deadline_ms: endpoint.deadline_ms.map(|own| own.min(most)),
            max_calls: None,
            allow_private_addresses: self.allow_private_addresses,
            allow_http: self.allow_http,
            restricted: false,
            locate: self.locate,
            push_down: true,
        }
    }
}

fn organisation(entry: &Entry) -> Option<&Organisation> {
    match &entry.content {
        Content::Organization(organisation) => Some(organisation),
        Content::Endpoint(_) => None,
    }
}

fn endpoint(entry: &Entry) -> Option<(i64, &Endpoint)> {
    match &entry.content {
        Content::Endpoint(endpoint) => Some((entry.version, endpoint)),
        Content::Organization(_) => None,
    }
}

#[cfg(test)]
mod tests;
