//! How the gateway signs in to a provider: a header that is fixed or an access token that it fetches, and beside it a
//! client certificate.
//!
//! Promises: what is sent to a provider was made for it and goes to its origin only; no secret is in a log, an error or a
//! `Debug`; a secret that changed where it is kept is taken up without a restart, and one that is not usable changes nothing.

mod access_token;
mod certificate;
mod config;

pub use config::{CertificateConfig, CredentialConfig, SmartConfig};

use crate::{domain::OdsCode, identity::SigningKey};
use access_token::AccessTokens;
use arc_swap::ArcSwap;
use certificate::ClientCertificate;
use reqwest::{
    Client, Identity,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use serde_json::Value;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use url::Url;

/// After a secret was refused and read again: how long it is not read once more for that.
const PAUSE: Duration = Duration::from_secs(2);

/// What one provider wants to see of us; its secrets are read, and read again.
#[derive(Default)]
pub struct SignIn {
    credential: Option<Credential>,
    certificate: Option<ClientCertificate>,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each provider, and none is moved")]
enum Credential {
    Fixed {
        config: CredentialConfig,
        header: HeaderName,
        value: ArcSwap<HeaderValue>,
        /// When it was last read again because it was refused.
        read: Mutex<Option<Instant>>,
    },
    Smart(Arc<AccessTokens>),
}

/// One header of a request, marked as sensitive.
pub type Header = (HeaderName, HeaderValue);

/// Why the gateway could not sign in. It holds no word of whoever was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInFault {
    #[error("the credential is not accepted")]
    Refused,
    #[error("the token endpoint did not answer in time")]
    Timeout,
    #[error("the token endpoint could not be reached")]
    Unreachable,
    #[error("the token endpoint's answer is no access token")]
    NoToken,
    #[error("the provider names no token endpoint of its own")]
    NoEndpoint,
}

/// The connections that a provider may be reached by.
pub struct Clients<'a> {
    /// To its own origin: with the client certificate, where there is one.
    pub own: &'a Client,
    /// To a token endpoint elsewhere: never with it.
    pub plain: &'a Client,
}

impl SignIn {
    /// Reads every secret. What is wrong with one is said with its place, and without its content.
    pub fn new(
        ods: OdsCode,
        base: &Url,
        credential: Option<&CredentialConfig>,
        certificate: Option<&CertificateConfig>,
    ) -> Result<Self, Vec<String>> {
        let opened = credential.map(|config| Credential::new(ods, base, config)).transpose();
        let certificate = certificate.map(ClientCertificate::new).transpose();
        match (opened, certificate) {
            (Ok(credential), Ok(certificate)) => Ok(Self { credential, certificate }),
            (credential, certificate) => Err([
                credential.err().map(|what| format!("credential: {what}")),
                certificate.err().map(|what| format!("client_certificate: {what}")),
            ]
            .into_iter()
            .flatten()
            .collect()),
        }
    }

    /// What goes with a request to the provider. After its 401, `refused` is what went with that one: then something
    /// else, once, or the fault that there is nothing else.
    pub async fn header(&self, clients: Clients<'_>, refused: Option<&Header>) -> Result<Option<Header>, SignInFault> {
        match &self.credential {
            None if refused.is_none() => Ok(None),
            None => Err(SignInFault::Refused),
            Some(Credential::Fixed { config, header, value, read }) => {
                if let Some((_, refused)) = refused
                    && **value.load() == *refused
                {
                    // it may have changed where it is kept; a provider that refuses whatever comes has it read no more often
                    if !is_due(read) {
                        return Err(SignInFault::Refused);
                    }
                    let config = config.clone();
                    let fresh = tokio::task::spawn_blocking(move || config.fixed_header()).await;
                    let fresh = fresh.ok().and_then(Result::ok).ok_or(SignInFault::Refused)?.1;
                    if fresh == *refused {
                        return Err(SignInFault::Refused);
                    }
                    value.store(Arc::new(fresh));
                }
                Ok(Some((header.clone(), HeaderValue::clone(&value.load()))))
            }
            Some(Credential::Smart(tokens)) => {
                let value = tokens.bearer(clients, refused.map(|(_, value)| value)).await?;
                Ok(Some((AUTHORIZATION, value)))
            }
        }
    }

