//! The handle by which a request writes its audit rows, and waits until they are committed.
//!
//! [`AuditLog::commit`] answers a [`Receipt`] only after the transaction that holds the row has committed and is on disk.
//! Serialising and hashing happen here, in the caller's task; the one writer behind the queue only orders and commits.

use super::{
    Guard, Items, LogId, LogStore, Row, Signer,
    checkpoint_file::CheckpointFile,
    log_store::{ClaimError, SealedRow},
    writer::Writer,
};
use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// A cheap handle; clones share one writer.
#[derive(Clone)]
pub struct AuditLog {
    shared: Arc<Shared>,
}

pub struct LogOptions {
    pub signer: Signer,
    /// Where the latest checkpoint is kept outside the database; strongly advised.
    pub checkpoint_file: Option<PathBuf>,
    /// How often a checkpoint is made, if the log has grown.
    pub interval: Duration,
    /// Most rows a transaction.
    pub max_batch: usize,
    /// Most rows waiting; beyond it a request is refused at once rather than late.
    pub queue: usize,
    /// How long a transaction may take before it counts as lost.
    pub commit_timeout: Duration,
}

impl LogOptions {
    pub fn new(signer: Signer) -> Self {
        Self {
            signer,
            checkpoint_file: None,
            interval: Duration::from_secs(10),
            max_batch: 256,
            queue: 4096,
            commit_timeout: Duration::from_secs(5),
        }
    }
}

/// The row is committed, and this is where it stands. Nothing outside the audit can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    log: LogId,
    index: u64,
}

impl Receipt {
    pub(super) fn new(log: LogId, index: u64) -> Self {
        Self { log, index }
    }

    pub fn log(&self) -> &LogId {
        &self.log
    }

    pub fn index(&self) -> u64 {
        self.index
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCommitted {
    /// An epoch has moved, or the permit has run out: nothing was written. Load the facts again and decide again.
    #[error("what the permit was decided under has changed")]
    Stale,
    /// It could not be written, or it is unknown whether it was: nothing may be shown.
    #[error("the audit cannot be written")]
    Unavailable,
}

/// Why the log cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("log {0} is being written by another process: give each node a log id of its own")]
    Taken(LogId),
    #[error("log {0}: the database is unavailable")]
    Unavailable(LogId),
    #[error("log {0}: the stored head does not fit its own root: run `caregate audit verify`")]
    Corrupt(LogId),
    #[error(
        "log {log} holds {size} rows, but its checkpoint file was signed over {held}: the database was restored to the \
         past or cut. Keep the file as evidence and start this node under a new log id"
    )]
    Behind { log: LogId, size: u64, held: u64 },
    #[error("log {log}: the checkpoint file cannot be used")]
    CheckpointFile { log: LogId, source: std::io::Error },
}

struct Shared {
    queue: mpsc::UnboundedSender<Order>,
    waiting: AtomicUsize,
    most_waiting: usize,
    healthy: Arc<AtomicBool>,
}

#[expect(clippy::large_enum_variant, reason = "closing comes once, and a box for each row would cost more")]
pub(super) enum Order {
    Commit(Pending),
    Close(oneshot::Sender<()>),
}

/// A row on its way to the writer.
pub(super) struct Pending {
    pub(super) row: SealedRow,
    pub(super) guard: Option<Guard>,
    pub(super) items: Vec<Arc<Items>>,
    /// Nobody waits for an abandoned request's closing row.
    answer: Option<oneshot::Sender<Result<Receipt, NotCommitted>>>,
    _place: Option<Place>,
}

/// A place in the queue, given back when the row has been dealt with.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pending {
    /// Whoever wanted it has gone: writing it would only say that something was shown which was not.
    pub(super) fn given_up(&self) -> bool {
        self.answer.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_none()
    }

    pub(super) fn answer(self, outcome: Result<Receipt, NotCommitted>) {
        if let Some(answer) = self.answer {
            // the receiver may have gone meanwhile: then the row over-reports, which is the safe side
            let _ = answer.send(outcome);
        }
    }
}

/// A row on its way, for whoever waits for it. Dropped before the writer has taken the row up, it takes the row back.
pub struct Commit(oneshot::Receiver<Result<Receipt, NotCommitted>>);

impl Commit {
    /// Waits for the outcome, which comes once.
    pub async fn outcome(&mut self) -> Result<Receipt, NotCommitted> {
        (&mut self.0).await.unwrap_or(Err(NotCommitted::Unavailable))
    }
}

