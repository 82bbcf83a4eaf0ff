//! One issuer's keys, or one client's, as last fetched.
//!
//! Fetched when first needed, and again in the background once they are ten minutes old. An unknown `kid` fetches too
//! (a key may have been rotated), but no more often than the cooldown and one at a time, so that a storm of unknown
//! kids makes one fetch. While the issuer is down its last keys serve, up to an hour; then nobody's token can be
//! judged, which is [`KeyError::Unavailable`] and not the caller's fault. An issuer's word is taken whole: a key it no
//! longer publishes is gone, and its tokens with it.

use super::fetch::{FetchError, Fetcher};
use super::jwk::{self, Key};
use arc_swap::ArcSwapOption;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

#[derive(Clone, Copy, Debug)]
pub(super) struct KeyTimings {
    /// How old keys may be before they are fetched again in the background.
    pub refresh: Duration,
    /// After a fetch that succeeded: how long an unknown `kid` makes no other.
    pub cooldown: Duration,
    /// After a fetch that failed: how long until the next is tried.
    pub retry: Duration,
    /// How old keys may be at all.
    pub max_stale: Duration,
    /// For one fetch, discovery included.
    pub timeout: Duration,
}

impl Default for KeyTimings {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(600),
            cooldown: Duration::from_secs(30),
            retry: Duration::from_secs(5),
            max_stale: Duration::from_secs(3600),
            timeout: Duration::from_secs(3),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    /// The issuer was asked and publishes no such key.
    Unknown,
    /// The issuer could not be asked.
    Unavailable,
}

pub(super) struct KeyStore {
    name: Arc<str>,
    fetcher: Fetcher,
    timings: KeyTimings,
    current: ArcSwapOption<KeySet>,
    /// Held while fetching: the next in line finds the outcome instead of fetching again.
    last: Mutex<Option<Attempt>>,
    born: Instant,
    /// When the background refresh is next due, in milliseconds since `born`.
    due: AtomicU64,
}

struct KeySet {
    keys: HashMap<String, Arc<Key>>,
    fetched: Instant,
}

struct Attempt {
    ended: Instant,
    reached: bool,
}

impl KeyStore {
    pub fn new(fetcher: Fetcher, name: Arc<str>, timings: KeyTimings) -> Self {
        Self {
            name,
            fetcher,
            timings,
            current: ArcSwapOption::empty(),
            last: Mutex::new(None),
            born: Instant::now(),
            due: AtomicU64::new(0),
        }
    }

    pub async fn key(self: &Arc<Self>, kid: &str) -> Result<Arc<Key>, KeyError> {
        if let Some(key) = self.usable(kid) {
            self.keep_fresh();
            return Ok(key);
        }
        // a task of its own: a caller that hangs up leaves the fetch to those who wait for it
        let store = Arc::clone(self);
        let reached = tokio::spawn(async move { store.refresh().await }).await.unwrap_or(false);
        match self.usable(kid) {
            Some(key) => Ok(key),
            None if reached => Err(KeyError::Unknown),
            None => Err(KeyError::Unavailable),
        }
    }

    /// Starts a fetch in the background if one is due; costs a clock reading if not.
    pub fn keep_fresh(self: &Arc<Self>) {
        let (now, due) = (self.clock(), self.due.load(Ordering::Relaxed));
        let next = now.saturating_add(millis(self.timings.retry));
        if now < due || self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let store = Arc::clone(self);
        drop(tokio::spawn(async move { store.refresh().await }));
    }

    fn usable(&self, kid: &str) -> Option<Arc<Key>> {
        let set = self.current.load();
        let set = set.as_ref().filter(|set| set.fetched.elapsed() <= self.timings.max_stale)?;
        set.keys.get(kid).cloned()
    }

    /// Fetches, unless that was tried only just now; those who waited for the lock find that it was. Answers whether
    /// the issuer could be reached.
    async fn refresh(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some(attempt) = last.as_ref() {
            let pause = if attempt.reached { self.timings.cooldown } else { self.timings.retry };
            if attempt.ended.elapsed() < pause {
                return attempt.reached;
            }
        }
        let outcome = self.fetch().await;
        let reached = outcome.is_ok();
        let label = if reached { "fetched" } else { "failed" };
        metrics::counter!("caregate_issuer_key_fetches_total", "issuer" => Arc::clone(&self.name), "outcome" => label)
            .increment(1);
        match outcome {
            Ok(set) => {
                tracing::debug!(issuer.name = %self.name, issuer.keys = set.keys.len(), "issuer keys fetched");
                self.current.store(Some(Arc::new(set)));
                let due = self.clock().saturating_add(millis(self.timings.refresh));
                self.due.store(due, Ordering::Relaxed);
            }
            Err(error) => {
                tracing::warn!(issuer.name = %self.name, fault = %error, "issuer keys could not be fetched");
            }
        }
        *last = Some(Attempt { ended: Instant::now(), reached });
        reached
    }

    async fn fetch(&self) -> Result<KeySet, FetchError> {
        let document = self.fetcher.key_set().await?;
        let fetched = Instant::now();
        let before = self.current.load_full();
        // a key that stays keeps its Arc, and with it the tokens remembered for it
        let kept = |kid: &str, key: &Key| before.as_ref()?.keys.get(kid).filter(|old| old.same(key)).cloned();
        let keys = jwk::read_set(&document).ok_or(FetchError::NotKeys)?;
        let keys = keys.into_iter().map(|(kid, key)| {
            let key = kept(&kid, &key).unwrap_or_else(|| Arc::new(key));
            (kid, key)
        });
        Ok(KeySet { keys: keys.collect(), fetched })
    }

    fn clock(&self) -> u64 {
        millis(self.born.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
