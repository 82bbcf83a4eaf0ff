//! Tokens of the gateway's own: who is given one, what it is good for, and who is not. Assertions and ID tokens are signed
//! here by another library's code than the one that judges them.

#[path = "oauth/bound.rs"]
mod bound;
#[path = "oauth/clients.rs"]
mod clients;
#[path = "oauth/exchange.rs"]
mod exchange;
#[path = "oauth/provider.rs"]
pub mod provider;
#[path = "oauth/sign_ins.rs"]
mod sign_ins;
#[path = "oauth/systems.rs"]
mod systems;

use crate::harness::{Answer, Gate};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// The one that the sandbox registers.
const CLIENT: &str = "ward-system";

/// Making one takes a while.
static RSA: LazyLock<String> = LazyLock::new(|| {
    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der},
        rsa::{KeyPair, KeySize},
    };
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    caregate::sandbox::pem(AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref())
});

/// A key, and the algorithm that it is used with.
pub struct Signer {
    key: EncodingKey,
    pub kid: String,
    algorithm: Algorithm,
}

impl Signer {
    pub fn es384(kid: &str) -> Self {
        let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
        Self { key: EncodingKey::from_ec_pem(pem.as_bytes()).unwrap(), kid: kid.into(), algorithm: Algorithm::ES384 }
    }

    pub fn rsa(kid: &str, algorithm: Algorithm) -> Self {
        Self { key: EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap(), kid: kid.into(), algorithm }
    }

    /// The sandbox's client, by the files it wrote.
    pub fn of_sandbox(folder: &Path) -> Self {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let set: Value = serde_json::from_str(&read("client.jwks")).unwrap();
        let kid = set["keys"][0]["kid"].as_str().unwrap().to_owned();
        let key = EncodingKey::from_ec_pem(read("client.pem").as_bytes()).unwrap();
        Self { key, kid, algorithm: Algorithm::ES384 }
    }

    /// Its public half.
    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        jwk.common.key_algorithm = None;
        serde_json::to_value(jwk).unwrap()
    }

    pub fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone());
        header
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_under(&self.header(), claims)
    }

    pub fn sign_under(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }

    /// A good assertion of this client.
    pub fn assertion(&self, client: &str, gate: &Gate) -> String {
        self.sign(&assertion_of(client, gate))
    }
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// What a good assertion says.
pub fn assertion_of(client: &str, gate: &Gate) -> Value {
    let now = now();
    json!({
        "iss": client, "sub": client, "aud": format!("{}/oauth/token", gate.url), "iat": now, "exp": now + 240,
        "jti": Uuid::new_v4().to_string(),
    })
}

/// Posts a form to the token endpoint at this address.
pub async fn posted(gate: &Gate, url: &str, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = gate.request(Method::POST, &format!("{url}/oauth/token"));
    Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

/// Asks for a token for a system.
pub async fn asked(gate: &Gate, assertion: &str, scope: &str) -> Answer {
    asked_at(gate, &gate.url, assertion, scope).await
}

pub async fn asked_at(gate: &Gate, url: &str, assertion: &str, scope: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
        ("scope", scope),
    ];
    posted(gate, url, &form).await
}

/// Exchanges an ID token, with the access token that came with it.
pub async fn exchanged(
    gate: &Gate,
    assertion: &str,
    id_token: &str,
    access_token: Option<&str>,
    scope: &str,
) -> Answer {
    let mut form = vec![
        ("grant_type", EXCHANGE),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
        ("subject_token_type", ID_TOKEN),
        ("subject_token", id_token),
        ("scope", scope),
    ];
    form.extend(access_token.map(|token| ("access_token", token)));
    posted(gate, &gate.url, &form).await
}

/// The token that was given.
pub fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(answer.header("content-type"), "application/json");
    let given = answer.json();
    assert_eq!(given["token_type"], "Bearer");
    given["access_token"].as_str().unwrap().to_owned()
}

/// The error of an answer without a token, in RFC 6749's shape.
pub fn error_of(answer: &Answer) -> (u16, String, String) {
    assert_eq!((answer.header("cache-control"), answer.header("content-type")), ("no-store", "application/json"));
    let said = answer.json();
    let text = |name: &str| said[name].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
    assert_eq!(said.as_object().unwrap().len(), 2, "{}", answer.text);
    (answer.status, text("error"), text("error_description"))
}

pub async fn bearing(gate: &Gate, token: &str, path: &str) -> Answer {
    Answer::of(gate.request(Method::GET, path).bearer_auth(token)).await
}

/// What a token says.
pub fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
}
