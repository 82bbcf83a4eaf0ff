//! The one task that appends to a log: gather what waits, one transaction, answer everyone, again.
//!
//! While a transaction is in flight the next batch gathers by itself, so the batch grows with the load (group commit).
//! When a transaction fails as a whole it is unknown whether it was written. Everyone in it is told that it was not, the
//! log is claimed again (which waits for the old connection's end) and the head is read again before the next batch: a row
//! that did land over-reports, and nothing is ever shown that is not in the log.

use super::{
    AnswerId, Guard, Items, LogId, LogOptions, LogStore, NotCommitted, Receipt,
    checkpoint::Checkpoint,
    checkpoint_file::CheckpointFile,
    log::{Order, Pending},
    log_store::{Batch, ClaimError, CommitError, Seal, StoredLately},
    merkle::{Frontier, leaf_hash},
};
use crate::domain::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// Most closing rows of abandoned requests kept through an outage.
const MOST_KEPT: usize = 10_000;

pub(super) struct Writer {
    store: Box<dyn LogStore>,
    orders: mpsc::UnboundedReceiver<Order>,
    healthy: Arc<AtomicBool>,
    options: LogOptions,
    file: Option<CheckpointFile>,
    /// The last head known to be committed.
    head: Frontier,
    /// The size of the last checkpoint.
    signed: u64,
    stored: StoredLately,
    kept: Vec<Pending>,
    closing: Option<oneshot::Sender<()>>,
}

impl Writer {
    pub(super) fn new(
        store: Box<dyn LogStore>,
        orders: mpsc::UnboundedReceiver<Order>,
        healthy: Arc<AtomicBool>,
        head: Frontier,
        signed: u64,
        file: Option<CheckpointFile>,
        options: LogOptions,
    ) -> Self {
        let (stored, kept, closing) = (StoredLately::default(), Vec::new(), None);
        Self { store, orders, healthy, options, file, head, signed, stored, kept, closing }
    }

