//! A withdrawal that somebody else than the patient records: on evidence, and not for their own good.

use crate::{
    harness::{Answer, Gate, on_each_database, own, source_of},
    objections::{one_source, persona, recorded, whole_record},
    relationships::assert_relationship,
    reviews::{reviewed, standing},
};
use caregate::{audit::Kind, domain::NhsNumber};
use serde_json::{Value, json};

const GP: &str = "gp-saltmarsh";
const CONSULTANT: &str = "consultant-estuary";

/// The same objection, withdrawn, with evidence that the patient said so.
pub fn proved(consent: &Value) -> Value {
    let mut consent = inactive(consent);
    consent["sourceReference"] = json!({"identifier": {"system": "https://saltmarsh.example/letters", "value": "L1"}});
    consent["verification"] = json!([{"verified": true, "verificationDate": "2026-11-20"}]);
    consent
}

fn inactive(consent: &Value) -> Value {
    let mut consent = consent.clone();
    consent["status"] = json!("inactive");
    consent
}

async fn posted(gate: &Gate, persona: &str, consent: &Value) -> String {
    let answer = gate.post(persona, "Consent", consent).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn sees(gate: &Gate, reader: &str, patient: NhsNumber, source: &str) -> bool {
    gate.search(reader, "Condition", patient).await.matches().iter().any(|entry| source_of(entry) == source)
}

#[tokio::test]
async fn a_withdrawal_recorded_by_staff_serves_others_and_not_them_until_the_patient_confirms_it() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        assert_relationship(&gate, patient, "RZ901").await;
        let consent = whole_record(patient);
        for (n, recorder) in [GP, "system:F99001"].into_iter().enumerate() {
            let id = posted(&gate, recorder, &consent).await;
            let path = format!("Consent/{id}");
            let mut unverified = proved(&consent);
            unverified["verification"][0]["verified"] = json!(false);
            for (body, place) in
                [(inactive(&consent), "Consent.sourceReference"), (unverified, "Consent.verification[0].verified")]
            {
                let answer = gate.put(recorder, &path, &body).await;
                gate.ends(&answer, 422, "required", Kind::Failed, "content").await;
                assert_eq!(answer.json()["issue"][0]["expression"], json!([place]));
            }
            for reader in [GP, CONSULTANT] {
                assert_eq!(gate.search(reader, "Condition", patient).await.spine(), "NO_PATIENT_CONSENT");
            }

            let answer = gate.put(recorder, &path, &proved(&consent)).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(standing(&answer.json()), ("active", "withdrawal-recorded"));
            let own = gate.search(GP, "Condition", patient).await;
            gate.ends(&own, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
            assert_eq!(gate.search(CONSULTANT, "Condition", patient).await.status, 200);
            let tasks = gate.get("privacy-officer-saltmarsh", "Task").await.matches();
            let of_withdrawals = tasks.iter().filter(|task| task["code"]["coding"][0]["code"] == "withdrawal");
            assert_eq!(of_withdrawals.count(), n + 1, "{tasks:?}");
            let twice = gate.put(recorder, &path, &proved(&consent)).await;
            gate.ends(&twice, 409, "conflict", Kind::Failed, "conflict").await;

            // the patient puts back what they read, and says that it is so
            let mut read = gate.get(&persona(patient), &path).await.json();
            read["status"] = json!("inactive");
            let confirmed = gate.put(&persona(patient), &path, &read).await;
            assert_eq!(confirmed.status, 200, "{}", confirmed.text);
            assert_eq!(standing(&confirmed.json()), ("inactive", "withdrawn"));
            assert_eq!(gate.search(GP, "Condition", patient).await.status, 200);
        }
    }
}

