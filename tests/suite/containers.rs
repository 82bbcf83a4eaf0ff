//! The containers that the repository describes, as far as they can be checked without an engine: every file and every name
//! they use is there, the configuration that they make is one that `check` passes, and a gateway starts by it.

use crate::{harness::program, postgres::Postgres, program::Region};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

struct Compose(Yaml);

impl Compose {
    fn read() -> Self {
        Self(YamlLoader::load_from_str(&text("docker-compose.yml")).unwrap().remove(0))
    }

    fn services(&self) -> BTreeMap<String, Service> {
        let services = self.0["services"].as_hash().unwrap();
        services.iter().map(|(name, service)| (name.as_str().unwrap().to_owned(), Service(merged(service)))).collect()
    }

    fn volumes(&self) -> BTreeSet<String> {
        self.0["volumes"].as_hash().unwrap().keys().map(|name| name.as_str().unwrap().to_owned()).collect()
    }
}

/// With what `<<` takes over; what is said beside it goes first. <https://yaml.org/type/merge.html>
fn merged(map: &Yaml) -> BTreeMap<String, Yaml> {
    let mut all = BTreeMap::new();
    for (key, value) in map.as_hash().unwrap() {
        match key.as_str().unwrap() {
            "<<" => {
                for (key, value) in merged(value) {
                    all.entry(key).or_insert(value);
                }
            }
            key => drop(all.insert(key.to_owned(), value.clone())),
        }
    }
    all
}

struct Service(BTreeMap<String, Yaml>);

impl Service {
    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Yaml::as_str).unwrap_or_default()
    }

    fn list(&self, key: &str) -> Vec<String> {
        let list = self.0.get(key).and_then(Yaml::as_vec).cloned().unwrap_or_default();
        list.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    fn map(&self, key: &str) -> BTreeMap<String, Yaml> {
        self.0.get(key).map(merged).unwrap_or_default()
    }
}

#[test]
fn everything_that_the_services_name_is_there() {
    let compose = Compose::read();
    let (services, volumes) = (compose.services(), compose.volumes());
    let mut used = BTreeSet::new();
    for (name, service) in &services {
        match service.text("build") {
            "" => {}
            place => assert!(root().join(place).join("Dockerfile").exists(), "{name}"),
        }
        let (_, tag) = service.text("image").rsplit_once(':').unwrap_or_else(|| panic!("{name}: an image by tag"));
        assert!(tag.contains(|c: char| c.is_ascii_digit()), "{name}: {tag} is another image tomorrow");
        for mount in service.list("volumes") {
            let (from, _) = mount.split_once(':').unwrap();
            if from.starts_with("./") {
                assert!(root().join(from).exists(), "{name}: {from}");
            } else {
                assert!(volumes.contains(from), "{name}: no volume {from}");
                used.insert(from.to_owned());
            }
        }
        for (other, how) in service.map("depends_on") {
            let waited =
                services.get(&other).unwrap_or_else(|| panic!("{name} waits for {other}, which is no service"));
            match how["condition"].as_str().unwrap() {
                // that of our own image is in the Dockerfile
                "service_healthy" => assert!(waited.has("healthcheck") || waited.has("build"), "{name}: {other}"),
                "service_completed_successfully" => assert_eq!(waited.text("restart"), "no", "{name}: {other}"),
                "service_started" => {}
                other => panic!("{name}: {other}"),
            }
        }
        for word in service.list("entrypoint").iter().chain(&service.list("command")) {
            if let Some(file) = word.trim_start_matches('@').strip_prefix("/deploy/") {
                assert!(root().join("deploy").join(file).exists(), "{name}: {word}");
            }
        }
    }
    assert_eq!(used, volumes, "each volume is somebody's");
    let balanced: BTreeSet<_> = text("deploy/haproxy.cfg")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("server ")?.split(' ').nth(1)?.split(':').next().map(str::to_owned))
        .collect();
    let gateways =
        services.iter().filter(|(_, service)| service.list("command").first().is_some_and(|word| word == "serve"));
    assert_eq!(balanced, gateways.map(|(name, _)| name.clone()).collect(), "the balancer knows every gateway");
    assert_eq!(balanced.len(), 2);
}

