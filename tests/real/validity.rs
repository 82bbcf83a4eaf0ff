//! Answers of every kind are sound R4: against its JSON Schema, against its FHIRPath rules as Medplum evaluates them, and as
//! HAPI's validator reads all of it, our own profiles with it.

use crate::{
    fhir,
    harness::{Answer, Gate, NHS, own},
    tools::{HAPI, NODE, folder, have, java, node, ours},
};
use caregate::{domain::NhsNumber, fhir::ResourceType};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

const GP: &str = "gp-saltmarsh";

#[tokio::test]
async fn answers_of_every_kind_are_sound_r4() {
    if !have(&[NODE], "answers against R4's own rules") {
        return;
    }
    let gate = own().await;
    let answers = answers(&gate).await;
    let by_schema =
        answers.iter().flat_map(|answer| fhir::faults(&answer.json()).into_iter().map(move |fault| (fault, answer)));
    let broken: Vec<String> = by_schema.map(|(fault, answer)| format!("{fault}: {:.200}", answer.text)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let resources: Vec<Value> = answers.iter().map(Answer::json).collect();
    assert_eq!(invariants(&resources), [""; 0]);
}

#[test]
fn a_resource_that_breaks_a_rule_of_r4_is_found_out() {
    if !have(&[NODE], "answers against R4's own rules") {
        return;
    }
    let sound = json!({"resourceType": "Observation", "status": "final", "code": {"text": "?"}, "valueBoolean": true});
    let mut broken = sound.clone();
    broken["dataAbsentReason"] = json!({"text": "unknown"});
    let found = invariants(&[sound, broken]);
    assert!(found.len() == 1 && found[0].starts_with("2: Observation: Constraint obs-6"), "{found:?}");
}

#[tokio::test]
async fn answers_and_our_own_conformance_resources_are_sound_to_hapis_validator() {
    if !have(&[HAPI], "answers against HAPI's validator") {
        return;
    }
    let gate = own().await;
    let mut resources = resources_of("fhir_profiles");
    resources.extend(resources_of("fhir_profiles/examples"));
    resources.extend(answers(&gate).await.iter().map(Answer::json));
    // no outcome says by which profile it is made
    let outcomes: Vec<Value> = resources.iter().flat_map(outcomes).collect();
    assert!(outcomes.len() > 20);
    resources.extend(outcomes);
    // and what is not sound, so that it is seen to be found out
    let broken = [
        json!({"resourceType": "Observation", "status": "finally", "code": {"text": "?"}}),
        as_searchset_outcome(
            &json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]}),
        ),
    ];
    let sound = resources.len();
    resources.extend(broken);
    let found = tokio::task::spawn_blocking(move || issues(&resources)).await.unwrap();
    let (rightly, wrong): (Vec<&Value>, Vec<&Value>) =
        found.iter().partition(|issue| issue["line"].as_u64().unwrap() > sound as u64);
    for (line, about) in [(1, "status"), (2, "cg-3")] {
        let errors = rightly.iter().filter(|one| one["severity"] == "error" && one["line"] == sound + line);
        assert!(errors.clone().any(|one| one.to_string().contains(about)), "{about}: {rightly:?}");
    }
    let mut met = BTreeSet::new();
    let unknown: Vec<String> = wrong
        .iter()
        .filter(|issue| issue["severity"] != "information")
        .filter(|issue| {
            let says = |member: &str, part: &str| issue[member].as_str().is_some_and(|text| text.contains(part));
            let known = KNOWN.iter().position(|one| says("about", one.about) && says("says", one.says));
            met.extend(known);
            known.is_none()
        })
        .map(|issue| issue.to_string())
        .collect();
    assert!(unknown.is_empty(), "{} issues:\n{}", unknown.len(), unknown.join("\n"));
    let idle = (0..KNOWN.len()).filter(|at| !met.contains(at)).map(|at| KNOWN[at].says);
    assert_eq!(idle.collect::<Vec<_>>(), [""; 0], "listed, and not to be seen any more");
}

/// What HAPI's validator says and we leave as it is: its key, a part of what it says, and why.
struct Known {
    about: &'static str,
    says: &'static str,
    #[allow(dead_code, reason = "it is for whoever reads")]
    because: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        about: "ERROR_GENERATING_SNAPSHOT",
        says: "Unable to resolve package id hl7.fhir.r4.core",
        because: "it wants R4 as a package from a server of packages; in answers the same extensions are read with their snapshots",
    },
    Known {
        about: "Profile_Unknown",
        says: "https://profiles.ihe.net/ITI/BALP/",
        because: "IHE's profiles are in a package that no Maven repository has",
    },
    Known {
        about: "Profile_Unknown",
        says: "http://hl7.org/fhir/uv/ips/",
        because: "so is the International Patient Summary",
    },
    Known {
        about: "Terminology_TX_Code_ValueSet_Ext",
        says: "Contact entity type",
        because: "what a desk is for is said in words: none of R4's codes for a contact means an organisation's systems",
    },
    Known {
        about: "Terminology_PassThrough_TX_Message",
        says: "https://caregate.example/CodeSystem/same-event#",
        because: "its codes are digests, so the code system has none of them (content: not-present)",
    },
    Known {
        about: "Terminology_PassThrough_TX_Message",
        says: "CodeSystem is unknown and can't be validated",
        because: "LOINC, dm+d and others are not to be had here",
    },
    Known {
        about: "Terminology_PassThrough_TX_Message",
        says: "CodeSystem could not be found: http://loinc.org",
        because: "nor, then, a value set made of its codes",
    },
    Known {
        about: "Terminology_TX_NoValid_13",
        says: "http://hl7.org/fhir/ValueSet/audit-entity-type",
        because: "the binding may be extended, and BALP does: the request's id",
    },
    Known {
        about: "Terminology_TX_NoValid_13",
        says: "http://hl7.org/fhir/ValueSet/consent-content-class",
        because: "the binding may be extended: R4 has no kinds of information so broad",
    },
    Known {
        about: "Terminology_TX_NoValid_13",
        says: "http://hl7.org/fhir/ValueSet/security-labels",
        because: "the binding may be extended: HL7 has no labels so fine",
    },
    Known {
        about: "Terminology_TX_NoValid_2_CC",
        says: "http://hl7.org/fhir/ValueSet/consent-policy",
        because: "the binding may be extended: opting out is one of HL7's own codes, which UK guidance names",
    },
    Known {
        about: "#dom-6",
        says: "should have narrative",
        because: "nobody's words are put into a record: what has no text stays so",
    },
    Known { about: "performer", says: "should have a performer", because: "the source has none" },
    Known { about: "UCUM_ANNOTATIONS", says: "human readable annotations", because: "the source's unit" },
    Known {
        about: "ValueSet_NotFound",
        says: "http://dicom.nema.org/",
        because: "DICOM's value sets are not to be had here",
    },
];

