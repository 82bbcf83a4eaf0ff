use super::{Begun, Check, Group, Level, ProbeStore, Target, probe, probe_and_keep};
use crate::fhir::ResourceType;
use std::{collections::BTreeSet, fs, path::Path};

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_check_has_a_name_of_its_own_and_stands_in_the_document_as_it_is() {
    let document = text("docs/PROBE.md");
    let mut ids = BTreeSet::new();
    let mut missing = Vec::new();
    for group in Group::ALL {
        for check in Check::ALL.iter().map(|check| check.definition()).filter(|check| check.group == group) {
            assert!(ids.insert(check.id), "{} is there twice", check.id);
            assert!(
                check.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                check.id
            );
            assert!(check.see.starts_with("https://"), "{}", check.id);
            let level = if check.level == Level::Must { "must" } else { "should" };
            let row =
                format!("| `{}` | {level} | {} | {} ([says so]({})) |", check.id, check.title, check.mend, check.see);
            if !document.lines().any(|line| line == row) {
                missing.push(row);
            }
        }
        assert!(document.contains(&format!("### {}\n", group.title())), "{}", group.title());
    }
    assert_eq!(ids.len(), Check::ALL.len());
    assert!(missing.is_empty(), "docs/PROBE.md lacks:\n{}", missing.join("\n"));
    let rows = document.lines().filter(|line| line.starts_with("| `") && line.contains("([says so]("));
    assert_eq!(rows.count(), ids.len(), "docs/PROBE.md has rows of no check");
}

#[test]
fn every_check_is_shown_to_fail_by_a_server_that_has_its_fault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/probe");
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let all: String = files.collect();
    let ids = Check::ALL.iter().map(|check| check.id());
    let unshown: Vec<_> = ids.filter(|id| !all.contains(&format!("\"{id}\""))).collect();
    assert_eq!(unshown, [""; 0], "tests/suite/probe shows no fault of these");
}

#[test]
fn the_code_system_has_every_check_and_no_other() {
    let system: serde_json::Value = serde_json::from_str(&text("fhir_profiles/CodeSystem-probe-check.json")).unwrap();
    let concepts = system["concept"].as_array().unwrap();
    let told: Vec<(&str, &str)> =
        concepts.iter().map(|one| (one["code"].as_str().unwrap(), one["display"].as_str().unwrap())).collect();
    let known: Vec<_> = Check::ALL.iter().map(|check| (check.definition().id, check.definition().title)).collect();
    assert_eq!(told, known);
    assert_eq!(system["count"], known.len());
}

#[tokio::test]
async fn a_number_that_nobody_has_is_no_test_patients() {
    let provider = crate::federation::testing::provider("RZ901");
    let target = |numbers| Target::new(provider.clone().into(), numbers, [ResourceType::Condition]).unwrap();
    let nobody = target(Vec::new()).nobody().unwrap();
    assert!(nobody.digits().starts_with("999"));
    assert_ne!(target(vec![nobody]).nobody().unwrap(), nobody);
}

/// Whoever serves requests runs it beside them.
#[allow(dead_code, reason = "it is compiled, and that is the test")]
fn a_probe_can_go_on_on_another_thread(store: &dyn ProbeStore, begun: &Begun, target: &Target) {
    fn goes(_: impl Send) {}
    goes(probe(target, |_| {}));
    goes(probe_and_keep(store, begun, target));
}
