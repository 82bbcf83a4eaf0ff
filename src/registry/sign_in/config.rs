use super::{Header, SigningKey};
use crate::{domain::SecretRef, identity::Algorithm};
use data_encoding::BASE64;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

/// What the gateway shows a provider in a header.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum CredentialConfig {
    Bearer(SecretRef),
    Basic { user: String, password: SecretRef },
    Header { name: String, value: SecretRef },
    Smart(SmartConfig),
}

/// SMART Backend Services: an access token for an assertion that we sign.
/// <https://hl7.org/fhir/smart-app-launch/backend-services.html>
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmartConfig {
    /// Left out: what the provider's own `.well-known/smart-configuration` says, on the provider's own origin only.
    pub token_endpoint: Option<Url>,
    pub client_id: String,
    /// A private key in PEM or as a JWK.
    pub key: SecretRef,
    /// ES384 or RS384, as the key is, where left out.
    pub algorithm: Option<Algorithm>,
    /// The JWK's own or the key's thumbprint, where left out.
    pub kid: Option<String>,
    pub scope: String,
}

/// A certificate chain, the gateway's own first, and its private key, both in PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateConfig {
    pub certificate: SecretRef,
    pub key: SecretRef,
}

impl CredentialConfig {
    /// The header, where it is the same for every request.
    pub(in crate::registry) fn fixed_header(&self) -> Result<Header, String> {
        let (name, value) = match self {
            Self::Bearer(token) => {
                ("authorization", SecretString::from(format!("Bearer {}", token.read()?.expose_secret())))
            }
            Self::Basic { user, password } => {
                let pair = BASE64.encode(format!("{user}:{}", password.read()?.expose_secret()).as_bytes());
                ("authorization", SecretString::from(format!("Basic {pair}")))
            }
            Self::Header { name, value } => (name.as_str(), value.read()?),
            Self::Smart(_) => return Err("an access token is not the same for every request".to_owned()),
        };
        let header = name.parse().map_err(|_| "no header name".to_owned())?;
        Ok((header, sensitive(value.expose_secret()).ok_or("the secret cannot be sent in a header")?))
    }
}

pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl SmartConfig {
    pub(in crate::registry) fn signing_key(&self) -> Result<SigningKey, String> {
        let text = self.key.read().map_err(|what| format!("key: {what}"))?;
        SigningKey::read(text.expose_secret(), self.algorithm, self.kid.as_deref())
            .map_err(|what| format!("key: {what}"))
    }

    pub(in crate::registry) fn faults(&self) -> Result<(), String> {
        // RFC 6749 §3.3: of visible characters, without quotes and backslashes
        let is_scope =
            |scope: &str| !scope.is_empty() && scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if self.client_id.is_empty() {
            return Err("client_id is empty".to_owned());
        }
        if !self.scope.split(' ').all(is_scope) {
            return Err("scope is a list of scopes, one space between two".to_owned());
        }
        Ok(())
    }
}
