use super::Locate;
use super::address::{is_public, literal_address};
use crate::domain::{OdsCode, SecretRef};
use data_encoding::BASE64;
use reqwest::Certificate;
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
    /// The same service at other addresses: where it is slow at one, another is asked too. Each is sent the credential.
    #[serde(default)]
    pub replicas: Vec<Url>,
    /// The only authorities whose certificates it may have, as PEM; the public ones where left out.
    pub ca: Option<SecretRef>,
    #[serde(default)]
    pub idiom: Idiom,
    pub credential: Option<CredentialConfig>,
    /// Milliseconds for all of one answer; the federation's default where left out.
    pub deadline_ms: Option<u64>,
    /// Calls under way at once; the federation's default where left out.
    pub max_calls: Option<usize>,
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
    /// The same service at other addresses, written alike.
    pub replicas: Vec<Url>,
    /// The only ones that may have signed its certificate; where empty, the public ones.
    pub authorities: Vec<Certificate>,
    pub idiom: Idiom,
    pub credential: Option<Credential>,
    pub deadline: Duration,
    pub max_calls: Option<usize>,
    pub allow_private_addresses: bool,
    pub restricted: bool,
    pub locate: Locate,
}

impl ProviderConfig {
    /// Everything wrong with it.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.url_faults("base_url", &self.base_url);
        faults.extend(self.replicas.iter().flat_map(|replica| self.url_faults("replicas", replica)));
        if let Err(what) = self.authorities() {
            faults.push(format!("ca: {what}"));
        }
        if let Err(what) = self.credential() {
            faults.push(format!("credential: {what}"));
        }
        if self.deadline_ms.is_some_and(|ms| !(10..=60_000).contains(&ms)) {
            faults.push("deadline_ms is 10 to 60000".to_owned());
        }
        if self.max_calls == Some(0) {
            faults.push("max_calls is at least 1".to_owned());
        }
        faults
    }

    fn url_faults(&self, name: &str, url: &Url) -> Vec<String> {
        let mut faults = Vec::new();
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            "http" => faults.push(format!("{name} is plain http; set allow_http if that is meant")),
            _ => faults.push(format!("{name} is not https")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            faults.push(format!("{name} holds a user name or password; use credential"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            faults.push(format!("{name} is a service root: no query, no fragment"));
        }
        if let Some(address) = literal_address(url)
            && !self.allow_private_addresses
            && !is_public(address)
        {
            faults.push(format!("{name} is an address inside our own network; set allow_private_addresses if meant"));
        }
        faults
    }

    fn authorities(&self) -> Result<Vec<Certificate>, String> {
        let Some(place) = &self.ca else { return Ok(Vec::new()) };
        let found = Certificate::from_pem_bundle(place.read()?.expose_secret().as_bytes());
        let found = found.map_err(|_| "no certificates in PEM".to_owned())?;
        // an empty list would mean the public authorities
        if found.is_empty() { Err("no certificates in PEM".to_owned()) } else { Ok(found) }
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
        Ok(Provider {
            ods: self.ods,
            name: self.name.clone(),
            kind: self.kind.as_str().into(),
            base: service_root(&self.base_url),
            replicas: self.replicas.iter().map(service_root).collect(),
            authorities: self.authorities()?,
            idiom: self.idiom,
            credential: self.credential()?,
            deadline: self.deadline_ms.map_or(default_deadline, Duration::from_millis),
            max_calls: self.max_calls,
            allow_private_addresses: self.allow_private_addresses,
            restricted: self.restricted,
            locate: self.locate,
        })
    }
}

fn service_root(url: &Url) -> Url {
    let mut root = url.clone();
    if !root.path().ends_with('/') {
        root.set_path(&format!("{}/", root.path()));
    }
    root
}

impl Provider {
    /// All addresses of its service root: its own first, then the replicas'.
    pub fn bases(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.base).chain(&self.replicas)
    }

    pub fn is_gp_practice(&self) -> bool {
        &*self.kind == crate::access::GENERAL_PRACTICE
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.header)
    }
}
