//! The rows: an intent before anyone is asked, one closing row at the end, a manifest from which the screen can be told
//! again; and the commands that tell it.

use crate::{
    harness::{
        Answer, Gate, Setup, canary, of_patient, on_each_database, own, program, source_of, started_on_each_database,
    },
    objections::{one_source, recorded},
    records::raw_matches,
};
use aws_lc_rs::digest;
use caregate::{
    audit::{Kind, Row},
    domain::{NhsNumber, Timestamp},
};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const GP: &str = "gp-saltmarsh";

fn kinds(rows: &[Row]) -> Vec<Kind> {
    rows.iter().map(|row| row.kind).collect()
}

#[tokio::test]
async fn an_intent_is_committed_before_any_provider_is_asked_and_a_cache_hit_needs_none() {
    for gate in on_each_database().await {
        let patient = gate.registered("F99001", 0).nhs_number;
        // every provider waits, so that the intent is seen while nobody has answered
        for slug in gate.providers.keys() {
            gate.fault(slug, json!({"fault": "delay", "milliseconds": 600})).await;
        }
        let id = "6f1e0d57-8a34-4d5e-9a53-0c8a3f6e2b11";
        let request = gate.request(reqwest::Method::GET, &of_patient("Condition", patient)).header("x-request-id", id);
        let request = request.bearer_auth(gate.token(GP).await);
        let under_way = tokio::spawn(Answer::of(request));
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let stored = gate.audit().await.request_rows(caregate::domain::RequestId::parse(id).unwrap()).await.unwrap();
        let rows: Vec<Row> = stored.iter().map(|row| row.row().unwrap().unwrap()).collect();
        assert_eq!(kinds(&rows), [Kind::Intent]);
        let intent = &rows[0];
        assert_eq!(
            (intent.patient, intent.status, intent.resource_type.as_deref()),
            (Some(patient), 0, Some("Condition"))
        );
        assert_eq!((intent.interaction.as_str(), intent.purpose.as_deref()), ("search", Some("TREAT")));
        assert!(intent.request.starts_with("Condition?patient="));
        let answer = under_way.await.unwrap();
        assert_eq!((answer.status, answer.header("x-request-id")), (200, id));
        // one for the registered practice's word, one for the record: each before what it is for
        let rows = gate.rows(&answer).await;
        assert_eq!(kinds(&rows), [Kind::Intent, Kind::Intent, Kind::Released]);

        let asked = gate.asked("saltmarsh").await["requests"].clone();
        let cached = gate.search(GP, "Condition", patient).await;
        assert_eq!(kinds(&gate.rows(&cached).await), [Kind::Released]);
        assert_eq!(gate.asked("saltmarsh").await["requests"], asked);
        let read = gate.get(GP, &format!("Condition/{}", cached.match_ids()[0])).await;
        assert_eq!(kinds(&gate.rows(&read).await), [Kind::Released]);
    }
}

#[tokio::test]
async fn a_release_row_says_who_for_whom_why_by_what_rules_and_what_each_source_said() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        recorded(&gate, patient, &one_source(patient, "FZ901")).await;
        gate.fault("hedgerow", json!({"fault": "error", "status": 503})).await;
        let before = Timestamp::now();
        let answer = gate.search(GP, "Condition", patient).await;
        let row = gate.closing(&answer).await;
        assert!(before <= row.at && row.at <= Timestamp::now());
        assert_eq!((row.kind, row.status, row.patient, &row.reason), (Kind::Released, 200, Some(patient), &None));
        let who = row.who.unwrap();
        assert_eq!(who.issuer, gate.identity);
        assert_eq!(
            (who.subject.as_str(), who.user.as_deref(), who.party.as_str()),
            ("555021400101", Some("555021400101"), "staff")
        );
        assert_eq!(
            (who.role.as_deref(), who.role_name.as_deref()),
            (Some("R0260"), Some("General Medical Practitioner"))
        );
        assert_eq!((who.organisation.unwrap().as_str(), who.client.as_str()), ("F99001", "caregate-sandbox"));
        assert_eq!((who.network.as_deref(), who.acting), (Some("127.0.0.1"), None));
        assert!(!who.token.is_empty() && !gate.token(GP).await.contains(&who.token), "the token's id, never the token");
        assert_eq!(row.basis.as_deref(), Some("registered: generalPractitioner at F99001"));
        assert_eq!(row.rules, ["role-reaches-kind", "registered-here", "record-open"]);
        assert_eq!(row.epochs.map(|epochs| epochs.patient), Some(1), "one objection was recorded");
        let said: Vec<_> = row
            .sources
            .iter()
            .map(|line| (line.source.as_str(), line.outcome.as_str(), line.reason.as_deref()))
            .collect();
        let expected = [
            ("F99001", "answered", None),
            ("F99002", "empty", None),
            ("FZ901", "withheld", None),
            ("NZ901", "failed", Some("status")),
            ("NZ902", "empty", None),
            ("RZ901", "answered", None),
            ("RZ902", "empty", None),
            ("RZ903", "answered", None),
            ("RZ904", "empty", None),
        ];
        assert_eq!(said, expected);
        let numbers: BTreeSet<_> = answer.matches().iter().map(source_of).collect();
        let released = |line: &&caregate::record::SourceLine| (0..100).any(|at| line.released.contains(at));
        assert_eq!(
            row.sources.iter().filter(released).map(|line| line.source.to_string()).collect::<BTreeSet<_>>(),
            numbers
        );
    }
}

