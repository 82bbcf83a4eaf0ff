//! A pretend care region on loopback: one identity provider and one FHIR server for each organisation.
//!
//! It stands *outside* the gateway. It shares no code with it but `crate::domain`, so that an agreement between the two
//! is an agreement about HTTP, FHIR and JWT and not about our own types. Every server is a real one on a port of its
//! own, with data that holds no real person. The providers can be told to misbehave: see `sandbox/provider.rs`.

pub mod data;

mod builtin;
mod identity;
mod patient_index;
mod pem;
mod provider;
mod server;

use crate::domain::OdsCode;
use data::{Dataset, FolderError};
use futures::future;
use server::{Ports, Running};
use std::{path::PathBuf, str::FromStr};

pub use identity::{AUDIENCE, OPERATORS};
pub use pem::pem;

/// What to start.
#[derive(Debug, Default)]
pub struct Options {
    /// A region folder (`region.json` and `{slug}/{Type}.ndjson`); the built-in region if left out.
    pub data: Option<PathBuf>,
    /// Where callers find it; on loopback, on any free ports, if left out.
    pub host: Option<Host>,
}

/// A name and a port: all addresses are listened on, from this port upwards; 0 for any free ones.
#[derive(Clone, Debug)]
pub struct Host {
    pub name: String,
    pub port: u16,
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, port) = text.rsplit_once(':').ok_or("NAME:PORT")?;
        let port = port.parse().map_err(|_| "the port is a number")?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err("the name is of letters, digits, '-' and '.'");
        }
        Ok(Self { name: name.to_owned(), port })
    }
}

/// A region that answers. Dropping it leaves its servers to the runtime; [`Region::stop`] ends them.
pub struct Region {
    /// Base URL of the identity provider: `/personas`, `/authorize`, `/token`, `/userinfo`, `/jwks`, `/rotate`.
    pub identity: String,
    pub issuers: Vec<Issuer>,
    pub providers: Vec<Provider>,
    /// The patient index, where the region has one: a server like any provider's.
    pub index: Option<Provider>,
    /// Every name that `/token` knows here; it accepts any valid `patient:` number too.
    pub personas: Vec<String>,
    servers: Vec<Running>,
}

/// One issuer of access tokens. All of them live on the identity provider and share its signing keys.
pub struct Issuer {
    pub name: &'static str,
    /// The `iss` of its tokens.
    pub url: String,
    /// How its claims are to be read: `cis2`, `nhs-login` or `backend`.
    pub profile: &'static str,
    pub algorithms: Vec<&'static str>,
    pub audience: String,
    /// Where it says more of whoever signed in with an ID token.
    pub userinfo: Option<String>,
    /// How people sign in with it to the gateway's pages.
    pub sign_in: Option<SignIn>,
}

/// The gateway's pages, as they are registered with an issuer.
pub struct SignIn {
    pub authorize: String,
    pub token: String,
    pub client: &'static str,
    pub proof: Proof,
}

/// By what the issuer knows them.
pub enum Proof {
    Secret(String),
    /// The gateway's private key, in PEM.
    Key(String),
}

/// One provider's FHIR server.
pub struct Provider {
    pub slug: String,
    pub ods: OdsCode,
    pub name: String,
    pub kind: String,
    /// The FHIR base, such as `http://127.0.0.1:40123/fhir`. Its faults are set at `/control` beside it.
    pub url: String,
    /// What lets the gateway in.
    pub credential: Credential,
    /// How it likes to be asked for a patient's data, `chained` or `resolve-first`; it answers both.
    pub idiom: &'static str,
}

/// What the gateway shows a provider.
pub enum Credential {
    Bearer(String),
    ApiKey {
        header: &'static str,
        key: String,
    },
    /// SMART Backend Services; its token endpoint is found by discovery.
    Smart {
        client_id: &'static str,
        scope: &'static str,
        /// The gateway's private key, in PEM.
        key: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error(transparent)]
    Data(#[from] FolderError),
    #[error("a sandbox server could not listen on loopback")]
    Listen(#[from] std::io::Error),
    #[error("no signing key could be made")]
    Keys,
}

/// Starts every server of the region; all of them listen when this returns.
pub async fn start(options: Options) -> Result<Region, SandboxError> {
    let dataset = match options.data {
        Some(folder) => Dataset::load(&folder)?,
        None => Dataset::builtin(),
    };
    let mut ports = Ports::of(options.host);
    let identity = identity::start(&dataset, ports.next()?).await?;
    let mut region = Region {
        identity: identity.url,
        issuers: identity.issuers,
        personas: identity.personas,
        providers: Vec::new(),
        index: None,
        servers: vec![identity.server],
    };
    for (index, data) in dataset.providers.into_iter().enumerate() {
        let idiom = if index % 2 == 0 { "resolve-first" } else { "chained" };
        // each way of signing in is met in a region of nine
        let door = match index {
            3 => provider::Kind::Smart,
            8 => provider::Kind::ApiKey,
            _ => provider::Kind::Bearer,
        };
        let (provider, server) = provider::start(data, idiom, door, ports.next()?)?;
        region.providers.push(provider);
        region.servers.push(server);
    }
    if !dataset.index.is_empty() {
        let (index, server) = patient_index::start(&dataset.index, ports.next()?)?;
        region.index = Some(index);
        region.servers.push(server);
    }
    Ok(region)
}

impl Region {
    /// Ends every server; requests under way have a second to finish.
    pub async fn stop(self) {
        future::join_all(self.servers.into_iter().map(Running::stop)).await;
    }
}

#[cfg(test)]
mod tests;
