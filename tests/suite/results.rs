//! What a search brings along, how much of it is shown, and how many there are.

use crate::{
    fhir,
    harness::{Answer, Gate, ODS, canary, named_in, on_each_database, own, shared, source_of},
    objections::{one_source, recorded},
    records::raw_matches,
    relationships::assert_relationship,
};
use caregate::{audit::Kind, domain::NhsNumber, fhir::ResourceType};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const GP: &str = "gp-saltmarsh";

pub fn sound(answer: &Answer) {
    let faults = fhir::faults(&answer.json());
    assert!(faults.is_empty(), "{}: {}", faults.join("\n"), answer.text);
}

/// Every reference at this name, wherever it stands in the resource.
fn references(resource: &Value, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Value::Object(members) = resource {
        for (key, value) in members {
            let items = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for item in items {
                if key == name && item["reference"].is_string() {
                    found.extend(item["reference"].as_str().filter(|to| !to.starts_with('#')).map(str::to_owned));
                } else if key != "contained" {
                    found.extend(references(&item, name));
                }
            }
        }
    }
    found
}

fn address(resource: &Value) -> String {
    format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
}

fn addresses(resources: &[Value]) -> BTreeSet<String> {
    let all: BTreeSet<String> = resources.iter().map(address).collect();
    assert_eq!(all.len(), resources.len(), "nothing is on a page twice");
    all
}

/// How many items a row says were shown.
async fn released(gate: &Gate, answer: &Answer) -> usize {
    let row = gate.closing(answer).await;
    assert_eq!(row.kind, Kind::Released);
    let lines = row.lines().filter(|line| line.answer.is_some());
    lines.map(|line| (0..1000).filter(|at| line.released.contains(*at)).count()).sum()
}

#[tokio::test]
async fn what_a_page_refers_to_comes_with_it_from_the_same_source_once_and_is_audited() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        for (query, followed) in [
            ("MedicationRequest?_include=MedicationRequest:medication", &["medicationReference"][..]),
            (
                "MedicationRequest?_include=MedicationRequest:requester&_include=MedicationRequest:encounter",
                &["requester", "encounter"],
            ),
            (
                "Observation?_include=Observation:encounter&_include=Observation:specimen&_include=Observation:device",
                &["encounter", "specimen", "device"],
            ),
            (
                "Encounter?_include=Encounter:participant:Practitioner&_include=Encounter:location",
                &["individual", "location"],
            ),
            ("DiagnosticReport?_include=DiagnosticReport:result", &["result"]),
            (
                "Procedure?_include=Procedure:part-of&_include=Procedure:reason-reference",
                &["partOf", "reasonReference"],
            ),
        ] {
            let (whole, mut included) = (gate.pages(GP, query.split('?').next().unwrap(), patient).await, 0);
            let pages = gate.pages(GP, &format!("{query}&_count=2"), patient).await;
            assert_eq!(raw_matches(&pages), raw_matches(&whole), "{query}: the matches are those of the plain search");
            for page in &pages {
                let (matches, along) = (page.matches(), page.entries("include"));
                let meant: BTreeSet<String> =
                    matches.iter().flat_map(|one| followed.iter().flat_map(|name| references(one, name))).collect();
                assert_eq!(addresses(&along), &meant - &addresses(&matches), "{query}");
                for one in &along {
                    let from = matches.iter().filter(|m| source_of(m) == source_of(one));
                    assert!(
                        from.flat_map(|m| followed.iter().flat_map(|n| references(m, n))).any(|to| to == address(one))
                    );
                }
                let modes: Vec<_> =
                    page.json()["entry"].as_array().unwrap().iter().map(|e| e["search"]["mode"].clone()).collect();
                let order = |mode: &Value| ["match", "include", "outcome"].iter().position(|known| mode == known);
                assert!(modes.windows(2).all(|two| order(&two[0]) <= order(&two[1])), "{modes:?}");
                assert_eq!(released(&gate, page).await, matches.len() + along.len(), "{query}");
                sound(page);
                included += along.len();
            }
            assert!(included > 0, "{query}: nothing came along");
        }
    }
}

#[tokio::test]
async fn what_came_along_is_read_by_its_id_as_the_same_bytes() {
    let gate = shared().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let query = "MedicationRequest?_include=MedicationRequest:medication&_include=MedicationRequest:requester";
    let page = gate.search(GP, query, patient).await;
    for one in page.entries("include") {
        let read = gate.get(GP, &address(&one)).await;
        assert_eq!((read.status, read.json()), (200, one), "{}", read.text);
        assert!(page.text.contains(&read.text));
    }
}

