//! What lends an entry its labels: the Encounter it was made in, the Observations it reports. A note made in a clinic that
//! marks its Encounters and nothing else is as sensitive as the Encounter.

use super::{
    Answer, Failure, Federation, Resolution, gather::disclaims, question::Asked, reference::Referred, split::Splitter,
};
use crate::{
    domain::Timestamp,
    fhir::{ResourceType, json::Value},
    registry::{Provider, Want},
};
use std::sync::Arc;

/// A path to References, and the types they are followed to.
type Path = (&'static str, &'static [ResourceType]);

const ENCOUNTER: &[ResourceType] = &[ResourceType::Encounter];
const MEDICATION: Path = ("medicationReference", &[ResourceType::Medication]);
const ENCOUNTER_OR_EPISODE: &[ResourceType] = &[ResourceType::Encounter, ResourceType::EpisodeOfCare];

/// All that a record is made of; the Patient, who comes first, lends nothing.
const RECORDS: &[ResourceType] = match ResourceType::RECORDS.split_first() {
    Some((_, records)) => records,
    None => &[],
};

/// Elements as R4 has them. Reasons, problems addressed, and what lists and sections name are not followed: those are
/// about other entries, not made of them. No type leads back to itself by way of another: entries wait for their lenders.
const fn paths(resource_type: ResourceType) -> &'static [Path] {
    use ResourceType as T;
    match resource_type {
        T::Patient | T::EpisodeOfCare | T::Appointment | T::Goal | T::FamilyMemberHistory => &[],
        // a target is as sensitive as it says itself
        T::Practitioner
        | T::PractitionerRole
        | T::Organization
        | T::Location
        | T::Medication
        | T::Specimen
        | T::Device => &[],
        // what says where something came from tells of it
        T::Provenance => &[("target", RECORDS)],
        T::AllergyIntolerance
        | T::Condition
        | T::Procedure
        | T::Immunization
        | T::ServiceRequest
        | T::CarePlan
        | T::CareTeam
        | T::Flag
        | T::List
        | T::QuestionnaireResponse
        | T::Composition
        | T::ImagingStudy => &[("encounter", ENCOUNTER)],
        T::Encounter => &[("partOf", ENCOUNTER), ("episodeOfCare", &[T::EpisodeOfCare])],
        T::Observation => &[("encounter", ENCOUNTER), ("hasMember", &[T::Observation])],
        T::DiagnosticReport => &[("encounter", ENCOUNTER), ("result", &[T::Observation])],
        T::DocumentReference => &[("context.encounter", ENCOUNTER_OR_EPISODE)],
        // what is given says it all, and it may be said in the Medication alone
        T::MedicationRequest => &[("encounter", ENCOUNTER), MEDICATION],
        T::MedicationStatement => {
            &[("context", ENCOUNTER_OR_EPISODE), ("basedOn", &[T::MedicationRequest]), MEDICATION]
        }
        T::MedicationDispense => {
            &[("context", ENCOUNTER_OR_EPISODE), ("authorizingPrescription", &[T::MedicationRequest]), MEDICATION]
        }
    }
}

/// The entries of the same source that this one takes its labels from as well.
pub fn lenders(resource: Value<'_>, resource_type: ResourceType, provider: &Provider) -> Box<[Referred]> {
    let mut found = Vec::new();
    for (path, types) in paths(resource_type) {
        resource.each(path, &mut |reference| found.extend(Referred::by(reference, types, provider)));
    }
    found.into_boxed_slice()
}

/// The other types that may lend an entry of this type its labels.
pub fn lending_types(resource_type: ResourceType) -> impl Iterator<Item = ResourceType> {
    let types = paths(resource_type).iter().flat_map(|(_, types)| *types).copied();
    types.filter(move |lending| *lending != resource_type)
}

type Lent = (Vec<(ResourceType, Arc<Answer>)>, Vec<ResourceType>);

impl Federation {
    /// The answers that lend labels to these entries, and the types that the provider does not serve. Any other failure costs the
    /// whole answer: what it would have marked is not known.
    pub(super) async fn lent(
        &self,
        asked: Asked<'_>,
        splitter: &Splitter,
        found: &Arc<Resolution>,
        began: Timestamp,
    ) -> Result<Lent, Failure> {
        let (mut lent, mut unserved) = (Vec::new(), Vec::new());
        for lending in splitter.lending() {
            // no search leads from a patient to a target: it is asked for by its id
            let want = match lending.is_target() {
                true => Want::named(lending, splitter.lenders_of(lending)),
                false => Want::all(lending),
            };
            let key = asked.question.key(asked.provider, &want, found);
            let mut answer = self.answer_by(asked, &want, found).await;
            if answer.as_ref().is_ok_and(|answer| splitter.misses(lending, answer)) {
                // it may be older than the entry that refers to it
                self.cache.forget_answer_before(began, key).await;
                answer = self.answer_by(asked, &want, found).await;
            }
            match answer {
                // it never said that it has any: what it does not keep marks nothing
                Ok(answer) if answer.entries.is_empty() && !lending.is_target() && disclaims(asked.provider, &want) => {
                }
                Ok(answer) => lent.push((lending, answer)),
                Err(failure) if failure.is_not_served() => unserved.push(lending),
                Err(failure) => return Err(failure),
            }
        }
        Ok((lent, unserved))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        federation::testing::provider,
        fhir::json::{self, Limits, Tape},
    };

    #[test]
    fn no_type_waits_for_itself() {
        fn steps(from: ResourceType, seen: &mut Vec<ResourceType>) {
            assert!(!seen.contains(&from), "{seen:?} {from}");
            seen.push(from);
            for to in paths(from).iter().flat_map(|(_, types)| *types).filter(|to| **to != from) {
                steps(*to, seen);
            }
            seen.pop();
        }
        ResourceType::ALL.iter().for_each(|from| steps(*from, &mut Vec::new()));
    }

    #[test]
    fn references_are_followed_within_the_source_to_the_types_that_lend() {
        let text = r##"{"encounter":{"reference":"https://rz901.example/fhir/Encounter/e/_history/2"},
            "result":[{"reference":"Observation/a"},{"reference":"Observation/b","display":"x"},{"reference":"Encounter/x"},
            {"reference":"#c"},{"identifier":{"value":"1"}},{"reference":"https://other.example/Observation/d"}],
            "hasMember":[{"reference":"Observation/not-of-reports"}]}"##;
        let mut tape = Tape::new();
        let report = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
        let lender = |resource_type, local: &str| Referred { resource_type, local: local.into() };
        let (encounter, observation) = (ResourceType::Encounter, ResourceType::Observation);
        let all = [lender(encounter, "e"), lender(observation, "a"), lender(observation, "b")];
        assert_eq!(*lenders(report, ResourceType::DiagnosticReport, &provider("RZ901")), all);
        assert_eq!(*lenders(report, ResourceType::Goal, &provider("RZ901")), []);
    }
}
