//! **The** table: which types can be searched, by what, and which elements each parameter reads. Parser, router,
//! CapabilityStatement and tests read it; the record stage verifies and filters by it. Names and elements are those of
//! <https://hl7.org/fhir/R4/searchparameter-registry.html>.

use crate::fhir::ResourceType;

/// A date parameter's name, and the elements it reads: dotted paths, through every item of arrays on the way.
pub type DateParameter = (&'static str, &'static [&'static str]);

pub struct Rule {
    pub link: Link,
    /// The first is the type's primary date: what `_sort=date` sorts by.
    pub dates: &'static [DateParameter],
}

/// How a resource of the type says whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is the Patient: its identifier says so.
    Itself,
    Patient,
    Subject,
    /// One of an Appointment's participants.
    Actor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The patient, by the gateway's id for them.
    Patient,
    /// The patient, by NHS number.
    NhsNumber,
    Id,
    Date(&'static [&'static str]),
    /// One of these codes.
    Code(&'static [&'static str]),
    Sort,
    Count,
    Page,
    Format,
    Pretty,
}

const BY_PATIENT: &[Parameter] = &[
    of("patient", Kind::Patient),
    of("patient.identifier", Kind::NhsNumber),
    of("patient:identifier", Kind::NhsNumber),
];
const BY_SUBJECT: &[Parameter] = &[
    of("subject", Kind::Patient),
    of("subject.identifier", Kind::NhsNumber),
    of("subject:identifier", Kind::NhsNumber),
];
const BY_IDENTIFIER: &[Parameter] = &[of("identifier", Kind::NhsNumber)];

const EVERY_SEARCH: &[Parameter] = &[
    of("_id", Kind::Id),
    of("_lastUpdated", Kind::Date(&["meta.lastUpdated"])),
    of("_sort", Kind::Sort),
    of("_count", Kind::Count),
    of("page", Kind::Page),
];
const EVERY_REQUEST: &[Parameter] = &[of("_format", Kind::Format), of("_pretty", Kind::Pretty)];

const fn of(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind }
}

pub fn rule(resource_type: ResourceType) -> &'static Rule {
    use Link::{Actor, Itself, Patient, Subject};
    match resource_type {
        ResourceType::Patient => &Rule { link: Itself, dates: &[("birthdate", &["birthDate"])] },
        ResourceType::AllergyIntolerance => &Rule {
            link: Patient,
            dates: &[("date", &["recordedDate"]), ("last-date", &["lastOccurrence"]), ("onset", &["reaction.onset"])],
        },
        ResourceType::Condition => &Rule {
            link: Subject,
            dates: &[
                ("recorded-date", &["recordedDate"]),
                ("onset-date", &["onsetDateTime", "onsetPeriod"]),
                ("abatement-date", &["abatementDateTime", "abatementPeriod"]),
            ],
        },
        ResourceType::Procedure => {
            &Rule { link: Subject, dates: &[("date", &["performedDateTime", "performedPeriod"])] }
        }
        ResourceType::Immunization => {
            &Rule { link: Patient, dates: &[("date", &["occurrenceDateTime"]), ("reaction-date", &["reaction.date"])] }
        }
        ResourceType::MedicationRequest => &Rule {
            link: Subject,
            dates: &[("authoredon", &["authoredOn"]), ("date", &["dosageInstruction.timing.event"])],
        },
        ResourceType::MedicationStatement => {
            &Rule { link: Subject, dates: &[("effective", &["effectiveDateTime", "effectivePeriod"])] }
        }
        ResourceType::MedicationDispense => &Rule {
            link: Subject,
            dates: &[("whenhandedover", &["whenHandedOver"]), ("whenprepared", &["whenPrepared"])],
        },
        ResourceType::Observation => &Rule {
            link: Subject,
            dates: &[
                ("date", &["effectiveDateTime", "effectivePeriod", "effectiveTiming", "effectiveInstant"]),
                ("value-date", &["valueDateTime", "valuePeriod"]),
            ],
        },
        ResourceType::DiagnosticReport => &Rule {
            link: Subject,
            dates: &[("date", &["effectiveDateTime", "effectivePeriod"]), ("issued", &["issued"])],
        },
        ResourceType::Encounter => {
            &Rule { link: Subject, dates: &[("date", &["period"]), ("location-period", &["location.period"])] }
        }
        ResourceType::EpisodeOfCare => &Rule { link: Patient, dates: &[("date", &["period"])] },
        ResourceType::Appointment => &Rule { link: Actor, dates: &[("date", &["start"])] },
        ResourceType::ServiceRequest => &Rule {
            link: Subject,
            dates: &[
                ("authored", &["authoredOn"]),
                ("occurrence", &["occurrenceDateTime", "occurrencePeriod", "occurrenceTiming"]),
            ],
        },
        ResourceType::CarePlan => &Rule {
            link: Subject,
            dates: &[
                ("date", &["period"]),
                ("activity-date", &["activity.detail.scheduledTiming", "activity.detail.scheduledPeriod"]),
            ],
        },
        ResourceType::CareTeam => &Rule { link: Subject, dates: &[("date", &["period"])] },
        ResourceType::Goal => {
            &Rule { link: Subject, dates: &[("start-date", &["startDate"]), ("target-date", &["target.dueDate"])] }
        }
        ResourceType::DocumentReference => {
            &Rule { link: Subject, dates: &[("date", &["date"]), ("period", &["context.period"])] }
        }
        ResourceType::Flag => &Rule { link: Subject, dates: &[("date", &["period"])] },
        ResourceType::FamilyMemberHistory => &Rule { link: Patient, dates: &[("date", &["date"])] },
        ResourceType::List => &Rule { link: Subject, dates: &[("date", &["date"])] },
        ResourceType::QuestionnaireResponse => &Rule { link: Subject, dates: &[("authored", &["authored"])] },
        ResourceType::Composition => {
            &Rule { link: Subject, dates: &[("date", &["date"]), ("period", &["event.period"])] }
        }
        ResourceType::ImagingStudy => &Rule { link: Subject, dates: &[("started", &["started"])] },
    }
}

