use crate::fhir::ResourceType;
use std::sync::Arc;

/// What is wanted of a provider beside who the patient is: of one type, all that it holds about them or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Want {
    pub resource_type: ResourceType,
    pub portion: Portion,
}

/// Which entries of a type are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Portion {
    /// Everything about the patient.
    All,
    /// Those with these ids of the source's own: sorted, none twice.
    Named(Arc<[Box<str>]>),
}

impl Want {
    pub fn all(resource_type: ResourceType) -> Self {
        Self { resource_type, portion: Portion::All }
    }

    /// `locals`: the source's own ids.
    pub fn named(resource_type: ResourceType, mut locals: Vec<Box<str>>) -> Self {
        locals.sort_unstable();
        locals.dedup();
        Self { resource_type, portion: Portion::Named(locals.into()) }
    }
}
