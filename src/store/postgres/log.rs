//! A log on PostgreSQL: one connection of its own, whose session holds the log's lock and runs every batch.
//!
//! A batch is one statement, a transaction of its own: it takes the epochs' locks, compares, and writes if all stand. So a
//! batch costs one round trip, and a node that stalls or is cut off in the middle holds up nobody's objection. Because the
//! batch and the lock share a session, no other process can take the log while a batch may still commit: once the lock is had
//! again, the head that is read is final. Any error but a refused row drops the connection.

use super::{Postgres, prepare};
use crate::{
    audit::{Batch, ClaimError, CommitError, Frontier, Guard, Hash, LogId, LogStore, Seal},
    domain::{StoreError, Timestamp},
    store::{
        mapping::{self, GLOBAL, count, failed, key},
        sql,
    },
};
use async_trait::async_trait;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long to wait for a lock whose holder may be just dying.
const PATIENCE: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// Locks of logs are pairs of int4, those of epochs are int8: PostgreSQL keeps the two apart.
const LOGS: i32 = 0x6361_7265;

/// Which epochs have moved; if none has and the head is where this writer left it, the rows. `moved` counts the head.
const APPEND: &str = "WITH stale AS MATERIALIZED (SELECT key FROM epochs_moved($7, $8) AS key), \
    moved AS ( \
        UPDATE log_head SET size = $3, frontier = $4, root = $5, updated_at = $6 \
        WHERE log = $1 AND size = $2 AND NOT EXISTS (SELECT FROM stale) RETURNING 1), \
    added AS ( \
        INSERT INTO audit_row (log, idx, leaf, nonce, body, kind, at, patient, request_id) \
        SELECT $1, r.* FROM unnest($9::bigint[], $10::bytea[], $11::bytea[], $12::bytea[], $13::smallint[], $14::bigint[], \
                                   $15::bigint[], $16::bytea[]) AS r WHERE EXISTS (SELECT FROM moved)), \
    listed AS ( \
        INSERT INTO audit_item_list (answer, source, patient, text, first_at) \
        SELECT i.*, $6 FROM unnest($17::text[], $18::text[], $19::bigint[], $20::bytea[]) AS i \
        WHERE EXISTS (SELECT FROM moved) ON CONFLICT DO NOTHING) \
    SELECT (SELECT count(*) FROM moved), ARRAY(SELECT key FROM stale)";

pub(super) struct PostgresLog {
    log: LogId,
    options: Arc<PgConnectOptions>,
    /// There only while it is in order and holds the lock. Taken out for each use, so that an error, or a caller who stops
    /// waiting, loses the connection: the server then rolls back and lets go of the lock.
    connection: Option<PgConnection>,
}

impl PostgresLog {
    pub(super) fn new(store: &Postgres, log: LogId) -> Self {
        Self { log, options: store.options.clone(), connection: None }
    }

    async fn connect(&self) -> Result<PgConnection, ClaimError> {
        let unavailable = |error| {
            failed(error);
            ClaimError::Unavailable
        };
        let mut connection = self.options.connect().await.map_err(unavailable)?;
        prepare(&mut connection).await.map_err(unavailable)?;
        for _ in 0..PATIENCE {
            let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, hashtext($2))");
            let locked = lock.bind(LOGS).bind(self.log.as_str()).fetch_one(&mut connection).await;
            if locked.map_err(unavailable)? {
                return Ok(connection);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(ClaimError::Taken)
    }

    async fn read_head(&self, connection: &mut PgConnection) -> Result<Frontier, ClaimError> {
        let unavailable = |error| match failed(error) {
            StoreError::Corrupt => ClaimError::Corrupt,
            _ => ClaimError::Unavailable,
        };
        let empty = Frontier::default();
        let begin = sqlx::query(sql::BEGIN_LOG).bind(self.log.as_str()).bind(empty.peaks());
        let begin = begin.bind(empty.root().0.as_slice()).bind(Timestamp::now().0);
        begin.execute(&mut *connection).await.map_err(unavailable)?;
        let head =
            sqlx::query_as(sql::HEAD).bind(self.log.as_str()).fetch_one(connection).await.map_err(unavailable)?;
        mapping::head(head).ok().and_then(|head| head.frontier()).ok_or(ClaimError::Corrupt)
    }
}

#[async_trait]
impl LogStore for PostgresLog {
    fn log(&self) -> &LogId {
        &self.log
    }

    async fn claim(&mut self) -> Result<Frontier, ClaimError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let head = self.read_head(&mut connection).await?;
        self.connection = Some(connection);
        Ok(head)
    }

