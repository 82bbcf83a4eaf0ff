//! What the organisations of a region hold, as loaded: each resource the very bytes of its line.
//!
//! Tests compare what the gateway answers with this. Numbers are never read and written again, so `1.10` stays `1.10`.

mod folder;
mod index_record;
mod members;
mod resource;
mod resource_types;

pub use folder::FolderError;
pub use index_record::{Flag, IndexRecord};
pub use members::Members;
pub use resource::{InvalidResource, Resource};
pub use resource_types::is_fhir_type;

use crate::domain::{NhsNumber, OdsCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";
pub const ODS_CODE: &str = "https://fhir.nhs.uk/Id/ods-organization-code";

#[derive(Serialize, Deserialize)]
pub struct Dataset {
    pub providers: Vec<ProviderData>,
    #[serde(default)]
    pub patients: Vec<PatientInfo>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub index: Vec<IndexRecord>,
}

/// One organisation and all it holds, by resource type.
#[derive(Serialize, Deserialize)]
pub struct ProviderData {
    pub slug: String,
    #[serde(rename = "odsCode")]
    pub ods: OdsCode,
    pub name: String,
    pub kind: String,
    #[serde(skip)]
    pub resources: BTreeMap<String, Vec<Resource>>,
}

/// A patient of the region, as `region.json` tells it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientInfo {
    pub nhs_number: NhsNumber,
    pub name: String,
    pub birth_date: String,
    pub gp_practice: OdsCode,
    /// The slugs of the organisations that hold data about this patient.
    pub held_by: Vec<String>,
}

impl Dataset {
    /// The built-in region: the same bytes every time.
    pub fn builtin() -> Self {
        super::builtin::region()
    }

    pub fn provider(&self, slug: &str) -> Option<&ProviderData> {
        self.providers.iter().find(|provider| provider.slug == slug)
    }

    pub fn patient(&self, number: NhsNumber) -> Option<&PatientInfo> {
        self.patients.iter().find(|patient| patient.nhs_number == number)
    }

    /// The patient's family name, read from the first Patient resource that tells one.
    pub fn family_name(&self, number: NhsNumber) -> Option<String> {
        let digits = number.digits();
        self.providers
            .iter()
            .flat_map(|provider| provider.of_type("Patient"))
            .find_map(|patient| patient.has_identifier(Some(NHS_NUMBER), &digits).then(|| patient.family_name())?)
    }
}

impl ProviderData {
    pub fn of_type(&self, kind: &str) -> &[Resource] {
        self.resources.get(kind).map_or(&[], Vec::as_slice)
    }

    pub fn find(&self, kind: &str, id: &str) -> Option<&Resource> {
        self.of_type(kind).iter().find(|resource| resource.id == id)
    }

    /// Every resource whose patient is the one with this NHS number, the Patient itself included; with its type.
    pub fn about(&self, number: NhsNumber) -> Vec<(&str, &Resource)> {
        let locals = self.local_patients(Some(NHS_NUMBER), &number.digits());
        let concerns = |kind: &str, resource: &Resource| {
            if kind == "Patient" {
                locals.contains(&resource.id.as_str())
            } else {
                resource.patients.iter().any(|id| locals.contains(&id.as_str()))
            }
        };
        let all = self.resources.iter().flat_map(|(kind, list)| list.iter().map(move |one| (kind.as_str(), one)));
        all.filter(|(kind, one)| concerns(kind, one)).collect()
    }

    /// The local ids of the Patients that carry this identifier; `None` asks for any system.
    pub fn local_patients(&self, system: Option<&str>, value: &str) -> Vec<&str> {
        let patients = self.of_type("Patient").iter();
        patients.filter(|patient| patient.has_identifier(system, value)).map(|patient| patient.id.as_str()).collect()
    }
}
