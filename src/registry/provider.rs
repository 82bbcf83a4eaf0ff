use super::{
    Declared, Locate,
    address::{self, AddressFault, Reach},
    sign_in::{CertificateConfig, CredentialConfig, SignIn, SmartConfig},
};
use crate::{
    domain::{OdsCode, SecretRef},
    fhir::ResourceType,
};
use reqwest::Certificate;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
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
    /// Shown to its TLS, whatever the credential is.
    pub client_certificate: Option<CertificateConfig>,
    /// What it is told of who asks.
    #[serde(default)]
    pub reader_context: ReaderContext,
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
    /// May it be asked by a search's filters, where it declares them?
    #[serde(default = "yes")]
    pub push_down: bool,
}

fn yes() -> bool {
    true
}

/// How a provider wants to be asked for "this patient's" resources (facts: provider idioms).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Idiom {
    /// `patient.identifier=SYSTEM|NUMBER`
    Chained,
    /// its own Patient first, then `patient=ID`
    #[default]
    ResolveFirst,
}

impl Idiom {
    pub const ALL: [Self; 2] = [Self::Chained, Self::ResolveFirst];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chained => "chained",
            Self::ResolveFirst => "resolve-first",
        }
    }
}

/// Whether a provider is told who asks and why, by a statement that the gateway signs; never by the reader's own token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReaderContext {
    #[default]
    Untold,
    /// It is told, and its answers are the same for all readers.
    Informs,
    /// It is told, and its answers depend on it: they are kept for nobody and shared with nobody.
    Decides,
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
    pub sign_in: Arc<SignIn>,
    pub reader_context: ReaderContext,
    /// For all of one answer, its own or the federation's (`deadline_ms`).
    pub deadline: Duration,
    /// Calls under way at once; the federation's `max_calls_per_provider` where left out.
    pub max_calls: Option<usize>,
    pub allow_private_addresses: bool,
    /// Its very name tells something: its failures are named only to those who may know. Unless said, not so.
    pub restricted: bool,
    /// About whom it is asked; unless said, about every patient.
    pub locate: Locate,
    pub push_down: bool,
    /// The types that it is asked for; `None` for all.
    pub types: Option<BTreeSet<ResourceType>>,
    /// Of its entry in the registry; 0 of what the deployment configures. What was said by one is no answer of the next.
    pub version: i64,
    /// It cannot be asked: its period or its agreement has run out, or it has a fault. A part of the record that is missing.
    pub is_out_of_use: bool,
    pub declared: Arc<Declared>,
}

impl ProviderConfig {
    /// Everything wrong with it.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.url_faults("base_url", &self.base_url);
        faults.extend(self.replicas.iter().flat_map(|replica| self.url_faults("replicas", replica)));
        if let Some(CredentialConfig::Smart(SmartConfig { token_endpoint: Some(endpoint), .. })) = &self.credential {
            faults.extend(self.url_faults("credential.smart.token_endpoint", endpoint));
        }
        if let Err(what) = self.authorities() {
            faults.push(format!("ca: {what}"));
        }
        faults.extend(self.sign_in().err().into_iter().flatten());
        if self.deadline_ms.is_some_and(|ms| !(10..=60_000).contains(&ms)) {
            faults.push("deadline_ms is 10 to 60000".to_owned());
        }
        if self.max_calls == Some(0) {
            faults.push("max_calls is at least 1".to_owned());
        }
        faults
    }

    fn url_faults(&self, name: &str, url: &Url) -> Vec<String> {
        let reach = Reach { http: self.allow_http, private: self.allow_private_addresses };
        let said = |fault| match fault {
            AddressFault::PlainHttp => "is plain http; set allow_http if that is meant",
            AddressFault::NotHttps => "is not https",
            AddressFault::UserInfo => "holds a user name or password; use credential",
            AddressFault::NotARoot => "is a service root: no query, no fragment",
            AddressFault::Private => "is an address inside our own network; set allow_private_addresses if meant",
            AddressFault::InternalName => "is a name of our own network",
            AddressFault::Port => "has the port of another protocol",
        };
        address::faults(url, reach).into_iter().map(|fault| format!("{name} {}", said(fault))).collect()
    }

    fn authorities(&self) -> Result<Vec<Certificate>, String> {
        let Some(place) = &self.ca else { return Ok(Vec::new()) };
        let found = Certificate::from_pem_bundle(place.read()?.expose_secret().as_bytes());
        let found = found.map_err(|_| "no certificates in PEM".to_owned())?;
        // an empty list would mean the public authorities
        if found.is_empty() { Err("no certificates in PEM".to_owned()) } else { Ok(found) }
    }

    fn sign_in(&self) -> Result<SignIn, Vec<String>> {
        let base = service_root(&self.base_url);
        SignIn::new(self.ods, &base, self.credential.as_ref(), self.client_certificate.as_ref())
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
            sign_in: Arc::new(self.sign_in().map_err(|faults| faults.join("; "))?),
            reader_context: self.reader_context,
            deadline: self.deadline_ms.map_or(default_deadline, Duration::from_millis),
            max_calls: self.max_calls,
            allow_private_addresses: self.allow_private_addresses,
            restricted: self.restricted,
            locate: self.locate,
            push_down: self.push_down,
            types: None,
            version: 0,
            is_out_of_use: false,
            declared: Arc::default(),
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

    /// Whose word its answers are, as it is registered now.
    pub fn told_by(&self) -> (OdsCode, i64) {
        (self.ods, self.version)
    }

    /// Whether it is asked for this type. What entries refer to belongs to them.
    pub fn serves(&self, resource_type: ResourceType) -> bool {
        self.types.as_ref().is_none_or(|types| resource_type.is_target() || types.contains(&resource_type))
    }

    pub fn is_gp_practice(&self) -> bool {
        &*self.kind == crate::access::GENERAL_PRACTICE
    }
}
