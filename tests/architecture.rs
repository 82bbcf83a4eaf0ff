//! ARCHITECTURE.md says what each part may use, and this holds the code to it. It also holds the documents to the code:
//! every file they name is there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[path = "common/markdown.rs"]
mod markdown;
#[path = "common/rust.rs"]
mod rust;
#[path = "common/sources.rs"]
mod sources;

use markdown::quoted;
use sources::{files, root, text};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

const PARTS: &str = "## What the parts may use";
const CRATES: &str = "## Who may name which crate";

/// Longer than this, a file is split, or says here why not; one of tests alone may be a little longer.
const LINES: usize = 400;
const LINES_OF_TESTS: usize = 500;
const LONGER: &[(&str, &str)] = &[("tests/suite/harness.rs", "one harness, which two suites include by its path")];

type Table = BTreeMap<String, BTreeSet<String>>;

fn allowed(heading: &str) -> Table {
    let names = |cell: &str| quoted(cell).map(str::to_owned).collect::<BTreeSet<_>>();
    let rows = table(&text("ARCHITECTURE.md"), heading);
    assert!(!rows.is_empty(), "ARCHITECTURE.md has no table below {heading}");
    rows.iter().map(|row| (quoted(&row[0]).next().expect("a name in backticks").to_owned(), names(&row[1]))).collect()
}

/// The rows of the first table below this heading: their cells, without the header.
fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let below = document.lines().skip_while(|line| line.trim() != heading).skip(1);
    let section = below.take_while(|line| !line.starts_with("## "));
    let rows = section.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.skip(2).map(cells).collect()
}

/// The source files that are part of the program, with what each is once comments, texts and tests are taken away.
fn program() -> Vec<(PathBuf, String)> {
    let all = files("src", ".rs");
    let read: Vec<(PathBuf, rust::Code)> =
        all.into_iter().map(|path| (path.clone(), rust::code(&text(path)))).collect();
    let tests: Vec<PathBuf> = read
        .iter()
        .flat_map(|(path, code)| code.test_modules.iter().map(|name| path.with_extension("").join(name)))
        .collect();
    let is_test = |path: &Path| tests.iter().any(|test| path.with_extension("").starts_with(test));
    read.into_iter().filter(|(path, _)| !is_test(path)).map(|(path, code)| (path, code.text)).collect()
}

/// `access` of `src/access/policy.rs`; `lib` and `main` are no parts.
fn part(path: &Path) -> Option<String> {
    let first = path.components().nth(1)?.as_os_str().to_string_lossy().into_owned();
    let name = first.trim_end_matches(".rs").to_owned();
    (!["lib", "main", "control"].contains(&name.as_str())).then_some(name)
}

/// What one file names of other parts, and is not allowed to.
fn undeclared(path: &Path, code: &str, table: &Table) -> Vec<String> {
    let Some(own) = part(path) else { return Vec::new() };
    let depth = path.components().count() - 1;
    let may = table.get(&own).unwrap_or_else(|| panic!("`{own}` has no row in the table"));
    let used = rust::parts(code, depth).into_iter().filter(|name| table.contains_key(name) && *name != own);
    used.filter(|name| !may.contains(name))
        .map(|name| format!("{}: `{own}` may not use `{name}`", path.display()))
        .collect()
}

