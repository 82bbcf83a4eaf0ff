//! A gateway of this build, among providers of the measurement's own: the real program, with its own database.

use crate::{
    issuer::{Issuer, PRACTICE},
    machine::{self, MEASURED, on},
    peers::free_port,
    program::{Program, mortal},
    providers::Providers,
    records::NHS,
};
use caregate::{
    access::{Basis, Recorder, Relationship},
    domain::{NhsNumber, OdsCode, Timestamp},
    store::{DatabaseUrl, Store},
};
use data_encoding::BASE64;
use std::{fmt::Write as _, fs, path::PathBuf, time::Instant};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_caregate");

pub struct Setup<'p> {
    providers: &'p Providers,
    database: Option<String>,
    /// `[[provider]]`s by their place: each with further lines of its own.
    lines: Vec<String>,
    federation: String,
    registry: String,
    /// Seconds that a provider's answer is.
    kept: u64,
}

pub struct Gateway {
    pub url: String,
    pub metrics: String,
    pub program: Program,
    /// From its start until it listened, in seconds.
    pub start: f64,
    _directory: TempDir,
}

/// The nth provider's code; the first is the practice.
pub fn ods(n: usize) -> String {
    if n == 0 { PRACTICE.to_owned() } else { format!("R{n:04}") }
}

impl<'p> Setup<'p> {
    /// With so many providers.
    pub fn new(providers: &'p Providers, how_many: usize) -> Self {
        let lines = vec![String::new(); how_many];
        Self { providers, database: None, lines, federation: String::new(), registry: String::new(), kept: 3600 }
    }

    /// Every request has its providers asked; who the patient is there stays known.
    pub fn keeping_nothing(mut self) -> Self {
        self.kept = 0;
        self
    }

    pub fn database(mut self, url: &str) -> Self {
        self.database = Some(url.to_owned());
        self
    }

    /// A line of the nth provider's own.
    pub fn line(mut self, n: usize, line: &str) -> Self {
        self.lines[n].push_str(line);
        self.lines[n].push('\n');
        self
    }

    /// A line of `[federation]`.
    pub fn federation(mut self, line: &str) -> Self {
        self.federation.push_str(line);
        self.federation.push('\n');
        self
    }

    /// A line of `[registry]`.
    pub fn registry_line(mut self, line: &str) -> Self {
        self.registry.push_str(line);
        self.registry.push('\n');
        self
    }

    /// Starts it; these are registered at the practice, so that a practitioner there may read their records.
    pub async fn start(self, registered: &[NhsNumber]) -> Gateway {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| -> PathBuf { directory.path().join(name) };
        let url = self.database.clone().unwrap_or_else(|| format!("sqlite:{}", path("caregate.db").display()));
        register(&url, registered).await;
        for (n, name) in ["ids", "pages", "checkpoint"].into_iter().enumerate() {
            let n = u8::try_from(n).expect("three of them");
            fs::write(path(name), BASE64.encode(&[n + 1; 32])).expect("a file is written");
        }
        let metrics = free_port();
        let file = |name: &str| format!("{{ file = \"{}\" }}", path(name).display());
        let mut text = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\nnode = \"bench\"\nmetrics_listen = \"127.0.0.1:{metrics}\"\n\
             request_deadline_ms = 60000\n\n\
             [database]\nurl = \"{url}\"\n\n[keys]\nids = {}\npages = {}\ncheckpoint = {}\n\n\
             [audit]\ncheckpoint_file = \"{}\"\n\n\
             [federation]\nttl_seconds = {}\npatient_ttl_seconds = 3600\n{}\n",
            file("ids"),
            file("pages"),
            file("checkpoint"),
            path("checkpoint.txt").display(),
            self.kept,
            self.federation,
        );
        text.push_str(&format!("[registry]\n{}\n", self.registry));
        text.push_str(&Issuer::toml(&self.providers.keys()));
        for (n, lines) in self.lines.iter().enumerate() {
            let (ods, kind) = (ods(n), if n == 0 { "gp-practice" } else { "acute-trust" });
            // a String takes all
            let _ = write!(
                text,
                "[[provider]]\nods = \"{ods}\"\nname = \"Provider {n}\"\nkind = \"{kind}\"\nbase_url = \"{}\"\n\
                 allow_http = true\nallow_private_addresses = true\n{lines}\n",
                self.providers.base(&ods),
            );
        }
        let config = path("gateway.toml");
        fs::write(&config, text).expect("a file is written");
        let mut command = on(MEASURED, PROGRAM);
        command.args(["serve", "--config"]).arg(config);
        let began = Instant::now();
        let (program, line) = Program::start(mortal(command), &path("log"));
        let start = began.elapsed().as_secs_f64();
        let url = line.rsplit(' ').next().expect("the address stands last").to_owned();
        Gateway { url, metrics: format!("http://127.0.0.1:{metrics}/metrics"), program, start, _directory: directory }
    }
}

/// Told by the practice's own system, long ago.
async fn register(url: &str, patients: &[NhsNumber]) {
    let store = Store::open(&DatabaseUrl::parse(url).expect("a URL")).await.expect("the database opens");
    let practice = OdsCode::parse(PRACTICE).expect("a code");
    let relationship = Relationship::of(practice, Basis::Registered, Timestamp(0), None, "bench".to_owned());
    let by = Recorder { issuer: "bench".to_owned(), subject: "bench".to_owned(), organisation: Some(practice) };
    for patient in patients {
        store.facts().assert_relationship(*patient, &relationship, None, &by).await.expect("it is written");
    }
}

/// What is asked for below `/fhir`.
pub fn observations(patient: NhsNumber, count: usize) -> String {
    let nhs = NHS.replace(':', "%3A").replace('/', "%2F");
    format!("Observation?patient.identifier={nhs}%7C{}&_count={count}", patient.digits())
}

impl Gateway {
    pub fn fhir(&self, path: &str) -> String {
        format!("{}/fhir/{path}", self.url)
    }

    pub fn cpu(&self) -> f64 {
        machine::cpu_seconds(self.program.pid())
    }
}
