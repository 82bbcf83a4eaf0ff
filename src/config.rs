//! What a deployment says: one TOML file, overridden by `CAREGATE__SECTION__KEY` environment variables, read section by
//! section so that every fault is named with its place, not only the first.
//!
//! Secrets are written by reference (`{ file = "..." }` or `{ env = "..." }`), never printed, and masked in `Debug`.

mod faults;
mod section;

pub use faults::{ConfigFault, ConfigFaults};
pub use section::{
    AuditSection, DatabaseSection, GatewaySection, KeysSection, LogFormat, LogSection, PolicySection, SmartSection,
};

use crate::{
    alerts::AlertsConfig,
    federation::{FederationConfig, IndexConfig},
    identity::{ClientConfig, IssuerConfig, SessionConfig},
    registry::{LocatorConfig, OrganisationConfig, ProviderConfig, RegistryConfig, RegistryCredential},
};
use std::path::Path;

/// A whole, validated configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub gateway: GatewaySection,
    pub database: DatabaseSection,
    pub keys: KeysSection,
    pub audit: AuditSection,
    pub federation: FederationConfig,
    pub locator: LocatorConfig,
    pub index: Option<IndexConfig>,
    pub policy: PolicySection,
    pub log: LogSection,
    pub alerts: AlertsConfig,
    pub smart: Option<SmartSection>,
    pub registry: RegistryConfig,
    pub pages: SessionConfig,
    pub issuers: Vec<IssuerConfig>,
    pub clients: Vec<ClientConfig>,
    pub providers: Vec<ProviderConfig>,
    pub organisations: Vec<OrganisationConfig>,
    pub credentials: Vec<RegistryCredential>,
}

impl Config {
    /// Reads and validates `path`; the error lists every fault found.
    pub fn load(path: &Path) -> Result<Self, ConfigFaults> {
        let text = std::fs::read_to_string(path).map_err(|e| ConfigFaults::one(path.display(), e))?;
        Self::parse(&text)
    }

    pub fn parse(text: &str) -> Result<Self, ConfigFaults> {
        let source = config::Config::builder()
            .add_source(config::File::from_str(text, config::FileFormat::Toml))
            .add_source(
                config::Environment::with_prefix("CAREGATE").prefix_separator("__").separator("__").try_parsing(true),
            )
            .build()
            .map_err(|e| ConfigFaults::one("the file", e))?;
        let mut faults = ConfigFaults::default();
        faults.unknown_sections(&source);
        let gateway = faults.section(&source, "gateway");
        let database = faults.section(&source, "database");
        let keys = faults.section(&source, "keys");
        let audit = faults.section_or_default(&source, "audit");
        let federation = faults.section_or_default(&source, "federation");
        let locator = faults.section_or_default(&source, "locator");
        let index: Option<IndexConfig> = faults.section_or_default(&source, "index");
        let policy = faults.section_or_default(&source, "policy");
        let log = faults.section_or_default(&source, "log");
        let alerts: AlertsConfig = faults.section_or_default(&source, "alerts");
        let smart: Option<SmartSection> = faults.section_or_default(&source, "smart");
        let registry: RegistryConfig = faults.section_or_default(&source, "registry");
        let pages: SessionConfig = faults.section_or_default(&source, "pages");
        let issuers: Vec<IssuerConfig> = faults.each(&source, "issuer");
        let clients: Vec<ClientConfig> = faults.each(&source, "client");
        let providers: Vec<ProviderConfig> = faults.each(&source, "provider");
        let organisations: Vec<OrganisationConfig> = faults.each(&source, "organisation");
        let credentials: Vec<RegistryCredential> = faults.each(&source, "credential");
        gateway.iter().for_each(|section| {
            faults.gateway(section);
            faults.pages_by_tls(section, &issuers);
        });
        database.iter().for_each(|section| faults.database(section));
        keys.iter().for_each(|section| faults.keys(section));
        faults.audit(&audit);
        faults.federation(&federation);
        index.iter().for_each(|index| faults.index(index));
        faults.alerts(&alerts);
        faults.registry(&registry, &issuers);
        faults.pages(&pages);
        faults.issuers(&issuers);
        faults.providers(&providers);
        faults.organisations(&organisations, &providers);
        faults.credentials(&credentials, &providers);
        keys.iter().for_each(|section| {
            faults.statements(section, &providers);
            faults.published_keys(section, &providers, &credentials);
            let known = providers.iter().map(|one| one.ods).chain(organisations.iter().map(|one| one.ods)).collect();
            faults.clients(&clients, section, &issuers, &known);
            faults.smart(smart.as_ref(), section);
        });
        match (gateway, database, keys) {
            (Some(gateway), Some(database), Some(keys)) if faults.is_empty() => Ok(Self {
                gateway,
                database,
                keys,
                audit,
                federation,
                locator,
                index,
                policy,
                log,
                alerts,
                smart,
                registry,
                pages,
                issuers,
                clients,
                providers,
                organisations,
                credentials,
            }),
            _ => Err(faults),
        }
    }
}
