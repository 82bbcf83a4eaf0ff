//! What each profile makes of signed claims: every organisation and person here is made up.

use super::super::{Party, Whose};
use super::*;
use crate::domain::Timestamp;
use serde_json::{Value, json};

fn requester_of(profile: &str, claims: Value) -> Result<Requester, Reason> {
    let issuer: IssuerConfig = serde_json::from_value(json!({
        "name": "test", "issuer": "https://id.example", "profile": profile, "audience": "a", "algorithms": ["RS256"],
        "clients": if profile == "backend" { json!({ "known": "RZ901" }) } else { json!({}) },
    }))
    .unwrap();
    let subject = claims["sub"].as_str().unwrap_or("subject").to_owned();
    let client_id = claims["client_id"].as_str().unwrap_or("app").to_owned();
    let registered = Registered { subject, token_id: "t".into(), client_id, expires: Timestamp::MAX, bound: None };
    requester(&Claims::new(claims.as_object().cloned().unwrap()), registered, &issuer)
}

fn cis2() -> Value {
    json!({
        "nhsid_useruid": "555036632103", "name": "Alder Testing", "selected_roleid": "r-2", "scope": "user/*.rs openid",
        "nhsid_nrbac_roles": [
            { "org_code": "RZ902", "person_orgid": "o-1", "person_roleid": "r-1", "role_code": "S8000:G8000:R0050" },
            { "org_code": "F99001", "person_orgid": "o-2", "person_roleid": "r-2", "role_code": "S0010:G0020:R0260",
              "role_name": "\"Clinical\":\"Clinical Provision\":\"General Medical Practitioner\"",
              "activity_codes": ["B0380", "B0401"], "workgroups_codes": [] },
        ],
    })
}

fn iua() -> Value {
    json!({
        "sub": "u-77",
        "extensions": { "ihe_iua": {
            "subject_name": "Birch Testing", "subject_organization": "Estuary", "subject_organization_id": "RZ901",
            "subject_role": [
                { "system": "http://snomed.info/sct", "code": "224535009" },
                { "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName", "code": "R0050" },
            ],
            "purpose_of_use": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "ETREAT" }],
        } },
    })
}

fn nhs_login() -> Value {
    json!({ "nhs_number": "9990000018", "identity_proofing_level": "P9", "vot": "P9.Cp.Cd", "scope": "patient/*.rs" })
}

fn backend() -> Value {
    json!({ "sub": "app", "client_id": "app", "ods_code": "RZ903", "scp": ["system/*.rs", "user/*.rs"] })
}

/// The claims with the value at `pointer` changed, or removed for null.
fn changed(mut claims: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = claims.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(object), Value::Null) => drop(object.remove(name)),
        (Value::Array(array), value) => array[name.parse::<usize>().unwrap()] = value,
        (parent, value) => parent[name] = value,
    }
    claims
}

fn role_and_organisation(requester: &Requester) -> (Option<&str>, String) {
    let Party::Staff { role, organisation, .. } = &requester.party else { panic!("not staff") };
    (role.as_deref(), organisation.to_string())
}

#[test]
fn a_cis2_token_is_read_by_the_role_that_was_selected() {
    let read = requester_of("cis2", cis2()).unwrap();
    let Party::Staff { user, name, role, role_name, activities, organisation } = &read.party else { panic!() };
    assert_eq!((user.as_str(), name.as_deref()), ("555036632103", Some("Alder Testing")));
    assert_eq!((role.as_deref(), role_name.as_deref()), (Some("R0260"), Some("General Medical Practitioner")));
    assert_eq!((activities.join(" ").as_str(), organisation.as_str()), ("B0380 B0401", "F99001"));
    assert_eq!(read.purpose.0, "TREAT");
    assert!(read.scopes.allow(Whose::User, "Observation", 'r'));
    assert_eq!(read.acting, None);
}

