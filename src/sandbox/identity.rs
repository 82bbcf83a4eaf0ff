//! The pretend identity provider: three issuers on one server, sharing one set of signing keys.
//!
//! Staff sign in at the base URL (claims as NHS CIS2), patients at `/patients` (as NHS login), systems at `/systems` (as
//! SMART Backend Services); people by a page of their own (`/authorize`) too. Nobody proves anything here: whoever asks for a persona is given its token. Keys are made
//! when it starts and live only in memory.

mod authorize;
mod claims;
mod keys;
mod persona;
mod token;

use super::data::Dataset;
use super::server::{Port, Running};
use super::{Issuer, Proof, SandboxError, SignIn};
use actix_web::{HttpRequest, HttpResponse, web};
use authorize::Codes;
use keys::Keys;
use persona::Directory;
pub use persona::OPERATORS;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use uuid::Uuid;

/// The audience of every token: the gateway's public FHIR base.
pub const AUDIENCE: &str = "https://caregate.example/fhir";

const ALGORITHMS: [&str; 2] = ["RS256", "ES256"];

pub struct Identity {
    pub url: String,
    pub issuers: Vec<Issuer>,
    pub personas: Vec<String>,
    pub server: Running,
}

struct State {
    url: String,
    directory: Directory,
    keys: Mutex<Arc<Keys>>,
    /// What userinfo says, by the opaque access token that opens it.
    signed_in: Mutex<HashMap<String, Value>>,
    codes: Codes,
}

/// More than are of use at once; past them all are forgotten.
const SIGN_INS: usize = 10_000;

pub async fn start(dataset: &Dataset, port: Port) -> Result<Identity, SandboxError> {
    let keys = Keys::generate().await.ok_or(SandboxError::Keys)?;
    let codes = Codes::new().ok_or(SandboxError::Keys)?;
    let url = port.url.clone();
    let directory = Directory::of(dataset);
    let personas = directory.names();
    let issuers = [("staff", "", "cis2"), ("patients", "/patients", "nhs-login"), ("systems", "/systems", "backend")];
    let issuers = issuers.map(|(name, path, profile)| Issuer {
        name,
        url: format!("{url}{path}"),
        profile,
        algorithms: ALGORITHMS.to_vec(),
        audience: AUDIENCE.to_owned(),
        userinfo: (profile != "backend").then(|| format!("{url}{path}/userinfo")),
        sign_in: match profile {
            "cis2" => Some(Proof::Secret(codes.secret().to_owned())),
            "nhs-login" => Some(Proof::Key(codes.private().to_owned())),
            _ => None,
        }
        .map(|proof| SignIn {
            authorize: format!("{url}{path}/authorize"),
            token: format!("{url}/token"),
            client: authorize::CLIENT,
            proof,
        }),
    });
    let state = web::Data::new(State {
        url: url.clone(),
        directory,
        keys: Mutex::new(Arc::new(keys)),
        signed_in: Mutex::default(),
        codes,
    });
    let server = port.serve(move |app| {
        app.app_data(state.clone())
            .route("/.well-known/openid-configuration", web::get().to(|state| discovery(state, "")))
            .route("/patients/.well-known/openid-configuration", web::get().to(|state| discovery(state, "/patients")))
            .route("/systems/.well-known/openid-configuration", web::get().to(|state| discovery(state, "/systems")))
            .route("/userinfo", web::get().to(userinfo))
            .route("/patients/userinfo", web::get().to(userinfo))
            .route("/authorize", web::get().to(|state, request| authorize::choose(state, request, "")))
            .route("/authorize", web::post().to(|state, body| authorize::chosen(state, body, "")))
            .route(
                "/patients/authorize",
                web::get().to(|state, request| authorize::choose(state, request, "/patients")),
            )
            .route("/patients/authorize", web::post().to(|state, body| authorize::chosen(state, body, "/patients")))
            .route("/jwks", web::get().to(jwks))
            .route("/rotate", web::post().to(rotate))
            .route("/personas", web::get().to(personas_list))
            .route("/token", web::post().to(token::issue));
    })?;
    Ok(Identity { url, issuers: issuers.into(), personas, server })
}

/// <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata>
async fn discovery(state: web::Data<State>, path: &'static str) -> HttpResponse {
    let base = &state.url;
    HttpResponse::Ok().json(json!({
        "issuer": format!("{base}{path}"),
        "jwks_uri": format!("{base}/jwks"),
        "authorization_endpoint": format!("{base}{path}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}{path}/userinfo"),
        "grant_types_supported": ["persona", "authorization_code"],
        "response_types_supported": ["code", "token"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ALGORITHMS,
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "private_key_jwt"],
    }))
}

async fn jwks(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(state.keys().public())
}

/// <https://openid.net/specs/openid-connect-core-1_0.html#UserInfo>
async fn userinfo(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let signed_in = state.signed_in.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    match signed_in.get(token) {
        Some(said) => HttpResponse::Ok().json(said),
        None => HttpResponse::Unauthorized().finish(),
    }
}

/// New keys with new kids; the old public ones stay in the JWKS only with `keep=true`.
async fn rotate(state: web::Data<State>, form: String) -> HttpResponse {
    let keep = url::form_urlencoded::parse(form.as_bytes()).any(|(key, value)| key == "keep" && value == "true");
    let Some(mut fresh) = Keys::generate().await else {
        return HttpResponse::InternalServerError().finish();
    };
    if keep {
        fresh.keep(&state.keys());
    }
    let public = fresh.public().clone();
    *state.keys.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(fresh);
    HttpResponse::Ok().json(public)
}

async fn personas_list(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(state.directory.describe())
}

impl State {
    /// Keeps what userinfo is to say, and makes the access token that opens it.
    fn remember(&self, said: Value) -> String {
        let token = format!("opaque-{}", Uuid::new_v4().simple());
        let mut signed_in = self.signed_in.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if signed_in.len() >= SIGN_INS {
            signed_in.clear();
        }
        signed_in.insert(token.clone(), said);
        token
    }

    fn keys(&self) -> Arc<Keys> {
        self.keys.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

#[cfg(test)]
mod tests;
