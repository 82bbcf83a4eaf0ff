use super::*;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

fn parameter(name: &str) -> Value {
    match name {
        "patient" => json!({"name": "patient", "valueIdentifier":
            {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}}),
        "organization" => json!({"name": "organization", "valueIdentifier":
            {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "RZ901"}}),
        "basis" => json!({"name": "basis", "valueCode": "encounter"}),
        "evidence" => {
            json!({"name": "evidence", "valueIdentifier": {"system": "https://estuary.example/visit", "value": "V 1"}})
        }
        other => panic!("{other}"),
    }
}

fn parameters(list: &[Value]) -> String {
    json!({"resourceType": "Parameters", "parameter": list}).to_string()
}

fn assertion_with(more: Option<Value>) -> String {
    let mut list: Vec<Value> = ["patient", "organization", "basis", "evidence"].map(parameter).into();
    list.extend(more);
    parameters(&list)
}

fn period(value: &Value) -> String {
    assertion_with(Some(json!({"name": "period", "valuePeriod": value})))
}

#[test]
fn an_assertion_without_a_period_begins_now_and_has_no_end() {
    let read = read_assertion(&assertion_with(None), NOW).unwrap();
    assert_eq!(read.patient, NhsNumber::parse("9990000018").unwrap());
    let evidence = "https://estuary.example/visit|V 1".to_owned();
    let expected = Relationship::of(OdsCode::parse("RZ901").unwrap(), Basis::Encounter, NOW, None, evidence);
    assert_eq!(read.relationship, expected);
}

#[test]
fn a_period_includes_all_of_its_last_day() {
    let read = |value| read_assertion(&period(&value), NOW).unwrap().relationship;
    let whole = read(json!({"start": "2026-01", "end": "2026-01-31"}));
    assert_eq!(whole.start.fhir(), "2026-01-01T00:00:00.000Z");
    assert_eq!(whole.end.map(Timestamp::fhir).as_deref(), Some("2026-02-01T00:00:00.000Z"));
    let open = read(json!({"end": "2030"}));
    assert_eq!((open.start, open.end.map(Timestamp::fhir).as_deref()), (NOW, Some("2031-01-01T00:00:00.000Z")));
}

#[test]
fn an_ending_needs_no_evidence_but_takes_one() {
    let all = read_relationship_end(&parameters(&["patient", "organization"].map(parameter))).unwrap();
    assert_eq!((all.organisation.as_str(), all.evidence), ("RZ901", None));
    let one = read_relationship_end(&parameters(&["evidence", "patient", "organization"].map(parameter))).unwrap();
    assert_eq!(one.evidence.as_deref(), Some("https://estuary.example/visit|V 1"));
}

#[test]
fn near_misses_are_refused_with_their_place() {
    use FaultCode::{NotSupported, Required, Structure, Value as Wrong};
    let all = ["patient", "organization", "basis", "evidence"];
    let without =
        |name: &str| parameters(&all.iter().filter(|n| **n != name).map(|n| parameter(n)).collect::<Vec<_>>());
    let changed = |at: usize, pointer: &str, value: Value| {
        let mut list = all.map(parameter);
        *list[at].pointer_mut(pointer).unwrap() = value;
        parameters(&list)
    };
    for (text, code, path) in [
        (without("patient"), Required, "Parameters.parameter.where(name='patient')"),
        (without("organization"), Required, "Parameters.parameter.where(name='organization')"),
        (without("basis"), Required, "Parameters.parameter.where(name='basis')"),
        (without("evidence"), Required, "Parameters.parameter.where(name='evidence')"),
        (assertion_with(Some(parameter("basis"))), NotSupported, "Parameters.parameter[4].name"),
        (assertion_with(Some(json!({"name": "reason", "valueString": "x"}))), NotSupported, "Parameters.parameter[4]"),
        (assertion_with(Some(json!({"valueString": "x"}))), Required, "Parameters.parameter[4].name"),
        (
            changed(0, "/valueIdentifier/value", json!("9990000019")),
            Wrong,
            "Parameters.parameter[0].valueIdentifier.value",
        ),
        (
            changed(0, "/valueIdentifier/system", json!("x")),
            NotSupported,
            "Parameters.parameter[0].valueIdentifier.system",
        ),
        (changed(1, "/valueIdentifier/value", json!("rz901")), Wrong, "Parameters.parameter[1].valueIdentifier.value"),
        (changed(2, "/valueCode", json!("Encounter")), Wrong, "Parameters.parameter[2].valueCode"),
        (changed(2, "/valueCode", json!(1)), Structure, "Parameters.parameter[2].valueCode"),
        (
            changed(3, "/valueIdentifier/system", json!("visit")),
            Wrong,
            "Parameters.parameter[3].valueIdentifier.system",
        ),
        (changed(3, "/valueIdentifier/value", json!("a\nb")), Wrong, "Parameters.parameter[3].valueIdentifier.value"),
        (
            changed(3, "", json!({"name": "evidence", "valueString": "x"})),
            Required,
            "Parameters.parameter[3].valueIdentifier",
        ),
        (period(&json!({})), Structure, "Parameters.parameter[4].valuePeriod"),
        (period(&json!({"end": "2026-02-30"})), Wrong, "Parameters.parameter[4].valuePeriod.end"),
        (period(&json!({"start": "2026-02", "end": "2026-01"})), Wrong, "Parameters.parameter[4].valuePeriod.end"),
        (period(&json!({"extension": []})), NotSupported, "Parameters.parameter[4].valuePeriod.extension"),
        (json!({"resourceType": "Parameters"}).to_string(), Required, "Parameters.parameter"),
        (json!({"resourceType": "Bundle", "parameter": []}).to_string(), NotSupported, "Parameters.resourceType"),
    ] {
        let fault = read_assertion(&text, NOW).expect_err(&text);
        assert_eq!((fault.code, fault.path.as_str()), (code, path), "{text}");
    }
    let basis = parameters(&["patient", "organization", "basis"].map(parameter));
    assert_eq!(read_relationship_end(&basis).unwrap_err().path, "Parameters.parameter[2]", "an ending has no basis");
}
