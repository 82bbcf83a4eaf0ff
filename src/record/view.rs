//! How much of a resource is shown (`_summary`, `_elements`): members cut out of its bytes, after it was decided that it is
//! shown. What is mandatory, whose it is and what changes its meaning always stay; it is marked as a part of the whole.
//! <https://hl7.org/fhir/R4/search.html#summary>

use crate::{
    fhir::{
        ResourceType, element,
        json::{self, Kind, Limits, Tape, Value},
    },
    query::{View, grammar},
};

const SUBSETTED: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

/// What `view` shows of this resource, which this gateway wrote; `None` where that is all of it.
pub fn cut(resource: &[u8], resource_type: ResourceType, view: &View) -> Option<Vec<u8>> {
    if *view == View::Whole {
        return None;
    }
    let mut tape = Tape::new();
    let resource = json::parse(resource, &mut Limits { nodes: u32::MAX, ..Limits::default() }, &mut tape).ok()?;
    let kept = |member: &str| keeps(view, resource_type, member);
    // what is contained goes with what refers to it, or it would be of no use, and the reference neither
    let contains = resource.members().any(|(name, value)| kept(&name) && name != "contained" && refers_inside(value));
    let mut out = vec![b'{'];
    for (name, value) in resource.members() {
        let shown = if name == "contained" { contains || *view == View::Data } else { kept(&name) };
        if !shown {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(serde_json::Value::from(name.as_ref()).to_string().as_bytes());
        out.push(b':');
        match &*name {
            "meta" => marked(value, &mut out),
            _ => out.extend_from_slice(value.raw()),
        }
    }
    out.push(b'}');
    Some(out)
}

fn keeps(view: &View, resource_type: ResourceType, member: &str) -> bool {
    let whose = grammar::rule(resource_type).link.path().and_then(|path| path.split('.').next());
    if matches!(member, "resourceType" | "id" | "meta") || Some(member) == whose {
        return true;
    }
    let known = element(resource_type, member);
    let always = known.is_some_and(|element| element.mandatory || element.modifier);
    always
        || match view {
            View::Whole => true,
            View::Summary => known.is_some_and(|element| element.in_summary),
            View::Text => member == "text",
            View::Data => member != "text",
            View::Elements(names) => names
                .iter()
                .any(|name| member == name || member.strip_prefix('_') == Some(name) || is_choice(member, name)),
            View::Count => false,
        }
}

/// What an element may be of, as its name in JSON ends then: those of R4's choices at the top of the types served.
const CHOICES: &[&str] = &[
    "Age",
    "Boolean",
    "CodeableConcept",
    "Date",
    "DateTime",
    "Instant",
    "Integer",
    "Period",
    "Quantity",
    "Range",
    "Ratio",
    "Reference",
    "SampledData",
    "String",
    "Time",
    "Timing",
];

/// `value` asks for `valueQuantity` too.
fn is_choice(member: &str, name: &str) -> bool {
    member.trim_start_matches('_').strip_prefix(name).is_some_and(|rest| CHOICES.contains(&rest))
}

fn refers_inside(value: Value<'_>) -> bool {
    let inside = |text: Option<std::borrow::Cow<'_, str>>| text.is_some_and(|text| text.starts_with('#'));
    value.objects().any(|object| inside(object.text("reference")))
}

/// The gateway gives every resource it writes a meta, with a tag.
fn marked(meta: Value<'_>, out: &mut Vec<u8>) {
    let tag = meta.get("tag").filter(|tag| tag.kind() == Kind::Array);
    let Some(at) = tag.map(|tag| tag.span().start + 1 - meta.span().start) else {
        return out.extend_from_slice(meta.raw());
    };
    out.extend_from_slice(meta.raw().get(..at).unwrap_or_default());
    out.extend_from_slice(SUBSETTED.as_bytes());
    out.push(b',');
    out.extend_from_slice(meta.raw().get(at..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEDICINE: &str = r##"{"resourceType":"MedicationRequest","id":"a","meta":{"security":[{"code":"R"}],"tag" : [{"code":"RZ901"}]},
        "text":{"status":"generated","div":"<div>"},"contained":[{"resourceType":"Medication","id":"m"}],
        "modifierExtension":[{"url":"urn:x"}],"status":"active","_status":{"id":"s"},"intent":"order","doNotPerform":true,
        "medicationReference":{"reference":"#m"},"subject":{"reference":"Patient/1"},"authoredOn":"2024",
        "dosageInstruction":[{"text":"1.10"}],"note":[{"text":"x"}],"reportedBoolean":false}"##;

    fn names(view: &View) -> Vec<String> {
        let cut = cut(MEDICINE.as_bytes(), ResourceType::MedicationRequest, view).unwrap();
        let cut: serde_json::Value = serde_json::from_slice(&cut).unwrap();
        assert_eq!(cut["meta"]["tag"][0]["code"], "SUBSETTED");
        assert_eq!(
            (&cut["meta"]["tag"][1]["code"], &cut["meta"]["security"][0]["code"]),
            (&"RZ901".into(), &"R".into())
        );
        let mut names: Vec<String> = cut.as_object().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// What stays whatever is asked: mandatory, whose, or such that without it the others would be misread.
    const ALWAYS: [&str; 11] = [
        "_status",
        "contained",
        "doNotPerform",
        "id",
        "intent",
        "medicationReference",
        "meta",
        "modifierExtension",
        "resourceType",
        "status",
        "subject",
    ];

    #[test]
    fn a_view_keeps_what_it_names_what_is_mandatory_and_what_changes_the_meaning() {
        let with = |more: &[&str]| {
            let mut all: Vec<String> = ALWAYS.iter().chain(more).map(|name| (*name).to_owned()).collect();
            all.sort_unstable();
            all
        };
        let elements = |names: &[&str]| View::Elements(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(&View::Text), with(&["text"]));
        assert_eq!(names(&View::Summary), with(&["authoredOn", "reportedBoolean"]));
        assert_eq!(names(&View::Data), with(&["authoredOn", "dosageInstruction", "note", "reportedBoolean"]));
        assert_eq!(names(&elements(&["nothing"])), with(&[]));
        assert_eq!(
            names(&elements(&["dosageInstruction", "reported"])),
            with(&["dosageInstruction", "reportedBoolean"])
        );
        assert_eq!(cut(MEDICINE.as_bytes(), ResourceType::MedicationRequest, &View::Whole), None);
    }

    #[test]
    fn what_is_contained_goes_with_the_last_reference_to_it() {
        let report = r##"{"resourceType":"DiagnosticReport","id":"a","meta":{"tag":[{}]},"contained":[{"resourceType":"Specimen","id":"s"}],
            "status":"final","code":{"text":"x"},"specimen":[{"reference":"#s"}]}"##;
        let contained = |elements: &str| {
            let view = View::Elements(vec![elements.to_owned()]);
            let cut = cut(report.as_bytes(), ResourceType::DiagnosticReport, &view).unwrap();
            serde_json::from_slice::<serde_json::Value>(&cut).unwrap().get("contained").is_some()
        };
        assert!(contained("specimen") && !contained("code") && !contained("contained"));
    }

    proptest! {
        #[test]
        fn what_is_kept_keeps_its_bytes(digits in "-?[1-9][0-9]{0,20}\\.[0-9]{1,20}", text in "[ -~]{0,12}") {
            let text = serde_json::Value::from(text).to_string();
            let kept = format!(r#"{{"value" : {digits},"unit":{text}}}"#);
            let resource = format!(r#"{{"resourceType":"Observation","id":"a","meta":{{"tag":[{{}}]}},"status":"final","valueQuantity":{kept},"note":[]}}"#);
            let cut = cut(resource.as_bytes(), ResourceType::Observation, &View::Summary).unwrap();
            let member = format!(r#""valueQuantity":{kept}"#);
            prop_assert!(String::from_utf8(cut).unwrap().contains(&member));
        }
    }
}
