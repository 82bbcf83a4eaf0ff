//! The program around the gateway: its configuration checked, its ports, its end, and what it writes where.

use crate::{
    harness::{Answer, Gate, Setup, of_patient, own, program, shared},
    objections::{one_source, recorded},
    relationships::assert_relationship,
};
use caregate::domain::NhsNumber;
use reqwest::Method;
use serde_json::json;
use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

const GP: &str = "gp-saltmarsh";

/// A region alone, and the configuration it wrote.
pub struct Region {
    child: Child,
    pub folder: tempfile::TempDir,
}

impl Region {
    pub fn start() -> Self {
        Self::of(None)
    }

    /// One that holds what is in this folder.
    pub fn of(data: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (config, ready) = (folder.path().join("caregate.toml"), folder.path().join("ready.json"));
        let mut command = program();
        command.args(["sandbox", "--region-only", "--port", "0", "--write-config"]).arg(config);
        command.arg("--ready-file").arg(&ready).stdout(Stdio::null());
        command.args(data.iter().flat_map(|folder| ["--data".as_ref(), folder.as_os_str()]));
        Self { child: started(&mut command, &ready), folder }
    }

    /// One started by this command, which has it write that file once it is ready.
    pub fn started(command: &mut Command, ready: &Path) -> Self {
        Self { child: started(command, ready), folder: tempfile::tempdir().unwrap() }
    }

    pub fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("caregate.toml")
    }

    pub fn config(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    pub fn check(&self, text: &str) -> (bool, String) {
        let file = self.folder.path().join("checked.toml");
        fs::write(&file, text).unwrap();
        let Output { status, stdout, stderr } = program().arg("check").arg("--config").arg(&file).output().unwrap();
        let stdout = String::from_utf8(stdout).unwrap();
        assert_eq!(status.code(), Some(if stdout.ends_with("no faults\n") { 0 } else { 1 }), "{stdout}");
        let stderr = String::from_utf8(stderr).unwrap();
        for secret in self.secrets() {
            assert!(!stdout.contains(&secret) && !stderr.contains(&secret), "a secret is printed: {stdout}{stderr}");
        }
        (status.success(), stdout)
    }

    fn secrets(&self) -> Vec<String> {
        secrets(&self.folder.path().join("caregate.d"))
    }
}

/// Starts it, and waits until all listen.
fn started(command: &mut Command, ready: &Path) -> Child {
    let child = command.stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while !ready.exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "the region is not ready");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// The keys and credentials in a folder for state.
fn secrets(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let secret = files.filter(|file| {
        file.extension().is_some_and(|extension| ["key", "token", "pem"].contains(&extension.to_str().unwrap()))
    });
    let longest = |text: String| text.lines().max_by_key(|line| line.len()).unwrap().to_owned();
    let secrets: Vec<_> = secret.map(|file| longest(fs::read_to_string(file).unwrap())).collect();
    assert_eq!(secrets.len(), 16, "six keys, nine providers' credentials and the index's");
    secrets
}

impl Drop for Region {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn check_passes_a_good_configuration_and_names_every_fault_of_a_bad_one() {
    let region = Region::start();
    let good = region.config();
    let (success, said) = region.check(&good);
    assert!(success, "{said}");
    assert!(said.starts_with("note: sensitivities.json is the fixture list"), "{said}");
    assert!(!region.folder.path().join("caregate.d/caregate.db").exists(), "looking makes nothing");

    let short = region.folder.path().join("caregate.d/ids.key.short");
    fs::write(short, "c2hvcnQ=").unwrap();
    let bad = good
        .replace("node = \"sandbox\"", "node = \"a b\"")
        .replace("[database]\nurl = \"sqlite:", "[database]\nurl = \"mysql:")
        .replacen("ids.key", "ids.key.short", 1)
        .replacen("pages.key", "missing.key", 1)
        .replacen("profile = \"cis2\"", "profile = \"guess\"", 1)
        .replacen("algorithms = [\"RS256\", \"ES256\"]", "algorithms = [\"HS256\"]", 2)
        .replacen("ods = \"F99002\"", "ods = \"F99001\"", 1)
        .replace("kind = \"pharmacy\"", "kindly = \"pharmacy\"")
        .replacen("base_url = \"http://127", "base_url = \"ftp://127", 2)
        + "\n[federation]\nttl_seconds_by_type = { Banana = 3 }\n[nonsense]\nx = 1\n";
    let (success, said) = region.check(&bad);
    assert!(!success);
    for place in [
        "gateway.node:",
        "database.url:",
        "keys.ids:",
        "keys.pages:",
        "[[issuer]] number 1:",
        "[[issuer]] number 2:",
        "[[provider]] number 9:",
        "[[provider]] F99001: base_url is not https",
        "[[provider]] F99001: another entry has the same ODS code",
        "federation.ttl_seconds_by_type.Banana:",
        "[nonsense]:",
    ] {
        assert!(said.lines().any(|line| line.starts_with(place)), "{place} is not among\n{said}");
    }

