//! A log on PostgreSQL: one connection of its own, whose session holds the log's lock and runs every batch.
//!
//! Because the batch and the lock share a session, no other process can take the log while a batch may still commit:
//! once the lock is had again, the head that is read is final. Any error but a refused row drops the connection.

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
use std::{collections::HashMap, time::Duration};

/// How long to wait for a lock whose holder may be just dying.
const PATIENCE: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// Locks of logs are pairs of int4, those of epochs are int8: PostgreSQL keeps the two apart.
const LOGS: i32 = 0x6361_7265;

const APPEND: &str = "WITH moved AS ( \
        UPDATE log_head SET size = $3, frontier = $4, root = $5, updated_at = $6 WHERE log = $1 AND size = $2 RETURNING 1), \
    added AS ( \
        INSERT INTO audit_row (log, idx, leaf, nonce, body, kind, at, patient, request_id) \
        SELECT $1, r.* FROM unnest($7::bigint[], $8::bytea[], $9::bytea[], $10::bytea[], $11::smallint[], $12::bigint[], \
                                   $13::bigint[], $14::bytea[]) AS r) \
    SELECT count(*) FROM moved";

const ADD_ITEMS: &str = "INSERT INTO audit_item_list (answer, source, patient, text, first_at) \
    SELECT i.*, $5 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) AS i ON CONFLICT DO NOTHING";

pub(in crate::store) struct PostgresLog {
    log: LogId,
    options: PgConnectOptions,
    /// There only while it is in order and holds the lock. Taken out for each use, so that an error, or a caller who stops
    /// waiting, loses the connection: the server then rolls back and lets go of the lock.
    connection: Option<PgConnection>,
}

impl PostgresLog {
    pub(in crate::store) fn new(store: &Postgres, log: LogId) -> Self {
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
        match transact(&mut connection, &self.log, guards, seal).await {
            Ok(()) => {
                self.connection = Some(connection);
                Ok(())
            }
            Err(error) if is_about_data(&error) => {
                failed(error);
                let rolled_back = sqlx::raw_sql("ROLLBACK").execute(&mut connection).await;
                rolled_back.map_err(unavailable)?;
                self.connection = Some(connection);
                Err(CommitError::Refused)
            }
            Err(error) => Err(unavailable(error)),
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

async fn transact(
    connection: &mut PgConnection,
    log: &LogId,
    guards: &[Option<Guard>],
    seal: &mut dyn Seal,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("BEGIN ISOLATION LEVEL READ COMMITTED").execute(&mut *connection).await?;
    let stands = stands(connection, guards).await?;
    let batch = seal.seal(&stands);
    if batch.rows.is_empty() {
        sqlx::raw_sql("ROLLBACK").execute(connection).await?;
        return Ok(());
    }
    add_items(connection, &batch).await?;
    append(connection, log, &batch).await?;
    sqlx::raw_sql("COMMIT").execute(connection).await?;
    Ok(())
}

/// Takes the epochs' locks, the global one first and then in the order of the keys, and compares.
async fn stands(connection: &mut PgConnection, guards: &[Option<Guard>]) -> Result<Vec<bool>, sqlx::Error> {
    let mut keys: Vec<i64> = guards.iter().flatten().map(|guard| key(guard.patient)).collect();
    if keys.is_empty() {
        return Ok(vec![true; guards.len()]);
    }
    keys.push(GLOBAL);
    keys.sort_unstable();
    keys.dedup();
    let held = sqlx::query_as("SELECT key, epoch FROM epochs_held($1)").bind(keys);
    let epochs: HashMap<i64, i64> = held.fetch_all(connection).await?.into_iter().collect();
    Ok(mapping::stands(guards, &epochs))
}

async fn add_items(connection: &mut PgConnection, batch: &Batch<'_>) -> Result<(), sqlx::Error> {
    if batch.items.is_empty() {
        return Ok(());
    }
    let items = || batch.items.iter();
    let insert = sqlx::query(ADD_ITEMS)
        .bind(items().map(|i| i.id.0.as_str()).collect::<Vec<_>>())
        .bind(items().map(|i| i.source.as_str()).collect::<Vec<_>>())
        .bind(items().map(|i| key(i.patient)).collect::<Vec<_>>())
        .bind(items().map(|i| i.text.as_bytes()).collect::<Vec<_>>())
        .bind(batch.at.0);
    insert.execute(connection).await.map(drop)
}

async fn append(connection: &mut PgConnection, log: &LogId, batch: &Batch<'_>) -> Result<(), sqlx::Error> {
    let rows = || batch.rows.iter().map(|(row, _)| *row);
    let Hash(root) = batch.head.root();
    let append = sqlx::query_scalar(APPEND)
        .bind(log.as_str())
        .bind(count(batch.size))
        .bind(count(batch.head.size()))
        .bind(batch.head.peaks())
        .bind(root.as_slice())
        .bind(batch.at.0)
        .bind((count(batch.size)..count(batch.head.size())).collect::<Vec<_>>())
        .bind(batch.rows.iter().map(|(_, leaf)| leaf.0.as_slice()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.nonce.as_slice()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.body.as_ref()).collect::<Vec<&[u8]>>())
        .bind(rows().map(|r| r.kind.code()).collect::<Vec<_>>())
        .bind(rows().map(|r| r.at.0).collect::<Vec<_>>())
        .bind(rows().map(|r| r.patient.map(key)).collect::<Vec<_>>())
        .bind(rows().map(|r| r.request_id.0.as_bytes().as_slice()).collect::<Vec<_>>());
    let moved: i64 = append.fetch_one(connection).await?;
    // the head is not where this writer left it: it must be read again
    if moved == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

fn unavailable(error: sqlx::Error) -> CommitError {
    failed(error);
    CommitError::Unavailable
}

/// SQLSTATE classes of what a row's content can cause: data exceptions, and limits such as an index entry too large. A broken
/// constraint is among them, but not a taken key: that would mean that the head is not what it was taken for.
fn is_about_data(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    code != "23505" && ["22", "23", "54"].iter().any(|class| code.starts_with(class))
}
