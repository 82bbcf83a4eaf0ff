use super::cache::{AnswerKey, PatientKey};
use crate::{
    access::Sensitivities,
    domain::{NhsNumber, RequestId},
    identity::Requester,
    registry::{Freshness, Provider, ReaderContext, Want},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::time::Instant;

/// Of whom something is asked, for whom, and how what is answered is labelled; the plan says what of whom.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub patient: NhsNumber,
    /// The patient's epoch, read before anything is asked: what is asked for now is later than every fact up to it.
    pub epoch: i64,
    /// The list of the policy that permitted the question.
    pub sensitivities: &'a Arc<Sensitivities>,
    pub asker: Asker<'a>,
}

/// For whom one question is asked. No two are the same, not even of one requester.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub requester: &'a Requester,
    turn: Turn,
}

/// Which question it was, where its answers are for nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Turn(u64);

/// One provider's part of a question, until when.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub provider: &'a Arc<Provider>,
    pub question: Question<'a>,
    pub request: RequestId,
    pub deadline: Instant,
    pub freshness: Freshness,
}

impl<'a> Asker<'a> {
    pub fn of(requester: &'a Requester) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { requester, turn: Turn(NEXT.fetch_add(1, Ordering::Relaxed)) }
    }
}

impl Question<'_> {
    pub(super) fn patient_key(self, provider: &Provider) -> PatientKey {
        (provider.ods, self.patient, self.sensitivities.id(), self.turn(provider))
    }

    pub(super) fn key(self, provider: &Provider, want: &Want) -> AnswerKey {
        (provider.ods, self.patient, want.clone(), self.sensitivities.id(), self.turn(provider))
    }

    /// `None` where the provider answers all readers alike.
    fn turn(self, provider: &Provider) -> Option<Turn> {
        (provider.reader_context == ReaderContext::Decides).then_some(self.asker.turn)
    }
}
