use super::{AuditSection, DatabaseSection, GatewaySection, KeysSection, SmartSection};
use crate::{
    alerts::AlertsConfig,
    audit::{LogId, Signer},
    domain::OdsCode,
    federation::{FederationConfig, IndexConfig},
    fhir::ResourceType,
    identity::{ClientConfig, IssuedTokens, IssuerConfig, SessionConfig},
    registry::{OrganisationConfig, ProviderConfig, ReaderContext, RegistryConfig, RegistryCredential},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt,
    time::Duration,
};

/// One thing wrong with the configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    pub place: String,
    pub what: String,
}

/// Everything wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

const SECTIONS: [&str; 18] = [
    "gateway",
    "database",
    "keys",
    "audit",
    "federation",
    "index",
    "policy",
    "log",
    "alerts",
    "locator",
    "smart",
    "registry",
    "pages",
    "issuer",
    "client",
    "provider",
    "organisation",
    "credential",
];

impl ConfigFaults {
    pub fn one(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        let mut faults = Self::default();
        faults.add(place, what);
        faults
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, place: impl fmt::Display, what: impl fmt::Display) {
        self.0.push(ConfigFault { place: place.to_string(), what: what.to_string() });
    }

    pub(super) fn unknown_sections(&mut self, source: &config::Config) {
        let Ok(whole) = source.cache.clone().into_table() else { return };
        for name in whole.keys().filter(|name| !SECTIONS.contains(&name.as_str())) {
            self.add(format!("[{name}]"), format!("no such section; there are {}", SECTIONS.join(", ")));
        }
    }

    pub(super) fn section<T: DeserializeOwned>(&mut self, source: &config::Config, name: &str) -> Option<T> {
        source.get::<T>(name).map_err(|e| self.add(format!("[{name}]"), e)).ok()
    }

    pub(super) fn section_or_default<T: DeserializeOwned + Default>(
        &mut self,
        source: &config::Config,
        name: &str,
    ) -> T {
        match source.get::<T>(name) {
            Ok(section) => section,
            Err(config::ConfigError::NotFound(_)) => T::default(),
            Err(e) => {
                self.add(format!("[{name}]"), e);
                T::default()
            }
        }
    }

    pub(super) fn each<T: DeserializeOwned>(&mut self, source: &config::Config, name: &str) -> Vec<T> {
        let values = match source.get_array(name) {
            Ok(values) => values,
            // a region without any is no fault here
            Err(config::ConfigError::NotFound(_)) => return Vec::new(),
            Err(e) => {
                self.add(format!("[[{name}]]"), e);
                return Vec::new();
            }
        };
        let mut read = Vec::new();
        for (at, value) in values.into_iter().enumerate() {
            match value.try_deserialize::<T>() {
                Ok(one) => read.push(one),
                Err(e) => self.add(format!("[[{name}]] number {}", at + 1), e),
            }
        }
        read
    }

    pub(super) fn gateway(&mut self, gateway: &GatewaySection) {
        if let Err(what) = LogId::parse(&gateway.node) {
            self.add("gateway.node", what);
        }
        self.none_is_zero(&[
            ("gateway.workers", gateway.workers as u64),
            ("gateway.max_concurrent_requests", gateway.max_concurrent_requests as u64),
            ("gateway.request_deadline_ms", gateway.request_deadline_ms),
        ]);
        if gateway.public_url.is_none() && gateway.listen.ip().is_unspecified() {
            self.add("gateway.public_url", "needed where listen names no address that callers could use");
        }
        if let Some(url) = &gateway.public_url
            && (!matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some())
        {
            self.add("gateway.public_url", "an http or https address without query or fragment");
        }
    }

    pub(super) fn database(&mut self, database: &DatabaseSection) {
        match database.url() {
            Err(what) => self.add("database", what),
            Ok(url) if ["sqlite:", "postgres:", "postgresql:"].iter().any(|s| url.starts_with(s)) => {}
            Ok(_) => self.add("database.url", "begins with sqlite: or postgres:"),
        }
    }

    pub(super) fn keys(&mut self, keys: &KeysSection) {
        for (place, key) in
            [("keys.ids", &keys.ids), ("keys.pages", &keys.pages), ("keys.checkpoint", &keys.checkpoint)]
        {
            if let Err(what) = key.key() {
                self.add(place, what);
            }
        }
        match keys.statements("") {
            Some(Err(what)) => self.add("keys.statement", what),
            None if keys.statement_also.is_some() => self.add("keys.statement_also", "nothing that it could be beside"),
            _ => {}
        }
        match keys.issued_tokens("") {
            Some(Err(what)) => self.add("keys.tokens", what),
            None if keys.tokens_also.is_some() => self.add("keys.tokens_also", "nothing that it could be beside"),
            _ => {}
        }
    }

