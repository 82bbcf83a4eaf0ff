//! What is held against a provider's answers when a record is gathered, for who holds them against it one by one: the probe.

use super::{
    Failure, Resolution, SourcePatient, pages,
    question::searches,
    reference::{self, Target},
    resolution, subject,
};
use crate::{
    domain::{Labels, NhsNumber, Numbers},
    fhir::{ResourceType, json::Value},
    query::grammar,
    registry::{Provider, Want},
};
use std::sync::Arc;
use url::Url;

/// What one provider may say of one patient.
#[derive(Clone)]
pub struct Judge {
    provider: Arc<Provider>,
    numbers: Numbers,
    found: Resolution,
}

/// A provider's own Patient for the number.
pub struct Known(SourcePatient);

impl Known {
    pub fn local(&self) -> &str {
        &self.0.local
    }
}

impl Judge {
    /// Of a patient whom the provider is not known to hold yet.
    pub fn new(provider: &Arc<Provider>, number: NhsNumber) -> Result<Self, Failure> {
        let found = Resolution::of(provider, number, Vec::new())?;
        Ok(Self { provider: Arc::clone(provider), numbers: number.into(), found })
    }

    pub fn provider(&self) -> &Arc<Provider> {
        &self.provider
    }

    /// How the provider is asked who has the number.
    pub fn lookup(&self) -> Result<Url, Failure> {
        resolution::lookup(&self.provider, self.numbers.current)
    }

    /// An entry of what it answers to that.
    pub fn patient(&self, resource: Value<'_>) -> Result<Known, Failure> {
        SourcePatient::labelled(resource, &self.numbers, Labels::default()).map(Known)
    }

    /// From here on these are who the provider says that the patient is.
    pub fn holding(self, known: Vec<Known>) -> Result<Self, Failure> {
        let patients = known.into_iter().map(|Known(patient)| patient).collect();
        let found = Resolution::of(&self.provider, self.numbers.current, patients)?;
        Ok(Self { found, ..self })
    }

    /// The provider's own ids of the patient.
    pub fn locals(&self) -> impl Iterator<Item = &str> {
        self.found.patients.iter().map(|patient| patient.local.as_str())
    }

    /// The searches that together ask for what is wanted.
    pub fn searches(&self, want: &Want, count: u32) -> Result<Vec<Url>, Failure> {
        searches(&self.provider, &self.numbers, want, &self.found, count)
    }

    /// Whether an entry of the type is this patient's, and says so.
    pub fn entry(&self, resource: Value<'_>, of: ResourceType) -> Result<(), Failure> {
        subject::verify(resource, &grammar::rule(of), &self.provider, &self.numbers, &self.found)
    }

    /// Whether what is wrong with it is only what it contains.
    pub fn is_anothers_within(&self, resource: Value<'_>, of: ResourceType) -> bool {
        subject::is_anothers_within(resource, &grammar::rule(of), &self.provider, &self.numbers, &self.found)
    }

    /// Where a page's next link leads, if that is the provider's own.
    pub fn own_page(&self, page: &Url, next: &str) -> Result<Url, Failure> {
        pages::own_page(&self.provider, page, next)
    }

    /// Whether an outcome among the entries says that they are not all that there is.
    pub fn tells_of_failure(outcome: Value<'_>) -> bool {
        pages::tells_of_failure(outcome)
    }

    /// Whether an attachment's address leads to another server.
    pub fn is_elsewhere(&self, address: &str) -> bool {
        match reference::target(address, &self.provider) {
            Target::Local { .. } | Target::Contained(_) => false,
            Target::Elsewhere => {
                let own = |url: &Url| self.provider.bases().any(|base| base.origin() == url.origin());
                self.provider.base.join(address).map_or(true, |url| url.has_host() && !own(&url))
            }
        }
    }
}
