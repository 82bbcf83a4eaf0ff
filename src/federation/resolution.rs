//! A provider's own Patient for an NHS number: its local ids, against which every entry's subject is verified, and its
//! demographics, against which the other sources' are.

use super::{
    Failure, Items,
    http::Http,
    manifest::{self, sha256},
    pages,
};
use crate::{
    domain::{Labels, NhsNumber, OdsCode, RequestId, Timestamp},
    fhir::{
        ResourceType,
        bundle::BundleEntry,
        date::{Interval, interval_of},
        json::Value,
    },
    registry::Provider,
};
use bytes::Bytes;
use std::sync::Arc;

pub const NHS_NUMBER_SYSTEM: &str = "https://fhir.nhs.uk/Id/nhs-number";
pub const ODS_SYSTEM: &str = "https://fhir.nhs.uk/Id/ods-organization-code";

/// What a provider holds under an NHS number. No patients: it holds nothing about them, and said so.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub patients: Vec<SourcePatient>,
    pub fetched_at: Timestamp,
    /// The manifest: line N is patient N.
    pub items: Arc<Items>,
}

/// One Patient of a provider's own, its bytes as they came.
#[derive(Clone, Debug)]
pub struct SourcePatient {
    pub local: String,
    pub bytes: Bytes,
    pub labels: Labels,
    pub last_updated: Option<Interval>,
    version: String,
    pub birth_date: Option<String>,
    /// Family names, folded for comparing.
    pub families: Vec<String>,
    /// The organisations it names as general practice.
    pub practices: Vec<OdsCode>,
}

impl Resolution {
    pub fn knows(&self, local: &str) -> bool {
        self.patients.iter().any(|p| p.local == local)
    }

    /// Whether the provider's own Patient names `organisation` as general practice.
    pub fn is_registered_at(&self, organisation: OdsCode) -> bool {
        self.patients.iter().any(|p| p.practices.contains(&organisation))
    }

    /// What it takes in memory, in bytes, about.
    pub fn weight(&self) -> u32 {
        let bytes: usize = self.patients.iter().map(|p| p.bytes.len() + 256).sum();
        u32::try_from(bytes + 128).unwrap_or(u32::MAX)
    }
}

/// Asks a provider for its Patient with this NHS number.
pub async fn resolve(
    http: &Http,
    provider: &Provider,
    patient: NhsNumber,
    request: RequestId,
    mut budget: pages::Budget,
) -> Result<Resolution, Failure> {
    let mut url = provider.base.join("Patient").map_err(|_| Failure::Internal)?;
    url.query_pairs_mut().append_pair("identifier", &format!("{NHS_NUMBER_SYSTEM}|{}", patient.digits()));
    let found =
        pages::search(http, provider, url, request, &mut budget, Found { patient, patients: Vec::new() }).await?;
    let mut patients = found.patients;
    patients.sort_by(|a, b| a.local.cmp(&b.local));
    let lines = patients
        .iter()
        .map(|p| manifest::line(ResourceType::Patient, &p.local, &p.version, &sha256(&p.bytes), &p.labels));
    let items = Arc::new(Items::new(provider.ods, patient, ResourceType::Patient.as_str(), lines));
    Ok(Resolution { patients, fetched_at: Timestamp::now(), items })
}

struct Found {
    patient: NhsNumber,
    patients: Vec<SourcePatient>,
}

impl pages::Take for Found {
    fn take(&mut self, entry: BundleEntry<'_>) -> Result<(), Failure> {
        let resource = entry.resource().ok_or(Failure::UnexpectedEntry)?;
        let found = SourcePatient::read(resource, self.patient)?;
        match self.patients.iter().find(|p| p.local == found.local) {
            None => self.patients.push(found),
            Some(same) if same.bytes == found.bytes => {}
            Some(_) => return Err(Failure::ConflictingIds),
        }
        Ok(())
    }
}

impl SourcePatient {
    fn read(resource: Value<'_>, patient: NhsNumber) -> Result<Self, Failure> {
        if resource.text("resourceType").as_deref() != Some("Patient") {
            return Err(Failure::UnexpectedEntry);
        }
        // a Patient under another number, or under two, is another person's or two persons'
        let mut numbers = 0;
        let mut other = false;
        resource.each("identifier", &mut |identifier| {
            if let Some(number) = nhs_number_of(identifier) {
                numbers += 1;
                other |= number != patient.digits();
            }
        });
        if other || numbers == 0 {
            return Err(Failure::WrongPatient);
        }
        let local = resource.text("id").filter(|id| is_fhir_id(id)).ok_or(Failure::UnexpectedEntry)?.into_owned();
        let mut families = Vec::new();
        resource.each("name.family", &mut |family| families.extend(family.as_str().map(|f| fold(&f))));
        let mut practices = Vec::new();
        resource.each("generalPractitioner.identifier", &mut |identifier| {
            if identifier.text("system").as_deref() == Some(ODS_SYSTEM)
                && let Some(code) = identifier.text("value").and_then(|v| OdsCode::parse(&v).ok())
            {
                practices.push(code);
            }
        });
        let meta = resource.get("meta");
        Ok(Self {
            local,
            bytes: Bytes::copy_from_slice(resource.raw()),
            labels: labels_of(resource),
            last_updated: meta.and_then(|m| m.get("lastUpdated")).and_then(interval_of),
            version: meta.and_then(|m| m.text("versionId")).map(|v| v.into_owned()).unwrap_or_default(),
            birth_date: resource.text("birthDate").map(|d| d.into_owned()),
            families,
            practices,
        })
    }
}

/// The NHS number an Identifier holds; `None` for identifiers of other systems.
pub fn nhs_number_of(identifier: Value<'_>) -> Option<String> {
    (identifier.text("system").as_deref() == Some(NHS_NUMBER_SYSTEM))
        .then(|| identifier.text("value").unwrap_or_default().into_owned())
}

/// The security labels a resource arrives with.
pub fn labels_of(resource: Value<'_>) -> Labels {
    let mut labels = Labels::default();
    resource.each("meta.security", &mut |coding| {
        labels.add(&coding.text("system").unwrap_or_default(), &coding.text("code").unwrap_or_default());
    });
    labels
}

/// <https://hl7.org/fhir/R4/datatypes.html#id>
pub fn is_fhir_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// Case, spaces, hyphens and apostrophes do not make another name.
fn fold(family: &str) -> String {
    family.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
