use crate::{
    access::{FactCache, Policies},
    alerts::{self, Readers, Webhook},
    api::{BadTokens, Node, capability},
    audit::{AuditLog, LogId, LogOptions, Signer},
    config::Config,
    domain::{IdSealer, OdsCode},
    federation::{Federation, FederationOptions, PatientIndex},
    identity::{
        self, Algorithm, Authorisation, Client, ClientsInTurn, ConfiguredClients, Grant, IssuedTokens, Sessions,
        SignIns, Verifier,
    },
    pages::{Base, Pages, SIGN_INS_MAX},
    query::{PageSealer, capability::Smart},
    registry::{Credentials, Locator, RegisteredClients, Registries, Registry, directory::RegistryTerms},
    store::{DatabaseUrl, Store},
    story::{self, Gateway},
};
use actix_web::web;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Puts a node together from its configuration: database opened and migrated, log claimed, policies read.
/// `public_url` is the base that callers use, without a slash at its end.
pub async fn assemble(config: &Config, public_url: &str) -> Result<web::Data<Pages>, String> {
    let key = |place: &str, secret: &crate::domain::SecretRef| secret.key().map_err(|e| format!("{place}: {e}"));
    let ids = Arc::new(IdSealer::new(&key("keys.ids", &config.keys.ids)?));
    let pages = PageSealer::new(&key("keys.pages", &config.keys.pages)?, PageSealer::LIFETIME);
    let seed = key("keys.checkpoint", &config.keys.checkpoint)?;
    let signer = Signer::new(&config.audit.origin, &seed).map_err(|e| format!("audit.origin: {e}"))?;
    let url = DatabaseUrl::parse(&config.database.url()?).map_err(|e| e.to_string())?;
    let store = Store::open(&url).await.map_err(|e| said(&e))?;
    let policies = Policies::new(store.policies(), config.policy.directory.clone());
    super::policy::reload(&policies).await.map_err(|error| error.to_string())?;
    let log = LogId::parse(&config.gateway.node).map_err(|e| format!("gateway.node: {e}"))?;
    let mut options = LogOptions::new(signer);
    options.checkpoint_file.clone_from(&config.audit.checkpoint_file);
    options.interval = Duration::from_secs(config.audit.checkpoint_interval_seconds.max(1));
    options.commit_timeout = Duration::from_millis(config.audit.commit_timeout_ms);
    let own_log = log.clone();
    let log = AuditLog::start(store.log(log), options).await.map_err(|e| e.to_string())?;
    let default_deadline = Duration::from_millis(config.federation.deadline_ms);
    let configured = Registry::new(&config.providers, &config.organisations, default_deadline)?;
    let credentials = Credentials::from(&*config.credentials);
    let registry_terms = RegistryTerms { credentials: credentials.names(), ..terms(config) };
    let registries = Registries::new(configured, &config.registry, credentials, default_deadline, store.directory());
    let base: Arc<str> = format!("{public_url}/fhir/").into();
    let statements =
        config.keys.statements(&base).transpose().map_err(|e| format!("keys.statement: {e}"))?.map(Arc::new);
    let federation = Federation::new(FederationOptions {
        config: config.federation.clone(),
        ids: Arc::clone(&ids),
        base: Arc::clone(&base),
        long_ids: store.long_ids(),
        standing: store.standing(),
        statements: statements.clone(),
    })
    .map_err(|e| e.to_string())?;
    let index = config.index.as_ref().map(PatientIndex::new).transpose().map_err(|e| format!("index: {e}"))?;
    let tokens = config.keys.issued_tokens(public_url).transpose().map_err(|e| format!("keys.tokens: {e}"))?;
    let tokens = tokens.map(Arc::new);
    let verifier = Arc::new(verifier(config, tokens.as_deref())?);
    let authorisation =
        tokens.as_ref().map(|tokens| authorisation(config, tokens, &verifier, &store)).transpose()?.map(Arc::new);
    let bad_tokens = Arc::new(BadTokens::new(log.clone()));
    tokio::spawn(BadTokens::keep_flushing(Arc::downgrade(&bad_tokens)));
    let webhook = |readers| Webhook::new(&config.alerts, readers).map_err(|e| format!("alerts: {e}"));
    let webhooks = [(Readers::Officers, webhook(Readers::Officers)?), (Readers::Patients, webhook(Readers::Patients)?)];
    let gateway = Arc::new(Gateway {
        verifier,
        authorisation,
        policies,
        facts: FactCache::new(store.facts()),
        desk: store.desk(),
        claims: store.claims(),
        recalls: store.recalls(),
        registries,
        directory: store.directory(),
        registry_terms,
        probes: store.probes(),
        probing: Arc::new(Semaphore::new(story::PROBES_MAX)),
        standing: store.standing(),
        locator: Locator::new(store.presence(), config.locator),
        statements,
        federation,
        index,
        log,
        reader: store.log_reader(),
        ledger: store.ledger(),
        long_ids: store.long_ids(),
        ids,
        pages,
        base: Arc::clone(&base),
    });
    for (readers, webhook) in webhooks {
        if let Some(webhook) = webhook {
            tokio::spawn(alerts::keep_sending(Arc::downgrade(&gateway), store.notices(), readers, webhook));
        }
    }
    let every = Duration::from_secs(config.gateway.claim_watch_seconds.max(1));
    tokio::spawn(story::keep_settling(Arc::downgrade(&gateway), every));
    tokio::spawn(story::keep_drawing(Arc::downgrade(&gateway), own_log));
    let every = Duration::from_secs(u64::from(config.registry.probe_again_hours) * 3600);
    if !every.is_zero() {
        tokio::spawn(story::keep_probing(Arc::downgrade(&gateway), every));
    }
    // there before anything is counted that nobody asked for
    let metrics = crate::telemetry::metrics();
    let every = Duration::from_secs(config.federation.capability_refresh_seconds);
    if !every.is_zero() {
        tokio::spawn(story::keep_reading_declarations(Arc::downgrade(&gateway), every));
    }
    let (jwks, endpoint) = (format!("{public_url}/.well-known/jwks.json"), format!("{public_url}/oauth/token"));
    let (grants, algorithms) = (Grant::ALL.map(Grant::name), Client::USUAL_ALGORITHMS.map(Algorithm::name));
    let own = Smart {
        issuer: public_url,
        jwks: &jwks,
        authorize: None,
        token: &endpoint,
        grants: &grants,
        algorithms: &algorithms,
    };
    let smart = if tokens.is_some() { Some(own) } else { config.smart.as_ref().map(Into::into) };
    let sessions = Arc::new(Sessions::new(store.sessions(), &config.pages));
    tokio::spawn(identity::keep_pruning_sessions(Arc::downgrade(&sessions)));
    let (trusted, key) = (Arc::clone(&gateway.verifier), key("keys.pages", &config.keys.pages)?);
    let sign_ins = SignIns::new(public_url, &key, &config.issuers, trusted, Arc::clone(&sessions), store.sessions())
        .map_err(|what| format!("[[issuer]] {what}"))?;
    let node = web::Data::new(Node {
        gateway,
        bad_tokens,
        places: Arc::new(Semaphore::new(config.gateway.max_concurrent_requests)),
        forms: Arc::new(Semaphore::new(crate::api::FORMS_MAX)),
        deadline: Duration::from_millis(config.gateway.request_deadline_ms),
        trusted_proxies: config.gateway.trusted_proxies.clone(),
        bases: vec![base.trim_end_matches('/').to_owned()],
        statement: capability::statement(public_url, smart),
        smart: smart.map(capability::smart_configuration),
        metrics,
    });
    let (base, ending) = (Base::new(public_url)?, Arc::new(Semaphore::new(SIGN_INS_MAX)));
    Ok(web::Data::new(Pages { node, base, sign_ins, sessions, ending }))
}

