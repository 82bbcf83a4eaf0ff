//! The patient index: whom a number means, under which numbers a person is known, and what is not told of where they are seen.

use crate::{
    harness::{Answer, Gate, INDEX, NHS, ODS, Setup, of_patient, on_each_database, own, source_of},
    objections::whole_record,
    raw::{Act, Raw, ok},
    relationships::assert_relationship,
};
use caregate::{
    audit::{Kind, Row},
    domain::NhsNumber,
    fhir::ResourceType,
    sandbox::data::Dataset,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

/// The practice that all of whom the index has something to say of are registered with, and a hospital that knows them too.
const GP: &str = "gp-blackwater";
const CONSULTANT: &str = "consultant-estuary";

/// The numbers of whoever has this family name, the one in use first.
pub fn numbers(gate: &Gate, family: &str) -> Vec<NhsNumber> {
    gate.data.patients.iter().filter(|one| one.name.ends_with(family)).map(|one| one.nhs_number).collect()
}

fn sources(answer: &Answer) -> BTreeSet<String> {
    answer.matches().iter().map(source_of).collect()
}

fn codes(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|code| (*code).to_owned()).collect()
}

/// Whether an issue of this severity says this.
fn says(answer: &Answer, severity: &str, words: &str) -> bool {
    let said = |issue: &Value| issue["severity"] == severity && issue["diagnostics"].as_str().unwrap().contains(words);
    answer.issues().iter().any(said)
}

pub fn outcome(row: &Row) -> (Option<&str>, Option<&str>, bool) {
    let identified = row.identified.as_ref();
    let line = identified.map(|identified| &identified.line);
    let reason = line.and_then(|line| line.reason.as_deref());
    (line.map(|line| line.outcome.as_str()), reason, identified.is_some_and(|identified| identified.concealed))
}

#[tokio::test]
async fn the_patient_is_the_indexs_own_with_its_death_and_a_link_to_each_source() {
    let gate = own().await;
    let number = numbers(&gate, "Quarrendon")[0];
    let answer = gate.search(GP, "Patient", number).await;
    let found = answer.matches();
    assert_eq!((found.len(), source_of(&found[0]).as_str()), (1, "X26"), "{}", answer.text);
    assert_eq!((&found[0]["deceasedDateTime"], &found[0]["birthDate"]), (&json!("2026-02-14"), &json!("1951-05-23")));
    assert_eq!(found[0]["identifier"][0]["value"], json!(number.digits()));
    assert_eq!(answer.header("x-completeness"), "complete");
    let mut led_to = BTreeSet::new();
    for link in found[0]["link"].as_array().unwrap() {
        let other = gate.get(GP, link["other"]["reference"].as_str().unwrap()).await;
        assert!(led_to.insert(source_of(&other.json())));
    }
    assert_eq!(led_to, codes(&["F99002", "RZ901"]));
    let read = gate.get(GP, &format!("Patient/{}", found[0]["id"].as_str().unwrap())).await;
    assert_eq!(read.json(), found[0], "search and read show the same");

    // the log says what the index answered, and that it is what was on the screen
    let row = gate.closing(&answer).await;
    let identified = row.identified.as_ref().expect("the index was asked");
    assert_eq!(
        (row.patient, identified.number, outcome(&row)),
        (Some(number), number, (Some("answered"), None, false))
    );
    assert!(identified.line.released.contains(0) && row.sources.iter().all(|line| line.released.is_empty()));
    let screens = caregate::audit::shown::release(gate.audit().await, answer.request_id()).await.unwrap();
    let shown: Vec<_> = screens[0].shown.iter().map(|item| (item.source.as_str(), item.reference.clone())).collect();
    assert_eq!(shown, [("X26", format!("Patient/{}", number.digits()))]);
    // asked once for all of this
    assert_eq!(gate.asked(INDEX).await["reads"], 1);
}

