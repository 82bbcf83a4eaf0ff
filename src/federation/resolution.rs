//! A provider's own Patient for an NHS number: its local ids, against which every entry's subject is verified, and its
//! demographics, against which the other sources' are.

use super::{
    Failure, Items, Question,
    calls::Calls,
    manifest::{self, sha256},
    marks, pages,
    question::Asked,
};
use crate::{
    access::Sensitivities,
    domain::{Labels, NhsNumber, Numbers, OdsCode, Timestamp},
    fhir::{
        ResourceType,
        bundle::BundleEntry,
        date::{Interval, interval_of},
        is_id,
        json::Value,
    },
    registry::Provider,
};
use bytes::Bytes;
use std::sync::Arc;

/// What a provider holds under an NHS number. No patients: it holds nothing about them, and said so.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub patients: Vec<SourcePatient>,
    /// When it was asked for.
    pub fetched_at: Timestamp,
    /// The patient's epoch that was known then.
    pub epoch: i64,
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
    /// NHS numbers that it says were given up.
    pub given_up: Vec<NhsNumber>,
}

impl Resolution {
    pub(super) fn of(provider: &Provider, patient: NhsNumber, mut patients: Vec<SourcePatient>) -> Self {
        patients.sort_by(|a, b| a.local.cmp(&b.local));
        let lines = patients
            .iter()
            .map(|p| manifest::line(ResourceType::Patient, &p.local, &p.version, &sha256(&p.bytes), &p.labels));
        let items = Arc::new(Items::new(provider.ods, patient, ResourceType::Patient.as_str(), lines));
        Self { patients, fetched_at: Timestamp::now(), epoch: 0, items }
    }

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
        u32::try_from(bytes + self.items.text.len() + 128).unwrap_or(u32::MAX)
    }
}

/// Decoded bytes of a provider's Patients for one number: they are written anew for each reader, on the event loop.
const MAX_PATIENTS: usize = 2 << 20;

/// Asks a provider for its Patients with these NHS numbers, each by itself: it may still go by one that was given up.
pub async fn resolve(calls: &Calls, asked: Asked<'_>, mut budget: pages::Budget) -> Result<Resolution, Failure> {
    let Asked { provider, question: Question { numbers, sensitivities, .. }, .. } = asked;
    budget.bytes = budget.bytes.min(MAX_PATIENTS);
    let mut found = Found { numbers: numbers.clone(), sensitivities: Arc::clone(sensitivities), patients: Vec::new() };
    for number in numbers.all() {
        let mut url = provider.base.join("Patient").map_err(|_| Failure::Internal)?;
        url.query_pairs_mut().append_pair("identifier", &format!("{}|{}", NhsNumber::SYSTEM, number.digits()));
        found = pages::search(calls, asked, url, &mut budget, found).await?;
    }
    Ok(Resolution::of(provider, numbers.current, found.patients))
}

struct Found {
    numbers: Numbers,
    sensitivities: Arc<Sensitivities>,
    patients: Vec<SourcePatient>,
}

impl pages::Take for Found {
    fn take(&mut self, entry: BundleEntry<'_>) -> Result<(), Failure> {
        let resource = entry.resource().ok_or(Failure::UnexpectedEntry)?;
        let found = SourcePatient::read(resource, &self.numbers, &self.sensitivities)?;
        match self.patients.iter().find(|p| p.local == found.local) {
            None => self.patients.push(found),
            Some(same) if same.bytes == found.bytes => {}
            Some(_) => return Err(Failure::ConflictingIds),
        }
        Ok(())
    }
}

impl SourcePatient {
    pub(super) fn read(resource: Value<'_>, numbers: &Numbers, sensitivities: &Sensitivities) -> Result<Self, Failure> {
        Self::labelled(resource, numbers, marks::labels_of(resource, sensitivities)?)
    }

