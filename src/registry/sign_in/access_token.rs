//! The access token of one provider, as SMART Backend Services has it: fetched when first needed, used until shortly
//! before it expires. However many wait, one fetches. A fetch that failed is not kept, and not repeated at once either.

use super::{
    Clients, SignInFault, SigningKey,
    config::{SmartConfig, sensitive},
};
use crate::{
    domain::{OdsCode, Timestamp},
    fhir::json::{self, Limits, Tape},
};
use arc_swap::{ArcSwap, ArcSwapOption};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};
use uuid::Uuid;

/// For one fetch, discovery included.
const TIMEOUT: Duration = Duration::from_secs(3);
/// After a fetch that failed, and after a new token that the provider refuses too: how long no other is asked for.
const PAUSE: Duration = Duration::from_secs(2);
/// SMART allows five minutes; the rest is for clocks that differ.
const ASSERTION_SECONDS: i64 = 240;
const ANSWER_BYTES: usize = 64 << 10;
const LONGEST_LIFE: u64 = 86_400;

pub struct AccessTokens {
    ods: OdsCode,
    base: Url,
    config: SmartConfig,
    key: ArcSwap<SigningKey>,
    current: ArcSwapOption<Token>,
    /// Held while fetching: the next in line finds the outcome.
    last: Mutex<Option<Attempt>>,
}

struct Token {
    bearer: HeaderValue,
    until: Instant,
}

struct Attempt {
    ended: Instant,
    fault: Option<SignInFault>,
    /// In place of one that the provider refused.
    renewal: bool,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    token_type: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Discovered {
    token_endpoint: Url,
}

impl AccessTokens {
    pub fn new(ods: OdsCode, base: &Url, config: &SmartConfig) -> Result<Self, String> {
        config.faults()?;
        Ok(Self {
            ods,
            base: base.clone(),
            config: config.clone(),
            key: ArcSwap::from_pointee(config.signing_key()?),
            current: ArcSwapOption::empty(),
            last: Mutex::new(None),
        })
    }

    pub fn public_key(&self) -> Value {
        self.key.load().public_jwk()
    }

    /// Reads the key again; with another one the token is fetched anew.
    pub fn reload(&self) -> Result<(), String> {
        let fresh = self.config.signing_key()?;
        if fresh != **self.key.load() {
            self.key.store(Arc::new(fresh));
            self.current.store(None);
        }
        Ok(())
    }

    /// The value of an `Authorization` header, other than `refused`.
    pub async fn bearer(
        self: &Arc<Self>,
        clients: Clients<'_>,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, SignInFault> {
        if let Some(bearer) = self.usable(refused) {
            return Ok(bearer);
        }
        let (tokens, refused) = (Arc::clone(self), refused.cloned());
        let (own, plain) = (clients.own.clone(), clients.plain.clone());
        // a task of its own: a caller that hangs up leaves the fetch to those who wait for it
        let fetching = async move { tokens.once(Clients { own: &own, plain: &plain }, refused.as_ref()).await };
        tokio::spawn(fetching).await.unwrap_or(Err(SignInFault::Unreachable))
    }

    fn usable(&self, refused: Option<&HeaderValue>) -> Option<HeaderValue> {
        let token = self.current.load();
        let token = token.as_ref().filter(|token| Instant::now() < token.until && Some(&token.bearer) != refused)?;
        Some(token.bearer.clone())
    }

