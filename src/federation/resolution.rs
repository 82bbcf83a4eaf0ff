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
use std::{collections::BTreeSet, sync::Arc};
use url::Url;

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
    pub families: BTreeSet<String>,
    /// The organisations it names as general practice.
    pub practices: Vec<OdsCode>,
    /// NHS numbers that it says were given up.
    pub given_up: Vec<NhsNumber>,
}

impl Resolution {
    pub(super) fn of(
        provider: &Provider,
        patient: NhsNumber,
        mut patients: Vec<SourcePatient>,
    ) -> Result<Self, Failure> {
        patients.sort_by(|a, b| a.local.cmp(&b.local));
        let lines = patients
            .iter()
            .map(|p| manifest::line(ResourceType::Patient, &p.local, &p.version, &sha256(&p.bytes), &p.labels));
        let items = Arc::new(Items::new(provider.ods, patient, ResourceType::Patient.as_str(), lines)?);
        Ok(Self { patients, fetched_at: Timestamp::now(), epoch: 0, items })
    }

    pub fn knows(&self, local: &str) -> bool {
        self.patients.iter().any(|p| p.local == local)
    }

    /// Whether the other is of the same Patients.
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        self.patients.iter().map(|p| &p.local).eq(other.patients.iter().map(|p| &p.local))
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

/// Patients that a provider may hold under one number, family names of one, and bytes of a name: who the patient is, is judged by
/// comparing each with each of the other sources', on the event loop.
const MOST_PATIENTS: usize = 16;
const MOST_FAMILIES: usize = 32;
const LONGEST_FAMILY: usize = 256;

/// Asks a provider for its Patients with these NHS numbers, each by itself: it may still go by one that was given up.
pub async fn resolve(calls: &Calls, asked: Asked<'_>, mut budget: pages::Budget) -> Result<Resolution, Failure> {
    let Asked { provider, question: Question { numbers, sensitivities, .. }, .. } = asked;
    budget.bytes = budget.bytes.min(MAX_PATIENTS);
    let mut found = Found::new(numbers, sensitivities);
    for number in numbers.all() {
        let url = lookup(provider, number)?;
        found = pages::search(calls, asked, url, &mut budget, found).await?;
    }
    found.into_resolution(provider)
}

/// How a provider is asked who has this number.
pub fn lookup(provider: &Provider, number: NhsNumber) -> Result<Url, Failure> {
    let mut url = provider.base.join("Patient").map_err(|_| Failure::Internal)?;
    url.query_pairs_mut().append_pair("identifier", &format!("{}|{}", NhsNumber::SYSTEM, number.digits()));
    Ok(url)
}

/// The Patients of an answer, as its pages bring them.
pub struct Found {
    numbers: Numbers,
    sensitivities: Arc<Sensitivities>,
    patients: Vec<SourcePatient>,
}

impl Found {
    pub fn new(numbers: &Numbers, sensitivities: &Arc<Sensitivities>) -> Self {
        Self { numbers: numbers.clone(), sensitivities: Arc::clone(sensitivities), patients: Vec::new() }
    }

