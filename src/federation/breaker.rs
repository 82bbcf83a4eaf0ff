//! Whether an endpoint is asked at all. One that fails call after call is left alone for a while, so that requests do not
//! wait for what will not come, then tried with one call at a time.
//!
//! Each node has its own, in memory: what one node cannot reach another may, and a word in the database would cost
//! every call a look there.

use std::time::{Duration, Instant};

/// One after the other.
const FAILURES: u32 = 5;
/// Of the last so many calls, as many failures as this: an endpoint that flaps.
const WINDOW: u32 = 20;
const FAILURES_IN_WINDOW: u32 = 10;

/// Before the first try; each try that fails doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// With [`PATIENCE`] well below the ten seconds within which full answers resume once a fault has ceased.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// A try that lasts longer may still succeed, but holds up the next one no more.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug)]
pub struct Breaker {
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The outcomes of the last calls, the latest in the lowest bit; a failure is a one.
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        pause: Duration,
    },
    /// One call is under way that decides.
    Trying {
        until: Instant,
        pause: Duration,
    },
}

/// How a call is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    Freely,
    /// As the one try: its end must be told.
    AsTry,
}

/// What a call's end says of the endpoint's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Well,
    Ill,
    /// It was given up before it could tell.
    Unknown,
}

/// What the end of a call changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Opened,
    Closed,
}

impl Breaker {
    pub const fn new() -> Self {
        Self { state: State::Closed { failures: 0 } }
    }

    /// Whether a call would be let through now.
    pub fn admits(&self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until, .. } | State::Trying { until, .. } => until <= now,
        }
    }

    /// Lets a call through, or not.
    pub fn admit(&mut self, now: Instant) -> Option<Admitted> {
        match self.state {
            State::Closed { .. } => Some(Admitted::Freely),
            State::Open { until, pause } | State::Trying { until, pause } if until <= now => {
                self.state = State::Trying { until: now + PATIENCE, pause };
                Some(Admitted::AsTry)
            }
            State::Open { .. } | State::Trying { .. } => None,
        }
    }

    /// Hears how an admitted call ended. `jitter`, from 0 to 1, keeps nodes from trying in step.
    pub fn ended(&mut self, admitted: Admitted, health: Health, now: Instant, jitter: f64) -> Option<Change> {
        match (self.state, admitted, health) {
            (State::Closed { failures }, _, Health::Well | Health::Ill) => {
                let failures = (failures << 1) | u32::from(health == Health::Ill);
                let row = failures.trailing_ones() >= FAILURES;
                if row || (failures & ((1 << WINDOW) - 1)).count_ones() >= FAILURES_IN_WINDOW {
                    self.open(FIRST_PAUSE, now, jitter);
                    return Some(Change::Opened);
                }
                self.state = State::Closed { failures };
            }
            (_, Admitted::AsTry, Health::Well) => {
                self.state = State::Closed { failures: 0 };
                return Some(Change::Closed);
            }
            (State::Trying { pause, .. }, Admitted::AsTry, Health::Ill) => {
                self.open((pause * 2).min(LONGEST_PAUSE), now, jitter);
            }
            // the next call may try
            (State::Trying { pause, .. }, Admitted::AsTry, Health::Unknown) => {
                self.state = State::Open { until: now, pause };
            }
            // begun before it opened: says nothing that is not known
            _ => {}
        }
        None
    }

    fn open(&mut self, pause: Duration, now: Instant, jitter: f64) {
        self.state = State::Open { until: now + pause.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0), pause };
    }
}

#[cfg(test)]
mod tests;