    for (from, to, place) in [
        ("metrics_listen = \"127.0.0.1:0\"", "metrics_lissen = \"127.0.0.1:0\"", "[gateway]:"),
        ("allow_private_addresses = true", "allow_private_addresses = false", "[[provider]] F99001:"),
        ("allow_http = true\nallow_private", "allow_private", "[[provider]]"),
        ("url = \"sqlite:", "url = \"sqlite::memory:", "database:"),
        ("idiom =", "max_calls = 0\nidiom =", "[[provider]] F99001: max_calls"),
        ("idiom =", "replicas = [\"ftp://a.example/\"]\nidiom =", "[[provider]] F99001: replicas"),
        ("idiom =", "ca = { file = \"/dev/null\" }\nidiom =", "[[provider]] F99001: ca:"),
        ("idiom =", "replicas = [\"https://u:p@10.0.0.1/?q\"]\nidiom =", "[[provider]] F99001: replicas"),
    ] {
        assert!(good.contains(from), "{from}");
        let (success, said) = region.check(&good.replacen(from, to, 1));
        assert!(!success && said.lines().any(|line| line.starts_with(place)), "{place} is not among\n{said}");
    }
    let policies = region.folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let (success, said) = region.check(&format!("{good}\n[policy]\ndirectory = {:?}\n", policies.to_str().unwrap()));
    assert!(!success && said.starts_with("policy:"), "{said}");
    let (success, said) = region.check("gateway = [");
    assert!(!success && !said.is_empty());
}

#[test]
fn two_keys_of_one_name_are_a_fault_for_nobody_could_tell_them_apart() {
    let region = Region::start();
    let signing = |text: &str, token: &str, key: &str, kid: &str| {
        let (before, rest) = text.split_once("{ bearer = { file = \"").unwrap();
        let (path, after) = rest.split_once(&format!("/{token}.token\" }} }}")).unwrap();
        format!(
            "{before}{{ smart = {{ client_id = \"us\", scope = \"system/*.rs\", kid = \"{kid}\", \
             key = {{ file = \"{path}/{key}.pem\" }} }} }}{after}"
        )
    };
    for (second, fault) in [("another", false), ("one", true)] {
        let text = signing(&region.config(), "saltmarsh", "client", "one");
        let (success, said) = region.check(&signing(&text, "blackwater", "colneside", second));
        assert_eq!(success, !fault, "{said}");
        let place = "[[provider]] F99002: its key has the kid of another: one";
        assert_eq!(said.lines().any(|line| line == place), fault, "{said}");
    }
}

#[tokio::test]
async fn a_gateway_joins_the_region_by_the_configuration_that_it_wrote() {
    let region = Region::start();
    let config = region.folder.path().join("caregate.toml");
    let mut serve = program();
    serve.arg("serve").arg("--config").arg(&config).stderr(Stdio::null()).stdout(Stdio::piped());
    let mut gateway = serve.spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(gateway.stdout.take().unwrap()), &mut line).unwrap();
    let url = line.trim().strip_prefix("caregate listens at ").expect("where it is").to_owned();
    let gate = shared().await;
    let ready = Answer::of(gate.request(Method::GET, &format!("{url}/health/ready"))).await;
    let statement = Answer::of(gate.request(Method::GET, &format!("{url}/fhir/metadata"))).await;
    let _ = (gateway.kill(), gateway.wait());
    assert_eq!((ready.status, statement.status), (200, 200));
    assert_eq!(statement.json()["implementation"]["url"], format!("{url}/fhir"));
}

