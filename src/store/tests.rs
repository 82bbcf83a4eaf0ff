//! One story, told over either database; what only one of them can do stands at the end.

#[path = "../../tests/common/postgres.rs"]
mod postgres;

mod as_of;
mod assertions;
mod desk;
mod directory;
mod durability;
mod facts;
mod ledger;
mod log;
mod plans;
mod reader;
mod tampering;
mod throughput;

use super::{DatabaseUrl, Store};
use crate::{
    access::Recorder,
    audit::{AuditLog, Guard, ItemRanges, Items, Kind, LogId, LogOptions, Row, Signer, SourceLine},
    domain::{Epochs, NhsNumber, OdsCode, RequestId, Timestamp},
};
use postgres::Postgres;
use std::{sync::Arc, time::Duration};

/// A fresh database, and what it needs to stay.
struct Fixture {
    url: DatabaseUrl,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("test.db").display());
        Self { url: DatabaseUrl::parse(&url).unwrap(), directory }
    }

    async fn postgres() -> Self {
        let url = DatabaseUrl::parse(&Postgres::shared().database().await).unwrap();
        Self { url, directory: tempfile::tempdir().unwrap() }
    }

    /// A database of each kind: every story is told twice.
    async fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres().await]
    }

    async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// Runs a statement behind the gateway's back.
    async fn tamper(&self, statement: impl Into<String>) {
        self.try_tamper(statement).await.unwrap();
    }

    /// What a `SELECT count(*)` says.
    async fn count(&self, query: &'static str) -> i64 {
        use sqlx::ConnectOptions as _;
        match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
            }
            DatabaseUrl::Postgres(options) => {
                let mut connection = options.connect().await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    async fn try_tamper(&self, statement: impl Into<String>) -> Result<(), sqlx::Error> {
        use sqlx::ConnectOptions as _;
        let statement = statement.into();
        match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await?;
                // the same statements work on both, but for how bytes are written
                let statement = statement.replace("'\\x", "x'");
                sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
            }
            DatabaseUrl::Postgres(options) => {
                let mut connection = options.connect().await?;
                sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
            }
        }
        Ok(())
    }
}

fn patient(nth: u64) -> NhsNumber {
    // from the range that no person has
    (9_990_000_000..).filter_map(|n| NhsNumber::from_value(n).ok()).nth(usize::try_from(nth).unwrap()).unwrap()
}

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

fn clerk() -> Recorder {
    Recorder { issuer: "https://id.example".into(), subject: "clerk".into(), organisation: Some(ods("RZ901")) }
}

fn signer() -> Signer {
    Signer::new("caregate.example/audit", &[7; 32]).unwrap()
}

fn log_id(name: &str) -> LogId {
    LogId::parse(name).unwrap()
}

fn options() -> LogOptions {
    LogOptions::new(signer())
}

async fn start(store: &Store, name: &str) -> AuditLog {
    AuditLog::start(store.log(log_id(name)), options()).await.unwrap()
}

fn row(kind: Kind, patient: Option<NhsNumber>) -> Row {
    Row {
        patient,
        interaction: "search".into(),
        request: "GET /fhir/Condition?patient=1".into(),
        resource_type: Some("Condition".into()),
        status: 200,
        ..Row::blank(kind, RequestId::fresh())
    }
}

/// A release row that draws on these items: the first is shown, the second withheld.
fn release_of(items: &Items) -> Row {
    let line = SourceLine {
        source: items.source,
        outcome: "answered".into(),
        reason: None,
        fetched_at: None,
        answer: Some(items.id.clone()),
        released: ItemRanges::of([0]),
        withheld: ItemRanges::of([1]),
    };
    Row { sources: vec![line], ..row(Kind::Released, Some(items.patient)) }
}

fn items(patient: NhsNumber, name: &str) -> Arc<Items> {
    let lines = [format!("Condition/{name} 1 {:064x} -", 1), format!("Condition/{name}-b - {:064x} R", 2)];
    Arc::new(Items::new(ods("RZ901"), patient, "Condition", lines).unwrap())
}

/// The guard of a permit decided under what is stored now.
async fn guard(store: &Store, patient: NhsNumber) -> Guard {
    let facts = store.facts();
    let global = facts.global_facts().await.unwrap().epoch;
    let epochs = Epochs { patient: facts.patient_facts(patient).await.unwrap().epoch, global };
    Guard { patient: Some(patient), epochs, valid_until: Timestamp::now().plus(Duration::from_secs(60)) }
}
