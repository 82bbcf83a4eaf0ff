use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// `[federation]`: what one provider's answer may cost, and how long it is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FederationConfig {
    pub deadline_ms: u64,
    /// Decoded bytes of all pages of one answer.
    pub max_answer_bytes: usize,
    /// Of one document; one that its source wraps in JSON is held to `max_answer_bytes`.
    pub max_document_bytes: u64,
    pub max_nodes: u32,
    pub max_depth: u32,
    pub max_pages: usize,
    /// How many entries a page asks a provider for.
    pub page_size: u32,
    /// Calls under way at one provider at once.
    pub max_calls_per_provider: usize,
    pub cache_bytes: u64,
    /// Seconds an answer is kept; 0 keeps nothing.
    pub ttl_seconds: u64,
    /// The same for one type, such as `Observation = 30`.
    pub ttl_seconds_by_type: BTreeMap<String, u64>,
    /// How old an answer may be, in seconds, that stands in for one that a provider could not give; 0: none does.
    pub stale_seconds: u64,
    /// Seconds that a provider's own Patient for an NHS number is kept.
    pub patient_ttl_seconds: u64,
    /// How often providers' CapabilityStatements are read, in seconds; 0: never, and none is asked by filters.
    pub capability_refresh_seconds: u64,
    /// How old what the requester's own organisation said of a registration may be, in seconds.
    pub evidence_ttl_seconds: u64,
    /// A provider that answered for this many distinct patients with another person's data is suspended.
    pub wrong_patient_threshold: u64,
}

impl Default for FederationConfig {
    fn default() -> Self {
        Self {
            deadline_ms: 3_000,
            max_answer_bytes: 16 << 20,
            max_document_bytes: 64 << 20,
            max_nodes: 1_000_000,
            max_depth: 64,
            max_pages: 100,
            page_size: 200,
            max_calls_per_provider: 32,
            cache_bytes: 256 << 20,
            ttl_seconds: 60,
            ttl_seconds_by_type: BTreeMap::new(),
            stale_seconds: 0,
            patient_ttl_seconds: 300,
            capability_refresh_seconds: 3_600,
            evidence_ttl_seconds: 60,
            wrong_patient_threshold: 3,
        }
    }
}

impl FederationConfig {
    pub fn ttl(&self, resource_type: &str) -> Duration {
        Duration::from_secs(self.ttl_seconds_by_type.get(resource_type).copied().unwrap_or(self.ttl_seconds))
    }
}
