//! Releases from the cache, each with its row committed first, beside nginx's cache and a bare actix server with the same bytes.

use crate::{
    Effort,
    aims::{
        CACHED, Line, POSTGRES_64, POSTGRES_256, POSTGRES_LARGE, SQLITE_64, SQLITE_256, SQLITE_LARGE,
        TOKEN_AND_DECISION,
    },
    gateway::{Gateway, Setup, observations, ods},
    issuer::{Algorithm, Issuer, PRACTICE},
    load::{self, Script},
    machine::{self, MEASURED, MEASURING},
    peers::{self, Peer},
    postgres::Postgres,
    program, progress,
    providers::{Act, Providers},
    records,
    report::{Report, number},
    spread::Spread,
};
use caregate::{
    access::{
        Action, Basis, Decision, Disclosure, Evidence, Facts, GlobalFacts, Interaction, PatientFacts, Policy,
        Relationship, Wanted,
    },
    domain::{Labels, NhsNumber, OdsCode, Timestamp},
    fhir::ResourceType,
    identity::Verifier,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Their answers are joined into each of the gateway's.
const SOURCES: usize = 4;
/// So many answers are asked for in turn.
const PATIENTS: usize = 64;

/// Answers of one size, kept by everyone who is to give them.
struct Stage {
    sqlite: Gateway,
    postgres: Gateway,
    nginx: Peer,
    bare: Peer,
    script: Script,
    bytes: usize,
    _origin: Peer,
}

pub async fn measure(effort: Effort, report: &mut Report, memory: bool, audited: bool) {
    let issuer = Issuer::new();
    let providers = Providers::start(issuer.key_set());
    let patients = records::patients(PATIENTS);
    let server = Postgres::start(&[]);
    let (_directory, directory) = program::directory();
    let token = issuer.token(Algorithm::Es256, 0);
    let small = Stage::set(&directory, "small", 3, &providers, &patients, &token, &server).await;
    if memory {
        small.memory(effort, report, &issuer, &providers).await;
    }
    if audited {
        pin(&server, MEASURED).await;
        small.audited(effort, report, 64, [&SQLITE_64, &POSTGRES_64]);
        small.audited(effort, report, 256, [&SQLITE_256, &POSTGRES_256]);
        drop(small);
        let large = Stage::set(&directory, "large", 34, &providers, &patients, &token, &server).await;
        pin(&server, MEASURING).await;
        large.audited(effort, report, 64, [&SQLITE_LARGE, &POSTGRES_LARGE]);
    }
}

/// Moves the server with all of its processes; those to come follow it.
pub async fn pin(server: &Postgres, core: usize) {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect(&server.url("postgres")).await.expect("the server answers");
    let own: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await.expect("a number");
    let status = std::fs::read_to_string(format!("/proc/{own}/status")).expect("it runs here");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("its parent");
    let parent: u32 = parent.trim().parse().expect("a number");
    for pid in [parent].into_iter().chain(machine::children(parent)) {
        machine::pin(pid, core);
    }
}

impl Stage {
    async fn set(
        directory: &Path,
        name: &str,
        each: usize,
        providers: &Providers,
        patients: &[NhsNumber],
        token: &str,
        server: &Postgres,
    ) -> Self {
        progress(&format!("answers of {name} size"));
        providers.do_as(move |asked| {
            let body = match asked.kind {
                "Patient" => records::searchset(&[records::patient(asked.patient)]),
                _ => records::observations(asked.patient, asked.provider, each),
            };
            Act::Answer(Duration::ZERO, body)
        });
        let sqlite = Setup::new(providers, SOURCES).start(patients).await;
        let postgres = Setup::new(providers, SOURCES).database(&server.database().await).start(patients).await;
        let paths: Vec<String> = patients.iter().map(|one| format!("fhir/{}", observations(*one, 1000))).collect();
        let http = load::client();
        let file = |what: &str| -> PathBuf { directory.join(format!("{name}.{what}")) };
        // the first request has the providers asked
        let mut bytes = 0;
        for path in &paths {
            for gateway in [&sqlite, &postgres] {
                let (_, body) = load::get(&http, &format!("{}/{path}", gateway.url), token).await;
                assert_eq!(body.matches("\"mode\":\"match\"").count(), SOURCES * each, "{body}");
                bytes = body.len();
                load::keep(&body, &file("body"));
            }
        }
        let (nginx, origin) = peers::nginx(directory, &file("body"));
        for path in &paths {
            load::get(&http, &format!("{}/{path}", nginx.url), token).await;
        }
        let bare = peers::bare(&file("body"), MEASURED);
        let script = Script::new(file("lua"), &paths, token);
        Self { sqlite, postgres, nginx, bare, script, bytes, _origin: origin }
    }

    /// Requests a second, and the microseconds of CPU that each cost.
    fn one(&self, url: &str, pid: u32, connections: usize, seconds: usize) -> (f64, f64) {
        let before = machine::cpu_seconds(pid);
        let heavy = self.script.run(url, connections, seconds);
        (heavy.rate, (machine::cpu_seconds(pid) - before) / heavy.requests * 1e6)
    }

    async fn memory(&self, effort: Effort, report: &mut Report, issuer: &Issuer, providers: &Providers) {
        let seconds = effort.of(2, 1);
        let checks = Checks::new(issuer, providers).await;
        let (mut bare, mut nginx, mut ours, mut own) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..effort.of(3, 1) {
            bare.push(self.one(&self.bare.url, self.bare.program.pid(), 64, seconds));
            nginx.push(self.one(&self.nginx.url, self.nginx.program.pid(), 64, seconds));
            ours.push(self.one(&self.sqlite.url, self.sqlite.program.pid(), 64, seconds));
            own.push(checks.cost(effort.of(200_000, 20_000)).await * 1e6);
        }
        let said = |name: &str, all: &[(f64, f64)]| {
            let rate = Spread::of(all.iter().map(|one| one.0)).median();
            let cpu = Spread::of(all.iter().map(|one| one.1)).median();
            format!("{name} {rate:.0}/s at {cpu:.1} us of CPU")
        };
        let cpu: Vec<f64> = bare.iter().map(|one| one.1).collect();
        let told = format!(
            "{} us of {} us; {} bytes",
            number(Spread::of(own.clone()).median()),
            number(Spread::of(cpu.clone()).median()),
            self.bytes
        );
        report.tell(&TOKEN_AND_DECISION, Spread::ratios(&own, &cpu), told);
        let rates = |all: &[(f64, f64)]| -> Vec<f64> { all.iter().map(|one| one.0).collect() };
        let told = [said("bare actix", &bare), said("nginx", &nginx), said("ours", &ours)].join(", ");
        report.tell(&CACHED, Spread::ratios(&rates(&ours), &rates(&nginx)), told);
    }

    fn audited(&self, effort: Effort, report: &mut Report, connections: usize, lines: [&'static Line; 2]) {
        let seconds = effort.of(2, 1);
        let gateways = [&self.sqlite, &self.postgres];
        let mut nginx = Vec::new();
        let mut ours = [Vec::new(), Vec::new()];
        for _ in 0..effort.of(3, 1) {
            nginx.push(self.one(&self.nginx.url, self.nginx.program.pid(), connections, seconds));
            for (gateway, rates) in gateways.iter().zip(&mut ours) {
                rates.push(self.one(&gateway.url, gateway.program.pid(), connections, seconds));
            }
        }
        let rates = |all: &[(f64, f64)]| -> Vec<f64> { all.iter().map(|one| one.0).collect() };
        let half = |all: Vec<f64>| number(Spread::of(all).median());
        for (line, ours) in lines.into_iter().zip(&ours) {
            let cpu: Vec<f64> = ours.iter().map(|one| one.1).collect();
            let theirs: Vec<f64> = nginx.iter().map(|one| one.1).collect();
            let told = format!(
                "{}/s at {} us of CPU; nginx {}/s at {} us; {} bytes of {SOURCES} sources",
                half(rates(ours)),
                half(cpu),
                half(rates(&nginx)),
                half(theirs),
                self.bytes
            );
            report.tell(line, Spread::ratios(&rates(ours), &rates(&nginx)), told);
        }
    }
}

/// What a request's token and decisions cost, once the token is remembered.
struct Checks {
    verifier: Verifier,
    token: String,
    policy: Arc<Policy>,
    facts: Facts,
    wanted: Wanted,
}

impl Checks {
    async fn new(issuer: &Issuer, providers: &Providers) -> Self {
        let verifier = Verifier::new(vec![Issuer::config(&providers.keys())]).expect("a verifier");
        let token = issuer.token(Algorithm::Es256, 1);
        verifier.requester(&token, None).await.expect("a requester");
        let practice = OdsCode::parse(PRACTICE).expect("a code");
        let registered = Relationship::of(practice, Basis::Registered, Timestamp(0), None, "bench".to_owned());
        let patient = PatientFacts { epoch: 1, relationships: vec![registered], ..PatientFacts::default() };
        let policy = Arc::new(Policy::load(None).expect("the built-in policy"));
        let global = GlobalFacts { epoch: 1, policy: Some(Arc::clone(policy.fingerprint())), ..GlobalFacts::default() };
        let (organisation, now) = (Some("gp-practice".into()), Timestamp::now());
        let (patient, global) = (Arc::new(patient), Arc::new(global));
        let facts = Facts { patient, global, evidence: Evidence::NotAsked, organisation, until: None, now };
        let action = Action::ReadRecord(ResourceType::parse("Observation").expect("a type"), Interaction::Search);
        let wanted = Wanted { action, patient: records::patients(1).pop() };
        Self { verifier, token, policy, facts, wanted }
    }

    /// Seconds of CPU for one request's: the token, the decision, and whether each source's entries may be shown.
    async fn cost(&self, times: usize) -> f64 {
        let sources: Vec<OdsCode> = (0..SOURCES).map(|n| OdsCode::parse(&ods(n)).expect("a code")).collect();
        let unlabelled = Labels::default();
        let began = machine::own_seconds();
        for _ in 0..times {
            let requester = self.verifier.requester(&self.token, None).await.expect("a requester");
            let Decision::Permit(permit) = self.policy.decide(&requester, &self.wanted, &self.facts) else {
                panic!("a practitioner reads the record of a patient of the practice")
            };
            let shown = |source: &&OdsCode| permit.disclosure(**source, &unlabelled, None) == Disclosure::Release;
            assert_eq!(sources.iter().filter(shown).count(), SOURCES);
        }
        #[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
        let times = times as f64;
        (machine::own_seconds() - began) / times
    }
}
