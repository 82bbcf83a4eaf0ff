use crate::{
    domain::{Network, SecretRef},
    identity::{IssuedTokens, KeyRefs, Statements},
    query::capability::Smart,
};
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf};

/// `[gateway]`: this node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySection {
    pub listen: SocketAddr,
    /// The base that callers use, without `/fhir`: written in every fullUrl. Left out: `http://` and the address.
    pub public_url: Option<url::Url>,
    /// This node's own name: its audit log's id. No two living nodes may share one.
    pub node: String,
    /// Prometheus metrics, on a listener of their own.
    pub metrics_listen: Option<SocketAddr>,
    #[serde(default = "default_workers")]
    pub workers: usize,
    /// A whole request, in milliseconds: past it the answer is an error.
    #[serde(default = "default_deadline")]
    pub request_deadline_ms: u64,
    /// How long requests under way may take to end after SIGTERM, in seconds.
    #[serde(default = "default_drain")]
    pub drain_seconds: u64,
    /// Requests under way on this node; more are answered 503 at once.
    #[serde(default = "default_concurrency")]
    pub max_concurrent_requests: usize,
    /// Where TLS ends in front of this gateway: from these alone the `Client-Cert` header is believed. Addresses or networks.
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    /// How often claims are looked for that nothing has confirmed in time, in seconds.
    #[serde(default = "default_claim_watch")]
    pub claim_watch_seconds: u64,
}

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
fn default_deadline() -> u64 {
    10_000
}
fn default_drain() -> u64 {
    30
}
fn default_claim_watch() -> u64 {
    30
}
fn default_concurrency() -> usize {
    2_048
}

/// `[database]`: `sqlite:FILE`, or `postgres://...` for more than one node.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSection {
    /// May hold a password, so it is masked wherever it is shown; `url_from` keeps it out of the file.
    pub url: Option<String>,
    pub url_from: Option<SecretRef>,
}

impl DatabaseSection {
    pub fn url(&self) -> Result<String, String> {
        use secrecy::ExposeSecret;
        match (&self.url, &self.url_from) {
            (Some(url), None) => Ok(url.clone()),
            (None, Some(place)) => place.read().map(|url| url.expose_secret().to_owned()),
            _ => Err("give either url or url_from".to_owned()),
        }
    }
}

impl std::fmt::Debug for DatabaseSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseSection").field("url", &self.url.as_ref().map(|_| "***")).finish_non_exhaustive()
    }
}

/// `[keys]`: 32 bytes each, base64, where nothing else is said. All nodes of a region share `ids` and `pages`; `checkpoint` signs this region's logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysSection {
    pub ids: SecretRef,
    pub pages: SecretRef,
    pub checkpoint: SecretRef,
    /// A private key in PEM or as a JWK: signs what providers are told of who asks. Shared by all nodes.
    pub statement: Option<SecretRef>,
    /// Published beside it and signs nothing: the next key, before all nodes sign with it, or the last.
    pub statement_also: Option<SecretRef>,
    /// The same for access tokens of our own: without it none are given.
    pub tokens: Option<SecretRef>,
    pub tokens_also: Option<SecretRef>,
}

impl KeysSection {
    pub fn statements(&self, issuer: &str) -> Option<Result<Statements, String>> {
        let key_refs = KeyRefs { key: self.statement.clone()?, also: self.statement_also.clone() };
        Some(Statements::new(issuer, key_refs))
    }

    /// `base` is the public URL, without a slash at its end.
    pub fn issued_tokens(&self, base: &str) -> Option<Result<IssuedTokens, String>> {
        let key_refs = KeyRefs { key: self.tokens.clone()?, also: self.tokens_also.clone() };
        Some(IssuedTokens::new(base, key_refs))
    }
}

/// `[audit]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSection {
    /// What checkpoints are named after; each log's id follows it.
    pub origin: String,
    /// Signed checkpoints are also written here: keep it on another machine's disk.
    pub checkpoint_file: Option<PathBuf>,
    pub checkpoint_interval_seconds: u64,
    pub commit_timeout_ms: u64,
}

impl Default for AuditSection {
    fn default() -> Self {
        Self {
            origin: "caregate.example/audit".to_owned(),
            checkpoint_file: None,
            checkpoint_interval_seconds: 10,
            commit_timeout_ms: 5_000,
        }
    }
}

/// `[policy]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySection {
    /// A directory with the policies, schema and roles; left out: those built in (`policies/`).
    pub directory: Option<PathBuf>,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    pub format: LogFormat,
    /// An `EnvFilter` directive list; RUST_LOG overrides it.
    pub filter: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { format: LogFormat::Human, filter: "info,actix_server=warn".to_owned() }
    }
}

/// `[smart]`: where callers get their tokens, told at `/.well-known/smart-configuration`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmartSection {
    pub issuer: String,
    pub jwks_uri: String,
    pub token_endpoint: String,
    pub authorization_endpoint: Option<String>,
}

impl<'a> From<&'a SmartSection> for Smart<'a> {
    fn from(section: &'a SmartSection) -> Self {
        Self {
            issuer: &section.issuer,
            jwks: &section.jwks_uri,
            authorize: section.authorization_endpoint.as_deref(),
            token: &section.token_endpoint,
            ..Self::default()
        }
    }
}
