//! What comes along with entries that were answered: what they refer to, and what says where they came from. Each source is
//! asked for its own, in the same way and held to the same as for the entries themselves.

use super::{Announced, Failure, Federation, Part, PartSaid, Question, Resolution, question::Asked};
use crate::{domain::Timestamp, registry::Errand};
use futures::future::join_all;
use std::sync::Arc;
use tokio::time::Instant;

/// Errands to sources that have said who the patient is.
pub type Errands = [(Arc<Resolution>, Errand)];

impl Federation {
    /// The parts of each errand from memory, or `None` if a source would have to be asked.
    pub async fn recall_along(&self, errands: &Errands, question: Question<'_>) -> Option<Vec<Vec<Part>>> {
        let mut all = Vec::with_capacity(errands.len());
        for (found, errand) in errands {
            all.push(with_withheld(self.known_parts(errand, question, found).await?, errand));
        }
        Some(all)
    }

    /// The same, asking for what is not remembered.
    pub async fn gather_along(
        &self,
        errands: &Errands,
        question: Question<'_>,
        announced: &impl Announced,
    ) -> Vec<Vec<Part>> {
        let request = announced.request_id();
        let one = async |(found, errand): &(Arc<Resolution>, Errand)| {
            let Errand { provider, freshness, .. } = errand;
            let deadline = Instant::now() + provider.deadline;
            let asked = Asked { provider, question, request, began: Timestamp::now(), deadline, freshness: *freshness };
            let parts = match self.settled(asked, errand, found).await {
                Ok((now, parts)) if now.is_of_the_same(found) => parts,
                // the record rests on Patients that the source does not have any more
                Ok(_) => {
                    errand.wants.iter().map(|want| Part::of(want, PartSaid::Failed(Failure::UnexpectedEntry))).collect()
                }
                Err(failure) => errand.wants.iter().map(|want| Part::of(want, PartSaid::Failed(failure))).collect(),
            };
            for failure in parts.iter().filter_map(Part::failure) {
                tracing::warn!(provider.ods = %provider.ods, failure = failure.code(), "provider failed");
            }
            with_withheld(parts, errand)
        };
        join_all(errands.iter().map(one)).await
    }
}

fn with_withheld(mut parts: Vec<Part>, errand: &Errand) -> Vec<Part> {
    parts.extend(Part::unasked(errand));
    parts
}
