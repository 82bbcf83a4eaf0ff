//! Eight providers asked at once, each taking its own time: the whole answer beside the slowest provider asked directly.

use crate::{
    Effort,
    aims::{FAN_OUT_P50, FAN_OUT_P99},
    delays::lognormal,
    gateway::{Setup, observations, ods},
    issuer::{Algorithm, Issuer},
    load, progress,
    providers::{Act, Providers},
    records,
    report::{Report, number},
    spread::Spread,
};
use std::{sync::Mutex, time::Duration};

const PROVIDERS: usize = 8;
const AT_ONCE: usize = 4;
/// Of the fastest; each further one is as much slower.
const MEDIAN: Duration = Duration::from_millis(15);

fn delay(provider: &str, patient: &str) -> Duration {
    let nth = (0..PROVIDERS).position(|n| ods(n) == provider).unwrap_or_default();
    lognormal(MEDIAN * u32::try_from(nth + 1).expect("eight"), (provider, patient))
}

pub async fn measure(effort: Effort, report: &mut Report) {
    let issuer = Issuer::new();
    let providers = Providers::start(issuer.key_set());
    let answer = |delays: bool| {
        move |asked: &crate::providers::Asked<'_>| match asked.kind {
            "Patient" => Act::Answer(Duration::ZERO, records::searchset(&[records::patient(asked.patient)])),
            _ => {
                let after = if delays { delay(asked.provider, asked.patient) } else { Duration::ZERO };
                Act::Answer(after, records::observations(asked.patient, asked.provider, 4))
            }
        }
    };
    let patients = records::patients(effort.of(120, 10));
    let gateway = Setup::new(&providers, PROVIDERS).keeping_nothing().start(&patients).await;
    let token = issuer.token(Algorithm::Es256, 0);
    let http = load::client();
    // who each patient is at each provider is known from here on
    providers.do_as(answer(false));
    for patient in &patients {
        load::get(&http, &gateway.fhir(&observations(*patient, 50)), &token).await;
    }
    providers.do_as(answer(true));
    progress("eight providers, in turns with the slowest alone");
    let (mut p50, mut p99, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.of(2, 1) {
        let alone = Mutex::new(Vec::new());
        let whole = load::each(AT_ONCE, &patients, async |n| {
            let (patient, digits) = (patients[n], patients[n].digits());
            let all = (0..PROVIDERS).map(ods);
            let slowest = all.max_by_key(|provider| delay(provider, &digits)).expect("eight");
            let (took, body) = load::get(&http, &gateway.fhir(&observations(patient, 50)), &token).await;
            assert_eq!(body.matches("\"mode\":\"match\"").count(), PROVIDERS * 4);
            let direct = format!("{}/Observation?patient=p-{digits}", providers.base(&slowest));
            let direct = load::get(&http, &direct, &token).await.0.as_secs_f64();
            alone.lock().expect("nobody panics holding it").push(direct);
            took.as_secs_f64()
        })
        .await;
        let alone = alone.into_inner().expect("nobody panicked holding it");
        let (whole, alone) = (Spread::of(whole), Spread::of(alone));
        p50.push(whole.at(0.5) / alone.at(0.5));
        p99.push(whole.at(0.99) / alone.at(0.99));
        beyond.push([whole.at(0.5), alone.at(0.5), whole.at(0.99), alone.at(0.99)]);
    }
    let ms = |at: usize| number(Spread::of(beyond.iter().map(|of| of[at])).median() * 1e3);
    let n = patients.len();
    report.tell(&FAN_OUT_P50, Spread::of(p50), format!("{} ms, alone {} ms; {n} patients a round", ms(0), ms(1)));
    report.tell(&FAN_OUT_P99, Spread::of(p99), format!("{} ms, alone {} ms", ms(2), ms(3)));
}
