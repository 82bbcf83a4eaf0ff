//! Who may be asked for at `/token`: made-up staff, patients by NHS number, organisations' systems by ODS code.

use crate::domain::{NhsNumber, OdsCode};
use crate::sandbox::data::{Dataset, PatientInfo};
use serde::Serialize;
use std::collections::BTreeMap;

/// A job someone holds at an organisation. Role codes: NHS national RBAC, as in UKCore-SDSJobRoleName.
pub struct Role {
    pub code: &'static str,
    pub title: &'static str,
    pub ods: &'static str,
    pub activities: &'static [&'static str],
}

pub struct Staff {
    pub persona: &'static str,
    pub user: &'static str,
    pub name: &'static str,
    pub selected: Role,
    /// A role the person also holds, but did not sign in with: it must lend no right.
    pub also: Option<Role>,
}

/// Somebody who works somewhere, as whoever asks for the token describes them: for tests of who may see what.
pub struct Anybody {
    pub user: String,
    pub organisation: OdsCode,
    /// A job role code, known or not; without one they hold no job.
    pub role: Option<String>,
    pub activities: Vec<String>,
}

pub enum Persona<'d> {
    Staff(&'static Staff),
    Anybody(Anybody),
    Patient(NhsNumber, Option<&'d PatientRecord>),
    System(OdsCode),
}

/// What an identity provider knows of the region: its organisations and its people, not their records.
pub struct Directory {
    organisations: BTreeMap<OdsCode, String>,
    patients: BTreeMap<NhsNumber, PatientRecord>,
}

pub struct PatientRecord {
    pub birth_date: String,
    pub family_name: Option<String>,
}

/// One line of `GET /personas`.
#[derive(Serialize)]
pub struct Description {
    name: String,
    description: String,
    role: Option<&'static str>,
    organisation: Option<String>,
}

const DETAIL: &[&str] = &["B0380", "B0401", "B0028"];
const DESK: &[&str] = &["B0560"];
const ALERTS: &[&str] = &["B0015", "B0016", "B0018"];

const fn role(code: &'static str, title: &'static str, ods: &'static str, activities: &'static [&'static str]) -> Role {
    Role { code, title, ods, activities }
}

const fn staff(persona: &'static str, user: &'static str, name: &'static str, selected: Role) -> Staff {
    Staff { persona, user, name, selected, also: None }
}

const GP: &str = "General Medical Practitioner";

#[rustfmt::skip]
static STAFF: [Staff; 14] = [
    staff("gp-saltmarsh", "555021400101", "Dr A Fielding (synthetic)", role("R0260", GP, "F99001", DETAIL)),
    staff("gp-blackwater", "555021400102", "Dr B Marlowe (synthetic)", role("R0260", GP, "F99002", DETAIL)),
    staff("consultant-estuary", "555021400103", "Dr C Tiller (synthetic)", role("R0050", "Consultant", "RZ901", DETAIL)),
    staff("registrar-estuary", "555021400113", "M Jetty (synthetic)", role("R0110", "Specialist Registrar", "RZ901", DETAIL)),
    staff("consultant-colneside", "555021400104", "Dr D Ropewalk (synthetic)", role("R0050", "Consultant", "RZ902", DETAIL)),
    staff("nurse-quietwater", "555021400105", "E Larkspur (synthetic)", role("R1975", "Nurse", "RZ903", DETAIL)),
    staff("paramedic-eastline", "555021400106", "F Causeway (synthetic)", role("R1070", "Paramedic", "RZ904", DETAIL)),
    staff("health-visitor-hedgerow", "555021400107", "G Hawthorn (synthetic)", role("R0700", "Health Visitor", "NZ901", DETAIL)),
    staff("pharmacist-quayside", "555021400108", "H Bollard (synthetic)", role("R1290", "Pharmacist", "FZ901", DETAIL)),
    Staff {
        also: Some(role("R8001", "Nurse", "F99002", DETAIL)),
        ..staff("receptionist-saltmarsh", "555021400109", "I Samphire (synthetic)", role("R8009", "Receptionist", "F99001", DESK))
    },
    staff("researcher", "555021400110", "Dr J Sedge (synthetic)", role("R1860", "Researcher", "RZ902", &[])),
    staff("privacy-officer-estuary", "555021400111", "K Mooring (synthetic)", role("R0001", "Privacy Officer", "RZ901", ALERTS)),
    staff("privacy-officer-saltmarsh", "555021400114", "M Shingle (synthetic)", role("R0001", "Privacy Officer", "F99001", ALERTS)),
    staff("caldicott-guardian", "555021400112", "Dr L Beacon (synthetic)", role("R5105", "Caldicott Guardian", "RZ901", ALERTS)),
];

/// Those who look after registry entries; two of them let organisations in.
#[rustfmt::skip]
static REGISTRARS: [Staff; 4] = [
    staff("operator-estuary", OPERATORS[0], "N Beacon (synthetic)", role("R8015", SYSTEMS, "RZ901", &[])),
    staff("operator-saltmarsh", OPERATORS[1], "O Sluice (synthetic)", role("R8015", SYSTEMS, "F99001", &[])),
    staff("systems-estuary", "555021400122", "P Gantry (synthetic)", role("R8015", SYSTEMS, "RZ901", &[])),
    staff("systems-saltmarsh", "555021400123", "Q Teasel (synthetic)", role("R8015", SYSTEMS, "F99001", &[])),
];
const SYSTEMS: &str = "Systems Support";

/// Whom the region's gateway is to know as operators of the registry, by sds-user-id.
pub const OPERATORS: [&str; 2] = ["555021400120", "555021400121"];

impl Description {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn in_words(&self) -> String {
        let role = self.role.map(|role| format!(", {role}")).unwrap_or_default();
        let organisation = self.organisation.as_ref().map(|ods| format!(" at {ods}")).unwrap_or_default();
        format!("{}{role}{organisation}", self.description)
    }
}

impl Directory {
    pub fn of(dataset: &Dataset) -> Self {
        let record = |patient: &PatientInfo| PatientRecord {
            birth_date: patient.birth_date.clone(),
            family_name: dataset.family_name(patient.nhs_number),
        };
        Self {
            organisations: dataset.providers.iter().map(|one| (one.ods, one.name.clone())).collect(),
            patients: dataset.patients.iter().map(|one| (one.nhs_number, record(one))).collect(),
        }
    }

    /// The persona of this name; `None` if the region has none such.
    pub fn find(&self, name: &str) -> Option<Persona<'_>> {
        if let Some(digits) = name.strip_prefix("patient:") {
            let number = NhsNumber::parse(digits).ok()?;
            return Some(Persona::Patient(number, self.patients.get(&number)));
        }
        // of any organisation, known or not: one that joins is not known yet
        if let Some(code) = name.strip_prefix("system:") {
            return OdsCode::parse(code).ok().map(Persona::System);
        }
        if let Some(code) = name.strip_prefix("systems:") {
            let organisation = OdsCode::parse(code).ok()?;
            let (user, role) = (format!("5550215{organisation}"), Some("R8015".to_owned()));
            return Some(Persona::Anybody(Anybody { user, organisation, role, activities: Vec::new() }));
        }
        self.staff().find(|staff| staff.persona == name).map(Persona::Staff)
    }

    pub fn names(&self) -> Vec<String> {
        self.describe().into_iter().map(|one| one.name).collect()
    }

    pub fn describe(&self) -> Vec<Description> {
        let staff = self.staff().map(|staff| Description {
            name: staff.persona.to_owned(),
            description: staff.name.to_owned(),
            role: Some(staff.selected.code),
            organisation: Some(staff.selected.ods.to_owned()),
        });
        let patients = self.patients.keys().map(|number| Description {
            name: format!("patient:{}", number.digits()),
            description: "A patient of the region, proved to P9".to_owned(),
            role: None,
            organisation: None,
        });
        let systems = self.organisations.iter().map(|(ods, name)| Description {
            name: format!("system:{ods}"),
            description: format!("The registered system of {name}"),
            role: None,
            organisation: Some(ods.to_string()),
        });
        staff.chain(patients).chain(systems).collect()
    }

    /// Only those whose organisation is here: a region folder need not be the built-in one.
    fn staff(&self) -> impl Iterator<Item = &'static Staff> {
        STAFF
            .iter()
            .chain(&REGISTRARS)
            .filter(|staff| self.organisations.keys().any(|ods| ods.as_str() == staff.selected.ods))
    }
}
