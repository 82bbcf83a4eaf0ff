//! A provider's answer read, verified, hashed, labelled, looked at for copies, rewritten and made ready to send, once: beside
//! serde_json only walking over the same bytes.

use crate::{
    Effort,
    aims::SPLIT,
    machine, progress, records,
    report::{Report, number},
    spread::Spread,
};
use caregate::{
    access::Policy,
    domain::IdSealer,
    federation::Offline,
    fhir::ResourceType,
    registry::{ProviderConfig, Want},
};
use serde::de::IgnoredAny;
use serde_json::json;
use std::{hint::black_box, sync::Arc, time::Duration};

const ENTRIES: usize = 2000;

pub fn measure(effort: Effort, report: &mut Report) {
    progress("split");
    let config: ProviderConfig = serde_json::from_value(json!({
        "ods": "R0001", "name": "Provider 1", "kind": "acute-trust", "base_url": "https://provider.example/fhir",
    }))
    .expect("a configuration");
    let provider = Arc::new(config.provider(Duration::from_secs(3)).expect("a provider"));
    let number_of = records::patients(1)[0];
    let offline = Offline {
        ids: Arc::new(IdSealer::new(&[7; 32])),
        provider,
        numbers: number_of.into(),
        base: "https://caregate.example/fhir/".into(),
        sensitivities: Arc::clone(Policy::load(None).expect("the built-in policy").sensitivities()),
    };
    let digits = number_of.digits();
    let patients = records::searchset(&[records::patient(&digits)]);
    let page = records::observations(&digits, "R0001", ENTRIES);
    let want = Want::all(ResourceType::parse("Observation").expect("a type"));
    let times = effort.of(100, 30);
    let rate = |work: &dyn Fn()| {
        let began = machine::own_seconds();
        (0..times).for_each(|_| work());
        #[expect(clippy::cast_precision_loss, reason = "some MB")]
        let bytes = (page.len() * times) as f64;
        bytes / (machine::own_seconds() - began) / 1e6
    };
    let ours = || {
        let answer = offline.answer(&patients, &page, &want).expect("a sound answer");
        assert_eq!(black_box(answer).entries.len(), ENTRIES);
    };
    let scan = || {
        black_box(serde_json::from_slice::<IgnoredAny>(&page).expect("JSON"));
    };
    let (mut split, mut scanned) = (Vec::new(), Vec::new());
    for _ in 0..effort.of(7, 2) {
        split.push(rate(&ours));
        scanned.push(rate(&scan));
    }
    let half = |rates: &[f64]| number(Spread::of(rates.iter().copied()).median());
    let told = format!(
        "{} MB a second of CPU, the scan {} MB, {} bytes in {ENTRIES} entries",
        half(&split),
        half(&scanned),
        page.len()
    );
    report.tell(&SPLIT, Spread::ratios(&split, &scanned), told);
}
