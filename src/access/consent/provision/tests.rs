use super::*;
use crate::{access::worlds, fhir::json::Tape};
use serde_json::{Value, json};
use std::time::Duration;

fn read(provision: &Value, emergency: bool) -> Result<Terms, ContentFault> {
    let (text, mut tape) = (provision.to_string(), Tape::new());
    terms(&Node::resource(&text, "Consent.provision", &mut tape)?, emergency, worlds::policy(), worlds::NOW)
}

/// A denial with these members beside its type.
fn denied(members: Value) -> Value {
    let mut provision = json!({"type": "deny"});
    provision.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    provision
}

fn understood(members: Value) -> Terms {
    read(&denied(members), false).unwrap()
}

fn covered(members: Value) -> Matter {
    let terms = understood(members);
    assert_eq!(terms, Terms { covers: terms.covers.clone(), ..Terms::default() });
    terms.covers
}

fn refused(members: Value) -> (FaultCode, String) {
    let fault = read(&denied(members.clone()), false).expect_err(&members.to_string());
    (fault.code, fault.path)
}

fn actor(system: &str, value: &str) -> Value {
    let role = json!({"coding": [{"system": PARTICIPATION, "code": "IRCP"}]});
    json!({"role": role, "reference": {"identifier": {"system": system, "value": value}}})
}

fn written_by(ods: &str) -> Value {
    json!({"meaning": "authoredby", "reference": {"identifier": {"system": OdsCode::SYSTEM, "value": ods}}})
}

fn coded(system: &str, code: &str) -> Value {
    json!({"system": system, "code": code})
}

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

fn at(date: &str) -> Timestamp {
    Timestamp(crate::fhir::date::FhirDate::parse(date).unwrap().interval.start())
}

#[test]
fn a_denial_of_nothing_in_particular_is_the_whole_record() {
    assert_eq!(understood(json!({})), Terms::default());
}

#[test]
fn recipients_are_organisations_and_persons() {
    let actors = json!([actor(OdsCode::SYSTEM, "RZ901"), actor(SDS_USER_ID, "555021935107")]);
    let expected = vec![Recipient::Organisation(ods("RZ901")), Recipient::Person("555021935107".to_owned())];
    assert_eq!(covered(json!({"actor": actors})), Matter { recipients: expected, ..Matter::default() });
}

#[test]
fn sources_are_those_who_wrote_it_one_or_several() {
    let data = json!([written_by("RZ901"), written_by("F99002")]);
    assert_eq!(
        covered(json!({"data": data})),
        Matter { sources: vec![ods("RZ901"), ods("F99002")], ..Matter::default() }
    );
}

#[test]
fn a_class_is_a_type_of_the_record_or_a_kind_of_information() {
    let class = json!([coded(RESOURCE_TYPES, "Observation"), coded(KINDS, "mental-health"), coded(KINDS, "documents")]);
    let kinds = vec!["mental-health".to_owned(), "documents".to_owned()];
    assert_eq!(
        covered(json!({"class": class})),
        Matter { types: vec!["Observation".to_owned()], kinds, ..Matter::default() }
    );
}

#[test]
fn a_security_label_is_read_as_the_sensitivity_that_it_means() {
    let labels = json!([
        coded(Labels::ACT_CODE, "HIV"),
        coded(SENSITIVITIES, "hiv"),
        coded(Labels::ACT_CODE, "STD"),
        coded(SENSITIVITIES, "gender-recognition")
    ]);
    let sensitivities = ["hiv", "sexually-transmitted-disease", "gender-recognition"].map(str::to_owned).to_vec();
    assert_eq!(covered(json!({"securityLabel": labels})), Matter { sensitivities, ..Matter::default() });
}

#[test]
fn a_period_of_data_ends_after_its_last_day_and_may_be_open() {
    let data = |period: Value| covered(json!({"dataPeriod": period})).data.unwrap();
    let (from, until) = (Some(at("2010-01-01")), Some(at("2012-01-01")));
    assert_eq!(data(json!({"start": "2010", "end": "2011"})), DataPeriod { from, until });
    assert_eq!(data(json!({"start": "2010-01"})), DataPeriod { from, until: None });
    assert_eq!(data(json!({"end": "2011-12-31"})), DataPeriod { from: None, until });
}

