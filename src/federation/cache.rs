//! What providers answered, remembered for a while, weighed by its bytes. Ten thousand requests for one uncached answer
//! make one call (single flight); a failure reaches all who waited for it and is kept for no one.

use super::{Answer, Failure, Resolution, question::Turn};
use crate::{
    access::ListId,
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::ResourceType,
    registry::Want,
};
use moka::{Expiry, future::Cache as Moka};
use std::{
    future::Future,
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

/// The list is a part of each key: what was labelled by one is never used under a policy with another. So are the numbers
/// given up: what was asked under some is no answer for all. So is the version of the source's entry in the registry: what one
/// address said is no answer of the next. So is the question, where the answer is for its reader alone:
/// then it serves who waits for it in the same request, and is not kept.
pub type PatientKey = ((OdsCode, i64), NhsNumber, u64, ListId, Option<Turn>);

/// What is rid of its places is another answer than the same in full, and than what was rid of others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnswerKey {
    pub of: PatientKey,
    pub want: Want,
    pub concealed: Option<u64>,
    /// Of what was asked for by filters: when the source said who the patient is that it was asked about. What is forgotten
    /// of a source is its Patients first, so nothing that was asked under them is found again.
    pub under: Option<Timestamp>,
}

impl AnswerKey {
    /// All of each type, as it is and without its places, as they are known now.
    pub fn all_of(of: PatientKey, places: Option<u64>) -> impl Iterator<Item = Self> {
        let both = move |resource_type: &ResourceType| {
            let want = Want::all(*resource_type);
            let concealed = [None].into_iter().chain(places.map(Some));
            concealed.map(move |concealed| Self { of, want: want.clone(), concealed, under: None })
        };
        ResourceType::ALL.iter().flat_map(both)
    }
}

pub struct Cache {
    resolutions: Moka<PatientKey, Arc<Resolution>>,
    answers: Moka<AnswerKey, Arc<Answer>>,
}

/// How long each kind of answer is kept.
#[derive(Clone, Debug)]
pub struct Lifetimes {
    pub patient: Duration,
    /// By the types' order in `ResourceType::ALL`.
    pub types: Vec<Duration>,
}

impl Lifetimes {
    fn of(&self, resource_type: ResourceType) -> Duration {
        let at = ResourceType::ALL.iter().position(|t| *t == resource_type);
        at.and_then(|at| self.types.get(at)).copied().unwrap_or_default()
    }
}

impl Cache {
    pub fn new(bytes: u64, lifetimes: &Lifetimes) -> Self {
        let resolutions = Moka::builder()
            .max_capacity(bytes / 8)
            .weigher(|_, found: &Arc<Resolution>| found.weight())
            .expire_after(ByKind(lifetimes.clone()))
            .build();
        let answers = Moka::builder()
            .max_capacity(bytes)
            .weigher(|_, answer: &Arc<Answer>| answer.weight())
            .expire_after(ByKind(lifetimes.clone()))
            .build();
        Self { resolutions, answers }
    }

    pub async fn known_resolution(&self, key: PatientKey) -> Option<Arc<Resolution>> {
        self.resolutions.get(&key).await
    }

    pub async fn known_answer(&self, key: &AnswerKey) -> Option<Arc<Answer>> {
        self.answers.get(key).await
    }

    /// What is remembered where it is `fresh`, else what asking brings.
    pub async fn resolution<F>(
        &self,
        key: PatientKey,
        fresh: impl Fn(&Resolution) -> bool,
        ask: impl Fn() -> F,
    ) -> Result<Arc<Resolution>, Failure>
    where
        F: Future<Output = Result<Resolution, Failure>>,
    {
        remembered_or_asked(&self.resolutions, key, fresh, ask).await
    }

    /// The same of an answer.
    pub async fn answer<F>(
        &self,
        key: AnswerKey,
        fresh: impl Fn(&Answer) -> bool,
        ask: impl Fn() -> F,
    ) -> Result<Arc<Answer>, Failure>
    where
        F: Future<Output = Result<Answer, Failure>>,
    {
        remembered_or_asked(&self.answers, key, fresh, ask).await
    }

    /// Forgets a Patient that was fetched before this moment, and only such a one: forgetting one that is new would have
    /// everyone who waits for it ask again.
    pub async fn forget_resolution_before(&self, moment: Timestamp, key: PatientKey) {
        let known = self.known_resolution(key).await;
        if known.is_some_and(|known| known.fetched_at <= moment) {
            self.resolutions.invalidate(&key).await;
        }
    }

    /// The same of an answer.
    pub async fn forget_answer_before(&self, moment: Timestamp, key: AnswerKey) {
        let known = self.known_answer(&key).await;
        if known.is_some_and(|known| known.fetched_at <= moment) {
            self.answers.invalidate(&key).await;
        }
    }

    /// Forgets who this source says the patient is, and all that it holds of each type, as labelled by this list.
    pub async fn forget(&self, key: PatientKey, places: Option<u64>) {
        self.resolutions.invalidate(&key).await;
        for answer in AnswerKey::all_of(key, places) {
            self.answers.invalidate(&answer).await;
        }
    }
}

/// One call, however many ask at once. Whoever joins one that had begun too early for them, or for other Patients than they
/// know, asks once more; and if that is another's call again, by themselves.
async fn remembered_or_asked<K, V, F>(
    cache: &Moka<K, Arc<V>>,
    key: K,
    fresh: impl Fn(&V) -> bool,
    ask: impl Fn() -> F,
) -> Result<Arc<V>, Failure>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Future<Output = Result<V, Failure>>,
{
    // boxed: all that asking a provider takes would else lie on the stack of whoever waits, once for each place that asks here
    let ask = || Box::pin(ask());
    let asked = async || {
        let shared = cache.try_get_with(key.clone(), async { ask().await.map(Arc::new) });
        shared.await.map_err(|failure| *failure)
    };
    if cache.get(&key).await.is_none_or(|known| fresh(&known)) {
        let found = asked().await?;
        if fresh(&found) {
            return Ok(found);
        }
    }
    cache.invalidate(&key).await;
    let found = asked().await?;
    if fresh(&found) { Ok(found) } else { ask().await.map(Arc::new) }
}

struct ByKind(Lifetimes);

impl Expiry<AnswerKey, Arc<Answer>> for ByKind {
    fn expire_after_create(&self, key: &AnswerKey, _: &Arc<Answer>, _: Instant) -> Option<Duration> {
        let (.., turn) = key.of;
        Some(if turn.is_some() { Duration::ZERO } else { self.0.of(key.want.resource_type) })
    }
}

impl Expiry<PatientKey, Arc<Resolution>> for ByKind {
    fn expire_after_create(&self, key: &PatientKey, found: &Arc<Resolution>, _: Instant) -> Option<Duration> {
        if key.4.is_some() {
            return Some(Duration::ZERO);
        }
        // that a provider holds nothing may change with the patient's next visit: no longer than an answer is kept
        let shortest = self.0.types.iter().copied().min().unwrap_or_default();
        Some(if found.patients.is_empty() { shortest.min(self.0.patient) } else { self.0.patient })
    }
}