impl AuditLog {
    /// Claims the log, checks it against the checkpoint kept outside, and starts its writer on the current runtime.
    pub async fn start(mut store: Box<dyn LogStore>, options: LogOptions) -> Result<Self, LogError> {
        let log = store.log().clone();
        let claimed = timeout(options.commit_timeout, store.claim()).await;
        let head = match claimed.unwrap_or(Err(ClaimError::Unavailable)) {
            Ok(head) => head,
            Err(ClaimError::Taken) => return Err(LogError::Taken(log)),
            Err(ClaimError::Unavailable) => return Err(LogError::Unavailable(log)),
            Err(ClaimError::Corrupt) => return Err(LogError::Corrupt(log)),
        };
        let file = options.checkpoint_file.clone().map(CheckpointFile::new);
        let held = file.as_ref().map(|file| file.read(&log)).transpose();
        let held = held.map_err(|source| LogError::CheckpointFile { log: log.clone(), source })?.flatten();
        let signed = held.as_ref().map_or(0, |held| held.size);
        if signed > head.size() || held.is_some_and(|held| held.size == head.size() && held.root != head.root()) {
            return Err(LogError::Behind { log, size: head.size(), held: signed });
        }

        let (queue, orders) = mpsc::unbounded_channel();
        let healthy = Arc::new(AtomicBool::new(true));
        let most_waiting = options.queue;
        tokio::spawn(Writer::new(store, orders, healthy.clone(), head, signed, file, options).run());
        Ok(Self { shared: Arc::new(Shared { queue, waiting: AtomicUsize::new(0), most_waiting, healthy }) })
    }

    /// Writes a row and waits until it is committed and on disk. With a guard, only if that still stands. Dropping the
    /// future leaves it open whether the row is written.
    pub async fn commit(
        &self,
        row: Row,
        guard: Option<Guard>,
        items: Vec<Arc<Items>>,
    ) -> Result<Receipt, NotCommitted> {
        self.queue(row, guard, items)?.outcome().await
    }

    /// The same in two steps: who holds the [`Commit`] can stop waiting and ask again.
    pub fn queue(&self, row: Row, guard: Option<Guard>, items: Vec<Arc<Items>>) -> Result<Commit, NotCommitted> {
        let place = self.place().ok_or(NotCommitted::Unavailable)?;
        let row = SealedRow::new(&row).ok_or(NotCommitted::Unavailable)?;
        let (answer, answered) = oneshot::channel();
        let pending = Pending { row, guard, items, answer: Some(answer), _place: Some(place) };
        #[cfg(feature = "control-answer-before-commit")]
        return Ok(Commit(control::answer_first(self, pending, answered)));
        #[cfg(not(feature = "control-answer-before-commit"))]
        {
            self.send(Order::Commit(pending)).map_err(|()| NotCommitted::Unavailable)?;
            Ok(Commit(answered))
        }
    }

    /// Queues the closing row of a request whose task has gone: for `Drop`, which cannot wait. Never refused for lack of
    /// room, and kept through an outage of the database; lost only if this process ends first.
    pub fn abandon(&self, row: Row) {
        let Some(row) = SealedRow::new(&row) else { return };
        let pending = Pending { row, guard: None, items: Vec::new(), answer: None, _place: None };
        if self.send(Order::Commit(pending)).is_err() {
            tracing::error!("a closing row came after the audit log was closed");
        }
    }

    /// Writes what is queued and a last checkpoint, and lets go of the log. Later rows are refused.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.send(Order::Close(done)).is_ok() {
            // an error says that the writer has ended already
            let _ = closed.await;
        }
    }

    /// Whether the last transaction, or the last look at the database since, went well. For readiness.
    pub fn healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Relaxed)
    }

    fn send(&self, order: Order) -> Result<(), ()> {
        self.shared.queue.send(order).map_err(|_| ())
    }

    fn place(&self) -> Option<Place> {
        // counted first and given back by Drop, so that two callers cannot both take the last place
        let waiting = self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.shared.clone());
        (waiting < self.shared.most_waiting).then_some(place)
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("healthy", &self.healthy()).finish_non_exhaustive()
    }
}

/// What the kill tests must be able to find: an answer that did not wait for its row.
#[cfg(feature = "control-answer-before-commit")]
mod control {
    use super::{AuditLog, LogId, NotCommitted, Order, Pending, Receipt};
    use std::time::Duration;
    use tokio::sync::oneshot;

    pub(super) fn answer_first(
        log: &AuditLog,
        pending: Pending,
        answered: oneshot::Receiver<Result<Receipt, NotCommitted>>,
    ) -> oneshot::Receiver<Result<Receipt, NotCommitted>> {
        let log = log.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if log.send(Order::Commit(pending)).is_ok() {
                let _ = answered.await;
            }
        });
        let (answer, at_once) = oneshot::channel();
        let receipt = LogId::parse("control").map(|log| Receipt::new(log, u64::MAX));
        let _ = answer.send(receipt.map_err(|_| NotCommitted::Unavailable));
        at_once
    }
}
