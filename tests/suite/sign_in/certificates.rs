//! Mutual TLS: the provider knows the gateway by its certificate.

use super::{GP, behind, failure, kept, tap::Tap};
use crate::{harness::soon, joined::with, program::Region};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use std::{fs, sync::Arc};
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, in PEM and the certificate in DER.
fn issued(authority: &CertifiedIssuer<'_, KeyPair>, name: &str, client: bool) -> (String, String, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let usage = if client { ExtendedKeyUsagePurpose::ClientAuth } else { ExtendedKeyUsagePurpose::ServerAuth };
    params.extended_key_usages = vec![usage];
    let certificate = params.signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem(), certificate.der().to_vec())
}

#[tokio::test]
async fn a_provider_that_knows_us_by_our_certificate_sees_it_and_another_one_after_it_was_changed() {
    let region = Region::start();
    let authority = authority();
    let (certificate, key, _) = issued(&authority, "localhost", false);
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let chain = vec![tokio_rustls::rustls::pki_types::CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let tls = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_client_cert_verifier(verifier);
    let tls = tls.with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap();
    let door = behind(&region, "estuary");
    let bearer = door.header.1.clone();
    let tap = Tap::start(Some(door), Some(Arc::new(tls)), |_| None).await;

    let file = |name: &str| region.folder.path().join(name);
    fs::write(file("roots.pem"), authority.pem()).unwrap();
    let (first, first_key, first_der) = issued(&authority, "gateway", true);
    fs::write(file("client.crt"), &first).unwrap();
    fs::write(file("client.key"), &first_key).unwrap();
    let base = format!("{:?}", format!("{}/fhir", tap.url));
    let config = with(&region.config(), "RZ901", |entry| entry.set("base_url", &base));
    let roots = file("roots.pem");
    let roots = [("SSL_CERT_FILE", roots.to_str().unwrap())];
    let stranger = region.join(&config, &roots);
    let patients = stranger.shared_with("F99001", "estuary");
    let refused = stranger.search(GP, "Encounter", patients[0]).await;
    assert!(failure(&refused, "RZ901").is_some(), "{}", refused.text);
    assert_eq!(tap.take().len(), 0);

    let shown = format!(
        "{{ certificate = {{ file = {:?} }}, key = {{ file = {:?} }} }}",
        file("client.crt"),
        file("client.key")
    );
    let config = with(&config, "RZ901", |entry| entry.set("client_certificate", &shown));
    let gate = region.join(&config, &roots);
    let answer = gate.search(GP, "Encounter", patients[0]).await;
    assert_eq!(answer.header("x-completeness"), "complete", "{}", answer.text);
    let seen = tap.take();
    assert!(seen.iter().all(|one| one.certificate.as_ref() == Some(&first_der)));
    // beside the other credential, not in its place
    assert!(seen.iter().all(|one| one.header("authorization") == bearer));

    let (second, second_key, second_der) = issued(&authority, "gateway", true);
    fs::write(file("client.crt"), &second).unwrap();
    gate.hang_up();
    soon("a pair that does not fit is told", async || {
        gate.stderr().contains("the key is not the certificate's").then_some(())
    })
    .await;
    gate.search(GP, "Encounter", patients[1]).await;
    assert!(tap.take().iter().all(|one| one.certificate.as_ref() == Some(&first_der)));
    fs::write(file("client.key"), &second_key).unwrap();
    gate.hang_up();
    soon("it is read", async || (gate.stderr().matches("the secrets were read again").count() == 2).then_some(()))
        .await;
    let last = gate.search(GP, "Condition", patients[0]).await;
    let seen = tap.take();
    assert!(!seen.is_empty() && seen.iter().all(|one| one.certificate.as_ref() == Some(&second_der)));
    let inside = [&first_key, &second_key].map(|key| key.lines().nth(1).unwrap().to_owned());
    kept(&gate, &[&answer, &last], &[&inside[0], &inside[1]]).await;
}
