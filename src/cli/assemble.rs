use crate::{
    access::{FactCache, Policy},
    api::{BadTokens, Node},
    audit::{AuditLog, LogId, LogOptions, Signer},
    config::Config,
    domain::IdSealer,
    federation::{Federation, FederationOptions},
    identity::Verifier,
    query::PageSealer,
    registry::Registry,
    store::Store,
    story::Gateway,
};
use actix_web::web;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Puts a node together from its configuration: database opened and migrated, log claimed, policies read.
/// `public_url` is the base that callers use, without a slash at its end.
pub async fn assemble(config: &Config, public_url: &str) -> Result<web::Data<Node>, String> {
    let key = |place: &str, secret: &crate::domain::SecretRef| secret.key().map_err(|e| format!("{place}: {e}"));
    let ids = Arc::new(IdSealer::new(&key("keys.ids", &config.keys.ids)?));
    let pages = PageSealer::new(&key("keys.pages", &config.keys.pages)?);
    let signer = Signer::from_seed(&key("keys.checkpoint", &config.keys.checkpoint)?).map_err(|e| e.to_string())?;
    let policy = Policy::load(config.policy.directory.as_deref())
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let store = Store::open(&config.database.url()?).await.map_err(|e| e.to_string())?;
    let log = LogId::parse(&config.gateway.node).map_err(|e| format!("gateway.node: {e}"))?;
    let mut options = LogOptions::new(signer);
    options.checkpoint_file.clone_from(&config.audit.checkpoint_file);
    options.interval = Duration::from_secs(config.audit.checkpoint_interval_seconds.max(1));
    options.commit_timeout = Duration::from_millis(config.audit.commit_timeout_ms);
    let log = AuditLog::start(store.log_store(log), options).await.map_err(|e| e.to_string())?;
    let registry = Registry::new(&config.providers, Duration::from_millis(config.federation.deadline_ms))?;
    let base: Arc<str> = format!("{public_url}/fhir/").into();
    let federation = Federation::new(FederationOptions {
        section: config.federation.clone(),
        ids: Arc::clone(&ids),
        base: Arc::clone(&base),
        long_ids: store.long_ids(),
        standing: store.standing(),
    })
    .map_err(|e| e.to_string())?;
    let verifier = Verifier::new(config.issuers.clone()).map_err(|e| e.to_string())?;
    let bad_tokens = Arc::new(BadTokens::new(log.clone()));
    let gateway = Gateway {
        verifier,
        policy: Arc::new(policy),
        facts: FactCache::new(store.facts()),
        registry,
        federation,
        log,
        reader: store.log_reader(),
        long_ids: store.long_ids(),
        ids,
        pages,
        base,
    };
    Ok(web::Data::new(Node {
        gateway: Arc::new(gateway),
        bad_tokens,
        places: Semaphore::new(config.gateway.max_concurrent_requests),
        deadline: Duration::from_millis(config.gateway.request_deadline_ms),
        public_url: public_url.to_owned(),
        metrics: crate::telemetry::metrics(),
    }))
}