#[tokio::test]
async fn provenance_comes_with_what_it_is_of_and_with_nothing_else() {
    let gate = shared().await;
    let mut seen = 0;
    for patient in gate.shared_with("F99001", "estuary") {
        for page in gate.pages(GP, "Condition?_revinclude=Provenance:target&_count=3", patient).await {
            let shown = addresses(&page.matches());
            for one in page.entries("include") {
                assert_eq!(one["resourceType"], "Provenance");
                assert!(references(&one, "target").iter().any(|to| shown.contains(to)), "{one}");
                seen += 1;
            }
            assert_eq!(released(&gate, &page).await, shown.len() + page.entries("include").len());
            sound(&page);
        }
    }
    assert!(seen > 0, "no Provenance at all");
}

#[tokio::test]
async fn a_source_that_fails_to_say_what_is_referred_to_makes_the_answer_partial_and_is_named() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let query = "Encounter?_include=Encounter:location";
    let whole = gate.search(GP, query, patient).await;
    assert_eq!(whole.header("x-completeness"), "complete");
    let gate = own().await;
    gate.fault("estuary", json!({"fault": "error", "status": 500, "types": ["Location"]})).await;
    let partial = gate.search(GP, query, patient).await;
    assert_eq!(partial.header("x-completeness"), "partial", "{}", partial.text);
    assert_eq!(partial.matches().len(), whole.matches().len());
    let failed = partial.issues().into_iter().find(|issue| issue["details"]["coding"][0]["code"] == "failed").unwrap();
    assert_eq!(named_in(&failed).as_deref(), Some("RZ901"));
    let token = gate.token(GP).await;
    let must = gate.request(reqwest::Method::GET, &crate::harness::of_patient(query, patient)).bearer_auth(token);
    assert_eq!(Answer::of(must.header("x-completeness", "required")).await.status, 504);
}

#[tokio::test]
async fn what_comes_along_is_shown_to_nobody_who_could_not_search_for_it() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "quayside")[0];
    assert_relationship(&gate, patient, "FZ901").await;
    let query = "MedicationRequest?_include=MedicationRequest:encounter&_include=MedicationRequest:medication\
                 &_revinclude=Provenance:target";
    let kinds = |answer: &Answer| -> BTreeSet<String> {
        answer.entries("include").iter().map(|one| one["resourceType"].as_str().unwrap().to_owned()).collect()
    };
    let gp = gate.search(GP, query, patient).await;
    assert!(kinds(&gp).contains("Encounter"), "{}", gp.text);
    let pharmacist = gate.search("pharmacist-quayside", query, patient).await;
    assert!(!pharmacist.matches().is_empty());
    assert!(kinds(&pharmacist).contains("Medication") && !kinds(&pharmacist).contains("Encounter"));
    // nor to a token that is not for it
    let narrow = gate.token_with(GP, &[("scope", "user/MedicationRequest.rs")]).await;
    let path = crate::harness::of_patient(query, patient);
    let narrow = Answer::of(gate.request(reqwest::Method::GET, &path).bearer_auth(narrow)).await;
    assert_eq!((narrow.matches().len(), narrow.entries("include").len()), (gp.matches().len(), 0));
}

#[tokio::test]
async fn of_a_source_objected_to_nothing_comes_along_and_it_is_not_asked() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    recorded(&gate, patient, &one_source(patient, "RZ901")).await;
    let before = gate.asked("estuary").await["requests"].clone();
    for query in ["Observation?_include=Observation:encounter", "Condition?_revinclude=Provenance:target"] {
        let answer = gate.search(GP, query, patient).await;
        assert!(answer.matches().iter().chain(&answer.entries("include")).all(|one| source_of(one) != "RZ901"));
        assert!(answer.issues().iter().any(|issue| issue["code"] == "suppressed"));
    }
    let id = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
    for operation in ["$everything", "$summary"] {
        let answer = gate.get(GP, &format!("Patient/{id}/{operation}")).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.text.contains(&format!("{ODS}#RZ901")), "{operation}");
    }
    assert_eq!(gate.asked("estuary").await["requests"], before);
}

