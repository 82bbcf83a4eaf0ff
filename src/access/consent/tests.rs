use super::*;
use crate::access::worlds;
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
    read_objection(&consent.to_string(), worlds::policy(), worlds::NOW, none_of_ours)
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
        (&["policy"], json!([{"uri": "https://region.example/policies/sharing"}])),
    ] {
        let consent = with(path, value);
        assert!(objection(&consent).is_ok(), "{consent}");
    }
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    use FaultCode::{NotSupported, Required, Structure, Value as Wrong};
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
        (with(&["policy"], json!([{"authority": "http://example.org"}])), Required, "Consent.policy[0].uri"),
        (with(&["policy"], json!([{"uri": "x"}])), Wrong, "Consent.policy[0].uri"),
        (
            with(&["policy"], json!([{"uri": "http://example.org", "authority": "http://example.org"}])),
            NotSupported,
            "Consent.policy[0].authority",
        ),
        (with(&["performer"], json!([{"display": "me"}])), NotSupported, "Consent.performer"),
        (with(&["sourceReference"], json!({"display": "a form"})), NotSupported, "Consent.sourceReference"),
        (with(&["sourceAttachment"], json!({"title": "a form"})), NotSupported, "Consent.sourceAttachment"),
        (with(&["verification"], json!([{"verified": true}])), NotSupported, "Consent.verification"),
        (
            with(&["organization"], json!([{"reference": "Organization/1"}])),
            Required,
            "Consent.organization[0].identifier",
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
fn a_member_that_is_there_twice_is_refused_even_where_it_would_be_skipped() {
    for twice in [
        whole_record().to_string().replace(r#""status":"active""#, r#""status":"inactive","status":"active""#),
        with(&["meta"], json!({"versionId": "1"})).to_string().replace(r#""versionId":"1""#, r#""a":1,"a":1"#),
    ] {
        let fault = read_objection(&twice, worlds::policy(), worlds::NOW, none_of_ours).expect_err(&twice);
        assert_eq!((fault.code, fault.path.as_str()), (FaultCode::Structure, "Consent"));
    }
    for broken in ["", "[]", "null", "{}", "{\"resourceType\":\"Consent\"} {}", "\u{feff}{}", "{\"a\":NaN}"] {
        let fault = read_objection(broken, worlds::policy(), worlds::NOW, none_of_ours).expect_err(broken);
        assert!(fault.path.starts_with("Consent"), "{fault}");
    }
}

#[test]
fn it_may_say_which_organisation_keeps_it() {
    let kept = with(
        &["organization"],
        json!([{"type": "Organization", "identifier": {"system": OdsCode::SYSTEM, "value": "F99001"}}]),
    );
    assert_eq!(objection(&kept).unwrap().0.organisation, OdsCode::parse("F99001").ok());
}

#[test]
fn a_withdrawal_says_inactive_and_nothing_else_will_do() {
    assert!(withdrawal(&with(&["status"], json!("inactive"))).is_ok());
    assert_eq!(withdrawal(&whole_record()).unwrap_err().path, "Consent.status");
}

#[test]
fn what_was_read_may_be_put_back_and_must_repeat_what_is_objected_to() {
    let sent = one_source();
    let stored = objection(&sent).unwrap().0.stored("c-1", 1, Timestamp(0), ConsentState::Upheld);
    let mut back: Value = serde_json::from_str(&stored).unwrap();
    set(&mut back, &["status"], json!("inactive"));
    assert!(withdrawal(&back).unwrap().repeats(&stored));
    for (path, value) in [
        (&["provision", "data"] as &[&str], json!(null)),
        (&["provision", "data", "0", "reference", "identifier", "value"], json!("RZ902")),
        (&["policyRule", "coding", "0", "code"], json!("EMRGONLY")),
    ] {
        let mut other = back.clone();
        set(&mut other, path, value);
        assert!(!withdrawal(&other).unwrap().repeats(&stored), "{other}");
    }
    for (extension, path) in [
        (json!([{"url": "http://example.org", "valueCode": "upheld"}]), "Consent.extension[0].url"),
        (json!([{"url": STATE, "valueCode": "sleeping"}]), "Consent.extension[0].valueCode"),
        (json!([{"url": STATE, "valueCode": "upheld", "id": "1"}]), "Consent.extension[0].id"),
    ] {
        let mut other = back.clone();
        set(&mut other, &["extension"], extension);
        assert_eq!(withdrawal(&other).unwrap_err().path, path);
    }
}

#[test]
fn what_a_later_policy_no_longer_knows_can_be_taken_back_still() {
    let class = json!([{"system": "https://caregate.example/CodeSystem/kind-of-information", "code": "long-gone"}]);
    let mut consent = with(&["provision", "class"], class);
    assert!(objection(&consent).is_err());
    set(&mut consent, &["status"], json!("inactive"));
    assert!(withdrawal(&consent).unwrap().repeats(&consent.to_string()));
}

#[test]
fn a_withdrawal_is_proved_by_where_the_patients_word_is_kept_and_that_it_was_verified() {
    let source = json!({"identifier": {"system": "https://saltmarsh.example/letters", "value": "L1"}});
    let proved = |source: Value, verification: Value| {
        let mut consent = with(&["status"], json!("inactive"));
        set(&mut consent, &["sourceReference"], source);
        set(&mut consent, &["verification"], verification);
        withdrawal(&consent).and_then(|read| read.proved()).map_err(|fault| (fault.code, fault.path))
    };
    let required = |path: &str| Err((FaultCode::Required, path.to_owned()));
    let verified = json!([{"verified": true, "verificationDate": "2026-11-20"}]);
    assert_eq!(proved(source.clone(), verified.clone()), Ok(()));
    assert_eq!(proved(json!(null), json!(null)), required("Consent.sourceReference"));
    assert_eq!(proved(json!(null), verified.clone()), required("Consent.sourceReference"));
    assert_eq!(proved(json!({"display": "a letter"}), verified), required("Consent.sourceReference.identifier"));
    assert_eq!(proved(source.clone(), json!(null)), required("Consent.verification[0].verified"));
    assert_eq!(proved(source.clone(), json!([{"verified": false}])), required("Consent.verification[0].verified"));
    let wrong = proved(source.clone(), json!([{"verified": "true"}]));
    assert_eq!(wrong, Err((FaultCode::Structure, "Consent.verification[0].verified".to_owned())));
    let more = proved(source, json!([{"verified": true, "verifiedWith": {"display": "their neighbour"}}]));
    assert_eq!(more, Err((FaultCode::NotSupported, "Consent.verification[0].verifiedWith".to_owned())));
}

#[test]
fn a_reference_names_its_patient_and_must_agree_with_the_number() {
    let ours = |reference: &str| (reference == "Patient/ours").then(number);
    let patient = |patient: Value| {
        let consent = with(&["patient"], patient).to_string();
        read_objection(&consent, worlds::policy(), worlds::NOW, ours).unwrap().0.patient
    };
    let identifier = |value: &str| json!({"system": "https://fhir.nhs.uk/Id/nhs-number", "value": value});
    assert_eq!(patient(json!({"reference": "Patient/ours"})), Some(number()));
    assert_eq!(patient(json!({"reference": "Patient/theirs"})), None);
    assert_eq!(patient(json!({"reference": "Patient/ours", "identifier": identifier(NUMBER)})), Some(number()));
    assert_eq!(patient(json!({"reference": "Patient/ours", "identifier": identifier("9990000026")})), None);
}

#[test]
fn what_is_stored_is_what_was_sent_under_the_gateways_own_id_version_and_state() {
    let mut sent = one_source();
    set(&mut sent, &["id"], json!("mine"));
    set(&mut sent, &["meta"], json!({"versionId": "99"}));
    set(&mut sent, &["text"], json!({"status": "generated", "div": "<div><script>x</script></div>"}));
    let (consent, _) = objection(&sent).unwrap();
    assert_eq!(consent.id.as_deref(), Some("mine"));
    let expected = |version: &str, at: &str, state: &str, status: &str| {
        let mut expected = one_source();
        set(&mut expected, &["id"], json!("c-1"));
        set(&mut expected, &["meta"], json!({"versionId": version, "lastUpdated": at}));
        set(&mut expected, &["extension"], json!([{"url": STATE, "valueCode": state}]));
        set(&mut expected, &["status"], json!(status));
        expected
    };
    let first = consent.stored("c-1", 1, Timestamp(0), ConsentState::Requested);
    assert!(first.starts_with(r#"{"resourceType":"Consent","id":"c-1","meta":{"versionId":"1","#), "{first}");
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&first), expected("1", "1970-01-01T00:00:00.000Z", "requested", "active"));
    let second = restated(&first, "c-1", 2, Timestamp(1_000_000), ConsentState::Lifted).unwrap();
    assert_eq!(json(&second), expected("2", "1970-01-01T00:00:01.000Z", "lifted", "rejected"));
    assert_eq!(restated("nonsense", "c-1", 2, Timestamp(0), ConsentState::Lifted), None);
}
