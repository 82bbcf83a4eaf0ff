//! **The** table: which types can be searched, by what, which elements each parameter reads, and what a search may bring along.
//! Parser, router, CapabilityStatement and tests read it; the record stage verifies and filters by it. Names and elements are
//! those of <https://hl7.org/fhir/R4/searchparameter-registry.html>.

mod includes;
mod rules;
mod tokens;

pub use includes::Reference;
pub use rules::rule;
pub use tokens::{DataType, TokenParameter};

use crate::fhir::ResourceType;

/// A date parameter's name, and the elements it reads: dotted paths, through every item of arrays on the way.
pub type DateParameter = (&'static str, &'static [&'static str]);

#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub resource_type: ResourceType,
    pub link: Link,
    /// The first is the type's primary date: what `_sort=date` sorts by.
    pub dates: &'static [DateParameter],
    pub tokens: &'static [TokenParameter],
    pub includes: &'static [Reference],
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
    /// It need not say: it is only brought along. Where these references name a patient, it must be this one.
    Target(Option<&'static str>),
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
    Token(DataType, &'static [&'static str]),
    /// One of these codes.
    Code(&'static [&'static str]),
    /// A reference of this type, to bring along what it leads to.
    Include(ResourceType),
    RevInclude,
    /// An organisation, by ODS code with or without its system.
    Organisation,
    /// ... by a reference to its entry in the registry.
    OrganisationReference,
    /// What a name begins with.
    Name,
    WithEndpoints,
    Total,
    Summary,
    Elements,
    Sort,
    Count,
    Page,
    /// The first or last day of a span of care.
    Start,
    End,
    /// An instant that what is wanted was changed after.
    Since,
    /// Types of the record.
    Types,
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
    of("_total", Kind::Total),
    of("_summary", Kind::Summary),
    of("_elements", Kind::Elements),
    of("_sort", Kind::Sort),
    of("_count", Kind::Count),
    of("page", Kind::Page),
];
const EVERY_REQUEST: &[Parameter] = &[of("_format", Kind::Format), of("_pretty", Kind::Pretty)];

const fn of(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind }
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

/// What left a source: <https://caregate.example/OperationDefinition/disclosures>
pub fn disclosure_parameters() -> impl Iterator<Item = Parameter> {
    let own = [of("start", Kind::Start), of("end", Kind::End), of("_count", Kind::Count), of("page", Kind::Page)];
    own.into_iter().chain(EVERY_REQUEST.iter().copied())
}

/// What brings each organisation's endpoint along.
pub const WITH_ENDPOINTS: &str = "Organization:endpoint";

/// The registry's organisations: <https://hl7.org/fhir/R4/organization.html#search>
pub fn organization_parameters() -> impl Iterator<Item = Parameter> {
    let own = [
        of("identifier", Kind::Organisation),
        of("name", Kind::Name),
        of("active", Kind::Code(&["true", "false"])),
        of("_include", Kind::WithEndpoints),
        of("_count", Kind::Count),
        of("page", Kind::Page),
    ];
    own.into_iter().chain(EVERY_REQUEST.iter().copied())
}

/// Their endpoints: <https://hl7.org/fhir/R4/endpoint.html#search>
pub fn endpoint_parameters() -> impl Iterator<Item = Parameter> {
    let own = [
        of("organization", Kind::OrganisationReference),
        of("organization.identifier", Kind::Organisation),
        of("organization:identifier", Kind::Organisation),
        of("name", Kind::Name),
        of("status", Kind::Code(&["active", "test", "suspended", "off"])),
        of("_count", Kind::Count),
        of("page", Kind::Page),
    ];
    own.into_iter().chain(EVERY_REQUEST.iter().copied())
}

/// A patient's whole record: <https://hl7.org/fhir/R4/patient-operation-everything.html>
pub fn everything_parameters() -> impl Iterator<Item = Parameter> {
    let own = [
        of("start", Kind::Start),
        of("end", Kind::End),
        of("_since", Kind::Since),
        of("_type", Kind::Types),
        of("_count", Kind::Count),
        of("page", Kind::Page),
    ];
    own.into_iter().chain(EVERY_REQUEST.iter().copied())
}

/// What may follow a read's `?`.
pub fn read_parameters() -> impl Iterator<Item = Parameter> {
    EVERY_REQUEST.iter().copied()
}

impl Rule {
    /// Everything a search of the type may name; nothing where the type is not searched.
    pub fn parameters(self) -> impl Iterator<Item = Parameter> {
        let patient: [&[Parameter]; 2] = match self.link {
            Link::Itself => [BY_IDENTIFIER, &[]],
            Link::Patient | Link::Actor => [BY_PATIENT, &[]],
            Link::Subject => [BY_PATIENT, BY_SUBJECT],
            Link::Target(_) => [&[], &[]],
        };
        let every: [&[Parameter]; 2] = match self.link {
            Link::Target(_) => [&[], &[]],
            _ => [EVERY_SEARCH, EVERY_REQUEST],
        };
        let dates = self.dates.iter().map(|(name, paths)| of(name, Kind::Date(paths)));
        let tokens = self.tokens.iter().map(|(name, found, paths)| of(name, Kind::Token(*found, paths)));
        let include = (!self.includes.is_empty()).then_some(of("_include", Kind::Include(self.resource_type)));
        let rev_include = self.brings_provenance().then_some(of("_revinclude", Kind::RevInclude));
        let own = dates.chain(tokens).chain(include).chain(rev_include);
        patient.into_iter().flatten().copied().chain(own).chain(every.into_iter().flatten().copied())
    }

