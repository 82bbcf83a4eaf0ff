use super::jwk::{self, Key};
use arc_swap::ArcSwap;
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// Public keys that need no fetching, until they are replaced.
#[derive(Default)]
pub(super) struct HeldKeys(ArcSwap<HashMap<String, Arc<Key>>>);

impl HeldKeys {
    /// `None` if the document is no JWK set, or none of its keys may be used. One without any is a set: nobody's key is good.
    pub fn read(document: &Map<String, Value>) -> Option<Self> {
        read(document, &HashMap::new()).map(|keys| Self(ArcSwap::from_pointee(keys)))
    }

    /// Takes these instead, if any of them may be used or there are none. A key that stays keeps its `Arc`, and with it the
    /// tokens remembered for it.
    pub fn replace(&self, document: &Map<String, Value>) -> Option<()> {
        self.0.store(Arc::new(read(document, &self.0.load())?));
        Some(())
    }

    /// Takes these instead, if the one of this name is among them and may be used.
    pub fn replace_having(&self, kid: &str, document: &Map<String, Value>) -> Option<()> {
        let keys = read(document, &self.0.load())?;
        keys.contains_key(kid).then(|| self.0.store(Arc::new(keys)))
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
    let emptied = document.get("keys").and_then(Value::as_array).is_some_and(Vec::is_empty);
    (emptied || !keys.is_empty()).then_some(keys)
}
