use super::{GlobalFacts, Policy, PolicyFault};
use crate::domain::{StoreError, Timestamp};
use async_trait::async_trait;
use moka::future::Cache;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// A policy's files: name and text.
pub type PolicyTexts = BTreeMap<String, String>;

/// Which policy decides is a fact, for every node at once: it changes under the global epoch, so what was decided under the
/// one before is never released. Its texts are kept for good, so that what was decided can be explained.
#[async_trait]
pub trait PolicyStore: Send + Sync {
    /// The texts of this policy; `None` if it never was in force.
    async fn texts(&self, fingerprint: &str) -> Result<Option<PolicyTexts>, StoreError>;
    /// Puts this policy in force, and raises the global epoch by that; `false` if it is in force already.
    async fn put_in_force(&self, policy: &Policy) -> Result<bool, StoreError>;
    /// Which was put in force when, the oldest first: the last is in force.
    async fn history(&self) -> Result<Vec<InForce>, StoreError>;
}

/// From this global epoch, and this moment, on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    pub fingerprint: Arc<str>,
    pub from_epoch: i64,
    pub at: Timestamp,
}

/// The policies this node has met, each compiled once.
pub struct Policies {
    store: Arc<dyn PolicyStore>,
    /// What the operator reviews and applies; the policy built in where none is configured.
    directory: Option<PathBuf>,
    compiled: Cache<Arc<str>, Arc<Policy>>,
}

/// The policy that should decide cannot: nothing is decided then, and by no other.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PolicyUnavailable {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("its texts are not in the database")]
    Unknown,
    /// Such as those of a version of this program that tells the rules other things.
    #[error("{}", listed(.0))]
    Faults(Vec<PolicyFault>),
}

/// The policy in force, and whether it is another than before.
#[derive(Debug)]
pub struct Applied {
    pub policy: Arc<Policy>,
    pub changed: bool,
}

impl Policies {
    /// Past ones are compiled for an explanation now and then.
    const COMPILED: u64 = 16;

    pub fn new(store: Arc<dyn PolicyStore>, directory: Option<PathBuf>) -> Self {
        Self { store, directory, compiled: Cache::new(Self::COMPILED) }
    }

    /// Reads the directory and puts what it says in force, on every node. Texts that have a fault change nothing.
    pub async fn apply(&self) -> Result<Applied, PolicyUnavailable> {
        let policy = Arc::new(Policy::load(self.directory.as_deref()).map_err(PolicyUnavailable::Faults)?);
        let changed = self.store.put_in_force(&policy).await?;
        self.compiled.insert(Arc::clone(policy.fingerprint()), Arc::clone(&policy)).await;
        Ok(Applied { policy, changed })
    }

    /// The policy in force, by these facts.
    ///
    /// # Errors
    /// `Unknown` where none was ever stored or its texts are not, `Faults` where this program cannot apply it, `Store` where the
    /// database failed. Nothing is decided by another instead.
    pub async fn of(&self, global: &GlobalFacts) -> Result<Arc<Policy>, PolicyUnavailable> {
        self.named(global.policy.as_ref().ok_or(PolicyUnavailable::Unknown)?).await
    }

    /// One that is in force, or was.
    pub async fn named(&self, fingerprint: &Arc<str>) -> Result<Arc<Policy>, PolicyUnavailable> {
        let compile = async {
            let texts = self.store.texts(fingerprint).await?.ok_or(PolicyUnavailable::Unknown)?;
            let policy = Policy::stored(&texts).map_err(PolicyUnavailable::Faults)?;
            if policy.fingerprint() == fingerprint { Ok(Arc::new(policy)) } else { Err(StoreError::Corrupt.into()) }
        };
        let compile = async {
            let compiled: Result<_, PolicyUnavailable> = compile.await;
            compiled.inspect_err(|error| tracing::error!(error = %error, "the policy in force cannot be applied"))
        };
        let compiled = self.compiled.try_get_with_by_ref(fingerprint, compile).await;
        compiled.map_err(|unavailable: Arc<PolicyUnavailable>| (*unavailable).clone())
    }
}

fn listed(faults: &[PolicyFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
