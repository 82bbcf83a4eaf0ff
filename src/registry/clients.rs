use super::{
    RegistryConfig,
    directory::{Content, DirectoryStore, Organisation},
};
use crate::{
    access::Listed,
    domain::{OdsCode, StoreError, Timestamp},
    identity::{Client, ClientConfig, Clients, Grant, Jwks, Thumbprint},
};
use async_trait::async_trait;
use moka::sync::Cache;
use std::{sync::Arc, time::Duration};

/// Registered organisations' own systems, as clients of the token endpoint: each by its ODS code, recognised by the keys of its
/// organisation's entry.
///
/// Each time the entry in force is read: a key that was withdrawn, an organisation that is out or whose agreement is over gets no
/// token more from the moment that is so, on any node. What was given before ends within five minutes.
pub struct RegisteredClients {
    directory: Arc<dyn DirectoryStore>,
    scopes: String,
    allow_http: bool,
    allow_private_addresses: bool,
    /// With the version that it is made of; a set of keys that was fetched is kept with it.
    made: Cache<OdsCode, (i64, Arc<Client>)>,
}

/// What is not asked for by anybody for so long is made anew.
const IDLE: Duration = Duration::from_secs(3_600);

impl RegisteredClients {
    pub fn new(terms: &RegistryConfig, directory: Arc<dyn DirectoryStore>) -> Self {
        Self {
            directory,
            scopes: terms.client_scopes.clone(),
            allow_http: terms.allow_http,
            allow_private_addresses: terms.allow_private_addresses,
            made: Cache::builder().max_capacity(10_000).time_to_idle(IDLE).build(),
        }
    }

    fn made(&self, version: i64, organisation: &Organisation) -> Option<Arc<Client>> {
        let ods = organisation.ods;
        if let Some((_, client)) = self.made.get(&ods).filter(|(of, _)| *of == version) {
            return Some(client);
        }
        match self.client_of(organisation)? {
            Ok(client) => {
                let client = Arc::new(client);
                self.made.insert(ods, (version, Arc::clone(&client)));
                Some(client)
            }
            Err(what) => {
                tracing::error!(client.ods = %ods, entry.version = version, entry.fault = what,
                    "a registered organisation's system is given no tokens");
                None
            }
        }
    }

    /// `None` where it brings tokens of an issuer's.
    fn client_of(&self, organisation: &Organisation) -> Option<Result<Client, String>> {
        let keys = organisation.client.as_ref()?;
        let certificates: Option<Vec<Thumbprint>> =
            keys.certificates.iter().map(|certificate| Thumbprint::parse(certificate)).collect();
        // one that cannot be read would otherwise bind nothing
        let Some(certificates) = certificates else { return Some(Err("certificates: no x5t#S256".to_owned())) };
        let config = ClientConfig {
            client_id: organisation.ods.to_string(),
            organisation: organisation.ods,
            jwks_url: keys.jwks_url.clone(),
            jwks: keys.jwks.clone().map(|keys| Jwks::Here { keys }),
            algorithms: Client::USUAL_ALGORITHMS.to_vec(),
            certificates,
            scopes: self.scopes.clone(),
            grants: vec![Grant::ClientCredentials],
            exchange: Vec::new(),
            allow_http: self.allow_http,
            allow_private_addresses: self.allow_private_addresses,
        };
        Some(config.client())
    }
}

#[async_trait]
impl Clients for RegisteredClients {
    async fn client(&self, id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        // the code as it is written, and no other spelling of it
        let Some(ods) = OdsCode::parse(id).ok().filter(|ods| ods.as_str() == id) else { return Ok(None) };
        let entry = self.directory.in_force(Listed::Organization, ods).await?;
        let found = entry.as_ref().and_then(|entry| match &entry.content {
            Content::Organization(organisation) if organisation.shares(Timestamp::now()) => {
                self.made(entry.version, organisation)
            }
            _ => None,
        });
        Ok(found)
    }

    /// Nothing of theirs is kept in files.
    fn reload(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}
