//! What becomes of tokens while issuers rotate their keys, answer badly or not at all.

use super::super::testing::{FakeIssuer, Signer, good_claims};
use super::*;
use serde_json::{Value, json};
use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Minutes made milliseconds.
const QUICK: KeyTimings =
    KeyTimings { refresh: ms(100), cooldown: ms(150), retry: ms(50), max_stale: ms(2_000), timeout: ms(1_000) };

fn verifier(issuer: &FakeIssuer, timings: KeyTimings) -> Arc<Verifier> {
    Arc::new(Verifier::build(vec![issuer.config()], 5_000, timings).unwrap())
}

/// A token like no other.
fn token(signer: &Signer, issuer: &FakeIssuer, id: usize) -> String {
    let mut claims = good_claims(&issuer.url);
    claims["jti"] = json!(format!("t-{id}"));
    signer.token(&claims)
}

fn refused<T>(answer: &Result<T, IdentityError>) -> Option<Reason> {
    match answer {
        Err(IdentityError::Refused { reason, .. }) => Some(*reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_token_is_verified_once_and_then_remembered_until_it_expires() {
    let signer = Signer::rs256("k1");
    let issuer = FakeIssuer::start(&[&signer]).await;
    let verifier = verifier(&issuer, KeyTimings::default());
    let token = token(&signer, &issuer, 1);
    let now = Timestamp::now();
    let first = verifier.requester_at(&token, None, now).await.unwrap();
    let again = verifier.requester_at(&token, None, now).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "the second came from memory");
    let last = Timestamp(first.expires.0 - 1);
    assert!(Arc::ptr_eq(&first, &verifier.requester_at(&token, None, last).await.unwrap()));
    assert_eq!(refused(&verifier.requester_at(&token, None, first.expires).await), Some(Reason::Expired));
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let signer = Signer::rs256("k1");
    let issuer = FakeIssuer::start(&[&signer]).await;
    let verifier = verifier(&issuer, KeyTimings::default());
    let token = token(&signer, &issuer, 1);
    let early = Timestamp::now().minus(Duration::from_secs(3600));
    assert_eq!(refused(&verifier.requester_at(&token, None, early).await), Some(Reason::NotYetValid));
    assert!(verifier.requester(&token, None).await.is_ok());
}

#[tokio::test]
async fn a_rotated_key_is_found_and_the_withdrawn_ones_tokens_end_even_if_remembered() {
    let (old, new) = (Signer::rsa("k1", 0), Signer::rsa("k2", 1));
    let issuer = FakeIssuer::start(&[&old]).await;
    let verifier = verifier(&issuer, KeyTimings { cooldown: ms(50), ..KeyTimings::default() });
    let kept = token(&old, &issuer, 1);
    let first = verifier.requester(&kept, None).await.unwrap();
    issuer.publish(&[&old, &new]);
    tokio::time::sleep(ms(60)).await;
    verifier.requester(&token(&new, &issuer, 2), None).await.unwrap();
    assert!(Arc::ptr_eq(&first, &verifier.requester(&kept, None).await.unwrap()), "a key that stays keeps its tokens");
    assert_eq!(issuer.fetches(), 2);
    issuer.publish(&[&new]);
    tokio::time::sleep(ms(60)).await;
    assert_eq!(refused(&verifier.requester(&token(&Signer::rsa("k3", 2), &issuer, 3), None).await), Some(Reason::Key));
    assert_eq!(refused(&verifier.requester(&kept, None).await), Some(Reason::Key));
}

#[tokio::test]
async fn another_key_under_an_old_id_ends_the_old_keys_tokens() {
    let (old, new) = (Signer::rsa("k1", 0), Signer::rsa("k1", 1));
    let issuer = FakeIssuer::start(&[&old]).await;
    let verifier = verifier(&issuer, QUICK);
    let kept = token(&old, &issuer, 1);
    verifier.requester(&kept, None).await.unwrap();
    issuer.publish(&[&new]);
    tokio::time::sleep(ms(200)).await;
    // in the background, set off by the remembered token itself
    assert!(verifier.requester(&kept, None).await.is_ok());
    let mut tries = 0;
    while verifier.requester(&kept, None).await.is_ok() {
        assert!(tries < 100, "the old key was never given up");
        tries += 1;
        tokio::time::sleep(ms(50)).await;
    }
    assert_eq!(refused(&verifier.requester(&kept, None).await), Some(Reason::Signature));
}

#[tokio::test]
async fn a_storm_of_unknown_keys_makes_one_fetch_and_leaves_good_tokens_alone() {
    let signer = Signer::rs256("k1");
    let issuer = FakeIssuer::start(&[&signer]).await;
    let verifier = verifier(&issuer, KeyTimings::default());
    let stranger = Signer::rsa("k1", 1);
    let storm = (0..200).map(|id| {
        let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": format!("x{id}") }).to_string();
        let forged = stranger.sign(&header, &good_claims(&issuer.url).to_string());
        let verifier = Arc::clone(&verifier);
        tokio::spawn(async move { verifier.requester(&forged, None).await })
    });
    for answer in futures::future::join_all(storm).await {
        assert_eq!(refused(&answer.unwrap()), Some(Reason::Key));
    }
    assert!(verifier.requester(&token(&signer, &issuer, 1), None).await.is_ok());
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn many_at_once_share_one_fetch_even_if_the_first_hangs_up() {
    let signer = Signer::rs256("k1");
    let issuer = FakeIssuer::start(&[&signer]).await;
    issuer.hesitate(ms(100));
    let verifier = verifier(&issuer, KeyTimings::default());
    let asks = |id| {
        let (verifier, token) = (Arc::clone(&verifier), token(&signer, &issuer, id));
        tokio::spawn(async move { verifier.requester(&token, None).await })
    };
    let leader = asks(0);
    tokio::time::sleep(ms(30)).await;
    let others: Vec<_> = (1..50).map(asks).collect();
    leader.abort();
    for answer in futures::future::join_all(others).await {
        assert!(answer.unwrap().is_ok());
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn while_the_issuer_is_down_its_last_keys_serve_for_a_while_and_then_none_do() {
    let signer = Signer::rs256("k1");
    let issuer = FakeIssuer::start(&[&signer]).await;
    let verifier = verifier(&issuer, QUICK);
    let held = token(&signer, &issuer, 1);
    verifier.requester(&held, None).await.unwrap();
    issuer.fail_with(503);
    tokio::time::sleep(ms(250)).await;
    assert!(verifier.requester(&token(&signer, &issuer, 2), None).await.is_ok(), "stale keys serve");
    let unknown = token(&Signer::rsa("k9", 1), &issuer, 3);
    assert_eq!(verifier.requester(&unknown, None).await.err(), Some(IdentityError::Unavailable), "it cannot be asked");
    tokio::time::sleep(ms(2_000)).await;
    let late = token(&signer, &issuer, 4);
    assert_eq!(verifier.requester(&late, None).await.err(), Some(IdentityError::Unavailable));
    assert!(verifier.requester(&held, None).await.is_ok(), "what was verified stays verified");
    issuer.fail_with(200);
    tokio::time::sleep(ms(60)).await;
    assert!(verifier.requester(&late, None).await.is_ok(), "and all is well as soon as the issuer is");
}

#[tokio::test]
async fn an_issuer_that_was_never_reached_is_unavailable_and_not_hammered() {
    let signer = Signer::rs256("k1");
    let issuer = FakeIssuer::start(&[&signer]).await;
    issuer.fail_with(500);
    let verifier = verifier(&issuer, KeyTimings::default());
    for id in 0..20 {
        let answer = verifier.requester(&token(&signer, &issuer, id), None).await;
        assert_eq!(answer.err(), Some(IdentityError::Unavailable));
    }
    assert_eq!(issuer.fetches(), 1);
    issuer.stop().await;
    let gone = Verifier::new(vec![issuer.config()]).unwrap();
    assert_eq!(gone.requester(&token(&signer, &issuer, 1), None).await.err(), Some(IdentityError::Unavailable));
}

#[tokio::test]
async fn an_issuer_that_answers_too_late_too_much_or_nonsense_is_unavailable() {
    let signer = Signer::rs256("k1");
    let keys = json!({ "keys": [signer.jwk()] }).to_string();
    let issuer = FakeIssuer::start(&[&signer]).await;
    let outcome = async |issuer: &FakeIssuer| {
        let verifier = verifier(issuer, QUICK);
        verifier.requester(&token(&signer, issuer, 1), None).await.err()
    };
    for bad in [
        "<html>sign in</html>".to_owned(),
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        keys.replace("keys", "key"),
        format!("{keys}{keys}"),
        keys.replacen('{', r#"{"keys":[],"#, 1),
        format!("{}{keys}", " ".repeat(256 * 1024)),
    ] {
        issuer.publish_text(bad.clone());
        assert_eq!(outcome(&issuer).await, Some(IdentityError::Unavailable), "{:.20}", bad.trim());
    }
    issuer.publish(&[&signer]);
    assert_eq!(outcome(&issuer).await, None);
    issuer.hesitate(ms(1_500));
    assert_eq!(outcome(&issuer).await, Some(IdentityError::Unavailable));
}

#[tokio::test]
async fn a_redirect_to_other_keys_is_not_followed() {
    let (signer, stranger) = (Signer::rsa("k1", 0), Signer::rsa("k1", 1));
    let (issuer, evil) = (FakeIssuer::start(&[&signer]).await, FakeIssuer::start(&[&stranger]).await);
    issuer.fail_with(302);
    issuer.header("location", format!("{}/jwks", evil.url));
    let answer = verifier(&issuer, QUICK).requester(&token(&stranger, &issuer, 1), None).await;
    assert_eq!(answer.err(), Some(IdentityError::Unavailable));
    assert_eq!(evil.fetches(), 0);
}

#[tokio::test]
async fn keys_are_discovered_only_from_a_document_of_exactly_this_issuer() {
    let signer = Signer::rs256("k1");
    let issuer = FakeIssuer::start(&[&signer]).await;
    let outcome = async || {
        let mut config = issuer.config();
        config.jwks_url = None;
        let verifier = Verifier::build(vec![config], 100, QUICK).unwrap();
        verifier.requester(&token(&signer, &issuer, 1), None).await.err()
    };
    assert_eq!(outcome().await, None);
    assert_eq!(issuer.paths(), ["/.well-known/openid-configuration", "/jwks"]);
    let jwks = format!("{}/jwks", issuer.url);
    for bad in [
        json!({ "issuer": format!("{}/", issuer.url), "jwks_uri": jwks }),
        json!({ "issuer": "https://evil.example", "jwks_uri": jwks }),
        json!({ "jwks_uri": jwks }),
        json!({ "issuer": issuer.url }),
        json!({ "issuer": issuer.url, "jwks_uri": "jwks" }),
        json!({ "issuer": issuer.url, "jwks_uri": "file:///etc/keys" }),
        Value::Null,
    ] {
        issuer.discovery(&bad);
        assert_eq!(outcome().await, Some(IdentityError::Unavailable), "{bad}");
    }
    assert_eq!(issuer.fetches(), 1, "none of these led to keys");
}

#[tokio::test]
async fn keys_over_plain_http_are_not_fetched_unless_configured() {
    let signer = Signer::rs256("k1");
    let issuer = FakeIssuer::start(&[&signer]).await;
    let mut config = issuer.config();
    config.allow_http = false;
    assert!(matches!(Verifier::new(vec![config.clone()]), Err(VerifierError::Config(..))));
    let fetcher = Fetcher::of_issuer(&config, QUICK.timeout).unwrap();
    let store = Arc::new(KeyStore::new(fetcher, "fake".into(), QUICK));
    assert!(matches!(store.key("k1").await, Err(KeyError::Unavailable)), "nor by a later way round");
    assert_eq!(issuer.fetches(), 0);
}

#[test]
fn every_token_is_counted_by_issuer_and_outcome_and_by_nothing_of_its_own() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let signer = Signer::rs256("k1");
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let issuer = FakeIssuer::start(&[&signer]).await;
            let verifier = verifier(&issuer, KeyTimings::default());
            let good = token(&signer, &issuer, 1);
            for _ in 0..3 {
                verifier.requester(&good, None).await.unwrap();
            }
            let evil = signer.token(&good_claims("https://evil.example"));
            let forged = token(&Signer::rsa("k1", 1), &issuer, 2);
            for bad in [evil, forged] {
                verifier.requester(&bad, None).await.unwrap_err();
            }
            super::super::bearer(std::iter::empty(), "").unwrap_err();
        });
    });
    let shown = recorder.handle().render();
    let mut counted: Vec<_> = shown.lines().filter(|line| line.starts_with("caregate_tokens_total{")).collect();
    counted.sort_unstable();
    assert_eq!(
        counted,
        [
            r#"caregate_tokens_total{issuer="fake",outcome="remembered"} 2"#,
            r#"caregate_tokens_total{issuer="fake",outcome="signature"} 1"#,
            r#"caregate_tokens_total{issuer="fake",outcome="verified"} 1"#,
            r#"caregate_tokens_total{issuer="none",outcome="missing"} 1"#,
            r#"caregate_tokens_total{issuer="unknown",outcome="issuer"} 1"#,
        ]
    );
    assert!(shown.contains(r#"caregate_issuer_key_fetches_total{issuer="fake",outcome="fetched"} 1"#), "{shown}");
}
