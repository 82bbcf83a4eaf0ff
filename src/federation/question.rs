use super::cache::{AnswerKey, PatientKey};
use crate::{
    access::Sensitivities,
    domain::{NhsNumber, OdsCode, RequestId},
    registry::{Freshness, Provider, Want},
};
use std::sync::Arc;
use tokio::time::Instant;

/// Of whom something is asked, and how what is answered is labelled; the plan says what of whom.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub patient: NhsNumber,
    /// The patient's epoch, read before anything is asked: what is asked for now is later than every fact up to it.
    pub epoch: i64,
    /// The list of the policy that permitted the question.
    pub sensitivities: &'a Arc<Sensitivities>,
}

/// One provider's part of a question, until when.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub provider: &'a Arc<Provider>,
    pub question: Question<'a>,
    pub request: RequestId,
    pub deadline: Instant,
    pub freshness: Freshness,
}

impl Question<'_> {
    pub(super) fn patient_key(self, source: OdsCode) -> PatientKey {
        (source, self.patient, self.sensitivities.id())
    }

    pub(super) fn key(self, source: OdsCode, want: &Want) -> AnswerKey {
        (source, self.patient, want.clone(), self.sensitivities.id())
    }
}