    pub fn into_resolution(self, provider: &Provider) -> Result<Resolution, Failure> {
        Resolution::of(provider, self.numbers.current, self.patients)
    }
}

impl pages::Take for Found {
    fn take(&mut self, entry: BundleEntry<'_>) -> Result<(), Failure> {
        let resource = entry.resource().ok_or(Failure::UnexpectedEntry)?;
        let found = SourcePatient::read(resource, &self.numbers, &self.sensitivities)?;
        match self.patients.iter().find(|p| p.local == found.local) {
            None if self.patients.len() >= MOST_PATIENTS * self.numbers.all().count() => return Err(Failure::TooLarge),
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
            Some(false) if is_superseded(resource, numbers) => return Err(Failure::Superseded),
            Some(false) => return Err(Failure::WrongPatient),
            None => return Err(Failure::NoSubject),
        }
        let local = resource.text("id").filter(|id| is_id(id)).ok_or(Failure::UnexpectedEntry)?.into_owned();
        let mut families = BTreeSet::new();
        resource.each("name.family", &mut |family| families.extend(family.as_str().map(|f| fold(&f))));
        if families.len() > MOST_FAMILIES || families.iter().any(|family| family.len() > LONGEST_FAMILY) {
            return Err(Failure::TooLarge);
        }
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
            version: manifest::version_of(resource),
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

/// Whether it says that a number of this patient's was given up for the one that it is under: so does a source that has merged
/// two records before the patient index did, or is heard. Its word alone joins nothing.
fn is_superseded(patient_resource: Value<'_>, numbers: &Numbers) -> bool {
    let (mut old, mut current) = (false, BTreeSet::new());
    patient_resource.each("identifier", &mut |identifier| {
        let Some(ours) = is_number_of(identifier, numbers) else { return };
        if is_given_up(identifier) {
            old |= ours;
        } else {
            current.insert(identifier.text("value").and_then(|value| NhsNumber::parse(&value).ok()));
        }
    });
    old && current.len() == 1
        && current.first().is_some_and(|one| one.is_some_and(|one| !numbers.contain(&one.digits())))
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
    use crate::{
        federation::testing::{patient, patient_json, provider, resolution, sensitivities},
        fhir::json::Limits,
    };

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
            &[(old, OURS), ("", OTHER), ("", r#""9990000034""#)],
            &[(old, OURS), ("", OTHER), ("", r#""999 000 0018""#)],
            &[("", "9990000018")],
            &[("", r#""999 000 0018""#)],
        ] {
            assert_eq!(with_identifiers(wrong).err(), Some(Failure::WrongPatient), "{wrong:?}");
        }
        // a record merged into that of another number
        assert_eq!(with_identifiers(&[(old, OURS), ("", OTHER)]).err(), Some(Failure::Superseded));
        for unsaid in [[].as_slice(), &[(old, OURS)]] {
            assert_eq!(with_identifiers(unsaid).err(), Some(Failure::NoSubject), "{unsaid:?}");
        }
    }

    #[test]
    fn more_patients_or_names_than_a_person_has_are_refused() {
        let taken = |count: usize, more: &str| {
            let mut found = Found { numbers: patient().into(), sensitivities: sensitivities(), patients: Vec::new() };
            let entries: Vec<_> =
                (0..count).map(|n| format!(r#"{{"resource":{}}}"#, patient_json(&n.to_string(), more))).collect();
            let page = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{}]}}"#, entries.join(","));
            pages::read_here(page.as_bytes(), &mut Limits::default(), &mut found).map(|_| found.patients.len())
        };
        assert_eq!(taken(MOST_PATIENTS, ""), Ok(MOST_PATIENTS));
        assert_eq!(taken(MOST_PATIENTS + 1, ""), Err(Failure::TooLarge));
        let named = |names: &mut dyn Iterator<Item = String>| {
            let all: Vec<_> = names.map(|name| format!(r#"{{"family":"{name}"}}"#)).collect();
            taken(1, &format!(r#","name":[{}]"#, all.join(",")))
        };
        assert_eq!(named(&mut (0..5000).map(|n| format!("Smith-{}", n % MOST_FAMILIES))), Ok(1), "the same names");
        assert_eq!(named(&mut (0..=MOST_FAMILIES).map(|n| format!("Smith {n}"))), Err(Failure::TooLarge));
        assert_eq!(named(&mut ["x".repeat(LONGEST_FAMILY + 1)].into_iter()), Err(Failure::TooLarge));
    }

    #[test]
    fn family_names_are_compared_without_case_or_marks() {
        let found = read(patient_json("1", r#","name":[{"family":"O'Neil-Smith"},{"family":"SMITH"}]"#)).unwrap();
        assert!(found.patients[0].families.iter().eq(["oneilsmith", "smith"]));
    }
}