    /// What `_sort=date` sorts by; a Patient has no date of its own in that sense.
    pub fn primary_date(self) -> Option<DateParameter> {
        self.dates.first().copied().filter(|_| self.link != Link::Itself)
    }

    /// Whether `_revinclude=Provenance:target` may follow: the Patient is joined, and nobody's own to tell the origin of.
    pub fn brings_provenance(self) -> bool {
        !matches!(self.link, Link::Itself | Link::Target(_))
    }
}

impl Link {
    /// The path to the References that say whose it is; `None` for the Patient itself, and for what has no such element.
    pub fn path(self) -> Option<&'static str> {
        match self {
            Self::Itself => None,
            Self::Patient => Some("patient"),
            Self::Subject => Some("subject"),
            Self::Actor => Some("participant.actor"),
            Self::Target(path) => path,
        }
    }

    /// Whether one of those References must be there, and be the patient's.
    pub fn is_required(self) -> bool {
        !matches!(self, Self::Target(_))
    }

    /// Whether what is no patient may stand among them: rooms, staff, other entries.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Actor | Self::Target(Some("target")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    #[test]
    fn every_record_has_a_way_to_name_its_patient_and_all_but_patient_a_primary_date() {
        for t in ResourceType::ALL {
            let rule = rule(*t);
            let naming = rule.parameters().filter(|p| matches!(p.kind, Kind::Patient | Kind::NhsNumber)).count();
            let patient = *t == ResourceType::Patient;
            assert_eq!(rule.link.is_required(), !t.is_target(), "{t}");
            assert_eq!(naming > 0, !t.is_target(), "{t}");
            assert_eq!(rule.parameters().next().is_none(), t.is_target(), "{t} is searched by nothing");
            assert_eq!(rule.link == Link::Itself, patient, "{t}");
            assert!(rule.link.path().is_none() == patient || t.is_target(), "{t}");
            assert_eq!(rule.primary_date().is_none(), patient || t.is_target(), "{t}");
        }
    }

    #[test]
    fn no_type_has_a_parameter_twice_nor_one_that_reads_nothing() {
        for t in ResourceType::ALL {
            let mut seen = BTreeSet::new();
            for Parameter { name, kind } in rule(*t).parameters() {
                assert!(seen.insert(name), "{t} {name}");
                assert!(!matches!(kind, Kind::Date([]) | Kind::Token(_, [])), "{t} {name}");
            }
        }
    }

    #[test]
    fn what_may_be_included_is_named_once_and_leads_to_something_but_no_patient() {
        for t in ResourceType::ALL {
            let mut seen = BTreeSet::new();
            for Reference { name, paths, targets } in rule(*t).includes {
                assert!(seen.insert(name) && !paths.is_empty() && !targets.is_empty(), "{t} {name}");
                assert!(!targets.contains(&ResourceType::Patient), "{t} {name}");
                assert_eq!(targets.iter().collect::<BTreeSet<_>>().len(), targets.len(), "{t} {name}");
            }
        }
    }

    /// To be held against <https://hl7.org/fhir/R4/searchparameter-registry.html> by whoever changes it.
    #[test]
    fn the_parameters_of_each_type_are_those_reviewed() {
        let mut table = String::new();
        for t in ResourceType::ALL {
            let rule = rule(*t);
            writeln!(table, "{t}: {}", rule.link.path().unwrap_or(if t.is_target() { "nobody" } else { "itself" }))
                .unwrap();
            for (name, paths) in rule.dates {
                writeln!(table, "    date {name} = {}", paths.join(" | ")).unwrap();
            }
            for (name, found, paths) in rule.tokens {
                let found = match found {
                    DataType::Code(system) => system,
                    DataType::Identifier => "Identifier",
                    DataType::CodeableConcept => "CodeableConcept",
                };
                writeln!(table, "    token {name} = {} ({found})", paths.join(" | ")).unwrap();
            }
            for Reference { name, paths, targets } in rule.includes {
                let targets: Vec<_> = targets.iter().map(|t| t.as_str()).collect();
                writeln!(table, "    include {name} = {} -> {}", paths.join(" | "), targets.join(", ")).unwrap();
            }
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/query/grammar/reviewed.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(file, &table).unwrap();
        }
        assert_eq!(table, std::fs::read_to_string(file).unwrap(), "UPDATE_GOLDEN=1 writes it anew, to be reviewed");
    }
}
