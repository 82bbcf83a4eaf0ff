//! One GET at one address of a provider: its own credential, no redirect, no proxy, a body read under a cap.

mod incoming;

pub use incoming::{Incoming, open};

use super::{Failure, resolver::PublicOnly, retry_after::retry_after};
use crate::{domain::RequestId, fhir::MediaType, registry::Provider};
use bytes::{Bytes, BytesMut};
use reqwest::{Client, ClientBuilder, Response, StatusCode, header, header::HeaderMap, redirect};
use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};
use url::Url;

/// The clients that reach providers: one that will only connect to public addresses, one for providers that a
/// deployment allows inside its own network.
pub struct Http {
    public: Client,
    private: Client,
}

/// Why there is no answer, and whether it may be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miss {
    pub failure: Failure,
    pub again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It would fail alike, or has taken its time already.
    No,
    /// It failed at once.
    Soon,
    /// It said when.
    After(Duration),
}

impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        Self { failure, again: Again::No }
    }
}

impl Http {
    pub fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { public: builder(false).build()?, private: builder(true).build()? })
    }

    /// The client for this provider; one of its own where it has authorities of its own.
    pub fn client(&self, provider: &Provider) -> Result<Client, reqwest::Error> {
        if !provider.authorities.is_empty() {
            let own = builder(provider.allow_private_addresses).tls_certs_only(provider.authorities.iter().cloned());
            return own.build();
        }
        Ok(if provider.allow_private_addresses { self.private.clone() } else { self.public.clone() })
    }
}

#[cfg(test)]
impl Http {
    pub fn resolving_by(resolver: impl reqwest::dns::Resolve + 'static) -> Self {
        let client = builder(true).dns_resolver(Arc::new(resolver)).build().unwrap();
        Self { public: client.clone(), private: client }
    }
}

fn builder(may_be_private: bool) -> ClientBuilder {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(60))
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("caregate/", env!("CARGO_PKG_VERSION")));
    if may_be_private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) }
}

/// Gets `url`, which the caller has made from one of the provider's bases. `most` is how many decoded bytes may be read;
/// a body past it is given up at once.
pub async fn get(
    client: &Client,
    provider: &Provider,
    url: Url,
    request: RequestId,
    most: usize,
) -> Result<Bytes, Miss> {
    let mut response = send(client, provider, url, request, "application/fhir+json").await?;
    let declared = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !MediaType::of(declared).is_json() || response.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(Failure::NotJson.into());
    }
    let expected = response.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    if expected > most {
        return Err(Failure::TooLarge.into());
    }
    // what it says is believed for the first megabyte
    let mut body = BytesMut::with_capacity(expected.min(1 << 20));
    while let Some(chunk) = response.chunk().await.map_err(|e| body_failure(&e))? {
        if chunk.len() > most - body.len() {
            return Err(Failure::TooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The head of an answer that says 200.
async fn send(
    client: &Client,
    provider: &Provider,
    url: Url,
    request: RequestId,
    accept: &'static str,
) -> Result<Response, Miss> {
    let mut call = client
        .get(url)
        .header(header::ACCEPT, accept)
        // never compressed: a bomb would be decoded before it could be counted
        .header(header::ACCEPT_ENCODING, "identity")
        .header("x-request-id", request.to_string());
    if let Some(credential) = &provider.credential {
        call = call.header(&credential.header, &credential.value);
    }
    let response = call.send().await.map_err(|e| missed(&e))?;
    status(response.status(), response.headers())?;
    Ok(response)
}

fn status(status: StatusCode, headers: &HeaderMap) -> Result<(), Miss> {
    let said = headers.get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
    let when = said.and_then(|value| retry_after(value, SystemTime::now()));
    let failure = match status {
        StatusCode::OK => return Ok(()),
        // its 401 is about us, never about the user
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::CredentialRefused,
        StatusCode::TOO_MANY_REQUESTS => Failure::Throttled,
        other if other.is_redirection() => Failure::Redirected,
        other => Failure::Status(other.as_u16()),
    };
    let again = match (failure, when) {
        (Failure::Throttled | Failure::Status(503), Some(when)) => Again::After(when),
        (Failure::Status(502..=504), _) => Again::Soon,
        _ => Again::No,
    };
    Err(Miss { failure, again })
}

/// There is no answer, not even the head of one.
fn missed(error: &reqwest::Error) -> Miss {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = cause {
        if e.is::<super::resolver::NotPublic>() {
            return Failure::AddressRefused.into();
        }
        if e.is::<rustls::Error>() {
            return Failure::Untrusted.into();
        }
        // an I/O error does not tell what it wraps as its source
        let within = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = within.map(|e| e as &(dyn std::error::Error + 'static)).or_else(|| e.source());
    }
    if error.is_timeout() {
        Failure::Timeout.into()
    } else if error.is_connect() {
        Miss { failure: Failure::Unreachable, again: Again::Soon }
    } else {
        Miss { failure: Failure::Cut, again: Again::Soon }
    }
}

fn body_failure(error: &reqwest::Error) -> Miss {
    if error.is_timeout() { Failure::Timeout.into() } else { Failure::Cut.into() }
}
