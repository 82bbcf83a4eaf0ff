//! One GET at one provider: its own credential, no redirect, no proxy, a body read under a cap.

mod incoming;

use super::{Failure, resolver::PublicOnly};
use crate::{domain::RequestId, fhir::MediaType, registry::Provider};
use bytes::{Bytes, BytesMut};
pub use incoming::Incoming;
use reqwest::{Client, RequestBuilder, StatusCode, header, redirect};
use std::{sync::Arc, time::Duration};
use url::Url;

/// The clients that reach providers: one that will only connect to public addresses, one for providers that a
/// deployment allows inside its own network.
pub struct Http {
    public: Client,
    private: Client,
}

impl Http {
    pub fn new() -> Result<Self, reqwest::Error> {
        let builder = || {
            Client::builder()
                .redirect(redirect::Policy::none())
                .no_proxy()
                .http1_only()
                .tcp_nodelay(true)
                .pool_idle_timeout(Duration::from_secs(60))
                .connect_timeout(Duration::from_secs(5))
                .user_agent(concat!("caregate/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Self { public: builder().dns_resolver(Arc::new(PublicOnly)).build()?, private: builder().build()? })
    }

    fn call(&self, provider: &Provider, url: Url, accept: &'static str, request: RequestId) -> RequestBuilder {
        let client = if provider.allow_private_addresses { &self.private } else { &self.public };
        let call = client
            .get(url)
            .header(header::ACCEPT, accept)
            // never compressed: a bomb would be decoded before it could be counted
            .header(header::ACCEPT_ENCODING, "identity")
            .header("x-request-id", request.to_string());
        match &provider.credential {
            Some(credential) => call.header(&credential.header, &credential.value),
            None => call,
        }
    }

    /// Gets `url`, which the caller has made from the provider's base. `left` is what may still be read of this answer
    /// in decoded bytes; a body past it is given up at once.
    pub async fn get(
        &self,
        provider: &Provider,
        url: Url,
        request: RequestId,
        left: &mut usize,
    ) -> Result<Bytes, Failure> {
        let call = self.call(provider, url, "application/fhir+json", request);
        let mut response = call.send().await.map_err(|e| failure(&e))?;
        status(response.status())?;
        let declared = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !MediaType::of(declared).is_json() || response.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(Failure::NotJson);
        }
        let expected = response.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if expected > *left {
            return Err(Failure::TooLarge);
        }
        // what it says is believed for the first megabyte
        let mut body = BytesMut::with_capacity(expected.min(1 << 20));
        while let Some(chunk) = response.chunk().await.map_err(|e| body_failure(&e))? {
            *left = left.checked_sub(chunk.len()).ok_or(Failure::TooLarge)?;
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

fn status(status: StatusCode) -> Result<(), Failure> {
    match status {
        StatusCode::OK => Ok(()),
        // its 401 is about us, never about the user
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::CredentialRefused),
        StatusCode::TOO_MANY_REQUESTS => Err(Failure::Throttled),
        other if other.is_redirection() => Err(Failure::Redirected),
        other => Err(Failure::Status(other.as_u16())),
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = cause {
        if e.is::<super::resolver::NotPublic>() {
            return Failure::AddressRefused;
        }
        cause = e.source();
    }
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_connect() {
        Failure::Unreachable
    } else {
        Failure::Cut
    }
}

fn body_failure(error: &reqwest::Error) -> Failure {
    if error.is_timeout() { Failure::Timeout } else { Failure::Cut }
}
