//! The program as people run it: the real binary, real ports, the region's servers around it. What a test asks goes over
//! HTTP; what it looks up afterwards it reads from the database, as the privacy office would.

use caregate::{
    audit::{Kind, LogReader, Row},
    domain::{NhsNumber, RequestId},
    sandbox::data::{Dataset, PatientInfo, ProviderData},
    store::{DatabaseUrl, Store},
};
use reqwest::{Client, Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, LazyLock, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

pub const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";
pub const ODS: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
/// What the patient index goes by among the servers of the region.
pub const INDEX: &str = "patient-index";
pub const SPINE: &str = "https://fhir.nhs.uk/CodeSystem/Spine-ErrorOrWarningCode";

/// What the built-in region holds: what answers are held against.
pub static BUILT_IN: LazyLock<Arc<Dataset>> = LazyLock::new(|| Arc::new(Dataset::builtin()));

/// How a sandbox is to be started.
#[derive(Default)]
pub struct Setup {
    data: Option<PathBuf>,
    database: Option<String>,
    variables: Vec<(&'static str, String)>,
    no_index: bool,
}

/// A sandbox that runs. One that is owned is killed when dropped.
pub struct Sandbox {
    child: Mutex<Child>,
    folder: tempfile::TempDir,
    pub url: String,
    pub identity: String,
    pub metrics: String,
    pub providers: BTreeMap<String, String>,
    /// The patient index, where the region has one.
    pub index: Option<String>,
    pub database: String,
    pub data: Arc<Dataset>,
}

/// A sandbox, and one test's own connections to it.
pub struct Gate {
    sandbox: Held,
    pub http: Client,
    tokens: Mutex<BTreeMap<String, String>>,
    reader: tokio::sync::OnceCell<Arc<dyn LogReader>>,
}

/// What a gateway that is served alone stands among.
pub struct Around {
    pub identity: String,
    pub metrics: String,
    pub providers: BTreeMap<String, String>,
    pub database: String,
}

enum Held {
    Own(Box<Sandbox>),
    Shared(&'static Sandbox),
}

/// One that no test may change: no fault is ordered, nothing is written to it.
pub async fn shared() -> Gate {
    static SHARED: OnceLock<Sandbox> = OnceLock::new();
    Gate::new(Held::Shared(SHARED.get_or_init(|| Setup::default().spawn(true))))
}

/// One of the test's own.
pub async fn own() -> Gate {
    Setup::default().start()
}

/// One on SQLite and one on PostgreSQL: what storage has a part in is told on both.
pub async fn on_each_database() -> [Gate; 2] {
    started_on_each_database(Setup::default).await
}

/// The same, started in this way.
pub async fn started_on_each_database(setup: fn() -> Setup) -> [Gate; 2] {
    let url = crate::postgres::Postgres::shared().database().await;
    [setup().start(), setup().database(url).start()]
}

/// Waits until `done` is, which must be soon.
pub async fn soon<T>(what: &str, mut done: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = done().await {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: not within ten seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Setup {
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    pub fn database(mut self, url: String) -> Self {
        self.database = Some(url);
        self
    }

    /// The sources' own word says who a patient is.
    pub fn without_index(mut self) -> Self {
        self.no_index = true;
        self
    }

    /// A setting, as the environment overrides it.
    pub fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.variables.push((name, value.to_string()));
        self
    }

    pub fn start(self) -> Gate {
        Gate::new(Held::Own(Box::new(self.spawn(false))))
    }

    /// A watched one ends with this process: nobody drops what is static.
    fn spawn(self, watched: bool) -> Sandbox {
        let folder = tempfile::tempdir().unwrap();
        let (state, ready) = (folder.path().join("state"), folder.path().join("ready.json"));
        let mut command = program();
        if watched {
            command = Command::new("sh");
            command.args(["-c", r#""$@" & child=$!; cat > /dev/null; kill -9 $child"#, "sh", PROGRAM]);
            command.stdin(Stdio::piped());
        }
        command.args(["sandbox", "--port", "0", "--state"]).arg(&state).arg("--ready-file").arg(&ready);
        command.args(self.data.iter().flat_map(|folder| ["--data".as_ref(), folder.as_os_str()]));
        command.args(self.database.iter().flat_map(|url| ["--database", url]));
        command.args(self.no_index.then_some("--no-index"));
        command.envs(self.variables);
        command.stdout(File::create(folder.path().join("stdout")).unwrap());
        command.stderr(File::create(folder.path().join("stderr")).unwrap());
        let mut child = command.spawn().expect("the program starts");
        let began = Instant::now();
        let text = loop {
            if let Ok(text) = fs::read_to_string(&ready) {
                break text;
            }
            let log = || fs::read_to_string(folder.path().join("stderr")).unwrap_or_default();
            assert!(child.try_wait().unwrap().is_none(), "the sandbox ended: {}", log());
            assert!(began.elapsed() < Duration::from_secs(30), "the sandbox is not ready: {}", log());
            thread::sleep(Duration::from_millis(5));
        };
        let ready: Value = serde_json::from_str(&text).unwrap();
        let address = |name: &str| ready[name].as_str().expect("an address").to_owned();
        let data = match &self.data {
            Some(folder) => Arc::new(Dataset::load(folder).unwrap()),
            None => Arc::clone(&BUILT_IN),
        };
        Sandbox {
            url: address("gateway"),
            identity: address("identity"),
            metrics: address("metrics"),
            providers: serde_json::from_value(ready["providers"].clone()).unwrap(),
            database: self.database.unwrap_or_else(|| format!("sqlite:{}", state.join("caregate.db").display())),
            index: ready["index"].as_str().map(str::to_owned),
            child: Mutex::new(child),
            folder,
            data,
        }
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_caregate");

/// The program, heedless of the environment that the tests themselves run in.
pub fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_remove("RUST_LOG");
    command
}

impl Sandbox {
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.folder.path().join("stdout")).unwrap()
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// Where its keys, credentials and SQLite file are.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// SIGTERM, without waiting for what it does.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGHUP: the policy is to be read again.
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.lock().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// How it ended, which it must within `limit`.
    pub fn ended(&self, limit: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < limit, "it still runs after {limit:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn provider(&self, ods: &str) -> &ProviderData {
        self.data.providers.iter().find(|provider| provider.ods.as_str() == ods).expect("an organisation of the region")
    }

    /// The `n`th patient registered at this practice.
    pub fn registered(&self, practice: &str, n: usize) -> &PatientInfo {
        let mut own = self.data.patients.iter().filter(|patient| patient.gp_practice.as_str() == practice);
        own.nth(n).expect("a patient of the practice")
    }

    /// Patients of this practice whom that organisation knows too.
    pub fn shared_with(&self, practice: &str, slug: &str) -> Vec<NhsNumber> {
        let held = |patient: &&PatientInfo| {
            patient.gp_practice.as_str() == practice && patient.held_by.iter().any(|one| one == slug)
        };
        self.data.patients.iter().filter(held).map(|patient| patient.nhs_number).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Deref for Gate {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        match &self.sandbox {
            Held::Own(sandbox) => sandbox,
            Held::Shared(sandbox) => sandbox,
        }
    }
}

impl Gate {
    /// A gateway of the test's own, by a configuration that it has written in `folder`, among servers that run already.
    pub fn serve(folder: tempfile::TempDir, config: &Path, settings: &[(&str, String)], around: Around) -> Self {
        let mut command = program();
        command.arg("serve").arg("--config").arg(config).envs(settings.iter().map(|(name, value)| (name, value)));
        command.stdout(File::create(folder.path().join("stdout")).unwrap());
        command.stderr(File::create(folder.path().join("stderr")).unwrap());
        let child = Mutex::new(command.spawn().expect("the program starts"));
        let Around { identity, metrics, providers, database } = around;
        let (url, index, data) = (String::new(), None, Arc::clone(&BUILT_IN));
        let mut sandbox = Sandbox { child, folder, url, identity, metrics, index, providers, database, data };
        let began = Instant::now();
        sandbox.url = loop {
            match sandbox.stdout().strip_prefix("caregate listens at ").and_then(|rest| rest.strip_suffix('\n')) {
                Some(url) => break url.to_owned(),
                None => assert!(began.elapsed() < Duration::from_secs(30), "no gateway: {}", sandbox.stderr()),
            }
            thread::sleep(Duration::from_millis(5));
        };
        Self::new(Held::Own(Box::new(sandbox)))
    }

    fn new(sandbox: Held) -> Self {
        let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { sandbox, http, tokens: Mutex::default(), reader: tokio::sync::OnceCell::new() }
    }

    pub async fn token(&self, persona: &str) -> String {
        if let Some(known) = self.tokens.lock().unwrap().get(persona) {
            return known.clone();
        }
        let token = self.token_with(persona, &[]).await;
        self.tokens.lock().unwrap().insert(persona.to_owned(), token.clone());
        token
    }

    /// A token that says something else than the persona's usual one.
    pub async fn token_with(&self, persona: &str, wishes: &[(&str, &str)]) -> String {
        let form: Vec<_> =
            [("grant_type", "persona"), ("persona", persona)].into_iter().chain(wishes.iter().copied()).collect();
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        let answer = self.http.post(format!("{}/token", self.identity)).body(text.extend_pairs(form).finish());
        let answer: Value = serde_json::from_str(&answer.send().await.unwrap().text().await.unwrap()).unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{persona}: {answer}")).to_owned()
    }

    /// A request below `/fhir`, or to a whole URL, without a token yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}/fhir/{path}", self.url) };
        self.http.request(method, url)
    }

    pub async fn get(&self, persona: &str, path: &str) -> Answer {
        let token = self.token(persona).await;
        Answer::of(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// A search of `query` (a type and what may follow) for this patient.
    pub async fn search(&self, persona: &str, query: &str, patient: NhsNumber) -> Answer {
        self.get(persona, &of_patient(query, patient)).await
    }

    pub async fn post(&self, persona: &str, path: &str, body: &Value) -> Answer {
        self.send(persona, Method::POST, path, body).await
    }

    pub async fn put(&self, persona: &str, path: &str, body: &Value) -> Answer {
        self.send(persona, Method::PUT, path, body).await
    }

    async fn send(&self, persona: &str, method: Method, path: &str, body: &Value) -> Answer {
        let token = self.token(persona).await;
        let request = self.request(method, path).bearer_auth(token).header("content-type", "application/fhir+json");
        Answer::of(request.body(body.to_string())).await
    }

    /// All pages of a search, each checked to be a page of it.
    pub async fn pages(&self, persona: &str, query: &str, patient: NhsNumber) -> Vec<Answer> {
        let mut pages = vec![self.search(persona, query, patient).await];
        while let Some(next) = pages.last().and_then(Answer::next) {
            assert!(pages.len() < 500, "pages without end");
            let page = self.get(persona, &next).await;
            assert_eq!(page.status, 200, "{}", page.text);
            pages.push(page);
        }
        pages
    }

    /// Orders a fault of this provider.
    pub async fn fault(&self, slug: &str, order: Value) {
        let answer = self.http.post(self.control(slug)).body(order.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{order}");
    }

    pub async fn lift(&self, slug: &str) {
        self.http.delete(self.control(slug)).send().await.unwrap();
    }

    /// What this provider was asked so far.
    pub async fn asked(&self, slug: &str) -> Value {
        let answer = self.http.get(self.control(slug)).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    fn control(&self, slug: &str) -> String {
        let index = self.index.as_ref().filter(|_| slug == INDEX);
        let base = index.or(self.providers.get(slug)).expect("a provider of the region");
        format!("{}/control", base.trim_end_matches("/fhir"))
    }

    /// The audit, as anyone reads it who may open the database.
    pub async fn audit(&self) -> &dyn LogReader {
        let open = async || {
            let url = DatabaseUrl::parse(&self.database).unwrap();
            Store::open_existing(&url).await.unwrap().log_reader()
        };
        &**self.reader.get_or_init(open).await
    }

    /// Every row of the request that this answers, oldest first.
    pub async fn rows(&self, answer: &Answer) -> Vec<Row> {
        let stored = self.audit().await.request_rows(answer.request_id()).await.unwrap();
        stored.iter().map(|row| row.row().unwrap().expect("a row that was not erased")).collect()
    }

    /// The one closing row of the request, which says the status that was answered.
    pub async fn closing(&self, answer: &Answer) -> Row {
        let mut rows = self.rows(answer).await;
        let last = rows.pop().unwrap_or_else(|| panic!("no row for an answer {}: {}", answer.status, answer.text));
        assert!(rows.iter().all(|row| row.kind == Kind::Intent), "more than one closing row: {rows:?}");
        assert_ne!(last.kind, Kind::Intent, "no closing row after the intent");
        assert_eq!(last.status, answer.status, "{}", answer.text);
        last
    }

    /// The request failed or was refused: status, issue code, and the closing row's kind and reason.
    pub async fn ends(&self, answer: &Answer, status: u16, code: &str, kind: Kind, reason: &str) {
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
        let row = self.closing(answer).await;
        assert_eq!((row.kind, row.reason.as_deref()), (kind, Some(reason)), "{row:?}");
        assert!(!answer.text.contains("canary"), "a resource in {}", answer.text);
    }
}

/// `Type?more` for this patient, by number.
pub fn of_patient(query: &str, patient: NhsNumber) -> String {
    let (kind, more) = query.split_once('?').unwrap_or((query, ""));
    let name = if kind == "Patient" { "identifier" } else { "patient.identifier" };
    let more = if more.is_empty() { String::new() } else { format!("&{more}") };
    format!("{kind}?{name}={NHS}%7C{}{more}", patient.digits())
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the gateway answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("a whole body in UTF-8") }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn request_id(&self) -> RequestId {
        RequestId::parse(self.header("x-request-id")).expect("every answer has an X-Request-ID")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The first issue's code.
    pub fn code(&self) -> String {
        self.json()["issue"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The first issue's NHS error code.
    pub fn spine(&self) -> String {
        let coding = &self.json()["issue"][0]["details"]["coding"][0];
        if coding["system"] == SPINE { coding["code"].as_str().unwrap_or_default().to_owned() } else { String::new() }
    }

    /// The resources of the matches.
    pub fn matches(&self) -> Vec<Value> {
        self.entries("match")
    }

    pub fn match_ids(&self) -> Vec<String> {
        self.matches().iter().map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
    }

    pub fn entries(&self, mode: &str) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text);
        let bundle = self.json();
        assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("searchset")));
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries
            .into_iter()
            .filter(|entry| entry["search"]["mode"] == mode)
            .map(|entry| entry["resource"].clone())
            .collect()
    }

    /// The issues of the one entry that says how complete the answer is.
    pub fn issues(&self) -> Vec<Value> {
        let outcomes = self.entries("outcome");
        assert_eq!(outcomes.len(), 1, "one outcome entry on every page: {}", self.text);
        outcomes[0]["issue"].as_array().unwrap().clone()
    }

    pub fn next(&self) -> Option<String> {
        let links = self.json()["link"].as_array().cloned().unwrap_or_default();
        links.iter().find(|link| link["relation"] == "next").map(|link| link["url"].as_str().unwrap().to_owned())
    }
}

/// The source that an issue or a resource says it is from.
pub fn source_of(resource: &Value) -> String {
    let source = resource["meta"]["source"].as_str().unwrap_or_default();
    source.strip_prefix(ODS).and_then(|rest| rest.strip_prefix('#')).unwrap_or_else(|| panic!("{resource}")).to_owned()
}

/// The organisation that an issue of the completeness entry names.
pub fn named_in(issue: &Value) -> Option<String> {
    let extensions = issue["extension"].as_array()?;
    let named = extensions.iter().find(|one| one["valueIdentifier"]["system"] == ODS)?;
    named["valueIdentifier"]["value"].as_str().map(str::to_owned)
}

pub fn canary(resource: &Value) -> String {
    let identifiers = match &resource["identifier"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let found = identifiers.iter().find(|one| one["system"] == "https://region.example/canary");
    found.and_then(|one| one["value"].as_str()).unwrap_or_else(|| panic!("no canary in {resource}")).to_owned()
}
