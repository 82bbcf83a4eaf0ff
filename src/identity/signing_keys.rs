use super::SigningKey;
use crate::domain::SecretRef;
use arc_swap::ArcSwap;
use secrecy::ExposeSecret;
use serde_json::Value;
use std::sync::Arc;

/// Where a signing key is, and what is published beside it.
#[derive(Clone, Debug)]
pub struct KeyRefs {
    pub key: SecretRef,
    /// Published beside it: the next one before it signs, the last one after.
    pub also: Option<SecretRef>,
}

/// A key that signs, and one that only is published; both can be read again while the gateway runs.
pub(super) struct SigningKeys {
    key_refs: KeyRefs,
    pair: ArcSwap<Pair>,
}

struct Pair {
    signs: SigningKey,
    also: Option<SigningKey>,
}

impl SigningKeys {
    pub fn new(key_refs: KeyRefs) -> Result<Self, String> {
        let pair = ArcSwap::from_pointee(Pair::read(&key_refs)?);
        Ok(Self { key_refs, pair })
    }

    /// Reads the keys again; if one cannot be used, those before stay.
    pub fn reload(&self) -> Result<(), String> {
        self.reload_if(|_, _| Some(()))
    }

    /// The same, if `takes` does too: told which key signs, and the public halves as JWKs. Otherwise those before stay.
    pub fn reload_if(&self, takes: impl FnOnce(&str, Vec<Value>) -> Option<()>) -> Result<(), String> {
        let pair = Pair::read(&self.key_refs)?;
        takes(pair.signs.key_id(), pair.public()).ok_or("the key cannot be used to verify")?;
        self.pair.store(Arc::new(pair));
        Ok(())
    }

    /// The public halves, as JWKs.
    pub fn public(&self) -> Vec<Value> {
        self.pair.load().public()
    }

    /// A JWT of these claims; `None` if the machine has no randomness to sign with.
    pub fn sign(&self, typ: &str, claims: &Value) -> Option<String> {
        self.pair.load().signs.sign(typ, claims)
    }
}

impl Pair {
    fn public(&self) -> Vec<Value> {
        // one key said twice would be usable by nobody
        let also = self.also.as_ref().filter(|also| **also != self.signs);
        [Some(&self.signs), also].into_iter().flatten().map(SigningKey::public_jwk).collect()
    }

    fn read(key_refs: &KeyRefs) -> Result<Self, String> {
        let read = |place: &SecretRef| SigningKey::read(place.read()?.expose_secret(), None, None);
        let also = key_refs.also.as_ref().map(read).transpose();
        Ok(Self { signs: read(&key_refs.key)?, also: also.map_err(|what| format!("the one beside it: {what}"))? })
    }
}
