//! Audit rows by group commit, beside the least that the same rows could cost on the same database: one prepared INSERT
//! after the other, of as many rows as wait, into a table of the same shape, without epochs, head or tree.

use crate::{
    Effort,
    aims::{
        AUDIT_POSTGRES_1, AUDIT_POSTGRES_64, AUDIT_POSTGRES_256, AUDIT_SQLITE_1, AUDIT_SQLITE_64, AUDIT_SQLITE_256,
        Line,
    },
    machine::MEASURED,
    postgres::Postgres,
    program, progress, records,
    report::{Report, number},
    rows::answers::pin,
    spread::Spread,
};
use caregate::{
    audit::{AuditLog, Guard, ItemRanges, Kind, LogId, LogOptions, Row, Signer, SourceLine},
    domain::{Epochs, NhsNumber, OdsCode, RequestId, Timestamp},
    store::{DatabaseUrl, Store},
};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, QueryBuilder, SqliteConnection, sqlite::SqliteConnectOptions,
};
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

pub async fn measure(effort: Effort, report: &mut Report) {
    let server = Postgres::start(&[]);
    pin(&server, MEASURED).await;
    let url = server.database().await;
    let log = Log::open(&url).await;
    let mut plain = Plain::postgres(&url).await;
    rows(effort, report, &log, &mut plain, [&AUDIT_POSTGRES_1, &AUDIT_POSTGRES_64, &AUDIT_POSTGRES_256]).await;
    log.audit.close().await;

    let (_directory, directory) = program::directory();
    let file = directory.join("audit.db");
    let log = Log::open(&format!("sqlite:{}", file.display())).await;
    let mut plain = Plain::sqlite(&file).await;
    rows(effort, report, &log, &mut plain, [&AUDIT_SQLITE_1, &AUDIT_SQLITE_64, &AUDIT_SQLITE_256]).await;
    log.audit.close().await;
}

