//! A PostgreSQL of the tests' own: made in a temporary directory, gone when the test process is, however that ends.

use sqlx::{Connection as _, PgConnection, SqlSafeStr as _};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

pub struct Postgres {
    port: u16,
    directory: PathBuf,
    options: String,
    /// Waits for the end of its input, which the end of this process brings about, then stops the server.
    _watcher: Child,
}

impl Postgres {
    /// The one that all tests of this process share; each test makes a database in it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// One with settings of its own, such as `fsync=off`.
    pub fn start(settings: &[&str]) -> Self {
        let directory =
            as_nobody("mktemp").args(["-d", "-t", "caregate-postgres.XXXXXX"]).output().expect("mktemp runs");
        let directory = PathBuf::from(String::from_utf8(directory.stdout).expect("a path").trim());
        let data = directory.join("data");
        run(as_nobody(program("initdb")).arg("-D").arg(&data).args([
            "-U",
            "caregate",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
        ]));

        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut options = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c shared_buffers=64MB"
        );
        for setting in settings {
            options.push_str(&format!(" -c {setting}"));
        }
        let stop = r#"cat > /dev/null; "$0" stop -s -m immediate -D "$1/data"; rm -rf "$1""#;
        let mut watcher = as_nobody("sh");
        watcher.arg("-c").arg(stop).arg(program("pg_ctl")).arg(&directory).stdin(Stdio::piped()).stderr(Stdio::null());
        let watcher = watcher.spawn().expect("a shell runs");
        let server = Self { port, directory, options, _watcher: watcher };
        server.up();
        server
    }

    pub fn up(&self) {
        let log = self.directory.join("log");
        run(self.control().args(["start", "-s", "-w", "-t", "60", "-o", &self.options, "-l"]).arg(log));
    }

    /// As if the power had failed, but for the page cache.
    pub fn down(&self) {
        run(self.control().args(["stop", "-s", "-w", "-m", "immediate"]));
    }

    /// A fresh, empty database's URL.
    pub async fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&self.url("postgres")).await.expect("the server answers");
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")).into_sql_str();
        sqlx::raw_sql(create).execute(&mut admin).await.expect("a database is made");
        self.url(&name)
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://caregate@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty file in the data directory, as `standby.signal` is.
    pub fn touch(&self, name: &str) {
        run(as_nobody("touch").arg(self.data().join(name)));
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn control(&self) -> Command {
        let mut control = as_nobody(program("pg_ctl"));
        control.arg("-D").arg(self.data());
        control
    }
}

fn run(command: &mut Command) {
    // a server that inherits a captured stdout would keep the test waiting for its end
    let status = command.stdout(Stdio::null()).status().expect("PostgreSQL's programs run");
    assert!(status.success(), "{command:?}: {status}");
}

/// PostgreSQL refuses to run as root; 65534 is nobody everywhere.
fn as_nobody(program: impl AsRef<Path>) -> Command {
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let mut command = Command::new(if root { Path::new("setpriv") } else { program.as_ref() });
    if root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program.as_ref());
    }
    command.current_dir("/");
    command
}

/// Debian keeps the server's programs out of the path.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|v| v.path().join("bin").join(name)).filter(|p| p.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}