/// The access log is searched with the same machinery: <https://hl7.org/fhir/R4/auditevent.html#search>
pub fn log_parameters() -> impl Iterator<Item = Parameter> {
    let own = [of("date", Kind::Date(&["recorded"])), of("_count", Kind::Count), of("page", Kind::Page)];
    BY_PATIENT.iter().copied().chain(own).chain(EVERY_REQUEST.iter().copied())
}

/// Objections are searched by their patient alone.
pub fn consent_parameters() -> impl Iterator<Item = Parameter> {
    BY_PATIENT.iter().chain(EVERY_REQUEST).copied()
}

/// The review desk: <https://hl7.org/fhir/R4/task.html#search>
pub fn task_parameters() -> impl Iterator<Item = Parameter> {
    let own =
        [of("status", Kind::Code(&["requested", "completed"])), of("_count", Kind::Count), of("page", Kind::Page)];
    own.into_iter().chain(EVERY_REQUEST.iter().copied())
}

/// What may follow a read's `?`.
pub fn read_parameters() -> impl Iterator<Item = Parameter> {
    EVERY_REQUEST.iter().copied()
}

impl Rule {
    /// Everything a search of the type may name.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter> {
        let patient: [&[Parameter]; 2] = match self.link {
            Link::Itself => [BY_IDENTIFIER, &[]],
            Link::Patient | Link::Actor => [BY_PATIENT, &[]],
            Link::Subject => [BY_PATIENT, BY_SUBJECT],
        };
        let dates = self.dates.iter().map(|(name, paths)| of(name, Kind::Date(paths)));
        patient.into_iter().flatten().copied().chain(dates).chain(EVERY_SEARCH.iter().chain(EVERY_REQUEST).copied())
    }

    /// What `_sort=date` sorts by; a Patient has no date of its own in that sense.
    pub fn primary_date(&self) -> Option<DateParameter> {
        self.dates.first().copied().filter(|_| self.link != Link::Itself)
    }
}

impl Link {
    /// The path to the References of which one must be the patient's; `None` for the Patient itself.
    pub fn path(self) -> Option<&'static str> {
        match self {
            Self::Itself => None,
            Self::Patient => Some("patient"),
            Self::Subject => Some("subject"),
            Self::Actor => Some("participant.actor"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    #[test]
    fn every_type_has_a_way_to_name_its_patient_and_all_but_patient_a_primary_date() {
        for t in ResourceType::ALL {
            let rule = rule(*t);
            let names: Vec<_> =
                rule.parameters().filter(|p| matches!(p.kind, Kind::Patient | Kind::NhsNumber)).collect();
            assert!(!names.is_empty(), "{t}");
            let patient = *t == ResourceType::Patient;
            assert_eq!(rule.link == Link::Itself, patient, "{t}");
            assert_eq!(rule.link.path().is_none(), patient, "{t}");
            assert_eq!(rule.primary_date().is_none(), patient, "{t}");
        }
    }

    #[test]
    fn no_type_has_a_parameter_twice_nor_a_date_that_reads_nothing() {
        for t in ResourceType::ALL {
            let mut seen = BTreeSet::new();
            for Parameter { name, kind } in rule(*t).parameters() {
                assert!(seen.insert(name), "{t} {name}");
                assert!(kind != Kind::Date(&[]), "{t} {name}");
            }
        }
    }

    /// To be held against <https://hl7.org/fhir/R4/searchparameter-registry.html> by whoever changes it.
    #[test]
    fn the_parameters_of_each_type_are_those_reviewed() {
        let mut table = String::new();
        for t in ResourceType::ALL {
            let rule = rule(*t);
            let dates: Vec<_> = rule.dates.iter().map(|(name, paths)| format!("{name}={}", paths.join("|"))).collect();
            writeln!(table, "{t}: {} {}", rule.link.path().unwrap_or("itself"), dates.join(" ")).unwrap();
        }
        assert_eq!(table, include_str!("grammar/reviewed.txt"));
    }
}
