use crate::domain::NhsNumber;
use crate::sandbox::data::{Dataset, Members};
use std::collections::BTreeSet;

const SERVED: [&str; 33] = [
    "Patient",
    "AllergyIntolerance",
    "Condition",
    "Procedure",
    "Immunization",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationDispense",
    "Observation",
    "DiagnosticReport",
    "Encounter",
    "EpisodeOfCare",
    "Appointment",
    "ServiceRequest",
    "CarePlan",
    "CareTeam",
    "Goal",
    "DocumentReference",
    "Binary",
    "Flag",
    "FamilyMemberHistory",
    "List",
    "QuestionnaireResponse",
    "Composition",
    "ImagingStudy",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Medication",
    "Specimen",
    "Device",
    "Provenance",
];

#[test]
fn every_type_the_gateway_serves_is_held_somewhere() {
    let region = Dataset::builtin();
    for kind in SERVED {
        assert!(region.providers.iter().any(|provider| !provider.of_type(kind).is_empty()), "{kind}");
    }
}

#[test]
fn every_resource_carries_a_canary_of_its_own_and_none_was_lost_in_the_making() {
    let mut seen = BTreeSet::new();
    for provider in &Dataset::builtin().providers {
        for (kind, resources) in &provider.resources {
            for (index, resource) in resources.iter().enumerate() {
                let canary = format!("canary-{}-{kind}-{:04}", provider.ods, index + 1);
                assert_eq!(resource.json.matches("canary-").count(), 1, "{canary}");
                assert!(resource.json.contains(&canary), "{canary}");
                assert!(seen.insert(canary));
            }
        }
    }
    assert!(seen.len() > 1000, "{}", seen.len());
}

#[test]
fn patients_have_numbers_of_the_test_range_and_are_held_where_the_region_says() {
    let region = Dataset::builtin();
    assert_eq!(region.patients.len(), 20);
    for patient in &region.patients {
        assert!(patient.nhs_number.digits().starts_with("999"));
        for provider in &region.providers {
            let about = provider.about(patient.nhs_number);
            let held = patient.held_by.contains(&provider.slug);
            // a Patient and something to tell of them, or nothing at all
            assert_eq!(
                about.iter().filter(|(kind, _)| *kind == "Patient").count(),
                usize::from(held),
                "{}",
                provider.slug
            );
            assert_eq!(about.len() > 2, held, "{}", provider.slug);
        }
    }
    let numbers: BTreeSet<NhsNumber> = region.patients.iter().map(|patient| patient.nhs_number).collect();
    assert_eq!(numbers.len(), 20);
    assert!(region.patients.iter().any(|patient| patient.held_by.len() >= 5));
}

#[test]
fn every_reference_leads_to_a_resource_of_the_same_provider() {
    for provider in &Dataset::builtin().providers {
        for resource in provider.resources.values().flatten() {
            for target in resource.json.split("\"reference\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                if target.starts_with('#') {
                    continue;
                }
                let (kind, id) = target.split_once('/').unwrap();
                assert!(provider.find(kind, id).is_some(), "{} {target}", provider.slug);
            }
        }
    }
}

#[test]
fn the_region_is_awkward_in_the_ways_it_promises() {
    let region = Dataset::builtin();
    let provider = |slug: &str| region.provider(slug).unwrap();
    let all = || region.providers.iter().flat_map(|provider| provider.resources.values().flatten());

    // more than a page about one patient
    let first = provider("saltmarsh").of_type("Patient").first().unwrap();
    let readings = provider("saltmarsh").of_type("Observation").iter().filter(|one| one.patients.contains(&first.id));
    assert!(readings.count() > 60);
    // counted ids collide, and one business identifier stands at two providers under two ids
    assert!(
        provider("saltmarsh").find("Condition", "1").is_some()
            && provider("colneside").find("Condition", "1").is_some()
    );
    let events = |slug: &str, kind: &str| -> BTreeSet<String> {
        let listed = provider(slug).of_type(kind).iter().flat_map(|one| one.identifiers.clone());
        listed.filter(|(system, _)| system.ends_with("/event")).map(|(_, value)| value).collect()
    };
    assert!(!events("saltmarsh", "Condition").is_disjoint(&events("estuary", "Condition")));
    assert!(!events("blackwater", "MedicationRequest").is_disjoint(&events("quayside", "MedicationRequest")));
    // numbers a double would not keep
    for digits in [":1.10,", ":88.000,", ":5.2999999999999998,", ":12345678901234567,"] {
        assert!(all().any(|one| one.json.contains(digits)), "{digits}");
    }
    // labels, and resources with and without metadata
    let labelled = |slug: &str, code: &str| {
        let code = format!("\"code\":\"{code}\"");
        provider(slug).resources.values().flatten().filter(|one| one.json.contains(&code)).count()
    };
    assert!(
        labelled("quietwater", "MH") >= 6 && labelled("colneside", "HIV") >= 3 && labelled("colneside", "STD") >= 1
    );
    assert!(labelled("colneside", "15628003") == 1 && labelled("quietwater", "407376001") == 1);
    assert!(all().any(|one| !Members::parse(&one.json).unwrap().has("meta")));
    assert!(all().any(|one| one.json.contains("\"source\":")) && all().any(|one| one.json.contains("\"tag\":")));
    // a provider that holds nothing about anyone
    assert!(provider("lantern").resources.is_empty());
}

#[test]
fn the_region_is_the_same_every_time() {
    let lines = || -> Vec<String> {
        let region = Dataset::builtin();
        region
            .providers
            .iter()
            .flat_map(|one| one.resources.values().flatten())
            .map(|one| one.json.to_string())
            .collect()
    };
    assert_eq!(lines(), lines());
}
