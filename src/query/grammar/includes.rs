//! What a search may bring along with its matches: the references of R4's registry that lead from a type to another part of the
//! record or to a target. Whatever is brought is asked of the including resource's own provider and checked like any other.
//!
//! Not among them: `patient` and `subject`, whose Patient is joined from all sources and not one source's own (it is read by
//! the id the search names it by, with a decision and a row of its own), and what leads to anything whatever
//! (`List:item`, `Composition:entry`, `focus`, `supporting-info`): that is searched for by its type.
//! <https://hl7.org/fhir/R4/search.html#include>

use crate::fhir::ResourceType;

/// A reference parameter: what `_include=Type:name` follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub name: &'static str,
    /// The References it reads: dotted paths, as of dates.
    pub paths: &'static [&'static str],
    /// The types it is followed to: never Patient.
    pub targets: &'static [ResourceType],
}

use ResourceType as T;

const ENCOUNTER: &[T] = &[T::Encounter];
const ENCOUNTER_OR_EPISODE: &[T] = &[T::Encounter, T::EpisodeOfCare];
const LOCATION: &[T] = &[T::Location];
const ORGANIZATION: &[T] = &[T::Organization];
const PRACTITIONER: &[T] = &[T::Practitioner];
/// Somebody of staff, in a role or not.
const STAFF: &[T] = &[T::Practitioner, T::PractitionerRole];
const AUTHORS: &[T] = &[T::Practitioner, T::PractitionerRole, T::Organization];
const AUTHORS_AND_DEVICES: &[T] = &[T::Practitioner, T::PractitionerRole, T::Organization, T::Device];
const TEAMS: &[T] = &[T::CareTeam, T::Practitioner, T::PractitionerRole, T::Organization];
const ANYBODY: &[T] = &[T::CareTeam, T::Practitioner, T::PractitionerRole, T::Organization, T::Device];

