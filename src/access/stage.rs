use crate::fhir::ResourceType;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How far an endpoint that joined by itself has come; on the way up it is asked before it is believed, and believed by few
/// before by all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing of it is shown, and nobody asks it, whatever it was before.
    Suspended,
    /// It is known, and not asked.
    #[default]
    Registered,
    /// Asked for its test patients alone, and checked; nothing of it is shown.
    Shadow,
    /// Shown to named reviewers who are permitted for the patient, and to the provider's own people.
    SafetyOnly,
    /// Shown as every source is.
    Live,
}

/// The stages of one organisation's endpoint: of all types that have none of their own, and of those that have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stages {
    pub usual: Stage,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<ResourceType, Stage>,
    /// Who looks at it while it is safety-only, by sds-user-id.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reviewers: BTreeSet<String>,
    /// While something of it is suspended, or was taken out of everybody's record: what stood before.
    #[serde(default, rename = "suspension", skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
}

/// The furthest that each had come before it was suspended or taken down, and whose word lifts a suspension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    pub usual: Stage,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<ResourceType, Stage>,
    /// By an operator: only an operator lifts it.
    #[serde(default)]
    pub imposed: bool,
}

impl Before {
    /// How far this type had come; all of it where it is no type of its own.
    pub fn of(&self, resource_type: Option<ResourceType>) -> Stage {
        resource_type.and_then(|resource_type| self.types.get(&resource_type)).copied().unwrap_or(self.usual)
    }
}

impl Stage {
    pub const SYSTEM: &str = "https://caregate.example/CodeSystem/endpoint-stage";
    pub const ALL: [Self; 5] = [Self::Suspended, Self::Registered, Self::Shadow, Self::SafetyOnly, Self::Live];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::Registered => "registered",
            Self::Shadow => "shadow",
            Self::SafetyOnly => "safety-only",
            Self::Live => "live",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == code)
    }

    /// The lower of the two, as a type comes no further than its endpoint does while that is suspended.
    fn within(self, whole: Self) -> Self {
        if whole == Self::Suspended { whole } else { self }
    }
}

impl Stages {
    /// Of entries of this type; a name that is no type's has no stage of its own.
    pub fn of(&self, resource_type: &str) -> Stage {
        if self.types.is_empty() {
            // of most: and thousands are asked for each request
            return self.usual;
        }
        let own = ResourceType::parse(resource_type).and_then(|resource_type| self.types.get(&resource_type));
        own.map_or(self.usual, |stage| stage.within(self.usual))
    }

    /// Whether this type was a part of everybody's record, is none now, and nobody has said that it no longer belongs there: then it is
    /// missing from it. What never was one is still joining, so that nobody makes the region's answers partial by suspending what
    /// was never live.
    pub fn is_missing(&self, resource_type: &str) -> bool {
        let was = |before: &Before| before.of(ResourceType::parse(resource_type)) == Stage::Live;
        self.of(resource_type) != Stage::Live && self.before.as_ref().is_some_and(was)
    }

    /// Whether something of it is suspended.
    pub fn is_suspended(&self) -> bool {
        self.usual == Stage::Suspended || self.types.values().any(|stage| *stage == Stage::Suspended)
    }

    /// The furthest that any type has come.
    pub fn highest(&self) -> Stage {
        self.types.values().map(|stage| stage.within(self.usual)).fold(self.usual, Stage::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_its_own_stage_but_for_an_endpoint_that_is_suspended() {
        let types =
            BTreeMap::from([(ResourceType::Observation, Stage::Shadow), (ResourceType::Condition, Stage::Live)]);
        let stages = |usual| Stages { usual, types: types.clone(), ..Stages::default() };
        let of = |usual| ["Observation", "Condition", "Procedure", "no type"].map(|name| stages(usual).of(name));
        assert_eq!(of(Stage::Live), [Stage::Shadow, Stage::Live, Stage::Live, Stage::Live]);
        assert_eq!(of(Stage::Registered), [Stage::Shadow, Stage::Live, Stage::Registered, Stage::Registered]);
        assert_eq!(of(Stage::Suspended), [Stage::Suspended; 4]);
        assert_eq!(
            (stages(Stage::Registered).highest(), stages(Stage::Suspended).highest()),
            (Stage::Live, Stage::Suspended)
        );
    }

    #[test]
    fn a_stage_that_nobody_set_shows_nothing() {
        assert_eq!(Stages::default().of("Condition"), Stage::Registered);
        assert!(Stage::ALL.is_sorted() && Stage::ALL.iter().all(|stage| Stage::parse(stage.as_str()) == Some(*stage)));
    }
}
