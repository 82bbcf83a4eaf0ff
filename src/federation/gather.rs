use super::{
    Answer, Failure, FederationConfig, LongIds, Resolution, Rewriter,
    cache::{Cache, Lifetimes},
    calls::Calls,
    pages::{self, Budget},
    question::{Asked, Question},
    resolution,
    split::Splitter,
};
use crate::{
    access::SkipReason,
    domain::{IdSealer, LongId, NhsNumber, OdsCode, RequestId, Timestamp},
    fhir::{
        ResourceType,
        json::{self, Limits, Tape},
    },
    identity::Statements,
    registry::{Errand, Idiom, Locate, Plan, Portion, Provider, ReaderContext, StandingStore, Want},
};
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all},
    stream::FuturesUnordered,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};
use url::Url;

/// How many ids one search names: an id has up to 64 characters, and a URL should stay below 4,000.
const NAMED_AT_ONCE: usize = 50;

/// The stage that asks: its clients, its cache, and what every answer is held to.
pub struct Federation {
    pub(super) calls: Calls,
    pub(super) cache: Cache,
    pub(super) budget: Budget,
    pub(super) max_document_bytes: u64,
    page_size: u32,
    ids: Arc<IdSealer>,
    /// The gateway's own FHIR base, ending in a slash.
    base: Arc<str>,
    long_ids: Arc<dyn LongIds>,
    standing: Arc<dyn StandingStore>,
    wrong_patient_threshold: u64,
    pub(super) evidence_lifetime: Duration,
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

/// What each provider of the plan answered, in ODS order, failures and skipped ones included: nobody is left out.
#[derive(Debug)]
pub struct Gathered {
    pub patient: NhsNumber,
    pub sources: Vec<SourceAnswer>,
    /// How many others were not asked, as nothing says that they hold anything.
    pub elsewhere: usize,
}

#[derive(Debug)]
pub struct SourceAnswer {
    pub provider: Arc<Provider>,
    pub said: Said,
}

#[derive(Clone, Debug)]
pub enum Said {
    /// It knows the patient. Beside that, a part for each type that was wanted.
    Holds(Arc<Resolution>, Vec<Part>),
    /// It knows no such patient.
    Nothing(Arc<Resolution>),
    Failed(Failure),
    /// Not asked, for a reason of the patient's or ours.
    Skipped(SkipReason),
}

/// What became of one type that was wanted of a provider.
#[derive(Clone, Debug)]
pub struct Part {
    pub resource_type: ResourceType,
    pub said: PartSaid,
}

#[derive(Clone, Debug)]
pub enum PartSaid {
    Answered(Arc<Answer>),
    Failed(Failure),
    /// Not asked: nothing of it could be shown.
    Withheld,
}

impl Federation {
    pub fn new(options: FederationOptions) -> Result<Self, reqwest::Error> {
        let config = options.config;
        let lifetimes = Lifetimes {
            patient: Duration::from_secs(config.patient_ttl_seconds),
            types: ResourceType::ALL.iter().map(|t| config.ttl(t.as_str())).collect(),
        };
        Ok(Self {
            calls: Calls::new(config.max_calls_per_provider, options.statements)?,
            cache: Cache::new(config.cache_bytes, &lifetimes),
            budget: Budget {
                bytes: config.max_answer_bytes,
                limits: Limits { depth: config.max_depth, nodes: config.max_nodes },
                pages: config.max_pages,
            },
            max_document_bytes: config.max_document_bytes,
            page_size: config.page_size,
            ids: options.ids,
            base: options.base,
            long_ids: options.long_ids,
            standing: options.standing,
            wrong_patient_threshold: config.wrong_patient_threshold,
            evidence_lifetime: Duration::from_secs(config.evidence_ttl_seconds),
        })
    }

