//! Judges tokens, each once: a verified token is remembered with its requester until it expires or its issuer
//! withdraws the key that signed it. A refusal is never remembered, nor is an outage.

use super::key_store::{KeyError, KeyStore, KeyTimings};
use super::memory::{Memory, Remembered};
use super::token::Unverified;
use super::{IdentityError, IssuerConfig, Reason, Requester, TokenDigest, profile, registered};
use crate::domain::Timestamp;
use metrics::{Counter, SharedString};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// How many tokens of up to 1 KiB are remembered; a longer one counts as several.
const REMEMBERED: u64 = 20_000;

pub struct Verifier {
    issuers: HashMap<String, Arc<Issuer>>,
    memory: Memory,
}

#[derive(Debug, thiserror::Error)]
pub enum VerifierError {
    #[error("issuer {0:?}: {1}")]
    Config(String, String),
    #[error("issuer {0:?}: another issuer has the same name or the same URL")]
    Repeated(String),
    #[error("no HTTP client could be made to fetch issuers' keys")]
    Client,
}

pub(super) struct Issuer {
    config: IssuerConfig,
    name: Arc<str>,
    pub(super) keys: Arc<KeyStore>,
    /// Kept, because a look-up by labels costs more than the rest of remembering.
    recalled: OnceLock<Counter>,
}

enum Fault {
    Refused(Reason),
    Unavailable,
}

impl Verifier {
    /// # Errors
    /// The first fault of the configuration; nothing is fetched yet.
    pub fn new(issuers: Vec<IssuerConfig>) -> Result<Self, VerifierError> {
        Self::build(issuers, REMEMBERED, KeyTimings::default())
    }

    /// The same, remembering as many tokens as the configuration says.
    pub fn with_capacity(issuers: Vec<IssuerConfig>, remembered: u64) -> Result<Self, VerifierError> {
        Self::build(issuers, remembered, KeyTimings::default())
    }

    fn build(configs: Vec<IssuerConfig>, remembered: u64, timings: KeyTimings) -> Result<Self, VerifierError> {
        let mut issuers: HashMap<String, Arc<Issuer>> = HashMap::new();
        for config in configs {
            if let Some(fault) = config.faults().into_iter().next() {
                return Err(VerifierError::Config(config.name, fault));
            }
            if issuers.values().any(|i| i.config.name == config.name || i.config.issuer == config.issuer) {
                return Err(VerifierError::Repeated(config.name));
            }
            let name: Arc<str> = config.name.as_str().into();
            let keys = Arc::new(KeyStore::new(&config, Arc::clone(&name), timings)?);
            let url = config.issuer.clone();
            issuers.insert(url, Arc::new(Issuer { config, name, keys, recalled: OnceLock::new() }));
        }
        Ok(Self { issuers, memory: Memory::new(remembered) })
    }

    /// Who presents this token.
    ///
    /// # Errors
    /// `Refused` with the reason, or `Unavailable` if the issuer's keys are not to be had. Never `Missing`.
    pub async fn requester(&self, token: &str) -> Result<Arc<Requester>, IdentityError> {
        self.requester_at(token, Timestamp::now()).await
    }

    async fn requester_at(&self, token: &str, now: Timestamp) -> Result<Arc<Requester>, IdentityError> {
        if let Some(known) = self.memory.recall(token, now) {
            known.issuer.keys.keep_fresh();
            let counter = || counter(SharedString::from(Arc::clone(&known.issuer.name)), "remembered");
            known.issuer.recalled.get_or_init(counter).increment(1);
            return Ok(known.requester);
        }
        let mut name = SharedString::const_str("unknown");
        let outcome = self.judge(token, now, &mut name).await;
        let (label, outcome) = match outcome {
            Ok(remembered) => {
                let requester = Arc::clone(&remembered.requester);
                self.memory.remember(token, remembered);
                ("verified", Ok(requester))
            }
            Err(Fault::Refused(reason)) => {
                let token = Some(TokenDigest::of(token));
                (reason.code(), Err(IdentityError::Refused { reason, token }))
            }
            Err(Fault::Unavailable) => ("unavailable", Err(IdentityError::Unavailable)),
        };
        count(name, label);
        outcome
    }

    /// The whole judgement, in order; `name` becomes the issuer's once it is one we know.
    async fn judge(&self, token: &str, now: Timestamp, name: &mut SharedString) -> Result<Remembered, Fault> {
        let unverified = Unverified::read(token)?;
        let issuer = self.issuers.get(unverified.issuer()?).ok_or(Reason::Issuer)?;
        *name = Arc::clone(&issuer.name).into();
        unverified.fits(&issuer.config)?;
        let key = issuer.keys.key(unverified.key_id()).await?;
        let claims = unverified.verify(&key)?;
        let registered = registered::check(&claims, &issuer.config, now)?;
        let requester = Arc::new(profile::requester(&claims, registered, &issuer.config)?);
        Ok(Remembered { requester, issuer: Arc::clone(issuer), key: Arc::downgrade(&key) })
    }
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown => Self::Refused(Reason::Key),
            KeyError::Unavailable => Self::Unavailable,
        }
    }
}

/// One more token with this outcome. Both labels come from closed sets: configured names and [`Reason::code`].
pub(super) fn count(issuer: SharedString, outcome: &'static str) {
    counter(issuer, outcome).increment(1);
}

fn counter(issuer: SharedString, outcome: &'static str) -> Counter {
    metrics::counter!("caregate_tokens_total", "issuer" => issuer, "outcome" => outcome)
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod keys;
