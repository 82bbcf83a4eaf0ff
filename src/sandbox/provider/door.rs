//! How callers sign in to a provider: a bearer credential, an API key in a header of its own, or SMART Backend Services,
//! where they bring a signed assertion to `/token` and are given access tokens.

use super::State;
use crate::sandbox::{Credential, pem, server::Port};
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, decode, jwk::Jwk};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant, SystemTime},
};
use uuid::Uuid;

const API_KEY: &str = "x-api-key";
const CLIENT: &str = "caregate";
const SCOPE: &str = "system/*.rs";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const TOKEN_LIFE: Duration = Duration::from_secs(300);
const LONGEST_ASSERTION: u64 = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bearer,
    ApiKey,
    Smart,
}

pub struct Door(Lock);

enum Lock {
    Header { name: &'static str, value: String },
    Smart { endpoint: String, key: Box<DecodingKey>, memory: Mutex<Memory> },
}

#[derive(Default)]
struct Memory {
    issued: HashMap<String, Instant>,
    /// The ids of assertions, until they expire: each is taken once.
    seen: HashMap<String, u64>,
}

#[derive(Deserialize)]
struct Assertion {
    sub: String,
    exp: u64,
    jti: String,
}

impl Door {
    /// The door, and what opens it. `None` if no key can be made.
    pub fn new(kind: Kind, slug: &str, port: &Port) -> Option<(Self, Credential)> {
        let secret = format!("{slug}-{}", Uuid::new_v4().simple());
        match kind {
            Kind::Bearer => {
                let lock = Lock::Header { name: "authorization", value: format!("Bearer {secret}") };
                Some((Self(lock), Credential::Bearer(secret)))
            }
            Kind::ApiKey => {
                let lock = Lock::Header { name: API_KEY, value: secret.clone() };
                Some((Self(lock), Credential::ApiKey { header: API_KEY, key: secret }))
            }
            Kind::Smart => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).ok()?.to_pkcs8v1().ok()?;
                let private = EncodingKey::from_ec_der(pair.as_ref());
                let public = Jwk::from_encoding_key(&private, Algorithm::ES384).ok()?;
                let key = Box::new(DecodingKey::from_jwk(&public).ok()?);
                let endpoint = format!("{}/token", port.url);
                let credential = Credential::Smart { client_id: CLIENT, scope: SCOPE, key: pem(pair.as_ref()) };
                Some((Self(Lock::Smart { endpoint, key, memory: Mutex::default() }), credential))
            }
        }
    }

    pub fn admits(&self, request: &HttpRequest) -> bool {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        match &self.0 {
            Lock::Header { name, value } => header(name) == Some(value),
            Lock::Smart { memory, .. } => {
                let token = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
                let issued = token.and_then(|token| lock(memory).issued.get(token).copied());
                issued.is_some_and(|issued| issued.elapsed() < TOKEN_LIFE)
            }
        }
    }
}

/// <https://hl7.org/fhir/smart-app-launch/conformance.html>
pub async fn discovery(state: web::Data<State>) -> HttpResponse {
    let Lock::Smart { endpoint, .. } = &state.door.0 else { return HttpResponse::NotFound().finish() };
    HttpResponse::Ok().json(json!({
        "token_endpoint": endpoint,
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES384"],
        "scopes_supported": [SCOPE],
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

/// <https://hl7.org/fhir/smart-app-launch/backend-services.html#obtain-access-token>
pub async fn token(state: web::Data<State>, body: String) -> HttpResponse {
    let Lock::Smart { endpoint, key, memory } = &state.door.0 else { return HttpResponse::NotFound().finish() };
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let said = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let refusal = |error: &str| HttpResponse::BadRequest().json(json!({ "error": error }));
    if said("grant_type") != "client_credentials" {
        return refusal("unsupported_grant_type");
    }
    if !said("scope").split(' ').all(|scope| scope.starts_with("system/")) {
        return refusal("invalid_scope");
    }
    let Some(assertion) = verified(said("client_assertion"), endpoint, key) else { return refusal("invalid_client") };
    let mut memory = lock(memory);
    let now = seconds();
    memory.seen.retain(|_, until| *until >= now);
    memory.issued.retain(|_, issued| issued.elapsed() < TOKEN_LIFE);
    let fresh = memory.seen.insert(assertion.jti, assertion.exp).is_none();
    if !fresh || said("client_assertion_type") != JWT_BEARER {
        return refusal("invalid_client");
    }
    let token = format!("issued-{}", Uuid::new_v4().simple());
    memory.issued.insert(token.clone(), Instant::now());
    drop(memory);
    state.control.issued();
    let answer = json!({
        "access_token": token, "token_type": "bearer", "expires_in": TOKEN_LIFE.as_secs(), "scope": said("scope"),
    });
    HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(answer)
}

/// Forgets what it issued, as a server does that was started anew.
pub async fn forget(state: web::Data<State>) -> HttpResponse {
    let Lock::Smart { memory, .. } = &state.door.0 else { return HttpResponse::NotFound().finish() };
    lock(memory).issued.clear();
    HttpResponse::NoContent().finish()
}

fn verified(assertion: &str, endpoint: &str, key: &DecodingKey) -> Option<Assertion> {
    let mut wanted = Validation::new(Algorithm::ES384);
    wanted.set_audience(&[endpoint]);
    wanted.set_issuer(&[CLIENT]);
    wanted.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    wanted.leeway = 5;
    let said = decode::<Assertion>(assertion, key, &wanted).ok()?.claims;
    (said.sub == CLIENT && !said.jti.is_empty() && said.exp <= seconds() + LONGEST_ASSERTION).then_some(said)
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
