//! Tells privacy officers that there is something on their desk, and patients what was done in their name: takes the notices that
//! are due, and delivers each to the webhook of whom it is for.
//!
//! Promises: what raised a notice never waits for its delivery, which is tried until it succeeds (at least once: whoever receives
//! it tells repeats by its `id`); an officer's notice names no patient, a patient's none but the one it is to reach; of several nodes
//! one at a time tries a notice.

mod config;
mod webhook;

pub use config::AlertsConfig;
pub use webhook::Webhook;

use crate::{
    access::desk::Notice,
    domain::{StoreError, Timestamp},
};
use async_trait::async_trait;
use futures::future::join_all;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

/// What the sender asks of the database.
#[async_trait]
pub trait NoticeStore: Send + Sync {
    /// Up to `limit` notices due at `now`, of which no other node hears before `until`.
    async fn claim_due(
        &self,
        readers: Readers,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueNotice>, StoreError>;
    async fn sent(&self, id: &str, at: Timestamp) -> Result<(), StoreError>;
    async fn later(&self, id: &str, at: Timestamp) -> Result<(), StoreError>;
}

/// Whom notices are for: each has a webhook of its own, so that an officer's never hears of a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    Officers,
    Patients,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueNotice {
    pub notice: Notice,
    /// This one included.
    pub attempts: i64,
}

/// How soon after it was stored a notice is sent, at most.
const POLL: Duration = Duration::from_secs(1);
const A_TIME: u32 = 16;
/// Longer than a delivery may take: the notices of a node that dies are another's after it.
const CLAIM: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Sends what is due for as long as `node` lives.
pub async fn keep_sending<T: Send + Sync>(
    node: Weak<T>,
    notices: Arc<dyn NoticeStore>,
    readers: Readers,
    webhook: Webhook,
) {
    let mut ticks = tokio::time::interval(POLL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if node.strong_count() == 0 {
            return;
        }
        // a database that cannot be reached has been logged, and is asked again
        if let Ok(due) = notices.claim_due(readers, Timestamp::now(), Timestamp::now().plus(CLAIM), A_TIME).await {
            join_all(due.iter().map(|due| deliver(&*notices, &webhook, due))).await;
        }
    }
}

async fn deliver(notices: &dyn NoticeStore, webhook: &Webhook, DueNotice { notice, attempts }: &DueNotice) {
    let outcome = match webhook.send(notice).await {
        Ok(()) => {
            // not stored: it will be sent again after its claim has run out
            let _ = notices.sent(&notice.id, Timestamp::now()).await;
            "sent"
        }
        Err(failure) => {
            tracing::warn!(notice.id, notice.attempts = attempts, failure, "a notice could not be delivered");
            let _ = notices.later(&notice.id, Timestamp::now().plus(wait(*attempts, random()))).await;
            "failed"
        }
    };
    metrics::counter!("caregate_notices_total", "outcome" => outcome).increment(1);
}

/// Twice as long after each attempt, from two seconds to an hour, less up to half at random: those that failed together do not
/// come back together.
fn wait(attempts: i64, random: u8) -> Duration {
    let exponent = u32::try_from(attempts.clamp(1, 12)).unwrap_or(12);
    let longest = Duration::from_secs(1 << exponent).min(LONGEST_WAIT);
    longest - longest * u32::from(random) / 512
}

fn random() -> u8 {
    let mut byte = [0];
    // without randomness they come back together, which is no reason to fail
    let _ = aws_lc_rs::rand::fill(&mut byte);
    let [byte] = byte;
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_longer_until_an_hour_and_never_less_than_half_of_it() {
        for (attempts, seconds) in [(1, 2), (2, 4), (5, 32), (11, 2_048), (12, 3_600), (i64::MAX, 3_600), (0, 2)] {
            let longest = Duration::from_secs(seconds);
            assert_eq!(wait(attempts, 0), longest);
            assert!(wait(attempts, 255) >= longest / 2 && wait(attempts, 255) < longest * 51 / 100);
        }
    }
}
