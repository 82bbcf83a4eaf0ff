use super::*;
use crate::{
    federation::testing::sensitivities,
    fhir::json::{self, Limits, Tape},
};

const ACT_CODE: &str = Labels::ACT_CODE;
const SNOMED: &str = "http://snomed.info/sct";

fn labels(members: &str) -> Result<Labels, Failure> {
    let mut tape = Tape::new();
    let text = format!("{{{members}}}");
    let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
    labels_of(resource, &sensitivities())
}

/// What it is marked as, and `R` where it is restricted.
fn marks(members: &str) -> Vec<String> {
    let labels = labels(members).unwrap_or_else(|failure| panic!("{failure}: {members}"));
    labels.sensitivities().map(str::to_owned).chain(labels.restricted().then(|| "R".to_owned())).collect()
}

fn coding(system: &str, code: &str) -> String {
    format!(r#"{{"system":"{system}","code":{code}}}"#)
}

#[test]
fn a_label_marks_however_its_system_and_its_code_are_spelt() {
    let security = |coding: &str| marks(&format!(r#""meta":{{"security":[{coding}]}}"#));
    for system in [
        ACT_CODE,
        "https://terminology.hl7.org/CodeSystem/v3-ActCode/",
        "http://hl7.org/fhir/v3/ActCode",
        "urn:oid:2.16.840.1.113883.5.4",
        "http://terminology.hl7.org/CodeSystem/v3-ActCode|2023-02",
        "http://terminology.hl7.org/ValueSet/v3-InformationSensitivityPolicy",
        "",
    ] {
        for code in [r#""HIV""#, r#""hiv""#, r#"" HIV ""#, r#""\u0048IV""#] {
            assert_eq!(security(&coding(system, code)), ["hiv"], "{system} {code}");
        }
    }
    assert_eq!(security(r#"{"code":"HIV"}"#), ["hiv"]);
    assert_eq!(security(&coding(Sensitivities::SYSTEM, r#""gender-recognition""#)), ["gender-recognition"]);
    assert_eq!(security(&coding(Sensitivities::SYSTEM, r#""of-another-list""#)), ["R"]);
    assert_eq!(security(&coding(ACT_CODE, r#""ETHUD""#)), ["substance-use"]);
    assert_eq!(security(&coding(ACT_CODE, r#""MASK""#)), ["R"]);
    for none in [coding(ACT_CODE, r#""AMB""#), coding("https://local.example/colours", r#""HIV""#)] {
        assert!(security(&none).is_empty(), "{none}");
    }
}

#[test]
fn a_code_of_the_list_marks_wherever_it_stands_and_however_it_is_written() {
    let hiv = coding(SNOMED, r#""86406008""#);
    for members in [
        format!(r#""code":{{"coding":[{{"system":"http://loinc.org","code":"1"}},{hiv}]}}"#),
        format!(r#""contained":[{{"resourceType":"Medication","code":{{"coding":[{hiv}]}}}}]"#),
        format!(r#""component":[{{"code":{{"coding":[]}}}},{{"valueCodeableConcept":{{"coding":[{hiv}]}}}}]"#),
        format!(r#""extension":[{{"url":"x","extension":[{{"valueCoding":{hiv}}}]}}]"#),
        format!(r#""meta":{{"tag":[{hiv}]}}"#),
        format!(r#""class":{hiv}"#),
        format!(r#""class":{}"#, coding(SNOMED, "86406008")),
        format!(r#""class":{}"#, coding(SNOMED, r#""\u00386406008""#)),
        format!(r#""class":{}"#, coding("https://SNOMED.info/sct/83821000000107", r#"" 86406008""#)),
        format!(r#""class":{}"#, coding("urn:oid:2.16.840.1.113883.6.96", r#""86406008""#)),
        r#""class":{"code":"86406008","display":"whose system was lost"}"#.to_owned(),
    ] {
        assert_eq!(marks(&members), ["hiv"], "{members}");
    }
    for members in [
        r#""code":{"coding":[{"system":"http://loinc.org","code":"86406008"}]}"#,
        r#""code":{"coding":[{"system":"http://snomed.info/sct","code":"8640600"}]}"#,
        r#""code":{"coding":[{"system":"http://snomed.info/sct"}],"text":"86406008"}"#,
        r#""valueQuantity":{"value":86406008,"system":"http://unitsofmeasure.org","code":"V"}"#,
        r#""identifier":[{"system":"http://snomed.info/sct","value":"86406008"}]"#,
        r#""valueQuantity":{"value":1.0,"code":"V"}"#,
        "",
    ] {
        assert!(marks(members).is_empty(), "{members}");
    }
    let both = format!(r#""code":{{"coding":[{hiv},{}]}}"#, coding(SNOMED, r#""52637005""#));
    assert_eq!(marks(&both), ["assisted-fertilisation", "hiv"]);
}

#[test]
fn a_restriction_holds_inside_and_out_on_the_whole_and_on_a_part() {
    let confidentiality = coding(Labels::CONFIDENTIALITY, r#""R""#);
    let inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label";
    for members in [
        r#""meta":{"security":[{"system":"","code":"R"}]}"#.to_owned(),
        r#""contained":[{"meta":{"security":[{"code":"V"}]}}]"#.to_owned(),
        format!(r#""securityLabel":[{{"coding":[{confidentiality}]}}]"#),
        format!(r#""note":[{{"extension":[{{"url":"{inline}","valueCoding":{confidentiality}}}]}}]"#),
        r#""confidentiality":"V""#.to_owned(),
    ] {
        assert_eq!(marks(&members), ["R"], "{members}");
    }
    assert!(marks(r#""confidentiality":"N""#).is_empty());
}

#[test]
fn what_may_be_a_label_is_not_passed_over() {
    let concept = r#"[{"coding":[{"code":"R"}]}]"#;
    let bare = r#"[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":{"value":"R"}}]"#;
    for security in [r#""R""#, r#"["R"]"#, r#"[["R"]]"#, "[null]", concept, bare, r#"[{"code":" "}]"#, "[{}]"] {
        assert_eq!(
            labels(&format!(r#""meta":{{"security":{security}}}"#)),
            Err(Failure::UnexpectedEntry),
            "{security}"
        );
    }
}

#[test]
fn more_or_longer_labels_than_any_vocabulary_has_cost_the_answer() {
    let many = |count: usize| (0..count).map(|n| coding("s", &n.to_string())).collect::<Vec<_>>().join(",");
    let security = |all: &str| labels(&format!(r#""meta":{{"security":[{all}]}}"#)).map(|_| ());
    assert_eq!(security(&many(MOST_LABELS)), Ok(()));
    let long = "x".repeat(LONGEST_LABEL + 1);
    let quoted = format!("\"{long}\"");
    for all in [many(MOST_LABELS + 1), coding(ACT_CODE, &quoted), coding("s", &quoted), coding(&long, "1")] {
        assert_eq!(security(&all), Err(Failure::TooLarge));
    }
    let inline = format!(r#""note":[{}]"#, coding(&format!("{long}/v3-confidentiality"), r#""R""#));
    assert_eq!(labels(&inline), Err(Failure::TooLarge), "what is too long is never unlabelled");
}