#[test]
fn a_cis2_token_must_select_exactly_one_role_at_an_organisation() {
    let roles = cis2()["nhsid_nrbac_roles"].clone();
    let mut twice = roles.clone();
    twice[0]["person_roleid"] = json!("r-2");
    for (pointer, value, reason) in [
        ("/selected_roleid", Value::Null, Reason::Role),
        ("/selected_roleid", json!("r-3"), Reason::Role),
        ("/nhsid_nrbac_roles", Value::Null, Reason::Role),
        ("/nhsid_nrbac_roles", json!([]), Reason::Role),
        ("/nhsid_nrbac_roles", twice, Reason::Role),
        ("/nhsid_nrbac_roles", roles[0].clone(), Reason::Claim),
        ("/nhsid_nrbac_roles/1/org_code", Value::Null, Reason::Organisation),
        ("/nhsid_nrbac_roles/1/org_code", json!("f99001"), Reason::Organisation),
        ("/nhsid_nrbac_roles/1/activity_codes", json!(["B0380\n"]), Reason::Claim),
        ("/nhsid_useruid", Value::Null, Reason::Claim),
        ("/name", json!(["Alder"]), Reason::Claim),
        ("/scope", json!(["user/*.rs"]), Reason::Claim),
        ("/scp", json!(["user/*.rs"]), Reason::Claim),
        ("/act", json!({ "sub": "other" }), Reason::Delegation),
    ] {
        let read = requester_of("cis2", changed(cis2(), pointer, value.clone()));
        assert_eq!(read.err(), Some(reason), "{pointer} {value}");
    }
}

#[test]
fn a_role_code_that_ends_in_no_job_role_is_no_role() {
    for code in [
        json!("S8000:G8000"),
        json!(""),
        json!("S8000:G8000:R80011"),
        json!("S8000:G8000:r8001"),
        json!("R8001:"),
        Value::Null,
    ] {
        let read = requester_of("cis2", changed(cis2(), "/nhsid_nrbac_roles/1/role_code", code.clone())).unwrap();
        assert_eq!(role_and_organisation(&read), (None, "F99001".into()), "{code}");
    }
}

#[test]
fn at_most_one_purpose_of_act_reason_is_taken() {
    let reason = |code: &str| json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code });
    for (said, purpose) in [
        (json!([]), Ok("TREAT")),
        (json!(["BTG"]), Ok("BTG")),
        (json!([reason("HMARKT")]), Ok("HMARKT")),
        (json!([reason("TREAT"), "TREAT"]), Ok("TREAT")),
        (json!([reason("TREAT"), reason("HRESCH")]), Err(Reason::Purpose)),
        (json!([{ "system": "http://evil.example", "code": "TREAT" }]), Err(Reason::Purpose)),
        (json!(["treat"]), Err(Reason::Purpose)),
        (json!([""]), Err(Reason::Purpose)),
        (json!("TREAT"), Err(Reason::Claim)),
        (json!([1]), Err(Reason::Claim)),
        (json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason" }]), Err(Reason::Claim)),
    ] {
        for (profile, claims) in [("cis2", cis2()), ("backend", backend())] {
            let claims = changed(claims, "/extensions", json!({ "ihe_iua": { "purpose_of_use": said } }));
            let read = requester_of(profile, claims).map(|r| r.purpose.0);
            assert_eq!(read.as_deref().map_err(|r| *r), purpose, "{profile} {said}");
        }
    }
}

