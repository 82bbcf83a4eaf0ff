use super::{CredentialConfig, SmartConfig};
use crate::domain::OdsCode;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// `[[credential]]`: what the gateway shows one organisation's registered endpoint, which names it. No secret passes through the
/// registry, and no organisation's endpoint is shown what is kept for another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryCredential {
    pub ods: OdsCode,
    pub name: String,
    pub credential: CredentialConfig,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Credentials(BTreeMap<OdsCode, BTreeMap<String, CredentialConfig>>);

impl RegistryCredential {
    /// Where it stands in a configuration.
    pub fn place(&self) -> String {
        format!("[[credential]] {} {}", self.ods, self.name)
    }

    /// Everything wrong with it.
    pub fn faults(&self) -> Vec<String> {
        let named = (1..=64).contains(&self.name.len())
            && self.name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        let mut faults = Vec::new();
        if !named {
            faults.push("name: 1 to 64 letters, digits, '-', '_' or '.'".to_owned());
        }
        faults.extend(self.credential.check().err());
        faults
    }

    /// The public half of the key by which the gateway signs there, where there is one.
    pub fn public_key(&self) -> Option<Value> {
        match &self.credential {
            CredentialConfig::Smart(smart) => smart.public_key().ok(),
            _ => None,
        }
    }
}

impl From<&[RegistryCredential]> for Credentials {
    fn from(all: &[RegistryCredential]) -> Self {
        let mut credentials = Self::default();
        for RegistryCredential { ods, name, credential } in all {
            credentials.0.entry(*ods).or_default().insert(name.clone(), credential.clone());
        }
        credentials
    }
}

impl Credentials {
    /// What is kept for this organisation under this name.
    pub fn of(&self, ods: OdsCode, name: &str) -> Option<&CredentialConfig> {
        self.0.get(&ods)?.get(name)
    }

    pub fn names(&self) -> BTreeMap<OdsCode, BTreeSet<String>> {
        self.0.iter().map(|(ods, own)| (*ods, own.keys().cloned().collect())).collect()
    }

    /// The public halves of the keys that the gateway signs with at registered endpoints, so that whoever is to know one can read it
    /// before they are asked.
    pub fn public_keys(&self) -> Vec<Value> {
        let smart = |credential: &CredentialConfig| match credential {
            CredentialConfig::Smart(smart) => smart.public_key().ok(),
            _ => None,
        };
        self.0.values().flat_map(BTreeMap::values).filter_map(smart).collect()
    }
}

impl CredentialConfig {
    /// Whether it can be used, by itself.
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Smart(smart) => smart.public_key().map(drop),
            _ => self.fixed_header().map(drop),
        }
    }
}

impl SmartConfig {
    fn public_key(&self) -> Result<Value, String> {
        self.faults()?;
        Ok(self.signing_key()?.public_jwk())
    }
}
