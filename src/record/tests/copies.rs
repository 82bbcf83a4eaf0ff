//! Copies of one event, and contradictions, among what a reader is shown.

use super::*;

const SYSTEM: &str = "https://caregate.example/CodeSystem/same-event";

fn kind(name: &str) -> ResourceType {
    ResourceType::parse(name).unwrap()
}

fn of(provider: &Provider, resource_type: &str, resources: &[String]) -> SourceAnswer {
    let held = resolution(provider, &[patient_json("1", "")]).unwrap();
    let answer = answer(provider, &held, kind(resource_type), resources).unwrap();
    let part = Part { want: Want::all(kind(resource_type)), said: PartSaid::Answered(Arc::new(answer)) };
    SourceAnswer { provider: Arc::new(provider.clone()), said: Said::Holds(held, vec![part]) }
}

fn resource(resource_type: &str, id: &str, more: &str) -> String {
    let subject = if resource_type == "AllergyIntolerance" { "patient" } else { "subject" };
    format!(r#"{{"resourceType":"{resource_type}","id":"{id}","{subject}":{{"reference":"Patient/1"}}{more}}}"#)
}

fn identified(value: &str) -> String {
    format!(r#","identifier":[{{"system":"https://region.example/event","value":"{value}"}}]"#)
}

fn event(id: &str, value: &str, more: &str) -> String {
    resource("Condition", id, &format!("{}{more}", identified(value)))
}

/// The group tags of the entries, by the end of their source's local id.
fn groups(bundle: &Value) -> Vec<Vec<String>> {
    let entries = bundle["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == "match");
    entries
        .map(|entry| {
            let tags = entry["resource"]["meta"]["tag"].as_array().unwrap().iter();
            tags.filter(|tag| tag["system"] == SYSTEM).map(|tag| tag["code"].as_str().unwrap().to_owned()).collect()
        })
        .collect()
}

fn contradictions(bundle: &Value) -> Vec<Value> {
    let outcome = bundle["entry"].as_array().unwrap().last().unwrap();
    let issues = outcome["resource"]["issue"].as_array().unwrap().iter();
    issues.filter(|issue| issue["code"] == "business-rule").cloned().collect()
}

fn bundle(resource_type: &str, more: &str, sources: Vec<SourceAnswer>) -> Value {
    shown(&join(&search(resource_type, more), sources), &plain()).unwrap()
}

#[test]
fn copies_of_one_event_carry_the_same_tag_and_stay_as_they_are() {
    let sources = || {
        vec![
            of(&provider("RZ901"), "Condition", &[event("a", "7", ""), event("b", "8", "")]),
            of(&provider("RZ902"), "Condition", &[event("c", "7", r#","note":[{"text":"mine"}]"#)]),
        ]
    };
    let all = bundle("Condition", "", sources());
    let tags = groups(&all);
    assert_eq!(tags.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 1]);
    assert_eq!(tags[0], tags[2]);
    assert_eq!(contradictions(&all), [Value::Null; 0]);
    // the same one on a page of its own
    let page = bundle("Condition", "&_count=1", sources());
    assert_eq!(groups(&page)[0], tags[0]);
}

#[test]
fn what_differs_in_what_matters_is_grouped_with_nothing_and_stated() {
    let severity = |code: &str| format!(r#","severity":{{"coding":[{{"system":"s","code":"{code}"}}]}}"#);
    let all = bundle(
        "Condition",
        "",
        vec![
            of(&provider("RZ901"), "Condition", &[event("a", "7", &severity("mild"))]),
            of(&provider("RZ902"), "Condition", &[event("b", "7", &severity("severe"))]),
        ],
    );
    assert_eq!(groups(&all), [[""; 0]; 2]);
    let [issue] = contradictions(&all).try_into().unwrap();
    assert_eq!(
        (issue["severity"].as_str(), issue["details"]["coding"][0]["code"].as_str()),
        (Some("warning"), Some("event"))
    );
    let named: Vec<&str> =
        issue["extension"].as_array().unwrap().iter().filter_map(|e| e["valueIdentifier"]["value"].as_str()).collect();
    assert_eq!(named, ["RZ901", "RZ902"]);
    let expression = issue["expression"][0].as_str().unwrap();
    let matches = all["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == "match");
    for entry in matches.map(|entry| entry["fullUrl"].as_str().unwrap()) {
        assert!(expression.contains(entry), "{expression}");
    }
}

#[test]
fn the_gravest_contradiction_is_told_however_many_others_there_are() {
    let allergy = |id: usize, criticality: &str| {
        let more =
            format!(r#"{},"code":{{"text":"x"}},"criticality":"{criticality}""#, identified(&format!("event-{id}")));
        resource("AllergyIntolerance", &format!("a{id}"), &more)
    };
    let none = r#","code":{"coding":[{"system":"http://snomed.info/sct","code":"716186003"}]}"#;
    let here: Vec<String> = (0..30).map(|id| allergy(id, "low")).collect();
    let there = (0..30).map(|id| allergy(id, "high")).chain([resource("AllergyIntolerance", "none", none)]);
    let sources = vec![
        of(&provider("RZ901"), "AllergyIntolerance", &here),
        of(&provider("RZ902"), "AllergyIntolerance", &there.collect::<Vec<_>>()),
    ];
    let issues = contradictions(&bundle("AllergyIntolerance", "", sources));
    assert_eq!((issues.len(), &issues[0]["details"]["coding"][0]["code"]), (21, &Value::from("allergies")));
    assert!(issues[20]["diagnostics"].as_str().unwrap().contains("11 more matters"));
}

#[test]
fn an_identifier_that_one_source_gives_twice_names_no_event() {
    let all = bundle(
        "Condition",
        "",
        vec![
            of(&provider("RZ901"), "Condition", &[event("a", "7", ""), event("b", "7", "")]),
            of(&provider("RZ902"), "Condition", &[event("c", "7", "")]),
        ],
    );
    assert_eq!(groups(&all), [[""; 0]; 3]);
    let alone =
        bundle("Condition", "", vec![of(&provider("RZ901"), "Condition", &[event("a", "7", ""), event("b", "7", "")])]);
    assert_eq!(groups(&alone), [[""; 0]; 2]);
}

#[test]
fn allergies_are_never_grouped() {
    let allergy = |id: &str, more: &str| {
        resource("AllergyIntolerance", id, &format!(r#"{},"code":{{"text":"Penicillin"}}{more}"#, identified("7")))
    };
    let two = |more: &str| {
        bundle(
            "AllergyIntolerance",
            "",
            vec![
                of(&provider("RZ901"), "AllergyIntolerance", &[allergy("a", "")]),
                of(&provider("RZ902"), "AllergyIntolerance", &[allergy("b", more)]),
            ],
        )
    };
    assert_eq!(groups(&two("")), [[""; 0]; 2]);
    assert_eq!(contradictions(&two("")).len(), 0);
    assert_eq!(contradictions(&two(r#","criticality":"high""#)).len(), 1);
}

#[test]
fn a_copy_that_is_withheld_is_told_by_no_tag_and_no_contradiction() {
    let label = format!(r#","meta":{{"security":[{{"system":"{}","code":"R"}}]}}"#, Labels::CONFIDENTIALITY);
    for more in ["", r#","bodySite":[{"text":"left"}]"#] {
        let hidden = event("b", "7", &format!("{label}{more}"));
        let all = bundle(
            "Condition",
            "",
            vec![
                of(&provider("RZ901"), "Condition", &[event("a", "7", "")]),
                of(&provider("RZ902"), "Condition", &[hidden]),
            ],
        );
        assert_eq!(groups(&all), [[""; 0]; 1]);
        assert_eq!(contradictions(&all), [Value::Null; 0]);
    }
}

#[test]
fn an_allergy_here_and_none_known_there_is_stated_on_every_page_and_written_down() {
    let coded = |id: &str, code: &str| {
        let code = format!(r#","code":{{"coding":[{{"system":"http://snomed.info/sct","code":"{code}"}}]}}"#);
        resource("AllergyIntolerance", id, &code)
    };
    let sources = |none: &str| {
        vec![
            of(&provider("RZ901"), "AllergyIntolerance", &[coded("a", "91936005"), coded("b", "91935009")]),
            of(&provider("RZ902"), "AllergyIntolerance", &[coded("c", none)]),
        ]
    };
    let record = join(&search("AllergyIntolerance", "&_count=1"), sources("716186003"));
    let page = record.redact(&plain(), &reader("someone")).unwrap();
    let [issue] = contradictions(&json(&page)).try_into().unwrap();
    assert_eq!(issue["details"]["coding"][0]["code"], "allergies");
    // each that the issue names is told of on this page
    let told: Vec<bool> = page.lines.iter().map(|line| line.released.contains(0)).collect();
    assert_eq!(told, [true, true]);
    assert!(page.lines[0].released.contains(1));
    assert_eq!(contradictions(&bundle("AllergyIntolerance", "", sources("300916003"))).len(), 0, "two allergies");
    let one = vec![of(&provider("RZ901"), "AllergyIntolerance", &[coded("a", "91936005"), coded("c", "716186003")])];
    assert_eq!(contradictions(&bundle("AllergyIntolerance", "", one)).len(), 0, "one source is its own to put right");
}

#[test]
fn a_medicine_taken_here_and_stopped_there_is_stated_unless_it_was_begun_again() {
    let order = |id: &str, status: &str, code: &str| {
        let medicine = format!(r#""medicationCodeableConcept":{{"coding":[{{"system":"s","code":"{code}"}}]}}"#);
        resource("MedicationRequest", id, &format!(r#","status":"{status}","intent":"order",{medicine}"#))
    };
    let told = |there: &[String]| {
        let all = bundle(
            "MedicationRequest",
            "",
            vec![
                of(&provider("RZ901"), "MedicationRequest", &[order("a", "active", "x"), order("b", "active", "y")]),
                of(&provider("RZ902"), "MedicationRequest", there),
            ],
        );
        contradictions(&all)
    };
    assert_eq!(told(&[order("c", "stopped", "x")])[0]["details"]["coding"][0]["code"], "medicine");
    assert_eq!(told(&[order("c", "stopped", "x"), order("d", "stopped", "y")]).len(), 2);
    assert_eq!(told(&[order("c", "stopped", "x"), order("d", "active", "x")]).len(), 0, "begun again");
    assert_eq!(told(&[order("c", "completed", "x")]).len(), 0);
    assert_eq!(told(&[order("c", "stopped", "z")]).len(), 0);
}

fn some_events() -> impl Strategy<Value = Vec<String>> {
    let text = prop::sample::select(vec!["", r#","bodySite":[{"text":"left"}]"#, r#","bodySite":[{"text":"right"}]"#]);
    collection::btree_map("[a-d]", ("[1-3]", text), 0..4)
        .prop_map(|found| found.iter().map(|(id, (value, more))| event(id, &format!("{value}7"), more)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn neither_tags_nor_contradictions_depend_on_the_order_of_answers_and_every_copy_stays(
        held in collection::vec(some_events(), 1..4).prop_flat_map(|held| (Just(held.clone()), Just((0..held.len()).collect::<Vec<_>>()).prop_shuffle())),
    ) {
        let (held, order) = held;
        let source = |at: &usize| of(&provider(&format!("RZ90{}", at + 1)), "Condition", &held[*at]);
        let sorted = bundle("Condition", "", (0..held.len()).map(|at| source(&at)).collect());
        let shuffled = bundle("Condition", "", order.iter().map(source).collect());
        prop_assert_eq!(groups(&sorted), groups(&shuffled));
        prop_assert_eq!(contradictions(&sorted), contradictions(&shuffled));
        prop_assert_eq!(groups(&sorted).len(), held.iter().map(Vec::len).sum::<usize>());
        // a tag is never an entry's alone, and never two sources' of which one says something else
        let mut counted = std::collections::BTreeMap::<String, usize>::new();
        groups(&sorted).into_iter().flatten().for_each(|code| *counted.entry(code).or_default() += 1);
        prop_assert!(counted.values().all(|count| *count > 1));
    }
}
