use super::concepts::{hl7, loinc, ods, quantity, snomed, v3};
use super::people::Person;
use super::shelf::{Shelf, decimal};
use crate::sandbox::data::NHS_NUMBER;
use serde_json::{Value, json};

/// One patient's record at one organisation, open for writing.
pub struct Chart<'s> {
    shelf: &'s mut Shelf,
    pub person: &'s Person,
    /// The person's place in the region's list: what chooses between variants.
    pub n: usize,
    /// References to what most resources point at.
    pub patient: Value,
    pub clinician: Value,
    pub organisation: Value,
}

impl<'s> Chart<'s> {
    pub fn open(shelf: &'s mut Shelf, n: usize, person: &'s Person) -> Self {
        let home = shelf.organisation;
        let organisation = shelf.home();
        let clinician = shelf.add(
            "Practitioner",
            json!({"active": true,
            "name": [{"family": format!("Clinician {} (synthetic)", n + 1), "prefix": ["Dr"]}]}),
        );
        shelf.add("PractitionerRole", json!({"active": true, "practitioner": clinician, "organization": organisation}));
        let patient = shelf.add("Patient", json!({
            "identifier": [
                {"use": "official", "system": NHS_NUMBER, "value": person.number},
                {"use": "usual", "system": format!("https://{}.example/patient", home.slug), "value": format!("H{n:05}")},
            ],
            "active": true,
            "name": [{"use": "official", "family": person.family, "given": [person.given]}],
            "gender": person.gender,
            "birthDate": person.born,
            "address": [{"use": "home", "line": [format!("{} Samphire Row", n + 1)], "city": "Saltmarsh", "postalCode": "ZZ99 3WZ"}],
            "generalPractitioner": [ods(person.practice)],
            "managingOrganization": organisation,
        }));
        Self { shelf, person, n, patient, clinician, organisation }
    }

    pub fn ods(&self) -> &'static str {
        self.shelf.organisation.ods
    }

    pub fn add(&mut self, kind: &str, body: Value) -> Value {
        self.shelf.add(kind, body)
    }

    /// An encounter of an hour, in the given class of v3-ActCode.
    pub fn encounter(&mut self, class: &str, day: &str, meta: Option<Value>) -> Value {
        let mut body = json!({
            "status": "finished",
            "class": v3("ActCode", class),
            "subject": self.patient,
            "participant": [{"individual": self.clinician}],
            "period": {"start": format!("{day}T10:00:00+01:00"), "end": format!("{day}T11:00:00+01:00")},
            "serviceProvider": self.organisation,
        });
        with_meta(&mut body, meta);
        self.add("Encounter", body)
    }

    /// An active, confirmed condition with whatever else is told of it.
    pub fn condition(&mut self, code: Value, more: Value) -> Value {
        let mut body = json!({
            "clinicalStatus": hl7("condition-clinical", "active"),
            "verificationStatus": hl7("condition-ver-status", "confirmed"),
            "category": [hl7("condition-category", "problem-list-item")],
            "code": code,
            "subject": self.patient,
        });
        merge(&mut body, more);
        self.add("Condition", body)
    }

    /// A final observation of one quantity; the digits stay as given.
    pub fn observation(&mut self, code: Value, when: &str, digits: &str, unit: &str, more: Value) -> Value {
        let mut body = json!({
            "status": "final",
            "category": [hl7("observation-category", "vital-signs")],
            "code": code,
            "subject": self.patient,
            "effectiveDateTime": when,
            "performer": [self.clinician],
            "valueQuantity": quantity(decimal(digits), unit),
        });
        merge(&mut body, more);
        self.add("Observation", body)
    }

    pub fn blood_pressure(&mut self, when: &str, systolic: &str, diastolic: &str) -> Value {
        let part = |code: &str, display: &str, digits: &str| json!({"code": loinc(code, display), "valueQuantity": quantity(decimal(digits), "mm[Hg]")});
        self.add(
            "Observation",
            json!({
                "status": "final",
                "category": [hl7("observation-category", "vital-signs")],
                "code": loinc("85354-9", "Blood pressure panel with all children optional"),
                "subject": self.patient,
                "effectiveDateTime": when,
                "component": [
                    part("8480-6", "Systolic blood pressure", systolic),
                    part("8462-4", "Diastolic blood pressure", diastolic),
                ],
            }),
        )
    }

    pub fn medication(&mut self, code: &str, name: &str) -> Value {
        self.add("Medication", json!({"status": "active", "code": snomed(code, name)}))
    }
}

fn with_meta(body: &mut Value, meta: Option<Value>) {
    if let Some(meta) = meta {
        body["meta"] = meta;
    }
}

fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}
