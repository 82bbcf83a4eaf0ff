//! The database, as the stages ask for it: SQLite for one node (no server, one file), PostgreSQL for any number.
//!
//! Two thin implementations stand beside each other, one file for each family of tables; `sql` holds the statements that
//! read the same in both, `mapping` what turns cells into values. Nothing is kept in memory here but connections.
//! It refuses to open a database that may forget what it said was committed.

mod fault;
mod mapping;
mod migrations;
mod postgres;
mod sql;
mod sqlite;
mod url;

#[cfg(test)]
mod tests;

pub use fault::StoreFault;
pub use url::DatabaseUrl;

use crate::{
    access::{ClaimStore, FactStore, PolicyStore, RecallStore, desk::DeskStore},
    alerts::NoticeStore,
    audit::{LogId, LogReader, LogStore},
    federation::LongIds,
    registry::{PresenceStore, StandingStore},
};
use std::sync::Arc;

/// An open database. Clones share its connections.
#[derive(Clone)]
pub enum Store {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Store {
    /// Connects, makes sure that a commit lasts, and brings the tables up to date.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreFault> {
        let store = Self::connect(url, true).await?;
        match &store {
            Self::Sqlite(sqlite) => sqlite.migrate().await?,
            Self::Postgres(postgres) => postgres.migrate().await?,
        }
        Ok(store)
    }

    /// The same without making or changing anything: for commands that only look, such as `check` and `audit verify`.
    pub async fn open_existing(url: &DatabaseUrl) -> Result<Self, StoreFault> {
        Self::connect(url, false).await
    }

    async fn connect(url: &DatabaseUrl, create: bool) -> Result<Self, StoreFault> {
        match url {
            DatabaseUrl::Sqlite(path) => sqlite::Sqlite::open(path, create).await.map(Self::Sqlite),
            DatabaseUrl::Postgres(options) => postgres::Postgres::open(options).await.map(Self::Postgres),
        }
    }

    pub fn facts(&self) -> Arc<dyn FactStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub fn policies(&self) -> Arc<dyn PolicyStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub fn desk(&self) -> Arc<dyn DeskStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub fn notices(&self) -> Arc<dyn NoticeStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub fn claims(&self) -> Arc<dyn ClaimStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub fn recalls(&self) -> Arc<dyn RecallStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub fn standing(&self) -> Arc<dyn StandingStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub fn presence(&self) -> Arc<dyn PresenceStore> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub fn long_ids(&self) -> Arc<dyn LongIds> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub fn log_reader(&self) -> Arc<dyn LogReader> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// The log of this name, not yet claimed.
    pub fn log(&self, log: LogId) -> Box<dyn LogStore> {
        match self {
            Self::Sqlite(store) => Box::new(sqlite::SqliteLog::new(store.clone(), log)),
            Self::Postgres(store) => Box::new(postgres::PostgresLog::new(store, log)),
        }
    }
}
