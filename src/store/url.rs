use super::StoreFault;
use sqlx::postgres::PgConnectOptions;
use std::{fmt, path::PathBuf, str::FromStr};

/// Where the database is. Its `Debug` shows no password.
#[derive(Clone)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl DatabaseUrl {
    /// Whether there is something to look at: a file that has not been made yet is no fault.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Sqlite(path) => path.exists(),
            Self::Postgres(_) => true,
        }
    }

    /// `sqlite:PATH` (also `sqlite://PATH`) or `postgres://user@host/database`. A database in memory is refused: it would
    /// forget the audit.
    pub fn parse(text: &str) -> Result<Self, StoreFault> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(text).map_err(|_| StoreFault::Url)?;
            return Ok(Self::Postgres(Box::new(options)));
        }
        let path = text.strip_prefix("sqlite:").ok_or(StoreFault::Url)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains(":memory:") || path.contains('?') {
            return Err(StoreFault::Url);
        }
        Ok(Self::Sqlite(path.into()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(options) => {
                let database = options.get_database().unwrap_or_default();
                write!(f, "postgres://{}:{}/{database}", options.get_host(), options.get_port())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;

    #[test]
    fn a_file_or_a_server_is_read_and_anything_else_refused() {
        for (text, shown) in [
            ("sqlite:caregate.db", "sqlite:caregate.db"),
            ("sqlite:///var/lib/caregate/a.db", "sqlite:/var/lib/caregate/a.db"),
            ("postgres://gate:secret@db.example:5433/care", "postgres://db.example:5433/care"),
        ] {
            assert_eq!(format!("{:?}", DatabaseUrl::parse(text).unwrap()), shown);
        }
        for text in ["", "sqlite:", "sqlite::memory:", "sqlite:a.db?mode=memory", "mysql://db/care", "caregate.db"] {
            assert!(DatabaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