#[tokio::test]
async fn a_source_that_means_another_person_than_the_index_is_left_out_be_it_the_practice() {
    let gate = own().await;
    let number = numbers(&gate, "Quarrendon")[0];
    assert_relationship(&gate, number, "RZ901").await;
    gate.fault("blackwater", json!({"fault": "wrong-demographics"})).await;
    let answer = gate.search(CONSULTANT, "Encounter", number).await;
    assert_eq!(sources(&answer), codes(&["RZ901"]));
    assert_eq!(answer.header("x-completeness"), "partial");
    let patient = gate.search(CONSULTANT, "Patient", number).await;
    assert!(!patient.text.contains("Changeling") && patient.text.contains("Quarrendon"));
}

#[tokio::test]
async fn a_number_that_the_index_has_not_verified_is_said_to_be_so() {
    let gate = own().await;
    let answer = gate.search(GP, "Condition", numbers(&gate, "Sedgemoor")[0]).await;
    assert!(says(&answer, "warning", "has not verified this NHS number"), "{}", answer.text);
    assert_eq!((answer.header("x-completeness"), answer.matches().is_empty()), ("complete", false));
    let verified = gate.search(GP, "Condition", numbers(&gate, "Quarrendon")[0]).await;
    assert!(!verified.text.contains("verified"));
}

#[tokio::test]
async fn a_birth_date_that_is_not_the_indexs_shows_nothing_and_says_why() {
    let gate = own().await;
    let number = numbers(&gate, "Quarrendon")[0];
    for (given, found) in [("1951-05-23", 1), ("1951", 1), ("1951-05-24", 0), ("1952", 0)] {
        let answer = gate.search(GP, &format!("Patient?birthdate={given}"), number).await;
        assert_eq!(answer.matches().len(), found, "{given}");
        assert_eq!(says(&answer, "warning", "birth date"), found == 0, "{given}: {}", answer.text);
        assert_eq!(answer.text.contains("Quarrendon"), found == 1, "{given}");
        let row = gate.closing(&answer).await;
        assert_eq!(row.lines().any(|line| line.released.contains(0)), found == 1, "{given}");
    }
}

#[tokio::test]
async fn a_record_asked_for_by_a_superseded_number_is_that_of_both_numbers_from_then_on_by_either() {
    for gate in on_each_database().await {
        let [current, old] = numbers(&gate, "Tollemache")[..] else { panic!("two numbers") };
        // until somebody asks by the old number nobody can know of it
        assert_eq!(sources(&gate.search(GP, "Encounter", current).await), codes(&["F99002"]));
        assert_relationship(&gate, old, "RZ901").await;
        let answer = gate.search(CONSULTANT, "Encounter", old).await;
        assert_eq!(sources(&answer), codes(&["F99002", "RZ901"]), "{}", answer.text);
        assert!(says(&answer, "information", "has been given up for another"));
        let row = gate.closing(&answer).await;
        assert_eq!((row.patient, row.identified.as_ref().unwrap().number), (Some(current), old));

        // by the number in use: the same, for the hospital by the relationship under the old number
        for reader in [GP, CONSULTANT] {
            let again = gate.search(reader, "Encounter", current).await;
            assert_eq!(again.match_ids(), answer.match_ids(), "{reader}");
            assert!(!again.text.contains("given up"), "{reader}");
        }
        let patient = gate.search(CONSULTANT, "Patient", old).await.matches();
        assert_eq!(patient[0]["identifier"][0]["value"], json!(current.digits()));
        let id = format!("Patient/{}", patient[0]["id"].as_str().unwrap());
        assert!(answer.matches().iter().all(|one| one["subject"]["reference"] == id));

        // the log of the one person holds what was asked by either, and is theirs by either
        for (own, rows) in [(current, 6), (old, 7)] {
            let log = gate.get(&format!("patient:{}", own.digits()), &of_log(own)).await;
            assert_eq!(log.matches().len(), rows, "{}", log.text);
        }
    }
}

pub fn of_log(patient: NhsNumber) -> String {
    format!("AuditEvent?patient.identifier={NHS}%7C{}", patient.digits())
}