    pub(super) fn labelled(resource: Value<'_>, numbers: &Numbers, labels: Labels) -> Result<Self, Failure> {
        if resource.text("resourceType").as_deref() != Some("Patient") {
            return Err(Failure::UnexpectedEntry);
        }
        // a Patient under another number, or under two persons', is another person's or two persons'
        match whose(resource, numbers) {
            Some(true) => {}
            Some(false) => return Err(Failure::WrongPatient),
            None => return Err(Failure::NoSubject),
        }
        let local = resource.text("id").filter(|id| is_id(id)).ok_or(Failure::UnexpectedEntry)?.into_owned();
        let mut families = Vec::new();
        resource.each("name.family", &mut |family| families.extend(family.as_str().map(|f| fold(&f))));
        let mut practices = Vec::new();
        resource.each("generalPractitioner.identifier", &mut |identifier| {
            if identifier.text("system").as_deref() == Some(OdsCode::SYSTEM)
                && let Some(code) = identifier.text("value").and_then(|v| OdsCode::parse(&v).ok())
            {
                practices.push(code);
            }
        });
        let mut given_up = Vec::new();
        resource.each("identifier", &mut |identifier| {
            if is_given_up(identifier) && identifier.text("system").as_deref() == Some(NhsNumber::SYSTEM) {
                given_up.extend(identifier.text("value").and_then(|value| NhsNumber::parse(&value).ok()));
            }
        });
        let meta = resource.get("meta");
        Ok(Self {
            local,
            bytes: Bytes::copy_from_slice(resource.raw()),
            labels,
            last_updated: meta.and_then(|m| m.get("lastUpdated")).and_then(interval_of),
            version: meta.and_then(|m| m.text("versionId")).map(|v| v.into_owned()).unwrap_or_default(),
            birth_date: resource.text("birthDate").map(|d| d.into_owned()),
            families,
            practices,
            given_up,
        })
    }
}

/// Whether a Patient is this one's, by its current NHS numbers; `None` if it has none.
pub fn whose(patient_resource: Value<'_>, numbers: &Numbers) -> Option<bool> {
    let mut ours = None;
    patient_resource.each("identifier", &mut |identifier| {
        // a number that was given up when two records of one person were merged says nothing of who it is now
        if !is_given_up(identifier)
            && let Some(this) = is_number_of(identifier, numbers)
        {
            ours = Some(this && ours != Some(false));
        }
    });
    ours
}

pub fn is_given_up(identifier: Value<'_>) -> bool {
    identifier.text("use").as_deref() == Some("old")
}

/// Whether an Identifier holds an NHS number of this patient or another's; `None` if it holds no NHS number.
pub fn is_number_of(identifier: Value<'_>, numbers: &Numbers) -> Option<bool> {
    let number = identifier.get("value").filter(|_| identifier.text("system").as_deref() == Some(NhsNumber::SYSTEM))?;
    Some(number.as_str().is_some_and(|digits| numbers.contain(&digits)))
}

/// Case, spaces, hyphens and apostrophes do not make another name.
fn fold(family: &str) -> String {
    family.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::testing::{patient_json, provider, resolution};

    fn read(patient: String) -> Result<Arc<Resolution>, Failure> {
        resolution(&provider("RZ901"), &[patient])
    }

    fn with_identifiers(identifiers: &[(&str, &str)]) -> Result<Arc<Resolution>, Failure> {
        let identifiers: Vec<_> = identifiers
            .iter()
            .map(|(more, value)| format!(r#"{{{more}"system":"{}","value":{value}}}"#, NhsNumber::SYSTEM))
            .collect();
        read(format!(r#"{{"resourceType":"Patient","id":"1","identifier":[{}]}}"#, identifiers.join(",")))
    }

    #[test]
    fn a_patient_under_another_number_is_anothers_and_one_given_up_in_a_merge_is_no_other() {
        const OURS: &str = r#""9990000018""#;
        const OTHER: &str = r#""9990000026""#;
        let old = r#""use":"old","#;
        assert!(with_identifiers(&[("", OURS)]).is_ok());
        assert!(with_identifiers(&[("", OURS), (old, OTHER)]).is_ok());
        for wrong in [
            [("", OURS), ("", OTHER)].as_slice(),
            &[("", OTHER), ("", OURS)],
            &[(old, OURS), ("", OTHER)],
            &[("", "9990000018")],
            &[("", r#""999 000 0018""#)],
        ] {
            assert_eq!(with_identifiers(wrong).err(), Some(Failure::WrongPatient), "{wrong:?}");
        }
        for unsaid in [[].as_slice(), &[(old, OURS)]] {
            assert_eq!(with_identifiers(unsaid).err(), Some(Failure::NoSubject), "{unsaid:?}");
        }
    }

    #[test]
    fn family_names_are_compared_without_case_or_marks() {
        let found = read(patient_json("1", r#","name":[{"family":"O'Neil-Smith"},{"family":"SMITH"}]"#)).unwrap();
        assert_eq!(found.patients[0].families, ["oneilsmith", "smith"]);
    }
}
