use super::BadTokens;
use crate::{domain::Network, story::Gateway};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// What the HTTP side holds of a node.
pub struct Node {
    pub gateway: Arc<Gateway>,
    pub bad_tokens: Arc<BadTokens>,
    /// Requests under way: past these a caller is told at once to come again, and those under way are not slowed.
    pub places: Arc<Semaphore>,
    /// Token requests whose form is being read: strangers' too, so that these take no request's place.
    pub forms: Arc<Semaphore>,
    pub deadline: Duration,
    /// Whose word it is believed from which client certificate was shown.
    pub trusted_proxies: Vec<Network>,
    /// Our own FHIR bases, as callers may write them in references.
    pub bases: Vec<String>,
    /// The CapabilityStatement, and where tokens come from, if this deployment says so: both the same for everyone.
    pub statement: String,
    pub smart: Option<String>,
    pub metrics: Option<PrometheusHandle>,
}