#[tokio::test]
async fn a_total_is_what_this_reader_is_shown_on_all_pages_or_is_not_said() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let all = raw_matches(&gate.pages(GP, "Condition", patient).await).len();
    for total in ["accurate", "estimate"] {
        for page in gate.pages(GP, &format!("Condition?_total={total}&_count=2"), patient).await {
            assert_eq!(page.json()["total"], all);
        }
    }
    for none in ["Condition", "Condition?_total=none"] {
        assert_eq!(gate.search(GP, none, patient).await.json()["total"], Value::Null);
    }
    let count = gate.search(GP, "Condition?_summary=count", patient).await;
    assert_eq!(
        (count.json()["total"].as_u64(), count.matches().len(), count.issues().is_empty()),
        (Some(all as u64), 0, false)
    );
    assert_eq!(released(&gate, &count).await, 0, "a number is no entry");
    assert_eq!(gate.search(GP, "Patient?_summary=count", patient).await.json()["total"], 1);
    gate.fault("estuary", json!({"fault": "error", "status": 500})).await;
    for query in ["Procedure?_total=accurate", "Procedure?_summary=count", "Patient?_total=accurate"] {
        let other = gate.shared_with("F99001", "estuary")[1];
        assert_eq!(gate.search(GP, query, other).await.json()["total"], Value::Null, "{query}");
    }
}

/// Each resource's members, by name, as they were written.
fn members(raw: &str) -> BTreeMap<String, Box<serde_json::value::RawValue>> {
    serde_json::from_str(raw).unwrap()
}

#[tokio::test]
async fn a_view_leaves_members_out_and_what_it_keeps_as_it_was() {
    let gate = shared().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    for (kind, view, there, gone) in [
        (
            "Observation",
            "_summary=true",
            &["status", "code", "subject", "valueQuantity"][..],
            &["text", "specimen"][..],
        ),
        (
            "Observation",
            "_elements=category,value",
            &["status", "code", "subject", "category", "valueQuantity"],
            &["effectiveDateTime", "performer"],
        ),
        ("Condition", "_elements=code", &["subject", "code", "clinicalStatus", "verificationStatus"], &["category"]),
        ("MedicationRequest", "_summary=text", &["status", "intent", "subject"], &["encounter", "authoredOn"]),
        ("Encounter", "_summary=data", &["status", "class", "subject", "period"], &["text"]),
        ("Patient", "_elements=birthDate", &["birthDate"], &["name", "address"]),
    ] {
        let whole = raw_matches(&gate.pages(GP, kind, patient).await);
        let pages = gate.pages(GP, &format!("{kind}?{view}"), patient).await;
        pages.iter().for_each(sound);
        let cut = raw_matches(&pages);
        assert_eq!(whole.len(), cut.len(), "{kind} {view}");
        let mut seen = BTreeSet::new();
        for (whole, cut) in whole.iter().zip(&cut) {
            let (whole, cut) = (members(whole), members(cut));
            for (name, value) in cut.iter().filter(|(name, _)| *name != "meta") {
                assert_eq!(value.get(), whole[name].get(), "{kind} {view} {name}");
            }
            let tags: Value = serde_json::from_str(cut["meta"].get()).unwrap();
            let tags = tags["tag"].as_array().unwrap().clone();
            assert!(tags.iter().any(|tag| tag["code"] == "SUBSETTED"), "{kind} {view}");
            let expected = ["status", "subject", "id", "resourceType"].iter().filter(|name| whole.contains_key(**name));
            expected.for_each(|name| assert!(cut.contains_key(*name), "{kind} {view} {name}"));
            seen.extend(cut.into_keys());
        }
        there.iter().for_each(|name| assert!(seen.contains(*name), "{kind} {view} {name}"));
        gone.iter().for_each(|name| assert!(!seen.contains(*name), "{kind} {view} {name}"));
    }
    let whole = gate.search(GP, "Condition?_summary=false", patient).await;
    assert!(!whole.text.contains("SUBSETTED"));
}

