use super::{Announced, Answer, Failure, Federation, Question, Resolution, question::Asked};
use crate::{
    domain::Timestamp,
    fhir::{ResourceType, json::Value},
    registry::{Freshness, Provider, Want},
};
use futures::future::join_all;
use std::sync::Arc;
use tokio::time::Instant;

/// What one provider itself says of whether it cares for a patient.
#[derive(Debug)]
pub struct Word {
    pub resolution: Arc<Resolution>,
    /// In the order of the types that it was asked for; empty where its own Patient settles it.
    pub answers: Vec<Result<Arc<Answer>, Failure>>,
}

impl Word {
    /// The types that tell of care under way or agreed.
    pub const TYPES: [ResourceType; 3] =
        [ResourceType::Encounter, ResourceType::EpisodeOfCare, ResourceType::Appointment];

    /// No one else can be anybody's registered practice, whatever they write.
    pub fn is_registered(resolution: &Resolution, provider: &Provider) -> bool {
        provider.is_gp_practice() && resolution.is_registered_at(provider.ods)
    }

    fn is_settled_by(resolution: &Resolution, provider: &Provider) -> bool {
        resolution.patients.is_empty() || Self::is_registered(resolution, provider)
    }
}

/// Whether its status says that care is under way, or agreed. <https://hl7.org/fhir/R4/valueset-encounter-status.html>,
/// <https://hl7.org/fhir/R4/valueset-episode-of-care-status.html>, <https://hl7.org/fhir/R4/valueset-appointmentstatus.html>
pub(super) fn is_under_way(resource_type: ResourceType, resource: Value<'_>) -> bool {
    let statuses: &[&str] = match resource_type {
        ResourceType::Encounter => &["arrived", "triaged", "in-progress", "onleave"],
        ResourceType::EpisodeOfCare => &["active"],
        ResourceType::Appointment => &["pending", "booked", "arrived", "checked-in", "fulfilled"],
        _ => return false,
    };
    resource.text("status").is_some_and(|status| statuses.contains(&&*status))
}

impl Federation {
    /// This provider's word, where it was asked for lately enough to be evidence: care that has ended must not outlive its
    /// end by as long as a record may.
    pub async fn recent_word(
        &self,
        provider: &Provider,
        question: Question<'_>,
        types: &[ResourceType],
    ) -> Option<Word> {
        let young = |fetched_at: Timestamp| fetched_at.plus(self.evidence_lifetime) > Timestamp::now();
        let resolution = self.cache.known_resolution(question.patient_key(provider)).await?;
        if !young(resolution.fetched_at) {
            return None;
        }
        let mut answers = Vec::new();
        if !Word::is_settled_by(&resolution, provider) {
            for resource_type in types {
                let known =
                    self.cache.known_answer(&question.key(provider, &Want::all(*resource_type), &resolution)).await?;
                answers.push((known.is_about(&resolution) && young(known.fetched_at)).then_some(Ok(known))?);
            }
        }
        Some(Word { resolution, answers })
    }

    /// The same, asking for what is not remembered or too old to be evidence. What another request has just been told serves
    /// this one too, and answers remember it.
    ///
    /// # Errors
    /// Why its Patient could not be had. What failed of the types after that is in the word.
    pub async fn word(
        &self,
        provider: &Arc<Provider>,
        (question, types): (Question<'_>, &[ResourceType]),
        announced: &impl Announced,
    ) -> Result<Word, Failure> {
        let too_old = Timestamp::now().minus(self.evidence_lifetime);
        self.cache.forget_resolution_before(too_old, question.patient_key(provider)).await;
        let deadline = Instant::now() + provider.deadline;
        let (request, began) = (announced.request_id(), Timestamp::now());
        let asked = Asked { provider, question, request, began, deadline, freshness: Freshness::default() };
        let word = self.told((asked, types), self.resolution_by(asked).await?, too_old).await;
        let is_wrong = word.answers.iter().any(|answer| matches!(answer, Err(Failure::WrongPatient)));
        if !is_wrong || !asked.remembers(&word.resolution) {
            return Ok(word);
        }
        // it may be the patient's own under a Patient newer than the one that is remembered
        self.cache.forget_resolution_before(began, question.patient_key(provider)).await;
        let now = self.resolution_by(asked).await?;
        if now.is_of_the_same(&word.resolution) {
            self.alarmed(asked, Failure::WrongPatient).await;
            return Ok(word);
        }
        Ok(self.told((asked, types), now, too_old).await)
    }

    async fn told(
        &self,
        (asked, types): (Asked<'_>, &[ResourceType]),
        resolution: Arc<Resolution>,
        too_old: Timestamp,
    ) -> Word {
        if Word::is_settled_by(&resolution, asked.provider) {
            return Word { resolution, answers: Vec::new() };
        }
        let answers = types.iter().map(async |resource_type| {
            let want = Want::all(*resource_type);
            let key = asked.question.key(asked.provider, &want, &resolution);
            self.cache.forget_answer_before(too_old, key).await;
            self.answer_by(asked, &want, &resolution).await
        });
        let answers = join_all(answers).await;
        Word { resolution, answers }
    }
}