const fn to(name: &'static str, paths: &'static [&'static str], targets: &'static [T]) -> Reference {
    Reference { name, paths, targets }
}

const ENCOUNTER_OF: Reference = to("encounter", &["encounter"], ENCOUNTER);
const MEDICATION: Reference = to("medication", &["medicationReference"], &[T::Medication]);
const CONTEXT: Reference = to("context", &["context"], ENCOUNTER_OR_EPISODE);
const SPECIMEN: Reference = to("specimen", &["specimen"], &[T::Specimen]);

pub(super) const fn of(resource_type: T) -> &'static [Reference] {
    match resource_type {
        T::Patient | T::Goal | T::FamilyMemberHistory => &[],
        T::Practitioner
        | T::PractitionerRole
        | T::Organization
        | T::Location
        | T::Medication
        | T::Specimen
        | T::Device
        | T::Provenance => &[],
        T::AllergyIntolerance => {
            const { &[to("asserter", &["asserter"], STAFF), to("recorder", &["recorder"], STAFF)] }
        }
        T::Condition => const { &[to("asserter", &["asserter"], STAFF), ENCOUNTER_OF] },
        T::Procedure => {
            const {
                &[
                    to("based-on", &["basedOn"], &[T::CarePlan, T::ServiceRequest]),
                    ENCOUNTER_OF,
                    to("location", &["location"], LOCATION),
                    to("part-of", &["partOf"], &[T::Procedure, T::Observation]),
                    to("performer", &["performer.actor"], AUTHORS_AND_DEVICES),
                    to(
                        "reason-reference",
                        &["reasonReference"],
                        &[T::Condition, T::Procedure, T::Observation, T::DiagnosticReport, T::DocumentReference],
                    ),
                ]
            }
        }
        T::Immunization => {
            const {
                &[
                    to("location", &["location"], LOCATION),
                    to("manufacturer", &["manufacturer"], ORGANIZATION),
                    to("performer", &["performer.actor"], AUTHORS),
                    to("reaction", &["reaction.detail"], &[T::Observation]),
                    to("reason-reference", &["reasonReference"], &[T::Condition, T::Observation, T::DiagnosticReport]),
                ]
            }
        }
        T::MedicationRequest => {
            const {
                &[
                    ENCOUNTER_OF,
                    to("intended-dispenser", &["dispenseRequest.performer"], ORGANIZATION),
                    to("intended-performer", &["performer"], ANYBODY),
                    MEDICATION,
                    to("requester", &["requester"], AUTHORS_AND_DEVICES),
                ]
            }
        }
        T::MedicationStatement => {
            const {
                &[
                    CONTEXT,
                    MEDICATION,
                    to(
                        "part-of",
                        &["partOf"],
                        &[T::Procedure, T::MedicationStatement, T::MedicationDispense, T::Observation],
                    ),
                    to("source", &["informationSource"], AUTHORS),
                ]
            }
        }
        T::MedicationDispense => {
            const {
                &[
                    CONTEXT,
                    to("destination", &["destination"], LOCATION),
                    MEDICATION,
                    to("performer", &["performer.actor"], AUTHORS_AND_DEVICES),
                    to("prescription", &["authorizingPrescription"], &[T::MedicationRequest]),
                    to("receiver", &["receiver"], PRACTITIONER),
                    to("responsibleparty", &["substitution.responsibleParty"], STAFF),
                ]
            }
        }
        T::Observation => {
            const {
                &[
                    to("based-on", &["basedOn"], &[T::MedicationRequest, T::ServiceRequest, T::CarePlan]),
                    to(
                        "derived-from",
                        &["derivedFrom"],
                        &[T::Observation, T::DocumentReference, T::QuestionnaireResponse, T::ImagingStudy],
                    ),
                    to("device", &["device"], &[T::Device]),
                    ENCOUNTER_OF,
                    to("has-member", &["hasMember"], &[T::Observation, T::QuestionnaireResponse]),
                    to(
                        "part-of",
                        &["partOf"],
                        &[
                            T::Procedure,
                            T::Immunization,
                            T::MedicationStatement,
                            T::MedicationDispense,
                            T::ImagingStudy,
                        ],
                    ),
                    to("performer", &["performer"], TEAMS),
                    SPECIMEN,
                ]
            }
        }
        T::DiagnosticReport => {
            const {
                &[
                    to("based-on", &["basedOn"], &[T::MedicationRequest, T::ServiceRequest, T::CarePlan]),
                    ENCOUNTER_OF,
                    to("performer", &["performer"], TEAMS),
                    to("result", &["result"], &[T::Observation]),
                    to("results-interpreter", &["resultsInterpreter"], TEAMS),
                    SPECIMEN,
                ]
            }
        }
        T::Encounter => {
            const {
                &[
                    to("appointment", &["appointment"], &[T::Appointment]),
                    to("based-on", &["basedOn"], &[T::ServiceRequest]),
                    to("diagnosis", &["diagnosis.condition"], &[T::Condition, T::Procedure]),
                    to("episode-of-care", &["episodeOfCare"], &[T::EpisodeOfCare]),
                    to("location", &["location.location"], LOCATION),
                    to("part-of", &["partOf"], ENCOUNTER),
                    to("participant", &["participant.individual"], STAFF),
                    to("practitioner", &["participant.individual"], PRACTITIONER),
                    to("reason-reference", &["reasonReference"], &[T::Condition, T::Procedure, T::Observation]),
                    to("service-provider", &["serviceProvider"], ORGANIZATION),
                ]
            }
        }
        T::EpisodeOfCare => {
            const {
                &[
                    to("care-manager", &["careManager"], PRACTITIONER),
                    to("condition", &["diagnosis.condition"], &[T::Condition]),
                    to("incoming-referral", &["referralRequest"], &[T::ServiceRequest]),
                    to("organization", &["managingOrganization"], ORGANIZATION),
                ]
            }
        }
        // `actor` would lead to the patient among others: the two that do not are offered
        T::Appointment => {
            const {
                &[
                    to("based-on", &["basedOn"], &[T::ServiceRequest]),
                    to("location", &["participant.actor"], LOCATION),
                    to("practitioner", &["participant.actor"], PRACTITIONER),
                    to("reason-reference", &["reasonReference"], &[T::Condition, T::Procedure, T::Observation]),
                ]
            }
        }
        T::ServiceRequest => {
            const {
                &[
                    to("based-on", &["basedOn"], &[T::MedicationRequest, T::ServiceRequest, T::CarePlan]),
                    ENCOUNTER_OF,
                    to("performer", &["performer"], ANYBODY),
                    to("replaces", &["replaces"], &[T::ServiceRequest]),
                    to("requester", &["requester"], AUTHORS_AND_DEVICES),
                    SPECIMEN,
                ]
            }
        }
        T::CarePlan => {
            const {
                &[
                    to(
                        "activity-reference",
                        &["activity.reference"],
                        &[T::MedicationRequest, T::Appointment, T::ServiceRequest],
                    ),
                    to("based-on", &["basedOn"], &[T::CarePlan]),
                    to("care-team", &["careTeam"], &[T::CareTeam]),
                    to("condition", &["addresses"], &[T::Condition]),
                    ENCOUNTER_OF,
                    to("goal", &["goal"], &[T::Goal]),
                    to("part-of", &["partOf"], &[T::CarePlan]),
                    to("performer", &["activity.detail.performer"], ANYBODY),
                    to("replaces", &["replaces"], &[T::CarePlan]),
                ]
            }
        }
        T::CareTeam => const { &[ENCOUNTER_OF, to("participant", &["participant.member"], TEAMS)] },
        T::DocumentReference => {
            const {
                &[
                    to("authenticator", &["authenticator"], AUTHORS),
                    to("author", &["author"], AUTHORS_AND_DEVICES),
                    to("custodian", &["custodian"], ORGANIZATION),
                    to("encounter", &["context.encounter"], ENCOUNTER_OR_EPISODE),
                    to("relatesto", &["relatesTo.target"], &[T::DocumentReference]),
                ]
            }
        }
        T::Flag => const { &[to("author", &["author"], AUTHORS_AND_DEVICES), ENCOUNTER_OF] },
        T::List => {
            const { &[ENCOUNTER_OF, to("source", &["source"], &[T::Practitioner, T::PractitionerRole, T::Device])] }
        }
        T::QuestionnaireResponse => {
            const {
                &[
                    to("author", &["author"], AUTHORS_AND_DEVICES),
                    to("based-on", &["basedOn"], &[T::ServiceRequest, T::CarePlan]),
                    ENCOUNTER_OF,
                    to("part-of", &["partOf"], &[T::Procedure, T::Observation]),
                    to("source", &["source"], STAFF),
                ]
            }
        }
        T::Composition => {
            const {
                &[
                    to("attester", &["attester.party"], AUTHORS),
                    to("author", &["author"], AUTHORS_AND_DEVICES),
                    ENCOUNTER_OF,
                ]
            }
        }
        T::ImagingStudy => {
            const {
                &[
                    to("basedon", &["basedOn"], &[T::Appointment, T::ServiceRequest, T::CarePlan]),
                    ENCOUNTER_OF,
                    to("interpreter", &["interpreter"], STAFF),
                    to("performer", &["series.performer.actor"], ANYBODY),
                    to("referrer", &["referrer"], STAFF),
                ]
            }
        }
    }
}
