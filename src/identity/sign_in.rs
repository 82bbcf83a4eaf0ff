//! People sign in to our own pages where they sign in to everything else: OpenID Connect's code flow, with PKCE, and the ID
//! token judged as one that is exchanged (`authorisation/exchange.rs`). <https://openid.net/specs/openid-connect-core-1_0.html>
//!
//! Promises: a sign-in ends in the browser that began it, once, on any node, with the issuer it was begun with; no token of
//! the issuer's leaves this module; nobody becomes more here than by the same issuer's token anywhere else.

mod fault;
mod ticket;
mod token_endpoint;

pub use fault::SignInFault;

use super::authorisation::{Exchange, Meant};
use super::{Algorithm, ClaimProfile, IssuerConfig, Party, Requester, Scopes, SessionStore, Sessions, Verifier};
use crate::domain::{SecretRef, StoreError, Timestamp};
use aws_lc_rs::{constant_time, hmac};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};
use ticket::Ticket;
use token_endpoint::{Proved, TokenEndpoint};
use url::Url;

/// Of an `[[issuer]]`: that people sign in with it to our own pages, and how. What its ID tokens must be is in `exchange`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInConfig {
    pub authorize_url: Url,
    pub token_url: Url,
    /// What our pages are called there.
    pub client_id: String,
    pub proof: Proof,
    /// What is asked for; as the profile needs it where left out.
    pub scope: Option<String>,
    /// Sent along when somebody is sent to sign in, such as `acr_values`, `vtr` or `prompt`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// How we prove to the issuer that it is we who bring a code.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Proof {
    /// `client_secret_basic`
    Secret(SecretRef),
    /// `private_key_jwt`
    Key { key: SecretRef, algorithm: Option<Algorithm>, kid: Option<String> },
}

/// What a configuration may not send otherwise than it is meant.
const OURS: [&str; 9] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

impl SignInConfig {
    pub(super) fn faults(&self, exchanges: bool, allow_http: bool) -> Vec<String> {
        let sound = |url: &Url| {
            (url.scheme() == "https" || (allow_http && url.scheme() == "http"))
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        };
        let named = |text: &str| (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        let openid = self.scope.as_ref().is_none_or(|scope| scope.split(' ').any(|one| one == "openid"));
        let proof = Proved::read(&self.proof).err().map(|what| format!("proof: {what}"));
        [
            (exchanges, "exchange says what its ID tokens must be: give that too"),
            (
                sound(&self.authorize_url),
                "authorize_url: https, unless allow_http is true; no user, password or fragment",
            ),
            (sound(&self.token_url), "token_url: https, unless allow_http is true; no user, password or fragment"),
            (named(&self.client_id), "client_id: 1 to 256 visible ASCII characters"),
            (openid, "scope: openid among them"),
            (!self.parameters.keys().any(|name| OURS.contains(&name.as_str())), "parameters: one that is ours to send"),
        ]
        .into_iter()
        .filter(|(good, _)| !good)
        .map(|(_, fault)| fault.to_owned())
        .chain(proof)
        .collect()
    }

    fn scope(&self, profile: ClaimProfile) -> &str {
        match (&self.scope, profile) {
            (Some(scope), _) => scope,
            // roles are told only to whoever asks for them
            (None, ClaimProfile::Cis2) => "openid profile nationalrbacaccess",
            (None, _) => "openid profile",
        }
    }
}

/// An issuer that people may choose to sign in with.
pub struct Way {
    /// In the configuration, and in our addresses.
    pub name: String,
    pub profile: ClaimProfile,
    issuer: String,
    config: SignInConfig,
    endpoint: TokenEndpoint,
}

/// All ways to sign in to our pages.
pub struct SignIns {
    /// Our public URL, without a slash at its end.
    base: String,
    ways: Vec<Way>,
    exchange: Exchange,
    sessions: Arc<Sessions>,
    store: Arc<dyn SessionStore>,
    key: hmac::Key,
}

/// A sign-in that was begun.
pub struct Begun {
    /// Where the browser is sent.
    pub url: String,
    /// What it is to bring back, and for how long.
    pub ticket: String,
    pub seconds: u64,
}

/// With what the browser comes back. `Debug` shows nothing of it.
#[derive(Default)]
pub struct Returned {
    /// The way's name, by the address that it came back to.
    pub way: String,
    pub ticket: Option<String>,
    pub code: Option<String>,
    pub state: Option<String>,
    /// RFC 9207
    pub issuer: Option<String>,
}

/// Long enough for a smart card that was left upstairs.
const LASTS: Duration = Duration::from_secs(600);
const CODE_MAX: usize = 4096;
/// What is asked of our pages is decided by their role and ours alone: the issuer gave no scope for it.
const STAFF: &str = "user/*.cruds";
const PATIENT: &str = "patient/*.cruds";

impl SignIns {
    /// `key` seals the tickets: the same on all nodes.
    ///
    /// # Errors
    /// What is wrong with the first issuer that nobody could sign in with.
    pub fn new(
        base: &str,
        key: &[u8; 32],
        issuers: &[IssuerConfig],
        verifier: Arc<Verifier>,
        sessions: Arc<Sessions>,
        store: Arc<dyn SessionStore>,
    ) -> Result<Self, String> {
        let mut ways = Vec::new();
        for issuer in issuers {
            let Some(config) = &issuer.sign_in else { continue };
            let endpoint = TokenEndpoint::new(config, issuer.allow_http);
            let endpoint = endpoint.map_err(|what| format!("{}: sign_in: {what}", issuer.name))?;
            let (name, profile, config) = (issuer.name.clone(), issuer.profile, config.clone());
            ways.push(Way { name, profile, issuer: issuer.issuer.clone(), config, endpoint });
        }
        let exchange = Exchange::new(verifier, issuers).ok_or("no HTTP client could be made to ask issuers")?;
        // of a key that has another use too: what is made by the one must not be taken for the other
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"caregate sign-in");
        let key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Ok(Self { base: base.to_owned(), ways, exchange, sessions, store, key })
    }

    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    pub fn way(&self, name: &str) -> Option<&Way> {
        self.ways.iter().find(|way| way.name == name)
    }

