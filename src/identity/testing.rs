//! For the tests: keys made on the spot, a signer that signs anything, and an issuer on a real port that can be told
//! to answer, rotate, hesitate or fail.

use super::IssuerConfig;
use crate::domain::Timestamp;
use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa::KeySize};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use std::sync::{
    Arc, LazyLock, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

pub(super) const AUDIENCE: &str = "https://gateway.example/fhir";

/// Making an RSA key is slow; three are enough for all tests.
static RSA: LazyLock<[RsaKeyPair; 3]> =
    LazyLock::new(|| std::array::from_fn(|_| RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

pub(super) enum Signer {
    Rsa { kid: String, pair: &'static RsaKeyPair },
    P256 { kid: String, pair: EcdsaKeyPair },
    P384 { kid: String, pair: EcdsaKeyPair },
}

impl Signer {
    pub fn rs256(kid: &str) -> Self {
        Self::rsa(kid, 0)
    }

    pub fn rsa(kid: &str, which: usize) -> Self {
        Self::Rsa { kid: kid.into(), pair: &RSA[which] }
    }

    pub fn es256(kid: &str) -> Self {
        Self::P256 { kid: kid.into(), pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    pub fn es384(kid: &str) -> Self {
        Self::P384 { kid: kid.into(), pair: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap() }
    }

    pub fn kid(&self) -> &str {
        match self {
            Self::Rsa { kid, .. } | Self::P256 { kid, .. } | Self::P384 { kid, .. } => kid,
        }
    }

    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let ec = |curve: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": curve, "kid": self.kid(), "use": "sig", "x": text(x), "y": text(y) })
        };
        match self {
            Self::Rsa { kid, pair } => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": text(n), "e": text(e) })
            }
            Self::P256 { pair, .. } => ec("P-256", pair.public_key().as_ref()),
            Self::P384 { pair, .. } => ec("P-384", pair.public_key().as_ref()),
        }
    }

    /// The public key as bytes lie about: what an attacker would try as an HMAC secret.
    pub fn public_spellings(&self) -> Vec<Vec<u8>> {
        let der = match self {
            Self::Rsa { pair, .. } => pair.public_key().as_ref().to_vec(),
            Self::P256 { pair, .. } | Self::P384 { pair, .. } => pair.public_key().as_ref().to_vec(),
        };
        let jwk = self.jwk();
        let modulus = jwk["n"].as_str().unwrap_or_default();
        let raw = BASE64URL_NOPAD.decode(modulus.as_bytes()).unwrap();
        vec![der, jwk.to_string().into_bytes(), modulus.as_bytes().to_vec(), raw, Vec::new()]
    }

    /// The header this signer's tokens have: RS256 for an RSA key.
    pub fn header(&self) -> Value {
        let alg = match self {
            Self::Rsa { .. } => "RS256",
            Self::P256 { .. } => "ES256",
            Self::P384 { .. } => "ES384",
        };
        json!({ "alg": alg, "typ": "at+jwt", "kid": self.kid() })
    }

    pub fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    /// Signs whatever it is given, by the algorithm the header names.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let signed = signing_input(header, claims);
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa { pair, .. } => {
                let padding: &'static dyn signature::RsaEncoding = match header {
                    h if h.contains("RS384") => &signature::RSA_PKCS1_SHA384,
                    h if h.contains("RS512") => &signature::RSA_PKCS1_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut room = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, signed.as_bytes(), &mut room).unwrap();
                room
            }
            Self::P256 { pair, .. } | Self::P384 { pair, .. } => {
                pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec()
            }
        };
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

pub(super) fn signing_input(header: &str, claims: &str) -> String {
    format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(claims.as_bytes()))
}

/// A token "signed" with a shared secret.
pub(super) fn hmac_token(header: &str, claims: &str, secret: &[u8]) -> String {
    let signed = signing_input(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))
}

/// What a system client's good token says.
pub(super) fn good_claims(issuer: &str) -> Value {
    let now = Timestamp::now().seconds();
    json!({
        "iss": issuer, "sub": "warden", "client_id": "warden", "aud": AUDIENCE, "jti": "t-1",
        "iat": now, "nbf": now, "exp": now + 300, "ods_code": "RZ901", "scope": "system/*.rs",
    })
}

/// An issuer on a port of its own.
pub(super) struct FakeIssuer {
    pub url: String,
    answer: Arc<Mutex<Answer>>,
    fetches: Arc<AtomicUsize>,
    paths: Arc<Mutex<Vec<String>>>,
    handle: ServerHandle,
}

#[derive(Clone)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    keys: String,
    discovery: String,
    delay: Duration,
}

impl FakeIssuer {
    pub async fn start(signers: &[&Signer]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") }).to_string();
        let answer =
            Answer { status: 200, headers: Vec::new(), keys: key_set(signers), discovery, delay: Duration::ZERO };
        let answer = Arc::new(Mutex::new(answer));
        let fetches = Arc::new(AtomicUsize::new(0));
        let paths = Arc::new(Mutex::new(Vec::new()));
        let shared = (Arc::clone(&answer), Arc::clone(&fetches), Arc::clone(&paths));
        let app = move || App::new().app_data(web::Data::new(shared.clone())).default_service(web::to(respond));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, answer, fetches, paths, handle }
    }

    /// Trusts this issuer for system clients.
    pub fn config(&self) -> IssuerConfig {
        serde_json::from_value(json!({
            "name": "fake", "issuer": self.url, "profile": "backend", "audience": AUDIENCE,
            "algorithms": ["RS256", "ES256", "ES384"], "jwks_url": format!("{}/jwks", self.url), "allow_http": true,
        }))
        .unwrap()
    }

    pub fn publish(&self, signers: &[&Signer]) {
        self.publish_text(key_set(signers));
    }

    pub fn publish_text(&self, keys: String) {
        self.answer.lock().unwrap().keys = keys;
    }

    pub fn discovery(&self, document: &Value) {
        self.answer.lock().unwrap().discovery = document.to_string();
    }

    pub fn fail_with(&self, status: u16) {
        self.answer.lock().unwrap().status = status;
    }

    pub fn header(&self, name: &'static str, value: String) {
        self.answer.lock().unwrap().headers.push((name, value));
    }

    pub fn hesitate(&self, delay: Duration) {
        self.answer.lock().unwrap().delay = delay;
    }

    pub async fn stop(&self) {
        self.handle.stop(false).await;
    }

    /// How often its keys were fetched.
    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Every path it was ever asked for.
    pub fn paths(&self) -> Vec<String> {
        self.paths.lock().unwrap().clone()
    }
}

fn key_set(signers: &[&Signer]) -> String {
    json!({ "keys": signers.iter().map(|s| s.jwk()).collect::<Vec<_>>() }).to_string()
}

type Shared = (Arc<Mutex<Answer>>, Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>);

async fn respond(request: actix_web::HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let (answer, fetches, paths) = shared.get_ref();
    paths.lock().unwrap().push(request.uri().to_string());
    let keys = request.path() == "/jwks";
    if keys {
        fetches.fetch_add(1, Ordering::SeqCst);
    }
    let answer = answer.lock().unwrap().clone();
    tokio::time::sleep(answer.delay).await;
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap());
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    response.content_type("application/json").body(if keys { answer.keys } else { answer.discovery })
}
