//! The patient index: a FHIR server that says, as PDS does, who an NHS number is: `GET [base]/Patient/[number]`.
//! <https://digital.nhs.uk/developer/api-catalogue/personal-demographics-service-fhir>
//!
//! It is asked like a provider (own credential, vetted address, one deadline, strict reader) and only for a reader who is
//! permitted already. Its word is kept for a while; while it does not answer, its last word for a while longer.

mod config;

pub use config::IndexConfig;

use super::{
    Announced, Failure, Question, Resolution, calls::Calls, pages, question::Asked, resolution::SourcePatient,
};
use crate::{
    domain::{Labels, NhsNumber, Numbers, OdsCode, Timestamp},
    fhir::json::{self, Limits, Tape, Value},
    registry::{Freshness, Provider},
};
use moka::future::Cache;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

const VERIFICATION: &str = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus";

pub struct PatientIndex {
    calls: Calls,
    provider: Arc<Provider>,
    budget: pages::Budget,
    fresh: Cache<NhsNumber, Arc<IndexPatient>>,
    last: Cache<NhsNumber, Arc<IndexPatient>>,
    /// Numbers that it knows nobody by.
    nobodys: Cache<NhsNumber, ()>,
}

/// What the index holds under a number.
#[derive(Debug)]
pub struct IndexPatient {
    /// The number in use: another than asked for, where that was given up.
    pub current: NhsNumber,
    pub provider: Arc<Provider>,
    /// Its Patient, as a source's own.
    pub resolution: Arc<Resolution>,
    /// It was traced and found to be this person's.
    pub verified: bool,
    /// Where they live, and so where they are seen, is not to be told.
    pub restricted: bool,
    pub practices: Vec<OdsCode>,
}

/// What is known of who a number is.
#[derive(Clone, Debug)]
pub enum Identity {
    /// There is no index to ask.
    NoIndex,
    Known(Arc<IndexPatient>),
    /// The index did not answer; this was its last word.
    Stale(Arc<IndexPatient>, Failure),
    /// ... and there is none.
    Unchecked(Failure),
}

const PATIENTS: u64 = 100_000;
/// Calls under way at once.
const PLACES: usize = 64;
const BUDGET: pages::Budget = pages::Budget { bytes: 1 << 20, limits: Limits { depth: 64, nodes: 20_000 }, pages: 1 };

impl PatientIndex {
    pub fn new(config: &IndexConfig) -> Result<Self, String> {
        Ok(Self {
            calls: Calls::new(PLACES, None).map_err(|e| e.to_string())?,
            provider: Arc::new(config.provider()?),
            budget: BUDGET,
            fresh: kept(config.ttl_seconds),
            last: kept(config.ttl_seconds.max(config.stale_seconds)),
            nobodys: kept(config.ttl_seconds),
        })
    }

    /// Who runs it.
    pub fn ods(&self) -> OdsCode {
        self.provider.ods
    }

    /// Its word, where it was asked for lately.
    pub async fn recall(&self, number: NhsNumber) -> Option<Identity> {
        self.fresh.get(&number).await.map(Identity::Known)
    }

    /// Forgets its word where that is no newer than this, and says whether.
    pub async fn forget_before(&self, moment: Timestamp, number: NhsNumber) -> bool {
        let known = self.fresh.get(&number).await;
        let old = known.is_none_or(|known| known.resolution.fetched_at <= moment);
        if old {
            self.fresh.invalidate(&number).await;
        }
        old
    }

    /// Whether it said lately that it knows nobody by this number. Enough where a source names the number; who asks for it by name
    /// is to hear what it says now.
    pub fn knows_none(&self, number: NhsNumber) -> bool {
        self.nobodys.contains_key(&number)
    }

