//! What it costs that no release commits across a change of the facts it was decided on: the epochs of 64 releases locked and
//! read in their transaction, beside the same only read, and not even that.

use crate::{
    Effort,
    aims::{GUARDED_POSTGRES, GUARDED_SQLITE, STRICT},
    machine::MEASURED,
    postgres::Postgres,
    program, records,
    report::{Report, number},
    rows::{answers::pin, audit::Log},
    spread::Spread,
};
use caregate::domain::RequestId;
use sqlx::{Connection as _, PgConnection};
use std::time::{Duration, Instant};

const RELEASES: usize = 64;

/// `epochs_moved` is the database's own function, as the log calls it.
const STRICTLY: &str = "SELECT key FROM epochs_moved($1::bigint[], $2::bigint[]) AS key";
const READ: &str = "SELECT g.key FROM unnest($1::bigint[], $2::bigint[]) AS g (key, epoch) LEFT JOIN epoch AS e ON e.key = g.key \
    WHERE coalesce(e.epoch, 0) <> g.epoch";
const NEITHER: &str = "SELECT 0 WHERE cardinality($1::bigint[]) < 0 AND cardinality($2::bigint[]) < 0";

pub async fn measure(effort: Effort, report: &mut Report) {
    let lasting = Duration::from_millis(if effort.quick { 300 } else { 1500 });
    let rounds = effort.of(5, 2);
    let server = Postgres::start(&[]);
    pin(&server, MEASURED).await;
    let url = server.database().await;
    let log = Log::open(&url).await;

    let mut connection = PgConnection::connect(&url).await.expect("the server answers");
    let like = "CREATE TABLE plain (LIKE audit_row INCLUDING ALL)";
    sqlx::raw_sql(like).execute(&mut connection).await.expect("a table");
    let mut next = 0;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (check, times) in [STRICTLY, READ, NEITHER].into_iter().zip(&mut times) {
            times.push(time(&mut connection, check, &mut next, lasting).await);
        }
    }
    let [strictly, read, neither] = times;
    let rows = |times: &[f64]| number(1.0 / Spread::of(times.iter().copied()).median());
    let told = format!("{} rows/s locked and read, {} read, {} neither", rows(&strictly), rows(&read), rows(&neither));
    report.tell(&STRICT, Spread::ratios(&strictly, &read), told);

    let (_directory, directory) = program::directory();
    let sqlite = Log::open(&format!("sqlite:{}", directory.join("epochs.db").display())).await;
    for (log, line) in [(&log, &GUARDED_POSTGRES), (&sqlite, &GUARDED_SQLITE)] {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            without.push(log.rate(RELEASES, false, lasting).await);
            with.push(log.rate(RELEASES, true, lasting).await);
        }
        let half = |rates: &[f64]| number(Spread::of(rates.iter().copied()).median());
        let told = format!("{} rows/s with, {} without", half(&with), half(&without));
        report.tell(line, Spread::ratios(&with, &without), told);
        log.audit.close().await;
    }
}

/// Seconds a row.
async fn time(connection: &mut PgConnection, check: &str, next: &mut i64, lasting: Duration) -> f64 {
    let insert = format!(
        "WITH stale AS MATERIALIZED ({check}) INSERT INTO plain \
         SELECT 'bench', r.* FROM unnest($3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::smallint[], $8::bigint[], \
         $9::bigint[], $10::bytea[]) AS r WHERE NOT EXISTS (SELECT FROM stale)"
    );
    let keys: Vec<i64> =
        records::patients(RELEASES).iter().map(|n| i64::try_from(n.value()).expect("ten digits")).collect();
    let (hash, body) = ([7_u8; 32], [b'x'; 500]);
    let (began, first) = (Instant::now(), *next);
    while began.elapsed() < lasting {
        let ids: Vec<i64> = (*next..).take(RELEASES).collect();
        *next += 64;
        let requests: Vec<[u8; 16]> = ids.iter().map(|_| *RequestId::fresh().0.as_bytes()).collect();
        let insert = sqlx::query(sqlx::AssertSqlSafe(insert.clone()))
            .bind(&keys)
            .bind(vec![1_i64; RELEASES])
            .bind(&ids)
            .bind(vec![hash.as_slice(); RELEASES])
            .bind(vec![&hash[..16]; RELEASES])
            .bind(vec![body.as_slice(); RELEASES])
            .bind(vec![1_i16; RELEASES])
            .bind(vec![0_i64; RELEASES])
            .bind(&keys)
            .bind(requests.iter().map(<[u8; 16]>::as_slice).collect::<Vec<_>>());
        let written = insert.execute(&mut *connection).await.expect("they are written").rows_affected();
        assert_eq!(written, 64, "every epoch stands");
    }
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
    let written = (*next - first) as f64;
    began.elapsed().as_secs_f64() / written
}
