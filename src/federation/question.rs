use super::cache::{AnswerKey, PatientKey};
use crate::{
    access::Sensitivities,
    domain::{NhsNumber, OdsCode, RequestId},
    fhir::ResourceType,
    registry::Provider,
};
use std::sync::Arc;
use tokio::time::Instant;

/// What is wanted of each provider.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub patient: NhsNumber,
    /// How what is answered is labelled: the list of the policy that permitted the question.
    pub sensitivities: &'a Arc<Sensitivities>,
    /// `None`: its own Patient only.
    pub resource_type: Option<ResourceType>,
    /// Only this source is asked for its entries; the others still say who the patient is.
    pub only: Option<OdsCode>,
}

/// One provider's part of a question, until when.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub provider: &'a Arc<Provider>,
    pub question: Question<'a>,
    pub request: RequestId,
    pub deadline: Instant,
}

impl Question<'_> {
    pub(super) fn patient_key(self, source: OdsCode) -> PatientKey {
        (source, self.patient, self.sensitivities.id())
    }

    pub(super) fn key(self, source: OdsCode, resource_type: ResourceType) -> AnswerKey {
        (source, self.patient, resource_type, self.sensitivities.id())
    }

    pub(super) fn wants(&self, source: OdsCode) -> Option<ResourceType> {
        if self.only.is_some_and(|only| only != source) { None } else { self.resource_type }
    }
}
