use std::fmt;

macro_rules! resource_types {
    ($($name:ident),+ $(,)?) => {
        /// The record's resource types: what a patient's record is searched for (contract: Types).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ResourceType { $($name),+ }

        impl ResourceType {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }

            /// Exactly as FHIR spells it; another case is another word.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)+ _ => None }
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
    ImagingStudy,
);

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
