use super::*;
use crate::access::{Matter, Recipient, worlds};
use serde_json::{Value, json};

const NUMBER: &str = "9990000018";

fn number() -> NhsNumber {
    NhsNumber::parse(NUMBER).unwrap()
}

fn whole_record() -> Value {
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": SCOPE, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": LOINC, "code": "59284-0"}]}],
        "patient": {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NUMBER}},
        "dateTime": "2026-11-20T09:00:00Z",
        "policyRule": {"coding": [{"system": Labels::ACT_CODE, "code": "OPTOUT"}]},
        "provision": {"type": "deny"}
    })
}

fn one_source() -> Value {
    let source = json!({"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "RZ903"}});
    with(&["provision", "data"], json!([{"meaning": "authoredby", "reference": source}]))
}

/// The whole-record shape with this member set (or taken away, where it is null).
fn with(path: &[&str], value: Value) -> Value {
    let mut consent = whole_record();
    set(&mut consent, path, value);
    consent
}

fn set(json: &mut Value, path: &[&str], value: Value) {
    let (last, parents) = path.split_last().unwrap();
    let parent = parents.iter().fold(json, |at, name| match name.parse::<usize>() {
        Ok(index) => &mut at[index],
        Err(_) => &mut at[*name],
    });
    match value {
        Value::Null => drop(parent.as_object_mut().unwrap().remove(*last)),
        value => parent[*last] = value,
    }
}

fn none_of_ours(_: &str) -> Option<NhsNumber> {
    None
}

fn objection(consent: &Value) -> Result<(Consent, Terms), ContentFault> {
    read_objection(&consent.to_string(), &worlds::policy(), worlds::NOW, none_of_ours)
}

fn withdrawal(consent: &Value) -> Result<Withdrawal, ContentFault> {
    read_withdrawal(&consent.to_string(), none_of_ours)
}

fn refused(consent: &Value) -> (FaultCode, String) {
    let fault = objection(consent).expect_err(&consent.to_string());
    assert!(!fault.to_string().contains(NUMBER), "a fault repeats what was sent: {fault}");
    (fault.code, fault.path)
}

#[test]
fn the_whole_record_is_what_names_nothing() {
    let (whole, terms) = objection(&whole_record()).unwrap();
    assert_eq!((whole.patient, terms, whole.id), (Some(number()), Terms::default(), None));
}

#[test]
fn harmless_members_are_accepted() {
    for (path, value) in [
        (&["id"] as &[&str], json!("abc")),
        (&["meta"], json!({"versionId": "7", "profile": ["http://example.org/p"]})),
        (&["language"], json!("en-GB")),
        (&["text"], json!({"status": "generated", "div": "<div>An objection</div>"})),
        (&["scope", "text"], json!("Privacy")),
        (&["policyRule", "coding", "0", "display"], json!("opt out")),
        (&["patient", "type"], json!("Patient")),
        (&["patient", "identifier", "use"], json!("official")),
    ] {
        let consent = with(path, value);
        assert!(objection(&consent).is_ok(), "{consent}");
    }
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    use FaultCode::{NotSupported, Required, Structure, Value as Wrong};
    let source = |path: &[&str], value| {
        let mut consent = one_source();
        set(&mut consent, path, value);
        consent
    };
    let data = ["provision", "data", "0"];
    let at = |more: &[&'static str]| [&data, more].concat();
    for (consent, code, path) in [
        (with(&["resourceType"], json!("Patient")), NotSupported, "Consent.resourceType"),
        (with(&["status"], json!("inactive")), NotSupported, "Consent.status"),
        (with(&["status"], json!("draft")), NotSupported, "Consent.status"),
        (with(&["status"], json!(null)), Required, "Consent.status"),
        (with(&["status"], json!(["active"])), Structure, "Consent.status"),
        (with(&["scope", "coding", "0", "code"], json!("research")), NotSupported, "Consent.scope.coding[0].code"),
        (
            with(&["scope", "coding", "0", "system"], json!("http://example.org")),
            NotSupported,
            "Consent.scope.coding[0].system",
        ),
        (with(&["scope", "coding", "0", "version"], json!("1")), NotSupported, "Consent.scope.coding[0].version"),
        (with(&["category"], json!([])), Structure, "Consent.category"),
        (
            with(&["category", "0", "coding", "0", "code"], json!("1")),
            NotSupported,
            "Consent.category[0].coding[0].code",
        ),
        (with(&["patient"], json!(null)), Required, "Consent.patient"),
        (with(&["patient", "identifier"], json!(null)), Structure, "Consent.patient"),
        (with(&["patient"], json!({"display": "Somebody"})), Required, "Consent.patient"),
        (with(&["patient", "identifier", "value"], json!("9990000019")), Wrong, "Consent.patient.identifier.value"),
        (with(&["patient", "identifier", "use"], json!("old")), NotSupported, "Consent.patient.identifier.use"),
        (with(&["dateTime"], json!(null)), Required, "Consent.dateTime"),
        (with(&["dateTime"], json!("yesterday")), Wrong, "Consent.dateTime"),
        (with(&["policyRule"], json!(null)), Required, "Consent.policyRule"),
        (
            with(&["policyRule", "coding", "0", "code"], json!("OPTIN")),
            NotSupported,
            "Consent.policyRule.coding[0].code",
        ),
        (with(&["policy"], json!([{"uri": "http://example.org"}])), NotSupported, "Consent.policy"),
        (with(&["provision"], json!({})), Structure, "Consent.provision"),
        (with(&["provision", "type"], json!("permit")), NotSupported, "Consent.provision.type"),
        (with(&["provision", "period"], json!({"end": "2027"})), NotSupported, "Consent.provision.period"),
        (with(&["provision", "provision"], json!([{"type": "permit"}])), NotSupported, "Consent.provision.provision"),
        (with(&["provision", "actor"], json!([{}])), NotSupported, "Consent.provision.actor"),
        (with(&["provision", "data"], json!([])), Structure, "Consent.provision.data"),
        (source(&at(&["meaning"]), json!("instance")), NotSupported, "Consent.provision.data[0].meaning"),
        (
            source(&at(&["reference", "reference"]), json!("Organization/1")),
            NotSupported,
            "Consent.provision.data[0].reference.reference",
        ),
        (
            source(&at(&["reference", "identifier", "value"]), json!("rz903")),
            Wrong,
            "Consent.provision.data[0].reference.identifier.value",
        ),
        (with(&["extension"], json!([{"url": "http://example.org"}])), NotSupported, "Consent.extension"),
        (with(&["implicitRules"], json!("http://example.org")), NotSupported, "Consent.implicitRules"),
        (with(&["_status"], json!({"id": "1"})), NotSupported, "Consent._status"),
        (
            with(&["text"], json!({"status": "additional", "div": "<div>but not my GP</div>"})),
            NotSupported,
            "Consent.text.status",
        ),
        (with(&["9990000018 was here"], json!("x")), NotSupported, "Consent"),
    ] {
        assert_eq!(refused(&consent), (code, path.to_owned()), "{consent}");
    }
}

#[test]
fn a_second_source_is_refused_rather_than_left_out() {
    let mut consent = one_source();
    let again = consent["provision"]["data"][0].clone();
    consent["provision"]["data"].as_array_mut().unwrap().push(again);
    assert_eq!(refused(&consent), (FaultCode::NotSupported, "Consent.provision.data[1]".to_owned()));
}

#[test]
fn a_member_that_is_there_twice_is_refused_even_where_it_would_be_skipped() {
    for twice in [
        whole_record().to_string().replace(r#""status":"active""#, r#""status":"inactive","status":"active""#),
        with(&["meta"], json!({"versionId": "1"})).to_string().replace(r#""versionId":"1""#, r#""a":1,"a":1"#),
    ] {
        let fault = read(&twice, Status::Active, none_of_ours).expect_err(&twice);
        assert_eq!((fault.code, fault.path.as_str()), (FaultCode::Structure, "Consent"));
    }
    for broken in ["", "[]", "null", "{}", "{\"resourceType\":\"Consent\"} {}", "\u{feff}{}", "{\"a\":NaN}"] {
        let fault = read(broken, Status::Active, none_of_ours).expect_err(broken);
        assert!(fault.path.starts_with("Consent"), "{fault}");
    }
}

#[test]
fn a_withdrawal_says_inactive_and_nothing_else_will_do() {
    let inactive = with(&["status"], json!("inactive"));
    assert!(read(&inactive.to_string(), Status::Inactive, none_of_ours).is_ok());
    let fault = read(&whole_record().to_string(), Status::Inactive, none_of_ours).unwrap_err();
    assert_eq!(fault.path, "Consent.status");
}

#[test]
fn a_reference_names_its_patient_and_must_agree_with_the_number() {
    let ours = |reference: &str| (reference == "Patient/ours").then(number);
    let patient =
        |patient: Value| read(&with(&["patient"], patient).to_string(), Status::Active, ours).unwrap().patient;
    let identifier = |value: &str| json!({"system": "https://fhir.nhs.uk/Id/nhs-number", "value": value});
    assert_eq!(patient(json!({"reference": "Patient/ours"})), Some(number()));
    assert_eq!(patient(json!({"reference": "Patient/theirs"})), None);
    assert_eq!(patient(json!({"reference": "Patient/ours", "identifier": identifier(NUMBER)})), Some(number()));
    assert_eq!(patient(json!({"reference": "Patient/ours", "identifier": identifier("9990000026")})), None);
}

#[test]
fn what_is_stored_is_what_was_sent_under_the_gateways_own_id_and_version() {
    let mut sent = one_source();
    set(&mut sent, &["id"], json!("mine"));
    set(&mut sent, &["meta"], json!({"versionId": "99"}));
    set(&mut sent, &["text"], json!({"status": "generated", "div": "<div><script>x</script></div>"}));
    let consent = read(&sent.to_string(), Status::Active, none_of_ours).unwrap();
    assert_eq!(consent.id.as_deref(), Some("mine"));
    let stored = consent.stored("c-1", 2, Timestamp(0));
    assert!(stored.starts_with(r#"{"resourceType":"Consent","id":"c-1","meta":{"versionId":"2","#), "{stored}");
    let mut expected = one_source();
    set(&mut expected, &["id"], json!("c-1"));
    set(&mut expected, &["meta"], json!({"versionId": "2", "lastUpdated": "1970-01-01T00:00:00.000Z"}));
    assert_eq!(serde_json::from_str::<Value>(&stored).unwrap(), expected);
}
