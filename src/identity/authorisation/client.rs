use super::super::fetch::{Fetcher, Reach};
use super::super::held_keys::HeldKeys;
use super::super::key_source::KeySource;
use super::super::key_store::{KeyStore, KeyTimings};
use super::super::{Algorithm, Scopes, Thumbprint, Whose, strict_json};
use super::Grant;
use crate::domain::{OdsCode, SecretRef, StoreError, is_public, literal_address};
use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use url::Url;

/// `[[client]]`: a system that is given tokens here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    pub client_id: String,
    /// Whose system it is: what it does for itself it does for this organisation.
    pub organisation: OdsCode,
    /// Where its public keys are, or the keys themselves; one of the two.
    pub jwks_url: Option<Url>,
    pub jwks: Option<Jwks>,
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// Its client certificates: where there are any, one must be shown, and its tokens are good with that one alone.
    #[serde(default)]
    pub certificates: Vec<Thumbprint>,
    /// The most it is ever granted, as SMART v2 scopes.
    pub scopes: String,
    #[serde(default = "usual_grants")]
    pub grants: Vec<Grant>,
    /// Whose ID tokens it may exchange.
    #[serde(default)]
    pub exchange: Vec<Brings>,
    /// For a sandbox on loopback, nothing else.
    #[serde(default)]
    pub allow_http: bool,
    /// Lets `jwks_url` lead inside our own network.
    #[serde(default)]
    pub allow_private_addresses: bool,
}

/// A JWK set: elsewhere, or written here.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Jwks {
    Place(SecretRef),
    Here { keys: Vec<Value> },
}

/// ID tokens of an issuer, by its `name`, that were issued to this client, by its id there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brings {
    pub issuer: String,
    pub audience: String,
}

/// A client, as registered.
pub struct Client {
    pub(super) id: String,
    pub(super) organisation: OdsCode,
    pub(super) keys: KeySource,
    pub(super) jwks_url: Option<Url>,
    jwks: Option<Jwks>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) certificates: Vec<Thumbprint>,
    pub(super) scopes: Scopes,
    pub(super) grants: Vec<Grant>,
    pub(super) brings: Vec<Brings>,
}

/// Who is registered.
#[async_trait]
pub trait Clients: Send + Sync {
    async fn client(&self, id: &str) -> Result<Option<Arc<Client>>, StoreError>;
    /// Reads again what is kept in files; answers whose keys cannot be used and what is wrong: those before stay.
    fn reload(&self) -> Vec<(String, String)>;
}

/// Those of several registers, in turn: one that is in the first is none of the others'.
pub struct ClientsInTurn(pub Vec<Arc<dyn Clients>>);

#[async_trait]
impl Clients for ClientsInTurn {
    async fn client(&self, id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        for clients in &self.0 {
            if let Some(client) = clients.client(id).await? {
                return Ok(Some(client));
            }
        }
        Ok(None)
    }

    fn reload(&self) -> Vec<(String, String)> {
        self.0.iter().flat_map(|clients| clients.reload()).collect()
    }
}

/// Those of the configuration.
pub struct ConfiguredClients(HashMap<String, Arc<Client>>);

impl ConfiguredClients {
    /// # Errors
    /// The first client that cannot be used, and why.
    pub fn new(configs: &[ClientConfig]) -> Result<Self, String> {
        let mut clients = HashMap::new();
        for config in configs {
            let client = config.client().map_err(|what| format!("{}: {what}", config.client_id))?;
            clients.insert(config.client_id.clone(), Arc::new(client));
        }
        Ok(Self(clients))
    }
}

#[async_trait]
impl Clients for ConfiguredClients {
    async fn client(&self, id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        Ok(self.0.get(id).cloned())
    }

    fn reload(&self) -> Vec<(String, String)> {
        self.0.values().filter_map(|client| Some((client.id.clone(), client.reload().err()?))).collect()
    }
}

