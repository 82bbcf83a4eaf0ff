use crate::domain::SecretRef;
use serde::Deserialize;
use url::Url;

/// `[alerts]`: where notices go. Left out: they wait.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsConfig {
    /// Gets each notice for officers as a JSON POST, and answers 2xx once it has taken it.
    pub webhook: Option<Url>,
    /// The same for what patients are to be told: it knows how to reach them by their NHS number.
    pub patients_webhook: Option<Url>,
    /// Signs each body: `X-Caregate-Signature: sha256=` and its HMAC-SHA-256 in hexadecimal.
    pub secret: Option<SecretRef>,
    /// For a relay on the same machine.
    pub allow_http: bool,
}

impl AlertsConfig {
    /// What is wrong with it: the setting's name, and what.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        for (name, url) in [("webhook", &self.webhook), ("patients_webhook", &self.patients_webhook)] {
            let good = |url: &Url| url.scheme() == "https" || (self.allow_http && url.scheme() == "http");
            if url.as_ref().is_some_and(|url| !good(url) || !url.has_host()) {
                faults.push((name, "an https address (http only with allow_http)".to_owned()));
            }
        }
        if let Some(Err(what)) = self.secret.as_ref().map(SecretRef::read) {
            faults.push(("secret", what));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_https_unless_http_is_allowed_and_its_secret_must_be_there() {
        let faults = |webhook: &str, allow_http| {
            let webhook = Some(webhook.parse().unwrap());
            let config = AlertsConfig { webhook, allow_http, ..AlertsConfig::default() };
            config.faults().iter().map(|(name, _)| *name).collect::<Vec<_>>()
        };
        assert_eq!(faults("https://relay.example/notices", false), [""; 0]);
        assert_eq!(faults("http://127.0.0.1:9/notices", true), [""; 0]);
        assert_eq!(faults("http://relay.example/notices", false), ["webhook"]);
        assert_eq!(faults("mailto:officer@trust.example", true), ["webhook"]);
        let secret = Some(SecretRef::Env("CAREGATE_NO_SUCH_VARIABLE".into()));
        let config = AlertsConfig { secret, ..AlertsConfig::default() };
        assert_eq!(config.faults().len(), 1);
    }
}