/// What `caregate audit ...` prints.
fn told(gate: &Gate, arguments: &[&str]) -> (bool, String) {
    let output = program().arg("audit").args(arguments).args(["--database", &gate.database]).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// (source, Type/local id, SHA-256 of the source's own bytes) of each match, from what the region's folders hold.
fn items(gate: &Gate, pages: &[Answer]) -> BTreeSet<String> {
    let of = |raw: &String| {
        let shown: Value = serde_json::from_str(raw).unwrap();
        let (source, kind, canary) =
            (source_of(&shown), shown["resourceType"].as_str().unwrap().to_owned(), canary(&shown));
        let held = gate
            .provider(&source)
            .of_type(&kind)
            .iter()
            .find(|one| one.json.contains(&format!("\"{canary}\"")))
            .unwrap();
        let hash = HEXLOWER.encode(digest::digest(&digest::SHA256, held.json.as_bytes()).as_ref());
        let version = shown["meta"]["versionId"].as_str().unwrap_or("-");
        format!("{source} {kind}/{} version {version} sha256 {hash}", held.id)
    };
    raw_matches(pages).iter().map(of).collect()
}

fn lines(text: &str, mark: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.trim().strip_prefix(mark)).map(|rest| rest.trim().to_owned()).collect()
}

#[tokio::test]
async fn from_the_log_alone_a_screen_is_told_again_and_who_saw_an_item() {
    for gate in started_on_each_database(|| Setup::default().without_index()).await {
        let patient = gate.data.patients.iter().max_by_key(|patient| patient.held_by.len()).unwrap().nhs_number;
        // whose hospital has asserted no more than an encounter: what is labelled restricted elsewhere is withheld from them
        crate::relationships::assert_relationship(&gate, patient, "RZ901").await;
        let screens = [
            gate.search(GP, "Condition", patient).await,
            gate.search(GP, "Observation?_count=3", patient).await,
            gate.search(GP, "Encounter?date=ge2025", patient).await,
            gate.search("consultant-estuary", "Condition", patient).await,
        ];
        for answer in &screens {
            let (success, text) = told(&gate, &["release", &answer.request_id().to_string()]);
            assert!(success);
            assert_eq!(lines(&text, "shown "), items(&gate, std::slice::from_ref(answer)), "{text}");
        }
        let [first, _, _, consultants] = &screens;
        let (_, text) = told(&gate, &["release", &consultants.request_id().to_string()]);
        let withheld: BTreeSet<_> = items(&gate, std::slice::from_ref(first))
            .difference(&items(&gate, std::slice::from_ref(consultants)))
            .cloned()
            .collect();
        assert_eq!(lines(&text, "withheld "), withheld);
        assert!(withheld.iter().all(|item| item.starts_with("RZ903 ")) && !withheld.is_empty(), "{withheld:?}");
        assert!(consultants.issues().iter().any(|issue| issue["code"] == "suppressed"));

        // a read shows the one, and the Patient is an item like others
        let entry = first.matches()[0].clone();
        let read = gate.get(GP, &format!("Condition/{}", entry["id"].as_str().unwrap())).await;
        let (_, text) = told(&gate, &["release", &read.request_id().to_string()]);
        assert_eq!(lines(&text, "shown ").len(), 1);
        let person = gate.search(GP, "Patient", patient).await;
        let (_, text) = told(&gate, &["release", &person.request_id().to_string()]);
        assert_eq!(lines(&text, "shown "), items(&gate, &[person]));

        // everyone who was shown one item: two searches and a read, none of the rest
        let item = lines(&told(&gate, &["release", &read.request_id().to_string()]).1, "shown ").pop_first().unwrap();
        let mut words = item.split(' ');
        let (source, reference) = (words.next().unwrap(), words.next().unwrap());
        for patient in [vec![], vec!["--patient".to_owned(), patient.digits()]] {
            let arguments: Vec<&str> =
                ["shown", source, reference].into_iter().chain(patient.iter().map(String::as_str)).collect();
            let (success, text) = told(&gate, &arguments);
            assert!(success);
            let requests: BTreeSet<_> = text.lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
            let expected: BTreeSet<_> = [first, consultants, &read].map(|one| one.request_id().to_string()).into();
            assert_eq!(requests, expected, "{text}");
            assert!(text.contains("555021400101") && text.contains("555021400103"), "who they are: {text}");
        }
        let (_, text) = told(&gate, &["shown", "RZ904", "Condition/none"]);
        assert_eq!(text, "Nobody was shown this item.\n");
        // and nothing of all this looks tampered with
        let (success, text) = told(&gate, &["verify"]);
        assert!(success, "{text}");
    }
}

