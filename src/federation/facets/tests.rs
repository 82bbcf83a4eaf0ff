use super::*;
use crate::{
    federation::testing::{ids, patient},
    fhir::json::{self, Limits, Tape},
};

fn read(resource_type: ResourceType, text: &str) -> EntryFacets {
    let mut tape = Tape::new();
    let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
    EntryFacets::read(resource, resource_type, &ids(), patient())
}

fn content(text: &str) -> Option<Content> {
    let identified = text.replacen('{', r#"{"identifier":[{"system":"https://a.example","value":"7"}],"#, 1);
    read(ResourceType::MedicationRequest, &identified).content
}

#[test]
fn copies_say_the_same_in_whatever_order_and_whoever_wrote_them_down() {
    let one = r#"{"id":"1","status":"active","medicationCodeableConcept":{"coding":[
        {"system":"s","code":"a","display":"A"},{"system":"t","code":"b"}]},"dosageInstruction":[{"text":"one"}],
        "subject":{"reference":"Patient/1"},"requester":{"reference":"Practitioner/1"},"meta":{"versionId":"3"}}"#;
    let other = r#"{"meta":{},"dosageInstruction":[ {"text":"on\u0065"} ],"medicationCodeableConcept":{"coding":[
        {"code":"b","system":"t"},{"code":"a","userSelected":true,"system":"s"}]},"status":"active","id":"2"}"#;
    assert!(content(one).is_some());
    assert_eq!(content(one), content(other));
}

#[test]
fn whatever_matters_for_safety_makes_another_content() {
    let whole = r#"{"status":"active","intent":"order","medicationCodeableConcept":{"coding":[{"system":"s","code":"a"}]},
        "dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":1.0,"unit":"mg"}}]}],"note":[{"text":"x"}]}"#;
    let same = content(whole);
    for (from, to) in [
        ("active", "stopped"),
        ("1.0", "1.00"),
        ("1.0", "10"),
        ("mg", "g"),
        (r#""code":"a""#, r#""code":"b""#),
        ("\"status\"", "\"_status\":{\"extension\":[]},\"status\""),
        ("\"status\"", "\"doNotPerform\":true,\"status\""),
        ("\"status\"", "\"modifierExtension\":[{\"url\":\"u\"}],\"status\""),
        ("\"status\"", "\"contained\":[{\"id\":\"m\"}],\"status\""),
    ] {
        assert_ne!(content(&whole.replacen(from, to, 1)), same, "{from} {to}");
    }
    assert_eq!(content(&whole.replace("x", "y")), same, "a note by whoever keeps it");
}

