//! Every shape of an objection, and what it does to a real read.

use crate::{
    copies::untagged,
    harness::{Gate, ODS, on_each_database, own, soon, source_of},
    objections::{persona, recorded, whole_record, withdrawn},
    relationships::assert_relationship,
};
use caregate::{
    access::Terms,
    audit::Kind,
    domain::{NhsNumber, Timestamp},
    store::{DatabaseUrl, Store},
};
use serde_json::{Value, json};
use std::time::Duration;

const GP: &str = "gp-saltmarsh";
const KINDS: &str = "https://caregate.example/CodeSystem/kind-of-information";
const SENSITIVITIES: &str = "https://caregate.example/CodeSystem/sensitivity";
const TYPES: &str = "http://hl7.org/fhir/resource-types";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// A denial with these members beside its type.
pub fn denied(patient: NhsNumber, members: Value) -> Value {
    let mut consent = whole_record(patient);
    consent["provision"].as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    consent
}

fn coded(system: &str, code: &str) -> Value {
    json!({"system": system, "code": code})
}

fn actor(system: &str, value: &str) -> Value {
    let role = json!({"coding": [coded("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")]});
    json!({"role": role, "reference": {"identifier": {"system": system, "value": value}}})
}

fn written_by(ods: &str) -> Value {
    json!({"meaning": "authoredby", "reference": {"identifier": {"system": ODS, "value": ods}}})
}

fn break_glass() -> Value {
    coded("http://terminology.hl7.org/CodeSystem/v3-ActReason", "BTG")
}

fn is_of_mental_health(entry: &Value) -> bool {
    entry["meta"]["security"].to_string().contains("\"MH\"")
}

/// An objection, and whether it takes away an entry of this type that another organisation wrote.
type Shape = (Value, fn(&str, &Value) -> bool);

fn shapes() -> Vec<Shape> {
    let medicines = json!([{"type": "permit", "class": [coded(KINDS, "medicines-and-allergies")]}]);
    vec![
        (json!({"data": [written_by("RZ901"), written_by("RZ903")]}), |_, entry| {
            ["RZ901", "RZ903"].contains(&source_of(entry).as_str())
        }),
        (json!({"class": [coded(TYPES, "Observation")]}), |kind, _| kind == "Observation"),
        (json!({"class": [coded(KINDS, "clinical-detail"), coded(TYPES, "Condition")]}), |kind, _| {
            kind != "MedicationRequest"
        }),
        (json!({"dataPeriod": {"start": "2025-01-01"}, "class": [coded(TYPES, "Encounter")]}), |kind, entry| {
            kind == "Encounter" && entry["period"]["start"].as_str().unwrap() >= "2025"
        }),
        (json!({"data": [written_by("RZ901")], "class": [coded(TYPES, "Condition")]}), |kind, entry| {
            kind == "Condition" && source_of(entry) == "RZ901"
        }),
        (json!({"securityLabel": [coded(ACT_CODE, "MH"), coded(ACT_CODE, "HIV")]}), |_, entry| {
            is_of_mental_health(entry)
        }),
        (json!({"class": [coded(KINDS, "mental-health")]}), |_, entry| is_of_mental_health(entry)),
        (
            json!({"securityLabel": [coded(SENSITIVITIES, "mental-health")], "dataPeriod": {"end": "2024-12"}}),
            |kind, entry| kind == "Condition" && is_of_mental_health(entry),
        ),
        (json!({"provision": medicines}), |kind, _| kind != "MedicationRequest"),
        (json!({"provision": [{"type": "permit", "data": [written_by("RZ903")]}]}), |_, entry| {
            source_of(entry) != "RZ903"
        }),
        // this reader is the exception
        (json!({"provision": [{"type": "permit", "actor": [actor(ODS, "F99001")]}]}), |_, _| false),
        (json!({"actor": [actor(ODS, "RZ902")]}), |_, _| false),
    ]
}

#[tokio::test]
async fn each_shape_takes_away_what_it_covers_and_nothing_else() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "quietwater")[0];
        let read = async |kind: &str| -> Vec<Value> {
            gate.pages(GP, kind, patient).await.iter().flat_map(|page| page.matches()).map(untagged).collect()
        };
        let kinds = ["Condition", "Observation", "Encounter", "MedicationRequest"];
        let mut whole = Vec::new();
        for kind in kinds {
            whole.push(read(kind).await);
        }
        for (provision, withheld) in shapes() {
            let consent = denied(patient, provision.clone());
            let id = recorded(&gate, patient, &consent).await;
            let mut taken = 0;
            for (kind, before) in kinds.iter().zip(&whole) {
                let stays = |entry: &&Value| source_of(entry) == "F99001" || !withheld(kind, entry);
                let expected: Vec<&Value> = before.iter().filter(stays).collect();
                taken += before.len() - expected.len();
                let after = read(kind).await;
                assert_eq!(after.iter().collect::<Vec<_>>(), expected, "{kind}: {provision}");
                if expected.len() < before.len() {
                    let issues = gate.search(GP, kind, patient).await.issues();
                    assert_eq!(issues.iter().filter(|issue| issue["code"] == "suppressed").count(), 1, "{provision}");
                }
            }
            let meant_for_others = provision.to_string().contains("IRCP");
            assert_eq!(taken == 0, meant_for_others, "{provision} would show nothing here");
            withdrawn(&gate, patient, &id, &consent).await;
        }
    }
}

