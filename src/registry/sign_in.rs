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
use std::{fmt, sync::Arc};
use url::Url;

/// What one provider wants to see of us; its secrets are read, and read again.
#[derive(Default)]
pub struct SignIn {
    credential: Option<Credential>,
    certificate: Option<ClientCertificate>,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each provider, and none is moved")]
enum Credential {
    Fixed { config: CredentialConfig, header: HeaderName, value: ArcSwap<HeaderValue> },
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
            Some(Credential::Fixed { config, header, value }) => {
                if let Some((_, refused)) = refused {
                    // it may have changed where it is kept
                    let fresh = config.fixed_header().map_err(|_| SignInFault::Refused)?.1;
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

impl Credential {
    fn new(ods: OdsCode, base: &Url, config: &CredentialConfig) -> Result<Self, String> {
        if let CredentialConfig::Smart(smart) = config {
            return Ok(Self::Smart(Arc::new(AccessTokens::new(ods, base, smart)?)));
        }
        let (header, value) = config.fixed_header()?;
        Ok(Self::Fixed { config: config.clone(), header, value: ArcSwap::from_pointee(value) })
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
