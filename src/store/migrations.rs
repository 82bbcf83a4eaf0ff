use super::StoreFault;
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

const SQLITE: &[(i64, &str, &str)] = &[
    (1, "first", include_str!("../../migrations/sqlite/0001_first.sql")),
    (2, "access", include_str!("../../migrations/sqlite/0002_access.sql")),
    (3, "recall", include_str!("../../migrations/sqlite/0003_recall.sql")),
    (4, "presence", include_str!("../../migrations/sqlite/0004_presence.sql")),
    (5, "numbers", include_str!("../../migrations/sqlite/0005_numbers.sql")),
    (6, "client_assertion", include_str!("../../migrations/sqlite/0006_client_assertion.sql")),
    (7, "directory", include_str!("../../migrations/sqlite/0007_directory.sql")),
    (8, "page_session", include_str!("../../migrations/sqlite/0008_page_session.sql")),
    (9, "probe", include_str!("../../migrations/sqlite/0009_probe.sql")),
    (10, "disclosure", include_str!("../../migrations/sqlite/0010_disclosure.sql")),
    (11, "ledger", include_str!("../../migrations/sqlite/0011_ledger.sql")),
    (12, "waiting", include_str!("../../migrations/sqlite/0012_waiting.sql")),
];
const POSTGRES: &[(i64, &str, &str)] = &[
    (1, "first", include_str!("../../migrations/postgres/0001_first.sql")),
    (2, "access", include_str!("../../migrations/postgres/0002_access.sql")),
    (3, "recall", include_str!("../../migrations/postgres/0003_recall.sql")),
    (4, "presence", include_str!("../../migrations/postgres/0004_presence.sql")),
    (5, "numbers", include_str!("../../migrations/postgres/0005_numbers.sql")),
    (6, "client_assertion", include_str!("../../migrations/postgres/0006_client_assertion.sql")),
    (7, "directory", include_str!("../../migrations/postgres/0007_directory.sql")),
    (8, "page_session", include_str!("../../migrations/postgres/0008_page_session.sql")),
    (9, "probe", include_str!("../../migrations/postgres/0009_probe.sql")),
    (10, "disclosure", include_str!("../../migrations/postgres/0010_disclosure.sql")),
    (11, "ledger", include_str!("../../migrations/postgres/0011_ledger.sql")),
    (12, "waiting", include_str!("../../migrations/postgres/0012_waiting.sql")),
];

pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(files: &'static [(i64, &str, &'static str)]) -> Migrator {
    let migration = |(version, name, text): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}

impl From<sqlx::migrate::MigrateError> for StoreFault {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migration(error)
    }
}
