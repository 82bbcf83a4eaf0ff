//! PostgreSQL 14 or later, the primary, reached directly or through a session-pooling proxy (the log's lock belongs to its
//! session).

mod claims;
mod desk;
mod facts;
mod log;
mod long_ids;
mod numbers;
mod policies;
mod presence;
mod reader;
mod recalls;
mod standing;

pub(super) use log::PostgresLog;

use super::{
    fault::StoreFault,
    mapping::{GLOBAL, failed},
    migrations, sql,
};
use crate::domain::{NhsNumber, StoreError};
use sqlx::{
    PgConnection, PgPool,
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
pub struct Postgres {
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

    pub(super) async fn migrate(&self) -> Result<(), StoreFault> {
        let mut connection = self.pool.acquire().await.map_err(StoreFault::Unreachable)?;
        // building an index over years of rows may take its time
        let slow = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0";
        sqlx::raw_sql(slow).execute(&mut *connection).await.map_err(StoreFault::Unreachable)?;
        let done = migrations::postgres().run(&mut *connection).await;
        // not back to the pool: its settings are others
        drop(connection.detach());
        Ok(done?)
    }

    async fn begin(&self) -> Result<Transaction, StoreError> {
        self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(failed)
    }

    /// Begins a change of one patient's facts, or everyone's.
    async fn raising(&self, patient: Option<NhsNumber>) -> Result<Transaction, StoreError> {
        let mut transaction = self.begin().await?;
        match patient {
            Some(patient) => numbers::raise(&mut transaction, &[patient]).await?,
            None => {
                sqlx::query(sql::RAISE).bind(GLOBAL).execute(&mut *transaction).await.map_err(failed)?;
            }
        }
        Ok(transaction)
    }
}

type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

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
