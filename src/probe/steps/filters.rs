//! The filters that the gateway would ask by, because they are declared: does what they should find come, and only that?

use crate::{
    fhir::{ResourceType, date::DateTest},
    probe::{
        caller::Stopped,
        check::Check,
        reading::{Item, Sought},
        run::Run,
    },
    query::{
        DateFilter, Filter, TokenFilter, TokenTest,
        grammar::{self, Rule},
    },
    registry::{Test, Want},
};
use std::collections::BTreeMap;

/// Parameters of one type.
const MOST: usize = 5;

pub async fn filters(run: &mut Run<'_>) -> Result<(), Stopped> {
    if run.patients.is_empty() {
        return Ok(());
    }
    for of in run.target.types.clone() {
        run.next(&format!("{of} by filters"));
        one(run, of).await?;
    }
    Ok(())
}

async fn one(run: &mut Run<'_>, of: ResourceType) -> Result<(), Stopped> {
    let about = Some(of.as_str());
    let most = (0..run.patients.len()).max_by_key(|nth| run.held.get(&(of, *nth)).map_or(0, Vec::len));
    let items = most.and_then(|nth| run.held.get(&(of, nth))).cloned().unwrap_or_default();
    let questions = questions(run, of, &items);
    let judge = most.and_then(|nth| run.patients.get(nth)).cloned();
    let (Some(judge), false) = (judge, questions.is_empty()) else {
        let why = "It declares none that the gateway would ask by, or the test patients have nothing to ask for.";
        run.findings.excused(Check::FilterKeeps, about, why);
        run.findings.excused(Check::FilterNarrows, about, why);
        return Ok(());
    };
    let (mut lost, mut ignored, mut asked, mut narrowing) = (Vec::new(), Vec::new(), Vec::new(), false);
    for Question { parameter, value, tests, narrows } in questions {
        let urls = judge.searches(&Want::matching(of, tests), run.target.limits.page_size).unwrap_or_default();
        let what = format!("the search for {of} by {parameter}");
        let found = run.caller.search(&judge, Sought::Entries(of), urls, &what).await?;
        let came = found.locals();
        let mut meant = items.iter().filter(|item| item.values.contains(&(parameter, value.clone())));
        if let Some(words) = found.trouble() {
            lost.push(format!("{parameter} ({words})"));
        } else if meant.any(|item| !came.contains(item.local.as_str())) {
            lost.push(parameter.to_owned());
        } else if narrows && came.len() >= items.len() {
            ignored.push(parameter);
        }
        narrowing |= narrows;
        asked.push(parameter);
    }
    match lost.is_empty() {
        true => run.findings.passed(Check::FilterKeeps, about, format!("{}.", asked.join(", "))),
        false => run.findings.failed(Check::FilterKeeps, about, format!("Matches are lost by: {}.", lost.join(", "))),
    }
    match (ignored.is_empty(), narrowing) {
        (true, true) => run.findings.passed(Check::FilterNarrows, about, "What does not match stays away."),
        (true, false) => {
            run.findings.excused(Check::FilterNarrows, about, "All entries match what could be asked for.")
        }
        (false, _) => {
            run.findings.failed(Check::FilterNarrows, about, format!("Without effect: {}.", ignored.join(", ")))
        }
    }
    Ok(())
}

/// One search by one parameter.
struct Question {
    parameter: &'static str,
    /// As an entry has it.
    value: String,
    tests: Vec<Test>,
    /// Something is there that does not match it.
    narrows: bool,
}

/// One for each parameter that is declared and that something could be asked for by: the value that the fewest have.
fn questions(run: &Run<'_>, of: ResourceType, items: &[Item]) -> Vec<Question> {
    let Some(statement) = &run.statement else { return Vec::new() };
    let rule = grammar::rule(of);
    let tokens = rule.tokens.iter().map(|(name, ..)| (*name, true));
    let dates = rule.dates.iter().map(|(name, _)| (*name, false));
    let declared = tokens.chain(dates).filter(|(name, _)| statement.declares(of, name));
    let question = |(parameter, is_token): (&'static str, bool)| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, value) in items.iter().flat_map(|item| &item.values).filter(|(name, _)| *name == parameter) {
            *counts.entry(value).or_default() += 1;
        }
        let mut values: Vec<(&str, usize)> = counts.into_iter().collect();
        values.sort_by_key(|(_, count)| *count);
        values.into_iter().find_map(|(value, count)| {
            let tests = tests(&rule, parameter, value, is_token);
            // a date is asked for with days to spare, in which anything may fall
            let narrows = is_token && count < items.len();
            (!tests.is_empty()).then(|| Question { parameter, value: value.to_owned(), tests, narrows })
        })
    };
    declared.filter_map(question).take(MOST).collect()
}

/// What a provider is asked for in place of this value; nothing where it is not asked so.
fn tests(rule: &Rule, parameter: &'static str, value: &str, is_token: bool) -> Vec<Test> {
    let filter = if is_token {
        TokenTest::parse(value).ok().map(|test| Filter::Token(TokenFilter { parameter, any: vec![test] }))
    } else {
        let paths = rule.dates.iter().find(|(name, _)| *name == parameter).map(|(_, paths)| *paths);
        let test = DateTest::parse(value).ok();
        paths.zip(test).map(|(paths, test)| Filter::Date(DateFilter { parameter, paths, any: vec![test] }))
    };
    filter.map(|filter| Test::of(&filter, rule.resource_type)).unwrap_or_default()
}
