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
    audit::{LedgerStore, LogId, LogReader, LogStore},
    federation::LongIds,
    identity::{AssertionStore, SessionStore},
    registry::{PresenceStore, StandingStore, directory::DirectoryStore},
};
use async_trait::async_trait;
use std::sync::Arc;

/// What the stages ask of it, and what opening it does (on one thread, as the migrator is made for).
#[async_trait(?Send)]
trait Database:
    FactStore
    + PolicyStore
    + DeskStore
    + DirectoryStore
    + NoticeStore
    + ClaimStore
    + RecallStore
    + AssertionStore
    + SessionStore
    + StandingStore
    + PresenceStore
    + LongIds
    + LogReader
    + LedgerStore
{
    async fn migrate(&self) -> Result<(), StoreFault>;
    fn log(&self, log: LogId) -> Box<dyn LogStore>;
}

/// An open database. Clones share its connections.
#[derive(Clone)]
pub struct Store(Arc<dyn Database>);

impl Store {
    /// Connects, makes sure that a commit lasts, and brings the tables up to date.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreFault> {
        let store = Self::connect(url, true).await?;
        store.0.migrate().await?;
        Ok(store)
    }

    /// The same without making or changing anything: for commands that only look, such as `check` and `audit verify`.
    pub async fn open_existing(url: &DatabaseUrl) -> Result<Self, StoreFault> {
        Self::connect(url, false).await
    }

    async fn connect(url: &DatabaseUrl, create: bool) -> Result<Self, StoreFault> {
        Ok(match url {
            DatabaseUrl::Sqlite(path) => Self(Arc::new(sqlite::Sqlite::open(path, create).await?)),
            DatabaseUrl::Postgres(options) => Self(Arc::new(postgres::Postgres::open(options).await?)),
        })
    }

    pub fn facts(&self) -> Arc<dyn FactStore> {
        self.0.clone()
    }

    pub fn policies(&self) -> Arc<dyn PolicyStore> {
        self.0.clone()
    }

    pub fn desk(&self) -> Arc<dyn DeskStore> {
        self.0.clone()
    }

    pub fn directory(&self) -> Arc<dyn DirectoryStore> {
        self.0.clone()
    }

    pub fn notices(&self) -> Arc<dyn NoticeStore> {
        self.0.clone()
    }

    pub fn claims(&self) -> Arc<dyn ClaimStore> {
        self.0.clone()
    }

    pub fn recalls(&self) -> Arc<dyn RecallStore> {
        self.0.clone()
    }

    pub fn standing(&self) -> Arc<dyn StandingStore> {
        self.0.clone()
    }

    pub fn assertions(&self) -> Arc<dyn AssertionStore> {
        self.0.clone()
    }

    pub fn sessions(&self) -> Arc<dyn SessionStore> {
        self.0.clone()
    }

    pub fn presence(&self) -> Arc<dyn PresenceStore> {
        self.0.clone()
    }

    pub fn long_ids(&self) -> Arc<dyn LongIds> {
        self.0.clone()
    }

    pub fn log_reader(&self) -> Arc<dyn LogReader> {
        self.0.clone()
    }

    pub fn ledger(&self) -> Arc<dyn LedgerStore> {
        self.0.clone()
    }

    /// The log of this name, not yet claimed.
    pub fn log(&self, log: LogId) -> Box<dyn LogStore> {
        self.0.log(log)
    }
}