#[tokio::test]
async fn everything_is_the_patient_and_then_all_that_a_search_of_each_type_shows_page_by_page() {
    let gate = shared().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let found = gate.search(GP, "Patient", patient).await;
    let id = found.match_ids().swap_remove(0);
    let mut expected = raw_matches(&[found]);
    for kind in ResourceType::RECORDS.iter().skip(1) {
        expected.extend(raw_matches(&gate.pages(GP, &format!("{kind}?_count=200"), patient).await));
    }
    for count in [200, 13, 1] {
        let pages = everything(&gate, GP, &format!("Patient/{id}/$everything?_count={count}")).await;
        if count == 1 {
            assert_eq!(pages[0].matches()[0]["resourceType"], "Patient");
        }
        let shown = raw_matches(&pages);
        assert_eq!(shown.len(), expected.len());
        assert!(shown[0].starts_with(&expected[0][..20]) && shown[1..] == expected[1..], "_count={count}");
        for page in &pages {
            assert_eq!(released(&gate, page).await, page.matches().len() + page.entries("include").len());
            assert!(page.matches().len() <= count && !page.issues().is_empty());
        }
        pages.iter().take(3).for_each(sound);
    }
    let (only, dated) = (format!("Patient/{id}/$everything?_type=Condition,Flag"), "&start=2024-01-01&end=2024-12-31");
    let only = everything(&gate, GP, &only).await;
    assert!(
        only.iter()
            .flat_map(Answer::matches)
            .all(|one| one["resourceType"] == "Condition" || one["resourceType"] == "Flag")
    );
    let few = everything(&gate, GP, &format!("Patient/{id}/$everything?_type=Observation{dated}")).await;
    let times: Vec<_> = few.iter().flat_map(Answer::matches).map(|one| one["effectiveDateTime"].clone()).collect();
    assert!(!times.is_empty() && times.iter().all(|time| time.is_null() || time.as_str().unwrap().starts_with("2024")));
}

/// All pages of it: at most some hundreds.
async fn everything(gate: &Gate, persona: &str, path: &str) -> Vec<Answer> {
    let mut pages = vec![gate.get(persona, path).await];
    while let Some(next) = pages.last().and_then(Answer::next) {
        assert!(pages.len() < 1000, "pages without end");
        pages.push(gate.get(persona, &next).await);
    }
    pages
}

#[tokio::test]
async fn everything_is_no_more_than_the_role_reaches_and_says_so() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let id = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
    let answer = gate.get("receptionist-saltmarsh", &format!("Patient/{id}/$everything")).await;
    let kinds: Vec<Value> = answer.matches().iter().map(|one| one["resourceType"].clone()).collect();
    assert_eq!(kinds, ["Patient"]);
    assert!(
        answer.issues().iter().any(|issue| issue["diagnostics"].as_str().unwrap_or_default().contains("Observation"))
    );
    let summary = gate.get("receptionist-saltmarsh", &format!("Patient/{id}/$summary")).await;
    let sections = summary.json()["entry"][0]["resource"]["section"].as_array().unwrap().clone();
    let reasons = sections.iter().filter_map(|section| section["emptyReason"]["coding"][0]["code"].as_str());
    assert!(reasons.clone().count() == sections.len() - 1 && reasons.into_iter().all(|reason| reason == "notasked"));
    let clinical = ["Observation/", "Condition/", "AllergyIntolerance/"];
    assert!(clinical.iter().all(|kind| !summary.text.contains(kind)), "{}", summary.text);
}

fn section<'a>(document: &'a Value, code: &str) -> &'a Value {
    let sections = document["entry"][0]["resource"]["section"].as_array().unwrap();
    sections.iter().find(|section| section["code"]["coding"][0]["code"] == code).unwrap()
}

#[tokio::test]
async fn a_summary_is_a_document_whose_references_lead_into_it_and_says_where_all_is_from() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        let id = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
        let answer = gate.get(GP, &format!("Patient/{id}/$summary")).await;
        assert_eq!((answer.status, answer.header("x-completeness")), (200, "complete"), "{}", answer.text);
        sound(&answer);
        let document = answer.json();
        assert_eq!((&document["type"], document["timestamp"].is_string()), (&json!("document"), true));
        let entries = document["entry"].as_array().unwrap();
        let urls: BTreeSet<&str> = entries.iter().map(|entry| entry["fullUrl"].as_str().unwrap()).collect();
        assert_eq!(urls.len(), entries.len());
        assert!(entries.iter().all(|entry| entry["search"].is_null()));
        let composition = &entries[0]["resource"];
        assert_eq!(composition["type"]["coding"][0]["code"], "60591-5");
        let mut led = BTreeSet::new();
        for name in ["subject", "author"] {
            led.extend(references(composition, name));
        }
        for section in composition["section"].as_array().unwrap() {
            let told: Vec<_> = section["entry"].as_array().into_iter().flatten().collect();
            assert_eq!(told.is_empty(), section["emptyReason"]["coding"][0]["code"] == "unavailable", "{section}");
            led.extend(told.iter().map(|one| one["reference"].as_str().unwrap().to_owned()));
        }
        assert!(led.len() > 10 && led.iter().all(|to| urls.contains(to.as_str())), "{led:?}");
        // every source's entries are said to be its own, all of them
        let sources: BTreeSet<String> = entries
            .iter()
            .filter(|e| e["resource"]["meta"]["source"].is_string() && e["resource"]["resourceType"] != "Patient")
            .map(|e| source_of(&e["resource"]))
            .collect();
        let origins: Vec<&Value> =
            entries.iter().map(|e| &e["resource"]).filter(|r| r["resourceType"] == "Provenance").collect();
        let custodians: BTreeSet<String> = origins
            .iter()
            .filter_map(|o| o["agent"][0]["who"]["identifier"]["value"].as_str())
            .map(str::to_owned)
            .collect();
        assert_eq!(custodians, sources);
        assert!(origins.iter().flat_map(|origin| references(origin, "target")).all(|to| urls.contains(to.as_str())));
        for (kind, code) in [("AllergyIntolerance", "48765-2"), ("Immunization", "11369-6"), ("Procedure", "47519-4")] {
            let searched = raw_matches(&gate.pages(GP, kind, patient).await).len();
            assert_eq!(section(&document, code)["entry"].as_array().map_or(0, Vec::len), searched, "{kind}");
        }
        assert!(released(&gate, &answer).await > 10);
        let row = gate.closing(&answer).await;
        assert_eq!((row.interaction.as_str(), row.request), ("read", format!("Patient/{id}/$summary")));
    }
}

