//! Names, connections, certificates.

use super::{ended, probed, provider, stand, token};
use crate::{
    misbehaviour::{
        stage::file,
        trust::{authority, server, server_of},
    },
    raw::Raw,
};
use caregate::{
    domain::NhsNumber,
    fhir::ResourceType,
    probe::{Finding, Outcome, Report, Target, TargetFault, Verdict},
};
use rcgen::{CertificateParams, date_time_ymd};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_rustls::rustls::version::TLS12;

async fn report(url: &str, more: Value) -> Report {
    probed(&Target::new(provider(url, more), stand::patients(), [ResourceType::Condition]).unwrap()).await
}

fn finding<'a>(report: &'a Report, check: &str) -> &'a Finding {
    report.findings.iter().find(|finding| finding.check == check).unwrap()
}

#[tokio::test]
async fn a_certificate_is_told_and_one_that_is_not_trusted_fails_before_anything_is_asked() {
    let (own, other) = (authority(), authority());
    for (tls, failed, words) in [
        (server(&own, "localhost", 2090), "", "For localhost"),
        (server(&own, "localhost", 2020), "certificate", "expired"),
        (server(&own, "elsewhere.example", 2090), "certificate", "another name"),
        (server(&other, "localhost", 2090), "certificate", "no authority"),
    ] {
        let raw = Raw::start_tls(stand::ODS, tls).await;
        raw.does(|heard, sound| stand::well(heard, sound).sent());
        let ca = file(&format!("probe-{}.pem", raw.port), &own.pem());
        let url = format!("https://localhost:{}/fhir", raw.port);
        let more = json!({"ca": {"file": ca}, "credential": {"bearer": {"file": token()}}});
        let report = report(&url, more).await;
        assert!(finding(&report, "certificate").seen.contains(words), "{report}");
        if failed.is_empty() {
            assert_eq!(report.verdict, Verdict::Passed, "{report}");
            assert_eq!(finding(&report, "tls").seen, "TLS 1.3.");
            assert_eq!(finding(&report, "certificate-days").outcome, Outcome::Passed);
        } else {
            assert_eq!(ended(&report, Outcome::Failed), [failed], "{report}");
            assert_eq!(raw.heard().len(), 0, "it was told of somebody");
        }
    }
}

#[tokio::test]
async fn an_old_version_of_tls_and_a_certificate_that_expires_soon_are_warned_of() {
    let own = authority();
    let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(10 * 86_400 + 600);
    let until = |params: &mut CertificateParams| params.not_after = date_time_ymd(1970, 1, 1) + soon;
    let raw = Raw::start_tls(stand::ODS, server_of(&own, "localhost", until, &[&TLS12])).await;
    raw.does(|heard, sound| stand::well(heard, sound).sent());
    let ca = file("probe-soon.pem", &own.pem());
    let more = json!({"ca": {"file": ca}, "credential": {"bearer": {"file": token()}}});
    let report = report(&format!("https://localhost:{}/fhir", raw.port), more).await;
    assert_eq!(ended(&report, Outcome::Warned), ["tls", "certificate-days"], "{report}");
    assert_eq!(finding(&report, "tls").seen, "TLS 1.2, and no 1.3.");
    assert_eq!(finding(&report, "certificate-days").seen, "10 days are left.");
    assert_eq!(report.verdict, Verdict::Passed);
}

#[tokio::test]
async fn what_cannot_be_reached_fails_by_name_and_the_rest_is_not_tested() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, check) in
        [(format!("http://{closed}/fhir"), "connect"), ("http://nowhere.invalid/fhir".to_owned(), "dns")]
    {
        let report = report(&url, json!({})).await;
        assert_eq!(ended(&report, Outcome::Failed), [check], "{report}");
        assert_eq!(report.verdict, Verdict::Failed);
        assert!(ended(&report, Outcome::NotTested).contains(&"type-search"), "{report}");
    }
    // a name that leads inside, where that is not allowed
    let raw = Raw::start(stand::ODS).await;
    let inside = json!({"allow_private_addresses": false});
    let report = report(&format!("http://localhost:{}/fhir", raw.port), inside).await;
    assert_eq!(ended(&report, Outcome::Failed), ["dns"], "{report}");
    assert_eq!(raw.connections(), 0);
}

#[test]
fn no_real_persons_number_and_no_address_inside_is_a_target() {
    let at = |url: &str, private: bool, numbers: &[&str]| {
        let provider = provider(url, json!({"allow_private_addresses": private || url.contains("127")}));
        let mut open = (*provider).clone();
        open.allow_private_addresses = private;
        let numbers = numbers.iter().map(|number| NhsNumber::parse(number).unwrap()).collect();
        Target::new(open.into(), numbers, [ResourceType::Condition]).err()
    };
    assert_eq!(at("https://rz901.example/fhir", false, &["9990000018", "9990000018"]), None);
    assert_eq!(at("https://rz901.example/fhir", false, &["9434765919"]), Some(TargetFault::RealNumber));
    assert_eq!(at("http://127.0.0.1:1/fhir", false, &[]), Some(TargetFault::NotPublic));
    assert_eq!(at("http://127.0.0.1:1/fhir", true, &[]), None);
}
