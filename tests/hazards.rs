//! The hazard log (docs/safety/hazards.md) claims that tests prove its controls. This holds it to that: every test it
//! names exists, every hazard is whole, and no control is without proof unless the log itself says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[path = "common/markdown.rs"]
mod markdown;
#[path = "common/sources.rs"]
mod sources;

use markdown::quoted;
use sources::{files, text};
use std::collections::BTreeSet;

const LOG: &str = "docs/safety/hazards.md";
/// What every hazard says, in this order.
const FIELDS: [&str; 7] = ["Cause", "Effect", "Risk before", "Control", "Risk after", "Proved by", "Remains"];

/// The names of all tests below `src` and `tests`: functions under a test attribute, property tests too.
fn tests() -> BTreeSet<String> {
    let sources = files("src", ".rs").into_iter().chain(files("tests", ".rs"));
    sources.flat_map(|path| tests_of(&text(path))).collect()
}

fn tests_of(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        let attribute = line.strip_prefix("#[").unwrap_or_default();
        if ["test]", "tokio::test", "actix_web::test"].iter().any(|test| attribute.starts_with(test)) {
            is_test = true;
        }
        let declared = line.rsplit("] ").next().unwrap_or(line);
        let declared = declared.strip_prefix("async ").unwrap_or(declared);
        if let Some(name) = declared.strip_prefix("fn ") {
            if is_test {
                found.push(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            }
            is_test = false;
        }
    }
    found
}

/// Each hazard's heading, and its fields in order.
fn hazards(log: &str) -> Vec<(String, Vec<(String, String)>)> {
    let sections = log.split("\n### ").skip(1).map(|section| section.split("\n## ").next().unwrap_or(section));
    let field = |line: &str| {
        let mut cells = line.trim().trim_matches('|').splitn(2, '|').map(str::trim);
        Some((cells.next()?.trim_matches('*').to_owned(), cells.next()?.to_owned()))
    };
    sections
        .map(|section| {
            let rows = section.lines().filter(|line| line.starts_with("| **"));
            (section.lines().next().unwrap_or_default().to_owned(), rows.filter_map(field).collect())
        })
        .collect()
}

#[test]
fn every_test_that_the_hazard_log_names_exists() {
    let tests = tests();
    let log = text(LOG);
    let mut claimed = 0;
    let mut missing = Vec::new();
    for (hazard, fields) in hazards(&log) {
        for name in fields.iter().filter(|(field, _)| field == "Proved by").flat_map(|(_, value)| quoted(value)) {
            claimed += 1;
            if !tests.contains(name) {
                missing.push(format!("{hazard}: there is no test `{name}`"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(claimed > 40, "the hazard log was read");
}

#[test]
fn every_hazard_is_whole_numbered_once_and_its_risk_is_on_the_scale() {
    let log = text(LOG);
    let (mut ids, mut open) = (BTreeSet::new(), Vec::new());
    for (heading, fields) in hazards(&log) {
        let id = heading.split(' ').next().unwrap_or_default().to_owned();
        let digits = id.strip_prefix("H-").unwrap_or_default();
        assert!(digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()), "{heading}: begins with H-NN");
        assert!(ids.insert(id.clone()), "{heading}: another hazard has this number");
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, FIELDS, "{heading}");
        for (name, value) in &fields {
            assert!(!value.is_empty(), "{heading}: {name} is empty");
            if name.starts_with("Risk") {
                risk(value)
                    .unwrap_or_else(|| panic!("{heading}: {name} is severity × likelihood = risk, not {value:?}"));
            }
        }
        let of = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()).unwrap();
        if risk(of("Risk after")) >= Some(10) {
            open.push(id.clone());
        }
        assert!(risk(of("Risk after")) <= risk(of("Risk before")), "{heading}: a control that makes it worse");
        let proved = quoted(of("Proved by")).count() > 0;
        assert!(proved || of("Proved by").starts_with("Not yet"), "{heading}: names a test, or says `Not yet` and why");
        // a risk may be said to be lower only where something shows it
        assert!(proved || risk(of("Risk after")) == risk(of("Risk before")), "{heading}: lowered without proof");
    }
    assert!(ids.len() >= 16, "the hazard log was read");
    let said = log.lines().find(|line| line.starts_with("**Open at 10 or above**")).expect("what is open is said");
    assert!(said.ends_with(&format!(": {}.", open.join(", "))), "open at 10 or above: {}", open.join(", "));
}

/// `4 × 3 = 12`: both factors 1 to 5, and rightly multiplied.
fn risk(value: &str) -> Option<u32> {
    let (factors, product) = value.split(';').next()?.split_once(" = ")?;
    let (severity, likelihood) = factors.split_once(" × ")?;
    let [severity, likelihood] = [severity, likelihood].map(|f| f.parse::<u32>().ok().filter(|f| (1..=5).contains(f)));
    (severity? * likelihood? == product.trim().parse().ok()?).then(|| severity.unwrap() * likelihood.unwrap())
}

#[test]
fn a_test_is_known_by_its_attribute_and_a_risk_by_its_arithmetic() {
    let source = "#[test]\nfn one() {}\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn two() {}\nfn helper() {}\n\
                  proptest! {\n    #[test]\n    fn three(a in 0..1) {}\n}\n#[actix_web::test]\n#[ignore]\nasync fn four() {}\n\
                  #[testing]\nfn five() {}\n";
    assert_eq!(tests_of(source), ["one", "two", "three", "four"]);
    assert_eq!(risk("4 × 3 = 12"), Some(12));
    for wrong in ["4 × 3 = 11", "6 × 1 = 6", "4 x 3 = 12", "high", "0 × 3 = 0"] {
        assert_eq!(risk(wrong), None, "{wrong}");
    }
}
