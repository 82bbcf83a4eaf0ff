use crate::{
    access::{Asking, Disclosure, Permit, SkipReason},
    domain::{Labels, Timestamp},
    federation::{Answer, Failure, Items, Resolution},
    fhir::date::Interval,
    registry::Provider,
};
use std::sync::Arc;

/// One source's part in a record.
#[derive(Clone, Debug)]
pub struct Source {
    pub provider: Arc<Provider>,
    pub state: State,
}

#[derive(Clone, Debug)]
pub enum State {
    /// It knows the patient, and where entries were asked for it sent them all.
    Holds {
        resolution: Arc<Resolution>,
        answer: Option<Arc<Answer>>,
    },
    Nothing,
    Failed(Failure),
    /// The patient objects to this source's data being shared.
    Withheld,
}

impl State {
    /// What is ours to report, and what is the patient's choice.
    pub fn skipped(reason: SkipReason) -> Self {
        match reason {
            SkipReason::Quarantined => Self::Failed(Failure::Quarantined),
            SkipReason::Suspended => Self::Failed(Failure::Suspended),
            SkipReason::Objected => Self::Withheld,
        }
    }
}

impl Source {
    /// What it must become where this permit would not have asked it.
    pub fn shut_out(&self, permit: &Permit) -> Option<State> {
        match (&self.state, permit.asks(self.provider.ods)) {
            (State::Holds { .. } | State::Nothing, Asking::Skip(reason)) => Some(State::skipped(reason)),
            _ => None,
        }
    }

    /// Why it is missing from the answer, where the reader is to be told so.
    pub fn failure(&self) -> Option<Failure> {
        match self.state {
            State::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Whether this reader may see what it labelled so. Of a source whose very name tells something nothing is shown to
    /// those who may not see what is restricted: what is shown names its source.
    pub fn discloses(&self, permit: &Permit, labels: &Labels, date: Option<Interval>) -> bool {
        let released = |labels| permit.disclosure(self.provider.ods, labels, date) == Disclosure::Release;
        released(labels) && (!self.provider.restricted || released(&Labels::restricted_only()))
    }

    /// What its part rests on, and since when.
    pub fn items(&self) -> Option<(&Arc<Items>, Timestamp)> {
        match &self.state {
            State::Holds { answer: Some(answer), .. } => Some((&answer.items, answer.fetched_at)),
            State::Holds { resolution, .. } => Some((&resolution.items, resolution.fetched_at)),
            State::Nothing | State::Failed(_) | State::Withheld => None,
        }
    }

    pub fn answer(&self) -> Option<&Arc<Answer>> {
        match &self.state {
            State::Holds { answer, .. } => answer.as_ref(),
            _ => None,
        }
    }
}