#[test]
fn the_image_is_built_from_what_is_there_by_a_command_that_works() {
    let dockerfile = text("Dockerfile").replace("\\\n", " ");
    let ignored = text(".dockerignore");
    let mut copied = BTreeSet::new();
    for line in
        dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"))
    {
        let words: Vec<_> = line.split(' ').collect();
        for from in &words[..words.len() - 1] {
            assert!(root().join(from).exists(), "COPY {from}");
            assert!(ignored.lines().any(|kept| kept == format!("!{from}")), ".dockerignore leaves out {from}");
            copied.insert((*from).to_owned());
        }
    }
    // what is compiled in has to be there when it is compiled
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if file.is_dir() {
                folders.push(file);
                continue;
            }
            let source = fs::read_to_string(&file).unwrap_or_default();
            for named in source.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let place =
                    file.parent().unwrap().join(named).canonicalize().unwrap_or_else(|_| panic!("{file:?}: {named}"));
                let place = place.strip_prefix(root().canonicalize().unwrap()).unwrap().to_owned();
                let top = place.components().next().unwrap().as_os_str().to_str().unwrap().to_owned();
                assert!(copied.contains(&top), "{file:?} includes {named}, which is not copied");
            }
        }
    }
    let manifest = text("Cargo.toml");
    assert!(
        dockerfile.contains("cargo build --locked --release --bin caregate ")
            && manifest.contains("name = \"caregate\"")
    );
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(dockerfile.contains(&format!("FROM rust:{wanted}-")), "the image's Rust is {wanted}");
    let last = dockerfile.split("\nFROM ").last().unwrap();
    assert!(last.contains("\nUSER 65532:65532\n") && last.contains("\nHEALTHCHECK "), "not root, and looked after");
    let serve = words_of(last, "CMD [\"serve\"");
    assert_eq!(serve, ["serve", "--config", "/etc/caregate/caregate.toml"]);
}

fn words_of(dockerfile: &str, start: &str) -> Vec<String> {
    let line = dockerfile.lines().find(|line| line.starts_with(start)).unwrap();
    let words = line.trim_start_matches("CMD ");
    serde_json::from_str(words).unwrap()
}

/// Runs one of the scripts of `deploy`.
fn script(name: &str, folder: &Path) {
    let ran = Command::new("sh").arg(root().join("deploy").join(name)).arg(folder).output().unwrap();
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test]
async fn the_configuration_that_the_services_make_is_sound_for_each_gateway_and_one_starts_by_it() {
    let services = Compose::read().services();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    script("make-secrets.sh", folder.path());
    let password = fs::read_to_string(folder.path().join("database-password")).unwrap();
    script("make-secrets.sh", folder.path());
    assert_eq!(fs::read_to_string(folder.path().join("database-password")).unwrap(), password, "made once");
    let entry = fs::read_to_string(folder.path().join("pgpass")).unwrap();
    assert_eq!(entry, format!("database:5432:caregate:caregate:{}\n", password.trim()));

    // the region as its service starts it, but for ports and places
    let mut command = services["region"].list("command");
    let database = Postgres::shared().database().await;
    for word in &mut command {
        *word = word.replace("/region/", &format!("{place}/")).replace("region:9000", "localhost:0");
        *word = word.replace("postgres://caregate@database/caregate", &database);
        if word == "8080" {
            *word = "0".to_owned();
        }
    }
    let mut start = program();
    let _region = Region::started(start.args(&command).stdout(Stdio::null()), &folder.path().join("ready.json"));
    script("configure.sh", folder.path());
    let config = folder.path().join("gateway.toml");
    let joined = fs::read_to_string(&config).unwrap();
    assert_eq!(joined.matches("[[provider]]").count(), 10);
    assert!(joined.contains("\"http://localhost:") && !joined.contains("http://127.0.0.1"), "by its name: {joined}");

    for name in ["north", "south"] {
        let service = &services[name];
        assert_eq!(service.list("command"), ["serve", "--config", "/region/gateway.toml"]);
        let environment = service.map("environment");
        assert_eq!(environment["CAREGATE__GATEWAY__NODE"].as_str(), Some(name), "a log of its own");
        let variables = environment.iter().map(|(key, value)| {
            let value = value.as_str().unwrap().replace("/checkpoints/", &format!("{place}/"));
            (key.clone(), value.replace("0.0.0.0:8080", "127.0.0.1:0").replace("0.0.0.0:9090", "127.0.0.1:0"))
        });
        let variables: Vec<_> = variables.filter(|(key, _)| key != "PGPASSFILE").collect();
        let checked = program().args(["check", "--config"]).arg(&config).envs(variables.clone()).output().unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        // what was never started has made no tables yet
        assert!(checked.status.success() || said.lines().all(|line| line.starts_with("database: ")), "{name}: {said}");
        let mut serve = program();
        serve.args(["serve", "--config"]).arg(&config).envs(variables).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = serve.spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        let _ = (child.kill(), child.wait());
        assert_eq!(line, "caregate listens at http://localhost:8080\n", "{name}");
        let checked = program().args(["check", "--config"]).arg(&config).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}

#[test]
fn tools_that_are_at_hand_find_no_fault_either() {
    let run = |tool: &str, arguments: &[&str]| match Command::new(tool).args(arguments).current_dir(root()).output() {
        Ok(ran) => assert!(ran.status.success(), "{tool}: {}", String::from_utf8_lossy(&ran.stderr)),
        Err(_) => println!("skipped: there is no {tool} here"),
    };
    run("haproxy", &["-c", "-f", "deploy/haproxy.cfg"]);
    if Command::new("docker").args(["compose", "version"]).output().is_ok_and(|ran| ran.status.success()) {
        run("docker", &["compose", "config", "--quiet"]);
    } else {
        println!("skipped: there is no docker compose here");
    }
    for name in ["make-secrets.sh", "configure.sh"] {
        run("sh", &["-n", &format!("deploy/{name}")]);
    }
}
