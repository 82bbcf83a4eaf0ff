//! The rule of each type: how it says whose it is, and its dates, the primary one first.

use super::{DateParameter, Link, Rule, includes, tokens};
use crate::fhir::ResourceType as T;

pub fn rule(resource_type: T) -> Rule {
    let (link, dates) = link_and_dates(resource_type);
    Rule { resource_type, link, dates, tokens: tokens::of(resource_type), includes: includes::of(resource_type) }
}

fn link_and_dates(resource_type: T) -> (Link, &'static [DateParameter]) {
    use Link::{Actor, Itself, Patient, Subject, Target};
    match resource_type {
        T::Patient => (Itself, &[("birthdate", &["birthDate"])]),
        T::AllergyIntolerance => (
            Patient,
            &[("date", &["recordedDate"]), ("last-date", &["lastOccurrence"]), ("onset", &["reaction.onset"])],
        ),
        T::Condition => (
            Subject,
            &[
                ("recorded-date", &["recordedDate"]),
                ("onset-date", &["onsetDateTime", "onsetPeriod"]),
                ("abatement-date", &["abatementDateTime", "abatementPeriod"]),
            ],
        ),
        T::Procedure => (Subject, &[("date", &["performedDateTime", "performedPeriod"])]),
        T::Immunization => (Patient, &[("date", &["occurrenceDateTime"]), ("reaction-date", &["reaction.date"])]),
        T::MedicationRequest => {
            (Subject, &[("authoredon", &["authoredOn"]), ("date", &["dosageInstruction.timing.event"])])
        }
        T::MedicationStatement => (Subject, &[("effective", &["effectiveDateTime", "effectivePeriod"])]),
        T::MedicationDispense => {
            (Subject, &[("whenhandedover", &["whenHandedOver"]), ("whenprepared", &["whenPrepared"])])
        }
        T::Observation => (
            Subject,
            &[
                ("date", &["effectiveDateTime", "effectivePeriod", "effectiveTiming", "effectiveInstant"]),
                ("value-date", &["valueDateTime", "valuePeriod"]),
            ],
        ),
        T::DiagnosticReport => {
            (Subject, &[("date", &["effectiveDateTime", "effectivePeriod"]), ("issued", &["issued"])])
        }
        T::Encounter => (Subject, &[("date", &["period"]), ("location-period", &["location.period"])]),
        T::EpisodeOfCare => (Patient, &[("date", &["period"])]),
        T::Appointment => (Actor, &[("date", &["start"])]),
        T::ServiceRequest => (
            Subject,
            &[
                ("authored", &["authoredOn"]),
                ("occurrence", &["occurrenceDateTime", "occurrencePeriod", "occurrenceTiming"]),
            ],
        ),
        T::CarePlan => (
            Subject,
            &[
                ("date", &["period"]),
                ("activity-date", &["activity.detail.scheduledTiming", "activity.detail.scheduledPeriod"]),
            ],
        ),
        T::CareTeam => (Subject, &[("date", &["period"])]),
        T::Goal => (Subject, &[("start-date", &["startDate"]), ("target-date", &["target.dueDate"])]),
        T::DocumentReference => (Subject, &[("date", &["date"]), ("period", &["context.period"])]),
        T::Flag => (Subject, &[("date", &["period"])]),
        T::FamilyMemberHistory => (Patient, &[("date", &["date"])]),
        T::List => (Subject, &[("date", &["date"])]),
        T::QuestionnaireResponse => (Subject, &[("authored", &["authored"])]),
        T::Composition => (Subject, &[("date", &["date"]), ("period", &["event.period"])]),
        T::ImagingStudy => (Subject, &[("started", &["started"])]),
        // what is known of staff, places and medicines says nothing of a patient
        T::Practitioner | T::PractitionerRole | T::Organization | T::Location | T::Medication => (Target(None), &[]),
        T::Specimen => (Target(Some("subject")), &[]),
        T::Device => (Target(Some("patient")), &[]),
        T::Provenance => (Target(Some("target")), &[]),
    }
}
