//! What of its matches a search shows, and what else it brings. <https://hl7.org/fhir/R4/search.html#return>

use super::grammar::{Reference, Rule};
use crate::fhir::ResourceType;

/// What the matches' references of one name lead to comes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Include {
    pub reference: Reference,
    /// Of its targets only this; never said where there is but one.
    only: Option<ResourceType>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Total {
    #[default]
    None,
    Accurate,
    /// As the spec has it, an exact one is an estimate too.
    Estimate,
}

/// How much of each resource is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum View {
    #[default]
    Whole,
    /// `_summary=true`: the elements that R4 marks as summary.
    Summary,
    /// Narrative, id, meta and what is mandatory.
    Text,
    /// All but the narrative.
    Data,
    /// No entry, only how many.
    Count,
    /// These top-level elements, by name: sorted, none twice, not looked up in the type; and what is mandatory.
    Elements(Vec<String>),
}

impl Include {
    /// The types it is followed to.
    pub fn targets(&self) -> &[ResourceType] {
        match &self.only {
            Some(only) => std::slice::from_ref(only),
            None => self.reference.targets,
        }
    }

    /// `Type:name` or `Type:name:Target`, of the type that is searched.
    pub(super) fn parse(text: &str, rule: Rule) -> Option<Self> {
        let mut parts = text.split(':');
        let own = parts.next() == Some(rule.resource_type.as_str());
        let name = parts.next().filter(|_| own)?;
        let reference = *rule.includes.iter().find(|reference| reference.name == name)?;
        let only = match parts.next() {
            None => None,
            Some(name) => Some(ResourceType::parse(name).filter(|t| reference.targets.contains(t))?),
        };
        let only = only.filter(|_| reference.targets.len() > 1);
        parts.next().is_none().then_some(Self { reference, only })
    }

    pub(super) fn value(&self, resource_type: ResourceType) -> String {
        let only = self.only.map(|only| format!(":{only}")).unwrap_or_default();
        format!("{resource_type}:{}{only}", self.reference.name)
    }

    /// In one order, without what another brings anyhow.
    pub(super) fn sort(all: &mut Vec<Self>) {
        all.sort_unstable();
        // of one reference the whole stands first
        all.dedup_by(|later, kept| {
            later.reference == kept.reference && (kept.only.is_none() || later.only == kept.only)
        });
    }
}

impl Total {
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("none", Self::None), ("accurate", Self::Accurate), ("estimate", Self::Estimate)];

    pub(super) fn value(self) -> Option<&'static str> {
        Self::NAMES.into_iter().find(|(_, total)| *total == self && self != Self::None).map(|(name, _)| name)
    }
}

impl View {
    pub(super) const SUMMARIES: [(&'static str, Self); 5] = [
        ("true", Self::Summary),
        ("text", Self::Text),
        ("data", Self::Data),
        ("count", Self::Count),
        ("false", Self::Whole),
    ];

    /// The parameter that says so; none where all is shown.
    pub(super) fn print(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Whole => None,
            Self::Elements(names) => Some(("_elements", names.join(","))),
            summary => {
                let said = Self::SUMMARIES.into_iter().find(|(_, view)| view == summary)?;
                Some(("_summary", said.0.to_owned()))
            }
        }
    }
}
