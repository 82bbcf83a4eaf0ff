//! How a provider has answered this node of late, in steps of five minutes: counts and a few buckets of time, so that it costs next to
//! nothing and never grows beyond a day.

use crate::domain::Timestamp;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Seconds of one step.
pub const STEP: i64 = 300;
const STEPS: usize = 288;
/// Milliseconds: a call is counted in the first that it was no slower than.
const BOUNDS: [u64; 15] = [10, 20, 35, 50, 75, 100, 150, 250, 350, 500, 750, 1_000, 2_000, 5_000, 60_000];

#[derive(Debug, Default)]
pub struct Vitals(Mutex<VecDeque<Step>>);

/// What came of the calls of five minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// In steps since 1970.
    number: i64,
    pub answered: u32,
    pub failed: u32,
    pub timed_out: u32,
    /// It was let rest: it had failed too often, or had asked to be left alone.
    pub unasked: u32,
    took: [u16; BOUNDS.len()],
}

/// What came of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    Answered,
    Failed,
    TimedOut,
    Unasked,
}

impl Vitals {
    pub fn note(&self, at: Timestamp, took: Duration, came: Came) {
        let number = at.seconds().div_euclid(STEP);
        let mut steps = self.steps();
        // a clock that was set back counts on in the newest step
        if steps.back().is_none_or(|last| last.number < number) {
            steps.push_back(Step { number, ..Step::default() });
            while steps.len() > STEPS {
                steps.pop_front();
            }
        }
        if let Some(step) = steps.back_mut() {
            step.note(took, came);
        }
    }

    /// Those of the last day in which anything was called, the oldest first.
    pub fn since(&self, from: Timestamp) -> Vec<Step> {
        self.steps().iter().filter(|step| step.began() >= from).copied().collect()
    }

    fn steps(&self) -> MutexGuard<'_, VecDeque<Step>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Step {
    fn note(&mut self, took: Duration, came: Came) {
        let count = match came {
            Came::Answered => &mut self.answered,
            Came::Failed => &mut self.failed,
            Came::TimedOut => &mut self.timed_out,
            Came::Unasked => &mut self.unasked,
        };
        *count = count.saturating_add(1);
        if came == Came::Unasked {
            return;
        }
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let at = BOUNDS.iter().position(|bound| millis <= *bound).unwrap_or(BOUNDS.len() - 1);
        if let Some(count) = self.took.get_mut(at) {
            *count = count.saturating_add(1);
        }
    }

    pub fn began(&self) -> Timestamp {
        Timestamp::from_seconds(self.number.saturating_mul(STEP))
    }

    pub fn calls(&self) -> u64 {
        u64::from(self.answered) + u64::from(self.failed) + u64::from(self.timed_out)
    }

    /// Together with that one, as if they were one step: the earlier's.
    pub fn with(mut self, other: &Self) -> Self {
        self.number = self.number.min(other.number);
        for (mine, theirs) in [
            (&mut self.answered, other.answered),
            (&mut self.failed, other.failed),
            (&mut self.timed_out, other.timed_out),
            (&mut self.unasked, other.unasked),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.took.iter_mut().zip(other.took).for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs));
        self
    }

    /// So many of a hundred calls took no longer than this many milliseconds; none where there were none.
    pub fn within(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.took.iter().map(|count| u64::from(*count)).sum();
        let mut seen = 0;
        let reached = |(count, bound): (&u16, &u64)| {
            seen += u64::from(*count);
            (seen * 100 >= all * percent).then_some(*bound)
        };
        if all == 0 { None } else { self.took.iter().zip(&BOUNDS).find_map(reached) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_kept_and_no_more_however_much_is_called() {
        let vitals = Vitals::default();
        for step in 0..1_000 {
            for _ in 0..10 {
                vitals.note(Timestamp::from_seconds(step * STEP + 7), Duration::from_millis(5), Came::Answered);
            }
        }
        let all = vitals.since(Timestamp(0));
        assert_eq!((all.len(), all.first().unwrap().began()), (288, Timestamp::from_seconds(712 * STEP)));
        assert!(all.iter().all(|step| step.answered == 10 && step.calls() == 10));
        assert_eq!(vitals.since(Timestamp::from_seconds(990 * STEP)).len(), 10);
        // a clock set back loses nothing and makes no disorder
        vitals.note(Timestamp(0), Duration::ZERO, Came::Failed);
        assert_eq!(vitals.since(Timestamp(0)).last().unwrap().failed, 1);
        assert!(std::mem::size_of::<Step>() <= 64);
    }

    #[test]
    fn the_slow_are_told_from_the_usual() {
        let mut step = Step::default();
        assert_eq!(step.within(50), None);
        for n in 0..100 {
            let millis = if n < 94 { 18 } else { 1_700 };
            step.note(Duration::from_millis(millis), if n == 99 { Came::TimedOut } else { Came::Answered });
        }
        step.note(Duration::ZERO, Came::Unasked);
        assert_eq!((step.within(50), step.within(95), step.within(100)), (Some(20), Some(2_000), Some(2_000)));
        assert_eq!((step.calls(), step.answered, step.timed_out, step.unasked), (100, 99, 1, 1));
        step.note(Duration::from_secs(3_600), Came::Failed);
        let both = step.with(&step.clone());
        assert_eq!((both.calls(), both.within(100)), (202, Some(60_000)));
    }
}
