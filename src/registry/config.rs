use serde::Deserialize;
use std::collections::BTreeSet;

/// `[registry]`: on which terms organisations join by themselves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Who lets organisations in, and their changes, by sds-user-id. Without any nobody is let in.
    pub operators: BTreeSet<String>,
    /// May what they register be plain http?
    pub allow_http: bool,
    /// May it be, or resolve to, an address inside our own network?
    pub allow_private_addresses: bool,
}

impl RegistryConfig {
    /// Everything wrong with it.
    pub fn faults(&self) -> Vec<String> {
        let good = |user: &str| !user.is_empty() && user.len() <= 64 && user.bytes().all(|b| b.is_ascii_alphanumeric());
        let bad = self.operators.iter().filter(|user| !good(user));
        bad.map(|user| format!("operators: {user:?} is no sds-user-id")).collect()
    }
}
