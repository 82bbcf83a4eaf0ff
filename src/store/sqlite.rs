//! SQLite: one file, one process. One connection writes, behind a fair lock; a pool of others reads (WAL lets them).

mod log;
#[path = "both/tables.rs"]
#[expect(clippy::duplicate_mod, reason = "one text for both databases, whose types differ")]
mod tables;

use super::{Database, fault::StoreFault, mapping::failed, migrations};
use crate::{
    audit::{LogId, LogStore},
    domain::StoreError,
};
use async_trait::async_trait;
use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{fs::File, path::Path, sync::Arc, time::Duration};
use tokio::sync::{Mutex, MutexGuard};

#[derive(Clone)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    writer: Arc<Mutex<SqliteConnection>>,
    path: Arc<Path>,
}

impl Sqlite {
    pub(super) async fn open(path: &Path, create: bool) -> Result<Self, StoreFault> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // on macOS a plain sync leaves the data in the disk's own memory
            .pragma("fullfsync", "on")
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let mut writer = options.connect().await.map_err(StoreFault::Unreachable)?;
        durable(&mut writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.pragma("query_only", "on"))
            .await
            .map_err(StoreFault::Unreachable)?;
        Ok(Self { readers, writer: Arc::new(Mutex::new(writer)), path: path.into() })
    }

    fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    async fn writer(&self) -> Result<MutexGuard<'_, SqliteConnection>, StoreError> {
        Ok(self.writer.lock().await)
    }

    /// A file beside the database, whose lock the operating system gives up when this process ends, however it ends.
    fn lock_file(&self, what: &str) -> std::io::Result<File> {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{what}.lock"));
        File::create(name)
    }
}

#[async_trait(?Send)]
impl Database for Sqlite {
    /// Under a lock of its own: the migrator has none for SQLite, and two processes may start at once.
    async fn migrate(&self) -> Result<(), StoreFault> {
        let lock = self.lock_file("migrate").map_err(StoreFault::LockFile)?;
        let locked = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
        let _lock = locked.map_err(std::io::Error::other).flatten().map_err(StoreFault::LockFile)?;
        Ok(migrations::sqlite().run(&mut *self.writer.lock().await).await?)
    }

    fn log(&self, log: LogId) -> Box<dyn LogStore> {
        Box::new(log::SqliteLog::new(self.clone(), log))
    }
}

type Connections = Sqlite;
type Connection = SqliteConnection;
type Db = sqlx::Sqlite;
type Transaction<'c> = sqlx::Transaction<'c, Db>;

/// Of the lists named by a JSON array, those that are not stored.
const MISSING_ITEMS: &str = "SELECT a.value FROM json_each($1) AS a WHERE NOT EXISTS \
    (SELECT 1 FROM audit_item_list WHERE answer = a.value)";

/// Stores the long ids of a JSON array, each an array of its columns.
const REMEMBER: &str = "INSERT INTO long_id (digest, source, patient, local) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($1) WHERE true ON CONFLICT DO NOTHING";

/// Takes the database's write lock at once: a transaction that reads first and writes later could find that what it read has
/// changed.
async fn begin(writer: &mut SqliteConnection) -> Result<Transaction<'_>, StoreError> {
    writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)
}

/// A build or a file system may not do as asked: some refuse WAL without a word.
async fn durable(connection: &mut SqliteConnection) -> Result<(), StoreFault> {
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.map_err(StoreFault::Unreachable)?;
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await.map_err(StoreFault::Unreachable)?;
    if journal != "wal" {
        return Err(StoreFault::NotDurable { setting: "journal_mode", found: journal, wanted: "wal" });
    }
    if synchronous < 2 {
        let found = synchronous.to_string();
        return Err(StoreFault::NotDurable { setting: "synchronous", found, wanted: "2 (full)" });
    }
    Ok(())
}
