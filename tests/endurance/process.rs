//! The programs under test, as processes of their own: a region, and gateways in front of it.

use crate::database::Database;
use reqwest::Client;
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

pub const CAREGATE: &str = env!("CARGO_BIN_EXE_caregate");

/// One test at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// A process that ends with this value, and with the test however that ends.
pub struct Program {
    child: Child,
    log: PathBuf,
    /// Kept open: to write to a pipe that nobody reads would end it.
    _stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it and waits for its first line on stdout: by then it does what it is for.
    fn start(mut command: Command, log: PathBuf) -> Result<(Self, String), String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).expect("a log file"));
        let mut child = command.env("RUST_LOG", "warn").spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("stdout can be read");
        let program = Self { child, log, _stdout: stdout };
        if line.is_empty() { Err(program.log()) } else { Ok((program, line)) }
    }

    /// As if the machine had no mercy: SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    pub fn terminate(&self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its end can be waited for") {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "it does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The most memory it ever held, in bytes.
    pub fn peak_memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of its peak");
        peak.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that the kernel kills when the thread that starts it has gone.
fn mortal(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The pretend region, and where its gateways keep what is theirs.
pub struct Region {
    pub identity: String,
    pub providers: Vec<String>,
    /// NHS numbers, in the region's order.
    pub patients: Vec<String>,
    pub http: Client,
    _program: Program,
    directory: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Region {
    pub async fn start() -> Self {
        let turn = TURN.lock().await;
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str| directory.path().join(name);
        let mut command = mortal(Path::new(CAREGATE));
        command.args(["sandbox", "--region-only", "--port", "0", "--write-config"]).arg(file("gateway.toml"));
        command.arg("--ready-file").arg(file("ready.json"));
        let (program, _) = Program::start(command, file("region.log")).expect("the region starts");

        let ready: Value = serde_json::from_slice(&fs::read(file("ready.json")).unwrap()).unwrap();
        let identity = ready["identity"].as_str().unwrap().to_owned();
        let providers = ready["providers"].as_object().unwrap().values();
        let providers = providers.map(|url| url.as_str().unwrap().trim_end_matches("/fhir").to_owned()).collect();
        let http = Client::builder().no_proxy().build().unwrap();
        let personas = http.get(format!("{identity}/personas")).send().await.unwrap().bytes().await.unwrap();
        let personas: Value = serde_json::from_slice(&personas).unwrap();
        let names = personas.as_array().unwrap().iter().filter_map(|persona| persona["name"].as_str());
        let patients = names.filter_map(|name| name.strip_prefix("patient:")).map(str::to_owned).collect();
        Self { identity, providers, patients, http, _program: program, directory, _turn: turn }
    }

    /// A directory that goes when the region does.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn sqlite(&self) -> Database {
        Database::Sqlite(self.path("caregate.db"))
    }

    /// A token that outlasts any number of kills.
    pub async fn token(&self, persona: &str) -> String {
        let form = format!("grant_type=persona&persona={persona}&expires_in=86400");
        let form = self.http.post(format!("{}/token", self.identity)).body(form);
        let answer = form.send().await.unwrap().bytes().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    pub fn node<'r>(&'r self, name: &'r str, database: &Database) -> Node<'r> {
        let settings = vec![("DATABASE__URL".to_owned(), database.url())];
        Node { region: self, name, binary: CAREGATE.into(), settings }
    }

    /// The checkpoint that this node keeps outside its database.
    pub fn checkpoint(&self, node: &str) -> PathBuf {
        self.path(&format!("{node}.checkpoint"))
    }

    /// What every provider's control page says, or does.
    pub async fn each_control(&self, order: Option<Value>) -> Vec<Value> {
        let mut said = Vec::new();
        for provider in &self.providers {
            let url = format!("{provider}/control");
            let call = match &order {
                None => self.http.get(url),
                Some(order) => self.http.post(url).body(order.to_string()),
            };
            let answer = call.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            said.push(serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap());
        }
        said
    }
}

/// A gateway about to start.
pub struct Node<'r> {
    region: &'r Region,
    name: &'r str,
    binary: PathBuf,
    settings: Vec<(String, String)>,
}

impl Node<'_> {
    /// A setting such as `AUDIT__COMMIT_TIMEOUT_MS`.
    pub fn with(mut self, setting: &str, value: impl ToString) -> Self {
        self.settings.push((setting.to_owned(), value.to_string()));
        self
    }

    pub fn run_by(mut self, binary: &Path) -> Self {
        self.binary = binary.to_owned();
        self
    }

    pub fn start(self) -> Gateway {
        let name = self.name.to_owned();
        self.try_start().unwrap_or_else(|log| panic!("gateway {name} does not start:\n{log}"))
    }

    /// The error is what it logged before it ended.
    pub fn try_start(self) -> Result<Gateway, String> {
        let Self { region, name, binary, settings } = self;
        let mut command = mortal(&binary);
        command.args(["serve", "--config"]).arg(region.path("gateway.toml"));
        command.env("CAREGATE__GATEWAY__NODE", name).env("CAREGATE__AUDIT__CHECKPOINT_FILE", region.checkpoint(name));
        command.env("CAREGATE__AUDIT__CHECKPOINT_INTERVAL_SECONDS", "1");
        for (setting, value) in settings {
            command.env(format!("CAREGATE__{setting}"), value);
        }
        let (program, line) = Program::start(command, region.path(&format!("{name}.log")))?;
        let url = line.trim().rsplit(' ').next().expect("the address stands last").to_owned();
        Ok(Gateway { url, program })
    }
}

/// A gateway that listens.
pub struct Gateway {
    pub url: String,
    pub program: Program,
}

impl Gateway {
    pub fn kill(self) {
        self.program.kill();
    }

    /// Lets it end in peace.
    pub async fn stop(mut self) {
        self.program.terminate();
        let status = self.program.ended().await;
        assert!(status.success(), "{status}: {}", self.program.log());
    }
}

/// Runs a command of ours to its end: its exit code and what it printed.
pub fn caregate(arguments: &[&str]) -> (Option<i32>, String) {
    let ran = Command::new(CAREGATE).args(arguments).env("RUST_LOG", "warn").output().expect("the program runs");
    let said = [ran.stdout, ran.stderr].concat();
    (ran.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// The build that answers before it commits. Made here, as nothing else ever needs it.
pub fn control() -> &'static Path {
    static CONTROL: OnceLock<PathBuf> = OnceLock::new();
    CONTROL.get_or_init(|| {
        let profile = Path::new(CAREGATE).parent().expect("a profile's directory");
        let target = profile.parent().expect("a target directory");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        // `--examples`, of which there are none, has cargo take the dependencies as it does for tests: it has them already.
        // (A test named here would do so too, and would build a `caregate` with this feature, which main.rs forbids.)
        build.args(["build", "--locked", "--offline", "--quiet", "--bin", "caregate-control", "--examples"]);
        build.args(["--features", "control-answer-before-commit", "--target-dir"]).arg(target);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        profile.join("caregate-control")
    })
}
