use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

macro_rules! resource_types {
    ($($name:ident),+ $(,)? ; $($target:ident),+ $(,)?) => {
        /// The types this gateway answers with (contract: Types): those a patient's record is searched for, and targets.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ResourceType { $($name,)+ $($target),+ }

        impl ResourceType {
            /// Records first, then targets.
            pub const ALL: &[Self] = &[$(Self::$name,)+ $(Self::$target),+];

            /// What a patient's record is made of; what it is searched for.
            pub const RECORDS: &[Self] = &[$(Self::$name),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ $(Self::$target => stringify!($target)),+ }
            }

            /// Exactly as FHIR spells it; another case is another word.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)+
                    $(stringify!($target) => Some(Self::$target),)+
                    _ => None
                }
            }

            /// Whether it is only what records refer to: a search brings it along (`_include`), none is for it.
            pub fn is_target(self) -> bool {
                matches!(self, $(Self::$target)|+)
            }
        }
    };
}

resource_types!(
    Patient,
    AllergyIntolerance,
    Condition,
    Procedure,
    Immunization,
    MedicationRequest,
    MedicationStatement,
    MedicationDispense,
    Observation,
    DiagnosticReport,
    Encounter,
    EpisodeOfCare,
    Appointment,
    ServiceRequest,
    CarePlan,
    CareTeam,
    Goal,
    DocumentReference,
    Flag,
    FamilyMemberHistory,
    List,
    QuestionnaireResponse,
    Composition,
    ImagingStudy;
    Practitioner,
    PractitionerRole,
    Organization,
    Location,
    Medication,
    Specimen,
    Device,
    Provenance,
);

impl Serialize for ResourceType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ResourceType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| D::Error::custom("no type that is served"))
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
