use crate::{
    access::{Asking, Permit, SkipReason},
    federation::{Answer, Failure, Items, Resolution},
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
    Holds { resolution: Arc<Resolution>, answer: Option<Arc<Answer>> },
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

    /// The manifest of what it sent: its entries, or where it was asked for none its own Patients.
    pub fn items(&self) -> Option<&Arc<Items>> {
        match &self.state {
            State::Holds { answer: Some(answer), .. } => Some(&answer.items),
            State::Holds { resolution, .. } => Some(&resolution.items),
            _ => None,
        }
    }

    pub fn answer(&self) -> Option<&Arc<Answer>> {
        match &self.state {
            State::Holds { answer, .. } => answer.as_ref(),
            _ => None,
        }
    }
}
