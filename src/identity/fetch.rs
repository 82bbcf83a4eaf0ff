//! Fetches a key set over HTTP, of an issuer or of a client: no redirects, no proxy, no plain HTTP unless configured, a cap on bytes and
//! time, and JSON read strictly. What the issuer answered never reaches an error text.

use super::{IssuerConfig, PublicOnly, strict_json};
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use url::Url;

const BYTES_MAX: usize = 256 * 1024;

pub(super) struct Fetcher {
    client: Client,
    from: From,
    timeout: Duration,
}

/// Where a fetch may lead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub http: bool,
    /// Inside our own network too.
    pub private: bool,
}

/// Where a key set comes from.
enum From {
    Keys(Url),
    /// By the discovery document of this issuer.
    Discovery(Url, String),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("no answer in time")]
    Timeout,
    #[error("the request failed")]
    Transport,
    #[error("the answer's status is not 200")]
    Status,
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer is not a JSON object that says each thing once")]
    NotJson,
    #[error("the discovery document is another issuer's")]
    OtherIssuer,
    #[error("the discovery document names no usable jwks_uri")]
    NoKeysUrl,
    #[error("the answer is not a JWK set")]
    NotKeys,
}

impl Fetcher {
    /// `None` where the configuration says no place to fetch from, or no TLS roots could be loaded.
    pub fn of_issuer(config: &IssuerConfig, timeout: Duration) -> Option<Self> {
        let from = match &config.jwks_url {
            Some(url) => From::Keys(url.clone()),
            None => From::Discovery(config.discovery_url()?, config.issuer.clone()),
        };
        Some(Self { client: client(Reach { http: config.allow_http, private: true }, timeout)?, from, timeout })
    }

    /// From where a client says its keys are.
    pub fn of_client(url: Url, reach: Reach, timeout: Duration) -> Option<Self> {
        Some(Self { client: client(reach, timeout)?, from: From::Keys(url), timeout })
    }

    /// The JWK set, as a document. The time limit holds for discovery and keys together.
    pub async fn key_set(&self) -> Result<Map<String, Value>, FetchError> {
        let fetching = async {
            match &self.from {
                From::Keys(url) => self.document(url.clone()).await,
                From::Discovery(url, issuer) => self.document(self.keys_url(url.clone(), issuer).await?).await,
            }
        };
        tokio::time::timeout(self.timeout, fetching).await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn keys_url(&self, discovery: Url, issuer: &str) -> Result<Url, FetchError> {
        let document = self.document(discovery).await?;
        // a document of another issuer would let that one sign in this one's name (OIDC Discovery §4.3)
        if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(FetchError::OtherIssuer);
        }
        let url = document.get("jwks_uri").and_then(Value::as_str).ok_or(FetchError::NoKeysUrl)?;
        Url::parse(url).map_err(|_| FetchError::NoKeysUrl)
    }

    async fn document(&self, url: Url) -> Result<Map<String, Value>, FetchError> {
        document(self.client.get(url).send().await.map_err(|e| transport(&e))?).await
    }
}

/// A client that follows no redirect and knows no proxy. `None` if no TLS roots could be loaded.
pub(super) fn client(reach: Reach, timeout: Duration) -> Option<Client> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .https_only(!reach.http)
        .timeout(timeout)
        // fetches are minutes apart: a kept connection would only be a dead one
        .pool_max_idle_per_host(0);
    let builder = if reach.private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
    builder.build().ok()
}

/// The answer's one JSON object, read under a cap.
pub(super) async fn document(mut answer: Response) -> Result<Map<String, Value>, FetchError> {
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| transport(&e))? {
        if body.len() + chunk.len() > BYTES_MAX {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    strict_json::object(&body).map_err(|_| FetchError::NotJson)
}

pub(super) fn transport(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() { FetchError::Timeout } else { FetchError::Transport }
}
