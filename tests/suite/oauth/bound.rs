//! Tokens that are good with one client certificate alone, where TLS ends at a proxy in front.

use super::{CLIENT, Signer, asked, bearing, claims_of, error_of, token_of};
use crate::{
    harness::{Answer, Gate},
    program::Region,
};
use aws_lc_rs::digest;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use reqwest::Method;

/// A client certificate, as a proxy tells of it.
struct Certificate(Vec<u8>);

impl Certificate {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        Self(
            rcgen::CertificateParams::new(vec!["client".to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec(),
        )
    }

    fn header(&self) -> String {
        format!(":{}:", BASE64.encode(&self.0))
    }

    fn digest(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, &self.0).as_ref().to_vec()
    }
}

async fn asked_showing(gate: &Gate, assertion: &str, shown: &[&str]) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "client_credentials"),
            ("client_assertion_type", super::JWT_BEARER),
            ("client_assertion", assertion),
            ("scope", "system/*.rs"),
        ])
        .finish();
    let request = gate.request(Method::POST, &format!("{}/oauth/token", gate.url)).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Answer::of(shown.iter().fold(request, |request, shown| request.header("client-cert", *shown))).await
}

async fn used_showing(gate: &Gate, token: &str, shown: &[&str]) -> Answer {
    let request = gate.request(Method::GET, "Task").bearer_auth(token);
    Answer::of(shown.iter().fold(request, |request, shown| request.header("client-cert", *shown))).await
}

#[tokio::test]
async fn a_bound_token_is_good_with_its_certificate_alone_and_only_a_proxys_word_says_which_was_shown() {
    let region = Region::start();
    let (own, other) = (Certificate::new(), Certificate::new());
    let certificates = format!("\"{}\"", HEXLOWER.encode(&own.digest()));
    let config = region.config().replace("[[client]]\n", &format!("[[client]]\ncertificates = [{certificates}]\n"));
    let trusting = config.replace("[gateway]\n", "[gateway]\ntrusted_proxies = [\"10.0.0.0/8\", \"127.0.0.1\"]\n");
    let (gate, open) = (region.join(&trusting, &[]), region.join(&config, &[]));
    let signer = Signer::of_sandbox(&region.file().with_extension("d"));
    let (right, wrong) = (own.header(), other.header());
    for shown in [vec![], vec![wrong.as_str()], vec![&right, &right], vec!["canary"], vec![":MAEC:"]] {
        let answer = asked_showing(&gate, &signer.assertion(CLIENT, &gate), &shown).await;
        let (status, error, description) = error_of(&answer);
        assert_eq!((status, error.as_str()), (401, "invalid_client"), "{shown:?}");
        assert!(description.contains("client certificates"), "{description}");
    }
    let token = token_of(&asked_showing(&gate, &signer.assertion(CLIENT, &gate), &[&right]).await);
    assert_eq!(claims_of(&token)["cnf"]["x5t#S256"], BASE64URL_NOPAD.encode(&own.digest()));
    for _ in 0..2 {
        // once it is judged, and again now that it is remembered
        for shown in [vec![], vec![wrong.as_str()], vec![&right, &wrong], vec!["canary"]] {
            let answer = used_showing(&gate, &token, &shown).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "login"), "{shown:?}: {}", answer.text);
            assert!(answer.text.contains("not shown here"), "{}", answer.text);
        }
        assert_eq!(used_showing(&gate, &token, &[&right]).await.status, 403, "known, and no keeper of a desk");
    }
    // whoever is no proxy of ours shows nothing, whatever they say
    let answer = asked_showing(&open, &signer.assertion(CLIENT, &open), &[&right]).await;
    assert_eq!(error_of(&answer).1, "invalid_client");
}

#[tokio::test]
async fn a_client_without_certificates_is_given_tokens_that_are_bound_to_none() {
    let region = Region::start();
    let config = region.config().replace("[gateway]\n", "[gateway]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let gate = region.join(&config, &[]);
    let signer = Signer::of_sandbox(&region.file().with_extension("d"));
    let shown = Certificate::new().header();
    let token = token_of(&asked_showing(&gate, &signer.assertion(CLIENT, &gate), &[&shown]).await);
    assert!(claims_of(&token).get("cnf").is_none());
    assert_eq!(bearing(&gate, &token, "Task").await.status, 403);
    token_of(&asked(&gate, &signer.assertion(CLIENT, &gate), "system/*.rs").await);
}
