use super::super::held_keys::HeldKeys;
use super::super::signing_keys::{KeyRefs, SigningKeys};
use super::super::{
    Algorithm, ClaimProfile, IssuerConfig, Requester, Thumbprint, Verifier, VerifierError, profile, token,
};
use crate::domain::Timestamp;
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

/// The access tokens of this gateway, for itself alone: signed here, and judged here like any other issuer's.
/// <https://www.rfc-editor.org/rfc/rfc9068>
pub struct IssuedTokens {
    issuer: String,
    /// Our own FHIR base.
    audience: String,
    signing: SigningKeys,
    public: Arc<HeldKeys>,
}

/// As short as SMART wants them.
pub(super) const LONGEST: Duration = Duration::from_secs(300);
/// Between the clocks of our own nodes: how far ahead the one may be that gave a token...
const LEEWAY: Duration = Duration::from_secs(30);
/// ... and how long after its end it is taken: a token of ours ends with the sign-in that it is of.
pub(in super::super) const OVERTIME: Duration = Duration::from_secs(2);

impl IssuedTokens {
    /// The name under which our own tokens are counted; no other issuer's.
    pub const NAME: &str = "caregate";

    /// `base` is the public URL, without a slash at its end.
    pub fn new(base: &str, key_refs: KeyRefs) -> Result<Self, String> {
        let signing = SigningKeys::new(key_refs)?;
        let tokens = Self {
            issuer: base.to_owned(),
            audience: format!("{base}/fhir"),
            signing,
            public: Arc::new(HeldKeys::default()),
        };
        // what signs is held only along with what verifies it
        tokens.reload()?;
        Ok(tokens)
    }

    /// Reads the keys again, to sign and to verify with; if one cannot be used for both, those before stay.
    pub fn reload(&self) -> Result<(), String> {
        self.signing
            .reload_if(|kid, keys| self.public.replace_having(kid, &Map::from_iter([("keys".to_owned(), keys.into())])))
    }

    /// The public halves of its keys, as JWKs.
    pub fn public_keys(&self) -> Vec<Value> {
        self.signing.public()
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn audience(&self) -> &str {
        &self.audience
    }

    /// Where they are given.
    pub fn endpoint(&self) -> String {
        format!("{}/oauth/token", self.issuer)
    }

    /// This verifier, taking our own tokens too.
    ///
    /// # Errors
    /// Where a configured issuer has our URL or our name.
    pub fn judged_by(&self, verifier: Verifier) -> Result<Verifier, VerifierError> {
        verifier.trusting(self.rules(), Arc::clone(&self.public))
    }

    fn rules(&self) -> IssuerConfig {
        IssuerConfig {
            name: Self::NAME.to_owned(),
            issuer: self.issuer.clone(),
            profile: ClaimProfile::Own,
            audience: self.audience.clone(),
            algorithms: vec![Algorithm::Rs384, Algorithm::Es256, Algorithm::Es384],
            jwks_url: None,
            token_types: vec![TYPE.to_owned()],
            leeway_seconds: LEEWAY.as_secs(),
            max_token_lifetime_seconds: LONGEST.as_secs(),
            // no key of ours is ever fetched
            allow_http: true,
            clients: Default::default(),
            exchange: None,
            sign_in: None,
        }
    }

    /// When a token that ends then is no longer taken.
    pub(super) fn taken_until(ends: Timestamp) -> Timestamp {
        ends.plus(OVERTIME)
    }

    /// A token for this requester. `None` if nothing can be signed, or it would be longer than is read.
    pub(super) fn issue(&self, requester: &Requester, now: Timestamp, bound: Option<Thumbprint>) -> Option<String> {
        let mut claims = profile::own_claims(requester);
        let ends = requester.expires.minus(OVERTIME);
        for (name, value) in [
            ("iss", json!(self.issuer)),
            ("aud", json!(self.audience)),
            ("iat", json!(now.seconds())),
            ("exp", json!(ends.seconds())),
        ] {
            claims.insert(name.to_owned(), value);
        }
        if let Some(thumbprint) = bound {
            claims.insert("cnf".to_owned(), json!({ "x5t#S256": thumbprint.to_string() }));
        }
        self.signing.sign(TYPE, &Value::Object(claims)).filter(|text| text.len() <= token::LENGTH_MAX)
    }
}

const TYPE: &str = "at+jwt";

#[cfg(test)]
mod tests;