#[test]
fn what_rests_on_a_reference_is_held_against_nothing() {
    let by_reference = |to: &str| format!(r#"{{"status":"active","medicationReference":{{"reference":"{to}"}}}}"#);
    assert_eq!(content(&by_reference("Medication/1")), None);
    assert!(content(&by_reference("#m")).is_some());
}

#[test]
fn only_an_identifier_that_names_one_thing_for_ever_names_an_event() {
    let events =
        |identifier: &str| read(ResourceType::Condition, &format!(r#"{{"identifier":[{identifier}]}}"#)).events.len();
    assert_eq!(events(r#"{"system":"https://a.example","value":"7"}"#), 1);
    assert_eq!(events(r#"{"system":"urn:ietf:rfc:3986","value":"urn:uuid:1c"}"#), 1);
    for none in [
        r#"{"value":"7"}"#,
        r#"{"system":"https://a.example"}"#,
        r#"{"system":"a","value":"7"}"#,
        r#"{"system":"https://a.example","value":" "}"#,
        r#"{"system":"https://a.example","value":"0000"}"#,
        r#"{"system":"https://a.example","value":"N/A"}"#,
        r#"{"system":"https://a.example","value":"Unknown"}"#,
        r#"{"system":"https://a.example","value":"7","use":"temp"}"#,
        r#"{"system":"https://a.example","value":"7","use":"old"}"#,
        r#"{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}"#,
    ] {
        assert_eq!(events(none), 0, "{none}");
    }
    let of =
        |resource_type| read(resource_type, r#"{"identifier":[{"system":"https://a.example","value":"7"}]}"#).events;
    assert_ne!(of(ResourceType::Condition), of(ResourceType::Procedure));
}

#[test]
fn an_allergy_that_holds_and_none_known_are_told_apart_and_what_may_mean_either_says_nothing() {
    let says = |more: &str| read(ResourceType::AllergyIntolerance, &format!("{{{more}}}")).says;
    let coded = |code: &str| format!(r#""code":{{"coding":[{{"system":"http://snomed.info/sct","code":"{code}"}}]}}"#);
    let is_allergic = |said| matches!(said, Some(Says::Allergic(_)));
    let is_none_known = |said| matches!(said, Some(Says::NoneKnown(_)));
    assert!(is_allergic(says(&coded("91936005"))));
    assert!(is_allergic(says(r#""code":{"text":"Penicillin"}"#)));
    for none in ["716186003", "160244002", "409137002", "429625007", "428607008"] {
        assert!(is_none_known(says(&coded(none))), "{none}");
        for over in ["refuted", "entered-in-error"] {
            let refuted = format!(r#"{},"verificationStatus":{{"coding":[{{"code":"{over}"}}]}}"#, coded(none));
            assert_eq!(says(&refuted), None, "{over}");
        }
    }
    let resolved = format!(r#"{},"clinicalStatus":{{"coding":[{{"code":"resolved"}}]}}"#, coded("91936005"));
    assert_eq!(says(&resolved), None);
    for vague in ["Nil known", "No known drug allergies", "NKDA", "None", ""] {
        assert_eq!(says(&format!(r#""code":{{"text":"{vague}"}}"#)), None, "{vague}");
    }
    let Some(Says::NoneKnown(drugs)) = says(&coded("409137002")) else { panic!() };
    for (category, meets) in [("medication", true), ("food", false), ("environment", false), ("biologic", true)] {
        let Some(Says::Allergic(of)) = says(&format!(r#"{},"category":["{category}"]"#, coded("1"))) else { panic!() };
        assert_eq!(drugs.meets(of), meets, "{category}");
    }
    let Some(Says::Allergic(any)) = says(&coded("1")) else { panic!() };
    assert!(drugs.meets(any), "of a category that it does not say it may be any");
}

#[test]
fn a_medicine_is_taken_or_no_more_and_a_proposal_says_neither() {
    let says = |more: &str| {
        let coding = r#""medicationCodeableConcept":{"coding":[{"system":"s","code":"a"}]}"#;
        read(ResourceType::MedicationRequest, &format!("{{{coding}{more}}}")).says
    };
    let takes = |said| matches!(said, Some(Says::Takes(_)));
    let no_more = |said| matches!(said, Some(Says::TakesNoMore(_)));
    assert!(takes(says(r#","status":"active","intent":"order""#)));
    assert!(no_more(says(r#","status":"active","intent":"order","doNotPerform":true"#)));
    for over in ["stopped", "cancelled", "not-taken"] {
        assert!(no_more(says(&format!(r#","status":"{over}""#))), "{over}");
    }
    for neither in ["completed", "entered-in-error", "draft", "unknown", "on-hold"] {
        assert_eq!(says(&format!(r#","status":"{neither}""#)), None, "{neither}");
    }
    assert_eq!(says(r#","status":"active","intent":"proposal""#), None);
    let contained = r##"{"status":"active","contained":[{"id":"m","code":{"coding":[{"system":"s","code":"a"}]}}],
        "medicationReference":{"reference":"#m"}}"##;
    assert_eq!(read(ResourceType::MedicationStatement, contained).says, says(r#","status":"active""#));
}
