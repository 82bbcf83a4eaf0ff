use crate::identity::{Scopes, Whose};
use serde::Deserialize;
use std::collections::BTreeSet;

/// `[registry]`: on which terms organisations join by themselves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Who lets organisations in, and their changes, by sds-user-id. Without any nobody is let in.
    pub operators: BTreeSet<String>,
    /// May what they register be plain http?
    pub allow_http: bool,
    /// May it be, or resolve to, an address inside our own network?
    pub allow_private_addresses: bool,
    /// For how many days a passing probe is good to come further by.
    pub probe_days: u32,
    /// An endpoint in shadow or further is probed again after so many hours; 0 is never.
    pub probe_again_hours: u32,
    /// The most that a registered organisation's own system is granted, as SMART v2 scopes.
    pub client_scopes: String,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            operators: BTreeSet::new(),
            allow_http: false,
            allow_private_addresses: false,
            probe_days: 7,
            probe_again_hours: 24,
            client_scopes: "system/Organization.crus system/Endpoint.crus system/Patient.u system/Consent.crus"
                .to_owned(),
        }
    }
}

impl RegistryConfig {
    /// Everything wrong with it.
    pub fn faults(&self) -> Vec<String> {
        let good = |user: &str| !user.is_empty() && user.len() <= 64 && user.bytes().all(|b| b.is_ascii_alphanumeric());
        let bad = self.operators.iter().filter(|user| !good(user));
        let mut faults: Vec<String> = bad.map(|user| format!("operators: {user:?} is no sds-user-id")).collect();
        if !(1..=90).contains(&self.probe_days) {
            faults.push("probe_days is 1 to 90".to_owned());
        }
        let scopes = Scopes::parse(&self.client_scopes);
        let spelt = self.client_scopes.split(' ').count() == scopes.iter().count();
        if !spelt || scopes.iter().any(|scope| scope.whose != Whose::System) {
            faults
                .push("client_scopes: SMART v2 scopes such as system/Endpoint.crus, one space between two".to_owned());
        }
        faults
    }
}
