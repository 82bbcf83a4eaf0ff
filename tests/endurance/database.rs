//! The gateways' database, seen from behind.

use crate::postgres::Postgres;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqlSafeStr as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use std::{fs, path::PathBuf};
use uuid::Uuid;

#[derive(Clone, Debug)]
pub enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

/// The rows that close a request: its id, and the kind (1 released, 2 refused, 3 failed).
const CLOSING: &str = "SELECT request_id, CAST(kind AS bigint) FROM audit_row WHERE kind <> 0";

impl Database {
    /// A fresh one on the server that all tests share.
    pub async fn postgres() -> Self {
        Self::Postgres(Postgres::shared().database().await)
    }

    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    pub async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
        match self {
            Self::Sqlite(path) => sqlx::raw_sql(sql).execute(&mut sqlite(path).await).await.map(drop),
            Self::Postgres(url) => sqlx::raw_sql(sql).execute(&mut postgres(url).await).await.map(drop),
        }
        .expect("the statement runs");
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
        match self {
            Self::Sqlite(path) => sqlx::query_scalar(sql).fetch_one(&mut sqlite(path).await).await,
            Self::Postgres(url) => sqlx::query_scalar(sql).fetch_one(&mut postgres(url).await).await,
        }
        .expect("a number")
    }

    pub async fn closing_rows(&self) -> Vec<(Uuid, i64)> {
        let rows: Vec<(Vec<u8>, i64)> = match self {
            Self::Sqlite(path) => sqlx::query_as(CLOSING).fetch_all(&mut sqlite(path).await).await,
            Self::Postgres(url) => sqlx::query_as(CLOSING).fetch_all(&mut postgres(url).await).await,
        }
        .expect("the log can be read");
        rows.into_iter().map(|(id, kind)| (Uuid::from_slice(&id).expect("a UUID"), kind)).collect()
    }

    /// A copy, for which nobody may have it open.
    pub async fn copy(&self) -> Self {
        let name = format!("copy_{}", Uuid::new_v4().simple());
        match self {
            Self::Sqlite(path) => {
                // what is still in the write-ahead log would stay behind
                self.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
                let copy = path.with_file_name(name);
                fs::copy(path, &copy).expect("a file is copied");
                Self::Sqlite(copy)
            }
            Self::Postgres(url) => {
                let (server, original) = url.rsplit_once('/').expect("a database's name");
                let admin = Self::Postgres(format!("{server}/postgres"));
                admin.run(&format!("CREATE DATABASE {name} TEMPLATE {original}")).await;
                Self::Postgres(format!("{server}/{name}"))
            }
        }
    }
}

pub async fn sqlite(path: &PathBuf) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.expect("the file opens")
}

pub async fn postgres(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the server answers")
}
