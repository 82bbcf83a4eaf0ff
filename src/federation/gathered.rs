use super::{Answer, Failure, Resolution};
use crate::{
    access::SkipReason,
    domain::{NhsNumber, OdsCode},
    registry::{Errand, Locate, Plan, Provider, ReaderContext, Want},
};
use std::sync::Arc;

/// What each provider of the plan answered, in ODS order, failures and skipped ones included: nobody is left out.
#[derive(Debug)]
pub struct Gathered {
    pub patient: NhsNumber,
    pub sources: Vec<SourceAnswer>,
    /// How many others were not asked, as nothing says that they hold anything.
    pub elsewhere: usize,
    /// How many others were not asked, as they are still joining, and how many of those asked are with a part of what is wanted.
    pub joining: usize,
    pub joining_in_part: usize,
    /// Whether such a question is put to anyone by its filters.
    pub by_filter: bool,
}

#[derive(Clone, Debug)]
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

/// What became of one want.
#[derive(Clone, Debug)]
pub struct Part {
    pub want: Want,
    pub said: PartSaid,
}

#[derive(Clone, Debug)]
pub enum PartSaid {
    Answered(Arc<Answer>),
    /// It failed, and what it said earlier stands in for it: not complete, and said to be old.
    Stale(Arc<Answer>, Failure),
    Failed(Failure),
    /// Not asked: nothing of it could be shown.
    Withheld,
    /// It was asked for when it was live, and is no longer.
    NotLive,
}

impl Part {
    pub(super) fn of(want: &Want, said: PartSaid) -> Self {
        Self { want: want.clone(), said }
    }

    /// Nothing of it could be shown.
    pub fn withheld(want: &Want) -> Self {
        Self::of(want, PartSaid::Withheld)
    }

    /// What this errand did not ask for, beside what it did.
    pub(super) fn unasked(errand: &Errand) -> impl Iterator<Item = Self> {
        let suspended = |want| Self::of(want, PartSaid::Failed(Failure::Suspended));
        errand.withheld.iter().map(Self::withheld).chain(errand.suspended.iter().map(suspended))
    }

    pub fn answer(&self) -> Option<&Arc<Answer>> {
        match &self.said {
            PartSaid::Answered(answer) | PartSaid::Stale(answer, _) => Some(answer),
            PartSaid::Failed(_) | PartSaid::Withheld | PartSaid::NotLive => None,
        }
    }

    pub fn failure(&self) -> Option<Failure> {
        match self.said {
            PartSaid::Failed(failure) => Some(failure),
            PartSaid::Answered(_) | PartSaid::Stale(..) | PartSaid::Withheld | PartSaid::NotLive => None,
        }
    }

    /// Why what stands here is old.
    pub fn stale(&self) -> Option<Failure> {
        match self.said {
            PartSaid::Stale(_, failure) => Some(failure),
            PartSaid::Answered(_) | PartSaid::Failed(_) | PartSaid::Withheld | PartSaid::NotLive => None,
        }
    }
}

impl Said {
    pub(super) fn of(found: Arc<Resolution>, mut parts: Vec<Part>, errand: &Errand) -> Self {
        if found.patients.is_empty() {
            return Self::Nothing(found);
        }
        let failures: Vec<Failure> = parts.iter().filter_map(|part| part.failure()).collect();
        // that it knows the patient is no answer where something was wanted and nothing came
        if let (Some(failure), true) = (failures.first(), failures.len() == parts.len()) {
            return Self::Failed(*failure);
        }
        parts.extend(Part::unasked(errand));
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
        let said = located.filter_map(|source| match &source.said {
            Said::Holds(_, parts) => {
                let stale = parts.iter().any(|part| part.stale().is_some());
                (!stale).then_some((source.provider.ods, true))
            }
            Said::Nothing(_) => Some((source.provider.ods, false)),
            Said::Failed(_) | Said::Skipped(_) => None,
        });
        said.collect()
    }

    /// What was said by those of the plan who were asked, in whatever order, and the others beside them.
    pub fn of(patient: NhsNumber, plan: &Plan, mut sources: Vec<SourceAnswer>) -> Self {
        let skipped = plan.skip.iter().map(|(provider, reason)| (provider, Said::Skipped(*reason)));
        let out = plan.out_of_use.iter().map(|provider| (provider, Said::Failed(Failure::OutOfUse)));
        sources
            .extend(skipped.chain(out).map(|(provider, said)| SourceAnswer { provider: Arc::clone(provider), said }));
        sources.sort_by_key(|source| source.provider.ods);
        let Plan { elsewhere, joining, joining_in_part, by_filter, .. } = *plan;
        Self { patient, sources, elsewhere, joining, joining_in_part, by_filter }
    }
}

pub(super) fn count(provider: &Provider, said: &Said) {
    let outcome = match said {
        Said::Holds(_, parts) if parts.iter().any(|part| part.stale().is_some()) => "stale",
        Said::Holds(..) => "answered",
        Said::Nothing(_) => "empty",
        Said::Failed(failure) => {
            tracing::warn!(provider.ods = %provider.ods, failure = failure.code(), "provider failed");
            failure.code()
        }
        Said::Skipped(_) => "skipped",
    };
    metrics::counter!("caregate_provider_answers_total", "provider" => provider.ods.to_string(), "outcome" => outcome)
        .increment(1);
}