    /// Reads secrets again; answers what cannot be used, and where: what was before stays.
    pub fn reload(&self) -> Vec<(String, String)> {
        let fault = |way: &Way| Some((format!("[[issuer]] {}: sign_in", way.name), way.endpoint.reload().err()?));
        self.ways.iter().filter_map(fault).collect()
    }

    /// Sends somebody to sign in, who then goes on to this path of ours.
    ///
    /// # Errors
    /// `NoSuchWay`; `Unavailable` if the machine has no randomness.
    pub fn begin(&self, way: &str, to: &str, now: Timestamp) -> Result<Begun, SignInFault> {
        let way = self.way(way).ok_or(SignInFault::NoSuchWay)?;
        let ticket = Ticket::new(&way.name, to, now.plus(LASTS)).ok_or(SignInFault::Unavailable)?;
        let mut url = way.config.authorize_url.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &way.config.client_id)
            .append_pair("redirect_uri", &self.redirect(way))
            .append_pair("scope", way.config.scope(way.profile))
            .append_pair("state", &ticket.state())
            .append_pair("nonce", &ticket.nonce())
            .append_pair("code_challenge", &ticket.challenge())
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(&way.config.parameters);
        // whoever signed out here, or was away too long, is not to be back by one click of somebody else's
        if !way.config.parameters.contains_key("prompt") {
            url.query_pairs_mut().append_pair("prompt", "login");
        }
        let ticket = ticket.sealed(&self.key).ok_or(SignInFault::Unavailable)?;
        Ok(Begun { url: url.into(), ticket, seconds: LASTS.as_secs() })
    }

    /// An address for each: what one issuer is made to send is never taken for another's.
    fn redirect(&self, way: &Way) -> String {
        format!("{}/sign-in/{}/callback", self.base, way.name)
    }

    /// Who signed in, until when at most, and where they go on to. Nothing is written yet but that the ticket was used.
    pub async fn finish(&self, returned: &Returned, now: Timestamp) -> Result<(Requester, String), SignInFault> {
        let way = self.way(&returned.way).ok_or(SignInFault::NoSuchWay)?;
        let ticket = returned.ticket.as_deref().and_then(|text| Ticket::open(text, &self.key, now));
        let ticket = ticket.filter(|ticket| ticket.issuer == way.name).ok_or(SignInFault::NotBegun)?;
        let (state, said) = (ticket.state(), returned.state.as_deref().unwrap_or_default());
        let ours = constant_time::verify_slices_are_equal(state.as_bytes(), said.as_bytes()).is_ok();
        if !ours || returned.issuer.as_ref().is_some_and(|issuer| *issuer != way.issuer) {
            return Err(SignInFault::NotBegun);
        }
        // whoever brings no code has come back from no issuer, and costs no row
        let code = returned.code.as_deref().ok_or(SignInFault::NotSignedIn)?;
        if !(1..=CODE_MAX).contains(&code.len()) {
            return Err(SignInFault::Code);
        }
        // before anything else comes of it: two that come at once end one sign-in
        self.store.spend_ticket(&ticket.digest(), ticket.until).await.map_err(|error| match error {
            StoreError::Conflict => SignInFault::Repeated,
            StoreError::Unavailable | StoreError::Corrupt => SignInFault::Unavailable,
        })?;
        let tokens = way.endpoint.tokens(code, &self.redirect(way), &ticket.verifier()).await.inspect_err(|fault| {
            tracing::warn!(issuer.name = %way.name, fault = fault.reason(), "an issuer gave no tokens for a sign-in");
        })?;
        let nonce = ticket.nonce();
        let client_id = &way.config.client_id;
        let meant = Meant { audience: client_id, client_id, nonce: Some(&nonce) };
        let signed_in = self.exchange.signed_in(&way.issuer, &tokens.id, &tokens.access, &meant, now).await;
        let person = signed_in.map_err(SignInFault::Person)?;
        let scopes = Scopes::parse(if matches!(person.party, Party::Patient { .. }) { PATIENT } else { STAFF });
        Ok((Requester { scopes, expires: self.sessions.ends(now), ..person }, ticket.to))
    }
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned").field("way", &self.way).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
