use super::{Action, Decision, Facts, Interaction, Permit, Policy, Wanted};
use crate::{fhir::ResourceType, identity::Requester};
use std::sync::Arc;

/// Leave to read what a request is about, and with it other types of the same patient's record: a permit for each, decided
/// one by one under the same facts. A type that may not be read has none.
#[derive(Debug)]
pub struct Permits {
    first: Permit,
    others: Vec<Permit>,
}

impl Permits {
    /// For what was asked itself.
    pub fn first(&self) -> &Permit {
        &self.first
    }

    /// Each with the type that it is for; what is for none of the record is not among them.
    pub fn all(&self) -> impl Iterator<Item = (ResourceType, &Permit)> {
        let all = std::iter::once(&self.first).chain(&self.others);
        all.filter_map(|permit| Some((ResourceType::parse(permit.resource_type())?, permit)))
    }

    pub fn of(&self, resource_type: ResourceType) -> Option<&Permit> {
        let found = |permit: &&Permit| permit.resource_type() == resource_type.as_str();
        std::iter::once(&self.first).chain(&self.others).find(found)
    }
}

impl From<Permit> for Permits {
    fn from(first: Permit) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl Policy {
    /// The permit, with those for the other types that these facts allow too.
    pub fn along(
        self: &Arc<Self>,
        first: Permit,
        others: &[ResourceType],
        requester: &Requester,
        facts: &Facts,
    ) -> Permits {
        let patient = Some(first.patient());
        let decided = others.iter().filter(|other| other.as_str() != first.resource_type()).map(|other| {
            let wanted = Wanted { action: Action::ReadRecord(*other, Interaction::Search), patient };
            self.decide(requester, &wanted, facts)
        });
        let permitted = decided.filter_map(|decision| match decision {
            Decision::Permit(permit) => Some(permit),
            Decision::Refused(_) | Decision::NeedsEvidence => None,
        });
        let others = permitted.collect();
        Permits { first, others }
    }
}