/// Each file of ours there.
fn resources_of(place: &str) -> Vec<Value> {
    let files =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(place)).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    files.sort();
    files.iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
}

/// The outcome entry of a page, which is held to our profile.
fn outcomes(bundle: &Value) -> Option<Value> {
    let entries = bundle["entry"].as_array()?;
    let found = entries.iter().find(|entry| entry["search"]["mode"] == "outcome")?;
    Some(as_searchset_outcome(&found["resource"]))
}

fn as_searchset_outcome(outcome: &Value) -> Value {
    let mut outcome = outcome.clone();
    outcome["meta"]["profile"] = json!(["https://caregate.example/StructureDefinition/searchset-outcome"]);
    outcome
}

/// What HAPI's validator says of each, by its place, counted from 1.
fn issues(resources: &[Value]) -> Vec<Value> {
    let mut command = Command::new("java");
    command.args(java("servers/hapi/Validate.java"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("fhir_profiles")).current_dir(folder());
    of_each(command, resources).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every kind of answer: records, the log, objections, the desk, what the service says of itself, refusals and faults.
async fn answers(gate: &Gate) -> Vec<Answer> {
    let patient = gate.data.patients.iter().filter(|one| one.gp_practice.as_str() == "F99001");
    let patient = patient.max_by_key(|one| one.held_by.len()).unwrap().nhs_number;
    let mut answers = vec![Answer::of(gate.request(reqwest::Method::GET, "metadata")).await];
    for kind in ResourceType::ALL.iter().filter(|kind| !kind.is_target()) {
        answers.push(gate.search(GP, kind.as_str(), patient).await);
    }
    let entries: Vec<String> =
        answers[1..].iter().flat_map(|answer| answer.matches()).map(|one| address(&one)).collect();
    assert!(entries.len() > 30, "a record that holds something");
    for entry in entries.iter().step_by(7) {
        answers.push(gate.get(GP, entry).await);
    }
    gate.fault("estuary", json!({"fault": "error", "status": 503})).await;
    answers.push(gate.search(GP, "Encounter?_count=2", patient).await);
    let person = format!("patient:{}", patient.digits());
    for (persona, query) in [
        (GP, "Observation?_nonsense=1"),
        ("researcher", "Observation"),
        (person.as_str(), "AuditEvent"),
        (person.as_str(), "Consent"),
    ] {
        answers.push(gate.search(persona, query, patient).await);
    }
    answers.push(gate.get(GP, &format!("Patient/$explain-access?identifier={NHS}%7C{}", patient.digits())).await);
    answers.push(gate.get("privacy-officer-estuary", "Task").await);
    let found = gate.search(GP, "Patient", patient).await;
    for operation in ["$everything", "$everything?_count=5", "$summary"] {
        answers.push(gate.get(GP, &format!("Patient/{}/{operation}", found.match_ids()[0])).await);
    }
    let objection = gate.post(&person, "Consent", &example("Consent-objection-whole-record", patient)).await;
    let overridden = gate.post(GP, "Patient/$override", &example("Parameters-override", patient)).await;
    assert_eq!((objection.status, overridden.status), (201, 201), "{}", overridden.text);
    answers.extend([objection, overridden, gate.search(&person, "Consent", patient).await]);
    answers.push(gate.search(GP, "Condition", patient).await);
    answers.push(gate.get("privacy-officer-saltmarsh", "Task").await);
    let log = gate.search(&person, "AuditEvent", patient).await;
    answers.push(gate.get(&person, &address(&log.matches()[0])).await);
    answers.push(log);
    answers
}

/// One of our examples, about this patient.
fn example(name: &str, patient: NhsNumber) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fhir_profiles/examples/{name}.json"));
    let text = fs::read_to_string(file).unwrap();
    let number = text.find("\"999").map(|at| &text[at + 1..at + 11]).unwrap();
    serde_json::from_str(&text.replace(number, &patient.digits())).unwrap()
}

fn address(resource: &Value) -> String {
    format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
}

/// What breaks a rule, by the place of the resource, counted from 1.
fn invariants(resources: &[Value]) -> Vec<String> {
    let mut command = Command::new(node());
    command.arg(ours("servers/validate.mjs")).current_dir(folder());
    of_each(command, resources)
}

/// What a program says, line by line, of resources that it is given line by line.
fn of_each(mut command: Command, resources: &[Value]) -> Vec<String> {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("it starts");
    let lines: String = resources.iter().map(|resource| format!("{resource}\n")).collect();
    let mut stdin = child.stdin.take().unwrap();
    // it may say much before it has heard all
    let told = thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    told.join().unwrap().unwrap();
    said.lines().map(str::to_owned).collect()
}
