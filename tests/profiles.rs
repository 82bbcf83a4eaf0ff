//! Our own conformance resources (`fhir_profiles/`): whole, sound, and about what the code really says; and their examples.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

#[path = "common/fhir.rs"]
mod fhir;
#[path = "common/sources.rs"]
mod sources;

use caregate::{
    access::{ConsentState, Policy, Stage, consent, desk::TaskKind, parameters},
    domain::Timestamp,
    registry::directory::{self, EntryState},
};
use serde_json::{Value, json};
use sources::{files, text};
use std::{collections::BTreeSet, path::Path};

const OURS: &str = "https://caregate.example/";

fn all() -> Vec<(String, Value)> {
    let files = files("fhir_profiles", ".json");
    files.iter().map(|path| (path.display().to_string(), read(path))).collect()
}

fn read(path: impl AsRef<Path>) -> Value {
    serde_json::from_str(&text(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

fn example(name: &str) -> String {
    text(format!("fhir_profiles/examples/{name}.json"))
}

/// `https://caregate.example/CodeSystem/...` and the like, as they stand in a text.
fn canonicals(text: &str) -> BTreeSet<String> {
    let kinds = ["CodeSystem/", "StructureDefinition/", "OperationDefinition/", "ValueSet/"];
    let part = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || "-/.".contains(*c)).collect::<String>();
    let paths = text.split(OURS).skip(1).map(part).filter(|path| kinds.iter().any(|kind| path.starts_with(kind)));
    paths.map(|path| format!("{OURS}{path}")).collect()
}

#[test]
fn every_file_is_named_after_what_it_is_and_its_address_says_the_same() {
    for (file, resource) in all() {
        let (folder, name) = file.rsplit_once('/').unwrap();
        let resource_type = resource["resourceType"].as_str().unwrap();
        if folder.ends_with("examples") {
            assert!(name.starts_with(&format!("{resource_type}-")), "{file}");
        } else {
            let id = resource["id"].as_str().unwrap();
            assert_eq!(name, format!("{resource_type}-{id}.json"));
            assert_eq!(resource["url"], format!("{OURS}{resource_type}/{id}"), "{file}");
            assert!(["name", "title", "description", "status"].iter().all(|said| resource[said].is_string()), "{file}");
        }
    }
}

#[test]
fn every_address_the_code_uses_is_defined_here_and_nothing_here_is_used_nowhere() {
    let defined: BTreeSet<String> = all().iter().filter_map(|(_, r)| Some(r["url"].as_str()?.to_owned())).collect();
    let program: String = files("src", ".rs").iter().map(text).collect();
    let used = canonicals(&program);
    assert_eq!(used.difference(&defined).collect::<Vec<_>>(), [""; 0], "used in src, not defined");
    let elsewhere: BTreeSet<String> = all()
        .iter()
        .flat_map(|(_, resource)| {
            let own = resource["url"].as_str().unwrap_or_default().to_owned();
            canonicals(&resource.to_string()).into_iter().filter(move |url| *url != own)
        })
        .collect();
    // a profile of an outcome is not named by its instances: the tests hold live answers to it
    let held_to = BTreeSet::from([format!("{OURS}StructureDefinition/searchset-outcome")]);
    let idle: Vec<&String> =
        defined.iter().filter(|url| ![&used, &elsewhere, &held_to].iter().any(|known| known.contains(*url))).collect();
    assert_eq!(idle, [""; 0], "defined, used by nothing");
}

#[test]
fn codes_are_those_the_code_uses() {
    let codes = |id: &str| -> BTreeSet<String> {
        let system = read(format!("fhir_profiles/CodeSystem-{id}.json"));
        let concepts = system["concept"].as_array().unwrap();
        assert_eq!(system["count"], concepts.len(), "{id}");
        concepts.iter().map(|concept| concept["code"].as_str().unwrap().to_owned()).collect()
    };
    let failures = text("src/federation/failure.rs");
    let arms = failures.split("fn code(").nth(1).unwrap().split("=> \"").skip(1);
    let written: BTreeSet<String> = arms.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert_eq!(codes("missing-reason"), written, "Failure::code");
    assert!(written.len() > 15, "the source was read");

    assert_eq!(codes("review-task"), TaskKind::ALL.map(|kind| kind.as_str().to_owned()).into());

    let completeness = text("src/record/completeness.rs");
    let said = completeness.split("coding(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    let said: BTreeSet<String> = said.collect();
    assert!(said.len() >= 2 && said.is_subset(&codes("completeness")), "{said:?}");

    let contradictions = text("src/record/contradictions.rs");
    let arms =
        contradictions.split("fn code(").nth(1).unwrap().split("fn said(").next().unwrap().split("=> \"").skip(1);
    let written: BTreeSet<String> = arms.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert_eq!(codes("contradiction"), written, "Kind::code");

    let named = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    assert_eq!(codes("objection-state"), named(&ConsentState::ALL.map(ConsentState::as_str)));
    assert_eq!(codes("review-outcome"), named(&consent::Outcome::ALL.map(consent::Outcome::as_str)));
    assert_eq!(codes("registration-state"), named(&EntryState::ALL.map(EntryState::as_str)));
    assert_eq!(codes("endpoint-stage"), named(&Stage::ALL.map(Stage::as_str)));
    let kinds = read("policies/organisations.json")["groups"].as_array().unwrap().clone();
    let kinds = kinds.iter().flat_map(|group| group["kinds"].as_array().unwrap().clone());
    assert_eq!(codes("organisation-kind"), kinds.map(|kind| kind.as_str().unwrap().to_owned()).collect());
    let table = |file: &str, list: &str| -> BTreeSet<String> {
        let rows = read(format!("policies/{file}.json"))[list].as_array().unwrap().clone();
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(codes("sensitivity"), table("sensitivities", "sensitivities"));
    let beside_the_record = named(&["log", "objections", "review-desk", "registry"]);
    assert_eq!(codes("kind-of-information"), &table("roles", "kinds") - &beside_the_record);
}

#[test]
fn every_resource_here_is_sound() {
    if !fhir::schema_file().exists() {
        println!("R4's JSON Schema is not installed (`./test` does that): only our own rules were looked at");
    }
    let faults: Vec<String> = all()
        .iter()
        .flat_map(|(file, resource)| fhir::faults(resource).into_iter().map(move |f| format!("{file}: {f}")))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(fhir::outcome(&read("fhir_profiles/examples/OperationOutcome-withheld.json")), [""; 0]);
}

#[test]
fn each_rule_of_the_outcome_entry_is_looked_at_and_can_be_broken() {
    let profile = read("fhir_profiles/StructureDefinition-searchset-outcome.json");
    let elements = profile["differential"]["element"].as_array().unwrap();
    let constraints = elements.iter().flat_map(|element| element["constraint"].as_array().into_iter().flatten());
    let keys: Vec<&str> = constraints.map(|constraint| constraint["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["cg-1", "cg-2", "cg-3", "cg-4", "cg-5", "cg-6"], "those of `fhir::outcome`");

    let whole = read("fhir_profiles/examples/Bundle-partial.json");
    let mut sound = whole["entry"].as_array().unwrap().last().unwrap()["resource"].clone();
    sound["issue"].as_array_mut().unwrap().retain(|issue| issue["code"] != "suppressed");
    assert_eq!(fhir::outcome(&sound), [""; 0]);
    let issue = |code: &str| {
        let issues = sound["issue"].as_array().unwrap();
        issues.iter().position(|issue| issue["details"]["coding"][0]["code"] == code).unwrap()
    };
    let (answered, failed) = (issue("answered"), issue("failed"));
    let others = json!({"severity": "information", "code": "informational", "extension": [
        {"url": format!("{OURS}StructureDefinition/completeness-others"), "valueUnsignedInt": 1}
    ]});
    let withheld = json!({"severity": "information", "code": "suppressed"});
    let broken = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut outcome = sound.clone();
        change(outcome["issue"].as_array_mut().unwrap());
        let keys = fhir::outcome(&outcome).into_iter().map(|fault| fault.split(' ').next().unwrap().to_owned());
        keys.collect::<Vec<_>>()
    };
    assert_eq!(broken(&|issues| issues.push(others.clone())), ["cg-1"]);
    assert_eq!(broken(&|issues| issues.extend([withheld.clone(), withheld.clone()])), ["cg-2"]);
    assert_eq!(broken(&|issues| issues.push(json!({"severity": "error", "code": "exception"}))), ["cg-3"]);
    assert_eq!(broken(&|issues| drop(issues[answered].as_object_mut().unwrap().remove("extension"))), ["cg-4"]);
    assert_eq!(broken(&|issues| issues[failed]["severity"] = json!("information")), ["cg-5"]);
    assert_eq!(
        broken(&|issues| issues.push(json!({"severity": "information", "code": "suppressed", "details": {}}))),
        ["cg-6"]
    );

    let mut two = whole.clone();
    let outcome = two["entry"].as_array().unwrap().last().unwrap().clone();
    two["entry"].as_array_mut().unwrap().push(outcome);
    assert!(fhir::faults(&two).contains(&"exactly one outcome entry, the last".to_owned()));
}

#[test]
fn the_schema_finds_what_is_not_r4_where_it_is_installed() {
    if !fhir::schema_file().exists() {
        println!("R4's JSON Schema is not installed (`./test` does that): nothing was looked at");
        return;
    }
    assert_eq!(
        fhir::faults(&json!({"resourceType": "Flag", "status": "active"})).len(),
        2,
        "code and subject are required"
    );
    for wrong in [
        json!({"resourceType": "Patient", "birthdate": "1970-01-01"}),
        json!({"resourceType": "Patient", "birthDate": "01/01/1970"}),
        json!({"resourceType": "Patient", "contained": [{"resourceType": "Patient", "gender": "F"}]}),
        json!({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Nothing"}}]}),
    ] {
        assert!(!fhir::faults(&wrong).is_empty(), "{wrong}");
    }
}

#[test]
fn the_gateway_understands_the_examples_of_what_is_sent_to_it() {
    let policy = Policy::load(None).unwrap();
    let objections = files("fhir_profiles/examples", ".json");
    let objections = objections.iter().filter(|path| path.display().to_string().contains("Consent-objection-"));
    let terms: Vec<_> = objections
        .map(|path| consent::read_objection(&text(path), &policy, Timestamp::now(), |_| None).unwrap().1)
        .collect();
    assert!(terms.len() >= 8);
    consent::read_withdrawal(&example("Consent-withdrawal-by-staff"), |_| None).unwrap().proved().unwrap();
    consent::Review::read(&example("Parameters-review-objection")).unwrap();
    parameters::read_assertion(&example("Parameters-assert-relationship"), Timestamp::now()).unwrap();
    parameters::read_relationship_end(&example("Parameters-end-relationship")).unwrap();
    parameters::read_override(&example("Parameters-override")).unwrap();
    parameters::read_claiming(&example("Parameters-claim-relationship")).unwrap();
    parameters::read_approving(&example("Parameters-approve-registration")).unwrap();
    let joining = directory::read_organization(&example("Organization-joining"), &policy).unwrap();
    assert_eq!(directory::read_organization(&example("Organization-in-force"), &policy), Ok(joining));
    directory::read_endpoint(&example("Endpoint-joining")).unwrap();
}
