//! One provider asked for its own sake, and what it answers seen whole, faults included: for the probe.
//!
//! Promises: as for every call here, the credential goes to its own origin alone, no redirect is followed, addresses are
//! vetted while connecting, nothing is decoded, and a body past the cap is given up. Nobody is asked about but the test
//! patients whom the provider itself has named: no intent is needed, as nothing of what comes can reach a record, a cache or
//! a reader from here.

use super::{Connection, FHIR, Failure, Miss, Sender, for_provider, read};
use crate::{
    domain::RequestId,
    fhir::MediaType,
    registry::{Provider, SignIn},
};
use bytes::Bytes;
use reqwest::{Response, header, tls};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;
use url::Url;

/// One provider and the connection to it. All of its calls bear one X-Request-ID.
pub struct Inspection {
    provider: Arc<Provider>,
    /// The same without anything to show.
    unsigned: Arc<Provider>,
    connection: Connection,
    pub request: RequestId,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub media: Media,
    /// It comes in a Content-Encoding, although none was accepted.
    pub encoded: bool,
    pub body: Result<Bytes, Failure>,
    /// Until the last byte.
    pub took: Duration,
    /// The certificate that it showed, in DER.
    pub certificate: Option<Vec<u8>>,
}

/// What an answer says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// FHIR R4 in JSON, in any of its spellings.
    Json,
    Html,
    Xml,
    Other,
    Unsaid,
}

/// Not even the head of an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen {
    pub failure: Failure,
    pub untrusted: Option<CertificateFault>,
}

/// Why a certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    #[error("its certificate has expired")]
    Expired,
    #[error("its certificate is not valid yet")]
    NotYetValid,
    #[error("its certificate is for another name")]
    OtherName,
    #[error("its certificate is of no authority that is trusted here")]
    UnknownAuthority,
    #[error("its certificate was revoked")]
    Revoked,
    #[error("no TLS that is trusted could be agreed on")]
    Other,
}

impl CertificateFault {
    pub(super) fn of(error: &rustls::Error) -> Self {
        use rustls::CertificateError as C;
        let rustls::Error::InvalidCertificate(fault) = error else { return Self::Other };
        match fault {
            C::Expired | C::ExpiredContext { .. } => Self::Expired,
            C::NotValidYet | C::NotValidYetContext { .. } => Self::NotYetValid,
            C::NotValidForName | C::NotValidForNameContext { .. } => Self::OtherName,
            // of an authority that only goes by the name of one that is trusted
            C::UnknownIssuer | C::BadSignature => Self::UnknownAuthority,
            C::Revoked => Self::Revoked,
            _ => Self::Other,
        }
    }
}

impl From<Miss> for Unseen {
    fn from(miss: Miss) -> Self {
        Self { failure: miss.failure, untrusted: miss.untrusted }
    }
}

impl Inspection {
    pub fn new(provider: &Arc<Provider>) -> Result<Self, Failure> {
        let client = for_provider(provider).tls_info(true).build().map_err(|_| Failure::Internal)?;
        let unsigned = Provider { sign_in: Arc::new(SignIn::default()), ..Provider::clone(provider) };
        Ok(Self {
            provider: Arc::clone(provider),
            unsigned: Arc::new(unsigned),
            connection: Connection { client, statements: None },
            request: RequestId::fresh(),
        })
    }

    pub fn provider(&self) -> &Arc<Provider> {
        &self.provider
    }

    /// Gets `url`, which is below one of the provider's bases, as the gateway asks. `most` is how many bytes of a body may be
    /// read, and all of it must have come within `patience`.
    pub async fn get(&self, url: Url, most: usize, patience: Duration) -> Result<Seen, Unseen> {
        self.look(&self.provider, url, most, patience).await
    }

    /// The same as somebody would who has nothing to show.
    pub async fn get_unsigned(&self, url: Url, most: usize, patience: Duration) -> Result<Seen, Unseen> {
        self.look(&self.unsigned, url, most, patience).await
    }

    /// Whether it agrees on TLS 1.3; the oldest that the gateway itself agrees on is 1.2. `None` if that could not be seen.
    pub async fn speaks_tls_1_3(&self, url: Url, patience: Duration) -> Option<bool> {
        let client = for_provider(&self.unsigned).tls_version_min(tls::Version::TLS_1_3).build().ok()?;
        let connection = Connection { client, statements: None };
        let sender = Sender { provider: &self.unsigned, request: Some(self.request), context: None };
        match timeout(patience, connection.send(sender, url, FHIR)).await {
            Ok(Ok(_)) => Some(true),
            Ok(Err(miss)) if miss.failure == Failure::Untrusted => Some(false),
            _ => None,
        }
    }

    async fn look(&self, as_whom: &Provider, url: Url, most: usize, patience: Duration) -> Result<Seen, Unseen> {
        let timed_out = Unseen { failure: Failure::Timeout, untrusted: None };
        // whoever is to be told who asks is told nothing: nobody does
        let sender = Sender { provider: as_whom, request: Some(self.request), context: None };
        let began = Instant::now();
        let sent = timeout(patience, self.connection.send(sender, url, FHIR)).await;
        let response = sent.map_err(|_| timed_out)?.map_err(Unseen::from)?;
        let (status, media) = (response.status().as_u16(), media(&response));
        let encoded = response.headers().contains_key(header::CONTENT_ENCODING);
        let info = response.extensions().get::<tls::TlsInfo>();
        let certificate = info.and_then(|info| info.peer_certificate()).map(<[u8]>::to_vec);
        let left = patience.saturating_sub(began.elapsed());
        let body = match timeout(left, read(response, most)).await {
            Ok(read) => read.map_err(|miss| miss.failure),
            Err(_) => Err(Failure::Timeout),
        };
        Ok(Seen { status, media, encoded, body, took: began.elapsed(), certificate })
    }
}

fn media(response: &Response) -> Media {
    let Some(declared) = response.headers().get(header::CONTENT_TYPE) else { return Media::Unsaid };
    let said = MediaType::of(declared.to_str().unwrap_or_default());
    match said.essence() {
        _ if said.is_json() => Media::Json,
        "text/html" | "application/xhtml+xml" => Media::Html,
        xml if xml.ends_with("/xml") || xml.ends_with("+xml") => Media::Xml,
        _ => Media::Other,
    }
}