/// Whom this deployment configures cannot register: what is said of them stands here.
fn terms(config: &Config) -> RegistryTerms {
    let providers = config.providers.iter().map(|provider| provider.ods);
    let others = config.organisations.iter().map(|organisation| organisation.ods);
    let index = config.index.iter().filter_map(|index| OdsCode::parse(&index.ods).ok());
    RegistryTerms::new(&config.registry, providers.chain(others).chain(index).collect())
}

/// Who is taken at their word: the configured issuers, and ourselves where we issue tokens.
pub(super) fn verifier(config: &Config, tokens: Option<&IssuedTokens>) -> Result<Verifier, String> {
    let verifier = Verifier::new(config.issuers.clone()).map_err(|e| e.to_string())?;
    match tokens {
        Some(tokens) => tokens.judged_by(verifier).map_err(|e| e.to_string()),
        None => Ok(verifier),
    }
}

fn authorisation(
    config: &Config,
    tokens: &Arc<IssuedTokens>,
    verifier: &Arc<Verifier>,
    store: &Store,
) -> Result<Authorisation, String> {
    let configured = ConfiguredClients::new(&config.clients).map_err(|e| format!("[[client]] {e}"))?;
    let registered = RegisteredClients::new(&config.registry, store.directory());
    let clients = Arc::new(ClientsInTurn(vec![Arc::new(configured), Arc::new(registered)]));
    let used = store.assertions();
    tokio::spawn(identity::keep_pruning(Arc::downgrade(&used)));
    Authorisation::new(Arc::clone(tokens), clients, used, Arc::clone(verifier), &config.issuers)
        .ok_or_else(|| "no HTTP client could be made to ask issuers".to_owned())
}

/// An error with what caused it, for the operator.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