#[tokio::test]
async fn the_privacy_office_rejects_a_recorded_withdrawal_or_confirms_it_but_never_their_own() {
    for gate in on_each_database().await {
        let patient = gate
            .shared_with("F99001", "colneside")
            .into_iter()
            .find(|one| gate.shared_with("F99001", "estuary").contains(one));
        let patient = patient.expect("a patient known to both hospitals");
        assert_relationship(&gate, patient, "RZ901").await;
        let consent = one_source(patient, "RZ902");
        let id = posted(&gate, "system:RZ901", &consent).await;
        let path = format!("Consent/{id}");
        let (officer, guardian) = ("privacy-officer-estuary", "caldicott-guardian");
        assert_eq!(reviewed(&gate, officer, &id, "upheld").await.status, 200);
        let everyone =
            async || (sees(&gate, GP, patient, "RZ902").await, sees(&gate, CONSULTANT, patient, "RZ902").await);
        assert_eq!(everyone().await, (false, false));

        assert_eq!(gate.put(CONSULTANT, &path, &proved(&consent)).await.status, 200);
        assert_eq!(everyone().await, (true, false), "for whoever recorded it, it stands");
        let rejected = reviewed(&gate, officer, &id, "withdrawal-rejected").await.json();
        assert_eq!(standing(&rejected), ("active", "upheld"), "as it was before");
        assert!(rejected.get("sourceReference").is_none() && rejected.get("verification").is_none());
        assert_eq!(everyone().await, (false, false));

        assert_eq!(gate.put(guardian, &path, &proved(&consent)).await.status, 200);
        let own = reviewed(&gate, guardian, &id, "withdrawal-confirmed").await;
        gate.ends(&own, 422, "value", Kind::Failed, "content").await;
        assert_eq!(everyone().await, (true, false));
        let confirmed = reviewed(&gate, officer, &id, "withdrawal-confirmed").await.json();
        assert_eq!(standing(&confirmed), ("inactive", "withdrawn"));
        assert_eq!(everyone().await, (true, true));
    }
}

#[tokio::test]
async fn an_objection_is_withdrawn_by_nobody_who_may_not_see_it() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    for ods in ["RZ901", "RZ904"] {
        assert_relationship(&gate, patient, ods).await;
    }
    let by_patient = recorded(&gate, patient, &whole_record(patient)).await;
    let by_practice = posted(&gate, GP, &one_source(patient, "RZ902")).await;
    let refused = async |answer: Answer| gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
    for persona in [CONSULTANT, "paramedic-eastline", "system:RZ901", "receptionist-saltmarsh", "patient:9990012024"] {
        refused(gate.put(persona, &format!("Consent/{by_patient}"), &proved(&whole_record(patient))).await).await;
        refused(gate.put(persona, &format!("Consent/{by_practice}"), &proved(&one_source(patient, "RZ902"))).await)
            .await;
    }
    // the patient's own word is theirs, whoever has been told of it
    refused(gate.put(GP, &format!("Consent/{by_patient}"), &proved(&whole_record(patient))).await).await;
    assert_eq!(gate.search(CONSULTANT, "Condition", patient).await.spine(), "NO_PATIENT_CONSENT");
}

#[tokio::test]
async fn whoever_keeps_an_objection_is_who_recorded_it() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let kept_by = |ods: &str| {
        let mut consent = one_source(patient, "RZ901");
        consent["organization"] = json!([{"identifier": {"system": crate::harness::ODS, "value": ods}}]);
        consent
    };
    for (recorder, ods) in [(GP, "RZ901"), (&*persona(patient), "F99001")] {
        let answer = gate.post(recorder, "Consent", &kept_by(ods)).await;
        gate.ends(&answer, 422, "value", Kind::Failed, "content").await;
        assert_eq!(answer.json()["issue"][0]["expression"], json!(["Consent.organization[0]"]));
    }
    let id = posted(&gate, GP, &kept_by("F99001")).await;
    let read = gate.get(GP, &format!("Consent/{id}")).await.json();
    assert_eq!(read["organization"], kept_by("F99001")["organization"]);
    // the patient takes it back as they read it
    let taken_back = gate.put(&persona(patient), &format!("Consent/{id}"), &inactive(&read)).await;
    assert_eq!(standing(&taken_back.json()), ("inactive", "withdrawn"));
}
