//! What a job role reaches, and what the kind of organisation leaves of it.

use crate::{
    harness::{Gate, Setup, of_patient, own},
    relationships::assert_relationship,
};
use caregate::{audit::Kind, domain::NhsNumber};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// A directory with the program's own policy, one of its tables changed.
pub fn policy_with(table: &str, change: impl Fn(&mut Value)) -> tempfile::TempDir {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let changed = tempfile::tempdir().unwrap();
    for file in fs::read_dir(built_in).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), changed.path().join(file.file_name())).unwrap();
    }
    let path = changed.path().join(table);
    let mut value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
    changed
}

/// Refused at the first step, by this rule, with the uniform refusal.
async fn out_of_reach(gate: &Gate, persona: &str, kind: &str, patient: NhsNumber, rule: &str) {
    let refused = gate.search(persona, kind, patient).await;
    gate.ends(&refused, 403, "forbidden", Kind::Refused, "access-denied").await;
    assert_eq!(gate.closing(&refused).await.rules, [rule], "{persona} {kind}");
}

#[tokio::test]
async fn an_organisation_that_is_told_of_disclosures_reads_nothing_whoever_works_there() {
    let policy = policy_with("organisations.json", |table| {
        let groups = table["groups"].as_array_mut().unwrap();
        groups[0]["kinds"].as_array_mut().unwrap().retain(|kind| kind != "acute-trust");
        groups.last_mut().unwrap()["kinds"].as_array_mut().unwrap().push(json!("acute-trust"));
    });
    let gate = Setup::default().set("CAREGATE__POLICY__DIRECTORY", policy.path().display()).start();
    let patient = gate.shared_with("F99001", "estuary")[0];
    out_of_reach(&gate, "consultant-estuary", "Condition", patient, "organisation-not-a-reader").await;
    out_of_reach(&gate, "privacy-officer-estuary", "AuditEvent", patient, "organisation-not-a-reader").await;
    // nor may its system say that it cares for anybody
    let body = crate::relationships::asserted(patient, "RZ901");
    let refused = gate.post("system:RZ901", "Patient/$assert-relationship", &body).await;
    gate.ends(&refused, 403, "forbidden", Kind::Refused, "access-denied").await;
    // it is asked for what it holds all the same
    let answer = gate.search("gp-saltmarsh", "Condition", patient).await;
    assert!(answer.matches().iter().any(|entry| crate::harness::source_of(entry) == "RZ901"), "{}", answer.text);
}

#[tokio::test]
async fn an_organisation_of_a_kind_that_nobody_thought_of_reads_nothing() {
    let policy = policy_with("organisations.json", |table| {
        table["groups"][0]["kinds"].as_array_mut().unwrap().retain(|kind| kind != "acute-trust");
    });
    let gate = Setup::default().set("CAREGATE__POLICY__DIRECTORY", policy.path().display()).start();
    let patient = gate.shared_with("F99001", "estuary")[0];
    out_of_reach(&gate, "consultant-estuary", "Condition", patient, "organisation-not-a-reader").await;
}

#[tokio::test]
async fn a_clinician_of_a_voluntary_organisation_reaches_less_than_one_of_the_health_service() {
    let policy = policy_with("organisations.json", |table| {
        let groups = table["groups"].as_array_mut().unwrap();
        groups[0]["kinds"].as_array_mut().unwrap().retain(|kind| kind != "community-services");
        let voluntary = groups.iter_mut().find(|group| group["name"] == "voluntary").unwrap();
        voluntary["kinds"].as_array_mut().unwrap().push(json!("community-services"));
    });
    let gate = Setup::default().set("CAREGATE__POLICY__DIRECTORY", policy.path().display()).start();
    let patient = gate.shared_with("F99001", "hedgerow")[0];
    for organisation in ["NZ901", "RZ901"] {
        assert_relationship(&gate, patient, organisation).await;
    }
    for kind in ["Patient", "AllergyIntolerance", "Condition", "CarePlan"] {
        for persona in ["health-visitor-hedgerow", "consultant-estuary"] {
            let answer = gate.search(persona, kind, patient).await;
            assert_eq!(answer.status, 200, "{persona} {kind}: {}", answer.text);
        }
    }
    for kind in ["Observation", "DocumentReference", "Encounter"] {
        out_of_reach(&gate, "health-visitor-hedgerow", kind, patient, "nothing-permits-reach").await;
        assert_eq!(gate.search("consultant-estuary", kind, patient).await.status, 200);
    }
}

#[tokio::test]
async fn an_activity_code_adds_what_it_reaches_only_where_the_roles_group_lets_it() {
    // the pharmacist's activities hold B0380, detailed health record: it counts once the table says so
    let patient = |gate: &Gate| gate.shared_with("F99001", "quayside")[0];
    let gate = own().await;
    assert_relationship(&gate, patient(&gate), "FZ901").await;
    out_of_reach(&gate, "pharmacist-quayside", "Condition", patient(&gate), "nothing-permits-reach").await;

    let policy = policy_with("roles.json", |table| {
        let groups = table["groups"].as_array_mut().unwrap();
        let pharmacy = groups.iter_mut().find(|group| group["name"] == "pharmacy").unwrap();
        pharmacy["activities"] = json!(["B0380"]);
    });
    let gate = Setup::default().set("CAREGATE__POLICY__DIRECTORY", policy.path().display()).start();
    assert_relationship(&gate, patient(&gate), "FZ901").await;
    let answer = gate.get("pharmacist-quayside", &of_patient("Condition", patient(&gate))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let row = gate.closing(&answer).await;
    assert!(row.rules.iter().any(|rule| rule == "role-reaches-kind"), "{:?}", row.rules);
    assert_eq!(row.who.unwrap().activities, ["B0380", "B0401", "B0028"]);
}
