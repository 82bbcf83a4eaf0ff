use crate::{
    domain::{NhsNumber, is_public, literal_address},
    fhir::{ResourceType, json},
    registry::Provider,
};
use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

/// The endpoint to be probed, and whom it may be asked about.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) provider: Arc<Provider>,
    pub(super) patients: Vec<NhsNumber>,
    pub(super) types: BTreeSet<ResourceType>,
    pub(super) limits: Limits,
}

/// What one probe may cost, itself and the provider.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For all of it.
    pub time: Duration,
    pub calls: u32,
    /// Of one answer, or one of its pages.
    pub bytes: usize,
    pub json: json::Limits,
    /// Of one search.
    pub pages: usize,
    /// Entries that a search asks for at once.
    pub page_size: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(240),
            calls: 400,
            bytes: 4 << 20,
            json: json::Limits { depth: 64, nodes: 300_000 },
            pages: 25,
            page_size: 200,
        }
    }
}

/// Why an endpoint cannot be probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    #[error("a test patient's NHS number begins with 999: those are issued to nobody")]
    RealNumber,
    #[error("at most {MOST_PATIENTS} test patients are asked about")]
    TooManyPatients,
    #[error("{0} is not a type that a record is searched for")]
    NotSearched(Name),
    #[error("the address is inside our own network, and that is not allowed for it")]
    NotPublic,
}

/// A type's name, in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(ResourceType);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

pub(super) const MOST_PATIENTS: usize = 5;

impl Target {
    /// `patients`: test patients that the provider supplies, best two or more. `types`: those that it says it serves; what its
    /// CapabilityStatement claims where there are none.
    ///
    /// A probe is no request that a clinician made and the audit knows: it may be about no real person. So only numbers that
    /// are issued to nobody are taken.
    pub fn new(
        provider: Arc<Provider>,
        mut patients: Vec<NhsNumber>,
        types: impl IntoIterator<Item = ResourceType>,
    ) -> Result<Self, TargetFault> {
        patients.sort_unstable();
        patients.dedup();
        if patients.iter().any(|number| number.value() / 10_000_000 != 999) {
            return Err(TargetFault::RealNumber);
        }
        if patients.len() > MOST_PATIENTS {
            return Err(TargetFault::TooManyPatients);
        }
        // the Patient is looked up anyway
        let types: BTreeSet<_> = types.into_iter().filter(|one| *one != ResourceType::Patient).collect();
        if let Some(target) = types.iter().find(|one| one.is_target()) {
            return Err(TargetFault::NotSearched(Name(*target)));
        }
        // names are vetted while connecting; an address that is spelt out is looked up by nobody
        let inside = |url| literal_address(url).is_some_and(|address| !is_public(address));
        if !provider.allow_private_addresses && provider.bases().any(inside) {
            return Err(TargetFault::NotPublic);
        }
        Ok(Self { provider, patients, types, limits: Limits::default() })
    }

    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// A number that none of the test patients has. The whole range is issued to nobody: asked for one of them, a provider
    /// is told of nobody, and whatever it finds is a fault.
    pub(super) fn nobody(&self) -> Option<NhsNumber> {
        let mut numbers = (9_990_000_000..=9_999_999_990).rev().filter_map(|value| NhsNumber::from_value(value).ok());
        numbers.find(|number| !self.patients.contains(number))
    }
}
