//! Signing and checking notes: <https://c2sp.org/signed-note>, with Ed25519 keys (algorithm 0x01).

use super::{LogId, merkle::Hash};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};
use std::fmt;

const ED25519_NOTE: u8 = 1;

/// Signs the checkpoints of this region's logs. One key for all of them, under one name a log: the log's origin.
pub struct Signer {
    base: String,
    pair: Ed25519KeyPair,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("a checkpoint origin is one or more visible ASCII characters without '+' and without '/' at its end")]
    Origin,
    #[error("the checkpoint key's seed is 32 bytes")]
    Seed,
    #[error("a verifier key reads name+hash+key, with the hash of that name and key")]
    Verifier,
}

impl Signer {
    /// `base` is the origin up to the log's id, such as `caregate.example/audit`.
    pub fn new(base: &str, seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        let good = !base.is_empty() && base.bytes().all(|b| b.is_ascii_graphic() && b != b'+') && !base.ends_with('/');
        if !good {
            return Err(InvalidKey::Origin);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| InvalidKey::Seed)?;
        Ok(Self { base: base.to_owned(), pair })
    }

    pub fn origin(&self, log: &LogId) -> String {
        format!("{}/{log}", self.base)
    }

    /// The line that lets anyone check this log's checkpoints.
    pub fn verifier_key(&self, log: &LogId) -> VerifierKey {
        VerifierKey::new(self.origin(log), self.pair.public_key().as_ref())
    }

    /// The whole note: `text` (which ends with a newline), an empty line, and the signature line.
    pub(super) fn sign(&self, log: &LogId, text: &str) -> String {
        let VerifierKey { name, id, .. } = self.verifier_key(log);
        let mut signature = id.to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {name} {}\n", BASE64.encode(&signature))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("base", &self.base).finish_non_exhaustive()
    }
}

/// A public key under the name it signs by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    public: Vec<u8>,
}

impl VerifierKey {
    fn new(name: String, public: &[u8]) -> Self {
        let Hash([a, b, c, d, ..]) = Hash::of(&[name.as_bytes(), b"\n", &[ED25519_NOTE], public]);
        Self { name, id: [a, b, c, d], public: public.to_vec() }
    }

    /// Reads `name+hash+base64`; a hash that is not of this name and key is refused.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidKey::Verifier);
        };
        let key = BASE64.decode(key.as_bytes()).map_err(|_| InvalidKey::Verifier)?;
        let Some((&ED25519_NOTE, public)) = key.split_first() else { return Err(InvalidKey::Verifier) };
        let read = Self::new(name.to_owned(), public);
        let good = public.len() == 32 && HEXLOWER.encode(&read.id) == id;
        good.then_some(read).ok_or(InvalidKey::Verifier)
    }

    /// One key a line; empty lines and lines that begin with `#` are passed over.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, InvalidKey> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Self::parse).collect()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn verifies(&self, text: &str, signature: &Signature) -> bool {
        signature.name == self.name
            && signature.id == self.id
            && UnparsedPublicKey::new(&ED25519, &self.public).verify(text.as_bytes(), &signature.bytes).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_NOTE];
        key.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

/// One signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl Signature {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let decoded = BASE64.decode(encoded.as_bytes()).ok()?;
        let (id, bytes) = decoded.split_first_chunk::<4>()?;
        Some(Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }
}
