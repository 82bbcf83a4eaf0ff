use super::*;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// `cargo test --lib throughput -- --ignored --nocapture`: rows a second by group commit, guarded as releases are.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn rows_a_second_by_group_commit() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        for (committers, indexes) in [(1, true), (64, true), (256, true), (64, false)] {
            if !indexes {
                fixture.tamper("DROP INDEX audit_row_request").await;
            }
            let rows = measure(&store, &log, committers).await;
            println!("{:?} {committers} committers, request index {indexes}: {rows:.0} rows/s", fixture.url);
        }
        log.close().await;
        if let DatabaseUrl::Postgres(options) = &fixture.url {
            println!("  of which the bare insert of 64 rows at once: {:.0} rows/s", bare(options).await);
        }
    }
}

/// The least that a batch could cost: its rows into one table of the same shape, without epochs, head or tree.
async fn bare(options: &sqlx::postgres::PgConnectOptions) -> f64 {
    use sqlx::ConnectOptions as _;
    let mut connection = options.connect().await.unwrap();
    let like = "CREATE TABLE bare (LIKE audit_row INCLUDING ALL)";
    sqlx::raw_sql(like).execute(&mut connection).await.unwrap();
    let insert = "INSERT INTO bare SELECT 'a', r.*, '\\x01', '\\x01', 1, 1, 1, '\\x01' FROM unnest($1::bigint[], $2::bytea[]) AS r";
    let body = vec![b'x'; 450];
    let (started, mut next) = (Instant::now(), 0_i64);
    while started.elapsed() < Duration::from_secs(3) {
        let rows = sqlx::query(insert).bind((next..next + 64).collect::<Vec<_>>()).bind(vec![body.as_slice(); 64]);
        rows.execute(&mut connection).await.unwrap();
        next += 64;
    }
    #[expect(clippy::cast_precision_loss, reason = "a printed figure")]
    let rows = next as f64;
    rows / started.elapsed().as_secs_f64()
}

async fn measure(store: &Store, log: &AuditLog, committers: u64) -> f64 {
    let rows = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let tasks: Vec<_> = (0..committers)
        .map(|i| {
            let (store, log, rows) = (store.clone(), log.clone(), rows.clone());
            tokio::spawn(async move {
                let of = patient(i);
                let guard = guard(&store, of).await;
                while started.elapsed() < Duration::from_secs(3) {
                    log.commit(row(Kind::Released, Some(of)), Some(guard), Vec::new()).await.unwrap();
                    rows.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "a printed figure")]
    let rows = rows.load(Ordering::Relaxed) as f64;
    rows / started.elapsed().as_secs_f64()
}
