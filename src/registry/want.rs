use super::Test;
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
    /// At least all of it that passes these tests: sorted, none twice. It may come as everything.
    Matching(Arc<[Test]>),
    /// Those with these ids of the source's own: sorted, none twice.
    Named(Arc<[Box<str>]>),
    /// Those whose `target` is one of these, each as `Type/id` with the source's own id: sorted, none twice.
    Of(Arc<[Box<str>]>),
}

impl Want {
    pub fn all(resource_type: ResourceType) -> Self {
        Self { resource_type, portion: Portion::All }
    }

    /// `tests`: at least one.
    pub fn matching(resource_type: ResourceType, mut tests: Vec<Test>) -> Self {
        tests.sort_unstable();
        tests.dedup();
        Self { resource_type, portion: Portion::Matching(tests.into()) }
    }

    pub fn is_by_filter(&self) -> bool {
        matches!(self.portion, Portion::Matching(_))
    }

    /// `locals`: the source's own ids.
    pub fn named(resource_type: ResourceType, locals: Vec<Box<str>>) -> Self {
        Self { resource_type, portion: Portion::Named(set(locals)) }
    }

    /// What says where these came from, each named as `Type/id` with the source's own id.
    pub fn provenance_of(targets: Vec<Box<str>>) -> Self {
        Self { resource_type: ResourceType::Provenance, portion: Portion::Of(set(targets)) }
    }
}

fn set(mut names: Vec<Box<str>>) -> Arc<[Box<str>]> {
    names.sort_unstable();
    names.dedup();
    names.into()
}
