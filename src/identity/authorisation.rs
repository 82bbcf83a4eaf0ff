//! Tokens of our own, for whoever has none that we could read: systems, by an assertion that they sign; people who signed in
//! elsewhere, by their ID token and the assertion of the client they use.
//!
//! Promises: a client is who it proved to be by a key registered for it, with an assertion that is used once on any node;
//! a token grants no more than the client asked for and is registered for, and makes nobody more than their own sign-in
//! does; it ends with the sign-in, and where the client has a certificate it is good with that one alone.

mod assertion;
mod assertion_store;
mod client;
mod exchange;
mod fault;
mod form;
mod grant;
mod issued_tokens;
mod userinfo;

pub use assertion::client_assertion;
pub use assertion_store::{AssertionStore, keep_pruning};
pub use client::{Client, ClientConfig, Clients, ClientsInTurn, ConfiguredClients, Jwks};
pub use exchange::ExchangeConfig;
pub use fault::TokenFault;
pub use form::TokenRequest;
pub use grant::Grant;
pub use issued_tokens::IssuedTokens;

use super::{IssuerConfig, Party, Purpose, Requester, Scopes, Thumbprint, Verifier, Whose};
use crate::domain::{StoreError, Timestamp};
use assertion::Assertion;
use exchange::Exchange;
use form::{ACCESS_TOKEN, Subject};
use issued_tokens::LONGEST;
pub(super) use issued_tokens::OVERTIME;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// The token endpoint, without HTTP. <https://www.rfc-editor.org/rfc/rfc6749#section-3.2>
pub struct Authorisation {
    endpoint: String,
    clients: Arc<dyn Clients>,
    used: Arc<dyn AssertionStore>,
    exchange: Exchange,
    tokens: Arc<IssuedTokens>,
}

/// A token that may be given once the audit knows of it, and whom it makes its bearer.
pub struct Granted {
    pub requester: Requester,
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-5.1>
    pub answer: String,
}

impl Authorisation {
    /// `None` if no TLS roots could be loaded.
    pub fn new(
        tokens: Arc<IssuedTokens>,
        clients: Arc<dyn Clients>,
        used: Arc<dyn AssertionStore>,
        verifier: Arc<Verifier>,
        issuers: &[IssuerConfig],
    ) -> Option<Self> {
        let exchange = Exchange::new(verifier, issuers)?;
        Some(Self { endpoint: tokens.endpoint(), clients, used, exchange, tokens })
    }

    /// The public halves of the keys that sign its tokens, as JWKs.
    pub fn public_keys(&self) -> Vec<Value> {
        self.tokens.public_keys()
    }

    /// Reads keys again; answers what cannot be used, and where: what was before stays.
    pub fn reload(&self) -> Vec<(String, String)> {
        let own = self.tokens.reload().err().map(|what| ("keys.tokens".to_owned(), what));
        own.into_iter().chain(self.clients.reload()).collect()
    }

    /// # Errors
    /// Why there is no token.
    pub async fn grant(&self, asked: &TokenRequest, shown: Option<Thumbprint>) -> Result<Granted, TokenFault> {
        // whole seconds: what a token says of its times is what is meant
        let now = Timestamp::from_seconds(Timestamp::now().seconds());
        let client = self.authenticated(asked, now).await?;
        if !client.certificates.is_empty() && !shown.is_some_and(|shown| client.certificates.contains(&shown)) {
            return Err(TokenFault::Certificate);
        }
        let bound = shown.filter(|_| !client.certificates.is_empty());
        if !client.grants.contains(&asked.grant) {
            return Err(TokenFault::Grant);
        }
        if asked.targets.iter().any(|target| target.trim_end_matches('/') != self.tokens.audience()) {
            return Err(TokenFault::Target);
        }
        let wanted = Scopes::parse(&asked.scope);
        if wanted.iter().count() > SCOPES_MAX {
            return Err(TokenFault::Scope);
        }
        let allowed = wanted.within(&client.scopes);
        let mut requester = match &asked.subject {
            None => self.system(&client, now),
            Some(brought) => self.person(&client, brought, &allowed, now).await?,
        };
        requester.scopes = allowed.only(whose(&requester.party));
        if requester.scopes.is_empty() {
            return Err(TokenFault::Scope);
        }
        let token = self.tokens.issue(&requester, now, bound).ok_or(TokenFault::Internal)?;
        let seconds = requester.expires.seconds().saturating_sub(IssuedTokens::taken_until(now).seconds());
        let mut answer = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": seconds,
            "scope": requester.scopes.to_string(),
        });
        if let (Grant::TokenExchange, Some(answer)) = (asked.grant, answer.as_object_mut()) {
            answer.insert("issued_token_type".to_owned(), ACCESS_TOKEN.into());
        }
        Ok(Granted { requester, answer: answer.to_string() })
    }

    /// Which client asks: proved, and the proof used up.
    async fn authenticated(&self, asked: &TokenRequest, now: Timestamp) -> Result<Arc<Client>, TokenFault> {
        let assertion = Assertion::read(&asked.assertion, &self.endpoint, now).map_err(TokenFault::Assertion)?;
        let (id, digest, until) = (assertion.client_id.clone(), assertion.digest(), assertion.until);
        if asked.client_id.as_ref().is_some_and(|named| *named != id) {
            return Err(TokenFault::Request("client_id is not the one that client_assertion is of."));
        }
        let known = self.clients.client(&id).await.map_err(|_| TokenFault::Unavailable)?;
        let client = known.ok_or(TokenFault::Client)?;
        assertion.verify(&client).await?;
        self.used.spend(&client.id, &digest, until).await.map_err(|error| match error {
            StoreError::Conflict => TokenFault::Replayed,
            StoreError::Unavailable | StoreError::Corrupt => TokenFault::Unavailable,
        })?;
        Ok(client)
    }

    fn system(&self, client: &Client, now: Timestamp) -> Requester {
        Requester {
            issuer: self.tokens.issuer().to_owned(),
            subject: client.id.clone(),
            party: Party::System { organisation: client.organisation },
            given_by: self.tokens.issuer().to_owned(),
            client_id: client.id.clone(),
            token_id: Uuid::new_v4().to_string(),
            scopes: Scopes::default(),
            purpose: Purpose("TREAT".to_owned()),
            acting: None,
            expires: IssuedTokens::taken_until(now.plus(LONGEST)),
        }
    }

    async fn person(
        &self,
        client: &Client,
        brought: &Subject,
        allowed: &Scopes,
        now: Timestamp,
    ) -> Result<Requester, TokenFault> {
        // said before anybody's userinfo is asked for nothing
        if !allowed.iter().any(|scope| scope.whose != Whose::System) {
            return Err(TokenFault::Scope);
        }
        let person = self.exchange.requester(client, brought, now).await?;
        Ok(Requester { given_by: self.tokens.issuer().to_owned(), ..person })
    }
}

/// More than there are types.
const SCOPES_MAX: usize = 100;

fn whose(party: &Party) -> Whose {
    match party {
        Party::Staff { .. } => Whose::User,
        Party::Patient { .. } => Whose::Patient,
        Party::System { .. } => Whose::System,
    }
}
