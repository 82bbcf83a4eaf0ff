//! What a token costs: the first time, when its signature is verified, and remembered after that.

use crate::{
    Effort,
    aims::{ES256, Line, RS256, VERIFIED_ONCE},
    gateway::{Setup, observations},
    issuer::{Algorithm, Issuer},
    load, machine,
    providers::{Act, Providers},
    records,
    report::Report,
    spread::Spread,
};
use caregate::identity::Verifier;
use std::time::Duration;

const REQUESTS: usize = 100;

pub async fn measure(effort: Effort, report: &mut Report) {
    let issuer = Issuer::new();
    let providers = Providers::start(issuer.key_set());
    for (algorithm, line) in [(Algorithm::Es256, &ES256), (Algorithm::Rs256, &RS256)] {
        remembered(effort, report, &issuer, &providers, algorithm, line).await;
    }

    providers.do_as(|asked| {
        let patient = asked.kind == "Patient";
        let body =
            if patient { records::searchset(&[records::patient(asked.patient)]) } else { records::searchset(&[]) };
        Act::Answer(Duration::ZERO, body)
    });
    let patients = records::patients(1);
    let gateway = Setup::new(&providers, 1).start(&patients).await;
    let http = load::client();
    let tokens = effort.of(20, 2);
    for n in 0..tokens {
        let token = issuer.token(Algorithm::Es256, n);
        for _ in 0..REQUESTS {
            load::get(&http, &gateway.fhir(&observations(patients[0], 50)), &token).await;
        }
    }
    let (_, metrics) = load::get(&http, &gateway.metrics, "").await;
    let verified: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("caregate_tokens_total") && line.contains("\"verified\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "a count of some tens")]
    let each = verified / tokens as f64;
    report.tell(&VERIFIED_ONCE, Spread::of([each]), format!("{tokens} tokens, by the gateway's own metrics"));
}

async fn remembered(
    effort: Effort,
    report: &mut Report,
    issuer: &Issuer,
    providers: &Providers,
    algorithm: Algorithm,
    line: &'static Line,
) {
    let verifier = Verifier::new(vec![Issuer::config(&providers.keys())]).expect("a verifier");
    let each = effort.of(2000, 500);
    // its keys are fetched now
    verifier.requester(&issuer.token(algorithm, usize::MAX), None).await.expect("a requester");
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for round in 0..effort.of(5, 3) {
        let tokens: Vec<String> = (0..each).map(|n| issuer.token(algorithm, round * each + n)).collect();
        // what is remembered is so quick that once through them would not be measured
        for (times, often) in [(&mut first, 1), (&mut again, 100)] {
            let began = machine::own_seconds();
            for token in (0..often).flat_map(|_| &tokens) {
                verifier.requester(token, None).await.expect("a requester");
            }
            #[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
            times.push((machine::own_seconds() - began) / (each * often) as f64);
        }
    }
    let us = |times: Vec<f64>| Spread::of(times).median() * 1e6;
    let ratio = Spread::ratios(&again, &first);
    report.tell(line, ratio, format!("{:.1} us of CPU the first time, {:.2} us remembered", us(first), us(again)));
}
