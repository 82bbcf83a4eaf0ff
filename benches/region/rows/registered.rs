//! A region of 3,000 organisations that registered themselves: start-up, planning, and the pages of their console.

use crate::{
    Effort,
    aims::{REGISTERED_LIVE, REGISTERED_OPERATORS, REGISTERED_PAGE, REGISTERED_PLANNING, REGISTERED_START},
    gateway::{Gateway, Setup, observations},
    issuer::{Algorithm, ISSUER, Issuer, PRACTICE},
    load, program, progress,
    providers::{Act, Asked, Providers},
    records,
    report::{Report, number},
    spread::Spread,
};
use caregate::{
    access::{Recorder, Stage, Stages},
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::ResourceType,
    identity::{Party, Purpose, Requester, Scopes, SessionConfig, Sessions},
    registry::{
        Idiom,
        directory::{Agreement, Content, Endpoint, Entry, EntryState, Organisation, Staged},
    },
    store::{DatabaseUrl, Store},
};
use std::time::Duration;

const MANY: usize = 3000;
const FEW: usize = 10;
/// By the deployment's configuration.
const CONFIGURED: usize = 10;
const OPERATOR: &str = "900000000001";

/// A database in which so many have registered, and the session of one of the region's operators.
struct Region {
    _directory: tempfile::TempDir,
    url: String,
    session: String,
}

pub async fn measure(effort: Effort, report: &mut Report) {
    let issuer = Issuer::new();
    let providers = Providers::start(issuer.key_set());
    let token = issuer.token(Algorithm::Es256, 0);
    providers.do_as(sound);
    progress("3,000 that registered");
    let regions =
        [Region::of(&providers, MANY, Stage::Registered).await, Region::of(&providers, FEW, Stage::Registered).await];
    start(effort, report, &providers, &regions).await;
    let patients = records::patients(16);
    let gateways = regions.iter().map(|region| setup(&providers, region).start(&patients));
    let gateways = futures::future::join_all(gateways).await;
    let releases = release(effort, &gateways, &patients, &token).await;
    tell(report, &REGISTERED_PLANNING, &releases, "of a release");
    let home = format!("providers/{}", ods(FEW - 1));
    for (line, page) in [(&REGISTERED_OPERATORS, "providers/all"), (&REGISTERED_PAGE, home.as_str())] {
        let costs = pages(effort, &gateways, &regions, page).await;
        tell(report, line, &costs, "of a page");
    }
    drop(gateways);
    progress("3,000 of them live");
    let regions = [Region::of(&providers, MANY, Stage::Live).await, Region::of(&providers, FEW, Stage::Live).await];
    let located = |region| setup(&providers, region).registry_line("locate = \"pointers\"");
    let gateways = regions.iter().map(|region| located(region).start(&patients));
    let gateways = futures::future::join_all(gateways).await;
    let releases = release(effort, &gateways, &patients, &token).await;
    tell(report, &REGISTERED_LIVE, &releases, "of a release");
}

/// The configured ones hold the patients; nothing says that anybody else does.
fn sound(asked: &Asked<'_>) -> Act {
    let body = match asked.kind {
        "Patient" => records::searchset(&[records::patient(asked.patient)]),
        _ => records::observations(asked.patient, asked.provider, 4),
    };
    Act::Answer(Duration::ZERO, body)
}

fn ods(n: usize) -> String {
    format!("Q{n:04}")
}

fn setup<'p>(providers: &'p Providers, region: &Region) -> Setup<'p> {
    let operators = format!("operators = [{{ issuer = \"{}\", user = \"{OPERATOR}\" }}]", ISSUER);
    let lines = [operators.as_str(), "allow_http = true", "allow_private_addresses = true"];
    lines.iter().fold(Setup::new(providers, CONFIGURED).database(&region.url), |setup, line| setup.registry_line(line))
}

async fn start(effort: Effort, report: &mut Report, providers: &Providers, [many, few]: &[Region; 2]) {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..effort.of(3, 1) {
        for (region, times) in [many, few].into_iter().zip(&mut times) {
            times.push(setup(providers, region).start(&[]).await.start);
        }
    }
    let ms = |all: &[f64]| number(Spread::of(all.iter().copied()).median() * 1e3);
    let told = format!("{} ms, with 10 {} ms", ms(&times[0]), ms(&times[1]));
    report.tell(&REGISTERED_START, Spread::ratios(&times[0], &times[1]), told);
}

type Costs = [Vec<f64>; 2];

fn tell(report: &mut Report, line: &'static crate::aims::Line, [many, few]: &Costs, of: &str) {
    let us = |all: &[f64]| number(Spread::of(all.iter().copied()).median());
    report.tell(line, Spread::ratios(many, few), format!("{} us of CPU {of}, with 10 {} us", us(many), us(few)));
}

