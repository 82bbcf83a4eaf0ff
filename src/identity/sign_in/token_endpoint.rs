use super::super::fetch::{self, Reach};
use super::super::{SigningKey, client_assertion};
use super::{Proof, SignInConfig, SignInFault};
use arc_swap::ArcSwap;
use data_encoding::BASE64;
use reqwest::{
    Client, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use url::form_urlencoded::{Serializer, byte_serialize};

const TIMEOUT: Duration = Duration::from_secs(3);
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// More than either token is long.
const TOKEN_MAX: usize = 16 << 10;

/// Where an issuer gives tokens for a code, and how we prove there who we are.
/// <https://openid.net/specs/openid-connect-core-1_0.html#TokenEndpoint>
pub(super) struct TokenEndpoint {
    client: Client,
    config: SignInConfig,
    proof: ArcSwap<Proved>,
}

pub(super) enum Proved {
    Secret(SecretString),
    Key(Box<SigningKey>),
}

/// Both of one sign-in. Neither is kept, logged or sent to a browser.
pub(super) struct Tokens {
    pub id: String,
    pub access: String,
}

impl TokenEndpoint {
    pub fn new(config: &SignInConfig, allow_http: bool) -> Result<Self, String> {
        let client = fetch::client(Reach { http: allow_http, private: true }, TIMEOUT).ok_or("no HTTP client")?;
        Ok(Self { client, config: config.clone(), proof: ArcSwap::from_pointee(Proved::read(&config.proof)?) })
    }

    /// Reads the secret again; one that cannot be used changes nothing.
    pub fn reload(&self) -> Result<(), String> {
        self.proof.store(Arc::new(Proved::read(&self.config.proof)?));
        Ok(())
    }

    pub async fn tokens(&self, code: &str, redirect: &str, verifier: &str) -> Result<Tokens, SignInFault> {
        let asking = async {
            let (form, authorization) = self.form(code, redirect, verifier).ok_or(SignInFault::Unavailable)?;
            let request = self.client.post(self.config.token_url.clone()).body(form);
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            let request =
                authorization.into_iter().fold(request, |request, basic| request.header(AUTHORIZATION, basic));
            let answer = request.send().await.map_err(|_| SignInFault::Unavailable)?;
            // RFC 6749 §5.2; that it is we who are refused is told by the log, not to a stranger
            match answer.status() {
                StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => Err(SignInFault::Code),
                _ => fetch::document(answer).await.map_err(|_| SignInFault::Unavailable),
            }
        };
        let said = tokio::time::timeout(TIMEOUT, asking).await.unwrap_or(Err(SignInFault::Unavailable))?;
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        let bearer = text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        match (text("id_token"), text("access_token")) {
            (Some(id), Some(access)) if bearer && id.len() <= TOKEN_MAX && is_bearer_token(access) => {
                Ok(Tokens { id: id.to_owned(), access: access.to_owned() })
            }
            _ => Err(SignInFault::Code),
        }
    }

    /// The form, and an Authorization header where the proof is one.
    fn form(&self, code: &str, redirect: &str, verifier: &str) -> Option<(String, Option<String>)> {
        let SignInConfig { client_id, token_url, .. } = &self.config;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code");
        form.append_pair("code", code).append_pair("redirect_uri", redirect).append_pair("code_verifier", verifier);
        match &**self.proof.load() {
            Proved::Secret(secret) => {
                // RFC 6749 §2.3.1: each is form-encoded before they are joined
                let coded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let both = format!("{}:{}", coded(client_id), coded(secret.expose_secret()));
                Some((form.finish(), Some(format!("Basic {}", BASE64.encode(both.as_bytes())))))
            }
            Proved::Key(key) => {
                let assertion = client_assertion(key, client_id, token_url.as_str())?;
                form.append_pair("client_id", client_id).append_pair("client_assertion_type", JWT_BEARER);
                form.append_pair("client_assertion", &assertion);
                Some((form.finish(), None))
            }
        }
    }
}

/// RFC 6750's b64token: it goes into a header.
fn is_bearer_token(token: &str) -> bool {
    (1..=TOKEN_MAX).contains(&token.len())
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
}

impl Proved {
    pub fn read(proof: &Proof) -> Result<Self, String> {
        match proof {
            Proof::Secret(place) => place.read().map(Self::Secret),
            Proof::Key { key, algorithm, kid } => {
                let key = SigningKey::read(key.read()?.expose_secret(), *algorithm, kid.as_deref())?;
                Ok(Self::Key(Box::new(key)))
            }
        }
    }
}