    pub(super) fn audit(&mut self, audit: &AuditSection) {
        self.none_is_zero(&[("audit.commit_timeout_ms", audit.commit_timeout_ms)]);
        if let Err(what) = Signer::new(&audit.origin, &[0; 32]) {
            self.add("audit.origin", what);
        }
    }

    pub(super) fn federation(&mut self, federation: &FederationConfig) {
        self.none_is_zero(&[
            ("federation.deadline_ms", federation.deadline_ms),
            ("federation.max_answer_bytes", federation.max_answer_bytes as u64),
            ("federation.max_document_bytes", federation.max_document_bytes),
            ("federation.max_nodes", federation.max_nodes.into()),
            ("federation.max_depth", federation.max_depth.into()),
            ("federation.max_pages", federation.max_pages as u64),
            ("federation.max_calls_per_provider", federation.max_calls_per_provider as u64),
            ("federation.page_size", federation.page_size.into()),
            ("federation.wrong_patient_threshold", federation.wrong_patient_threshold),
        ]);
        for name in federation.ttl_seconds_by_type.keys().filter(|n| ResourceType::parse(n).is_none()) {
            self.add(format!("federation.ttl_seconds_by_type.{name}"), "no type that is served");
        }
    }

    pub(super) fn index(&mut self, index: &IndexConfig) {
        for what in index.faults() {
            self.add("[index]", what);
        }
    }

    pub(super) fn alerts(&mut self, alerts: &AlertsConfig) {
        for (setting, what) in alerts.faults() {
            self.add(format!("alerts.{setting}"), what);
        }
    }

    pub(super) fn pages(&mut self, pages: &SessionConfig) {
        for (setting, what) in pages.faults() {
            self.add(format!("pages.{setting}"), what);
        }
    }

    /// With 0 of these nothing could ever be answered.
    fn none_is_zero(&mut self, settings: &[(&str, u64)]) {
        for (place, _) in settings.iter().filter(|(_, value)| *value == 0) {
            self.add(place, "at least 1");
        }
    }

    pub(super) fn issuers(&mut self, issuers: &[IssuerConfig]) {
        if issuers.is_empty() {
            self.add("[[issuer]]", "at least one: without it no token is accepted");
        }
        let mut seen = HashSet::new();
        for issuer in issuers {
            let place = format!("[[issuer]] {}", issuer.name);
            for what in issuer.faults() {
                self.add(&place, what);
            }
            if !seen.insert(&issuer.issuer) {
                self.add(&place, "another entry has the same issuer");
            }
            if issuer.name == IssuedTokens::NAME {
                self.add(&place, "name: our own tokens are counted under this one");
            }
        }
    }

    /// Who signs in is known by a cookie from then on, and whoever catches it on its way is them.
    pub(super) fn pages_by_tls(&mut self, gateway: &GatewaySection, issuers: &[IssuerConfig]) {
        let loopback = |host: url::Host<&str>| match host {
            url::Host::Ipv4(address) => address.is_loopback(),
            url::Host::Ipv6(address) => address.is_loopback(),
            url::Host::Domain(name) => name == "localhost",
        };
        let safe = match &gateway.public_url {
            Some(url) => url.scheme() == "https" || url.host().is_some_and(loopback),
            None => gateway.listen.ip().is_loopback(),
        };
        if !safe && issuers.iter().any(|issuer| issuer.sign_in.is_some()) {
            self.add("gateway.public_url", "https, where people sign in: [[issuer]] sign_in");
        }
    }

    /// Those who are given tokens here, if any are given.
    pub(super) fn clients(
        &mut self,
        clients: &[ClientConfig],
        keys: &KeysSection,
        issuers: &[IssuerConfig],
        known: &HashSet<OdsCode>,
    ) {
        let mut seen = HashSet::new();
        for client in clients {
            let place = format!("[[client]] {}", client.client_id);
            for what in client.faults() {
                self.add(&place, what);
            }
            if !known.contains(&client.organisation) {
                let what = "organisation: neither a [[provider]] nor an [[organisation]] here";
                self.add(&place, what);
            }
            if keys.tokens.is_none() {
                self.add(&place, "no token can be given without a key to sign it: keys.tokens");
            }
            if !seen.insert(&client.client_id) {
                self.add(&place, "another entry has the same client_id");
            }
            for brought in &client.exchange {
                if !issuers.iter().any(|issuer| issuer.name == brought.issuer && issuer.exchange.is_some()) {
                    self.add(&place, format!("exchange: no [[issuer]] {} that has exchange", brought.issuer));
                }
            }
        }
    }

