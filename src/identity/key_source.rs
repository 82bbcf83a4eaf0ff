use super::held_keys::HeldKeys;
use super::jwk::Key;
use super::key_store::{KeyError, KeyStore};
use std::sync::Arc;

/// Where somebody's keys are.
pub(super) enum KeySource {
    /// At an address of theirs.
    Fetched(Arc<KeyStore>),
    /// Here: our own, or a client's that were given to us.
    Held(Arc<HeldKeys>),
}

impl KeySource {
    pub async fn key(&self, kid: &str) -> Result<Arc<Key>, KeyError> {
        match self {
            Self::Fetched(store) => store.key(kid).await,
            Self::Held(keys) => keys.key(kid).ok_or(KeyError::Unknown),
        }
    }

    /// Starts a fetch in the background if one is due.
    pub fn keep_fresh(&self) {
        if let Self::Fetched(store) = self {
            store.keep_fresh();
        }
    }
}
