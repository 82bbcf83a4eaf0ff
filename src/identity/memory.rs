//! Verified tokens and whom they stand for, by the exact token. An entry is used only while it is in date and its
//! issuer still publishes the key: the entry holds that key weakly, so a key withdrawn takes its tokens along.

use super::jwk::Key;
use super::verifier::Issuer;
use super::{Requester, Thumbprint};
use crate::domain::Timestamp;
use moka::{Expiry, sync::Cache};
use std::{
    hash::{BuildHasher, DefaultHasher, Hasher, RandomState},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

/// A token's end is its signature, as good as random: hashing this much of it is enough.
const TAIL: usize = 64;

pub(super) struct Memory(Cache<Arc<str>, Remembered, ByTail>);

#[derive(Clone)]
pub(super) struct Remembered {
    pub requester: Arc<Requester>,
    pub issuer: Arc<Issuer>,
    pub key: Weak<Key>,
    /// The certificate it is bound to: looked at whenever it is used.
    pub bound: Option<Thumbprint>,
}

impl Memory {
    /// `capacity` counts KiB of tokens begun, so that long tokens cannot fill the memory for all.
    pub fn new(capacity: u64) -> Self {
        let weight = |token: &Arc<str>, _: &Remembered| u32::try_from(token.len().div_ceil(1024)).unwrap_or(u32::MAX);
        let cache = Cache::builder().max_capacity(capacity).weigher(weight).expire_after(AtItsEnd);
        Self(cache.build_with_hasher(ByTail::default()))
    }

    pub fn recall(&self, token: &str, now: Timestamp) -> Option<Remembered> {
        // moka's own expiry frees memory; the clock decides
        self.0.get(token).filter(|known| known.requester.expires > now && known.key.strong_count() > 0)
    }

    pub fn remember(&self, token: &str, known: Remembered) {
        self.0.insert(token.into(), known);
    }
}

impl Remembered {
    pub fn may_be_used_with(&self, shown: Option<Thumbprint>) -> bool {
        self.bound.is_none() || self.bound == shown
    }
}

struct AtItsEnd;

impl Expiry<Arc<str>, Remembered> for AtItsEnd {
    fn expire_after_create(&self, _: &Arc<str>, known: &Remembered, _: Instant) -> Option<Duration> {
        let left = known.requester.expires.0.saturating_sub(Timestamp::now().0);
        Some(Duration::from_micros(u64::try_from(left).unwrap_or(0)))
    }
}

/// Keyed SipHash over the end of a text: what is compared stays the whole text.
#[derive(Clone, Default)]
struct ByTail(RandomState);

struct TailHasher(DefaultHasher);

impl BuildHasher for ByTail {
    type Hasher = TailHasher;
    fn build_hasher(&self) -> TailHasher {
        TailHasher(self.0.build_hasher())
    }
}

impl Hasher for TailHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes.last_chunk::<TAIL>().map_or(bytes, |tail| tail));
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}
