use super::{
    Announced, Answer, Failure, FederationConfig, Gathered, LongIds, Part, PartSaid, Places, Resolution, Rewriter,
    Said, SourceAnswer, Step,
    cache::{Cache, Lifetimes, PatientKey},
    calls::Calls,
    conceal::KnownPlaces,
    gathered::count,
    long_ids::StoredIds,
    pages::{self, Budget},
    question::{self, Asked, Question},
    resolution,
    split::Splitter,
    stale::Stale,
    trust::Trust,
};
use crate::{
    access::ListId,
    domain::{IdSealer, Numbers, OdsCode, RequestId, Timestamp},
    fhir::{
        ResourceType,
        json::{self, Limits, Tape},
    },
    identity::Statements,
    registry::{Errand, Plan, Provider, Registry, StandingStore, Want},
};
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all},
    stream::FuturesUnordered,
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// The stage that asks: its clients, its cache, and what every answer is held to.
pub struct Federation {
    pub(super) calls: Calls,
    pub(super) cache: Cache,
    /// Only where a deployment wants stale answers rather than none.
    pub(super) stale: Option<Stale>,
    pub(super) trust: Trust,
    pub(super) budget: Budget,
    pub(super) max_document_bytes: u64,
    page_size: u32,
    ids: Arc<IdSealer>,
    /// The gateway's own FHIR base, ending in a slash.
    base: Arc<str>,
    long_ids: StoredIds,
    standing: Arc<dyn StandingStore>,
    wrong_patient_threshold: u64,
    pub(super) evidence_lifetime: Duration,
    places: KnownPlaces,
}

/// What it is built from.
pub struct FederationOptions {
    pub config: FederationConfig,
    pub ids: Arc<IdSealer>,
    pub base: Arc<str>,
    pub long_ids: Arc<dyn LongIds>,
    pub standing: Arc<dyn StandingStore>,
    /// None where no provider is told who asks.
    pub statements: Option<Arc<Statements>>,
}

impl Federation {
    /// How a provider has answered this node since then, and why it is not asked now if it is not.
    pub fn vitals(&self, ods: OdsCode, from: Timestamp) -> (Vec<Step>, Option<Failure>) {
        self.calls.vitals(ods, from)
    }

    pub fn new(options: FederationOptions) -> Result<Self, reqwest::Error> {
        let config = options.config;
        let lifetimes = Lifetimes {
            patient: Duration::from_secs(config.patient_ttl_seconds),
            types: ResourceType::ALL.iter().map(|t| config.ttl(t.as_str())).collect(),
        };
        Ok(Self {
            calls: Calls::new(config.max_calls_per_provider, options.statements)?,
            cache: Cache::new(config.cache_bytes, &lifetimes),
            stale: Stale::new(config.cache_bytes, Duration::from_secs(config.stale_seconds)),
            trust: Trust::default(),
            budget: Budget {
                bytes: config.max_answer_bytes,
                limits: Limits { depth: config.max_depth, nodes: config.max_nodes },
                pages: config.max_pages,
            },
            max_document_bytes: config.max_document_bytes,
            page_size: config.page_size,
            ids: options.ids,
            base: options.base,
            long_ids: StoredIds::new(options.long_ids),
            standing: options.standing,
            wrong_patient_threshold: config.wrong_patient_threshold,
            evidence_lifetime: Duration::from_secs(config.evidence_ttl_seconds),
            places: KnownPlaces::default(),
        })
    }

    /// By what the region's organisations are recognised.
    ///
    /// # Errors
    /// There are more of them than can be looked for.
    pub fn places(&self, registry: &Arc<Registry>) -> Result<Arc<Places>, String> {
        self.places.of(registry)
    }

    /// The whole answer from memory, or `None` if any provider would have to be asked.
    pub async fn recall(&self, plan: &Plan, question: Question<'_>) -> Option<Gathered> {
        let mut sources = Vec::with_capacity(plan.ask.len() + plan.skip.len() + plan.out_of_use.len());
        for errand in &plan.ask {
            let provider = &errand.provider;
            let known = self.cache.known_resolution(question.patient_key(provider)).await?;
            errand.freshness.allows(known.epoch, known.fetched_at).then_some(())?;
            let parts = match known.patients.is_empty() {
                true => Vec::new(),
                false => self.known_parts(errand, question, &known).await?,
            };
            sources.push(SourceAnswer { provider: Arc::clone(provider), said: Said::of(known, parts, errand) });
        }
        Some(Gathered::of(question.patient(), plan, sources))
    }

    /// Asks every provider of the plan in parallel; each ends by its own deadline, whatever it does.
    pub async fn gather(&self, plan: &Plan, question: Question<'_>, announced: &impl Announced) -> Gathered {
        let request = announced.request_id();
        let mut asked: FuturesUnordered<_> = plan
            .ask
            .iter()
            .map(|errand| async move {
                let said = self.one(errand, question, request).await.unwrap_or_else(Said::Failed);
                count(&errand.provider, &said);
                SourceAnswer { provider: Arc::clone(&errand.provider), said }
            })
            .collect();
        let mut sources = Vec::with_capacity(plan.ask.len() + plan.skip.len() + plan.out_of_use.len());
        while let Some(source) = asked.next().await {
            sources.push(source);
        }
        Gathered::of(question.patient(), plan, sources)
    }

