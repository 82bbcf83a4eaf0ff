//! An issuer this gateway trusts, as configured: what its tokens must look like and what their claims mean.

use super::{
    Algorithm,
    authorisation::{ExchangeConfig, OVERTIME},
    sign_in::SignInConfig,
};
use crate::domain::OdsCode;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};
use url::Url;

const LEEWAY_MAX: u64 = 120;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// A short name for logs and metrics.
    pub name: String,
    /// The exact `iss` of its tokens; also where discovery starts.
    pub issuer: String,
    pub profile: ClaimProfile,
    /// What `aud` must contain: this gateway, as the issuer knows it.
    pub audience: String,
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are; left out, OpenID Connect Discovery finds them.
    pub jwks_url: Option<Url>,
    /// The accepted `typ` headers; `at+jwt` by default (RFC 9068).
    #[serde(default = "access_token_type")]
    pub token_types: Vec<String>,
    /// How far the issuer's clock may be from ours, at most 120.
    #[serde(default = "thirty")]
    pub leeway_seconds: u64,
    /// A token that expires further ahead than this is refused.
    #[serde(default = "one_day")]
    pub max_token_lifetime_seconds: u64,
    /// Lets keys be fetched without TLS: for a sandbox on loopback, nothing else.
    #[serde(default)]
    pub allow_http: bool,
    /// Backend services only: the organisation each registered client belongs to, where the token does not say it.
    #[serde(default)]
    pub clients: BTreeMap<String, OdsCode>,
    /// Its ID tokens may be exchanged for tokens of our own.
    pub exchange: Option<ExchangeConfig>,
    /// People sign in with it to our own pages.
    pub sign_in: Option<SignInConfig>,
}

/// How an issuer's claims say who the user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimProfile {
    /// NHS CIS2: staff, with roles from the national register.
    Cis2,
    /// NHS login: patients.
    NhsLogin,
    /// IHE Internet User Authorization: staff.
    Iua,
    /// SMART Backend Services: an organisation's system.
    Backend,
    /// This gateway's own tokens, which say what it said itself: no configuration can name it.
    #[serde(skip)]
    Own,
}

impl IssuerConfig {
    /// Everything that is wrong with it, in words for whoever wrote it; empty if it is sound.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut unless = |good: bool, fault: &str| {
            if !good {
                faults.push(fault.to_owned());
            }
        };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        unless(
            (1..=40).contains(&self.name.len()) && self.name.bytes().all(plain),
            "name: 1 to 40 lower-case letters, digits and hyphens",
        );
        unless((1..=256).contains(&self.issuer.len()), "issuer: 1 to 256 characters");
        unless((1..=256).contains(&self.audience.len()), "audience: 1 to 256 characters");
        unless(!self.algorithms.is_empty(), "algorithms: at least one of RS256, RS384, RS512, ES256, ES384");
        unless(
            !self.token_types.is_empty() && self.token_types.iter().all(|t| !bare_type(t).is_empty()),
            "token_types: at least one, none empty",
        );
        unless(self.leeway_seconds <= LEEWAY_MAX, "leeway_seconds: at most 120");
        unless(self.max_token_lifetime_seconds > 0, "max_token_lifetime_seconds: more than 0");
        unless(
            self.clients.is_empty() || self.profile == ClaimProfile::Backend,
            "clients: only for the profile backend",
        );
        for fault in self.exchange.iter().flat_map(|exchange| exchange.faults(self.profile, self.allow_http)) {
            unless(false, &format!("exchange: {fault}"));
        }
        for fault in self.sign_in.iter().flat_map(|sign_in| sign_in.faults(self.exchange.is_some(), self.allow_http)) {
            unless(false, &format!("sign_in: {fault}"));
        }
        match self.keys_from() {
            None => unless(false, "issuer: a URL, unless jwks_url is given"),
            Some(url) => {
                let tls = url.scheme() == "https" || (self.allow_http && url.scheme() == "http");
                unless(tls, "jwks_url (or issuer, for discovery): https, unless allow_http is true");
                let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
                unless(plain, "jwks_url (or issuer, for discovery): no user, password or fragment");
            }
        }
        faults
    }

    fn keys_from(&self) -> Option<Url> {
        self.jwks_url.clone().or_else(|| self.discovery_url())
    }

    /// <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationRequest>
    pub(super) fn discovery_url(&self) -> Option<Url> {
        let base = self.issuer.strip_suffix('/').unwrap_or(&self.issuer);
        Url::parse(base).ok()?.has_host().then_some(())?;
        Url::parse(&format!("{base}/.well-known/openid-configuration")).ok()
    }

    /// Whether `typ` is one of the configured types (RFC 7515 §4.1.9: any case, `application/` may be left out).
    pub(super) fn takes_type(&self, typ: &str) -> bool {
        self.token_types.iter().any(|t| bare_type(t).eq_ignore_ascii_case(bare_type(typ)))
    }

    pub(super) fn leeway(&self) -> Duration {
        Duration::from_secs(self.leeway_seconds)
    }

    /// How long after its end a token is still taken.
    pub(super) fn overtime(&self) -> Duration {
        if self.profile == ClaimProfile::Own { OVERTIME } else { self.leeway() }
    }

    pub(super) fn max_lifetime(&self) -> Duration {
        Duration::from_secs(self.max_token_lifetime_seconds)
    }
}