    /// Asks; however many ask at once, one call. `None`: it knows no such patient, or says so of one whose record is closed to
    /// everyone.
    pub async fn ask(&self, number: NhsNumber, question: Question<'_>, announced: &impl Announced) -> Option<Identity> {
        let request = announced.request_id();
        let asked = self.fresh.try_get_with(number, async {
            let freshness = Freshness::default();
            let deadline = Instant::now() + self.provider.deadline;
            let asked =
                Asked { provider: &self.provider, question, request, began: Timestamp::now(), deadline, freshness };
            match timeout_at(deadline, self.fetch(number, asked)).await.unwrap_or(Err(Failure::Timeout)) {
                Ok(found) => found.map(Arc::new).ok_or(None),
                Err(failure) => Err(Some(failure)),
            }
        });
        let outcome = match asked.await.map_err(|not| *not) {
            Ok(found) => {
                self.last.insert(number, Arc::clone(&found)).await;
                self.nobodys.invalidate(&number).await;
                Ok(Some(Identity::Known(found)))
            }
            // PDS says so of a number nobody has, and of a patient flagged S; a 404 of a gateway before it says nothing
            Err(None) => {
                self.last.invalidate(&number).await;
                self.nobodys.insert(number, ()).await;
                Ok(None)
            }
            Err(Some(failure)) => Err(failure),
        };
        let said = match &outcome {
            Ok(Some(_)) => "answered",
            Ok(None) => "unknown",
            Err(failure) => failure.code(),
        };
        metrics::counter!("caregate_index_answers_total", "outcome" => said).increment(1);
        match outcome {
            Ok(found) => found,
            Err(failure) => {
                tracing::warn!(failure = failure.code(), "the patient index failed");
                Some(match self.last.get(&number).await {
                    Some(last) => Identity::Stale(last, failure),
                    None => Identity::Unchecked(failure),
                })
            }
        }
    }

    /// The same, whatever it said lately.
    pub async fn ask_anew(
        &self,
        number: NhsNumber,
        question: Question<'_>,
        announced: &impl Announced,
    ) -> Option<Identity> {
        self.fresh.invalidate(&number).await;
        self.ask(number, question, announced).await
    }

    /// `None`: it says that there is no such patient.
    async fn fetch(&self, number: NhsNumber, asked: Asked<'_>) -> Result<Option<IndexPatient>, Failure> {
        let url = self.provider.base.join(&format!("Patient/{}", number.digits())).map_err(|_| Failure::Internal)?;
        let pages::Budget { bytes: mut left, mut limits, .. } = self.budget;
        let Some(page) = self.calls.read(asked, url, &mut left).await? else { return Ok(None) };
        let mut tape = Tape::new();
        let resource = json::parse(&page.body, &mut limits, &mut tape).map_err(|_| Failure::NotJson)?;
        read(resource, &self.provider).map(Some)
    }
}

fn kept<T: Clone + Send + Sync + 'static>(seconds: u64) -> Cache<NhsNumber, T> {
    Cache::builder().max_capacity(PATIENTS).time_to_live(Duration::from_secs(seconds)).build()
}

impl Identity {
    /// What the index says, or last said.
    pub fn patient(&self) -> Option<&Arc<IndexPatient>> {
        match self {
            Self::Known(patient) | Self::Stale(patient, _) => Some(patient),
            Self::NoIndex | Self::Unchecked(_) => None,
        }
    }

    /// Whether the index says now that it is this person.
    pub fn is_known_to_be(&self, current: NhsNumber) -> bool {
        matches!(self, Self::Known(patient) if patient.current == current)
    }

    /// Whether where the patient is seen is to be kept from others: also where the index could not say.
    pub fn is_restricted(&self) -> bool {
        match self {
            Self::NoIndex => false,
            Self::Known(patient) | Self::Stale(patient, _) => patient.restricted,
            Self::Unchecked(_) => true,
        }
    }

    pub fn fetched_at(&self) -> Option<Timestamp> {
        self.patient().map(|patient| patient.resolution.fetched_at)
    }
}

/// Its id is the number in use, and its identifier says the same.
fn read(resource: Value<'_>, provider: &Arc<Provider>) -> Result<IndexPatient, Failure> {
    let id = resource.text("id").ok_or(Failure::UnexpectedEntry)?;
    let current = NhsNumber::parse(&id).map_err(|_| Failure::UnexpectedEntry)?;
    // what is sensitive in it is for the flag to say, which hides places: nothing of it is withheld
    let patient = SourcePatient::labelled(resource, &Numbers::from(current), Labels::default())?;
    let mut verified = false;
    resource.each("identifier.extension", &mut |extension| {
        if extension.text("url").as_deref() == Some(VERIFICATION) {
            extension.each("valueCodeableConcept.coding", &mut |coding| {
                verified |= coding.text("code").as_deref() == Some("01");
            });
        }
    });
    let mut restricted = false;
    resource.each("meta.security", &mut |label| {
        let [system, code] = ["system", "code"].map(|key| label.text(key).unwrap_or_default());
        restricted |= Labels::restricts(&system, &code);
    });
    Ok(IndexPatient {
        current,
        provider: Arc::clone(provider),
        practices: patient.practices.clone(),
        resolution: Arc::new(Resolution::of(provider, current, vec![patient])?),
        verified,
        restricted,
    })
}

#[cfg(test)]
mod tests;