    /// A deployment has one place where tokens come from to tell of.
    pub(super) fn smart(&mut self, smart: Option<&SmartSection>, keys: &KeysSection) {
        if smart.is_some() && keys.tokens.is_some() {
            self.add("[smart]", "with keys.tokens the gateway tells of its own token endpoint: leave this out");
        }
    }

    pub(super) fn registry(&mut self, registry: &RegistryConfig, issuers: &[IssuerConfig]) {
        for what in registry.faults(issuers) {
            self.add("[registry]", what);
        }
    }

    /// Whoever is told who asks is told in a statement, and that has to be signed.
    pub(super) fn statements(&mut self, keys: &KeysSection, providers: &[ProviderConfig]) {
        let told = providers.iter().filter(|provider| provider.reader_context != ReaderContext::Untold);
        for provider in told.filter(|_| keys.statement.is_none()) {
            self.add(
                format!("[[provider]] {}", provider.ods),
                "reader_context needs a key to sign with: keys.statement",
            );
        }
    }

    /// All are published in one set, in which nobody could tell two of one name apart.
    pub(super) fn published_keys(
        &mut self,
        keys: &KeysSection,
        providers: &[ProviderConfig],
        credentials: &[RegistryCredential],
    ) {
        let at =
            |place: &str, keys: Vec<Value>| keys.into_iter().map(|key| (place.to_owned(), key)).collect::<Vec<_>>();
        let statements = keys.statements("").and_then(Result::ok).map(|all| at("keys.statement", all.public_keys()));
        let tokens = keys.issued_tokens("").and_then(Result::ok).map(|all| at("keys.tokens", all.public_keys()));
        let of_provider = |config: &ProviderConfig| {
            let provider = config.provider(Duration::ZERO).ok()?;
            Some((format!("[[provider]] {}", config.ods), provider.sign_in.public_key()?))
        };
        let own = statements.into_iter().chain(tokens).flatten();
        let mut named: HashMap<String, Value> = HashMap::new();
        let of_credential = |one: &RegistryCredential| Some((one.place(), one.public_key()?));
        let elsewhere = providers.iter().filter_map(of_provider).chain(credentials.iter().filter_map(of_credential));
        for (place, key) in own.chain(elsewhere) {
            let kid = key.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned();
            match named.entry(kid) {
                Entry::Vacant(new) => drop(new.insert(key)),
                Entry::Occupied(known) if *known.get() == key => {}
                Entry::Occupied(known) => {
                    self.add(place, format!("its key has the kid of another: {}", known.key()));
                }
            }
        }
    }

    pub(super) fn providers(&mut self, providers: &[ProviderConfig]) {
        let mut seen = HashSet::new();
        for provider in providers {
            let place = format!("[[provider]] {}", provider.ods);
            for what in provider.faults() {
                self.add(&place, what);
            }
            if !seen.insert(provider.ods) {
                self.add(&place, "another entry has the same ODS code");
            }
        }
    }

    /// What is kept for registered endpoints; one that is configured here has its own beside it.
    pub(super) fn credentials(&mut self, credentials: &[RegistryCredential], providers: &[ProviderConfig]) {
        let mut seen = HashSet::new();
        for credential in credentials {
            for what in credential.faults() {
                self.add(credential.place(), what);
            }
            if !seen.insert((credential.ods, &credential.name)) {
                self.add(credential.place(), "another entry has the same ODS code and name");
            }
            if providers.iter().any(|provider| provider.ods == credential.ods) {
                self.add(credential.place(), "its endpoint is a [[provider]] here: give the credential there");
            }
        }
    }

    pub(super) fn organisations(&mut self, organisations: &[OrganisationConfig], providers: &[ProviderConfig]) {
        let mut seen: HashSet<_> = providers.iter().map(|provider| provider.ods).collect();
        for organisation in organisations {
            if !seen.insert(organisation.ods) {
                self.add(format!("[[organisation]] {}", organisation.ods), "another entry has the same ODS code");
            }
        }
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ConfigFault { place, what } in &self.0 {
            writeln!(f, "{place}: {what}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}
