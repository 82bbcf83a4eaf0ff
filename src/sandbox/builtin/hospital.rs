//! What an acute trust holds: an admission with its tests, images, letters and the appointment after it.

use super::chart::Chart;
use super::concepts::{concept, event, hl7, loinc, narrative, ods, restricted, sensitive, snomed};
use super::documents;
use serde_json::{Value, json};

/// What analysers and their interfaces send: trailing zeros, and more digits than a double holds.
const RESULTS: [(&str, &str, &str, &str); 5] = [
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "135.10", "g/L"),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "88.000", "umol/L"),
    ("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "5.2999999999999998", "mg/L"),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "0.10000000000000001", "{ratio}"),
    ("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "12345678901234567", "/L"),
];

pub fn fill(chart: &mut Chart<'_>) {
    let ward = chart
        .add("Location", json!({"status": "active", "name": format!("Ward {}", chart.n + 1), "managingOrganization": chart.organisation}));
    let admission = admission(chart, &ward);
    let report = laboratory(chart, &admission);
    imaging(chart, &admission);
    letters(chart, &admission, &report);
    follow_up(chart);
    // one trust also runs the sexual health clinic
    if chart.ods() == "RZ902" && chart.n == 7 {
        sexual_health(chart);
    }
}

fn admission(chart: &mut Chart<'_>, ward: &Value) -> Value {
    let admission = chart.add(
        "Encounter",
        json!({
            "status": "finished",
            "class": super::concepts::v3("ActCode", "IMP"),
            "subject": chart.patient,
            "participant": [{"individual": chart.clinician}],
            "period": {"start": "2024-12-19T22:40:00Z", "end": "2024-12-24T15:00:00Z"},
            "location": [{"location": ward}],
            "serviceProvider": chart.organisation,
        }),
    );
    // also in the practice's record, there under another id
    let slug = if chart.ods() == "RZ901" { "estuary" } else { "colneside" };
    let shared = event(&format!("pneumonia-{slug}-{}", chart.n));
    let pneumonia = chart.condition(
        snomed("233604007", "Pneumonia"),
        json!({"identifier": shared, "encounter": admission, "onsetDateTime": "2024-12-19T21:00:00Z"}),
    );
    chart.add(
        "Provenance",
        json!({
            "target": [pneumonia],
            "recorded": "2024-12-19T23:05:00.123Z",
            "agent": [{"who": chart.clinician, "onBehalfOf": chart.organisation}],
        }),
    );
    chart.add(
        "Procedure",
        json!({
            "status": "completed",
            "code": snomed("371907003", "Oxygen administration by nasal cannula"),
            "subject": chart.patient,
            "encounter": admission,
            "performedPeriod": {"start": "2024-12-19T23:00:00Z", "end": "2024-12-21T09:30:00Z"},
            "reasonReference": [pneumonia],
        }),
    );
    chart.add(
        "MedicationRequest",
        json!({
            "status": "completed",
            "intent": "order",
            "category": [hl7("medicationrequest-category", "inpatient")],
            "medicationCodeableConcept": snomed("372687004", "Amoxicillin"),
            "subject": chart.patient,
            "encounter": admission,
            "authoredOn": "2024-12-19T23:10:00Z",
        }),
    );
    admission
}

fn laboratory(chart: &mut Chart<'_>, admission: &Value) -> Value {
    let order = chart.add(
        "ServiceRequest",
        json!({
            "status": "completed",
            "intent": "order",
            "code": loinc("58410-2", "CBC panel - Blood by Automated count"),
            "subject": chart.patient,
            "encounter": admission,
        }),
    );
    let specimen = chart.add(
        "Specimen",
        json!({
            "status": "available",
            "type": snomed("119297000", "Blood specimen"),
            "subject": chart.patient,
            "collection": {"collectedDateTime": "2024-12-20T06:10:00Z"},
        }),
    );
    let analyser = chart.add(
        "Device",
        json!({"status": "active", "deviceName": [{"name": "Analyser 2", "type": "user-friendly-name"}]}),
    );
    let laboratory = json!({"category": [hl7("observation-category", "laboratory")], "specimen": specimen,
        "device": analyser, "encounter": admission, "issued": "2024-12-20T08:44:59.001Z"});
    let results: Vec<Value> = RESULTS
        .iter()
        .map(|(code, name, digits, unit)| {
            chart.observation(loinc(code, name), "2024-12-20T06:10:00Z", digits, unit, laboratory.clone())
        })
        .collect();
    let printed = documents::letter(chart, "Full blood count of a made-up patient: all in range.");
    chart.add(
        "DiagnosticReport",
        json!({
            "status": "final",
            "category": [hl7("v2-0074", "LAB")],
            "basedOn": [order],
            "code": loinc("58410-2", "CBC panel - Blood by Automated count"),
            "subject": chart.patient,
            "encounter": admission,
            "effectiveDateTime": "2024-12-20",
            "issued": "2024-12-20T08:45:00Z",
            "specimen": [specimen],
            "result": results,
            "presentedForm": [{"contentType": "text/plain", "url": documents::address(&printed)}],
        }),
    )
}

fn imaging(chart: &mut Chart<'_>, admission: &Value) {
    let film = json!({"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "DX"});
    let uid = |part: usize| format!("2.25.99900{}{part}", chart.n + 10);
    let study = json!({
        "status": "available",
        "modality": [film],
        "subject": chart.patient,
        "encounter": admission,
        "started": "2024-12-19T23:30:00Z",
        "numberOfSeries": 1,
        "numberOfInstances": 1,
        "description": "Chest X-ray",
        "series": [{
            "uid": uid(1),
            "modality": film,
            "instance": [{"uid": uid(2), "sopClass": {"system": "urn:ietf:rfc:3986", "code": "urn:oid:1.2.840.10008.5.1.4.1.1.1.1"}}],
        }],
    });
    chart.add("ImagingStudy", study);
}

fn letters(chart: &mut Chart<'_>, admission: &Value, report: &Value) {
    let letter = documents::letter(chart, "Discharge letter about a made-up patient.");
    let summary = concept("http://loinc.org", "18842-5", "Discharge summary");
    // a number of its own with all that a search has to escape
    let number = format!("L|{},{}$\\", chart.ods(), chart.n);
    chart.add("DocumentReference", json!({
        "masterIdentifier": {"system": "https://letters.example/number", "value": number},
        "status": "current",
        "docStatus": "final",
        "type": summary,
        "subject": chart.patient,
        "date": "2024-12-24T15:30:00Z",
        "author": [chart.clinician],
        "custodian": ods(chart.ods()),
        "content": [{"attachment": {"contentType": "text/plain", "url": letter.get("reference"), "title": "Discharge letter"}}],
        "context": {"encounter": [admission]},
    }));
    documents::file(
        chart,
        "Clinic letter",
        "application/pdf",
        &documents::pdf("Clinic letter about a made-up patient"),
    );
    documents::file(chart, "Leaflet", "text/html", "<!DOCTYPE html><title>Leaflet</title><script>alert(1)</script>");
    // in an archive of its own, which is no part of its FHIR service
    documents::refer(chart, "Old notes", "application/pdf", &json!("https://archive.example/notes/1.pdf"));
    chart.add(
        "Composition",
        json!({
            "status": "final",
            "type": summary,
            "subject": chart.patient,
            "encounter": admission,
            "date": "2024-12-24T15:30:00Z",
            "author": [chart.clinician],
            "title": "Discharge summary",
            "section": [{"title": "Investigations", "text": narrative("Bloods taken on arrival."), "entry": [report]}],
        }),
    );
}

fn follow_up(chart: &mut Chart<'_>) {
    chart.add(
        "Appointment",
        json!({
            "status": "fulfilled",
            "description": "Chest clinic",
            "start": "2025-02-04T14:00:00Z",
            "end": "2025-02-04T14:20:00Z",
            "participant": [
                {"actor": chart.patient, "status": "accepted"},
                {"actor": chart.clinician, "status": "accepted"},
            ],
        }),
    );
}

fn sexual_health(chart: &mut Chart<'_>) {
    let visit = chart.encounter("AMB", "2022-05-11", Some(restricted("HIV")));
    chart.condition(
        snomed("86406008", "Human immunodeficiency virus infection"),
        json!({"meta": restricted("HIV"), "encounter": visit, "onsetDateTime": "2022"}),
    );
    chart.observation(
        loinc("20447-9", "HIV 1 RNA [#/volume] (viral load) in Serum or Plasma by NAA with probe detection"),
        "2022-05-11T10:15:00+01:00",
        "20.0",
        "{copies}/mL",
        json!({"meta": restricted("HIV")}),
    );
    chart.condition(snomed("76272004", "Syphilis"), json!({"meta": restricted("STD"), "onsetDateTime": "2021-11"}));
    unrestricted(chart, &visit);
}

/// As sensitive, and marked in other ways: by a label alone, by a code alone, by what it refers to.
fn unrestricted(chart: &mut Chart<'_>, visit: &Value) {
    chart.condition(
        snomed("240589008", "Chlamydial infection"),
        json!({"meta": sensitive("STD"), "onsetDateTime": "2021-10"}),
    );
    chart.condition(snomed("15628003", "Gonorrhea"), json!({"onsetDateTime": "2020-06"}));
    let count = chart.observation(
        loinc("24467-3", "CD3+CD4+ (T4 helper) cells [#/volume] in Blood"),
        "2022-05-11T10:15:00+01:00",
        "612.0",
        "/uL",
        json!({"encounter": visit}),
    );
    chart.add(
        "DiagnosticReport",
        json!({
            "status": "final",
            "code": loinc("24467-3", "CD3+CD4+ (T4 helper) cells [#/volume] in Blood"),
            "subject": chart.patient,
            "effectiveDateTime": "2022-05-11",
            "result": [count],
        }),
    );
    chart.add(
        "MedicationRequest",
        json!({
            "meta": sensitive("HIV"),
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"text": "Antiretroviral, one tablet daily"},
            "subject": chart.patient,
            "authoredOn": "2022-05-11",
        }),
    );
}
