use crate::{
    federation::{Answer, Failure, Resolution},
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

impl Source {
    /// Why it is missing from the answer, where the reader is to be told so.
    pub fn failure(&self) -> Option<Failure> {
        match self.state {
            State::Failed(failure) => Some(failure),
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
