//! The token parameters of each type that the contract names: what R4's registry says they read, and, for elements of type
//! `code`, the system that their required binding implies. <https://hl7.org/fhir/R4/search.html#token>

use crate::fhir::ResourceType;

/// A token parameter's name, what it finds, and where: dotted paths, as of dates.
pub type TokenParameter = (&'static str, DataType, &'static [&'static str]);

/// The data type of the elements a token parameter reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    Identifier,
    CodeableConcept,
    /// A `code` of this system, which the element itself does not say.
    Code(&'static str),
}

const IDENTIFIER: TokenParameter = ("identifier", DataType::Identifier, &["identifier"]);
const CATEGORY: TokenParameter = ("category", DataType::CodeableConcept, &["category"]);
const CLINICAL_STATUS: TokenParameter = ("clinical-status", DataType::CodeableConcept, &["clinicalStatus"]);
const CODE: TokenParameter = ("code", DataType::CodeableConcept, &["code"]);
const TYPE: TokenParameter = ("type", DataType::CodeableConcept, &["type"]);
const MEDICINE: TokenParameter = ("code", DataType::CodeableConcept, &["medicationCodeableConcept"]);

const fn status(system: &'static str) -> TokenParameter {
    ("status", DataType::Code(system), &["status"])
}

const fn intent(system: &'static str) -> TokenParameter {
    ("intent", DataType::Code(system), &["intent"])
}

const EVENT_STATUS: &str = "http://hl7.org/fhir/event-status";
const REQUEST_STATUS: &str = "http://hl7.org/fhir/request-status";
const REQUEST_INTENT: &str = "http://hl7.org/fhir/request-intent";

pub(super) const fn of(resource_type: ResourceType) -> &'static [TokenParameter] {
    use DataType::{Code, CodeableConcept, Identifier};
    use ResourceType as T;
    match resource_type {
        // a Patient's identifier is the patient asked for; targets are not searched
        T::Patient
        | T::Practitioner
        | T::PractitionerRole
        | T::Organization
        | T::Location
        | T::Medication
        | T::Specimen
        | T::Device
        | T::Provenance => &[],
        T::AllergyIntolerance => &[
            ("category", Code("http://hl7.org/fhir/allergy-intolerance-category"), &["category"]),
            CLINICAL_STATUS,
            ("code", CodeableConcept, &["code", "reaction.substance"]),
            IDENTIFIER,
            ("type", Code("http://hl7.org/fhir/allergy-intolerance-type"), &["type"]),
        ],
        T::Condition => &[CATEGORY, CLINICAL_STATUS, CODE, IDENTIFIER],
        T::Procedure => const { &[CATEGORY, CODE, IDENTIFIER, status(EVENT_STATUS)] },
        T::Immunization => {
            const { &[IDENTIFIER, status(EVENT_STATUS), ("vaccine-code", CodeableConcept, &["vaccineCode"])] }
        }
        T::MedicationRequest => {
            const {
                &[
                    CATEGORY,
                    MEDICINE,
                    IDENTIFIER,
                    intent("http://hl7.org/fhir/CodeSystem/medicationrequest-intent"),
                    status("http://hl7.org/fhir/CodeSystem/medicationrequest-status"),
                ]
            }
        }
        T::MedicationStatement => {
            const { &[CATEGORY, MEDICINE, IDENTIFIER, status("http://hl7.org/fhir/CodeSystem/medication-statement-status")] }
        }
        T::MedicationDispense => {
            const { &[MEDICINE, IDENTIFIER, status("http://terminology.hl7.org/CodeSystem/medicationdispense-status"), TYPE] }
        }
        T::Observation => const { &[CATEGORY, CODE, IDENTIFIER, status("http://hl7.org/fhir/observation-status")] },
        T::DiagnosticReport => {
            const { &[CATEGORY, CODE, IDENTIFIER, status("http://hl7.org/fhir/diagnostic-report-status")] }
        }
        T::Encounter => const { &[IDENTIFIER, status("http://hl7.org/fhir/encounter-status"), TYPE] },
        T::EpisodeOfCare => const { &[IDENTIFIER, status("http://hl7.org/fhir/episode-of-care-status"), TYPE] },
        T::Appointment => const { &[IDENTIFIER, status("http://hl7.org/fhir/appointmentstatus")] },
        T::ServiceRequest => const { &[CATEGORY, CODE, IDENTIFIER, intent(REQUEST_INTENT), status(REQUEST_STATUS)] },
        T::CarePlan => const { &[CATEGORY, IDENTIFIER, intent(REQUEST_INTENT), status(REQUEST_STATUS)] },
        T::CareTeam => const { &[CATEGORY, IDENTIFIER, status("http://hl7.org/fhir/care-team-status")] },
        T::Goal => &[CATEGORY, IDENTIFIER],
        T::DocumentReference => {
            const {
                &[
                    CATEGORY,
                    ("identifier", Identifier, &["masterIdentifier", "identifier"]),
                    status("http://hl7.org/fhir/document-reference-status"),
                    TYPE,
                ]
            }
        }
        T::Flag => &[IDENTIFIER],
        T::FamilyMemberHistory => {
            const {
                &[
                    ("code", CodeableConcept, &["condition.code"]),
                    IDENTIFIER,
                    status("http://hl7.org/fhir/history-status"),
                ]
            }
        }
        T::List => const { &[CODE, IDENTIFIER, status("http://hl7.org/fhir/list-status")] },
        T::QuestionnaireResponse => const { &[IDENTIFIER, status("http://hl7.org/fhir/questionnaire-answers-status")] },
        T::Composition => const { &[CATEGORY, IDENTIFIER, status("http://hl7.org/fhir/composition-status"), TYPE] },
        T::ImagingStudy => const { &[IDENTIFIER, status("http://hl7.org/fhir/imagingstudy-status")] },
    }
}
