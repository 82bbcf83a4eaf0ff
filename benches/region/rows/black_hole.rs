//! A provider that takes connections and never answers: what its silence costs, first each request, then hardly any.

use crate::{
    Effort,
    aims::{BLACK_HOLE, EJECTED},
    gateway::{Gateway, Setup, observations, ods},
    issuer::{Algorithm, Issuer},
    load, progress,
    providers::{Act, Providers},
    records,
    report::{Report, number},
    spread::Spread,
};
use caregate::domain::NhsNumber;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const PROVIDERS: usize = 8;
const DEADLINE: Duration = Duration::from_millis(400);
/// Of everyone else, each time.
const USUAL: Duration = Duration::from_millis(40);
const AT_ONCE: usize = 8;

pub async fn measure(effort: Effort, report: &mut Report) {
    let issuer = Issuer::new();
    let providers = Providers::start(issuer.key_set());
    let silent: Arc<Mutex<Option<String>>> = Arc::default();
    let heard = Arc::clone(&silent);
    providers.do_as(move |asked| {
        if asked.kind == "Patient" {
            return Act::Answer(Duration::ZERO, records::searchset(&[records::patient(asked.patient)]));
        }
        if heard.lock().expect("nobody panics holding it").as_deref() == Some(asked.provider) {
            return Act::Silence;
        }
        Act::Answer(USUAL, records::observations(asked.patient, asked.provider, 4))
    });
    let is_silent = |n: Option<usize>| *silent.lock().expect("nobody panics holding it") = n.map(ods);
    let patients = records::patients(50);
    let deadline = format!("deadline_ms = {}", DEADLINE.as_millis());
    let gateway = Setup::new(&providers, PROVIDERS).keeping_nothing().federation(&deadline).start(&patients).await;
    let token = issuer.token(Algorithm::Es256, 0);
    let few: Vec<NhsNumber> = patients.iter().copied().take(AT_ONCE).collect();
    let asks: Vec<NhsNumber> = patients.iter().copied().cycle().take(effort.of(1200, 100)).collect();
    // who each patient is, is known from here on
    asked(&gateway, &patients, &token).await;

    progress("a black hole");
    let (mut beyond, mut ratios, mut ms) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..effort.of(2, 1) {
        let baseline = Spread::of(asked(&gateway, &asks, &token).await).at(0.99);
        // one provider after the other falls silent, each for the first few requests: until then none has been ejected
        let mut waited = Vec::new();
        for n in 1..PROVIDERS {
            is_silent(Some(n));
            let took = asked(&gateway, &few, &token).await;
            assert!(took.iter().all(|took| *took >= DEADLINE.as_secs_f64()), "it was waited for: {took:?}");
            waited.extend(took);
        }
        beyond.push((Spread::of(waited).at(0.99) - DEADLINE.as_secs_f64()) * 1e3);
        // the last of them stays silent, and is left alone but for a try now and then; the others are well again
        all_but_one_answer(&gateway, patients[0], &token).await;
        let ejected = Spread::of(asked(&gateway, &asks, &token).await).at(0.99);
        ratios.push(ejected / baseline);
        ms.push((ejected, baseline));
        is_silent(None);
        if round + 1 < effort.of(2, 1) {
            answered_by(&gateway, patients[0], &token, PROVIDERS).await;
        }
    }
    let (few, many) = (few.len() * (PROVIDERS - 1), asks.len());
    report.tell(
        &BLACK_HOLE,
        Spread::of(beyond),
        format!("deadline {} ms, {few} requests a round", DEADLINE.as_millis()),
    );
    let half = |of: fn(&(f64, f64)) -> f64| number(Spread::of(ms.iter().map(of)).median() * 1e3);
    let told = format!(
        "p99 {} ms, before {} ms; {many} requests a round, one of 8 providers ejected",
        half(|m| m.0),
        half(|m| m.1)
    );
    report.tell(&EJECTED, Spread::of(ratios), told);
}

async fn all_but_one_answer(gateway: &Gateway, patient: NhsNumber, token: &str) {
    answered_by(gateway, patient, token, PROVIDERS - 1).await;
}

/// Asks until so many providers' entries are in the answer.
async fn answered_by(gateway: &Gateway, patient: NhsNumber, token: &str, providers: usize) {
    let http = load::client();
    let began = std::time::Instant::now();
    loop {
        let (_, body) = load::get(&http, &gateway.fhir(&observations(patient, 50)), token).await;
        if body.matches("\"mode\":\"match\"").count() == providers * 4 {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "not {providers} providers answer");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn asked(gateway: &Gateway, patients: &[NhsNumber], token: &str) -> Vec<f64> {
    let http = load::client();
    load::each(AT_ONCE, patients, async |n| {
        load::get(&http, &gateway.fhir(&observations(patients[n], 50)), token).await.0.as_secs_f64()
    })
    .await
}
