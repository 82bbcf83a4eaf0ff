//! An objection posted while records are read: once it is acknowledged nothing of the record goes out on any node, and by
//! the database's own order no release commits after it.
//!
//! Two orders are held against it: without any clock, the order of the rows in the log of the node that took the
//! objection; and on PostgreSQL, over all nodes, commit timestamps, which it takes while the epoch's lock is still held.

use crate::{
    database::{Database, postgres, sqlite},
    load::{Answer, Ask, Heard, Load, TYPES},
    postgres::Postgres,
    process::{Gateway, Region},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
const READING: Duration = Duration::from_millis(500);

/// When a change was sent and when its acknowledgement had come.
struct Change {
    sent: Instant,
    acknowledged: Instant,
}

struct Patient {
    http: Client,
    token: String,
    number: String,
}

impl Patient {
    async fn objects(&self, gateway: &Gateway) -> (Change, Value) {
        let coding = |system: &str, code: &str| json!({"coding": [{"system": system, "code": code}]});
        let consent = json!({
            "resourceType": "Consent",
            "status": "active",
            "scope": coding("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
            "category": [coding("http://loinc.org", "59284-0")],
            "patient": {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": self.number}},
            "dateTime": "2026-11-21",
            "policyRule": coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTOUT"),
            "provision": {"type": "deny"},
        });
        self.send(Method::POST, format!("{}/fhir/Consent", gateway.url), consent).await
    }

    async fn withdraws(&self, gateway: &Gateway, mut consent: Value) -> Change {
        consent["status"] = "inactive".into();
        let url = format!("{}/fhir/Consent/{}", gateway.url, consent["id"].as_str().unwrap());
        self.send(Method::PUT, url, consent).await.0
    }

    async fn send(&self, method: Method, url: String, consent: Value) -> (Change, Value) {
        let request = self.http.request(method, url).bearer_auth(&self.token);
        let request = request.header("content-type", "application/fhir+json").body(consent.to_string());
        let sent = Instant::now();
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.text().await.unwrap();
        let acknowledged = Instant::now();
        assert!(status.is_success(), "{status}: {body}");
        (Change { sent, acknowledged }, serde_json::from_str(&body).unwrap())
    }
}

/// Reads of the patient on every gateway, and of the others; objections at the first. What was heard about the patient, and
/// the changes: objection, withdrawal, objection...
async fn race(region: &Region, gateways: &[Gateway]) -> (Vec<Answer>, Vec<Change>) {
    let token = region.token("gp-saltmarsh").await;
    let [number, others @ ..] = region.patients.as_slice() else { panic!("no patients") };
    let searches = |of: &[String]| -> Vec<Ask> {
        of.iter().flat_map(|number| TYPES[1..].iter().map(|kind| Ask::of(kind, number, &token))).collect()
    };
    let mut loads = Vec::new();
    for gateway in gateways {
        loads.push(Load::start(gateway, 24 / gateways.len(), &searches(std::slice::from_ref(number)), "\"Bundle\""));
    }
    let elsewhere: Vec<Load> = gateways.iter().map(|one| Load::start(one, 4, &searches(others), "")).collect();

    let token = region.token(&format!("patient:{number}")).await;
    let patient = Patient { http: region.http.clone(), token, number: number.clone() };
    let mut changes = Vec::new();
    for _ in 0..ROUNDS {
        tokio::time::sleep(READING).await;
        let (objection, consent) = patient.objects(&gateways[0]).await;
        tokio::time::sleep(READING).await;
        let withdrawal = patient.withdraws(&gateways[0], consent).await;
        changes.extend([objection, withdrawal]);
    }
    tokio::time::sleep(READING).await;
    let mut about = Vec::new();
    for load in loads {
        let Heard { answers, broken } = load.stop().await;
        assert!(broken.is_empty(), "{} requests were not answered", broken.len());
        about.extend(answers);
    }
    for load in elsewhere {
        load.stop().await;
    }
    (about, changes)
}

/// After a change is acknowledged and until the next is sent there is one right answer.
fn every_answer_is_as_last_acknowledged(answers: &[Answer], changes: &[Change]) {
    for (index, change) in changes.iter().enumerate() {
        let until = changes.get(index + 1).map(|next| next.sent);
        let settled = answers.iter().filter(|answer| answer.sent > change.acknowledged);
        let settled: Vec<&Answer> = settled.filter(|answer| until.is_none_or(|until| answer.done < until)).collect();
        let objected = index % 2 == 0;
        let wanted = if objected { 403 } else { 200 };
        let wrong = settled.iter().filter(|answer| answer.status != wanted || answer.marked == objected).count();
        assert_eq!(wrong, 0, "of {} answers to requests sent after change {index}", settled.len());
        assert!(settled.len() > 10, "only {} requests between two changes", settled.len());
    }
}

fn acknowledged_within_a_second(changes: &[Change], reads: usize) {
    let slowest = changes.iter().map(|change| change.acknowledged - change.sent).max().unwrap();
    println!("{reads} reads, {} changes, the slowest acknowledged after {slowest:.1?}", changes.len());
    assert!(slowest < Duration::from_secs(1), "{slowest:.1?}");
}

/// By the order of its rows: in the log of the node that took the objections, none releases the record between an
/// objection's closing row, which stands behind its commit, and a withdrawal's intent, which stands before.
async fn no_release_stands_behind_an_objection(database: &Database, number: &str) {
    let rows = format!("SELECT idx, body FROM audit_row WHERE patient = {number} AND log = 'a' ORDER BY idx");
    let rows: Vec<(i64, Vec<u8>)> = match database {
        Database::Sqlite(path) => sqlx::query_as(AssertSqlSafe(rows)).fetch_all(&mut sqlite(path).await).await,
        Database::Postgres(url) => sqlx::query_as(AssertSqlSafe(rows)).fetch_all(&mut postgres(url).await).await,
    }
    .unwrap();
    let (mut releases, mut objections, mut objected) = (0, 0, false);
    for (index, body) in &rows {
        let body: Value = serde_json::from_slice(body).unwrap();
        let is_consent = body["resourceType"] == "Consent";
        match (body["kind"].as_str().unwrap(), is_consent, body["interaction"].as_str().unwrap()) {
            ("released", true, "create") => (objected, objections) = (true, objections + 1),
            ("intent", true, "update") => objected = false,
            ("released", false, _) => {
                assert!(!objected, "row {index} releases behind an objection");
                releases += 1;
            }
            _ => {}
        }
    }
    assert_eq!(objections, ROUNDS);
    assert!(releases > 50, "only {releases} releases");
}

/// By the commits' timestamps and the epochs in the rows: each release commits after the change that began its epoch and
/// before the one that ended it, and none has the epoch of an objection.
async fn no_release_commits_after_an_objection(url: &str, number: &str) {
    let mut connection = postgres(url).await;
    let committed = "(extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint AS committed";
    let released = format!("SELECT body, {committed} FROM audit_row WHERE patient = {number} AND kind = 1");
    let released: Vec<(Vec<u8>, i64)> =
        sqlx::query_as(AssertSqlSafe(released)).fetch_all(&mut connection).await.unwrap();
    let raises = format!("SELECT {committed} FROM consent WHERE patient = {number} ORDER BY committed");
    let raises: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(raises)).fetch_all(&mut connection).await.unwrap();
    let epoch = format!("SELECT epoch FROM epoch WHERE key = {number}");
    let epoch = Database::Postgres(url.to_owned()).number(&epoch).await;
    assert_eq!(epoch, i64::try_from(raises.len()).unwrap(), "nothing else raised the patient's epoch");

    for (body, committed) in &released {
        let body: Value = serde_json::from_slice(body).unwrap();
        if body["resourceType"] == "Consent" {
            continue;
        }
        let epoch = usize::try_from(body["epochs"]["patient"].as_i64().unwrap()).unwrap();
        assert_eq!(epoch % 2, 0, "released while an objection stood");
        let from = epoch.checked_sub(1).map_or(i64::MIN, |last| raises[last]);
        let until = raises.get(epoch).copied().unwrap_or(i64::MAX);
        assert!((from..=until).contains(committed), "committed outside its epoch {epoch}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_record_goes_out_on_two_nodes_after_an_objection_is_acknowledged_on_one() {
    let region = Region::start().await;
    let server = Postgres::start(&["track_commit_timestamp=on"]);
    let url = server.database().await;
    let database = Database::Postgres(url.clone());
    let gateways = [region.node("a", &database).start(), region.node("b", &database).start()];
    let (answers, changes) = race(&region, &gateways).await;
    every_answer_is_as_last_acknowledged(&answers, &changes);
    acknowledged_within_a_second(&changes, answers.len());
    no_release_stands_behind_an_objection(&database, &region.patients[0]).await;
    no_release_commits_after_an_objection(&url, &region.patients[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_record_goes_out_after_an_objection_is_acknowledged_on_sqlite() {
    let region = Region::start().await;
    let database = region.sqlite();
    let gateways = [region.node("a", &database).start()];
    let (answers, changes) = race(&region, &gateways).await;
    every_answer_is_as_last_acknowledged(&answers, &changes);
    acknowledged_within_a_second(&changes, answers.len());
    no_release_stands_behind_an_objection(&database, &region.patients[0]).await;
}
