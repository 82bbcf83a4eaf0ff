//! How long calls of late have lasted: when one has become slow enough for a second to be worth making.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

const KEPT: usize = 128;
/// With fewer there is no telling what is slow.
const ENOUGH: usize = 20;

#[derive(Debug, Default)]
pub struct Pace(Mutex<Lasted>);

#[derive(Debug, Default)]
struct Lasted {
    /// In microseconds, the oldest overwritten.
    times: Vec<u32>,
    next: usize,
}

impl Pace {
    /// A call that was given up counts as what it had lasted by then.
    pub fn record(&self, lasted: Duration) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lasted = u32::try_from(lasted.as_micros()).unwrap_or(u32::MAX);
        let at = kept.next;
        match kept.times.get_mut(at) {
            Some(oldest) => *oldest = lasted,
            None => kept.times.push(lasted),
        }
        kept.next = (at + 1) % KEPT;
    }

    /// What nineteen calls of twenty do not exceed.
    pub fn slow(&self) -> Option<Duration> {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner).times.clone();
        if times.len() < ENOUGH {
            return None;
        }
        times.sort_unstable();
        let slow = times.get(times.len() * 19 / 20)?;
        Some(Duration::from_micros((*slow).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_what_nineteen_of_twenty_do_not_exceed_of_the_last_calls() {
        let pace = Pace::default();
        for ms in 0..19 {
            assert_eq!(pace.slow(), None);
            pace.record(Duration::from_millis(ms));
        }
        pace.record(Duration::from_secs(9));
        assert_eq!(pace.slow(), Some(Duration::from_secs(9)));
        (0..80).for_each(|_| pace.record(Duration::from_millis(20)));
        assert_eq!(pace.slow(), Some(Duration::from_millis(20)));
        // what is long past is forgotten
        (0..KEPT).for_each(|_| pace.record(Duration::from_millis(3)));
        assert_eq!(pace.slow(), Some(Duration::from_millis(3)));
    }
}
