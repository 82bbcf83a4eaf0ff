//! A client's signed word of who it is (`private_key_jwt`): <https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html>,
//! <https://www.rfc-editor.org/rfc/rfc7523#section-3>.

use super::super::registered::{Leeway, in_date};
use super::super::token::{Sort, Unverified};
use super::super::{Algorithm, Reason, SigningKey};
use super::{Client, TokenFault};
use crate::domain::Timestamp;
use aws_lc_rs::digest;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// As SMART has it, no further ahead than this.
const LONGEST: Duration = Duration::from_secs(300);
/// Between a client's clock and ours.
const LEEWAY: Duration = Duration::from_secs(30);

/// One that is sound in itself, of nobody yet.
pub(super) struct Assertion<'a> {
    unverified: Unverified<'a>,
    pub client_id: String,
    id: String,
    /// When it is no longer taken.
    pub until: Timestamp,
}

impl<'a> Assertion<'a> {
    /// All that can be wrong with it whoever it is of, so that saying so tells nothing of any client.
    pub fn read(text: &'a str, endpoint: &str, now: Timestamp) -> Result<Self, Reason> {
        let unverified = Unverified::read(text, Sort::Assertion)?;
        if !Client::ALGORITHMS.contains(&unverified.algorithm()) {
            return Err(Reason::Algorithm);
        }
        let claims = unverified.claims();
        let client_id = claims.text("sub")?.to_owned();
        if claims.text("iss")? != client_id {
            return Err(Reason::Client);
        }
        // the token endpoint and nothing else: one that is for another server too could be brought here by it
        if claims.texts("aud")? != [endpoint] {
            return Err(Reason::Audience);
        }
        let id = claims.text("jti")?.to_owned();
        let until = in_date(claims, Leeway::of(LEEWAY), LONGEST, now)?;
        Ok(Self { unverified, client_id, id, until })
    }

    /// What it is remembered by once it was used.
    pub fn digest(&self) -> [u8; 32] {
        let whole = digest::digest(&digest::SHA256, self.id.as_bytes());
        whole.as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Whether this client signed it.
    pub async fn verify(self, client: &Client) -> Result<(), TokenFault> {
        let named = self.unverified.keys_url();
        let elsewhere = named.is_some_and(|url| client.jwks_url.as_ref().is_none_or(|own| own.as_str() != url));
        if elsewhere || !client.algorithms.contains(&self.unverified.algorithm()) {
            return Err(TokenFault::Client);
        }
        // that its keys are not to be had would tell a stranger that there is such a client: the log tells it to us
        let key = client.keys.key(self.unverified.key_id()).await.map_err(|_| TokenFault::Client)?;
        self.unverified.verify(&key).map(drop).map_err(|_| TokenFault::Client)
    }
}

/// An assertion as clients sign them, for trying out: `caregate token assertion`. `None` if nothing can be signed.
pub fn client_assertion(key: &SigningKey, client_id: &str, endpoint: &str) -> Option<String> {
    let now = Timestamp::now().seconds();
    let claims = json!({
        "iss": client_id, "sub": client_id, "aud": endpoint, "iat": now, "exp": now + 240, "jti": Uuid::new_v4().to_string(),
    });
    key.sign("JWT", &claims)
}

impl Client {
    /// What a client may sign with; RS512, which assertions to the NHS API platform have, only where it is registered.
    pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs384, Algorithm::Es384, Algorithm::Rs512];
    /// What it signs with unless more is registered: SMART's two.
    pub const USUAL_ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs384, Algorithm::Es384];
}
