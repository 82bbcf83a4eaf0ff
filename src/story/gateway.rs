use crate::{
    access::{ClaimStore, FactCache, Policies, RecallStore, desk::DeskStore},
    audit::{AuditLog, LedgerStore, LogReader},
    domain::IdSealer,
    federation::{Federation, LongIds, PatientIndex},
    identity::{Authorisation, Statements, Verifier},
    probe::ProbeStore,
    query::PageSealer,
    registry::{
        Locator, Registries, StandingStore,
        directory::{DirectoryStore, RegistryTerms},
    },
};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// One node, put together: what the stories are told with. It holds no state but caches.
pub struct Gateway {
    pub verifier: Arc<Verifier>,
    /// None where this gateway issues no tokens.
    pub authorisation: Option<Arc<Authorisation>>,
    pub policies: Policies,
    pub facts: FactCache,
    pub desk: Arc<dyn DeskStore>,
    pub claims: Arc<dyn ClaimStore>,
    pub recalls: Arc<dyn RecallStore>,
    pub registries: Registries,
    /// What organisations registered of themselves, and on which terms they may.
    pub directory: Arc<dyn DirectoryStore>,
    pub registry_terms: RegistryTerms,
    pub probes: Arc<dyn ProbeStore>,
    /// Places for probes under way on this node.
    pub probing: Arc<Semaphore>,
    pub standing: Arc<dyn StandingStore>,
    pub locator: Locator,
    /// None where no provider is told who asks.
    pub statements: Option<Arc<Statements>>,
    pub federation: Federation,
    pub index: Option<PatientIndex>,
    pub log: AuditLog,
    pub reader: Arc<dyn LogReader>,
    pub ledger: Arc<dyn LedgerStore>,
    pub long_ids: Arc<dyn LongIds>,
    pub ids: Arc<IdSealer>,
    pub pages: PageSealer,
    /// Our own FHIR base, ending in a slash.
    pub base: Arc<str>,
}

impl Gateway {
    /// The public halves of the keys by which this gateway signs, as JWKs.
    pub fn public_keys(&self) -> Vec<Value> {
        let statements = self.statements.iter().flat_map(|statements| statements.public_keys());
        let tokens = self.authorisation.iter().flat_map(|authorisation| authorisation.public_keys());
        let mut keys = Vec::new();
        for key in statements.chain(tokens).chain(self.registries.public_keys()) {
            // several providers may know us by one key; said twice, it would be usable by nobody
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}
