//! What a node knows of the line to one provider: its places, and for each address how it has fared of late.

use super::{
    Failure,
    allowance::Allowance,
    breaker::{Admitted, Breaker, Change, Health},
    bulkhead::{Bulkhead, Place},
    http::{Again, Connection, Miss},
    pace::Pace,
    pages,
    vitals::{Came, Vitals},
};
use crate::{domain::Timestamp, registry::Provider};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};
use url::Url;

/// A call that fails at once is repeated within this, at a random moment: not all together.
const SPREAD: Duration = Duration::from_millis(200);

pub struct Line {
    pub provider: Arc<Provider>,
    pub connection: Connection,
    pub bulkhead: Bulkhead,
    /// For documents, until their last byte: half as many, so that one provider's slow files are few of a node's requests.
    pub documents: Bulkhead,
    pub pace: Pace,
    /// Kept when the line is made anew: it is the provider's, not its entry's.
    pub vitals: Arc<Vitals>,
    /// Its turns on the pool.
    pub turns: Arc<Semaphore>,
    /// Its own address first, then the replicas'.
    endpoints: Vec<Endpoint>,
    /// All calls beyond the needed ones, a tenth of those.
    extra: Allowance,
    /// Of them the hedges, a twentieth.
    hedges: Allowance,
}

pub struct Endpoint {
    pub base: Url,
    /// For the log and metrics: 0 is the provider's own address.
    number: usize,
    breaker: Mutex<Breaker>,
    /// It asked to be left alone until then.
    not_before: Mutex<Option<Instant>>,
}

impl Line {
    pub fn new(provider: &Arc<Provider>, connection: Connection, places: usize, vitals: Arc<Vitals>) -> Self {
        let endpoint = |(number, base): (usize, &Url)| Endpoint {
            base: base.clone(),
            number,
            breaker: Mutex::new(Breaker::new()),
            not_before: Mutex::default(),
        };
        let waiting = metrics::gauge!("caregate_provider_waiting", "provider" => provider.ods.to_string());
        let places = provider.max_calls.unwrap_or(places);
        Self {
            provider: Arc::clone(provider),
            connection,
            documents: Bulkhead::new(places.div_ceil(2), waiting.clone()),
            bulkhead: Bulkhead::new(places, waiting),
            pace: Pace::default(),
            vitals,
            turns: pages::own_turns(),
            endpoints: provider.bases().enumerate().map(endpoint).collect(),
            extra: Allowance::one_in(10),
            hedges: Allowance::one_in(20),
        }
    }

    /// The endpoint that `url` is at.
    pub fn endpoint_of(&self, url: &Url) -> Option<&Endpoint> {
        let below = |e: &&Endpoint| url.as_str().strip_prefix(e.base.as_str().trim_end_matches('/')).is_some();
        self.endpoints.iter().find(below)
    }

    /// Where a question that is put to the provider's own base can be asked: there, and at the replicas.
    pub fn places_to_ask(&self, url: &Url) -> Vec<(&Endpoint, Url)> {
        let own = &self.provider.base;
        let path = url.path().strip_prefix(own.path()).unwrap_or_default();
        let at = |endpoint: &Endpoint| {
            let mut at = endpoint.base.clone();
            at.set_path(&format!("{}{path}", endpoint.base.path()));
            at.set_query(url.query());
            at
        };
        self.endpoints.iter().map(|endpoint| (endpoint, at(endpoint))).collect()
    }

    /// It is asked nowhere: why.
    pub fn rests(&self) -> Option<Failure> {
        let mut shut = None;
        for endpoint in &self.endpoints {
            shut = Some(endpoint.may_be_asked().err()?);
        }
        shut
    }

    /// A needed call is made.
    pub fn earn(&self) {
        self.extra.earn();
        self.hedges.earn();
    }

    /// A place for a second call beside one that is slow.
    pub fn hedge(&self) -> Option<Place> {
        let may = self.extra.has_one() && self.hedges.has_one();
        let place = self.bulkhead.free().filter(|_| may)?;
        (self.hedges.spend() && self.extra.spend()).then_some(place)
    }

