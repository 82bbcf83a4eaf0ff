use super::CertificateConfig;
use arc_swap::ArcSwap;
use reqwest::{Client, Identity};
use secrecy::ExposeSecret;
use std::sync::{Arc, OnceLock};

/// Who the gateway is to a provider's TLS, and the client that shows it: its connections are that provider's alone.
pub struct ClientCertificate {
    config: CertificateConfig,
    current: ArcSwap<Loaded>,
}

struct Loaded {
    identity: Identity,
    client: OnceLock<Client>,
}

impl ClientCertificate {
    pub fn new(config: &CertificateConfig) -> Result<Self, String> {
        Ok(Self { config: config.clone(), current: ArcSwap::from_pointee(Loaded::read(config)?) })
    }

    /// Connections made with the one before serve until they are idle.
    pub fn reload(&self) -> Result<(), String> {
        self.current.store(Arc::new(Loaded::read(&self.config)?));
        Ok(())
    }

    pub fn client(&self, build: impl FnOnce(Identity) -> reqwest::Result<Client>) -> reqwest::Result<Client> {
        let loaded = self.current.load();
        if let Some(client) = loaded.client.get() {
            return Ok(client.clone());
        }
        let built = build(loaded.identity.clone())?;
        Ok(loaded.client.get_or_init(|| built).clone())
    }
}

impl Loaded {
    fn read(config: &CertificateConfig) -> Result<Self, String> {
        let certificate = config.certificate.read().map_err(|what| format!("certificate: {what}"))?;
        let key = config.key.read().map_err(|what| format!("key: {what}"))?;
        let pem = format!("{}\n{}\n", certificate.expose_secret(), key.expose_secret());
        let identity =
            Identity::from_pem(pem.as_bytes()).map_err(|_| "no certificate and private key in PEM".to_owned())?;
        // whether one is the other's is only seen when they are put to use
        let usable = Client::builder().no_proxy().identity(identity.clone()).build();
        usable.map_err(|_| "the key is not the certificate's".to_owned())?;
        Ok(Self { identity, client: OnceLock::new() })
    }
}