    /// The whole answer from memory, or `None` if any provider would have to be asked.
    pub async fn recall(&self, plan: &Plan, question: Question<'_>) -> Option<Gathered> {
        let mut sources = Vec::with_capacity(plan.ask.len() + plan.skip.len());
        for errand in &plan.ask {
            let provider = &errand.provider;
            let known = self.cache.known_resolution(question.patient_key(provider)).await?;
            let mut parts = Vec::with_capacity(errand.wants.len());
            if !known.patients.is_empty() {
                for want in &errand.wants {
                    let answer = self.cache.known_answer(&question.key(provider, want)).await?;
                    parts.push(Part::of(want, Ok(answer)));
                }
            }
            sources.push(SourceAnswer { provider: Arc::clone(provider), said: Said::of(known, parts, errand) });
        }
        Some(Gathered::of(question.patient, plan, sources))
    }

    /// Asks every provider of the plan in parallel; each ends by its own deadline, whatever it does. The caller has
    /// committed an intent: no provider hears of a request that the log does not.
    pub async fn gather(&self, plan: &Plan, question: Question<'_>, request: RequestId) -> Gathered {
        let mut asked: FuturesUnordered<_> = plan
            .ask
            .iter()
            .map(|errand| async move {
                let said = self.one(errand, question, request).await.unwrap_or_else(Said::Failed);
                count(&errand.provider, &said);
                SourceAnswer { provider: Arc::clone(&errand.provider), said }
            })
            .collect();
        let mut sources = Vec::with_capacity(plan.ask.len() + plan.skip.len());
        while let Some(source) = asked.next().await {
            sources.push(source);
        }
        Gathered::of(question.patient, plan, sources)
    }

    /// Forgets what these sources said about this patient: they are asked again the next time.
    pub async fn forget(&self, question: Question<'_>, sources: &[OdsCode]) {
        for source in sources {
            self.cache.forget((*source, question.patient, question.sensitivities.id(), None)).await;
        }
    }

    /// The deadline is the leader's own and ends its call with a failure that reaches all who wait for it: if it ended
    /// by being dropped, each of them would start the call anew.
    pub(super) async fn resolution_by(&self, asked: Asked<'_>) -> Result<Arc<Resolution>, Failure> {
        let Asked { provider, question: Question { patient, .. }, deadline, .. } = asked;
        let ask = async {
            let found = async {
                let found = resolution::resolve(&self.calls, asked, self.budget).await?;
                self.remember_long_ids(provider, patient, found).await
            };
            match timeout_at(deadline, found).await.unwrap_or(Err(Failure::Timeout)) {
                Err(failure) => Err(self.alarmed(asked, failure).await),
                found => Ok(found?),
            }
        };
        self.cache.resolution(asked.question.patient_key(provider), ask).await
    }

    /// A Patient is written anew for each reader; the ids it will hold must lead somewhere by then.
    async fn remember_long_ids(
        &self,
        provider: &Arc<Provider>,
        patient: NhsNumber,
        found: Resolution,
    ) -> Result<Resolution, Failure> {
        let found = Arc::new(found);
        let mut rewriter = self.rewriter(provider, patient, &found);
        for own in &found.patients {
            rewriter.id(&own.local);
            let mut tape = Tape::new();
            let resource = json::parse(&own.bytes, &mut Limits::default(), &mut tape).map_err(|_| Failure::NotJson)?;
            rewriter.write(resource, "", None, &mut Vec::new())?;
        }
        self.store_long_ids(&rewriter.long_ids).await?;
        drop(rewriter);
        Arc::try_unwrap(found).map_err(|_| Failure::Internal)
    }

    /// An id whose row is not stored would lead nowhere.
    async fn store_long_ids(&self, ids: &[LongId]) -> Result<(), Failure> {
        if ids.is_empty() { Ok(()) } else { self.long_ids.remember(ids).await.map_err(|_| Failure::Internal) }
    }