#[test]
fn no_part_uses_what_the_table_does_not_let_it_use() {
    let table = allowed(PARTS);
    let modules = text("src/lib.rs");
    let declared: BTreeSet<String> = modules
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), declared, "the table's rows are src/lib.rs's modules");
    let faults: Vec<String> = program().iter().flat_map(|(path, code)| undeclared(path, code, &table)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_the_table_lets_a_part_use_is_used_and_stands_above_it() {
    let table = allowed(PARTS);
    let mut used = Table::new();
    for (path, code) in program() {
        let Some(own) = part(&path) else { continue };
        used.entry(own).or_default().extend(rust::parts(&code, path.components().count() - 1));
    }
    let modules = text("src/lib.rs");
    let place = |name: &str| modules.find(&format!("pub mod {name};")).expect("a module");
    let mut faults = Vec::new();
    for (own, may) in &table {
        for other in may {
            if !used[own].contains(other) {
                faults.push(format!("`{own}` makes no use of `{other}`: take it out of the table"));
            }
            if place(other) > place(own) {
                faults.push(format!("`{own}` uses `{other}`, which stands below it in src/lib.rs"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Where README's table of the configuration has a section, and the struct that reads it.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("[gateway]", "src/config/section.rs", "GatewaySection"),
    ("[database]", "src/config/section.rs", "DatabaseSection"),
    ("[keys]", "src/config/section.rs", "KeysSection"),
    ("[audit]", "src/config/section.rs", "AuditSection"),
    ("[federation]", "src/federation/config.rs", "FederationConfig"),
    ("[locator]", "src/registry/presence.rs", "LocatorConfig"),
    ("[index]", "src/federation/patient_index/config.rs", "IndexConfig"),
    ("[registry]", "src/registry/config.rs", "RegistryConfig"),
    ("[policy]", "src/config/section.rs", "PolicySection"),
    ("[log]", "src/config/section.rs", "LogSection"),
    ("[alerts]", "src/alerts/config.rs", "AlertsConfig"),
    ("[smart]", "src/config/section.rs", "SmartSection"),
    ("[pages]", "src/identity/session.rs", "SessionConfig"),
    ("[[issuer]]", "src/identity/issuer.rs", "IssuerConfig"),
    ("[[client]]", "src/identity/authorisation/client.rs", "ClientConfig"),
    ("[[provider]]", "src/registry/provider.rs", "ProviderConfig"),
    ("[[organisation]]", "src/registry/organisation.rs", "OrganisationConfig"),
    ("[[credential]]", "src/registry/credential.rs", "RegistryCredential"),
];

#[test]
fn every_key_of_the_configuration_is_in_the_readme_and_no_other() {
    let mut told: Vec<(String, BTreeSet<String>)> = Vec::new();
    for row in table(&text("README.md"), "## Configuration") {
        let names: Vec<String> = quoted(&row[0]).map(str::to_owned).collect();
        if names[0].starts_with('[') {
            told.push((names[0].clone(), BTreeSet::new()));
            continue;
        }
        // `credential.smart` is what a key may be, and no key
        let keys = names.into_iter().filter(|name| !name.contains('.'));
        told.last_mut().expect("a section").1.extend(keys);
    }
    let sections: Vec<&str> = told.iter().map(|(section, _)| section.as_str()).collect();
    assert_eq!(sections, SECTIONS.iter().map(|(section, ..)| *section).collect::<Vec<_>>());
    for ((section, keys), (_, file, name)) in told.iter().zip(SECTIONS) {
        let code = rust::code(&text(Path::new(file))).text;
        let body = code.split(&format!("pub struct {name} {{")).nth(1).expect("the section's struct");
        let fields = body.lines().take_while(|line| *line != "}");
        let fields = fields.filter_map(|line| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0.to_owned()));
        assert_eq!(*keys, fields.collect(), "{section}");
    }
}

#[test]
fn crates_that_know_http_sql_or_rules_are_named_only_where_they_belong() {
    let table = allowed(CRATES);
    let mut faults = Vec::new();
    for (path, code) in program() {
        let Some(own) = part(&path) else { continue };
        for (name, may) in &table {
            if rust::names_crate(&code, name) && !may.contains(&own) {
                faults.push(format!("{}: `{own}` may not name the crate `{name}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_intent_of_the_audit_alone_announces_a_request() {
    let makers = program().into_iter().filter(|(_, code)| code.contains("Announced for "));
    let makers: Vec<_> = makers.map(|(path, _)| path.display().to_string()).collect();
    assert_eq!(makers, ["src/audit/opened.rs"]);
}

#[test]
fn a_dependency_that_is_not_in_the_table_is_found_however_it_is_written() {
    let table: Table = BTreeMap::from([
        ("api".to_owned(), BTreeSet::from(["story".to_owned()])),
        ("story".to_owned(), BTreeSet::new()),
        ("store".to_owned(), BTreeSet::new()),
    ]);
    let path = Path::new("src/api/made_up.rs");
    for found in [
        "use crate::store;",
        "use crate::{story::Gateway, store::{self, Store}};",
        "pub(crate) use crate::\n    store::Store as Other;",
        "fn f() -> crate::store::Store { todo() }",
        "use super::super::store::Store;",
        "const A: char = '\"'; use crate::store; // \"",
        "const A: &str = r#\"a \" quote\"#; use crate::store;",
        "fn f<'a>(x: &'a str) -> &'a str { crate::store::of(x) }",
        "#[cfg(test)] mod tests; use crate::store;",
    ] {
        let faults = undeclared(path, &rust::code(found).text, &table);
        assert_eq!(faults, ["src/api/made_up.rs: `api` may not use `store`"], "{found}");
    }
    for fine in [
        "use crate::{story::{self, store}, api};",
        "// use crate::store;",
        "/* /* use crate::store; */ use crate::store; */",
        "/// crate::store\nfn f() {}",
        "const A: &str = \"crate::store \\\" crate::store\";",
        "#[cfg(test)] mod tests { use crate::store; mod inner { use crate::store; } }",
        "#[cfg(test)]\n#[allow(unused)]\nuse crate::store::{A, B};",
        "#[cfg(test)] fn only_here() -> crate::store::Store { { } }",
        "use super::store;",
    ] {
        assert_eq!(undeclared(path, &rust::code(fine).text, &table), [""; 0], "{fine}");
    }
    assert!(rust::names_crate("use sqlx::{A};", "sqlx") && rust::names_crate("fn f(a: sqlx::A) {}", "sqlx"));
    assert!(!rust::names_crate("my_sqlx::A; sqlx_of(a)", "sqlx"));
}

#[test]
fn no_file_has_grown_too_long_and_nothing_is_left_to_do() {
    let mut faults = Vec::new();
    let mut longer = BTreeSet::new();
    for path in files("src", ".rs").into_iter().chain(files("tests", ".rs")) {
        let (name, text) = (path.display().to_string(), text(&path));
        let lines = text.lines().count();
        let most = if name.contains("tests/") { LINES_OF_TESTS } else { LINES };
        match LONGER.iter().find(|(allowed, _)| *allowed == name) {
            Some(_) if lines > most => drop(longer.insert(name.clone())),
            None if lines > most => faults.push(format!("{name} has {lines} lines: split it, or give the reason here")),
            _ => {}
        }
        let code = rust::code(&text).text;
        if ["todo!", "unimplemented!"].iter().any(|left| code.contains(left)) {
            faults.push(format!("{name} has something left to do"));
        }
        if name.ends_with("/mod.rs") {
            faults.push(format!("{name}: a module stands beside its folder, not in it"));
        }
    }
    for (name, _) in LONGER.iter().filter(|(name, _)| !longer.contains(*name)) {
        faults.push(format!("{name} is not that long any more: take it off the list"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_that_a_document_names_is_there() {
    const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "policies/", "migrations/", "fhir_profiles/", ".ci/"];
    let mut faults = Vec::new();
    let mut checked = 0;
    for document in files("", ".md") {
        let text = text(&document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let relative = links.filter(|link| !link.contains(':') && !link.starts_with('#'));
        let beside = relative.map(|link| document.with_file_name(link.split('#').next().unwrap_or_default()));
        let named = quoted(&text).filter(|name| FOLDERS.iter().any(|folder| name.starts_with(folder)));
        let plain = named.filter(|name| !name.contains(['*', '{', '<', ' ', '['])).map(PathBuf::from);
        for path in beside.chain(plain) {
            checked += 1;
            if !root().join(&path).exists() {
                faults.push(format!("{} names {}, which is not there", document.display(), path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(checked > 50, "the documents were read");
}
