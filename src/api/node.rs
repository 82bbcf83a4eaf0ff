use super::BadTokens;
use crate::story::Gateway;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// What the HTTP side holds of a node.
pub struct Node {
    pub gateway: Arc<Gateway>,
    pub bad_tokens: Arc<BadTokens>,
    /// Requests under way: past these a caller is told at once to come again, and those under way are not slowed.
    pub places: Semaphore,
    pub deadline: Duration,
    /// The base that callers use, without `/fhir`.
    pub public_url: String,
    pub metrics: Option<PrometheusHandle>,
}
