//! A log on SQLite: the shared write connection, and a locked file beside the database that keeps other processes off.

use super::{Sqlite, begin};
use crate::{
    audit::{Batch, ClaimError, CommitError, Frontier, Guard, LogId, LogStore, Seal},
    domain::{StoreError, Timestamp},
    store::{
        mapping::{self, GLOBAL, count, failed, key},
        sql,
    },
};
use async_trait::async_trait;
use sqlx::{QueryBuilder, SqliteConnection};
use std::{
    collections::HashMap,
    fs::{File, TryLockError},
};

pub(super) struct SqliteLog {
    store: Sqlite,
    log: LogId,
    lock: Option<File>,
}

impl SqliteLog {
    pub(super) fn new(store: Sqlite, log: LogId) -> Self {
        Self { store, log, lock: None }
    }

    fn lock(&mut self) -> Result<(), ClaimError> {
        if self.lock.is_some() {
            return Ok(());
        }
        let file = self.store.lock_file(&format!("log-{}", self.log)).map_err(|error| {
            tracing::error!(error.kind = %error.kind(), "the log's lock file cannot be opened");
            ClaimError::Unavailable
        })?;
        match file.try_lock() {
            Ok(()) => {
                self.lock = Some(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(ClaimError::Taken),
            Err(TryLockError::Error(_)) => Err(ClaimError::Unavailable),
        }
    }
}

#[async_trait]
impl LogStore for SqliteLog {
    fn log(&self) -> &LogId {
        &self.log
    }

    async fn claim(&mut self) -> Result<Frontier, ClaimError> {
        self.lock()?;
        let unavailable = |error| match failed(error) {
            StoreError::Corrupt => ClaimError::Corrupt,
            _ => ClaimError::Unavailable,
        };
        let mut writer = self.store.writer.lock().await;
        let empty = Frontier::default();
        let begin = sqlx::query(sql::BEGIN_LOG).bind(self.log.as_str()).bind(empty.peaks());
        let begin = begin.bind(empty.root().0.as_slice()).bind(Timestamp::now().0);
        begin.execute(&mut *writer).await.map_err(unavailable)?;
        let head = sqlx::query_as(sql::HEAD).bind(self.log.as_str()).fetch_one(&mut *writer).await;
        mapping::head(head.map_err(unavailable)?).ok().and_then(|head| head.frontier()).ok_or(ClaimError::Corrupt)
    }

    async fn commit(&mut self, guards: &[Option<Guard>], seal: &mut dyn Seal) -> Result<(), CommitError> {
        let mut writer = self.store.writer.lock().await;
        let mut transaction = begin(&mut writer).await.map_err(|_| CommitError::Unavailable)?;
        let stands = stands(&mut transaction, guards).await.map_err(commit_error)?;
        let batch = seal.seal(&stands);
        if !batch.rows.is_empty() {
            add_items(&mut transaction, &batch).await.map_err(commit_error)?;
            append(&mut transaction, &self.log, &batch).await.map_err(commit_error)?;
            move_head(&mut transaction, &self.log, &batch).await.map_err(commit_error)?;
            // whatever refuses a commit leaves it open whether it was made
            transaction.commit().await.map_err(|error| {
                failed(error);
                CommitError::Unavailable
            })?;
        }
        Ok(())
    }

    async fn save_checkpoint(&mut self, size: u64, note: &str, at: Timestamp) -> Result<(), StoreError> {
        let insert = sqlx::query(sql::SAVE_CHECKPOINT).bind(self.log.as_str()).bind(count(size)).bind(note).bind(at.0);
        insert.execute(&mut *self.store.writer.lock().await).await.map(drop).map_err(failed)
    }
}

/// Under the write lock nothing can raise an epoch before this transaction ends.
async fn stands(connection: &mut SqliteConnection, guards: &[Option<Guard>]) -> Result<Vec<bool>, sqlx::Error> {
    let mut keys: Vec<i64> = guards.iter().flatten().filter_map(|guard| guard.patient.map(key)).collect();
    keys.push(GLOBAL);
    let wanted = "SELECT key, epoch FROM epoch WHERE key IN (SELECT value FROM json_each($1))";
    let held = sqlx::query_as(wanted).bind(serde_json::to_string(&keys).unwrap_or_default());
    let epochs: HashMap<i64, i64> = held.fetch_all(connection).await?.into_iter().collect();
    let epoch = |key: i64| epochs.get(&key).copied().unwrap_or(0);
    let stands = |guard: &Guard| {
        let of_patient = |patient| epoch(key(patient)) == guard.epochs.patient;
        guard.patient.is_none_or(of_patient) && epoch(GLOBAL) == guard.epochs.global
    };
    Ok(guards.iter().map(|guard| guard.as_ref().is_none_or(stands)).collect())
}

async fn add_items(connection: &mut SqliteConnection, batch: &Batch<'_>) -> Result<(), sqlx::Error> {
    for items in &batch.items {
        let insert = "INSERT INTO audit_item_list (answer, source, patient, text, first_at) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT DO NOTHING";
        let insert = sqlx::query(insert).bind(&items.id.0).bind(items.source.as_str()).bind(key(items.patient));
        insert.bind(items.text.as_bytes()).bind(batch.at.0).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn append(connection: &mut SqliteConnection, log: &LogId, batch: &Batch<'_>) -> Result<(), sqlx::Error> {
    let insert = "INSERT INTO audit_row (log, idx, leaf, nonce, body, kind, at, patient, request_id) ";
    let mut places = count(batch.size)..;
    for rows in batch.rows.chunks(64) {
        let mut insert = QueryBuilder::new(insert);
        insert.push_values(rows.iter().zip(&mut places), |mut values, ((row, leaf), index)| {
            values
                .push_bind(log.as_str())
                .push_bind(index)
                .push_bind(leaf.0.as_slice())
                .push_bind(row.nonce.as_slice())
                .push_bind(row.body.as_ref())
                .push_bind(row.kind.code())
                .push_bind(row.at.0)
                .push_bind(row.patient.map(key))
                .push_bind(row.request_id.0.as_bytes().as_slice());
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn move_head(connection: &mut SqliteConnection, log: &LogId, batch: &Batch<'_>) -> Result<(), sqlx::Error> {
    let moved = sqlx::query(sql::MOVE_HEAD)
        .bind(log.as_str())
        .bind(count(batch.size))
        .bind(count(batch.head.size()))
        .bind(batch.head.peaks())
        .bind(batch.head.root().0.to_vec())
        .bind(batch.at.0);
    // the head is not where this writer left it: it must be read again
    if moved.execute(connection).await?.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

fn commit_error(error: sqlx::Error) -> CommitError {
    let refused = is_about_data(&error);
    failed(error);
    if refused { CommitError::Refused } else { CommitError::Unavailable }
}

/// Too big, a broken constraint, a wrong type (<https://www.sqlite.org/rescode.html>); but not a taken key: that would mean
/// that the head is not what it was taken for.
fn is_about_data(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    matches!(code & 0xff, 18..=20) && !error.is_unique_violation()
}