    /// How long to wait before the call is made once more; `None` where it is not.
    pub fn repeat(&self, miss: Miss, deadline: Instant) -> Option<Duration> {
        let wait = match miss.again {
            Again::No => return None,
            Again::Soon => Duration::ZERO,
            Again::After(when) => when,
        };
        let wait = wait + SPREAD.mul_f64(chance());
        (Instant::now() + wait < deadline && self.extra.spend()).then_some(wait)
    }
}

impl Endpoint {
    /// Whether it may be asked now, and if not why.
    pub fn may_be_asked(&self) -> Result<(), Failure> {
        let now = Instant::now();
        if locked(&self.not_before).is_some_and(|until| now < until) {
            Err(Failure::Throttled)
        } else if !locked(&self.breaker).admits(now.into_std()) {
            Err(Failure::Ejected)
        } else {
            Ok(())
        }
    }

    /// Begins a call that ends by `deadline`.
    pub fn admit<'a>(&'a self, line: &'a Line, deadline: Instant) -> Result<Pass<'a>, Failure> {
        self.may_be_asked()?;
        let began = Instant::now();
        let admitted = locked(&self.breaker).admit(began.into_std()).ok_or(Failure::Ejected)?;
        Ok(Pass { endpoint: self, line, admitted, began, deadline, health: Health::Unknown, came: None })
    }
}

/// A call under way. Dropped at its deadline it has timed out; dropped before, nobody waits for it any more.
pub struct Pass<'a> {
    endpoint: &'a Endpoint,
    line: &'a Line,
    admitted: Admitted,
    began: Instant,
    deadline: Instant,
    health: Health,
    came: Option<Came>,
}

impl Pass<'_> {
    /// Says how it ended.
    pub fn ended<T>(mut self, got: &Result<T, Miss>) {
        self.came = Some(match got {
            Ok(_) => Came::Answered,
            Err(Miss { failure: Failure::Timeout, .. }) => Came::TimedOut,
            // it does not serve the type, or has no such thing
            Err(Miss { failure: Failure::Status(404 | 405 | 501), .. }) => Came::Answered,
            Err(_) => Came::Failed,
        });
        self.health = match got {
            Err(Miss { failure, again, .. }) => {
                if let Again::After(when) = again {
                    *locked(&self.endpoint.not_before) = Some(Instant::now() + *when);
                }
                health(*failure)
            }
            Ok(_) => Health::Well,
        };
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.line.pace.record(now - self.began);
        let overdue = self.health == Health::Unknown && now >= self.deadline;
        let health = if overdue { Health::Ill } else { self.health };
        // one that nobody waited for any more came to nothing
        if let Some(came) = self.came.or(overdue.then_some(Came::TimedOut)) {
            self.line.vitals.note(Timestamp::now(), now - self.began, came);
        }
        let change = locked(&self.endpoint.breaker).ended(self.admitted, health, now.into_std(), chance());
        let Some(change) = change else { return };
        let (ods, endpoint) = (self.line.provider.ods, self.endpoint.number);
        match change {
            Change::Opened => tracing::warn!(provider.ods = %ods, provider.endpoint = endpoint, "provider ejected"),
            Change::Closed => {
                tracing::info!(provider.ods = %ods, provider.endpoint = endpoint, "provider answers again")
            }
        }
        metrics::gauge!("caregate_provider_ejected", "provider" => ods.to_string(), "endpoint" => endpoint.to_string())
            .set(if change == Change::Opened { 1.0 } else { 0.0 });
    }
}

/// What fails for want of health, whoever is asked about. All else is an answer.
fn health(failure: Failure) -> Health {
    match failure {
        // it does not serve the type
        Failure::Status(501) => Health::Well,
        Failure::Timeout | Failure::Unreachable | Failure::Untrusted | Failure::Cut | Failure::Status(500..) => {
            Health::Ill
        }
        // it was not reached at all
        Failure::AddressRefused => Health::Unknown,
        _ => Health::Well,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From 0 to 1.
fn chance() -> f64 {
    let mut random = [0; 4];
    // without randomness all wait as long: slower, not wrong
    match aws_lc_rs::rand::fill(&mut random) {
        Ok(()) => f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}
