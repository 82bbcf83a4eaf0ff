//! What the smaller services hold: mental health, ambulance, community and child health, pharmacy.

use super::chart::Chart;
use super::concepts::{event, hl7, loinc, restricted, snomed};
use super::documents;
use super::shelf::decimal;
use serde_json::json;

/// Of the fixture list (policies/sensitivities.json), under the Gender Recognition Act 2004.
const PROTECTED: &str = "407376001";

/// Every resource about the patient is labelled, as this trust labels all it holds.
pub fn mental_health(chart: &mut Chart<'_>) {
    let label = || restricted("MH");
    let visit = chart.encounter("AMB", "2025-02-12", Some(label()));
    let problem = chart.condition(
        snomed("35489007", "Depressive disorder"),
        json!({"meta": label(), "encounter": visit, "onsetDateTime": "2024-10"}),
    );
    documents::labelled(chart, "Clinic letter", label(), "Letter of a mental health clinic about a made-up patient.");
    chart.add(
        "CarePlan",
        json!({
            "meta": label(),
            "status": "active",
            "intent": "plan",
            "title": "Care plan",
            "subject": chart.patient,
            "period": {"start": "2025-02-12"},
            "addresses": [problem],
        }),
    );
    chart.add(
        "MedicationRequest",
        json!({
            "meta": label(),
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": snomed("372594008", "Sertraline"),
            "subject": chart.patient,
            "authoredOn": "2025-02-12T10:40:00Z",
        }),
    );
    chart.observation(
        loinc("44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]"),
        "2025-02-12",
        "14.0",
        "{score}",
        json!({"meta": label(), "category": [hl7("observation-category", "survey")]}),
    );
    chart.add(
        "QuestionnaireResponse",
        json!({
            "meta": label(),
            "status": "completed",
            "subject": chart.patient,
            "authored": "2025-02-12T10:10:00Z",
            "item": [{"linkId": "sleep", "text": "Trouble sleeping", "answer": [{"valueInteger": 2}]}],
        }),
    );
    // one patient's history is protected by statute: by its code alone, it is nobody's but this trust's
    if chart.n == 6 {
        chart.condition(snomed(PROTECTED, "Protected history (example)"), json!({"onsetDateTime": "2019"}));
    }
}

pub fn ambulance(chart: &mut Chart<'_>) {
    let callout = chart.encounter("EMER", "2024-12-19", None);
    let at = |minute: u8| format!("2024-12-19T21:{minute:02}:30+00:00");
    let during = json!({"encounter": callout});
    chart.observation(loinc("8867-4", "Heart rate"), &at(12), "104", "/min", during.clone());
    chart.observation(
        loinc("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
        &at(13),
        "91.0",
        "%",
        during.clone(),
    );
    chart.observation(loinc("8310-5", "Body temperature"), &at(14), "38.60", "Cel", during);
    chart.add(
        "Procedure",
        json!({
            "status": "completed",
            "code": snomed("57485005", "Oxygen therapy"),
            "subject": chart.patient,
            "encounter": callout,
            "performedDateTime": at(15),
        }),
    );
}

pub fn community(chart: &mut Chart<'_>) {
    let visit = chart.encounter("HH", "2025-05-20", None);
    let goal = chart.add(
        "Goal",
        json!({
            "lifecycleStatus": "accepted",
            "description": {"text": "Walks to the corner and back unaided"},
            "subject": chart.patient,
        }),
    );
    let team = chart.add(
        "CareTeam",
        json!({
            "status": "active",
            "name": "Community nursing",
            "subject": chart.patient,
            "participant": [{"member": chart.clinician}, {"member": chart.organisation}],
        }),
    );
    chart.add(
        "CarePlan",
        json!({
            "status": "active",
            "intent": "plan",
            "subject": chart.patient,
            "encounter": visit,
            "careTeam": [team],
            "goal": [goal],
        }),
    );
    chart.add(
        "Flag",
        json!({
            "status": "active",
            "category": [hl7("flag-category", "safety")],
            "code": {"text": "Key safe by the side door; dog in the kitchen"},
            "subject": chart.patient,
            "period": {"start": "2025-05-20"},
        }),
    );
    chart.observation(
        loinc("29463-7", "Body weight"),
        "2025-05-20T10:30:00+01:00",
        "12.340",
        "kg",
        json!({"encounter": visit}),
    );
    chart.add(
        "QuestionnaireResponse",
        json!({
            "status": "completed",
            "subject": chart.patient,
            "authored": "2025-05-20",
            "item": [{"linkId": "falls", "text": "Falls in the last year", "answer": [{"valueString": "None"}]}],
        }),
    );
}

pub fn pharmacy(chart: &mut Chart<'_>) {
    let amlodipine = chart.medication("386864001", "Amlodipine");
    // the practice's prescription, kept here under an id of the pharmacy's own
    let prescription = chart.add(
        "MedicationRequest",
        json!({
            "identifier": event(&format!("prescription-{}", chart.n)),
            "status": "active",
            "intent": "order",
            "medicationReference": amlodipine,
            "subject": chart.patient,
            "authoredOn": "2025-09-03",
        }),
    );
    for month in [9, 10] {
        chart.add(
            "MedicationDispense",
            json!({
                "status": "completed",
                "medicationReference": amlodipine,
                "subject": chart.patient,
                "authorizingPrescription": [prescription],
                "quantity": {"value": decimal("28.0"), "unit": "tablet"},
                "whenHandedOver": format!("2025-{month:02}-05T17:20:00+01:00"),
            }),
        );
    }
    chart.add(
        "MedicationStatement",
        json!({
            "status": "active",
            "medicationCodeableConcept": snomed("387207008", "Ibuprofen"),
            "subject": chart.patient,
            "effectiveDateTime": "2025-10",
            "note": [{"text": "Bought over the counter"}],
        }),
    );
}