#[tokio::test]
async fn the_log_verifies_after_every_way_a_request_can_end() {
    for gate in on_each_database().await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        let search = gate.search(GP, "Condition?_count=2", patient).await;
        let entries = search.match_ids();
        gate.get(GP, &format!("Condition/{}", entries[0])).await;
        // a type nobody was asked for yet: the others of the region say no more than who the patient is. (Nothing here asks for
        // the Patient: that would store those lists whoever else names them.)
        gate.get(GP, &format!("Flag/{}", entries[0])).await;
        gate.get(GP, &format!("Flag/{}", entries[1])).await;
        gate.get(GP, &search.next().unwrap()).await;
        gate.search("researcher", "Condition", patient).await;
        gate.get(GP, "Condition?nonsense=1").await;
        let id = recorded(&gate, patient, &one_source(patient, "RZ901")).await;
        gate.get(GP, &search.next().unwrap()).await;
        gate.get("gp-blackwater", &format!("Consent/{id}")).await;
        gate.fault("quayside", json!({"fault": "error", "status": 500})).await;
        let path = of_patient("Encounter", patient);
        let request = gate.request(reqwest::Method::GET, &path).bearer_auth(gate.token(GP).await);
        assert_eq!(Answer::of(request.header("x-completeness", "required")).await.status, 504);
        let (success, text) = told(&gate, &["verify"]);
        assert!(success, "{text}");
        assert!(text.starts_with("The audit log holds."), "{text}");
    }
}

#[tokio::test]
async fn every_request_of_a_crowd_has_one_closing_row_and_one_fetch_serves_them_all() {
    for gate in on_each_database().await {
        let patient: NhsNumber = gate.registered("F99001", 0).nhs_number;
        gate.fault("saltmarsh", json!({"fault": "delay", "milliseconds": 150})).await;
        let answers = futures::future::join_all((0..100).map(|_| gate.search(GP, "Condition", patient))).await;
        let mut seen = BTreeSet::new();
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let row = gate.closing(answer).await;
            assert_eq!(row.kind, Kind::Released);
            assert!(seen.insert(row.request_id.to_string()));
        }
        assert_eq!(gate.asked("saltmarsh").await["types"]["Condition"], 1);
        assert_eq!(gate.asked("saltmarsh").await["patient_lookups"], 1);
        assert_eq!(gate.asked("estuary").await["types"]["Condition"], 1);
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_still_leaves_its_closing_row() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    gate.search(GP, "Patient", patient).await;
    gate.fault("estuary", json!({"fault": "delay", "milliseconds": 500})).await;
    let id = caregate::domain::RequestId::parse("9d5f6a30-14fb-4bd0-9d0c-5d1d1c2e7a01").unwrap();
    let request =
        gate.request(reqwest::Method::GET, &of_patient("Condition", patient)).bearer_auth(gate.token(GP).await);
    let request = request.header("x-request-id", id.to_string()).timeout(std::time::Duration::from_millis(150));
    assert!(request.send().await.is_err());
    let row = crate::harness::soon("the closing row", async || {
        let rows = gate.audit().await.request_rows(id).await.unwrap();
        rows.iter().filter_map(|row| row.row().unwrap()).find(|row| row.kind != Kind::Intent)
    })
    .await;
    assert_eq!((row.kind, row.patient), (Kind::Released, Some(patient)));
}

#[tokio::test]
async fn without_a_database_nothing_is_shown_not_even_from_memory_and_afterwards_all_is_again() {
    let server = crate::postgres::Postgres::start(&[]);
    let gate = crate::harness::Setup::default()
        .database(server.database().await)
        .set("CAREGATE__AUDIT__COMMIT_TIMEOUT_MS", 700)
        .start();
    let patient = gate.registered("F99001", 0).nhs_number;
    let whole = gate.search(GP, "Condition", patient).await;
    let read = format!("Condition/{}", whole.match_ids()[0]);
    let page = gate.search(GP, "Condition?_count=1", patient).await.next().unwrap();
    server.down();
    for path in [
        &of_patient("Condition", patient),
        &of_patient("Encounter", patient),
        &read,
        &page,
        &of_patient("Flag?x=1", patient),
    ] {
        let answer = gate.get(GP, path).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "transient"), "{path}: {}", answer.text);
        assert!(!answer.text.contains("canary"));
        assert_eq!((answer.header("retry-after"), answer.header("cache-control")), ("2", "no-store"));
    }
    let consent = gate.post(&crate::objections::persona(patient), "Consent", &one_source(patient, "RZ901")).await;
    assert_eq!(consent.status, 503, "nothing is acknowledged either");
    let ready = Answer::of(gate.request(reqwest::Method::GET, &format!("{}/health/ready", gate.url))).await;
    assert_eq!(ready.status, 503);
    server.up();
    let again = crate::harness::soon("answers again", async || {
        let answer = gate.search(GP, "Condition", patient).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(again.match_ids(), whole.match_ids());
    let ready = Answer::of(gate.request(reqwest::Method::GET, &format!("{}/health/ready", gate.url))).await;
    assert_eq!(ready.status, 200);
    let (success, text) = told(&gate, &["verify"]);
    assert!(success, "{text}");
}