#[tokio::test]
async fn a_summary_that_is_not_whole_says_so_in_each_section_it_concerns() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "estuary")[0];
    let id = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
    gate.fault("estuary", json!({"fault": "error", "status": 500, "types": ["Procedure"]})).await;
    let answer = gate.get(GP, &format!("Patient/{id}/$summary")).await;
    assert_eq!((answer.status, answer.header("x-completeness")), (200, "partial"));
    sound(&answer);
    let document = answer.json();
    for (code, incomplete) in [("47519-4", true), ("48765-2", false), ("11369-6", false)] {
        let section = section(&document, code);
        let marked = section["extension"][0]["valueBoolean"] == true;
        let said = section["text"]["div"].as_str().unwrap().contains("not complete");
        assert_eq!((marked, said), (incomplete, incomplete), "{section}");
    }
    let outcome =
        document["entry"].as_array().unwrap().iter().find(|e| e["resource"]["resourceType"] == "OperationOutcome");
    assert_eq!(fhir::outcome(&outcome.unwrap()["resource"]), [""; 0]);
    assert!(outcome.unwrap().to_string().contains("RZ901"));
    assert!(document.to_string().contains("canary"));
    // a failure that is all there is is no document
    for slug in gate.providers.keys() {
        gate.fault(slug, json!({"fault": "error", "status": 500})).await;
    }
    let other: NhsNumber = gate.shared_with("F99001", "estuary")[1];
    assert_ne!(gate.search(GP, "Patient", other).await.status, 200);
}

/// What is restricted, and who may not see it: not by being included, in everything or in a summary.
#[tokio::test]
async fn what_is_restricted_is_in_none_of_these_for_whoever_may_not_see_it() {
    let gate = own().await;
    let patient = gate.shared_with("F99001", "colneside").into_iter().find(|patient| {
        let colneside = gate.provider("RZ902");
        colneside.about(*patient).iter().any(|(_, resource)| resource.json.contains("\"code\":\"R\""))
    });
    let patient = patient.expect("somebody was at the clinic");
    assert_relationship(&gate, patient, "RZ901").await;
    let secrets: Vec<String> = {
        let all = gate.provider("RZ902").about(patient);
        let restricted = all.into_iter().filter(|(_, resource)| resource.json.contains("\"code\":\"R\""));
        restricted.map(|(_, resource)| canary(&serde_json::from_str(&resource.json).unwrap())).collect()
    };
    assert!(!secrets.is_empty());
    let id = gate.search(GP, "Patient", patient).await.match_ids().swap_remove(0);
    let mut paths: Vec<String> =
        ["$everything?_count=200", "$summary"].iter().map(|o| format!("Patient/{id}/{o}")).collect();
    for query in [
        "Observation?_include=Observation:encounter",
        "Condition?_include=Condition:encounter",
        "Condition?_revinclude=Provenance:target",
    ] {
        paths.push(crate::harness::of_patient(query, patient));
    }
    let mut registered = String::new();
    for path in paths {
        registered += &gate.get(GP, &path).await.text;
        let answer = gate.get("consultant-estuary", &path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert!(secrets.iter().all(|secret| !answer.text.contains(secret)), "{path}");
    }
    assert!(secrets.iter().all(|secret| registered.contains(secret)), "who is registered with them is shown it");
}