/// CPU of a release from what is remembered, in microseconds.
async fn release(effort: Effort, gateways: &[Gateway], patients: &[NhsNumber], token: &str) -> Costs {
    let paths: Vec<String> = patients.iter().map(|one| format!("fhir/{}", observations(*one, 50))).collect();
    let (_directory, directory) = program::directory();
    let script = load::Script::new(directory.join("registered.lua"), &paths, token);
    let http = load::client();
    for (gateway, path) in gateways.iter().flat_map(|gateway| paths.iter().map(move |path| (gateway, path))) {
        load::get(&http, &format!("{}/{path}", gateway.url), token).await;
    }
    let mut costs = Costs::default();
    for _ in 0..effort.of(3, 1) {
        for (gateway, costs) in gateways.iter().zip(&mut costs) {
            let before = gateway.cpu();
            let heavy = script.run(&gateway.url, 16, effort.of(2, 1));
            costs.push((gateway.cpu() - before) / heavy.requests * 1e6);
        }
    }
    costs
}

/// CPU of a page for an operator, in microseconds.
async fn pages(effort: Effort, gateways: &[Gateway], regions: &[Region], page: &str) -> Costs {
    let (http, times) = (load::client(), vec![(); effort.of(300, 30)]);
    let mut costs = Costs::default();
    for _ in 0..effort.of(3, 1) {
        for ((gateway, region), costs) in gateways.iter().zip(regions).zip(&mut costs) {
            let url = format!("{}/{page}", gateway.url);
            let before = gateway.cpu();
            load::each(4, &times, async |_| {
                let asked = http.get(&url).header("cookie", format!("caregate-session={}", region.session));
                let answer = asked.send().await.expect("an answer");
                assert_eq!(answer.status(), 200, "{url}");
                assert!(answer.text().await.expect("a page").contains("Organisation 000"), "{url}");
                0.0
            })
            .await;
            #[expect(clippy::cast_precision_loss, reason = "some hundred")]
            costs.push((gateway.cpu() - before) / times.len() as f64 * 1e6);
        }
    }
    costs
}

impl Region {
    /// So many organisations with an endpoint each, all at this stage.
    async fn of(providers: &Providers, how_many: usize, stage: Stage) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite:{}", directory.path().join("caregate.db").display());
        let store = Store::open(&DatabaseUrl::parse(&url).expect("a URL")).await.expect("the database opens");
        for n in 0..how_many {
            register(&store, &providers.base(&ods(n)), n, stage).await;
        }
        let sessions = Sessions::new(store.sessions(), &SessionConfig::default());
        let session = sessions.begin(&operator(&sessions), Timestamp::now()).await.expect("a session").cookie();
        Self { _directory: directory, url, session }
    }
}

async fn register(store: &Store, base: &str, n: usize, stage: Stage) {
    let (of, at) = (OdsCode::parse(&ods(n)).expect("a code"), Timestamp::now());
    let by = Recorder { issuer: "bench".to_owned(), subject: "bench".to_owned(), organisation: Some(of) };
    let agreement = Agreement { reference: "ISA-1".to_owned(), from: Some(Timestamp(0)), until: None };
    let organisation = Organisation {
        ods: of,
        name: format!("Organisation {n:04}"),
        kind: "acute-trust".to_owned(),
        role: None,
        agreement: Some(agreement),
        contacts: Vec::new(),
        client: None,
    };
    let endpoint = Endpoint {
        ods: of,
        name: format!("Endpoint {n:04}"),
        address: base.parse().expect("a URL"),
        replicas: Vec::new(),
        types: ResourceType::RECORDS.iter().copied().collect(),
        idiom: Idiom::ResolveFirst,
        credential: None,
        contacts: Vec::new(),
        test_patients: Vec::new(),
        deadline_ms: None,
        from: None,
        until: None,
    };
    for content in [Content::Organization(organisation), Content::Endpoint(endpoint)] {
        let (state, by) = (EntryState::InForce, by.clone());
        let entry = Entry { version: 1, content, state, by, by_system: true, at, decided: None };
        store.directory().write(&entry, None).await.expect("it is registered");
    }
    if stage != Stage::Registered {
        let before = store.directory().stages(of).await.expect("its stages").map(|staged| staged.stages);
        let stages = Stages { usual: stage, ..Stages::default() };
        let staged = Staged { stages, by, at, reason: "bench".to_owned() };
        store.directory().set_stages(of, 1, before.as_ref(), &staged).await.expect("it is staged");
    }
}

fn operator(sessions: &Sessions) -> Requester {
    let party = Party::Staff {
        user: OPERATOR.to_owned(),
        name: None,
        role: Some("R8015".to_owned()),
        role_name: None,
        activities: Vec::new(),
        organisation: OdsCode::parse(PRACTICE).expect("a code"),
    };
    Requester {
        issuer: ISSUER.to_owned(),
        subject: OPERATOR.to_owned(),
        party,
        given_by: "https://bench.example".to_owned(),
        client_id: "bench".to_owned(),
        token_id: "bench".to_owned(),
        scopes: Scopes::parse("user/*.cruds"),
        purpose: Purpose("TREAT".to_owned()),
        acting: None,
        expires: sessions.ends(Timestamp::now()),
    }
}
