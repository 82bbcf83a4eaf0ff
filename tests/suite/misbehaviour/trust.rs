//! Whom the gateway connects to at all: certificates, names, addresses.

use super::{BAD, GP, partial, patient_of, row, stage, stage::file, whole, withstood};
use crate::raw::{Act, Raw};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::rustls::{
    DEFAULT_VERSIONS, ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

pub type Authority = CertifiedIssuer<'static, KeyPair>;

pub fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server that this authority calls by this name, and did until then.
pub fn server(authority: &Authority, name: &str, until: i32) -> ServerConfig {
    server_of(authority, name, |params| params.not_after = date_time_ymd(until, 1, 1), DEFAULT_VERSIONS)
}

/// One of its own TLS versions, with a certificate that is changed so.
pub fn server_of(
    authority: &Authority,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2019, 1, 1);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    let builder = ServerConfig::builder_with_provider(provider.into()).with_protocol_versions(versions).unwrap();
    builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap()
}

#[tokio::test]
async fn a_certificate_that_is_expired_anothers_or_not_of_its_authority_is_not_trusted() {
    let (own, other) = (authority(), authority());
    for (what, tls, trusted, failure) in [
        ("sound", server(&own, "localhost", 2090), &own, ""),
        ("expired", server(&own, "localhost", 2020), &own, "untrusted"),
        ("another's", server(&own, "elsewhere.example", 2090), &own, "untrusted"),
        ("of another authority", server(&other, "localhost", 2090), &own, "untrusted"),
    ] {
        let raw = Raw::start_tls(BAD, tls).await;
        let ca = file(&format!("{}.pem", what.replace(' ', "-").replace('\'', "")), &trusted.pem());
        let url = format!("https://localhost:{}/fhir", raw.port);
        let gate = stage().at(&raw, &url, &format!("ca = {{ file = {:?} }}", ca.display().to_string())).start();
        let patient = patient_of(&gate);
        if failure.is_empty() {
            whole(&gate, "Condition", patient, what).await;
        } else {
            let answer = gate.search(GP, "Condition", patient).await;
            partial(&gate, &answer, "Condition", patient, "incomplete", failure).await;
            assert_eq!(raw.heard().len(), 0, "{what}: it was told of the patient");
        }
    }
    // nor is a private authority where none is configured
    let raw = Raw::start_tls(BAD, server(&own, "localhost", 2090)).await;
    let gate = stage().at(&raw, &format!("https://localhost:{}/fhir", raw.port), "").start();
    let answer = gate.search(GP, "Condition", patient_of(&gate)).await;
    partial(&gate, &answer, "Condition", patient_of(&gate), "incomplete", "untrusted").await;
}

#[tokio::test]
async fn a_name_that_leads_into_our_own_network_is_not_connected_to() {
    let raw = Raw::start(BAD).await;
    let url = format!("http://localhost:{}/fhir", raw.port);
    let gate = stage().at(&raw, &url, "allow_private_addresses = false").start();
    let answer = gate.search(GP, "Condition", patient_of(&gate)).await;
    partial(&gate, &answer, "Condition", patient_of(&gate), "incomplete", "address-refused").await;
    assert_eq!(raw.connections(), 0);
}

#[tokio::test]
async fn where_nobody_listens_or_nobody_accepts_the_source_is_missing_and_no_more() {
    let gone = Raw::start(BAD).await;
    let stage_of = stage().with(&gone);
    drop(gone);
    let gate = stage_of.start();
    let answer = gate.search(GP, "Condition", patient_of(&gate)).await;
    partial(&gate, &answer, "Condition", patient_of(&gate), "incomplete", "unreachable").await;

    // a queue of connections that is full: the next one's packets are dropped
    let raw = Raw::start(BAD).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(std::time::Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(connected.unwrap());
    }
    let gate =
        stage().set("CAREGATE__FEDERATION__DEADLINE_MS", 500).at(&raw, &format!("http://{address}/fhir"), "").start();
    let answer = gate.search(GP, "Condition", patient_of(&gate)).await;
    partial(&gate, &answer, "Condition", patient_of(&gate), "timeout", "timeout").await;
}

/// What it is told of is the same by TLS.
#[tokio::test]
async fn over_tls_an_answer_that_does_not_come_or_breaks_off_is_as_without() {
    let own = authority();
    let ca = file("own.pem", &own.pem());
    for row in [
        row("timeout", "accepts and never answers", |_, _| Act::Silence),
        row("cut", "ends without a word", |_, _| Act::Send(Vec::new())),
    ] {
        let raw = Raw::start_tls(BAD, server(&own, "localhost", 2090)).await;
        let url = format!("https://localhost:{}/fhir", raw.port);
        let more = format!("ca = {{ file = {:?} }}", ca.display().to_string());
        let stage = stage().set("CAREGATE__FEDERATION__DEADLINE_MS", 600).at(&raw, &url, &more);
        withstood(stage, &raw, &row).await;
    }
}
