//! What providers said last, for when they cannot be asked: used only where a deployment sets how old it may be, always
//! said to be old, never evidence, and never in place of an answer that was refused for what it held.

use super::{
    Answer, Failure, Federation, Part, PartSaid, Resolution, Said,
    cache::{AnswerKey, PatientKey},
    question::Asked,
};
use crate::{
    domain::Timestamp,
    registry::{Errand, ReaderContext, Want},
};
use futures::future::join_all;
use moka::future::Cache as Moka;
use std::{sync::Arc, time::Duration};

pub struct Stale {
    lifetime: Duration,
    resolutions: Moka<PatientKey, Arc<Resolution>>,
    answers: Moka<AnswerKey, Arc<Answer>>,
}

impl Stale {
    /// `None` where nothing may be so old. `bytes` are for answers, an eighth more for Patients.
    pub fn new(bytes: u64, lifetime: Duration) -> Option<Self> {
        let resolutions = Moka::builder()
            .max_capacity(bytes / 8)
            .weigher(|_, found: &Arc<Resolution>| found.weight())
            .time_to_live(lifetime)
            .build();
        let answers = Moka::builder()
            .max_capacity(bytes)
            .weigher(|_, answer: &Arc<Answer>| answer.weight())
            .time_to_live(lifetime)
            .build();
        (!lifetime.is_zero()).then_some(Self { lifetime, resolutions, answers })
    }

    pub async fn forget(&self, key: PatientKey, places: Option<u64>) {
        self.resolutions.invalidate(&key).await;
        for answer in AnswerKey::all_of(key, places) {
            self.answers.invalidate(&answer).await;
        }
    }

    /// Kept anew each time it is used: its age is its own.
    fn serves(&self, asked: Asked<'_>, epoch: i64, fetched_at: Timestamp) -> bool {
        epoch >= asked.freshness.recalled && fetched_at.plus(self.lifetime) > Timestamp::now()
    }
}

impl Federation {
    /// An answer, kept for when there will be none.
    pub(super) async fn kept(
        &self,
        asked: Asked<'_>,
        want: &Want,
        found: &Arc<Resolution>,
        answer: Arc<Answer>,
    ) -> PartSaid {
        // what was said to one reader is never another's
        let for_all = asked.provider.reader_context != ReaderContext::Decides;
        if let Some(stale) = self.stale.as_ref().filter(|_| for_all) {
            stale.resolutions.insert(asked.question.patient_key(asked.provider), Arc::clone(found)).await;
            stale.answers.insert(asked.question.key(asked.provider, want, found), Arc::clone(&answer)).await;
        }
        PartSaid::Answered(answer)
    }

    /// What was said earlier of this type, about the very Patients that the source knows the patient as.
    pub(super) async fn stale_part(
        &self,
        asked: Asked<'_>,
        want: &Want,
        found: &Resolution,
        failure: Failure,
    ) -> PartSaid {
        let Some(stale) = self.stale.as_ref().filter(|_| failure.is_of_the_moment()) else {
            return PartSaid::Failed(failure);
        };
        let serves =
            |answer: &Arc<Answer>| answer.is_about(found) && stale.serves(asked, answer.epoch, answer.fetched_at);
        for want in self.meeting(asked.provider, want) {
            let known = stale.answers.get(&asked.question.key(asked.provider, &want, found)).await;
            if let Some(answer) = known.filter(serves) {
                return PartSaid::Stale(answer, failure);
            }
        }
        PartSaid::Failed(failure)
    }

    /// What was said earlier by a source that cannot say now who the patient is. Who the patient is alone is never told
    /// so.
    pub(super) async fn stale_instead(
        &self,
        asked: Asked<'_>,
        errand: &Errand,
        failure: Failure,
    ) -> Result<Said, Failure> {
        let stale = self.stale.as_ref().filter(|_| failure.is_of_the_moment() && !errand.wants.is_empty());
        let stale = stale.ok_or(failure)?;
        let known = stale.resolutions.get(&asked.question.patient_key(asked.provider)).await;
        let found = known.filter(|known| stale.serves(asked, known.epoch, known.fetched_at)).ok_or(failure)?;
        let parts =
            errand.wants.iter().map(async |want| Part::of(want, self.stale_part(asked, want, &found, failure).await));
        match Said::of(Arc::clone(&found), join_all(parts).await, errand) {
            Said::Holds(found, parts) => Ok(Said::Holds(found, parts)),
            _ => Err(failure),
        }
    }
}