    /// Forgets what these sources said about this patient: they are asked again the next time.
    pub async fn forget(&self, numbers: &Numbers, list: ListId, sources: &[Arc<Provider>]) {
        for source in sources {
            self.forget_all((source.told_by(), numbers.current, numbers.given_up(), list, None)).await;
        }
    }

    async fn forget_all(&self, key: PatientKey) {
        let places = self.places.id();
        self.cache.forget(key, places).await;
        if let Some(stale) = &self.stale {
            stale.forget(key, places).await;
        }
    }

    /// The deadline is the leader's own and ends its call with a failure that reaches all who wait for it: if it ended
    /// by being dropped, each of them would start the call anew.
    pub(super) async fn resolution_by(&self, asked: Asked<'_>) -> Result<Arc<Resolution>, Failure> {
        let Asked { provider, question, deadline, freshness, .. } = asked;
        let ask = || async {
            let fetched_at = Timestamp::now();
            let found = async {
                let found = resolution::resolve(&self.calls, asked, self.budget).await?;
                let found = Resolution { fetched_at, epoch: question.epoch, ..found };
                self.remember_long_ids(provider, question, found).await
            };
            match timeout_at(deadline, found).await.unwrap_or(Err(Failure::Timeout)) {
                Err(failure) => Err(self.alarmed(asked, failure).await),
                found => Ok(found?),
            }
        };
        let fresh = |known: &Resolution| freshness.allows(known.epoch, known.fetched_at);
        self.cache.resolution(asked.question.patient_key(provider), fresh, ask).await
    }

    /// A Patient is written anew for each reader, with all that it holds for some of them: the ids it will hold must lead
    /// somewhere by then, whoever asked first.
    async fn remember_long_ids(
        &self,
        provider: &Arc<Provider>,
        question: Question<'_>,
        found: Resolution,
    ) -> Result<Resolution, Failure> {
        let found = Arc::new(found);
        let mut rewriter = self.rewriter(provider, question, &found);
        for own in &found.patients {
            rewriter.id(&own.local);
            let mut tape = Tape::new();
            let resource = json::parse(&own.bytes, &mut Limits::default(), &mut tape).map_err(|_| Failure::NotJson)?;
            rewriter.write(resource, "", None, &mut Vec::new())?;
        }
        let long_ids = std::mem::take(&mut rewriter.long_ids);
        drop(rewriter);
        self.long_ids.store(long_ids).await?;
        Arc::try_unwrap(found).map_err(|_| Failure::Internal)
    }

    fn rewriter(&self, provider: &Arc<Provider>, question: Question<'_>, found: &Arc<Resolution>) -> Rewriter {
        Rewriter {
            ids: Arc::clone(&self.ids),
            provider: Arc::clone(provider),
            numbers: question.numbers.clone(),
            resolution: Arc::clone(found),
            base: Arc::clone(&self.base),
            long_ids: HashSet::new(),
            concealing: question.concealing.map(Arc::clone),
        }
    }

    async fn one(&self, errand: &Errand, question: Question<'_>, request: RequestId) -> Result<Said, Failure> {
        let Errand { provider, freshness, .. } = errand;
        let deadline = Instant::now() + provider.deadline;
        let asked = Asked { provider, question, request, began: Timestamp::now(), deadline, freshness: *freshness };
        let found = match self.resolution_by(asked).await {
            Ok(found) => found,
            Err(failure) => return self.stale_instead(asked, errand, failure).await,
        };
        if found.patients.is_empty() {
            return Ok(Said::Nothing(found));
        }
        match self.settled(asked, errand, &found).await {
            Ok((found, parts)) => Ok(Said::of(found, parts, errand)),
            Err(failure) => self.stale_instead(asked, errand, failure).await,
        }
    }

    /// Every part that the errand wants, from memory.
    pub(super) async fn known_parts(
        &self,
        errand: &Errand,
        question: Question<'_>,
        found: &Resolution,
    ) -> Option<Vec<Part>> {
        let mut parts = Vec::with_capacity(errand.wants.len());
        for want in &errand.wants {
            let (_, answer) = self.known(&errand.provider, question, errand.freshness, want, found).await?;
            parts.push(Part::of(want, PartSaid::Answered(answer)));
        }
        Some(parts)
    }

    /// The same, asking for what is not remembered.
    pub(super) async fn parts(&self, asked: Asked<'_>, errand: &Errand, found: &Arc<Resolution>) -> Vec<Part> {
        let parts = errand.wants.iter().map(async |want| {
            let said = match self.met(asked, want, found).await {
                Ok((met, answer)) => self.kept(asked, &met, found, answer).await,
                Err(failure) => self.stale_part(asked, want, found, failure).await,
            };
            Part::of(want, said)
        });
        join_all(parts).await
    }