#[tokio::test]
async fn health_is_told_on_the_public_port_and_metrics_on_their_own() {
    let gate = shared().await;
    for path in ["/health/live", "/health/ready"] {
        let answer = Answer::of(gate.request(Method::GET, &format!("{}{path}", gate.url))).await;
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("pass")));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let public = Answer::of(gate.request(Method::GET, &format!("{}/metrics", gate.url))).await;
    assert_eq!(public.status, 404);
    gate.search(GP, "Flag", gate.registered("F99001", 0).nhs_number).await;
    let metrics = Answer::of(gate.request(Method::GET, &gate.metrics)).await;
    assert_eq!(metrics.status, 200);
    for name in
        ["caregate_requests_total{status=\"200\"}", "caregate_request_seconds", "caregate_provider_answers_total"]
    {
        assert!(metrics.text.contains(name), "{name} is not in\n{}", metrics.text);
    }
    let elsewhere = Answer::of(gate.request(Method::GET, &gate.metrics.replace("/metrics", "/fhir/metadata"))).await;
    assert_eq!(elsewhere.status, 404);
    for path in ["/", "/nothing", "/fhir"] {
        let answer = Answer::of(gate.request(Method::GET, &format!("{}{path}", gate.url))).await;
        assert_eq!(answer.status, if path == "/" { 200 } else { 404 }, "{path}");
    }
}

