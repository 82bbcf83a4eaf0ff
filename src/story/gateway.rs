use crate::{
    access::{ClaimStore, FactCache, Policies, RecallStore, desk::DeskStore},
    audit::{AuditLog, LogReader},
    domain::IdSealer,
    federation::{Federation, LongIds},
    identity::Verifier,
    query::PageSealer,
    registry::{Locator, Registry},
};
use std::sync::Arc;

/// One node, put together: what the stories are told with. It holds no state but caches.
pub struct Gateway {
    pub verifier: Verifier,
    pub policies: Policies,
    pub facts: FactCache,
    pub desk: Arc<dyn DeskStore>,
    pub claims: Arc<dyn ClaimStore>,
    pub recalls: Arc<dyn RecallStore>,
    pub registry: Registry,
    pub locator: Locator,
    pub federation: Federation,
    pub log: AuditLog,
    pub reader: Arc<dyn LogReader>,
    pub long_ids: Arc<dyn LongIds>,
    pub ids: Arc<IdSealer>,
    pub pages: PageSealer,
    /// Our own FHIR base, ending in a slash.
    pub base: Arc<str>,
}