    /// Whether the provider is shown nothing: it answers whoever reaches it.
    pub fn is_nothing(&self) -> bool {
        self.credential.is_none() && self.certificate.is_none()
    }

    /// The client that shows the certificate, where there is one; made by `build` when first needed.
    pub fn client(&self, build: impl FnOnce(Identity) -> reqwest::Result<Client>) -> Option<reqwest::Result<Client>> {
        Some(self.certificate.as_ref()?.client(build))
    }

    /// The public half of the key that signs assertions, where there is one: a provider verifies them by it.
    pub fn public_key(&self) -> Option<Value> {
        match &self.credential {
            Some(Credential::Smart(tokens)) => Some(tokens.public_key()),
            _ => None,
        }
    }

    /// Reads its secrets again. Those that cannot be used stay as they were, and the faults say why.
    pub fn reload(&self) -> Vec<String> {
        let credential = match &self.credential {
            None => Ok(()),
            Some(Credential::Fixed { config, value, .. }) => {
                config.fixed_header().map(|(_, fresh)| value.store(Arc::new(fresh)))
            }
            Some(Credential::Smart(tokens)) => tokens.reload(),
        };
        let certificate = self.certificate.as_ref().map_or(Ok(()), ClientCertificate::reload);
        [("credential", credential), ("client_certificate", certificate)]
            .into_iter()
            .filter_map(|(place, read)| Some(format!("{place}: {}", read.err()?)))
            .collect()
    }
}

/// Whether the last time is long enough ago; then this is the last time.
fn is_due(read: &Mutex<Option<Instant>>) -> bool {
    let mut last = read.lock().unwrap_or_else(PoisonError::into_inner);
    let due = last.is_none_or(|last| last.elapsed() >= PAUSE);
    if due {
        *last = Some(Instant::now());
    }
    due
}

impl Credential {
    fn new(ods: OdsCode, base: &Url, config: &CredentialConfig) -> Result<Self, String> {
        if let CredentialConfig::Smart(smart) = config {
            return Ok(Self::Smart(Arc::new(AccessTokens::new(ods, base, smart)?)));
        }
        let (header, value) = config.fixed_header()?;
        Ok(Self::Fixed { config: config.clone(), header, value: ArcSwap::from_pointee(value), read: Mutex::default() })
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credential = self.credential.as_ref().map(|credential| match credential {
            Credential::Fixed { header, .. } => format!("{header}: ***"),
            Credential::Smart(_) => "smart: ***".to_owned(),
        });
        let certificate = self.certificate.as_ref().map(|_| "***");
        f.debug_struct("SignIn").field("credential", &credential).field("certificate", &certificate).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn a_secret_that_is_refused_is_read_again_and_not_for_every_refusal() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let secret = |text: &str| std::fs::write(file.path(), text).unwrap();
        secret("one");
        let config: CredentialConfig = serde_json::from_value(json!({"bearer": {"file": file.path()}})).unwrap();
        let base: Url = "https://rz901.example/fhir/".parse().unwrap();
        let sign_in = SignIn::new(OdsCode::parse("RZ901").unwrap(), &base, Some(&config), None).unwrap();
        let client = Client::new();
        let header = async |refused: Option<&Header>| {
            sign_in.header(Clients { own: &client, plain: &client }, refused).await.map(Option::unwrap)
        };
        let one = header(None).await.unwrap();
        let Some(Credential::Fixed { read, .. }) = &sign_in.credential else { panic!("it is fixed") };
        assert_eq!(header(Some(&one)).await.err(), Some(SignInFault::Refused), "it was read again, and is the same");
        assert!(read.lock().unwrap().is_some());
        secret("two");
        // a moment ago, however slow this machine is
        *read.lock().unwrap() = Some(Instant::now() + Duration::from_secs(3600));
        for _ in 0..100 {
            assert_eq!(header(Some(&one)).await.err(), Some(SignInFault::Refused), "it was read a moment ago");
        }
        *read.lock().unwrap() = Some(Instant::now().checked_sub(PAUSE).unwrap());
        let two = header(Some(&one)).await.unwrap();
        assert_eq!(two.1, "Bearer two");
        assert_eq!(header(Some(&one)).await, Ok(two), "who comes later with the old one has the new one at once");
    }
}
