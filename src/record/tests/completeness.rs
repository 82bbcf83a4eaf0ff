//! What is said of sources that fail, that are old or that were not asked.

use super::*;

/// The issues without the moments they were told at.
fn timeless(bundle: &Value) -> Vec<Value> {
    let mut issues =
        bundle["entry"].as_array().unwrap().last().unwrap()["resource"]["issue"].as_array().unwrap().clone();
    for issue in &mut issues {
        if let Some(extensions) = issue["extension"].as_array_mut() {
            extensions.retain(|one| one["valueInstant"].is_null());
        }
    }
    issues
}

#[test]
fn of_a_source_that_fails_and_of_which_nothing_is_shown_the_same_is_said_whether_it_knows_the_patient_or_not() {
    let (one, other) = (provider("RZ901"), provider("RZ902"));
    let said = |source: SourceAnswer| {
        let sources = vec![source, holds(&other, &[condition("z", "")])];
        timeless(&shown(&join(&search("Condition", ""), sources), &plain()).unwrap())
    };
    let failed = said(failing(&one, Failure::Timeout));
    assert_eq!(failed[0]["details"]["coding"][0]["code"], "failed");
    let held = resolution(&one, &[patient_json("1", "")]).unwrap();
    let empty = || Arc::new(answer(&one, &held, ResourceType::Condition, &[""; 0]).unwrap());
    let with = |parts: Vec<PartSaid>| {
        let part = |said| Part { want: Want::all(ResourceType::Condition), said };
        let parts = parts.into_iter().map(part).collect();
        SourceAnswer { provider: Arc::new(one.clone()), said: Said::Holds(Arc::clone(&held), parts) }
    };
    assert_eq!(said(with(vec![PartSaid::Stale(empty(), Failure::Timeout)])), failed, "old, and nothing of it shown");
    assert_eq!(said(with(vec![PartSaid::Answered(empty()), PartSaid::Failed(Failure::Timeout)])), failed, "in part");
    // what is shown tells that it is known there
    let entry = Arc::new(answer(&one, &held, ResourceType::Condition, &[condition("a", "")]).unwrap());
    let stale = said(with(vec![PartSaid::Stale(entry, Failure::Timeout)]));
    assert_eq!(stale[0]["details"]["coding"][0]["code"], "stale");
}

#[test]
fn one_that_is_asked_only_by_a_pointer_is_named_only_where_something_of_it_is_shown() {
    let pointed = Provider { locate: Locate::Pointers, ..provider("RZ901") };
    let bundle = shown(
        &join(&search("Condition", ""), vec![failing(&pointed, Failure::Cut), holds(&provider("RZ902"), &[])]),
        &plain(),
    );
    let bundle = bundle.unwrap();
    assert!(issue_codes(&bundle).contains(&"incomplete") && !bundle.to_string().contains("RZ901"), "{bundle}");
    let bundle = shown(&join(&search("Condition", ""), vec![holds(&pointed, &[condition("a", "")])]), &plain());
    assert_eq!(timeless(&bundle.unwrap())[0]["extension"][0]["valueIdentifier"]["value"], "RZ901");
}

#[test]
fn who_was_not_asked_is_counted_apart_from_who_told_of_nothing() {
    let whose = Whose { numbers: patient().into(), identity: Identity::NoIndex, concealing: None, unchecked: None };
    let plan = Plan { elsewhere: 7, ..Plan::default() };
    let gathered = Gathered::of(patient(), &plan, vec![holds(&provider("RZ901"), &[])]);
    let record = Record::join(&search("Condition", ""), whose, gathered, ids(), BASE.into());
    let issues = timeless(&shown(&record, &plain()).unwrap());
    let counts: Vec<(&str, u64)> = issues
        .iter()
        .flat_map(|issue| issue["extension"].as_array().unwrap())
        .map(|one| {
            (one["url"].as_str().unwrap().rsplit('/').next().unwrap(), one["valueUnsignedInt"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(counts, [("completeness-others", 1), ("completeness-not-asked", 7)]);
}
