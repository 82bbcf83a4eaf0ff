//! Where an entry's references lead, of those that may be followed (`_include`): read once, when an answer is split. Many
//! entries lead to few resources: an entry names each by its place.

use super::{Failure, reference::Referred};
use crate::{
    fhir::{ResourceType, json::Value},
    query::grammar::{Reference, Rule},
    registry::Provider,
};
use std::collections::HashMap;

/// The place of a reference in what the type's entries may be followed by, and that of the resource it leads to in the answer.
pub type Leads = (u8, u32);

/// What a Provenance is of: whatever stands in a record.
const TARGET: Reference = Reference { name: "target", paths: &["target"], targets: ResourceType::RECORDS };

/// The references by which entries of the type are followed: the grammar's, and what a Provenance is of.
pub fn followed(rule: &Rule) -> &'static [Reference] {
    if rule.resource_type == ResourceType::Provenance { &[TARGET] } else { rule.includes }
}

/// The distinct resources that an answer's entries lead to.
#[derive(Default)]
pub struct References {
    all: Vec<Referred>,
    places: HashMap<Referred, u32>,
}

/// Where the references of this resource lead, each with its place in what is followed.
pub fn read(resource: Value<'_>, rule: &Rule, provider: &Provider) -> Vec<(u8, Referred)> {
    let mut found = Vec::new();
    for (at, reference) in (0_u8..).zip(followed(rule)) {
        for path in reference.paths {
            resource.each(path, &mut |value| {
                found.extend(Referred::by(value, reference.targets, provider).map(|referred| (at, referred)));
            });
        }
    }
    found
}

impl References {
    pub fn keep(&mut self, found: Vec<(u8, Referred)>) -> Result<Box<[Leads]>, Failure> {
        let mut leads = Vec::with_capacity(found.len());
        for (at, referred) in found {
            leads.push((at, self.place_of(referred)?));
        }
        leads.sort_unstable();
        leads.dedup();
        Ok(leads.into_boxed_slice())
    }

    pub fn into_all(self) -> Vec<Referred> {
        self.all
    }

    fn place_of(&mut self, referred: Referred) -> Result<u32, Failure> {
        if let Some(known) = self.places.get(&referred) {
            return Ok(*known);
        }
        let at = u32::try_from(self.all.len()).map_err(|_| Failure::TooLarge)?;
        self.all.push(referred.clone());
        self.places.insert(referred, at);
        Ok(at)
    }
}
