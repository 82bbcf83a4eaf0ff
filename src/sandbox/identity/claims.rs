//! The claims of each kind of persona, in the words of the identity provider that would sign such people in.

use super::AUDIENCE;
use super::persona::{Anybody, PatientRecord, Persona, Role, Staff};
use crate::domain::{NhsNumber, OdsCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const STAFF_SCOPE: &str = "user/*.rs user/Consent.cruds user/Patient.rs user/Task.rus \
                           user/Organization.crus user/Endpoint.crus";
const PATIENT_SCOPE: &str = "patient/AuditEvent.rs patient/Consent.cruds patient/Patient.rs";
const SYSTEM_SCOPE: &str = "system/Patient.rus system/Consent.cruds system/*.rs system/Organization.crus \
                            system/Endpoint.crus";

/// What a request may change about a token.
pub struct Wishes {
    /// Seconds from now; negative for a token that has expired.
    pub expires_in: i64,
    pub scope: Option<String>,
    /// A v3-ActReason code.
    pub purpose: Option<String>,
}

/// A sign-in as CIS2 and NHS login have it: an ID token for one client, and what userinfo says beside it.
pub struct SignIn {
    /// Still without its `at_hash`.
    pub id_token: Value,
    pub userinfo: Value,
}

/// What an ID token says of whoever signed in; the rest is at userinfo.
const IN_ID_TOKEN: [&str; 6] =
    ["acr", "id_assurance_level", "selected_roleid", "nhs_number", "identity_proofing_level", "vot"];

/// `None` for a system, which signs in nowhere.
pub fn sign_in(base: &str, persona: &Persona<'_>, client: &str, expires_in: i64) -> Option<SignIn> {
    let (path, own) = match persona {
        Persona::Staff(staff) => ("", of_staff(staff)),
        Persona::Anybody(anybody) => ("", of_anybody(anybody)),
        Persona::Patient(number, record) => ("/patients", of_patient(*number, *record)),
        Persona::System(_) => return None,
    };
    let subject = own.get("sub").cloned();
    let (mut said, mut rest): (Map<_, _>, Map<_, _>) = own
        .into_iter()
        .filter(|(name, _)| name != "client_id")
        .partition(|(name, _)| IN_ID_TOKEN.contains(&name.as_str()));
    rest.insert("sub".to_owned(), json!(subject));
    let now = chrono::Utc::now().timestamp();
    for (key, value) in [
        ("iss", json!(format!("{base}{path}"))),
        ("aud", json!(client)),
        ("sub", json!(subject)),
        ("iat", json!(now)),
        ("exp", json!(now + expires_in)),
        ("auth_time", json!(now)),
        ("jti", json!(Uuid::new_v4())),
    ] {
        said.insert(key.to_owned(), value);
    }
    Some(SignIn { id_token: Value::Object(said), userinfo: Value::Object(rest) })
}

/// A token's claims, and its scope.
pub fn claims(base: &str, persona: &Persona<'_>, wishes: Wishes) -> (Value, String) {
    let (path, scope, purpose, own) = match persona {
        Persona::Staff(staff) => ("", STAFF_SCOPE, Some(usual_purpose(staff)), of_staff(staff)),
        Persona::Anybody(anybody) => ("", STAFF_SCOPE, Some("TREAT"), of_anybody(anybody)),
        Persona::Patient(number, record) => ("/patients", PATIENT_SCOPE, Some("PATRQT"), of_patient(*number, *record)),
        Persona::System(ods) => ("/systems", SYSTEM_SCOPE, None, of_system(*ods)),
    };
    let scope = wishes.scope.unwrap_or_else(|| scope.to_owned());
    let now = chrono::Utc::now().timestamp();
    let mut all = own;
    let expires = now + wishes.expires_in;
    // a token that has expired was issued before it did
    let issued = if expires > now { now } else { expires - 60 };
    for (key, value) in [
        ("iss", json!(format!("{base}{path}"))),
        ("aud", json!(AUDIENCE)),
        ("iat", json!(issued)),
        ("nbf", json!(issued)),
        ("exp", json!(expires)),
        ("jti", json!(Uuid::new_v4())),
        ("scope", json!(scope)),
    ] {
        all.insert(key.to_owned(), value);
    }
    if let Some(code) = wishes.purpose.as_deref().or(purpose) {
        all.insert(
            "extensions".to_owned(),
            json!({"ihe_iua": {"purpose_of_use": [
                {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code}
            ]}}),
        );
    }
    (Value::Object(all), scope)
}

fn usual_purpose(staff: &Staff) -> &'static str {
    if staff.selected.code == "R1860" { "HRESCH" } else { "TREAT" }
}

/// <https://digital.nhs.uk/services/care-identity-service/applications-and-services/cis2-authentication>
fn of_staff(staff: &Staff) -> Map<String, Value> {
    let held = std::iter::once(&staff.selected).chain(&staff.also);
    let roles: Vec<Value> = held.map(|role| nrbac_role(staff, role)).collect();
    members(json!({
        "sub": staff.user,
        "client_id": "caregate-sandbox",
        "acr": "AAL3_ANY",
        "id_assurance_level": "3",
        "name": staff.name,
        "nhsid_useruid": staff.user,
        "selected_roleid": role_id(staff, &staff.selected),
        "nhsid_nrbac_roles": roles,
    }))
}

fn of_anybody(anybody: &Anybody) -> Map<String, Value> {
    let Anybody { user, organisation, role, activities } = anybody;
    let role_id = format!("{user}0");
    members(json!({
        "sub": user,
        "client_id": "caregate-sandbox",
        "acr": "AAL3_ANY",
        "id_assurance_level": "3",
        "name": "Anybody (synthetic)",
        "nhsid_useruid": user,
        "selected_roleid": role_id,
        "nhsid_nrbac_roles": [{
            "org_code": organisation,
            "person_orgid": format!("9{user}"),
            "person_roleid": role_id,
            "role_code": role.as_ref().map(|code| format!("S8000:G8000:{code}")),
            "role_name": "Anybody",
            "activity_codes": activities,
        }],
    }))
}

fn nrbac_role(staff: &Staff, role: &Role) -> Value {
    json!({
        "org_code": role.ods,
        "person_orgid": format!("9{}", staff.user),
        "person_roleid": role_id(staff, role),
        "role_code": format!("S8000:G8000:{}", role.code),
        "role_name": role.title,
        "activity_codes": role.activities,
    })
}

/// The same person has another role profile id for each job.
fn role_id(staff: &Staff, role: &Role) -> String {
    format!("{}{}", staff.user, role.code.trim_start_matches('R'))
}

/// <https://nhsconnect.github.io/nhslogin/>
fn of_patient(number: NhsNumber, record: Option<&PatientRecord>) -> Map<String, Value> {
    let mut own = members(json!({
        "sub": Uuid::new_v5(&Uuid::NAMESPACE_OID, number.digits().as_bytes()),
        "client_id": "caregate-sandbox",
        "nhs_number": number,
        "identity_proofing_level": "P9",
        "vot": "P9.Cp.Cd",
    }));
    if let Some(record) = record {
        own.insert("birthdate".to_owned(), json!(record.birth_date));
        own.extend(record.family_name.iter().map(|family| ("family_name".to_owned(), json!(family))));
    }
    own
}

/// <https://hl7.org/fhir/smart-app-launch/backend-services.html>
fn of_system(ods: OdsCode) -> Map<String, Value> {
    let client = format!("system-{ods}");
    members(json!({"sub": client, "client_id": client, "ods_code": ods}))
}

fn members(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}