    /// Fetches, unless somebody just did.
    async fn once(&self, clients: Clients<'_>, refused: Option<&HeaderValue>) -> Result<HeaderValue, SignInFault> {
        let mut last = self.last.lock().await;
        if let Some(bearer) = self.usable(refused) {
            return Ok(bearer);
        }
        if let Some(attempt) = last.as_ref().filter(|attempt| attempt.ended.elapsed() < PAUSE) {
            match attempt.fault {
                Some(fault) => return Err(fault),
                None if attempt.renewal && refused.is_some() => return Err(SignInFault::Refused),
                None => {}
            }
        }
        // the key may have been rotated where it is kept
        if let Err(what) = self.reload() {
            tracing::warn!(provider.ods = %self.ods, secret.fault = %what, "a secret cannot be used: the one before stays");
        }
        let fetched = tokio::time::timeout(TIMEOUT, self.fetch(clients)).await.unwrap_or(Err(SignInFault::Timeout));
        let outcome = if fetched.is_ok() { "signed-in" } else { "failed" };
        metrics::counter!("caregate_sign_ins_total", "provider" => self.ods.to_string(), "outcome" => outcome)
            .increment(1);
        let fault = fetched.as_ref().err().copied();
        *last = Some(Attempt { ended: Instant::now(), fault, renewal: refused.is_some() });
        match fetched {
            Ok(token) => {
                let bearer = token.bearer.clone();
                self.current.store(Some(Arc::new(token)));
                Ok(bearer)
            }
            Err(fault) => {
                tracing::warn!(provider.ods = %self.ods, fault = %fault, "the gateway could not sign in to a provider");
                Err(fault)
            }
        }
    }

    async fn fetch(&self, clients: Clients<'_>) -> Result<Token, SignInFault> {
        let began = Instant::now();
        let endpoint = match &self.config.token_endpoint {
            Some(endpoint) => endpoint.clone(),
            None => self.discovered(clients.own).await?,
        };
        let client = if endpoint.origin() == self.base.origin() { clients.own } else { clients.plain };
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", &self.config.scope)
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .append_pair("client_assertion", &self.assertion(&endpoint).ok_or(SignInFault::Refused)?)
            .finish();
        let asked = client.post(endpoint).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        let issued: Issued = answer(asked).await?;
        if !issued.token_type.eq_ignore_ascii_case("bearer") || issued.access_token.is_empty() {
            return Err(SignInFault::NoToken);
        }
        let bearer = sensitive(&format!("Bearer {}", issued.access_token)).ok_or(SignInFault::NoToken)?;
        let life = Duration::from_secs(issued.expires_in.min(LONGEST_LIFE));
        // so that none expires on its way
        let until = began + life - (life / 2).min(Duration::from_secs(30));
        Ok(Token { bearer, until })
    }

    /// <https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html>
    fn assertion(&self, endpoint: &Url) -> Option<String> {
        let now = Timestamp::now().seconds();
        let claims = json!({
            "iss": self.config.client_id, "sub": self.config.client_id, "aud": endpoint.as_str(),
            "iat": now, "exp": now + ASSERTION_SECONDS, "jti": Uuid::new_v4().to_string(),
        });
        self.key.load().sign("JWT", &claims)
    }

    /// Elsewhere it would have to be configured: a provider that named another's endpoint would be brought the other's
    /// token, if both know us by one key.
    async fn discovered(&self, client: &Client) -> Result<Url, SignInFault> {
        let place = self.base.join(".well-known/smart-configuration").map_err(|_| SignInFault::NoEndpoint)?;
        let Discovered { token_endpoint } = answer(client.get(place)).await.map_err(|fault| match fault {
            SignInFault::NoToken | SignInFault::Refused => SignInFault::NoEndpoint,
            fault => fault,
        })?;
        let own = token_endpoint.origin() == self.base.origin()
            && token_endpoint.username().is_empty()
            && token_endpoint.password().is_none();
        if own { Ok(token_endpoint) } else { Err(SignInFault::NoEndpoint) }
    }
}

/// One JSON document, strict, under a cap.
async fn answer<T: DeserializeOwned>(asked: RequestBuilder) -> Result<T, SignInFault> {
    let mut response = asked.header(ACCEPT, "application/json").send().await.map_err(|e| fault(&e))?;
    match response.status() {
        StatusCode::OK => {}
        // RFC 6749 §5.2
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(SignInFault::Refused),
        _ => return Err(SignInFault::NoToken),
    }
    let body = body(&mut response).await?;
    json::parse(&body, &mut Limits::default(), &mut Tape::new()).map_err(|_| SignInFault::NoToken)?;
    serde_json::from_slice(&body).map_err(|_| SignInFault::NoToken)
}

async fn body(response: &mut Response) -> Result<Vec<u8>, SignInFault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| fault(&e))? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(SignInFault::NoToken);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn fault(error: &reqwest::Error) -> SignInFault {
    if error.is_timeout() { SignInFault::Timeout } else { SignInFault::Unreachable }
}
