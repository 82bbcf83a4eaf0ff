//! A source may have merged or renumbered its Patients since it was asked for them. What rests on a Patient that is remembered is
//! asked for once more under the source's word of now, before it counts as another person's data, or as nothing at all.

use super::{Failure, Federation, Part, PartSaid, Resolution, question::Asked};
use crate::{
    domain::Timestamp,
    registry::{Errand, Idiom, Portion},
};
use std::sync::Arc;

impl Asked<'_> {
    /// Whether this is from before the request: what is held against it may be newer.
    pub(super) fn remembers(&self, found: &Resolution) -> bool {
        found.fetched_at < self.began
    }
}

impl Federation {
    /// The parts of an errand, and the Patients that they are about.
    pub(super) async fn settled(
        &self,
        asked: Asked<'_>,
        errand: &Errand,
        found: &Arc<Resolution>,
    ) -> Result<(Arc<Resolution>, Vec<Part>), Failure> {
        let parts = self.parts(asked, errand, found).await;
        if !asked.remembers(found) || !parts.iter().any(|part| self.is_doubtful(asked, found, part)) {
            return Ok((Arc::clone(found), parts));
        }
        self.cache.forget_resolution_before(asked.began, asked.question.patient_key(asked.provider)).await;
        let now = match self.resolution_by(asked).await {
            Ok(now) => now,
            // what is wrong stays so, nothing stays a doubt, and what came stands
            Err(failure) => return Ok((Arc::clone(found), self.undecided(asked, found, parts, failure))),
        };
        if now.patients.is_empty() {
            return Ok((now, Vec::new()));
        }
        if !now.is_of_the_same(found) {
            let parts = self.parts(asked, errand, &now).await;
            return Ok((now, parts));
        }
        if parts.iter().any(is_wrong) {
            self.alarmed(asked, Failure::WrongPatient).await;
        }
        Ok((now, parts))
    }

    /// The parts, where it could not be found out whether the Patients are the same still.
    fn undecided(&self, asked: Asked<'_>, found: &Resolution, parts: Vec<Part>, failure: Failure) -> Vec<Part> {
        let one = |part: Part| match self.is_doubtful(asked, found, &part) && !is_wrong(&part) {
            true => Part::of(&part.want, PartSaid::Failed(failure)),
            false => part,
        };
        parts.into_iter().map(one).collect()
    }

    /// What may only seem to be somebody else's; and nothing, from a source that is asked by an id that it may no longer have.
    fn is_doubtful(&self, asked: Asked<'_>, found: &Resolution, part: &Part) -> bool {
        let by_id = asked.provider.idiom == Idiom::ResolveFirst
            && matches!(part.want.portion, Portion::All | Portion::Matching(_));
        let is_old = found.fetched_at.plus(self.evidence_lifetime) <= Timestamp::now();
        let is_empty = part.answer().is_some_and(|it| it.entries.is_empty() && it.fetched_at >= asked.began);
        is_wrong(part) || (by_id && is_old && is_empty)
    }
}

fn is_wrong(part: &Part) -> bool {
    part.failure() == Some(Failure::WrongPatient)
}