    pub(super) async fn run(mut self) {
        let mut ticks = interval(self.options.interval.max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut looked_at = self.head.size();
        while self.closing.is_none() {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(first) => self.write_all(Some(first)).await,
                    None => break,
                },
                _ = ticks.tick() => {
                    // without traffic, readiness still has to notice that the database has gone
                    let good = self.head.size() != looked_at || self.can_claim().await;
                    if !good || !self.checkpoint().await {
                        self.recover().await;
                    }
                    looked_at = self.head.size();
                }
            }
        }
        self.orders.close();
        self.write_all(None).await;
        self.checkpoint().await;
        drop(self.store);
        if let Some(done) = self.closing {
            let _ = done.send(());
        }
    }

    /// Writes this order and what gathered behind it, and what was kept through an outage.
    async fn write_all(&mut self, first: Option<Order>) {
        let mut next = first;
        loop {
            let kept = self.kept.len().min(self.options.max_batch);
            let mut batch: Vec<Pending> = self.kept.drain(..kept).collect();
            while batch.len() < self.options.max_batch {
                match next.take().map_or_else(|| self.orders.try_recv().ok(), Some) {
                    Some(Order::Commit(pending)) if pending.given_up() => {}
                    Some(Order::Commit(pending)) => batch.push(pending),
                    Some(Order::Close(done)) => self.closing = Some(done),
                    None => break,
                }
            }
            if batch.is_empty() || !self.write(batch).await {
                return;
            }
        }
    }

    /// Whether the database answered; if not, it does again when this returns, or the log is closing.
    async fn write(&mut self, batch: Vec<Pending>) -> bool {
        match self.transact(&batch).await {
            Ok(outcomes) => answer_each(batch, outcomes),
            // one row the database will not have must not cost the others their answer
            Err(CommitError::Refused) if batch.len() > 1 => {
                let mut rest = batch.into_iter();
                while let Some(one) = rest.next() {
                    let one = vec![one];
                    match self.transact(&one).await {
                        Ok(outcomes) => answer_each(one, outcomes),
                        Err(CommitError::Refused) => refuse(one),
                        Err(CommitError::Unavailable) => {
                            self.turn_away(one.into_iter().chain(rest));
                            self.recover().await;
                            return self.closing.is_none();
                        }
                    }
                }
            }
            Err(CommitError::Refused) => refuse(batch),
            Err(CommitError::Unavailable) => {
                self.turn_away(batch);
                self.recover().await;
                return self.closing.is_none();
            }
        }
        true
    }

    async fn transact(&mut self, batch: &[Pending]) -> Result<Vec<Result<Receipt, NotCommitted>>, CommitError> {
        let started = Instant::now();
        let guards: Vec<Option<Guard>> = batch.iter().map(|pending| pending.guard).collect();
        let mut sealing = Sealing::new(self.store.log().clone(), batch, &self.head, &self.stored);
        let committed = timeout(self.options.commit_timeout, self.store.commit(&guards, &mut sealing)).await;
        committed.unwrap_or(Err(CommitError::Unavailable))?;

        let Sealing { outcomes, items, head, .. } = sealing;
        let items: Vec<AnswerId> = items.into_keys().collect();
        metrics::histogram!("caregate_audit_commit_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("caregate_audit_rows_total").increment(head.size().saturating_sub(self.head.size()));
        self.stored.add(items);
        self.head = head;
        self.healthy.store(true, Ordering::Relaxed);
        Ok(outcomes)
    }

    /// Claims the log again, however long that takes; whoever comes meanwhile is told at once that nothing is written.
    async fn recover(&mut self) {
        self.healthy.store(false, Ordering::Relaxed);
        self.stored.forget();
        metrics::counter!("caregate_audit_outages_total").increment(1);
        tracing::error!(log.id = %self.store.log(), "the audit log cannot be written");
        let mut wait = Duration::ZERO;
        while self.closing.is_none() {
            let mut turned_away = Vec::new();
            let claimed = {
                let claim = async {
                    sleep(wait).await;
                    timeout(self.options.commit_timeout, self.store.claim()).await
                };
                tokio::pin!(claim);
                loop {
                    tokio::select! {
                        claimed = &mut claim => break claimed.unwrap_or(Err(ClaimError::Unavailable)),
                        order = self.orders.recv() => match order {
                            Some(Order::Commit(pending)) if pending.is_abandoned() => turned_away.push(pending),
                            Some(Order::Commit(pending)) => pending.answer(Err(NotCommitted::Unavailable)),
                            Some(Order::Close(done)) => { self.closing = Some(done); break Err(ClaimError::Unavailable) }
                            None => break Err(ClaimError::Unavailable),
                        },
                    }
                }
            };
            self.turn_away(turned_away);
            if self.stands_at(claimed) {
                tracing::info!(log.id = %self.store.log(), "the audit log can be written again");
                return;
            }
            if self.orders.is_closed() && self.orders.is_empty() {
                return;
            }
            wait = (wait * 2).clamp(Duration::from_millis(50), Duration::from_secs(1));
        }
    }

    async fn can_claim(&mut self) -> bool {
        let claimed = timeout(self.options.commit_timeout, self.store.claim()).await;
        self.stands_at(claimed.unwrap_or(Err(ClaimError::Unavailable)))
    }

    /// Whether the log is ours and holds at least what was committed: one restored to the past is not written again.
    fn stands_at(&mut self, claimed: Result<Frontier, ClaimError>) -> bool {
        let good = match claimed {
            Ok(head) if head.size() < self.head.size() || head.size() == self.head.size() && head != self.head => {
                tracing::error!(
                    log.id = %self.store.log(), log.size = head.size(), log.committed = self.head.size(),
                    "the log lacks rows that were committed: was the database restored?"
                );
                false
            }
            Ok(head) => {
                self.head = head;
                true
            }
            Err(_) => false,
        };
        self.healthy.store(good, Ordering::Relaxed);
        good
    }

    fn turn_away(&mut self, pending: impl IntoIterator<Item = Pending>) {
        for pending in pending {
            if !pending.is_abandoned() {
                pending.answer(Err(NotCommitted::Unavailable));
            } else if self.kept.len() < MOST_KEPT {
                self.kept.push(pending);
            } else {
                metrics::counter!("caregate_audit_lost_closing_rows_total").increment(1);
            }
        }
    }

    /// Signs the log as it is, if it has grown, and stores that in the database and outside it. Whether the database
    /// answered: a file that cannot be written is an alarm, but stops no release.
    async fn checkpoint(&mut self) -> bool {
        let size = self.head.size();
        if size == self.signed || !self.healthy.load(Ordering::Relaxed) {
            return true;
        }
        let log = self.store.log().clone();
        let note = Checkpoint::sign(&self.options.signer, &log, &self.head);
        let saved = self.store.save_checkpoint(size, &note, Timestamp::now());
        if !matches!(timeout(self.options.commit_timeout, saved).await, Ok(Ok(()))) {
            tracing::error!(log.id = %log, "a checkpoint could not be stored");
            return false;
        }
        if let Some(file) = self.file.clone() {
            let written = tokio::task::spawn_blocking(move || file.write(&note)).await;
            if let Err(error) = written.unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into())) {
                tracing::error!(log.id = %log, error.kind = %error.kind(), "a checkpoint could not be written outside");
                return true;
            }
        }
        self.signed = size;
        true
    }
}

