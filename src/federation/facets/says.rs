use crate::{
    federation::manifest::sha256,
    fhir::{ResourceType, json::Value},
};

/// What an entry says that another's may contradict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// An allergy or intolerance that holds, of these categories.
    Allergic(Categories),
    /// That none is known of.
    NoneKnown(Categories),
    /// That a medicine is taken, by its codes.
    Takes(Box<[Medicine]>),
    /// ... and that it was stopped, or is not to be given.
    TakesNoMore(Box<[Medicine]>),
}

/// Of AllergyIntolerance.category, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Categories(u8);

/// The digest of a medicine's system and code.
pub type Medicine = [u8; 16];

impl Categories {
    const FOOD: Self = Self(1);
    const MEDICATION: Self = Self(2);
    const ENVIRONMENT: Self = Self(4);
    const BIOLOGIC: Self = Self(8);
    const ALL: Self = Self(15);

    fn parse(code: &str) -> Self {
        match code {
            "food" => Self::FOOD,
            "medication" => Self::MEDICATION,
            "environment" => Self::ENVIRONMENT,
            "biologic" => Self::BIOLOGIC,
            _ => Self::ALL,
        }
    }

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

const SNOMED: &str = "http://snomed.info/sct";
/// <http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips>
const IPS: &str = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips";

/// What says that no allergy is known, and of which categories.
const NONE_KNOWN: [(&str, &str, Categories); 9] = [
    (SNOMED, "716186003", Categories::ALL),
    (SNOMED, "160244002", Categories::ALL),
    (SNOMED, "409137002", Categories::MEDICATION.and(Categories::BIOLOGIC)),
    (SNOMED, "429625007", Categories::FOOD),
    (SNOMED, "428607008", Categories::ENVIRONMENT),
    (IPS, "no-known-allergies", Categories::ALL),
    (IPS, "no-known-medication-allergies", Categories::MEDICATION.and(Categories::BIOLOGIC)),
    (IPS, "no-known-food-allergies", Categories::FOOD),
    (IPS, "no-known-environmental-allergies", Categories::ENVIRONMENT),
];

impl Says {
    pub fn read(resource: Value<'_>, resource_type: ResourceType) -> Option<Self> {
        match resource_type {
            ResourceType::AllergyIntolerance => allergy(resource),
            ResourceType::MedicationRequest | ResourceType::MedicationStatement => medicine(resource),
            _ => None,
        }
    }
}

/// What was refuted, entered in error or is over says nothing; nor do words without a code that may mean either.
fn allergy(resource: Value<'_>) -> Option<Says> {
    let over = coded(resource, "clinicalStatus", &["inactive", "resolved"]);
    if over || coded(resource, "verificationStatus", &["refuted", "entered-in-error"]) {
        return None;
    }
    let mut none_known: Option<Categories> = None;
    let mut named = false;
    resource.each("code.coding", &mut |coding| {
        let (system, code) = (coding.text("system").unwrap_or_default(), coding.text("code").unwrap_or_default());
        named |= !code.is_empty();
        let found = NONE_KNOWN.iter().find(|(of, known, _)| *of == system && *known == code);
        if let Some((.., categories)) = found {
            none_known = Some(none_known.map_or(*categories, |so_far| so_far.and(*categories)));
        }
    });
    if let Some(categories) = none_known {
        return Some(Says::NoneKnown(categories));
    }
    let words = resource.get("code").and_then(|code| code.text("text")).map(|text| text.to_lowercase());
    let negative =
        |text: &str| ["no ", "nil", "none", "not ", "nka", "nkda", "unknown"].iter().any(|w| text.starts_with(w));
    let named = named || words.is_some_and(|text| !text.trim().is_empty() && !negative(text.trim()));
    let mut categories: Option<Categories> = None;
    resource.each("category", &mut |category| {
        let category = Categories::parse(&category.as_str().unwrap_or_default());
        categories = Some(categories.map_or(category, |so_far| so_far.and(category)));
    });
    named.then_some(Says::Allergic(categories.unwrap_or(Categories::ALL)))
}

/// Only what was ordered or is taken: a proposal neither begins nor ends anything.
fn medicine(resource: Value<'_>) -> Option<Says> {
    if matches!(resource.text("intent").as_deref(), Some("proposal" | "plan" | "option")) {
        return None;
    }
    let mut codes: Vec<Medicine> = Vec::new();
    let mut add = |coding: Value<'_>| {
        if let (Some(system), Some(code)) = (coding.text("system"), coding.text("code")) {
            codes.extend(sha256(format!("{system}|{code}").as_bytes()).first_chunk::<16>());
        }
    };
    resource.each("medicationCodeableConcept.coding", &mut add);
    let contained = resource.get("medicationReference").and_then(|medicine| medicine.text("reference"));
    if let Some(id) = contained.as_deref().and_then(|to| to.strip_prefix('#')) {
        resource.each("contained", &mut |inner| {
            if inner.text("id").as_deref() == Some(id) {
                inner.each("code.coding", &mut add);
            }
        });
    }
    if codes.is_empty() {
        return None;
    }
    let never = resource.get("doNotPerform").and_then(Value::as_bool) == Some(true);
    match resource.text("status").as_deref() {
        Some("active") if !never => Some(Says::Takes(codes.into())),
        Some("active" | "stopped" | "cancelled" | "not-taken") => Some(Says::TakesNoMore(codes.into())),
        _ => None,
    }
}

fn coded(resource: Value<'_>, path: &str, codes: &[&str]) -> bool {
    let mut found = false;
    resource.each(&format!("{path}.coding.code"), &mut |code| {
        found |= code.as_str().is_some_and(|code| codes.contains(&code.as_ref()));
    });
    found
}