#[test]
fn a_period_in_force_begins_and_ends_and_one_that_is_over_is_refused() {
    let terms = understood(json!({"period": {"start": "2027-01-01", "end": "2027-02"}}));
    assert_eq!((terms.from, terms.until), (Some(at("2027-01-01")), Some(at("2027-03-01"))));
    let ended = worlds::NOW.minus(Duration::from_secs(1));
    let over = refused(json!({"period": {"end": ended.fhir()}}));
    assert_eq!(over, (FaultCode::Value, "Consent.provision.period".to_owned()));
}

#[test]
fn exceptions_are_one_level_of_permits() {
    let except = json!([
        {"type": "permit", "actor": [actor(OdsCode::SYSTEM, "F99001")]},
        {"type": "permit", "class": [coded(RESOURCE_TYPES, "AllergyIntolerance")], "dataPeriod": {"start": "2020"}}
    ]);
    let terms = understood(json!({"data": [written_by("RZ901")], "provision": except}));
    let data = Some(DataPeriod { from: Some(at("2020-01-01")), until: None });
    let expected = [
        Matter { recipients: vec![Recipient::Organisation(ods("F99001"))], ..Matter::default() },
        Matter { types: vec!["AllergyIntolerance".to_owned()], data, ..Matter::default() },
    ];
    assert_eq!((terms.covers.sources, terms.except), (vec![ods("RZ901")], expected.to_vec()));
}

#[test]
fn emergency_only_is_a_plain_objection_however_it_is_said() {
    let break_glass = json!([{"type": "permit", "purpose": [coded(ACT_REASON, "BTG")]}]);
    assert_eq!(understood(json!({"provision": break_glass})), Terms::default());
    assert_eq!(read(&denied(json!({})), true).unwrap(), Terms::default());
}