    fn rewriter(&self, provider: &Arc<Provider>, patient: NhsNumber, found: &Arc<Resolution>) -> Rewriter {
        Rewriter {
            ids: Arc::clone(&self.ids),
            provider: Arc::clone(provider),
            patient,
            resolution: Arc::clone(found),
            base: Arc::clone(&self.base),
            long_ids: Vec::new(),
        }
    }

    async fn one(&self, errand: &Errand, question: Question<'_>, request: RequestId) -> Result<Said, Failure> {
        let provider = &errand.provider;
        let asked = Asked { provider, question, request, deadline: Instant::now() + provider.deadline };
        let found = self.resolution_by(asked).await?;
        if found.patients.is_empty() {
            return Ok(Said::Nothing(found));
        }
        let parts = errand.wants.iter().map(async |want| Part::of(want, self.answer_by(asked, want, &found).await));
        Ok(Said::of(Arc::clone(&found), join_all(parts).await, errand))
    }

    /// The wanted entries of a type, labelled. The deadline is the leader's own here too.
    pub(super) fn answer_by<'a>(
        &'a self,
        asked: Asked<'a>,
        want: &'a Want,
        found: &'a Arc<Resolution>,
    ) -> BoxFuture<'a, Result<Arc<Answer>, Failure>> {
        let ask = async move {
            let began = Timestamp::now();
            let splitter = timeout_at(asked.deadline, self.ask(asked, want, found));
            let splitter = match splitter.await.unwrap_or(Err(Failure::Timeout)) {
                Err(failure) => return Err(self.alarmed(asked, failure).await),
                Ok(splitter) => splitter,
            };
            let finished = timeout_at(asked.deadline, self.finish(asked, splitter, found, began));
            finished.await.unwrap_or(Err(Failure::Timeout))
        };
        self.cache.answer(asked.question.key(asked.provider, want), ask).boxed()
    }

    async fn ask(&self, asked: Asked<'_>, want: &Want, found: &Arc<Resolution>) -> Result<Splitter, Failure> {
        let Asked { provider, question: Question { patient, sensitivities, .. }, .. } = asked;
        let rewriter = self.rewriter(provider, patient, found);
        let mut splitter = Splitter::new(want.clone(), rewriter, Arc::clone(sensitivities));
        let mut budget = self.budget;
        for url in self.questions(provider, patient, want, found)? {
            splitter = pages::search(&self.calls, asked, url, &mut budget, splitter).await?;
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
        let lent = self.lent(asked, &splitter, found, began).await?;
        let heavy = splitter.is_heavy();
        let finish = move || {
            splitter.inherit(&lent)?;
            Ok(splitter.finish())
        };
        let (answer, long_ids) = if heavy { pages::on_pool(finish).await?? } else { finish()? };
        self.store_long_ids(&long_ids).await?;
        Ok(answer)
    }

    /// The searches that together ask for all of it: one, or one for each Patient where the provider keeps several, or one for
    /// every so many ids.
    fn questions(
        &self,
        provider: &Provider,
        patient: NhsNumber,
        want: &Want,
        found: &Resolution,
    ) -> Result<Vec<Url>, Failure> {
        let asked: Vec<(&str, String)> = match (&want.portion, provider.idiom) {
            (Portion::Named(locals), _) => locals.chunks(NAMED_AT_ONCE).map(|some| ("_id", some.join(","))).collect(),
            (Portion::All, Idiom::Chained) => {
                vec![("patient.identifier", format!("{}|{}", NhsNumber::SYSTEM, patient.digits()))]
            }
            (Portion::All, Idiom::ResolveFirst) => {
                found.patients.iter().map(|p| ("patient", p.local.clone())).collect()
            }
        };
        asked
            .into_iter()
            .map(|(name, value)| {
                let mut url = provider.base.join(want.resource_type.as_str()).map_err(|_| Failure::Internal)?;
                url.query_pairs_mut().append_pair(name, &value).append_pair("_count", &self.page_size.to_string());
                Ok(url)
            })
            .collect()
    }

    /// Another person's data: the source is shut out for this patient, and past a threshold of patients for all.
    async fn alarmed(&self, asked: Asked<'_>, failure: Failure) -> Failure {
        let Asked { provider, question, .. } = asked;
        if failure != Failure::WrongPatient {
            return failure;
        }
        metrics::counter!("caregate_wrong_patient_total", "provider" => provider.ods.to_string()).increment(1);
        tracing::error!(provider.ods = %provider.ods, "provider answered with another person's data; quarantined");
        self.cache.forget(question.patient_key(provider)).await;
        let patients = match self.standing.quarantine(provider.ods, question.patient, failure.code()).await {
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

impl Part {
    fn of(want: &Want, answered: Result<Arc<Answer>, Failure>) -> Self {
        let said = answered.map_or_else(PartSaid::Failed, PartSaid::Answered);
        Self { resource_type: want.resource_type, said }
    }

    pub fn answer(&self) -> Option<&Arc<Answer>> {
        match &self.said {
            PartSaid::Answered(answer) => Some(answer),
            PartSaid::Failed(_) | PartSaid::Withheld => None,
        }
    }

    pub fn failure(&self) -> Option<Failure> {
        match self.said {
            PartSaid::Failed(failure) => Some(failure),
            PartSaid::Answered(_) | PartSaid::Withheld => None,
        }
    }
}

impl Said {
    fn of(found: Arc<Resolution>, mut parts: Vec<Part>, errand: &Errand) -> Self {
        if found.patients.is_empty() {
            return Self::Nothing(found);
        }
        let failures: Vec<Failure> = parts.iter().filter_map(|part| part.failure()).collect();
        // that it knows the patient is no answer where something was wanted and nothing came
        if let (Some(failure), true) = (failures.first(), failures.len() == parts.len()) {
            return Self::Failed(*failure);
        }
        let withheld = errand.withheld.iter();
        parts.extend(withheld.map(|resource_type| Part { resource_type: *resource_type, said: PartSaid::Withheld }));
        Self::Holds(found, parts)
    }
}

impl Gathered {
    /// Of those providers that this is worth knowing of: whether they hold anything about the patient. What one tells
    /// one reader says nothing for another.
    pub fn learned(&self) -> Vec<(OdsCode, bool)> {
        let located = self.sources.iter().filter(|SourceAnswer { provider, .. }| {
            provider.locate != Locate::Always && provider.reader_context != ReaderContext::Decides
        });
        let said = located.filter_map(|source| match source.said {
            Said::Holds(..) => Some((source.provider.ods, true)),
            Said::Nothing(_) => Some((source.provider.ods, false)),
            Said::Failed(_) | Said::Skipped(_) => None,
        });
        said.collect()
    }

    /// What was said by those of the plan who were asked, in whatever order, and the others beside them.
    pub fn of(patient: NhsNumber, plan: &Plan, mut sources: Vec<SourceAnswer>) -> Self {
        sources.extend(
            plan.skip.iter().map(|(provider, reason)| SourceAnswer {
                provider: Arc::clone(provider),
                said: Said::Skipped(*reason),
            }),
        );
        sources.sort_by_key(|source| source.provider.ods);
        Self { patient, sources, elsewhere: plan.elsewhere }
    }
}

fn count(provider: &Provider, said: &Said) {
    let outcome = match said {
        Said::Holds(..) => "answered",
        Said::Nothing(_) => "empty",
        Said::Failed(failure) => {
            // that it is ejected was said when it was
            if *failure != Failure::Ejected {
                tracing::warn!(provider.ods = %provider.ods, failure = failure.code(), "provider failed");
            }
            failure.code()
        }
        Said::Skipped(_) => "skipped",
    };
    metrics::counter!("caregate_provider_answers_total", "provider" => provider.ods.to_string(), "outcome" => outcome)
        .increment(1);
}