#[tokio::test]
async fn request_ids_are_mirrored_where_they_are_uuids_and_made_where_they_are_not() {
    let gate = shared().await;
    let path = of_patient("Flag", gate.registered("F99001", 0).nhs_number);
    let token = gate.token(GP).await;
    let mine = uuid::Uuid::new_v4().to_string();
    for (given, mirrored) in
        [(mine.as_str(), true), ("not-a-uuid", false), ("", false), ("1; DROP TABLE audit_row", false)]
    {
        for (path, token) in
            [(path.as_str(), Some(&token)), (&path, None), ("metadata", None), ("nothing", Some(&token))]
        {
            let request =
                gate.request(Method::GET, path).header("x-request-id", given).header("x-correlation-id", "c-1");
            let answer = Answer::of(token.into_iter().fold(request, |request, token| request.bearer_auth(token))).await;
            assert_eq!(answer.header("x-request-id") == given, mirrored, "{path} {given}");
            assert_eq!(answer.header("x-correlation-id"), "c-1");
            assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
            answer.request_id();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn told_to_stop_it_lets_requests_under_way_end_and_exits_well() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    gate.search(GP, "Patient", patient).await;
    gate.fault("estuary", json!({"fault": "delay", "milliseconds": 700})).await;
    let request = gate.request(Method::GET, &of_patient("Condition", patient)).bearer_auth(gate.token(GP).await);
    let under_way = tokio::spawn(Answer::of(request));
    tokio::time::sleep(Duration::from_millis(200)).await;
    gate.terminate();
    let answer = under_way.await.unwrap();
    assert_eq!((answer.status, answer.header("x-completeness")), (200, "complete"));
    let status = tokio::task::block_in_place(|| gate.ended(Duration::from_secs(15)));
    assert_eq!(status.code(), Some(0));
    gate.closing(&answer).await;
    let verified = program().args(["audit", "verify", "--database", &gate.database]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    assert!(gate.http.get(&gate.url).send().await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_second_start_on_the_same_state_knows_the_ids_and_the_objections_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("kept.db").display());
    let first = Setup::default().database(database.clone()).start();
    let patient = first.registered("F99001", 0).nhs_number;
    recorded(&first, patient, &one_source(patient, "RZ901")).await;
    let shown = first.search(GP, "Condition", patient).await;
    first.terminate();
    tokio::task::block_in_place(|| first.ended(Duration::from_secs(15)));
    let second = Setup::default().database(database).start();
    let again = second.search(GP, "Condition", patient).await;
    assert_eq!(again.matches().len(), shown.matches().len());
    assert!(again.issues().iter().any(|issue| issue["code"] == "suppressed"));
    // the log goes on where it stopped: rows of both are one patient's
    let log = second.search(&crate::objections::persona(patient), "AuditEvent", patient).await;
    assert_eq!(log.matches().len(), 3);
    let verified = program().args(["audit", "verify", "--database", &second.database]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// Everything that must not be written anywhere but in answers and in the audit.
fn secret_of(gate: &Gate, tokens: &[String]) -> Vec<String> {
    let mut secret = vec!["canary-".to_owned(), "Changeling".to_owned()];
    secret.extend(gate.data.patients.iter().map(|patient| patient.nhs_number.digits()));
    secret.extend(gate.data.patients.iter().flat_map(|patient| patient.name.split(' ').map(str::to_owned)));
    secret.extend(tokens.iter().cloned());
    secret.extend(tokens.iter().filter_map(|token| token.rsplit_once('.')).map(|(_, signature)| signature.to_owned()));
    secret.extend(secrets(&gate.state()));
    secret
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn logs_metrics_and_stdout_hold_no_token_no_number_no_name_and_nothing_of_a_record() {
    let gate = Setup::default().set("RUST_LOG", "debug").set("CAREGATE__FEDERATION__DEADLINE_MS", 500).start();
    let patients = gate.shared_with("F99001", "colneside");
    let [first, second, third, ..]: [NhsNumber; 4] = patients.try_into().unwrap();
    let tampered = format!("{}x", gate.token(GP).await);
    // a day's worth of everything that is logged
    gate.search(GP, "Condition", first).await;
    let page = gate.search(GP, "Condition?_count=1", first).await;
    gate.get(GP, &page.next().unwrap()).await;
    gate.get(GP, &format!("Condition/{}", page.match_ids()[0])).await;
    gate.get(GP, &format!("Condition?patient={}", first.digits())).await;
    gate.get(GP, &format!("Condition/{}", first.digits())).await;
    gate.get(GP, &format!("{}&nonsense={}", of_patient("Condition", first), first.digits())).await;
    gate.search("researcher", "Condition", first).await;
    let url = format!("{}&access_token={}", of_patient("Condition", first), gate.token(GP).await);
    Answer::of(gate.request(Method::GET, &url)).await;
    Answer::of(gate.request(Method::GET, &of_patient("Condition", first)).bearer_auth(&tampered)).await;
    recorded(&gate, first, &one_source(first, "RZ901")).await;
    assert_relationship(&gate, first, "RZ904").await;
    gate.post(
        &crate::objections::persona(first),
        "Consent",
        &json!({"resourceType": "Consent", "note": first.digits()}),
    )
    .await;
    gate.search(&crate::objections::persona(first), "AuditEvent", first).await;
    for (patient, order) in [
        (second, json!({"fault": "other-patient"})),
        (second, json!({"fault": "other-patient", "lookup": true})),
        (third, json!({"fault": "wrong-demographics"})),
        (third, json!({"fault": "trailing"})),
        (third, json!({"fault": "black-hole"})),
        (third, json!({"fault": "error", "status": 500})),
        (third, json!({"fault": "next-foreign", "location": "http://user:secret@127.0.0.1:1/fhir"})),
        (third, json!({"fault": "cut", "bytes": 400})),
    ] {
        gate.fault("colneside", order).await;
        for kind in ["Encounter", "Observation", "Patient"] {
            gate.search(GP, kind, patient).await;
        }
    }
    let metrics = Answer::of(gate.request(Method::GET, &gate.metrics)).await.text;
    let mut tokens = vec![tampered];
    for persona in [GP, "researcher", "system:RZ904", &crate::objections::persona(first)] {
        tokens.push(gate.token(persona).await);
    }
    gate.terminate();
    tokio::task::block_in_place(|| gate.ended(Duration::from_secs(15)));
    let (stderr, stdout) = (gate.stderr(), gate.stdout());
    assert!(stderr.contains("DEBUG") && stderr.matches("request answered").count() > 30, "logs were written at all");
    for secret in secret_of(&gate, &tokens) {
        for (name, text) in [("stderr", &stderr), ("metrics", &metrics)] {
            let line = text.lines().find(|line| line.contains(&secret));
            assert_eq!(line, None, "{secret} in {name}");
        }
        // the greeting offers two patients' numbers to try with, and nothing else
        let number = secret.len() == 10 && secret.starts_with("999");
        assert!(number || !stdout.contains(&secret), "{secret} in {stdout}");
    }
    assert!(!stderr.contains("user:secret"));
}

#[tokio::test]
async fn stdout_is_the_greeting_and_nothing_more() {
    let gate = own().await;
    gate.search(GP, "Condition", gate.registered("F99001", 0).nhs_number).await;
    let stdout = gate.stdout();
    assert!(stdout.starts_with("caregate sandbox:"), "{stdout}");
    assert_eq!(stdout.matches("curl -s -G").count(), 3, "{stdout}");
    for url in gate.providers.values().chain([&gate.url, &gate.identity, &gate.metrics]) {
        assert!(stdout.contains(url.as_str()), "{url}");
    }
    assert!(!stdout.contains("INFO") && !stdout.contains("request answered"), "{stdout}");
}
