//! What a practice holds of its patients, and of one who is only visiting.

use super::chart::Chart;
use super::concepts::{concept, event, hl7, loinc, snomed, v3};
use super::shelf::decimal;
use serde_json::{Value, json};

/// One patient has measured at home for long enough to fill several pages.
const HOME_READINGS: usize = 220;

/// A dateTime may be a year, a month, a day or an instant, with any zone and any fraction of a second.
const ONSETS: [&str; 6] = [
    "2009",
    "2014-03",
    "2016-07-21",
    "2018-11-05T08:15:00Z",
    "2019-06-02T23:45:10+01:00",
    "2021-01-09T07:00:00.125-05:00",
];

const PROBLEMS: [(&str, &str); 5] = [
    ("38341003", "Hypertensive disorder"),
    ("195967001", "Asthma"),
    ("44054006", "Type 2 diabetes mellitus"),
    ("396275006", "Osteoarthritis"),
    ("709044004", "Chronic kidney disease"),
];

const ALLERGENS: [(&str, &str); 3] =
    [("91936005", "Allergy to penicillin"), ("91935009", "Allergy to peanut"), ("300916003", "Latex allergy")];

pub fn fill(chart: &mut Chart<'_>) {
    registration(chart);
    let visit = chart.encounter("AMB", "2025-09-03", None);
    let problems = problems(chart, &visit);
    medicines(chart, &visit);
    measurements(chart);
    plans(chart, &problems);
    history(chart, &visit);
}

fn registration(chart: &mut Chart<'_>) {
    let registered = chart.ods() == chart.person.practice;
    chart.add("EpisodeOfCare", json!({
        "status": if registered { "active" } else { "finished" },
        "type": [{"text": if registered { "Regular registration" } else { "Temporary registration" }}],
        "patient": chart.patient,
        "managingOrganization": chart.organisation,
        "period": if registered { json!({"start": "2011-04-01"}) } else { json!({"start": "2024-08-01", "end": "2024-08-14"}) },
    }));
}

fn problems(chart: &mut Chart<'_>, visit: &Value) -> Vec<Value> {
    let n = chart.n;
    let mut problems = Vec::new();
    for (index, (code, name)) in PROBLEMS.iter().cycle().skip(n % PROBLEMS.len()).take(2).enumerate() {
        let onset = ONSETS.iter().cycle().nth(n + index);
        problems.push(chart.condition(snomed(code, name), json!({"onsetDateTime": onset, "encounter": visit})));
    }
    // copied in from the discharge letter: the same event, here under an id of the practice's own
    if let Some(hospital) = chart.person.held_by.iter().find(|slug| matches!(**slug, "estuary" | "colneside")) {
        let event = event(&format!("pneumonia-{hospital}-{n}"));
        problems.push(chart.condition(
            snomed("233604007", "Pneumonia"),
            json!({"identifier": event, "onsetDateTime": "2024-12-19", "recordedDate": "2024-12-28"}),
        ));
    }
    for (code, name) in ALLERGENS.iter().skip(n % 4).take(1) {
        chart.add(
            "AllergyIntolerance",
            json!({
                "clinicalStatus": hl7("allergyintolerance-clinical", "active"),
                "verificationStatus": hl7("allergyintolerance-verification", "confirmed"),
                "type": "allergy",
                "category": ["medication", "environment"],
                "criticality": "high",
                "code": snomed(code, name),
                "patient": chart.patient,
                "recordedDate": "2013-02",
                "reaction": [{"manifestation": [snomed("126485001", "Urticaria")], "severity": "moderate"}],
            }),
        );
    }
    problems
}