fn bare_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.get(..PREFIX.len()) {
        Some(start) if start.eq_ignore_ascii_case(PREFIX) => typ.get(PREFIX.len()..).unwrap_or_default(),
        _ => typ,
    }
}

fn access_token_type() -> Vec<String> {
    vec!["at+jwt".to_owned()]
}

fn thirty() -> u64 {
    30
}

fn one_day() -> u64 {
    86_400
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn config(change: impl FnOnce(&mut Value)) -> Result<IssuerConfig, serde_json::Error> {
        let mut value = json!({
            "name": "cis2", "issuer": "https://id.example/realm", "profile": "cis2",
            "audience": "https://gateway.example/fhir", "algorithms": ["RS256", "ES384"],
        });
        change(&mut value);
        serde_json::from_value(value)
    }

    #[test]
    fn a_sound_configuration_has_no_faults_and_safe_defaults() {
        let config = config(|_| ()).unwrap();
        assert_eq!(config.faults(), Vec::<String>::new());
        assert_eq!((config.leeway_seconds, config.max_token_lifetime_seconds, config.allow_http), (30, 86_400, false));
        assert_eq!(
            config.discovery_url().map(String::from).as_deref(),
            Some("https://id.example/realm/.well-known/openid-configuration")
        );
        for (typ, taken) in [
            ("at+jwt", true),
            ("AT+JWT", true),
            ("application/at+jwt", true),
            ("Application/At+Jwt", true),
            ("JWT", false),
            ("", false),
            ("application/", false),
            ("at+jwt ", false),
            ("text/at+jwt", false),
        ] {
            assert_eq!(config.takes_type(typ), taken, "{typ}");
        }
    }

    #[test]
    fn every_unsafe_setting_is_a_fault() {
        for (member, value) in [
            ("name", json!("")),
            ("name", json!("CIS 2")),
            ("issuer", json!(format!("https://id.example/{}", "x".repeat(256)))),
            ("issuer", json!("not a url")),
            ("issuer", json!("http://id.example")),
            ("issuer", json!("urn:id:example")),
            ("audience", json!("")),
            ("algorithms", json!([])),
            ("token_types", json!([])),
            ("token_types", json!(["application/"])),
            ("leeway_seconds", json!(121)),
            ("max_token_lifetime_seconds", json!(0)),
            ("jwks_url", json!("http://id.example/jwks")),
            ("jwks_url", json!("https://u:p@id.example/jwks")),
            ("jwks_url", json!("file:///etc/keys")),
            ("clients", json!({ "app": "RZ901" })),
        ] {
            let config = config(|v| v[member] = value.clone()).unwrap();
            assert_eq!(config.faults().len(), 1, "{member} {value}: {:?}", config.faults());
        }
    }

    #[test]
    fn an_algorithm_outside_the_five_or_an_unknown_setting_does_not_load() {
        assert!(config(|v| v["algorithms"] = json!(["HS256"])).is_err());
        assert!(config(|v| v["algorithms"] = json!(["none"])).is_err());
        assert!(config(|v| v["skip_signature"] = json!(true)).is_err());
    }
}