async fn rows(effort: Effort, report: &mut Report, log: &Log, plain: &mut Plain, lines: [&'static Line; 3]) {
    let lasting = Duration::from_millis(if effort.quick { 300 } else { 2000 });
    for (waiting, line) in [1, 64, 256].into_iter().zip(lines) {
        progress(line.what);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..effort.of(3, 2) {
            theirs.push(plain.rate(waiting, lasting).await);
            ours.push(log.rate(waiting, true, lasting).await);
        }
        let half = |all: &[f64]| number(Spread::of(all.iter().copied()).median());
        let told = format!("{} rows/s, plain {} rows/s, of {} bytes", half(&ours), half(&theirs), log.bytes);
        report.tell(line, Spread::ratios(&ours, &theirs), told);
    }
}

/// The log as a node writes it, with its guards.
pub struct Log {
    pub audit: AuditLog,
    patients: Vec<NhsNumber>,
    bytes: usize,
}

impl Log {
    pub async fn open(url: &str) -> Self {
        let store = Store::open(&DatabaseUrl::parse(url).expect("a URL")).await.expect("the database opens");
        let signer = Signer::new("caregate.example/audit", &[7; 32]).expect("a key");
        let log = store.log(LogId::parse("bench").expect("an id"));
        let audit = AuditLog::start(log, LogOptions::new(signer)).await.expect("the log is ours");
        let patients = records::patients(256);
        for patient in &patients {
            // each has an epoch, as a patient has whom anything was ever written about
            let source = OdsCode::parse("RZ901").expect("a code");
            store.standing().quarantine(source, *patient, "bench").await.expect("it is written");
        }
        let bytes = serde_json::to_vec(&row(patients[0])).expect("JSON").len();
        Self { audit, patients, bytes }
    }

    /// Rows a second, with so many waiting all the time.
    pub async fn rate(&self, waiting: usize, guarded: bool, lasting: Duration) -> f64 {
        let written = AtomicU64::new(0);
        let began = Instant::now();
        let writers = self.patients.iter().take(waiting).map(|patient| {
            let written = &written;
            async move {
                while began.elapsed() < lasting {
                    let epochs = Epochs { patient: 1, global: 0 };
                    let valid_until = Timestamp::now().plus(Duration::from_secs(60));
                    let guard = guarded.then_some(Guard { patient: Some(*patient), epochs, valid_until });
                    self.audit.commit(row(*patient), guard, Vec::new()).await.expect("it is committed");
                    written.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        futures::future::join_all(writers).await;
        #[expect(clippy::cast_precision_loss, reason = "some millions")]
        let written = written.into_inner() as f64;
        written / began.elapsed().as_secs_f64()
    }
}

/// A release of two sources' entries, as large as rows are.
fn row(patient: NhsNumber) -> Row {
    let source = |code: &str| SourceLine {
        fetched_at: Some(Timestamp::now()),
        released: ItemRanges::of(0..8),
        ..SourceLine::new(OdsCode::parse(code).expect("a code"), "answered")
    };
    Row {
        kind: Kind::Released,
        at: Timestamp::now(),
        request_id: RequestId::fresh(),
        who: None,
        patient: Some(patient),
        interaction: "search".into(),
        request: "GET /fhir/Observation?patient.identifier=https://fhir.nhs.uk/Id/nhs-number|...&_sort=-date".into(),
        resource_type: Some("Observation".into()),
        decided_at: Some(Timestamp::now()),
        purpose: Some("TREAT".into()),
        basis: Some("registered: generalPractitioner at F99001".into()),
        rules: Vec::new(),
        policy: None,
        epochs: Some(Epochs { patient: 1, global: 0 }),
        evidence: None,
        overriding: None,
        held: None,
        status: 200,
        reason: None,
        count: None,
        identified: None,
        sources: vec![source("F99001"), source("RZ901")],
    }
}

enum Database {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

struct Plain {
    database: Database,
    next: i64,
    body: Vec<u8>,
}

impl Plain {
    async fn postgres(url: &str) -> Self {
        let mut connection = PgConnection::connect(url).await.expect("the server answers");
        let like = "CREATE TABLE plain (LIKE audit_row INCLUDING ALL)";
        sqlx::raw_sql(like).execute(&mut connection).await.expect("a table");
        Self::into(Database::Postgres(connection))
    }

    async fn sqlite(file: &Path) -> Self {
        // WAL is the file's; how it is synced is each connection's, and the gateway's is `full`
        let options = SqliteConnectOptions::new().filename(file).synchronous(sqlx::sqlite::SqliteSynchronous::Full);
        let mut connection = options.busy_timeout(Duration::from_secs(5)).connect().await.expect("the file opens");
        let own = "SELECT sql FROM sqlite_master WHERE tbl_name = 'audit_row' AND sql IS NOT NULL";
        let own: Vec<String> = sqlx::query_scalar(own).fetch_all(&mut connection).await.expect("its shape");
        for sql in own {
            let sql = sqlx::AssertSqlSafe(sql.replace("audit_row", "plain"));
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("a table of the same");
        }
        Self::into(Database::Sqlite(connection))
    }

    fn into(database: Database) -> Self {
        let body = serde_json::to_vec(&row(records::patients(1)[0])).expect("JSON");
        Self { database, next: 0, body }
    }

    async fn rate(&mut self, waiting: usize, lasting: Duration) -> f64 {
        let (began, first) = (Instant::now(), self.next);
        while began.elapsed() < lasting {
            let ids: Vec<i64> = (self.next..).take(waiting).collect();
            self.next += i64::try_from(waiting).expect("a few");
            insert(&mut self.database, &ids, &self.body).await.expect("they are written");
        }
        #[expect(clippy::cast_precision_loss, reason = "some millions")]
        let written = (self.next - first) as f64;
        written / began.elapsed().as_secs_f64()
    }
}

async fn insert(database: &mut Database, ids: &[i64], body: &[u8]) -> Result<(), sqlx::Error> {
    // as random as they are in the log: an index must be filled as there
    let requests: Vec<[u8; 16]> = ids.iter().map(|_| *RequestId::fresh().0.as_bytes()).collect();
    let (hash, nonce) = ([7_u8; 32], [7_u8; 16]);
    match database {
        Database::Postgres(connection) => {
            let insert = "INSERT INTO plain SELECT 'bench', r.* FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], \
                $5::smallint[], $6::bigint[], $7::bigint[], $8::bytea[]) AS r";
            let insert = sqlx::query(insert)
                .bind(ids)
                .bind(vec![hash.as_slice(); ids.len()])
                .bind(vec![nonce.as_slice(); ids.len()])
                .bind(vec![body; ids.len()])
                .bind(vec![1_i16; ids.len()])
                .bind(vec![Timestamp::now().0; ids.len()])
                .bind(ids.iter().map(|id| 9_990_000_018 + id % 256).collect::<Vec<_>>())
                .bind(requests.iter().map(<[u8; 16]>::as_slice).collect::<Vec<_>>());
            insert.execute(connection).await.map(drop)
        }
        Database::Sqlite(connection) => {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            for (ids, requests) in ids.chunks(64).zip(requests.chunks(64)) {
                let mut insert = QueryBuilder::new(
                    "INSERT INTO plain (log, idx, leaf, nonce, body, kind, at, patient, request_id) ",
                );
                insert.push_values(ids.iter().zip(requests), |mut values, (id, request)| {
                    values.push_bind("bench").push_bind(id).push_bind(hash.as_slice()).push_bind(nonce.as_slice());
                    values.push_bind(body).push_bind(1_i16).push_bind(Timestamp::now().0);
                    values.push_bind(9_990_000_018 + id % 256).push_bind(request.as_slice());
                });
                insert.build().execute(&mut *transaction).await?;
            }
            transaction.commit().await
        }
    }
}