fn medicines(chart: &mut Chart<'_>, visit: &Value) {
    let amlodipine = chart.medication("386864001", "Amlodipine");
    let repeat = event(&format!("prescription-{}", chart.n));
    let request = chart.add("MedicationRequest", json!({
        "identifier": repeat,
        "status": "active",
        "intent": "order",
        "medicationReference": amlodipine,
        "subject": chart.patient,
        "encounter": visit,
        "authoredOn": "2025-09-03T10:20:00+01:00",
        "requester": chart.clinician,
        "dosageInstruction": [{"text": "One tablet daily", "doseAndRate": [{"doseQuantity": {"value": decimal("1.0"), "unit": "tablet"}}]}],
    }));
    chart.add(
        "MedicationRequest",
        json!({
            "contained": [{"resourceType": "Medication", "id": "med", "code": snomed("372687004", "Amoxicillin")}],
            "status": "completed",
            "intent": "order",
            "medicationReference": {"reference": "#med"},
            "subject": chart.patient,
            "authoredOn": "2023-01-17",
        }),
    );
    chart.add(
        "MedicationStatement",
        json!({
            "status": "active",
            "medicationCodeableConcept": snomed("387517004", "Paracetamol"),
            "subject": chart.patient,
            "effectivePeriod": {"start": "2022"},
            "basedOn": [request],
        }),
    );
    for (season, lot) in [("2024-10-04", "LOT-0110"), ("2025-10-09", "LOT-0220")] {
        chart.add("Immunization", json!({
            "status": "completed",
            "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", "140", "Influenza, seasonal, injectable, preservative free"),
            "patient": chart.patient,
            "occurrenceDateTime": season,
            "primarySource": true,
            "lotNumber": lot,
            "performer": [{"actor": chart.clinician}],
        }));
    }
}

fn measurements(chart: &mut Chart<'_>) {
    let weight = ["71.10", "64.0", "88.500"][..].iter().cycle().nth(chart.n).copied().unwrap_or("70.00");
    chart.observation(loinc("29463-7", "Body weight"), "2025-09-03T10:05:00+01:00", weight, "kg", json!({}));
    chart.observation(loinc("8302-2", "Body height"), "2025-09", "1.10", "m", json!({}));
    chart.observation(loinc("72166-2", "Tobacco smoking status"), "2020", "0", "{cigarettes}/d", json!({}));
    chart.blood_pressure("2025-09-03T10:06:00+01:00", "128.0", "81");
    if chart.n == 0 {
        for day in 0..HOME_READINGS {
            let when = format!("2025-{:02}-{:02}T07:{:02}:00+01:00", 4 + day / 28, 1 + day % 28, day % 60);
            chart.blood_pressure(
                &when,
                &format!("{}.{:02}", 121 + day % 23, day % 10 * 10),
                &format!("{}.0", 74 + day % 11),
            );
        }
    }
}

fn plans(chart: &mut Chart<'_>, problems: &[Value]) {
    let goal = chart.add(
        "Goal",
        json!({
            "lifecycleStatus": "active",
            "description": {"text": "Blood pressure at home under 135/85"},
            "subject": chart.patient,
            "startDate": "2025-09-03",
        }),
    );
    let team = chart.add(
        "CareTeam",
        json!({
            "status": "active",
            "name": "Practice team",
            "subject": chart.patient,
            "participant": [{"member": chart.clinician}],
        }),
    );
    chart.add(
        "CarePlan",
        json!({
            "status": "active",
            "intent": "plan",
            "title": "Long-term condition review",
            "subject": chart.patient,
            "period": {"start": "2025-09"},
            "careTeam": [team],
            "addresses": problems,
            "goal": [goal],
        }),
    );
    let items: Vec<Value> = problems.iter().map(|problem| json!({"item": problem})).collect();
    chart.add(
        "List",
        json!({
            "status": "current",
            "mode": "working",
            "title": "Problem list",
            "code": loinc("11450-4", "Problem list - Reported"),
            "subject": chart.patient,
            "date": "2025-09-03T10:30:00+01:00",
            "entry": items,
        }),
    );
}

fn history(chart: &mut Chart<'_>, visit: &Value) {
    chart.add(
        "FamilyMemberHistory",
        json!({
            "status": "completed",
            "patient": chart.patient,
            "date": "2015",
            "relationship": {"coding": [v3("RoleCode", "MTH")]},
            "condition": [{"code": snomed("22298006", "Myocardial infarction"), "onsetAge": {
                "value": decimal("61.0"), "unit": "a", "system": "http://unitsofmeasure.org", "code": "a"}}],
        }),
    );
    chart.add(
        "ServiceRequest",
        json!({
            "status": "active",
            "intent": "order",
            "code": snomed("183519002", "Referral to cardiology service"),
            "subject": chart.patient,
            "encounter": visit,
            "authoredOn": "2025-09-03",
            "requester": chart.clinician,
        }),
    );
    chart.add("QuestionnaireResponse", json!({
        "status": "completed",
        "subject": chart.patient,
        "authored": "2025-09-03T09:50:00+01:00",
        "item": [{"linkId": "units", "text": "Units of alcohol a week", "answer": [{"valueDecimal": decimal("7.50")}]}],
    }));
}
