use super::{AlertsConfig, Readers};
use crate::access::desk::Notice;
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use reqwest::{Client, header, redirect};
use secrecy::ExposeSecret;
use std::time::Duration;
use url::Url;

/// Where notices are delivered: one POST each, without redirects.
pub struct Webhook {
    url: Url,
    key: Option<hmac::Key>,
    client: Client,
}

const DEADLINE: Duration = Duration::from_secs(10);

impl Webhook {
    /// `None` where none is configured for these readers.
    pub fn new(config: &AlertsConfig, readers: Readers) -> Result<Option<Self>, String> {
        let url = match readers {
            Readers::Officers => &config.webhook,
            Readers::Patients => &config.patients_webhook,
        };
        let Some(url) = url.clone() else { return Ok(None) };
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(DEADLINE)
            .user_agent(concat!("caregate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        let secret = config.secret.as_ref().map(|secret| secret.read()).transpose()?;
        let key = secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()));
        Ok(Some(Self { url, key, client }))
    }

    /// Delivered once the answer is 2xx; else a word for the log.
    pub(super) async fn send(&self, notice: &Notice) -> Result<(), &'static str> {
        let mut request = self.client.post(self.url.clone()).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            let signature = HEXLOWER.encode(hmac::sign(key, notice.body.as_bytes()).as_ref());
            request = request.header("x-caregate-signature", format!("sha256={signature}"));
        }
        match request.body(notice.body.clone()).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(_) => Err("status"),
            Err(error) if error.is_timeout() => Err("timeout"),
            Err(_) => Err("unreachable"),
        }
    }
}