    /// The wanted entries of a type, labelled.
    pub(super) fn answer_by<'a>(
        &'a self,
        asked: Asked<'a>,
        want: &'a Want,
        found: &'a Arc<Resolution>,
    ) -> BoxFuture<'a, Result<Arc<Answer>, Failure>> {
        let ask = move || self.asked_for(asked, want, found);
        let fresh =
            move |known: &Answer| known.is_about(found) && asked.freshness.allows(known.epoch, known.fetched_at);
        self.cache.answer(asked.question.key(asked.provider, want, found), fresh, ask).boxed()
    }

    /// The same, whatever is remembered. The deadline is the leader's own here too.
    pub(super) async fn asked_for(
        &self,
        asked: Asked<'_>,
        want: &Want,
        found: &Arc<Resolution>,
    ) -> Result<Answer, Failure> {
        let began = Timestamp::now();
        let splitter = timeout_at(asked.deadline, self.ask(asked, want, found));
        let splitter = match splitter.await.unwrap_or(Err(Failure::Timeout)) {
            // it may hold the patient's own under a Patient newer than the one that is remembered
            Err(Failure::WrongPatient) if asked.remembers(found) => return Err(Failure::WrongPatient),
            Err(failure) => return Err(self.alarmed(asked, failure).await),
            Ok(splitter) => splitter,
        };
        let finished = timeout_at(asked.deadline, self.finish(asked, splitter, found, began));
        finished.await.unwrap_or(Err(Failure::Timeout))
    }

    pub(super) async fn ask(
        &self,
        asked: Asked<'_>,
        want: &Want,
        found: &Arc<Resolution>,
    ) -> Result<Splitter, Failure> {
        let Asked { provider, question, .. } = asked;
        let new = || {
            let rewriter = self.rewriter(provider, question, found);
            Splitter::new(want.clone(), rewriter, Arc::clone(question.sensitivities))
        };
        let mut splitter = new();
        let mut budget = self.budget;
        let searches = question::searches(provider, question.numbers, want, found, self.page_size)?;
        for (at, url) in searches.into_iter().enumerate() {
            splitter = match pages::search(&self.calls, asked, url, &mut budget, splitter).await {
                // it never said that it has any of these
                Err(failure) if at == 0 && failure.is_not_served() && disclaims(provider, want) => return Ok(new()),
                searched => searched?,
            };
        }
        Ok(splitter)
    }

    async fn finish(
        &self,
        asked: Asked<'_>,
        mut splitter: Splitter,
        found: &Arc<Resolution>,
        began: Timestamp,
    ) -> Result<Answer, Failure> {
        // what lends its labels may be among what did not pass the filters
        if splitter.misses_its_own() {
            return Err(Failure::Unlabelled);
        }
        let (lent, unserved) = self.lent(asked, &splitter, found, began).await?;
        let heavy = splitter.is_heavy();
        let finish = move || {
            splitter.inherit(&lent, &unserved)?;
            splitter.finish()
        };
        let (answer, long_ids) =
            if heavy { pages::on_pool(&self.calls, asked.provider, finish).await?? } else { finish()? };
        self.long_ids.store(long_ids).await?;
        Ok(Answer { fetched_at: began, epoch: asked.question.epoch, ..answer })
    }

    /// Another person's data: the source is shut out for this patient, and past a threshold of patients for all.
    pub(super) async fn alarmed(&self, asked: Asked<'_>, failure: Failure) -> Failure {
        let Asked { provider, question, .. } = asked;
        if failure != Failure::WrongPatient {
            return failure;
        }
        metrics::counter!("caregate_wrong_patient_total", "provider" => provider.ods.to_string()).increment(1);
        tracing::error!(provider.ods = %provider.ods, "provider answered with another person's data; quarantined");
        self.forget_all(question.patient_key(provider)).await;
        let patients = match self.standing.quarantine(provider.ods, question.patient(), failure.code()).await {
            Ok(patients) => patients,
            Err(error) => {
                // nothing of this answer is used in any case; the next answer will be held against the same rule
                tracing::error!(provider.ods = %provider.ods, error = %error, "quarantine could not be stored");
                return failure;
            }
        };
        if patients >= self.wrong_patient_threshold {
            tracing::error!(provider.ods = %provider.ods, patients, "provider suspended: past the wrong-patient threshold");
            if let Err(error) = self.standing.suspend(provider.ods, "wrong-patient threshold").await {
                tracing::error!(provider.ods = %provider.ods, error = %error, "suspension could not be stored");
            }
        }
        failure
    }
}

/// Whether the provider's own statement is known, and claims nothing of the type.
pub(super) fn disclaims(provider: &Provider, want: &Want) -> bool {
    provider.declared.statement().is_some_and(|statement| !statement.claims(want.resource_type))
}
