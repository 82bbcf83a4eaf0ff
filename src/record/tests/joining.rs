//! What is said of sources that are still joining, and of those that were live when they were asked.

use super::*;
use crate::access::{Before, Stage, Stages};
use std::collections::BTreeMap;

fn staged(code: &str, stages: Stages) -> Permits {
    permit_by(GlobalFacts { stages: BTreeMap::from([(ods(code), stages)]), ..GlobalFacts::default() })
}

fn issues(bundle: &Value) -> Vec<Value> {
    bundle["entry"].as_array().unwrap().last().unwrap()["resource"]["issue"].as_array().unwrap().clone()
}

fn told(bundle: &Value) -> Vec<String> {
    issues(bundle).iter().map(|issue| issue["diagnostics"].as_str().unwrap().to_owned()).collect()
}

const JOINING: &str = "1 other sources were not asked, as they are still joining.";

#[test]
fn a_source_whose_stage_was_lowered_after_it_answered_is_out_of_the_answer_and_only_counted() {
    let two = |other: SourceAnswer| {
        join(&search("Condition", ""), vec![holds(&provider("RZ901"), &[condition("a", "")]), other])
    };
    let other = provider("RZ902");
    let skipped = SourceAnswer { provider: Arc::new(other.clone()), said: Said::Skipped(SkipReason::Objected) };
    let held = resolution(&other, &[patient_json("1", "")]).unwrap();
    let nothing = SourceAnswer { provider: Arc::new(other.clone()), said: Said::Nothing(held) };
    let lowered = Stages { usual: Stage::Shadow, ..Stages::default() };
    // a stage that was suspended before it was ever live is no more than that
    let never_live = Stages { usual: Stage::Suspended, ..Stages::default() };
    for source in [holds(&other, &[condition("b", "")]), failing(&other, Failure::Timeout), skipped, nothing] {
        for stages in [&lowered, &never_live] {
            let record = two(source.clone());
            let redacted = record.redact(&staged("RZ902", stages.clone()), &reader("someone")).unwrap();
            let bundle = json(&redacted);
            assert!(!bundle.to_string().contains("RZ902") && !redacted.document().partial, "{bundle}");
            assert_eq!(bundle["entry"].as_array().unwrap().len(), 2, "{bundle}");
            assert_eq!(told(&bundle)[1..], [JOINING], "{bundle}");
            let lines: Vec<_> = redacted.lines.iter().map(|line| line.outcome.as_str()).collect();
            assert_eq!(lines, ["answered", "joining"]);
            assert!(redacted.lines[1].answer.is_none() && redacted.lines[1].released.is_empty());
        }
    }
}

#[test]
fn a_type_that_was_suspended_after_it_was_answered_is_missing_and_one_that_was_lowered_is_not() {
    let (one, kind) = (provider("RZ901"), ResourceType::Condition);
    let both = || {
        let id = ids().patient(patient());
        let raw = RawQuery {
            method: Method::Get,
            path: &["Patient", &id, "$everything"],
            query: "",
            content_type: None,
            body: b"",
            accept: None,
        };
        let setting = Setting { ids: &ids(), bases: &[], page_size: PageSize::default() };
        let ask = query::parse_everything(&raw, &id, &setting).unwrap();
        let held = resolution(&one, &[patient_json("1", "")]).unwrap();
        let part = |kind, text: String| {
            let answer = answer(&one, &held, kind, &[text]).unwrap();
            Part { want: Want::all(kind), said: PartSaid::Answered(Arc::new(answer)) }
        };
        let parts = vec![
            part(kind, condition("a", "")),
            part(ResourceType::Procedure, condition("p", "").replace("Condition", "Procedure")),
        ];
        let source = SourceAnswer { provider: Arc::new(one.clone()), said: Said::Holds(Arc::clone(&held), parts) };
        join(&ask, vec![source, holds(&provider("RZ902"), &[condition("b", "")])])
    };
    let before = Some(Before { usual: Stage::Live, ..Before::default() });
    let types = |stage| BTreeMap::from([(kind, stage)]);
    let live = Stages { usual: Stage::Live, ..Stages::default() };
    let suspended = Stages { types: types(Stage::Suspended), before, ..live.clone() };
    let bundle = json(&both().redact(&staged("RZ901", suspended), &reader("someone")).unwrap());
    let failed = issues(&bundle).into_iter().find(|issue| issue["details"]["coding"][0]["code"] == "failed").unwrap();
    assert_eq!(failed["extension"][0]["valueCode"], "suspended", "{bundle}");
    assert!(!bundle.to_string().contains("still joining"), "{bundle}");
    let lowered = Stages { types: types(Stage::Registered), ..live };
    let redacted = both().redact(&staged("RZ901", lowered), &reader("someone")).unwrap();
    let bundle = json(&redacted);
    assert!(!redacted.document().partial, "{bundle}");
    assert!(
        told(&bundle).contains(&"A part of 1 sources is not shared yet: it is still joining.".to_owned()),
        "{bundle}"
    );
    assert!(!issue_codes(&bundle).contains(&"suppressed"), "{bundle}");
    let conditions = |bundle: &Value| bundle.to_string().matches(r#""resourceType":"Condition""#).count();
    assert_eq!(conditions(&bundle), 1);
}

#[test]
fn what_is_joining_is_told_apart_from_what_nothing_is_known_of() {
    let whose = || Whose { numbers: patient().into(), identity: Identity::NoIndex, concealing: None, unchecked: None };
    let says = |elsewhere, joining, joining_in_part| {
        let plan = Plan { elsewhere, joining, joining_in_part, ..Plan::default() };
        let gathered = Gathered::of(patient(), &plan, vec![holds(&provider("RZ901"), &[condition("a", "")])]);
        let record = Record::join(&search("Condition", ""), whose(), gathered, ids(), BASE.into());
        let bundle = shown(&record, &plain()).unwrap();
        let count = |issue: &Value| issue["extension"][0]["valueUnsignedInt"].as_u64();
        let counts: Vec<_> = issues(&bundle).iter().filter_map(count).collect();
        (told(&bundle)[1..].to_vec(), counts)
    };
    assert_eq!(says(0, 0, 0), (vec![], vec![]));
    assert_eq!(says(0, 1, 0), (vec![JOINING.to_owned()], vec![1]));
    let both = "7 other sources were not asked: 4, as nothing says that they know this patient, and 3, as they are still joining.";
    assert_eq!(says(4, 3, 0), (vec![both.to_owned()], vec![7]));
    let part = "A part of 2 sources is not shared yet: it is still joining.";
    assert_eq!(says(0, 0, 2), (vec![part.to_owned()], vec![]));
}

#[test]
fn nothing_comes_along_of_a_type_that_is_not_live_and_nothing_tells_that_it_was_meant() {
    let types = BTreeMap::from([(ResourceType::Encounter, Stage::Shadow)]);
    let stages = Stages { usual: Stage::Live, types, ..Stages::default() };
    let refers = condition("a", r#","encounter":{"reference":"Encounter/e"}"#);
    let record =
        join(&search("Condition", "&_include=Condition:encounter"), vec![holds(&provider("RZ901"), &[refers])]);
    assert_eq!(record.lacks(&plain(), &reader("someone")).len(), 1);
    let permits = staged("RZ901", stages);
    assert!(record.lacks(&permits, &reader("someone")).is_empty(), "its source is not asked for it");
    let bundle = shown(&record, &permits).unwrap();
    assert!(
        bundle["entry"].as_array().unwrap().len() == 2 && !issue_codes(&bundle).contains(&"suppressed"),
        "{bundle}"
    );
}
