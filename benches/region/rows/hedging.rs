//! A provider with a replica, where a call in forty stalls: with hedging, and the same without a replica to hedge at.

use crate::{
    Effort,
    aims::{HEDGED_P99, HEDGES},
    delays::{chance, lognormal},
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
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const MEDIAN: Duration = Duration::from_millis(20);
const STALL: Duration = Duration::from_millis(180);
const STALLING: f64 = 0.025;
const AT_ONCE: usize = 8;

pub async fn measure(effort: Effort, report: &mut Report) {
    let issuer = Issuer::new();
    let providers = Providers::start(issuer.key_set());
    let turn = AtomicU64::new(0);
    providers.do_as(move |asked| {
        if asked.kind == "Patient" {
            return Act::Answer(Duration::ZERO, records::searchset(&[records::patient(asked.patient)]));
        }
        // each call fares by itself, wherever it is made
        let turn = turn.fetch_add(1, Ordering::Relaxed);
        let stall = if chance((turn, 's')) < STALLING { STALL } else { Duration::ZERO };
        let usual = lognormal(MEDIAN, (turn, 'u')).min(MEDIAN * 3);
        Act::Answer(usual + stall, records::observations(asked.patient, "R0000", 4))
    });
    let patients = records::patients(100);
    let own = ods(0);
    let replica = format!("replicas = [\"{}\"]", providers.base(&format!("{own}-replica")));
    let hedged = Setup::new(&providers, 1).keeping_nothing().line(0, &replica).start(&patients).await;
    let unhedged = Setup::new(&providers, 1).keeping_nothing().start(&patients).await;
    let token = issuer.token(Algorithm::Es256, 0);
    for gateway in [&hedged, &unhedged] {
        asked(gateway, &patients, &token).await;
    }
    let each = effort.of(700, 100);
    let asks: Vec<NhsNumber> = patients.iter().copied().cycle().take(each).collect();
    let (mut p99, mut calls, mut ms) = (Vec::new(), Vec::new(), Vec::new());
    progress("hedging");
    for _ in 0..effort.of(3, 1) {
        let mut found = Vec::new();
        for gateway in [&hedged, &unhedged] {
            let before = providers.calls(&own);
            let times = Spread::of(asked(gateway, &asks, &token).await);
            #[expect(clippy::cast_precision_loss, reason = "some thousands")]
            found.push((times.at(0.99), (providers.calls(&own) - before) as f64));
        }
        p99.push(found[0].0 / found[1].0);
        calls.push(found[0].1 / found[1].1);
        ms.push((found[0].0, found[1].0));
    }
    let half = |of: fn(&(f64, f64)) -> f64| number(Spread::of(ms.iter().map(of)).median() * 1e3);
    let told = format!(
        "p99 {} ms, unhedged {} ms; one call in forty stalls 180 ms beyond some 20",
        half(|m| m.0),
        half(|m| m.1)
    );
    report.tell(&HEDGED_P99, Spread::of(p99), told);
    report.tell(&HEDGES, Spread::of(calls), format!("{each} requests a round"));
}

async fn asked(gateway: &Gateway, patients: &[NhsNumber], token: &str) -> Vec<f64> {
    let http = load::client();
    load::each(AT_ONCE, patients, async |n| {
        load::get(&http, &gateway.fhir(&observations(patients[n], 50)), token).await.0.as_secs_f64()
    })
    .await
}
