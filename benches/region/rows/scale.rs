//! A region of 3,000 providers: start-up, planning, idle memory; how the audit grows; and what large answers cost in memory.

use crate::{
    Effort,
    aims::{GROWTH, IDLE, PEAK, PLANNING, START},
    gateway::{Gateway, Setup, observations},
    issuer::{Algorithm, Issuer},
    load::{self, Script},
    machine,
    postgres::Postgres,
    program, progress,
    providers::{Act, Providers},
    records,
    report::{Report, number},
    spread::Spread,
};
use caregate::domain::NhsNumber;
use sqlx::Connection as _;
use std::time::Duration;

const MANY: usize = 3000;
const FEW: usize = 10;
const QUERIES_A_DAY: f64 = 2e6;

pub async fn measure(effort: Effort, report: &mut Report) {
    let issuer = Issuer::new();
    let providers = Providers::start(issuer.key_set());
    let token = issuer.token(Algorithm::Es256, 0);
    progress("3,000 providers");
    start(effort, report, &providers).await;
    planning(effort, report, &providers, &token).await;
    idle(report, &providers, &token).await;
    progress("audit on disk");
    growth(effort, report, &providers, &token).await;
    progress("large answers");
    peak(effort, report, &providers, &token).await;
}

async fn start(effort: Effort, report: &mut Report, providers: &Providers) {
    let (mut many, mut few) = (Vec::new(), Vec::new());
    for _ in 0..effort.of(3, 1) {
        many.push(Setup::new(providers, MANY).start(&[]).await.start);
        few.push(Setup::new(providers, FEW).start(&[]).await.start);
    }
    let ms = |all: &[f64]| number(Spread::of(all.iter().copied()).median() * 1e3);
    report.tell(&START, Spread::ratios(&many, &few), format!("{} ms, with 10 providers {} ms", ms(&many), ms(&few)));
}

fn sound(asked: &crate::providers::Asked<'_>) -> Act {
    let body = match asked.kind {
        "Patient" => records::searchset(&[records::patient(asked.patient)]),
        _ => records::observations(asked.patient, asked.provider, 4),
    };
    Act::Answer(Duration::ZERO, body)
}

/// The others are asked only where a pointer says that they hold something: none does, and the plan has to see that.
async fn planning(effort: Effort, report: &mut Report, providers: &Providers, token: &str) {
    providers.do_as(sound);
    let patients = records::patients(16);
    let (_directory, directory) = program::directory();
    let mut gateways = Vec::new();
    for how_many in [MANY, FEW] {
        let setup =
            (FEW..how_many).fold(Setup::new(providers, how_many), |setup, n| setup.line(n, "locate = \"pointers\""));
        gateways.push(setup.start(&patients).await);
    }
    let paths: Vec<String> = patients.iter().map(|one| format!("fhir/{}", observations(*one, 50))).collect();
    let script = Script::new(directory.join("scale.lua"), &paths, token);
    let http = load::client();
    for (gateway, path) in gateways.iter().flat_map(|gateway| paths.iter().map(move |path| (gateway, path))) {
        load::get(&http, &format!("{}/{path}", gateway.url), token).await;
    }
    let (mut many, mut few) = (Vec::new(), Vec::new());
    for _ in 0..effort.of(3, 1) {
        for (gateway, costs) in gateways.iter().zip([&mut many, &mut few]) {
            let before = gateway.cpu();
            let heavy = script.run(&gateway.url, 16, effort.of(2, 1));
            costs.push((gateway.cpu() - before) / heavy.requests * 1e6);
        }
    }
    let us = |all: &[f64]| number(Spread::of(all.iter().copied()).median());
    let told = format!(
        "{} us, {} us without, of 10 providers' entries; memory {} MB, {} MB without",
        us(&many),
        us(&few),
        resident(&gateways[0]),
        resident(&gateways[1])
    );
    report.tell(&PLANNING, Spread::ratios(&many, &few), told);
}

/// All of them asked, about somebody whom only one knows.
async fn idle(report: &mut Report, providers: &Providers, token: &str) {
    providers.do_as(|asked| match (asked.kind, asked.provider) {
        ("Patient", "F99001") => sound(asked),
        ("Patient", _) => Act::Answer(Duration::ZERO, records::searchset(&[])),
        _ => sound(asked),
    });
    let patients = records::patients(1);
    let setup = Setup::new(providers, MANY).federation("deadline_ms = 30000");
    let gateway = setup.start(&patients).await;
    let before = resident(&gateway);
    let (took, _) = load::get(&load::client(), &gateway.fhir(&observations(patients[0], 50)), token).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mb = machine::memory(gateway.program.pid(), "VmRSS") / 1e6;
    let told =
        format!("{before} MB before any was asked; the first request, to all, took {} s", number(took.as_secs_f64()));
    report.tell(&IDLE, Spread::of([mb]), told);
}