impl ClientConfig {
    /// Everything that is wrong with it, in words for whoever wrote it.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut unless = |good: bool, fault: &str| {
            if !good {
                faults.push(fault.to_owned());
            }
        };
        let id = &self.client_id;
        let plain = (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        unless(plain, "client_id: 1 to 128 visible ASCII characters");
        let usable = !self.algorithms.is_empty() && self.algorithms.iter().all(|a| Client::ALGORITHMS.contains(a));
        unless(usable, "algorithms: at least one of RS384, ES384, RS512");
        let scopes = Scopes::parse(&self.scopes);
        let spelt = self.scopes.split(' ').count() == scopes.iter().count();
        unless(spelt, "scopes: SMART v2 scopes such as system/*.rs, one space between two");
        let has = |whose: &[Whose]| scopes.iter().any(|scope| whose.contains(&scope.whose));
        let may = |grant| self.grants.contains(&grant);
        unless(!self.grants.is_empty(), "grants: at least one of client_credentials, token_exchange");
        let system = !may(Grant::ClientCredentials) || has(&[Whose::System]);
        unless(system, "scopes: none is system/..., so client_credentials could grant nothing");
        let people = !may(Grant::TokenExchange) || has(&[Whose::User, Whose::Patient]);
        unless(people, "scopes: none is user/... or patient/..., so token_exchange could grant nothing");
        let brings = may(Grant::TokenExchange) != self.exchange.is_empty();
        unless(brings, "exchange: whose ID tokens it may bring, where grants has token_exchange and only there");
        let issuers: HashSet<_> = self.exchange.iter().map(|one| &one.issuer).collect();
        unless(
            issuers.len() == self.exchange.len(),
            "exchange: two entries for one issuer, of which one would be idle",
        );
        match (&self.jwks_url, &self.jwks) {
            (Some(url), None) => faults.extend(self.url_faults(url)),
            (None, Some(jwks)) => faults.extend(jwks.read().err().map(|what| format!("jwks: {what}"))),
            _ => unless(false, "give either jwks_url or jwks"),
        }
        faults
    }

    fn url_faults(&self, url: &Url) -> Vec<String> {
        let tls = url.scheme() == "https" || (self.allow_http && url.scheme() == "http");
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let outside = literal_address(url).is_none_or(|address| self.allow_private_addresses || is_public(address));
        [
            (tls, "jwks_url: https, unless allow_http is true"),
            (plain, "jwks_url: no user, password or fragment"),
            (outside, "jwks_url: an address inside our own network; set allow_private_addresses if meant"),
        ]
        .into_iter()
        .filter(|(good, _)| !good)
        .map(|(_, fault)| fault.to_owned())
        .collect()
    }

    /// # Errors
    /// The first thing that is wrong with it.
    pub fn client(&self) -> Result<Client, String> {
        if let Some(fault) = self.faults().into_iter().next() {
            return Err(fault);
        }
        let keys = match (&self.jwks, &self.jwks_url) {
            (Some(jwks), _) => KeySource::Held(Arc::new(jwks.read()?)),
            (None, Some(url)) => {
                let reach = Reach { http: self.allow_http, private: self.allow_private_addresses };
                let timings = KeyTimings::default();
                let fetcher = Fetcher::of_client(url.clone(), reach, timings.timeout).ok_or("no HTTP client")?;
                let name = format!("client {}", self.client_id);
                KeySource::Fetched(Arc::new(KeyStore::new(fetcher, name.into(), timings)))
            }
            (None, None) => return Err("no keys".to_owned()),
        };
        Ok(Client {
            id: self.client_id.clone(),
            organisation: self.organisation,
            keys,
            jwks_url: self.jwks_url.clone(),
            jwks: self.jwks.clone(),
            algorithms: self.algorithms.clone(),
            certificates: self.certificates.clone(),
            scopes: Scopes::parse(&self.scopes),
            grants: self.grants.clone(),
            brings: self.exchange.clone(),
        })
    }
}

impl Client {
    fn reload(&self) -> Result<(), String> {
        match (&self.keys, &self.jwks) {
            (KeySource::Held(keys), Some(jwks)) => keys.replace(&jwks.document()?).ok_or_else(|| NO_KEY.to_owned()),
            _ => Ok(()),
        }
    }
}

const NO_KEY: &str =
    "no JWK set with a public key that may be used: RSA of 2048 bits or more, P-256 or P-384, with a kid";

impl Jwks {
    fn document(&self) -> Result<Map<String, Value>, String> {
        match self {
            Self::Here { keys } => Ok(Map::from_iter([("keys".to_owned(), keys.clone().into())])),
            Self::Place(place) => {
                let text = place.read()?;
                strict_json::object(text.expose_secret().as_bytes()).map_err(|_| NO_KEY.to_owned())
            }
        }
    }

    fn read(&self) -> Result<HeldKeys, String> {
        let document = self.document()?;
        // a file may be emptied to shut its client out, and the gateway must start with it; here it would be a slip
        let empty = matches!(self, Self::Here { keys } if keys.is_empty());
        HeldKeys::read(&document).filter(|_| !empty).ok_or_else(|| NO_KEY.to_owned())
    }
}

fn usual_algorithms() -> Vec<Algorithm> {
    Client::USUAL_ALGORITHMS.to_vec()
}

fn usual_grants() -> Vec<Grant> {
    vec![Grant::ClientCredentials]
}
