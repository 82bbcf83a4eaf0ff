use super::jwk::{self, Key};
use arc_swap::ArcSwap;
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// Public keys that need no fetching, until they are replaced.
pub(super) struct HeldKeys(ArcSwap<HashMap<String, Arc<Key>>>);

impl HeldKeys {
    /// `None` if the document is no JWK set, or holds no key that may be used.
    pub fn read(document: &Map<String, Value>) -> Option<Self> {
        read(document, &HashMap::new()).map(|keys| Self(ArcSwap::from_pointee(keys)))
    }

    /// Takes these instead, if any of them may be used. A key that stays keeps its `Arc`, and with it the tokens remembered
    /// for it.
    pub fn replace(&self, document: &Map<String, Value>) -> Option<()> {
        self.0.store(Arc::new(read(document, &self.0.load())?));
        Some(())
    }

    pub fn key(&self, kid: &str) -> Option<Arc<Key>> {
        self.0.load().get(kid).cloned()
    }
}

fn read(document: &Map<String, Value>, before: &HashMap<String, Arc<Key>>) -> Option<HashMap<String, Arc<Key>>> {
    let keys = jwk::read_set(document)?.into_iter().map(|(kid, key)| {
        let kept = before.get(&kid).filter(|old| old.same(&key)).cloned();
        (kid, kept.unwrap_or_else(|| Arc::new(key)))
    });
    let keys: HashMap<_, _> = keys.collect();
    (!keys.is_empty()).then_some(keys)
}