fn resident(gateway: &Gateway) -> String {
    number(machine::memory(gateway.program.pid(), "VmRSS") / 1e6)
}

/// What the tables of the log take on disk, with their indexes and what the database adds.
const ON_DISK: &str = "SELECT pg_total_relation_size('audit_row') + pg_total_relation_size('audit_item_list')";

async fn growth(effort: Effort, report: &mut Report, providers: &Providers, token: &str) {
    providers.do_as(sound);
    let server = Postgres::start(&[]);
    let url = server.database().await;
    let patients = records::patients(64);
    let gateway = Setup::new(providers, 4).database(&url).start(&patients).await;
    let paths: Vec<String> = patients.iter().map(|one| format!("fhir/{}", observations(*one, 50))).collect();
    let http = load::client();
    for path in &paths {
        load::get(&http, &format!("{}/{path}", gateway.url), token).await;
    }
    let (_directory, directory) = program::directory();
    let script = Script::new(directory.join("growth.lua"), &paths, token);
    let mut connection = sqlx::PgConnection::connect(&url).await.expect("the server answers");
    let mut size = async || -> (f64, f64) {
        let size: i64 = sqlx::query_scalar(ON_DISK).fetch_one(&mut connection).await.expect("a size");
        let rows: i64 =
            sqlx::query_scalar("SELECT count(*) FROM audit_row").fetch_one(&mut connection).await.expect("rows");
        #[expect(clippy::cast_precision_loss, reason = "some GB")]
        (size as f64, rows as f64)
    };
    let before = size().await;
    script.run(&gateway.url, 64, effort.of(5, 1));
    let after = size().await;
    let bodies = "SELECT avg(octet_length(body))::float8 FROM audit_row WHERE kind = 1";
    let body: f64 = sqlx::query_scalar(bodies).fetch_one(&mut connection).await.expect("an average");
    let (rows, each) = (after.1 - before.1, (after.0 - before.0) / (after.1 - before.1));
    let a_year = |rows: f64| rows * each * QUERIES_A_DAY * 365.0 / 1e9;
    let told = format!(
        "{} bytes a row of 4 sources with all indexes, {} of them its text, over {rows} rows; {} GB where every query asks its \
         providers (two rows)",
        number(each),
        number(body),
        number(a_year(2.0))
    );
    report.tell(&GROWTH, Spread::of([a_year(1.0)]), told);
}

/// Of one answer, in entries of about a KB.
const ANSWER: usize = 6 << 20;
const AT_ONCE: usize = 4;
const CACHE: usize = 48 << 20;

async fn peak(effort: Effort, report: &mut Report, providers: &Providers, token: &str) {
    let entries = ANSWER / records::observation("9990000018", "F99001", 0).len();
    providers.do_as(move |asked| match asked.kind {
        "Patient" => sound(asked),
        _ => Act::Answer(Duration::ZERO, records::observations(asked.patient, asked.provider, entries)),
    });
    let patients = records::patients(effort.of(24, 12));
    let cache = format!("cache_bytes = {CACHE}\ndeadline_ms = 30000");
    let mut multiples = Vec::new();
    let mut mb = Vec::new();
    for _ in 0..effort.of(3, 1) {
        let gateway = Setup::new(providers, 1).federation(&cache).start(&patients).await;
        let idle = machine::memory(gateway.program.pid(), "VmHWM");
        let http = load::client();
        load::each(AT_ONCE, &patients, async |n| ask(&http, &gateway, patients[n], token).await).await;
        let taken = machine::memory(gateway.program.pid(), "VmHWM") - idle;
        // the caches are for answers, and an eighth more for Patients
        #[expect(clippy::cast_precision_loss, reason = "some MB")]
        let accepted = (AT_ONCE * ANSWER + CACHE + CACHE / 8) as f64;
        multiples.push(taken / accepted);
        mb.push(format!("{} MB of {} MB", number(taken / 1e6), number(accepted / 1e6)));
    }
    report.tell(
        &PEAK,
        Spread::of(multiples),
        format!("{}; 4 answers of 6 MiB at once, 48 MiB of cache", mb.join(", ")),
    );
}

async fn ask(http: &reqwest::Client, gateway: &Gateway, patient: NhsNumber, token: &str) -> f64 {
    load::get(http, &gateway.fhir(&observations(patient, 1)), token).await.0.as_secs_f64()
}