#[tokio::test]
async fn an_objection_under_either_number_binds_under_both() {
    for gate in on_each_database().await {
        let [current, old] = numbers(&gate, "Tollemache")[..] else { panic!("two numbers") };
        assert_eq!(gate.search(GP, "Encounter", current).await.status, 200);
        let own = format!("patient:{}", old.digits());
        let objected = gate.post(&own, "Consent", &whole_record(old)).await;
        assert_eq!(objected.status, 201, "{}", objected.text);
        let answer = gate.search(GP, "Encounter", current).await;
        gate.ends(&answer, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
        // seen and taken back by either
        let listed = gate.get(&format!("patient:{}", current.digits()), &of_consent(current)).await.matches();
        assert_eq!(listed.len(), 1);
        let mut consent = listed[0].clone();
        consent["status"] = json!("inactive");
        let id = consent["id"].as_str().unwrap().to_owned();
        let withdrawn = gate.put(&format!("patient:{}", current.digits()), &format!("Consent/{id}"), &consent).await;
        assert_eq!(withdrawn.status, 200, "{}", withdrawn.text);
        assert_eq!(gate.search(GP, "Encounter", current).await.status, 200);
    }
}

fn of_consent(patient: NhsNumber) -> String {
    format!("Consent?patient.identifier={NHS}%7C{}", patient.digits())
}

/// A region in which the practice says of who has this family name that these numbers were given up.
fn region_that_gives_up(family: &str, old: &[NhsNumber]) -> tempfile::TempDir {
    let (folder, region) = (tempfile::tempdir().unwrap(), Dataset::builtin());
    region.write_to(folder.path()).unwrap();
    let current = region.patients.iter().find(|one| one.name.ends_with(family)).unwrap().nhs_number;
    let file = folder.path().join("blackwater/Patient.ndjson");
    let number = format!(r#"{{"use":"official","system":"{NHS}","value":"{}"}}"#, current.digits());
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(&number), "the number as the region writes it");
    let more: Vec<_> =
        old.iter().map(|old| format!(r#",{{"system":"{NHS}","use":"old","value":"{}"}}"#, old.digits())).collect();
    fs::write(&file, text.replace(&number, &format!("{number}{}", more.concat()))).unwrap();
    folder
}

/// NHS numbers that nobody has.
fn nobodys(count: usize) -> Vec<NhsNumber> {
    let all = (9_990_500_000_u64..).filter_map(|value| NhsNumber::parse(&value.to_string()).ok());
    all.take(count).collect()
}

#[tokio::test]
async fn of_a_flood_of_given_up_numbers_a_few_are_looked_up_once_and_the_answer_says_that_others_were_not() {
    let folder = region_that_gives_up("Quarrendon", &nobodys(50));
    let gate = Setup::default().data(folder.path()).start();
    let patient = numbers(&gate, "Quarrendon")[0];
    for kind in ["Encounter", "Condition"] {
        let answer = gate.search(GP, kind, patient).await;
        assert!(!answer.matches().is_empty(), "{}", answer.text);
        assert_eq!(answer.header("x-completeness"), "partial");
        assert!(says(&answer, "warning", "had another NHS number"), "{}", answer.text);
        assert_eq!(gate.asked(INDEX).await["reads"], 5, "the patient, and four of what it says");
    }
    let few = region_that_gives_up("Quarrendon", &nobodys(4));
    let gate = Setup::default().data(few.path()).start();
    let answer = gate.search(GP, "Encounter", patient).await;
    assert_eq!(answer.header("x-completeness"), "complete", "{}", answer.text);
}

#[tokio::test]
async fn where_the_index_does_not_say_whose_a_given_up_number_is_the_answer_does_not_pass_as_checked() {
    let probe = own().await;
    let [current, old] = numbers(&probe, "Tollemache")[..] else { panic!("two numbers") };
    let folder = region_that_gives_up("Tollemache", &[old]);
    let gate = Setup::default().data(folder.path()).start();
    // the log asks it of the number in use, and no source
    let log = gate.get(&format!("patient:{}", current.digits()), &of_log(current)).await;
    assert_eq!(log.status, 200, "{}", log.text);
    gate.fault(INDEX, json!({"fault": "error", "status": 503})).await;
    let answer = gate.search(GP, "Encounter", current).await;
    assert_eq!((answer.status, answer.header("x-completeness")), (200, "partial"), "{}", answer.text);
    assert!(says(&answer, "warning", "had another NHS number"), "{}", answer.text);
    gate.lift(INDEX).await;
    let answer = gate.search(GP, "Encounter", current).await;
    assert_eq!(answer.header("x-completeness"), "complete", "{}", answer.text);
}

/// The objection was recorded while the index was down, so that nobody knew then whose number that is.
#[tokio::test]
async fn an_objection_under_a_number_that_only_a_source_knows_to_be_given_up_binds_too() {
    let probe = own().await;
    let [current, old] = numbers(&probe, "Tollemache")[..] else { panic!("two numbers") };
    let folder = region_that_gives_up("Tollemache", &[old]);
    let gate = Setup::default().data(folder.path()).start();
    gate.fault(INDEX, json!({"fault": "error", "status": 503})).await;
    let objected = gate.post(&format!("patient:{}", old.digits()), "Consent", &whole_record(old)).await;
    assert_eq!(objected.status, 201, "{}", objected.text);
    gate.lift(INDEX).await;
    let answer = gate.search(GP, "Encounter", current).await;
    gate.ends(&answer, 403, "suppressed", Kind::Refused, "no-patient-consent").await;
}

/// Nothing in it tells where the patient is seen or lives.
pub fn tells_no_place(gate: &Gate, text: &str, of: &str) {
    for provider in &gate.data.providers {
        for word in [provider.name.as_str(), provider.ods.as_str(), &format!("https://{}.example", provider.slug)] {
            assert!(!text.contains(word), "{of}: {word} in {text}");
        }
    }
    // with what parts a postcode, however it is written: four letters alone stand in a sealed id by chance
    let postcodes = ["ZZ99 ", "ZZ99%20", "ZZ99+"];
    let words = ["Samphire", "Saltmarsh", "\"telecom\"", "\"Location/", "\"Organization/", ODS];
    for word in postcodes.into_iter().chain(words) {
        assert!(!text.contains(word), "{of}: {word} in {text}");
    }
}

#[tokio::test]
async fn of_a_restricted_patient_nobody_learns_where_they_are_seen_but_the_patient_and_a_practice_that_the_index_names()
{
    for gate in on_each_database().await {
        let number = numbers(&gate, "Hollowell")[0];
        assert_relationship(&gate, number, "RZ901").await;
        let mut entries = 0;
        for kind in ResourceType::ALL.iter().filter(|kind| !kind.is_target()).map(|kind| kind.as_str()) {
            // whoever says that they are registered there may be the practice that they fled from
            let practice = gate.search(GP, kind, number).await;
            tells_no_place(&gate, &practice.text, kind);
            let answer = gate.search(CONSULTANT, kind, number).await;
            tells_no_place(&gate, &answer.text, kind);
            assert!(answer.issues().iter().any(|issue| issue["code"] == "suppressed"));
            let row = gate.closing(&answer).await;
            assert_eq!(outcome(&row), (Some("answered"), None, true), "{kind}");
            assert!(row.sources.iter().any(|line| line.outcome == "answered"), "the log keeps who was asked");
            for found in answer.matches() {
                let id = format!("{kind}/{}", found["id"].as_str().unwrap());
                let read = gate.get(CONSULTANT, &id).await;
                // a search tells copies of one event by a tag, a read does not know of any
                let untagged = |mut resource: Value| {
                    resource["meta"].as_object_mut().unwrap().remove("tag");
                    resource
                };
                assert_eq!(untagged(read.json()), untagged(found), "{id}");
                entries += 1;
            }
            if kind == "Patient" {
                for link in answer.matches()[0]["link"].as_array().unwrap() {
                    let other = gate.get(CONSULTANT, link["other"]["reference"].as_str().unwrap()).await;
                    assert_eq!(other.status, 200);
                    tells_no_place(&gate, &other.text, "a source's own Patient");
                }
            }
        }
        assert!(entries > 20, "{entries}");

        // an officer of the hospital reads who looked at what it holds, and not where those work
        let log = gate.get("privacy-officer-estuary", &of_log(number)).await;
        let of_others = log.matches().into_iter().filter(|event| !event.to_string().contains("RZ901"));
        let of_others: Vec<Value> = of_others.collect();
        assert!(!of_others.is_empty(), "{}", log.text);
        for event in of_others {
            tells_no_place(&gate, &event.to_string().replace(ODS, ""), "the log");
        }
        let own = gate.get(&format!("patient:{}", number.digits()), &of_log(number)).await;
        assert!(own.text.contains("F99002") && own.text.contains("RZ901"), "the patient's own log says all");
    }
}

#[tokio::test]
async fn whom_the_index_does_not_show_is_not_found_like_a_number_nobody_has() {
    let gate = own().await;
    let redacted = numbers(&gate, "Withycombe")[0];
    let nobody = NhsNumber::parse("9990000018").unwrap();
    assert_relationship(&gate, redacted, "RZ901").await;
    assert_relationship(&gate, nobody, "RZ901").await;
    let asked = gate.asked("blackwater").await["requests"].clone();
    let mut answers = Vec::new();
    for number in [redacted, nobody] {
        for kind in ["Patient", "Condition"] {
            let answer = gate.search(CONSULTANT, kind, number).await;
            gate.ends(&answer, 404, "not-found", Kind::Failed, "no-such-patient").await;
            assert_eq!(answer.spine(), "PATIENT_NOT_FOUND");
            let row = gate.closing(&answer).await;
            assert_eq!((outcome(&row), row.sources.len()), ((Some("unknown"), None, false), 0));
            answers.push(answer.text);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one answer for all of them");
    assert_eq!(gate.asked("blackwater").await["requests"], asked, "no source heard of it");
}

#[tokio::test]
async fn a_refused_reader_learns_nothing_of_the_index_and_it_is_not_asked() {
    for gate in on_each_database().await {
        let nobody = NhsNumber::parse("9990000018").unwrap();
        let mut asked_for = vec![nobody, gate.registered("F99001", 0).nhs_number];
        for family in ["Tollemache", "Hollowell", "Withycombe", "Quarrendon", "Sedgemoor"] {
            asked_for.extend(numbers(&gate, family));
        }
        let mut bodies = BTreeSet::new();
        for number in asked_for {
            for path in [of_patient("Patient", number), of_patient("Condition", number), of_log(number)] {
                let answer = gate.get("nurse-quietwater", &path).await;
                assert_eq!(answer.status, 403, "{path}: {}", answer.text);
                assert_eq!(gate.closing(&answer).await.identified, None);
                bodies.insert(answer.text);
            }
        }
        assert_eq!(bodies.len(), 1);
        assert_eq!(gate.asked(INDEX).await["requests"], 0);
    }
}

#[tokio::test]
async fn while_the_index_is_down_its_last_word_stands_and_without_one_the_answer_is_partial_and_tells_no_place() {
    let gate = Setup::default().set("CAREGATE__INDEX__TTL_SECONDS", 0).start();
    let [known, other] = [numbers(&gate, "Quarrendon")[0], numbers(&gate, "Sedgemoor")[0]];
    assert_relationship(&gate, known, "RZ901").await;
    assert_relationship(&gate, other, "RZ901").await;
    let before = gate.search(CONSULTANT, "Encounter", known).await;
    let bare = json!({"fault": "error", "status": 404});
    for order in
        [json!({"fault": "error", "status": 503}), json!({"fault": "garbage"}), json!({"fault": "outcome"}), bare]
    {
        gate.fault(INDEX, order.clone()).await;
        let answer = gate.search(CONSULTANT, "Encounter", known).await;
        assert_eq!(answer.match_ids(), before.match_ids());
        assert_eq!(sources(&answer), sources(&before));
        assert!(says(&answer, "information", "was checked before"), "{order}: {}", answer.text);
        assert_eq!(answer.header("x-completeness"), "complete");
        assert_eq!(gate.closing(&answer).await.identified.unwrap().line.outcome, "stale");

        let answer = gate.search(CONSULTANT, "Encounter", other).await;
        assert!(says(&answer, "warning", "could not be checked"), "{order}: {}", answer.text);
        assert!(!answer.matches().is_empty());
        assert_eq!(answer.header("x-completeness"), "partial");
        tells_no_place(&gate, &answer.text, "unchecked");
        let row = gate.closing(&answer).await;
        assert_eq!((outcome(&row).0, outcome(&row).2), (Some("failed"), true));
        tells_no_place(&gate, &gate.search(GP, "Encounter", other).await.text, "nor a practice that nobody else names");
        let wanted = gate.request(reqwest::Method::GET, &of_patient("Encounter", other));
        let wanted = wanted.bearer_auth(gate.token(CONSULTANT).await).header("x-completeness", "required");
        gate.ends(&Answer::of(wanted).await, 504, "timeout", Kind::Failed, "providers-failed").await;
        gate.lift(INDEX).await;
    }
    let after = gate.search(CONSULTANT, "Encounter", other).await;
    assert_eq!((sources(&after), after.header("x-completeness")), (codes(&["F99002", "RZ901"]), "complete"));
}

/// An index that says of a number what `words` has in its order of calls, the last of it for good.
async fn index_saying(words: impl Fn(&str, usize) -> NhsNumber + Send + Sync + 'static) -> (Raw, Gate) {
    let index = Raw::start("RZ901").await;
    let gate = Setup::default().set("CAREGATE__INDEX__BASE_URL", format!("http://127.0.0.1:{}/", index.port)).start();
    let calls = Mutex::new(HashMap::<String, usize>::new());
    index.does(move |heard, _| {
        let number = heard.target.rsplit('/').next().unwrap().to_owned();
        let mut calls = calls.lock().unwrap();
        let call = calls.entry(number.clone()).or_default();
        *call += 1;
        let id = words(&number, *call).digits();
        let identifier = json!([{"system": NHS, "value": id}]);
        Act::Send(ok(json!({"resourceType": "Patient", "id": id, "identifier": identifier}).to_string()))
    });
    (index, gate)
}

#[tokio::test]
async fn two_persons_are_not_joined_by_one_answer_which_may_be_another_questions() {
    let own = own().await;
    let [mine, theirs] = [0, 1].map(|n| own.registered("F99002", n).nhs_number);
    let (index, gate) = index_saying(move |_, call| if call == 1 { theirs } else { mine }).await;
    for _ in 0..2 {
        let answer = gate.search(GP, "Encounter", mine).await;
        let row = gate.closing(&answer).await;
        assert_eq!((answer.status, row.patient), (200, Some(mine)), "{}", answer.text);
        assert!(!says(&answer, "information", "given up for another"));
    }
    assert_eq!(index.heard().len(), 2, "it was asked a second time, and then remembered");
}

#[tokio::test]
async fn what_is_remembered_of_a_number_undoes_nothing_that_was_learned_since() {
    let own = own().await;
    let [first, second, third] = [0, 1, 2].map(|n| own.registered("F99002", n).nhs_number);
    let merged = Arc::new(AtomicBool::new(false));
    let later = Arc::clone(&merged);
    let (_index, gate) = index_saying(move |_, _| if later.load(SeqCst) { third } else { second }).await;
    let patient = async |asked| gate.closing(&gate.search(GP, "Encounter", asked).await).await.patient;
    assert_eq!(patient(first).await, Some(second), "given up for the second");
    merged.store(true, SeqCst);
    assert_eq!(patient(third).await, Some(third));
    assert_eq!(patient(second).await, Some(third), "the second for the third");
    assert_eq!(patient(first).await, Some(third), "what is remembered is that it was the second");
    assert_eq!(patient(second).await, Some(third), "and the second is still given up");
}

#[tokio::test]
async fn whoever_wants_an_answer_afresh_has_the_index_asked_afresh() {
    let mine = own().await.registered("F99002", 0).nhs_number;
    let (index, gate) = index_saying(move |_, _| mine).await;
    let token = gate.token(GP).await;
    let ask = async |afresh: bool| {
        let request = gate.request(reqwest::Method::GET, &of_patient("Encounter", mine)).bearer_auth(&token);
        let request = if afresh { request.header("cache-control", "no-cache") } else { request };
        assert_eq!(Answer::of(request).await.status, 200);
        index.heard().len()
    };
    assert_eq!((ask(false).await, ask(false).await), (1, 1), "it is remembered");
    // what was said within a second is fresh enough for anybody
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!((ask(true).await, ask(false).await), (2, 2));
}
