use sqlx::migrate::MigrateError;

/// Why a database is not opened. Said to the operator at start and by `caregate check`; never to a caller.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    #[error("a database URL is sqlite:PATH or postgres://user@host/database")]
    Url,
    #[error("the database cannot be opened")]
    Unreachable(#[source] sqlx::Error),
    #[error("the lock file beside the database cannot be used")]
    LockFile(#[source] std::io::Error),
    #[error("the database's tables are not those of this version, and cannot be made so")]
    Migration(#[source] MigrateError),
    #[error("this PostgreSQL is a standby: what it says may be old, and it cannot write the audit. Name the primary")]
    Standby,
    #[error("{setting} is {found}, but must be {wanted}: a commit that a crash can undo is no audit")]
    NotDurable { setting: &'static str, found: String, wanted: &'static str },
    #[error("this PostgreSQL is version {found}; 14 or later is needed")]
    Old { found: i32 },
}
