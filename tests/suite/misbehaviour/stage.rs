//! A gateway of the test's own before the built-in region, in which bare sockets stand in for some of the providers.

use crate::{
    harness::{Around, Gate, program},
    raw::Raw,
};
use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Every bad answer holds this somewhere, and nobody is ever shown it.
pub const MARK: &str = "canary-misbehaviour-4b1f";

/// The region that all these gateways share; it ends with this process.
struct Region {
    config: String,
    identity: String,
    folder: PathBuf,
    _process: Child,
}

fn region() -> &'static Region {
    static REGION: OnceLock<Region> = OnceLock::new();
    REGION.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap().keep();
        let (config, ready) = (folder.join("region.toml"), folder.join("ready.json"));
        let sandbox = program();
        let mut command = Command::new("sh");
        let end_with_us = r#""$@" & child=$!; cat > /dev/null; kill -9 $child; rm -rf "$(dirname "$7")""#;
        command.args(["-c", end_with_us, "sh"]).arg(sandbox.get_program());
        command.args(["sandbox", "--region-only", "--port", "0", "--write-config"]).arg(&config);
        command.arg("--ready-file").arg(&ready);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        let began = Instant::now();
        while !ready.exists() {
            assert!(began.elapsed() < Duration::from_secs(30), "the region is not ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        let said: serde_json::Value = serde_json::from_str(&fs::read_to_string(ready).unwrap()).unwrap();
        Region {
            config: fs::read_to_string(config).unwrap(),
            identity: said["identity"].as_str().unwrap().to_owned(),
            folder,
            _process: process,
        }
    })
}

/// A gateway about to be served.
pub struct Stage {
    config: String,
    settings: Vec<(&'static str, String)>,
}

impl Stage {
    pub fn new() -> Self {
        let new = Self { config: region().config.clone(), settings: Vec::new() };
        // what providers declare is told in `push_down`
        new.set("CAREGATE__FEDERATION__DEADLINE_MS", 4000).set("CAREGATE__FEDERATION__CAPABILITY_REFRESH_SECONDS", 0)
    }

    /// A setting, as the environment overrides it.
    pub fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }

    pub fn with(self, raw: &Raw) -> Self {
        self.at(raw, &format!("http://127.0.0.1:{}/fhir", raw.port), "")
    }

    /// The socket stands in for its organisation, at this URL, with these lines more in the configuration.
    pub fn at(mut self, raw: &Raw, url: &str, more: &str) -> Self {
        let mut blocks: Vec<String> = self.config.split("[[provider]]\n").map(str::to_owned).collect();
        // a bare socket has no token endpoint: it is signed in to as others of the region are
        let plain = |line: &&str| line.starts_with("credential = { bearer");
        let bearer = self.config.lines().find(plain).expect("one that takes a token as it is").to_owned();
        let named = format!("ods = \"{}\"\n", raw.ods());
        let block = blocks.iter_mut().find(|block| block.starts_with(&named)).expect("an organisation of the region");
        let kept = block.trim_end().lines().filter(|line| {
            let key = line.split(" =").next().unwrap();
            key != "base_url" && !more.lines().any(|new| new.starts_with(&format!("{key} =")))
        });
        let kept = kept.map(|line| if line.starts_with("credential = { smart") { bearer.as_str() } else { line });
        *block = format!("{}\nbase_url = \"{url}\"\n{more}\n\n", kept.collect::<Vec<_>>().join("\n"));
        self.config = blocks.join("[[provider]]\n");
        self
    }

    pub fn start(self) -> Gate {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", folder.path().join("caregate.db").display());
        // free a moment ago
        let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let checkpoint = folder.path().join("checkpoint.txt");
        let lines = self.config.lines().map(|line| match line.split(" =").next().unwrap() {
            "url" => format!("url = {database:?}"),
            "checkpoint_file" => format!("checkpoint_file = {:?}", checkpoint.display().to_string()),
            "metrics_listen" => format!("metrics_listen = \"{metrics}\""),
            _ => line.to_owned(),
        });
        let config = folder.path().join("caregate.toml");
        fs::write(&config, lines.collect::<Vec<_>>().join("\n")).unwrap();
        let around = Around {
            providers: BTreeMap::new(),
            identity: region().identity.clone(),
            metrics: format!("http://{metrics}/metrics"),
            database,
        };
        Gate::serve(folder, &config, &self.settings, around)
    }
}

/// A file for as long as the test process lives.
pub fn file(name: &str, text: &str) -> PathBuf {
    let path: &Path = &region().folder;
    let path = path.join(name);
    fs::write(&path, text).unwrap();
    path
}