#[test]
fn not_even_in_an_emergency_is_a_denial_of_breaking_the_glass() {
    for purposes in [&["BTG"] as &[&str], &["TREAT", "COC", "ETREAT", "BTG"]] {
        let purpose: Vec<Value> = purposes.iter().map(|code| coded(ACT_REASON, code)).collect();
        let terms = understood(json!({"purpose": purpose}));
        assert_eq!(terms, Terms { not_even_in_an_emergency: true, ..Terms::default() });
        // both at once is a contradiction
        let break_glass = json!([{"type": "permit", "purpose": [coded(ACT_REASON, "BTG")]}]);
        let place = "Consent.provision.purpose".to_owned();
        assert_eq!(refused(json!({"purpose": purpose, "provision": break_glass})), (FaultCode::Value, place.clone()));
        let said = read(&denied(json!({"purpose": purpose})), true).unwrap_err();
        assert_eq!((said.code, said.path), (FaultCode::Value, place));
    }
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    use FaultCode::{NotSupported, Required, Structure, Value as Wrong};
    let with = |mut json: Value, pointer: &str, value: Value| {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        json.pointer_mut(parent).unwrap()[name] = value;
        json
    };
    let one = || actor(OdsCode::SYSTEM, "RZ901");
    let nested = |members: Value| json!({"provision": [members]});
    for (members, code, path) in [
        (json!({"type": "permit"}), NotSupported, "type"),
        (json!({"action": [{}]}), NotSupported, "action"),
        (json!({"code": [{}]}), NotSupported, "code"),
        (json!({"actor": []}), Structure, "actor"),
        (json!({"actor": [{}]}), Structure, "actor[0]"),
        (json!({"actor": [{"reference": {}}]}), Required, "actor[0].role"),
        (
            json!({"actor": [with(one(), "/role/coding", json!([coded(PARTICIPATION, "PRCP")]))]}),
            NotSupported,
            "actor[0].role.coding[0].code",
        ),
        (
            json!({"actor": [one(), with(one(), "/reference/identifier/value", json!("rz901"))]}),
            Wrong,
            "actor[1].reference.identifier.value",
        ),
        (
            json!({"actor": [with(one(), "/reference/reference", json!("Organization/1"))]}),
            NotSupported,
            "actor[0].reference.reference",
        ),
        (
            json!({"actor": [with(one(), "/reference/type", json!("Practitioner"))]}),
            NotSupported,
            "actor[0].reference.type",
        ),
        (
            json!({"actor": [actor("https://fhir.hl7.org.uk/Id/gmc-number", "1")]}),
            NotSupported,
            "actor[0].reference.identifier.system",
        ),
        (json!({"actor": [actor(SDS_USER_ID, "dr jones")]}), Wrong, "actor[0].reference.identifier.value"),
        (json!({"data": []}), Structure, "data"),
        (
            json!({"data": [written_by("RZ901"), with(written_by("RZ902"), "/meaning", json!("instance"))]}),
            NotSupported,
            "data[1].meaning",
        ),
        (
            json!({"data": [with(written_by("RZ901"), "/reference/reference", json!("Organization/1"))]}),
            NotSupported,
            "data[0].reference.reference",
        ),
        (json!({"data": [written_by("rz901")]}), Wrong, "data[0].reference.identifier.value"),
        (json!({"class": [coded(RESOURCE_TYPES, "Claim")]}), Wrong, "class[0].code"),
        (json!({"class": [coded(RESOURCE_TYPES, "Consent")]}), Wrong, "class[0].code"),
        (json!({"class": [coded(KINDS, "secrets")]}), Wrong, "class[0].code"),
        // what the gateway itself keeps is no part of the record: to object to it would do nothing
        (json!({"class": [coded(KINDS, "log")]}), Wrong, "class[0].code"),
        (json!({"class": [coded("urn:ietf:bcp:13", "application/pdf")]}), NotSupported, "class[0].system"),
        (json!({"class": [{"code": "Observation"}]}), Required, "class[0].system"),
        (
            json!({"class": [{"system": RESOURCE_TYPES, "code": "Observation", "version": "4"}]}),
            NotSupported,
            "class[0].version",
        ),
        (json!({"securityLabel": [coded(Labels::ACT_CODE, "CEL")]}), Wrong, "securityLabel[0].code"),
        (json!({"securityLabel": [coded(SENSITIVITIES, "HIV")]}), Wrong, "securityLabel[0].code"),
        (json!({"securityLabel": [coded(Labels::CONFIDENTIALITY, "R")]}), NotSupported, "securityLabel[0].system"),
        (json!({"dataPeriod": {}}), Structure, "dataPeriod"),
        (json!({"dataPeriod": {"start": "2026-02-30"}}), Wrong, "dataPeriod.start"),
        (json!({"dataPeriod": {"start": "2021", "end": "2020"}}), Wrong, "dataPeriod.end"),
        (json!({"period": {"extension": []}}), NotSupported, "period.extension"),
        (json!({"purpose": [coded(ACT_REASON, "TREAT")]}), NotSupported, "purpose"),
        (json!({"purpose": [coded(ACT_REASON, "BTG"), coded(ACT_REASON, "HRESCH")]}), NotSupported, "purpose[1].code"),
        (json!({"purpose": [coded("http://example.org", "BTG")]}), NotSupported, "purpose[0].system"),
        (nested(json!({"type": "deny"})), NotSupported, "provision[0].type"),
        (nested(json!({"type": "permit"})), Required, "provision[0]"),
        (
            nested(json!({"type": "permit", "data": [written_by("RZ901")], "period": {"start": "2027"}})),
            NotSupported,
            "provision[0].period",
        ),
        (
            nested(json!({"type": "permit", "data": [written_by("RZ901")], "provision": [{}]})),
            NotSupported,
            "provision[0].provision",
        ),
        (
            nested(json!({"type": "permit", "purpose": [coded(ACT_REASON, "TREAT")]})),
            NotSupported,
            "provision[0].purpose[0].code",
        ),
        (
            nested(json!({"type": "permit", "purpose": [coded(ACT_REASON, "BTG")], "data": [written_by("RZ901")]})),
            NotSupported,
            "provision[0].data",
        ),
        (nested(json!({"type": "permit", "class": [coded(KINDS, "secrets")]})), Wrong, "provision[0].class[0].code"),
    ] {
        assert_eq!(refused(members.clone()), (code, format!("Consent.provision.{path}")), "{members}");
    }
}
