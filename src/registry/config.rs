use super::Locate;
use crate::identity::{IssuerConfig, Scopes, Whose};
use serde::Deserialize;
use std::collections::BTreeSet;

/// `[registry]`: on which terms organisations join by themselves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Who lets organisations in, and their changes. Without any nobody is let in.
    pub operators: BTreeSet<Operator>,
    /// May what they register be plain http?
    pub allow_http: bool,
    /// May it be, or resolve to, an address inside our own network?
    pub allow_private_addresses: bool,
    /// About which patients a registered endpoint is asked.
    pub locate: Locate,
    /// For how many days a passing probe is good to come further by.
    pub probe_days: u32,
    /// An endpoint in shadow or further is probed again after so many hours; 0 is never.
    pub probe_again_hours: u32,
    /// The most that a registered organisation's own system is granted, as SMART v2 scopes.
    pub client_scopes: String,
}

/// One of them: as this issuer says that they are, and no other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// The URL of an `[[issuer]]`.
    pub issuer: String,
    /// sds-user-id.
    pub user: String,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            operators: BTreeSet::new(),
            allow_http: false,
            allow_private_addresses: false,
            locate: Locate::Always,
            probe_days: 7,
            probe_again_hours: 24,
            client_scopes: "system/Organization.crus system/Endpoint.crus system/Patient.u system/Consent.crus"
                .to_owned(),
        }
    }
}

impl RegistryConfig {
    /// Everything wrong with it, where people sign in with these issuers.
    pub fn faults(&self, issuers: &[IssuerConfig]) -> Vec<String> {
        let good = |user: &str| !user.is_empty() && user.len() <= 64 && user.bytes().all(|b| b.is_ascii_alphanumeric());
        let mut faults = Vec::new();
        for Operator { issuer, user } in &self.operators {
            if !good(user) {
                faults.push(format!("operators: {user:?} is no sds-user-id"));
            }
            if !issuers.iter().any(|known| known.issuer == *issuer) {
                faults.push(format!("operators: {issuer:?} is the issuer of no [[issuer]]"));
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_of_an_issuer_that_people_sign_in_with() {
        let issuer = serde_json::json!({
            "name": "staff", "issuer": "https://id.example", "profile": "cis2", "audience": "a", "algorithms": ["ES256"],
            "jwks_url": "https://id.example/keys",
        });
        let issuer: IssuerConfig = serde_json::from_value(issuer).unwrap();
        let with = |issuer: &str, user: &str| RegistryConfig {
            operators: [Operator { issuer: issuer.to_owned(), user: user.to_owned() }].into(),
            ..RegistryConfig::default()
        };
        assert!(with("https://id.example", "555021400120").faults(std::slice::from_ref(&issuer)).is_empty());
        assert_eq!(with("https://id.example/", "555021400120").faults(std::slice::from_ref(&issuer)).len(), 1);
        assert_eq!(with("https://other.example", "a user").faults(&[issuer]).len(), 2);
    }
}