#[test]
fn an_iua_token_gives_one_job_role_at_one_organisation() {
    let read = requester_of("iua", iua()).unwrap();
    assert_eq!(role_and_organisation(&read), (Some("R0050"), "RZ901".into()));
    assert_eq!(read.purpose.0, "ETREAT");
    let Party::Staff { user, name, .. } = &read.party else { panic!() };
    assert_eq!((user.as_str(), name.as_deref()), ("u-77", Some("Birch Testing")));
    let at = |member: &str, value: Value| {
        requester_of("iua", changed(iua(), &format!("/extensions/ihe_iua/{member}"), value))
    };
    for id in ["RZ901", "urn:nhs-uk:addressing:ods:RZ901", "https://fhir.nhs.uk/Id/ods-organization-code|RZ901"] {
        let read = at("subject_organization_id", json!(id)).unwrap();
        assert_eq!(role_and_organisation(&read).1, "RZ901", "{id}");
    }
    for id in [json!("urn:oid:1.2.3"), json!("urn:evil:RZ901"), json!("rz901"), json!(""), Value::Null] {
        assert_eq!(at("subject_organization_id", id.clone()).err(), Some(Reason::Organisation), "{id}");
    }
    assert_eq!(role_and_organisation(&at("subject_role", json!([])).unwrap()).0, None);
    assert_eq!(at("subject_role", json!(["R0050", "R0260"])).err(), Some(Reason::Role));
    assert_eq!(at("subject_role", json!("R0050")).err(), Some(Reason::Claim));
    assert_eq!(at("person_id", json!("9990000018")).err(), Some(Reason::OnePatient));
    let Party::Staff { user, .. } = at("national_provider_identifier", json!("555")).unwrap().party else { panic!() };
    assert_eq!(user, "555");
}

#[test]
fn a_patient_is_known_by_a_number_and_proved_to_p9() {
    let read = requester_of("nhs-login", nhs_login()).unwrap();
    assert!(matches!(read.party, Party::Patient { nhs_number } if nhs_number.digits() == "9990000018"));
    assert_eq!((read.purpose.0.as_str(), read.acting.as_deref()), ("PATRQT", None));
    let acted = requester_of("nhs-login", changed(nhs_login(), "/act", json!({ "sub": "proxy-1" }))).unwrap();
    assert_eq!(acted.acting.as_deref(), Some("proxy-1"));
    for (pointer, value, reason) in [
        ("/identity_proofing_level", json!("P5"), Reason::Proofing),
        ("/identity_proofing_level", json!("P0"), Reason::Proofing),
        ("/identity_proofing_level", json!("p9"), Reason::Proofing),
        ("/identity_proofing_level", Value::Null, Reason::Proofing),
        ("/nhs_number", Value::Null, Reason::NhsNumber),
        ("/nhs_number", json!("9990000019"), Reason::NhsNumber),
        ("/nhs_number", json!(9_990_000_018_u64), Reason::Claim),
        ("/act", json!({}), Reason::Claim),
        ("/act", json!("proxy-1"), Reason::Claim),
        ("/act", json!({ "sub": "" }), Reason::Claim),
    ] {
        let read = requester_of("nhs-login", changed(nhs_login(), pointer, value.clone()));
        assert_eq!(read.err(), Some(reason), "{pointer} {value}");
    }
}

#[test]
fn a_system_is_its_own_subject_and_belongs_to_one_organisation() {
    let read = requester_of("backend", backend()).unwrap();
    assert!(matches!(read.party, Party::System { organisation } if organisation.as_str() == "RZ903"));
    assert!(read.scopes.allow(Whose::System, "Patient", 'r'));
    assert!(!read.scopes.allow(Whose::User, "Patient", 'r'), "a system has no user's scopes");
    let known = |ods: Value| {
        requester_of("backend", changed(json!({ "sub": "known", "client_id": "known" }), "/ods_code", ods))
            .map(|r| r.party.organisation().unwrap().to_string())
    };
    assert_eq!(known(Value::Null).as_deref(), Ok("RZ901"));
    assert_eq!(known(json!("RZ901")).as_deref(), Ok("RZ901"));
    assert_eq!(known(json!("RZ902")), Err(Reason::Organisation));
    assert_eq!(requester_of("backend", changed(backend(), "/ods_code", Value::Null)).err(), Some(Reason::Organisation));
    assert_eq!(requester_of("backend", changed(backend(), "/sub", json!("somebody"))).err(), Some(Reason::Client));
}
