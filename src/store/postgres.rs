//! PostgreSQL 14 or later, the primary, reached directly or through a session-pooling proxy (the log's lock belongs to its
//! session).

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
    Connection as _, PgConnection, PgPool,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{sync::Arc, time::Duration};

/// Nothing here may rest on a server's, a role's or a proxy's defaults.
/// - `synchronous_commit`: what is answered as committed is on disk.
/// - `read committed`: epochs are read after their locks are held, by a statement that sees what has committed until then.
/// - A node that is cut off in the middle of a change of facts loses it after 3 s, before releases waiting for its locks
///   give up after 5 s; one whose end of the line is gone, and with it its log, is noticed within about 10 s.
const SESSION: &str = "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'; \
    SET default_transaction_read_only = off; SET idle_in_transaction_session_timeout = '3s'; SET lock_timeout = '5s'; \
    SET statement_timeout = '10s'; SET client_connection_check_interval = '1s'; SET tcp_user_timeout = '10s'; \
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3";

#[derive(Clone)]
pub(super) struct Postgres {
    pool: PgPool,
    options: Arc<PgConnectOptions>,
}

impl Postgres {
    pub(super) async fn open(options: &PgConnectOptions) -> Result<Self, StoreFault> {
        let options = options.clone().application_name("caregate");
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(Duration::from_secs(5))
            .after_connect(|connection, _| Box::pin(prepare(connection)))
            .connect_with(options.clone())
            .await
            .map_err(StoreFault::Unreachable)?;
        durable(&pool).await?;
        Ok(Self { pool, options: Arc::new(options) })
    }

    fn readers(&self) -> &PgPool {
        &self.pool
    }

    async fn writer(&self) -> Result<PoolConnection<Db>, StoreError> {
        self.pool.acquire().await.map_err(failed)
    }
}

#[async_trait(?Send)]
impl Database for Postgres {
    async fn migrate(&self) -> Result<(), StoreFault> {
        let mut connection = self.pool.acquire().await.map_err(StoreFault::Unreachable)?;
        // building an index over years of rows may take its time
        let slow = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0";
        sqlx::raw_sql(slow).execute(&mut *connection).await.map_err(StoreFault::Unreachable)?;
        let done = migrations::postgres().run(&mut *connection).await;
        // not back to the pool: its settings are others
        drop(connection.detach());
        Ok(done?)
    }

    fn log(&self, log: LogId) -> Box<dyn LogStore> {
        Box::new(log::PostgresLog::new(self, log))
    }
}

type Connections = Postgres;
type Connection = PgConnection;
type Db = sqlx::Postgres;
type Transaction<'c> = sqlx::Transaction<'c, Db>;

/// Of the lists named by a JSON array, those that are not stored.
const MISSING_ITEMS: &str = "SELECT a FROM json_array_elements_text($1::json) AS a WHERE NOT EXISTS \
    (SELECT 1 FROM audit_item_list WHERE answer = a)";

/// Stores the long ids of a JSON array, each an array of its columns.
const REMEMBER: &str = "INSERT INTO long_id (digest, source, patient, local) \
    SELECT i ->> 0, i ->> 1, (i ->> 2)::bigint, i ->> 3 FROM json_array_elements($1::json) AS i ON CONFLICT DO NOTHING";

/// Whatever the session's default has become.
async fn begin(writer: &mut PgConnection) -> Result<Transaction<'_>, StoreError> {
    writer.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(failed)
}

async fn prepare(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SESSION).execute(connection).await.map(drop)
}

/// Whether a commit on this server outlives a crash. What can change while it runs is pinned for each session instead.
async fn durable(pool: &PgPool) -> Result<(), StoreFault> {
    let asked = "SELECT current_setting('server_version_num')::int, pg_is_in_recovery(), current_setting('fsync'), \
        current_setting('full_page_writes'), current_setting('synchronous_commit')";
    let (version, standby, fsync, pages, commit): (i32, bool, String, String, String) =
        sqlx::query_as(asked).fetch_one(pool).await.map_err(StoreFault::Unreachable)?;
    if version < 140_000 {
        return Err(StoreFault::Old { found: version });
    }
    if standby {
        return Err(StoreFault::Standby);
    }
    let settings = [("fsync", fsync), ("full_page_writes", pages), ("synchronous_commit", commit)];
    match settings.into_iter().find(|(_, found)| found != "on") {
        Some((setting, found)) => Err(StoreFault::NotDurable { setting, found, wanted: "on" }),
        None => Ok(()),
    }
}