#[tokio::test]
async fn an_objection_to_a_recipient_closes_the_record_to_them_alone() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        for ods in ["RZ901", "RZ903"] {
            assert_relationship(&gate, patient, ods).await;
        }
        let everyone = [GP, "consultant-estuary", "nurse-quietwater"];
        let mut before = Vec::new();
        for reader in everyone {
            before.push(gate.search(reader, "Condition", patient).await.matches());
        }
        for (recipient, closed_to) in [
            (actor(ODS, "RZ901"), "consultant-estuary"),
            (actor("https://fhir.nhs.uk/Id/sds-user-id", "555021400105"), "nurse-quietwater"),
        ] {
            let consent = denied(patient, json!({"actor": [recipient]}));
            let id = recorded(&gate, patient, &consent).await;
            for (reader, before) in everyone.iter().zip(&before) {
                let answer = gate.search(reader, "Condition", patient).await;
                if *reader == closed_to {
                    gate.ends(&answer, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
                } else {
                    assert_eq!(&answer.matches(), before, "{reader}");
                }
            }
            withdrawn(&gate, patient, &id, &consent).await;
        }
    }
}

#[tokio::test]
async fn an_objection_until_a_date_is_in_force_until_then() {
    for gate in on_each_database().await {
        let patient = gate.registered("F99001", 0).nhs_number;
        let end = Timestamp::now().plus(Duration::from_secs(4));
        recorded(&gate, patient, &denied(patient, json!({"period": {"end": end.fhir()}}))).await;
        let refused = gate.search(GP, "Condition", patient).await;
        assert!(Timestamp::now() < end, "too slow to tell");
        gate.ends(&refused, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
        soon("the objection to end", async || {
            (gate.search(GP, "Condition", patient).await.status == 200).then_some(())
        })
        .await;
        assert!(Timestamp::now() > end);
    }
}

async fn stored(gate: &Gate, patient: NhsNumber) -> Vec<Terms> {
    let url = DatabaseUrl::parse(&gate.database).unwrap();
    let facts = Store::open_existing(&url).await.unwrap().facts().patient_facts(patient).await.unwrap();
    facts.objections.into_iter().map(|objection| objection.terms).collect()
}

#[tokio::test]
async fn an_emergency_opens_every_objection_but_one_that_says_otherwise() {
    for gate in on_each_database().await {
        let patient = gate.registered("F99001", 0).nhs_number;
        let mut emergency_only = whole_record(patient);
        emergency_only["policyRule"]["coding"][0]["code"] = json!("EMRGONLY");
        let except = json!([{"type": "permit", "purpose": [break_glass()]}]);
        for (consent, not_even) in [
            (emergency_only, false),
            (denied(patient, json!({"provision": except})), false),
            (denied(patient, json!({"purpose": [break_glass()]})), true),
        ] {
            let id = recorded(&gate, patient, &consent).await;
            assert_eq!(
                stored(&gate, patient).await,
                [Terms { not_even_in_an_emergency: not_even, ..Terms::default() }]
            );
            let refused = gate.search(GP, "Condition", patient).await;
            gate.ends(&refused, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
            withdrawn(&gate, patient, &id, &consent).await;
        }
    }
}

#[tokio::test]
async fn what_the_policy_in_force_does_not_know_is_refused_at_the_door() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    for (members, place) in [
        (json!({"class": [coded(KINDS, "secrets")]}), "class[0].code"),
        (json!({"class": [coded(KINDS, "log")]}), "class[0].code"),
        (json!({"class": [coded(TYPES, "Account")]}), "class[0].code"),
        (json!({"securityLabel": [coded(ACT_CODE, "HIV"), coded(ACT_CODE, "VIP")]}), "securityLabel[1].code"),
        (json!({"provision": [{"type": "permit", "class": [coded(KINDS, "secrets")]}]}), "provision[0].class[0].code"),
    ] {
        let answer = gate.post(&persona(patient), "Consent", &denied(patient, members)).await;
        gate.ends(&answer, 422, "value", Kind::Failed, "content").await;
        assert_eq!(answer.json()["issue"][0]["expression"][0], format!("Consent.provision.{place}"));
    }
    assert_eq!(stored(&gate, patient).await, []);
}

#[tokio::test]
async fn an_objection_repeated_because_its_answer_was_lost_is_answered_with_the_first() {
    for gate in on_each_database().await {
        let patient = gate.registered("F99001", 0).nhs_number;
        let consent = denied(patient, json!({"data": [written_by("RZ901")]}));
        let first = gate.post(&persona(patient), "Consent", &consent).await;
        let again = gate.post(&persona(patient), "Consent", &consent).await;
        assert_eq!((first.status, again.status, &again.text), (201, 201, &first.text));
        for header in ["location", "etag"] {
            assert_eq!(again.header(header), first.header(header));
        }
        gate.closing(&again).await;
        // what somebody else recorded, or says something else, is another
        assert_eq!(gate.post(GP, "Consent", &consent).await.status, 201);
        recorded(&gate, patient, &denied(patient, json!({"data": [written_by("RZ902")]}))).await;
        assert_eq!(stored(&gate, patient).await.len(), 3);
        let id = first.json()["id"].as_str().unwrap().to_owned();
        withdrawn(&gate, patient, &id, &consent).await;
        assert_ne!(recorded(&gate, patient, &consent).await, id);
    }
}
