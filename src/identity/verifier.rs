//! Judges tokens, each once: a verified token is remembered with its requester until it expires or its issuer
//! withdraws the key that signed it. A refusal is never remembered, nor is an outage.

use super::fetch::Fetcher;
use super::held_keys::HeldKeys;
use super::key_source::KeySource;
use super::key_store::{KeyError, KeyStore, KeyTimings};
use super::memory::{Memory, Remembered};
use super::token::{Sort, Unverified};
use super::{IdentityError, IssuerConfig, Reason, Requester, Thumbprint, TokenDigest, profile, registered};
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
    pub(super) config: IssuerConfig,
    name: Arc<str>,
    pub(super) keys: KeySource,
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
        let mut verifier = Self { issuers: HashMap::new(), memory: Memory::new(remembered) };
        for config in configs {
            let fetcher = Fetcher::of_issuer(&config, timings.timeout);
            let name: Arc<str> = config.name.as_str().into();
            verifier.trust(config, || {
                let fetcher = fetcher.ok_or(VerifierError::Client)?;
                Ok(KeySource::Fetched(Arc::new(KeyStore::new(fetcher, name, timings))))
            })?;
        }
        Ok(verifier)
    }

    /// The same, trusting one more issuer, whose keys are held here: ourselves.
    pub(super) fn trusting(mut self, config: IssuerConfig, keys: Arc<HeldKeys>) -> Result<Self, VerifierError> {
        self.trust(config, || Ok(KeySource::Held(keys)))?;
        Ok(self)
    }

    fn trust(
        &mut self,
        config: IssuerConfig,
        keys: impl FnOnce() -> Result<KeySource, VerifierError>,
    ) -> Result<(), VerifierError> {
        if let Some(fault) = config.faults().into_iter().next() {
            return Err(VerifierError::Config(config.name, fault));
        }
        if self.issuers.values().any(|i| i.config.name == config.name || i.config.issuer == config.issuer) {
            return Err(VerifierError::Repeated(config.name));
        }
        let (url, name, keys) = (config.issuer.clone(), config.name.as_str().into(), keys()?);
        self.issuers.insert(url, Arc::new(Issuer { config, name, keys, recalled: OnceLock::new() }));
        Ok(())
    }

    /// The issuer that calls itself so, if it is one we trust.
    pub(super) fn issuer(&self, url: &str) -> Option<&Arc<Issuer>> {
        self.issuers.get(url)
    }

    /// Who presents this token, over a connection that this client certificate was shown on.
    ///
    /// # Errors
    /// `Refused` with the reason, or `Unavailable` if the issuer's keys are not to be had. Never `Missing`.
    pub async fn requester(&self, token: &str, shown: Option<Thumbprint>) -> Result<Arc<Requester>, IdentityError> {
        self.requester_at(token, shown, Timestamp::now()).await
    }

    async fn requester_at(
        &self,
        token: &str,
        shown: Option<Thumbprint>,
        now: Timestamp,
    ) -> Result<Arc<Requester>, IdentityError> {
        // a remembered token that is bound to another certificate is judged again, and refused
        if let Some(known) = self.memory.recall(token, now).filter(|known| known.may_be_used_with(shown)) {
            known.issuer.keys.keep_fresh();
            let counter = || counter(SharedString::from(Arc::clone(&known.issuer.name)), "remembered");
            known.issuer.recalled.get_or_init(counter).increment(1);
            return Ok(known.requester);
        }
        let mut name = SharedString::const_str("unknown");
        let outcome = self.judge(token, shown, now, &mut name).await;
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
    async fn judge(
        &self,
        token: &str,
        shown: Option<Thumbprint>,
        now: Timestamp,
        name: &mut SharedString,
    ) -> Result<Remembered, Fault> {
        let unverified = Unverified::read(token, Sort::Access)?;
        let issuer = self.issuers.get(unverified.issuer()?).ok_or(Reason::Issuer)?;
        *name = Arc::clone(&issuer.name).into();
        unverified.fits(&issuer.config)?;
        let key = issuer.keys.key(unverified.key_id()).await?;
        let claims = unverified.verify(&key)?;
        let registered = registered::check(&claims, &issuer.config, now)?;
        let bound = registered.bound;
        let requester = Arc::new(profile::requester(&claims, registered, &issuer.config)?);
        let judged = Remembered { requester, issuer: Arc::clone(issuer), key: Arc::downgrade(&key), bound };
        if judged.may_be_used_with(shown) { Ok(judged) } else { Err(Reason::Bound.into()) }
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