fn answer_each(batch: Vec<Pending>, outcomes: Vec<Result<Receipt, NotCommitted>>) {
    for (pending, outcome) in batch.into_iter().zip(outcomes) {
        pending.answer(outcome);
    }
}

fn refuse(batch: Vec<Pending>) {
    metrics::counter!("caregate_audit_refused_rows_total").increment(1);
    tracing::error!("the database refused an audit row");
    for pending in batch {
        pending.answer(Err(NotCommitted::Unavailable));
    }
}

/// A batch between the check of its guards and its commit.
struct Sealing<'a> {
    log: LogId,
    batch: &'a [Pending],
    base: &'a Frontier,
    stored: &'a StoredLately,
    head: Frontier,
    items: BTreeMap<AnswerId, &'a Items>,
    outcomes: Vec<Result<Receipt, NotCommitted>>,
}

impl<'a> Sealing<'a> {
    fn new(log: LogId, batch: &'a [Pending], base: &'a Frontier, stored: &'a StoredLately) -> Self {
        let (head, outcomes) = (base.clone(), Vec::with_capacity(batch.len()));
        Self { log, batch, base, stored, head, items: BTreeMap::new(), outcomes }
    }
}

impl Seal for Sealing<'_> {
    fn seal(&mut self, stands: &[bool]) -> Batch<'_> {
        let at = Timestamp::now();
        // a store may find only now that some do not stand, and ask again
        self.head = self.base.clone();
        self.items.clear();
        self.outcomes.clear();
        let mut rows = Vec::with_capacity(self.batch.len());
        for (pending, stands) in self.batch.iter().zip(stands) {
            if !stands || pending.guard.is_some_and(|guard| guard.valid_until <= at) {
                self.outcomes.push(Err(NotCommitted::Stale));
                continue;
            }
            let index = self.head.size();
            let leaf = leaf_hash(index, &pending.row.hash);
            self.head.push(leaf);
            self.outcomes.push(Ok(Receipt::new(self.log.clone(), index)));
            rows.push((&pending.row, leaf));
            let fresh = pending.items.iter().filter(|items| !self.stored.contains(&items.id));
            self.items.extend(fresh.map(|items| (items.id.clone(), items.as_ref())));
        }
        Batch { size: self.base.size(), rows, items: self.items.values().copied().collect(), head: &self.head, at }
    }
}
