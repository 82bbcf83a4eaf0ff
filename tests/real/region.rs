//! The region with its parts held by servers of several makers, and a gateway in front of it.

use crate::{
    harness::{Around, BUILT_IN, Gate},
    servers::{Maker, Server},
    tools::watched,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Child, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caregate");

/// Our own servers and the identity provider: one for all gateways, which so have the same keys and make the same ids.
struct Ours {
    identity: String,
    providers: BTreeMap<String, String>,
    config: String,
    _child: Child,
    _folder: tempfile::TempDir,
}

static OURS: LazyLock<Ours> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let (ready, config) = (folder.path().join("ready.json"), folder.path().join("region.toml"));
    let mut child = watched(Path::new(PROGRAM), |command| {
        // who is who by the index is not what these servers are compared for
        command.args(["sandbox", "--region-only", "--no-index", "--port", "0", "--write-config"]).arg(&config);
        command.arg("--ready-file").arg(&ready).stdout(Stdio::null());
    });
    let began = Instant::now();
    while !ready.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the region ended");
        assert!(began.elapsed() < Duration::from_secs(30), "the region is not ready");
        std::thread::sleep(Duration::from_millis(5));
    }
    let said: Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
    Ours {
        identity: said["identity"].as_str().unwrap().to_owned(),
        providers: serde_json::from_value(said["providers"].clone()).unwrap(),
        config: fs::read_to_string(config).unwrap(),
        _child: child,
        _folder: folder,
    }
});

/// A gateway over the built-in region, each organisation's part held by the server `holder` names for its slug.
pub async fn gateway(holder: impl Fn(&str) -> Maker) -> Gate {
    // more than anybody holds of a type: Medplum's router leads to no second page
    gateway_that_asks_for(1000, holder).await
}

/// One that asks the servers for pages of so many entries.
pub async fn gateway_that_asks_for(entries: u32, holder: impl Fn(&str) -> Maker) -> Gate {
    let mut config = OURS.config.clone();
    for provider in &BUILT_IN.providers {
        let maker = holder(&provider.slug);
        if maker != Maker::Ours {
            let base = held(maker, &provider.slug).await;
            config = moved(&config, &OURS.providers[&provider.slug], &base);
        }
    }
    serve(&config, entries)
}

/// The configuration with one provider at another address, which asks for no credential.
fn moved(config: &str, from: &str, to: &str) -> String {
    let open = |block: &str| -> String {
        // the last provider's block has other sections behind it
        let (provider, rest) = block.split_once("\n[").unwrap_or((block, ""));
        let rest = if rest.is_empty() { String::new() } else { format!("[{rest}") };
        let lines = provider.lines().filter(|line| !line.starts_with("credential ="));
        lines.map(|line| format!("{line}\n")).collect::<String>().replace(from, to) + &rest
    };
    let blocks =
        config.split("[[provider]]\n").map(|block| if block.contains(from) { open(block) } else { block.to_owned() });
    blocks.collect::<Vec<_>>().join("[[provider]]\n")
}

/// Where this maker's server holds what the organisation does; it is loaded when first asked for.
async fn held(maker: Maker, slug: &str) -> String {
    static LOADED: tokio::sync::Mutex<BTreeSet<(Maker, String)>> = tokio::sync::Mutex::const_new(BTreeSet::new());
    let server = Server::of(maker).await;
    let mut loaded = LOADED.lock().await;
    if loaded.insert((maker, slug.to_owned())) {
        server.hold(BUILT_IN.provider(slug).unwrap()).await;
    }
    server.base(slug)
}

fn serve(config: &str, entries: u32) -> Gate {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    fs::write(&file, config).unwrap();
    let database = format!("sqlite:{}", folder.path().join("caregate.db").display());
    let settings = [
        ("CAREGATE__DATABASE__URL", database.clone()),
        ("CAREGATE__AUDIT__CHECKPOINT_FILE", folder.path().join("checkpoint.txt").display().to_string()),
        ("CAREGATE__FEDERATION__PAGE_SIZE", entries.to_string()),
        // what is held against another answer must be whole, however busy the machine
        ("CAREGATE__FEDERATION__DEADLINE_MS", "50000".to_owned()),
        ("CAREGATE__GATEWAY__REQUEST_DEADLINE_MS", "60000".to_owned()),
    ];
    let (identity, providers) = (OURS.identity.clone(), OURS.providers.clone());
    let around = Around { identity, metrics: String::new(), providers, database };
    Gate::serve(folder, &file, &settings, around)
}