    async fn commit(&mut self, guards: &[Option<Guard>], seal: &mut dyn Seal) -> Result<(), CommitError> {
        let mut connection = self.connection.take().ok_or(CommitError::Unavailable)?;
        match write(&mut connection, &self.log, guards, seal).await {
            Ok(()) => {
                self.connection = Some(connection);
                Ok(())
            }
            Err(error) if is_about_data(&error) => {
                failed(error);
                self.connection = Some(connection);
                Err(CommitError::Refused)
            }
            Err(error) => {
                failed(error);
                Err(CommitError::Unavailable)
            }
        }
    }

    async fn save_checkpoint(&mut self, size: u64, note: &str, at: Timestamp) -> Result<(), StoreError> {
        let mut connection = self.connection.take().ok_or(StoreError::Unavailable)?;
        let insert = sqlx::query(sql::SAVE_CHECKPOINT).bind(self.log.as_str()).bind(count(size)).bind(note).bind(at.0);
        insert.execute(&mut connection).await.map_err(failed)?;
        self.connection = Some(connection);
        Ok(())
    }
}

/// Writes what stands. A guard is first taken to stand; the statement says which do not, and writes nothing then. They are
/// stale for good, since epochs only rise, so each further attempt is for fewer rows.
async fn write(
    connection: &mut PgConnection,
    log: &LogId,
    guards: &[Option<Guard>],
    seal: &mut dyn Seal,
) -> Result<(), sqlx::Error> {
    let mut expected = expected(guards);
    loop {
        let stands = |guard: &Guard| {
            let of_patient = |patient| expected.get(&key(patient)) == Some(&guard.epochs.patient);
            guard.patient.is_none_or(of_patient) && expected.get(&GLOBAL) == Some(&guard.epochs.global)
        };
        let stands: Vec<bool> = guards.iter().map(|guard| guard.as_ref().is_none_or(stands)).collect();
        let batch = seal.seal(&stands);
        if batch.rows.is_empty() {
            return Ok(());
        }
        let (moved, stale) = append(connection, log, &expected, &batch).await?;
        match moved {
            1 => return Ok(()),
            // the head is not where this writer left it: it must be read again
            _ if stale.is_empty() => return Err(sqlx::Error::RowNotFound),
            _ => expected.retain(|key, _| !stale.contains(key)),
        }
    }
}

/// What the epochs must be for a guard to stand, in the order in which their locks are taken: the global one first. Where two
/// guards differ, the lower one is stale already.
fn expected(guards: &[Option<Guard>]) -> BTreeMap<i64, i64> {
    let mut expected = BTreeMap::new();
    for guard in guards.iter().flatten() {
        let of_patient = guard.patient.map(|patient| (key(patient), guard.epochs.patient));
        for (key, epoch) in [(GLOBAL, guard.epochs.global)].into_iter().chain(of_patient) {
            let highest = expected.entry(key).or_insert(epoch);
            *highest = epoch.max(*highest);
        }
    }
    expected
}

async fn append(
    connection: &mut PgConnection,
    log: &LogId,
    expected: &BTreeMap<i64, i64>,
    batch: &Batch<'_>,
) -> Result<(i64, Vec<i64>), sqlx::Error> {
    let rows = || batch.rows.iter().map(|(row, _)| *row);
    let items = || batch.items.iter();
    let Hash(root) = batch.head.root();
    let append = sqlx::query_as(APPEND)
        .bind(log.as_str())
        .bind(count(batch.size))
        .bind(count(batch.head.size()))
        .bind(batch.head.peaks())
        .bind(root.as_slice())
        .bind(batch.at.0)
        .bind(expected.keys().copied().collect::<Vec<_>>())
        .bind(expected.values().copied().collect::<Vec<_>>())
        .bind((count(batch.size)..count(batch.head.size())).collect::<Vec<_>>())
        .bind(batch.rows.iter().map(|(_, leaf)| leaf.0.as_slice()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.nonce.as_slice()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.body.as_ref()).collect::<Vec<&[u8]>>())
        .bind(rows().map(|r| r.kind.code()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.at.0).collect::<Vec<_>>())
        .bind(rows().map(|r| r.patient.map(key)).collect::<Vec<_>>())
        .bind(rows().map(|r| r.request_id.0.as_bytes().as_slice()).collect::<Vec<_>>())
        .bind(items().map(|i| i.id.0.as_str()).collect::<Vec<_>>())
        .bind(items().map(|i| i.source.as_str()).collect::<Vec<_>>())
        .bind(items().map(|i| key(i.patient)).collect::<Vec<_>>())
        .bind(items().map(|i| i.text.as_bytes()).collect::<Vec<_>>());
    append.fetch_one(connection).await
}

/// SQLSTATE classes of what a row's content can cause: data exceptions, and limits such as an index entry too large. A broken
/// constraint is among them, but not a taken key: that would mean that the head is not what it was taken for.
fn is_about_data(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    code != "23505" && ["22", "23", "54"].iter().any(|class| code.starts_with(class))
}
