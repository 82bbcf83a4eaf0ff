//! The probe of a provider's endpoint: those that are sound pass it, and each fault that a server can show fails the check that
//! is named for it. Whatever is seen, no word of it is in any form of the report.

mod command;
mod faults;
mod kept;
mod spoilt;
pub mod stand;
mod trust;

use crate::{misbehaviour::stage::MARK, raw::Raw};
use caregate::{
    fhir::{ResourceType, outcome::OperationOutcome},
    probe::{Limits, Outcome, Progress, Report, Target, probe},
    registry::{Provider, ProviderConfig},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

/// The deadline of one answer.
const DEADLINE: u64 = 900;

fn provider(url: &str, more: Value) -> Arc<Provider> {
    let mut config = json!({
        "ods": "X26", "name": "the endpoint", "kind": "unknown", "base_url": url, "deadline_ms": DEADLINE,
        "allow_http": true, "allow_private_addresses": true,
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let config: ProviderConfig = serde_json::from_value(config).unwrap();
    assert_eq!(config.faults(), [""; 0]);
    Arc::new(config.provider(Duration::from_secs(1)).unwrap())
}

/// The file that holds what the endpoint wants to see.
fn token() -> &'static Path {
    static TOKEN: OnceLock<PathBuf> = OnceLock::new();
    TOKEN.get_or_init(|| crate::misbehaviour::stage::file("probe.token", stand::TOKEN))
}

fn target(raw: &Raw) -> Target {
    target_with(raw, &[])
}

/// The same, with replicas.
fn target_with(raw: &Raw, replicas: &[&Raw]) -> Target {
    let url = |raw: &Raw| format!("http://127.0.0.1:{}/fhir", raw.port);
    let replicas: Vec<String> = replicas.iter().map(|replica| url(replica)).collect();
    let provider = provider(&url(raw), json!({"credential": {"bearer": {"file": token()}}, "replicas": replicas}));
    let types = [ResourceType::Condition, ResourceType::Observation, ResourceType::DocumentReference];
    let limits = Limits { time: Duration::from_secs(20), bytes: 2_000_000, pages: 12, ..Limits::default() };
    let limits = Limits { json: caregate::fhir::json::Limits { depth: 64, nodes: 200_000 }, ..limits };
    Target::new(provider, stand::patients(), types).unwrap().within(limits)
}

/// The report, which in none of its forms tells what is not for it.
async fn probed(target: &Target) -> Report {
    let mut heard: Vec<Progress> = Vec::new();
    let report = probe(target, |progress| heard.push(progress)).await;
    let last = heard.last().unwrap();
    assert!(last.done == last.total && last.what.is_empty(), "it does not say that it has ended");
    assert!(heard.iter().all(|one| one.done <= one.total), "{heard:?}");
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    let outcome = OperationOutcome::from(&report).to_json();
    let forms = [json, outcome, report.to_string(), format!("{heard:?}"), format!("{report:?}")];
    for form in &forms {
        assert!(!form.contains("canary") && !form.contains(MARK), "words of an answer: {form}");
        let digits = stand::patients().into_iter().map(|number| number.digits());
        assert!(digits.into_iter().all(|digits| !form.contains(&digits)), "a patient's number: {form}");
        assert!(!form.contains(stand::TOKEN), "the credential: {form}");
    }
    assert!(forms[2].lines().all(|line| line.chars().count() <= 100), "too wide: {}", forms[2]);
    report
}

/// The checks that ended so.
fn ended(report: &Report, outcome: Outcome) -> Vec<&str> {
    let all = report.findings.iter().filter(|finding| finding.outcome == outcome);
    all.map(|finding| finding.check.as_str()).collect()
}
