//! How many calls may be under way at one provider. One that is slow fills its own places and its own queue, not those of
//! the others, nor the node's.

use super::Failure;
use metrics::Gauge;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// For each place, as many may wait: a burst passes, a provider that has stopped answering holds up no more than these.
const WAITING_PER_PLACE: usize = 4;

pub struct Bulkhead {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    /// Where operators see who waits.
    shown: Gauge,
}

/// One call under way, until dropped.
pub struct Place(#[expect(dead_code, reason = "it is held, never looked at")] OwnedSemaphorePermit);

impl Bulkhead {
    pub fn new(places: usize, shown: Gauge) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            waiting: AtomicUsize::new(0),
            most_waiting: places.saturating_mul(WAITING_PER_PLACE),
            shown,
        }
    }

    /// A place that is free now.
    pub fn free(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(Place)
    }

    /// A place, waiting for it until the deadline; where too many wait already, the answer is no at once.
    pub async fn place(&self, deadline: Instant) -> Result<Place, Failure> {
        if let Some(place) = self.free() {
            return Ok(place);
        }
        let _waiting = self.wait().ok_or(Failure::Busy)?;
        let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await;
        place.ok().and_then(Result::ok).map(Place).ok_or(Failure::Busy)
    }

    fn wait(&self) -> Option<Waiting<'_>> {
        let one_more = |waiting| (waiting < self.most_waiting).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        self.shown.increment(1);
        Some(Waiting(self))
    }
}

/// One who waits, until dropped.
struct Waiting<'a>(&'a Bulkhead);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.shown.decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, future::join_all};
    use std::time::Duration;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn so_many_are_let_in_so_many_wait_and_whoever_comes_then_is_told_at_once() {
        let bulkhead = Bulkhead::new(2, Gauge::noop());
        let inside = [bulkhead.place(later()).await.unwrap(), bulkhead.place(later()).await.unwrap()];
        let mut waiting: Vec<_> = (0..8).map(|_| Box::pin(bulkhead.place(later()))).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        assert_eq!(bulkhead.place(later()).now_or_never().unwrap().err(), Some(Failure::Busy));
        // who has stopped waiting makes room
        waiting.pop();
        assert!(bulkhead.place(later()).now_or_never().is_none());
        drop(inside);
        let in_turn = join_all(waiting.into_iter().map(|one| async { one.await.map(drop) })).await;
        assert!(in_turn.iter().all(Result::is_ok) && bulkhead.free().is_some());
    }

    #[tokio::test]
    async fn nobody_waits_past_the_deadline() {
        let bulkhead = Bulkhead::new(1, Gauge::noop());
        let _inside = bulkhead.place(later()).await.unwrap();
        assert_eq!(bulkhead.place(Instant::now()).await.err(), Some(Failure::Busy));
    }
}
