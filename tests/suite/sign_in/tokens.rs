//! SMART Backend Services with a token endpoint that is told what to do.

use super::{
    Behind, GP, behind, failure, kept,
    tap::{Seen, Tap},
};
use crate::{
    harness::{Answer, Gate, soon},
    joined::with,
    program::Region,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// What is told, and the tokens in force.
#[derive(Default)]
struct Door {
    /// Answered in place of a token, if not 0.
    status: AtomicUsize,
    /// Seconds; 0 for five minutes.
    life: AtomicUsize,
    issued: AtomicUsize,
    valid: Mutex<BTreeSet<String>>,
}

/// A gateway, and RZ901 behind a tap that wants the tokens of a token endpoint elsewhere.
struct Smart {
    gate: Gate,
    provider: Tap,
    endpoint: Tap,
    door: Arc<Door>,
    key: PathBuf,
    _region: Region,
}

impl Smart {
    async fn start() -> Self {
        let region = Region::start();
        let door = Arc::new(Door::default());
        let (issuing, admitting) = (Arc::clone(&door), Arc::clone(&door));
        let endpoint = Tap::start(None, None, move |_| Some(issuing.answer())).await;
        let provider = Tap::start(Some(behind(&region, "estuary")), None, move |seen| {
            let admitted = admitting.valid.lock().unwrap().contains(seen.header("authorization"));
            (!admitted).then(|| (401, "{}".to_owned()))
        })
        .await;
        let key = region.folder.path().join("client.pem");
        fs::write(&key, pem()).unwrap();
        let config = with(&region.config(), "RZ901", |entry| {
            entry.set("base_url", &format!("{:?}", format!("{}/fhir", provider.url))).set(
                "credential",
                &format!(
                    "{{ smart = {{ client_id = \"gateway-1\", scope = \"system/*.rs\", key = {{ file = {key:?} }}, \
                     kid = \"key-1\", token_endpoint = \"{}/oauth/token\" }} }}",
                    endpoint.url
                ),
            )
        });
        let gate = region.join(&config, &[]);
        Self { gate, provider, endpoint, door, key, _region: region }
    }

    async fn search(&self, n: usize) -> Answer {
        self.gate.search(GP, "Encounter", self.gate.shared_with("F99001", "estuary")[n]).await
    }
}

impl Door {
    fn answer(&self) -> (u16, String) {
        let status = self.status.load(Ordering::SeqCst);
        if status > 0 {
            return (u16::try_from(status).unwrap(), json!({"error": "invalid_client"}).to_string());
        }
        let token = format!("canary-token-{}", self.issued.fetch_add(1, Ordering::SeqCst));
        self.valid.lock().unwrap().insert(format!("Bearer {token}"));
        let life = match self.life.load(Ordering::SeqCst) {
            0 => 300,
            life => life,
        };
        (
            200,
            json!({"access_token": token, "token_type": "Bearer", "expires_in": life, "scope": "system/*.rs"})
                .to_string(),
        )
    }
}

fn pem() -> String {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem()
}

/// The claims of an assertion, verified by the key that the gateway publishes.
async fn assertion(gate: &Gate, asked: &Seen, audience: &str) -> Value {
    let published = Answer::of(gate.request(Method::GET, &format!("{}/.well-known/jwks.json", gate.url))).await;
    let keys: JwkSet = serde_json::from_str(&published.text).unwrap();
    let key = DecodingKey::from_jwk(keys.find("key-1").expect("the key of assertions")).unwrap();
    let mut wanted = Validation::new(Algorithm::ES384);
    wanted.set_audience(&[audience]);
    wanted.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    jsonwebtoken::decode(asked.field("client_assertion"), &key, &wanted).unwrap().claims
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_is_fetched_for_many_who_wait_and_it_goes_to_its_provider_alone() {
    let smart = Smart::start().await;
    let patients = smart.gate.shared_with("F99001", "estuary");
    let answers = futures::future::join_all(
        patients
            .iter()
            .flat_map(|patient| ["Encounter", "Condition"].map(|kind| smart.gate.search(GP, kind, *patient))),
    )
    .await;
    for answer in &answers {
        assert_eq!(answer.header("x-completeness"), "complete", "{}", answer.text);
    }
    let asked = smart.endpoint.take();
    assert_eq!(asked.len(), 1, "one token for all");
    let asked = &asked[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/oauth/token"));
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    for (field, value) in [
        ("grant_type", "client_credentials"),
        ("scope", "system/*.rs"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    ] {
        assert_eq!(asked.field(field), value);
    }
    let audience = format!("{}/oauth/token", smart.endpoint.url);
    let claims = assertion(&smart.gate, asked, &audience).await;
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("gateway-1"), &json!("gateway-1")));
    assert_eq!(claims["aud"], json!(audience));
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 300);
    // the token endpoint hears of no reader and gets no other credential
    assert_eq!((asked.header("authorization"), asked.header("x-caregate-context")), ("", ""));
    let seen = smart.provider.take();
    assert!(!seen.is_empty() && seen.iter().all(|one| one.header("authorization") == "Bearer canary-token-0"));
    assert!(seen.iter().all(|one| !one.text().contains(&asked.field("client_assertion"))));
    let refused = ["saltmarsh", "quayside", "hedgerow"].map(|slug| smart.gate.asked(slug));
    for counters in futures::future::join_all(refused).await {
        assert_eq!(counters["refused"], 0, "each other gets its own credential");
    }
    let key = fs::read_to_string(&smart.key).unwrap();
    let inside = key.lines().nth(1).unwrap();
    kept(&smart.gate, &answers.iter().collect::<Vec<_>>(), &["canary-token", &asked.field("client_assertion"), inside])
        .await;
}

#[tokio::test]
async fn a_token_is_fetched_anew_before_it_expires_with_an_assertion_of_its_own() {
    let smart = Smart::start().await;
    smart.door.life.store(2, Ordering::SeqCst);
    assert_eq!(smart.search(0).await.header("x-completeness"), "complete");
    // half of so short a life is kept back
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(smart.search(1).await.header("x-completeness"), "complete");
    let asked = smart.endpoint.take();
    assert_eq!(asked.len(), 2);
    let audience = format!("{}/oauth/token", smart.endpoint.url);
    let ids = [&asked[0], &asked[1]].map(|asked| assertion(&smart.gate, asked, &audience));
    let [first, second] = futures::future::join_all(ids).await.try_into().unwrap();
    assert_ne!(first["jti"], second["jti"]);
    let last = smart.provider.take().pop().unwrap();
    assert_eq!(last.header("authorization"), "Bearer canary-token-1");
}

#[tokio::test]
async fn a_refused_token_is_fetched_anew_once_and_then_the_provider_has_failed() {
    let smart = Smart::start().await;
    assert_eq!(smart.search(0).await.header("x-completeness"), "complete");
    smart.endpoint.take();
    smart.provider.take();
    smart.door.valid.lock().unwrap().clear();
    assert_eq!(smart.search(1).await.header("x-completeness"), "complete", "with another token");
    assert_eq!(smart.endpoint.take().len(), 1);
    let seen = smart.provider.take();
    assert_eq!(seen[0].header("authorization"), "Bearer canary-token-0");
    assert!(seen[1..].iter().all(|one| one.header("authorization") == "Bearer canary-token-1"));
    // and one that refuses whatever it is brought
    let region = Region::start();
    let endpoint = Tap::start(None, None, {
        let door = Door::default();
        move |_| Some(door.answer())
    })
    .await;
    let never = Tap::start(None::<Behind>, None, |_| Some((401, "{}".to_owned()))).await;
    let config = with(&region.config(), "RZ901", |entry| {
        entry.set("base_url", &format!("{:?}", format!("{}/fhir", never.url))).set(
            "credential",
            &format!(
                "{{ smart = {{ client_id = \"c\", scope = \"system/*.rs\", key = {{ file = {:?} }}, token_endpoint = \"{}\" }} }}",
                smart.key, endpoint.url
            ),
        )
    });
    let gate = region.join(&config, &[]);
    let patient = gate.shared_with("F99001", "estuary")[0];
    let answer = gate.search(GP, "Encounter", patient).await;
    assert_eq!(failure(&answer, "RZ901").as_deref(), Some("credential-refused"), "{}", answer.text);
    assert_eq!((never.take().len(), endpoint.take().len()), (2, 2));
    // whoever asks next is not the cause of a token each
    let again = gate.search(GP, "Encounter", patient).await;
    assert_eq!(failure(&again, "RZ901").as_deref(), Some("credential-refused"), "{}", again.text);
    assert_eq!((never.take().len(), endpoint.take().len()), (1, 0));
    kept(&gate, &[&answer, &again], &["canary-token"]).await;
}

#[tokio::test]
async fn without_a_token_a_provider_is_not_asked_and_is_named_as_failed() {
    let smart = Smart::start().await;
    for (status, reason) in
        [(400, "credential-refused"), (401, "credential-refused"), (500, "not-signed-in"), (302, "not-signed-in")]
    {
        smart.door.status.store(status, Ordering::SeqCst);
        let answer = smart.search(0).await;
        assert_eq!(failure(&answer, "RZ901").as_deref(), Some(reason), "{status}: {}", answer.text);
        let tried = smart.endpoint.count();
        assert_eq!(failure(&smart.search(1).await, "RZ901").as_deref(), Some(reason));
        assert_eq!(smart.endpoint.count(), tried, "a moment after a failure nobody asks again");
        tokio::time::sleep(Duration::from_millis(2_100)).await;
    }
    assert_eq!(smart.provider.take().len(), 0, "nothing without a credential");
    smart.door.status.store(0, Ordering::SeqCst);
    assert_eq!(smart.search(0).await.header("x-completeness"), "complete", "a failure is not kept");
}

#[tokio::test]
async fn another_key_on_disk_signs_the_next_assertion_and_a_broken_one_changes_nothing() {
    let smart = Smart::start().await;
    assert_eq!(smart.search(0).await.header("x-completeness"), "complete");
    fs::write(&smart.key, "canary-broken").unwrap();
    smart.gate.hang_up();
    soon("the fault is told", async || smart.gate.stderr().contains("a secret cannot be used").then_some(())).await;
    assert_eq!(smart.search(1).await.header("x-completeness"), "complete");
    assert_eq!(smart.endpoint.take().len(), 1, "the token goes on");
    let published = async || {
        Answer::of(smart.gate.request(Method::GET, &format!("{}/.well-known/jwks.json", smart.gate.url))).await.text
    };
    let before = published().await;
    fs::write(&smart.key, pem()).unwrap();
    smart.gate.hang_up();
    soon("another key is published", async || (published().await != before).then_some(())).await;
    let answer = smart.gate.search(GP, "Condition", smart.gate.shared_with("F99001", "estuary")[0]).await;
    assert_eq!(answer.header("x-completeness"), "complete", "{}", answer.text);
    let asked = smart.endpoint.take();
    assert_eq!(asked.len(), 1, "a token by the new key");
    assertion(&smart.gate, &asked[0], &format!("{}/oauth/token", smart.endpoint.url)).await;
    kept(&smart.gate, &[&answer], &["canary-broken"]).await;
}

#[tokio::test]
async fn a_key_that_the_provider_does_not_know_is_refused_by_it_and_an_endpoint_elsewhere_is_not_discovered() {
    let region = Region::start();
    let pem_file = region.secret("colneside.pem");
    let right = fs::read_to_string(&pem_file).unwrap();
    fs::write(&pem_file, pem()).unwrap();
    // the provider of another tells where a token of that one's is to be had
    let elsewhere = Tap::start(None, None, |_| None).await;
    let place = elsewhere.url.clone();
    let misleading = Tap::start(Some(behind(&region, "estuary")), None, move |seen| {
        let discovery = seen.path == "/fhir/.well-known/smart-configuration";
        discovery.then(|| (200, json!({"token_endpoint": format!("{place}/token")}).to_string()))
    })
    .await;
    let config = with(&region.config(), "RZ901", |entry| {
        entry.set("base_url", &format!("{:?}", format!("{}/fhir", misleading.url))).set(
            "credential",
            &format!(
                "{{ smart = {{ client_id = \"caregate\", scope = \"system/*.rs\", key = {{ file = {pem_file:?} }} }} }}"
            ),
        )
    });
    let gate = region.join(&config, &[]);
    let patient = gate
        .shared_with("F99001", "estuary")
        .into_iter()
        .find(|one| gate.shared_with("F99001", "colneside").contains(one));
    let patient = patient.expect("a patient of both");
    let answer = gate.search(GP, "Encounter", patient).await;
    assert_eq!(failure(&answer, "RZ902").as_deref(), Some("credential-refused"), "{}", answer.text);
    assert_eq!(failure(&answer, "RZ901").as_deref(), Some("not-signed-in"), "{}", answer.text);
    assert_eq!(elsewhere.count(), 0);
    assert_eq!(gate.asked("colneside").await["tokens"], 0);
    fs::write(&pem_file, right).unwrap();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let answer = gate.search(GP, "Encounter", patient).await;
    assert_eq!(failure(&answer, "RZ902"), None, "{}", answer.text);
}
