use super::Locate;
use super::address::{is_public, literal_address};
use crate::domain::{OdsCode, SecretRef};
use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{fmt, sync::Arc, time::Duration};
use url::Url;

/// `[[provider]]`: an organisation's FHIR endpoint as a deployment configures it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    pub ods: OdsCode,
    pub name: String,
    /// One of the policy's organisations.json: only a `gp-practice` can be a patient's registered practice.
    pub kind: String,
    /// The FHIR service root.
    pub base_url: Url,
    #[serde(default)]
    pub idiom: Idiom,
    pub credential: Option<CredentialConfig>,
    /// Milliseconds for all of one answer; the federation's default where left out.
    pub deadline_ms: Option<u64>,
    /// May the base URL be, or resolve to, an address inside our own network?
    #[serde(default)]
    pub allow_private_addresses: bool,
    #[serde(default)]
    pub allow_http: bool,
    /// Its very name tells something (a sexual-health service): its failures are named only to those who may know.
    #[serde(default)]
    pub restricted: bool,
    #[serde(default)]
    pub locate: Locate,
}

/// How a provider wants to be asked for "this patient's" resources (facts: provider idioms).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Idiom {
    /// `patient.identifier=SYSTEM|NUMBER`
    Chained,
    /// its own Patient first, then `patient=ID`
    #[default]
    ResolveFirst,
}

/// How the gateway signs in to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum CredentialConfig {
    Bearer(SecretRef),
    Basic { user: String, password: SecretRef },
    Header { name: String, value: SecretRef },
}

/// A header to send, its value never shown.
#[derive(Clone)]
pub struct Credential {
    pub header: reqwest::header::HeaderName,
    pub value: reqwest::header::HeaderValue,
}

/// A provider, ready to be asked.
#[derive(Clone, Debug)]
pub struct Provider {
    pub ods: OdsCode,
    pub name: String,
    pub kind: Arc<str>,
    /// Ends with a slash, so that `join` stays below it.
    pub base: Url,
    pub idiom: Idiom,
    pub credential: Option<Credential>,
    pub deadline: Duration,
    pub allow_private_addresses: bool,
    pub restricted: bool,
    pub locate: Locate,
}

impl ProviderConfig {
    /// Everything wrong with it.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let url = &self.base_url;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            "http" => faults.push("base_url is plain http; set allow_http if that is meant".to_owned()),
            _ => faults.push("base_url is not https".to_owned()),
        }
        if !url.username().is_empty() || url.password().is_some() {
            faults.push("base_url holds a user name or password; use credential".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            faults.push("base_url is a service root: no query, no fragment".to_owned());
        }
        if let Some(address) = literal_address(url)
            && !self.allow_private_addresses
            && !is_public(address)
        {
            faults
                .push("base_url is an address inside our own network; set allow_private_addresses if meant".to_owned());
        }
        if let Err(what) = self.credential() {
            faults.push(format!("credential: {what}"));
        }
        if self.deadline_ms.is_some_and(|ms| !(10..=60_000).contains(&ms)) {
            faults.push("deadline_ms is 10 to 60000".to_owned());
        }
        faults
    }

    fn credential(&self) -> Result<Option<Credential>, String> {
        let (name, value) = match &self.credential {
            None => return Ok(None),
            Some(CredentialConfig::Bearer(token)) => {
                ("authorization".to_owned(), SecretString::from(format!("Bearer {}", token.read()?.expose_secret())))
            }
            Some(CredentialConfig::Basic { user, password }) => {
                let pair = BASE64.encode(format!("{user}:{}", password.read()?.expose_secret()).as_bytes());
                ("authorization".to_owned(), SecretString::from(format!("Basic {pair}")))
            }
            Some(CredentialConfig::Header { name, value }) => (name.clone(), value.read()?),
        };
        let header = name.parse().map_err(|_| "no header name".to_owned())?;
        let mut value = reqwest::header::HeaderValue::from_str(value.expose_secret())
            .map_err(|_| "the secret cannot be sent in a header".to_owned())?;
        value.set_sensitive(true);
        Ok(Some(Credential { header, value }))
    }

    pub fn provider(&self, default_deadline: Duration) -> Result<Provider, String> {
        let mut base = self.base_url.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Provider {
            ods: self.ods,
            name: self.name.clone(),
            kind: self.kind.as_str().into(),
            base,
            idiom: self.idiom,
            credential: self.credential()?,
            deadline: self.deadline_ms.map_or(default_deadline, Duration::from_millis),
            allow_private_addresses: self.allow_private_addresses,
            restricted: self.restricted,
            locate: self.locate,
        })
    }
}

impl Provider {
    pub fn is_gp_practice(&self) -> bool {
        &*self.kind == crate::access::GENERAL_PRACTICE
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.header)
    }
}
