use crate::domain::{OdsCode, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// An organisation of the region, as it registered itself (mCSD's Organization).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organisation {
    pub ods: OdsCode,
    pub name: String,
    /// One of the policy's organisations.json.
    pub kind: String,
    /// What the Organisation Data Service calls it (`RO177`), which decides nothing here.
    #[serde(default)]
    pub role: Option<String>,
    /// Under which it shares.
    pub agreement: Option<Agreement>,
    pub contacts: Vec<Contact>,
    /// By what its own system is recognised at the token endpoint; none where it brings tokens of an issuer's.
    pub client: Option<ClientKeys>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    pub reference: String,
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
}

/// An office or a desk, never a person's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// What it is for, in words.
    pub name: Option<String>,
    /// `phone`, `email` or `url`.
    pub system: String,
    pub value: String,
}

/// Public keys: at a URL or here, one of the two; and the certificates that its tokens are bound to, if any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientKeys {
    pub jwks_url: Option<Url>,
    /// The keys of a JWK set.
    pub jwks: Option<Vec<Value>>,
    /// SHA-256 thumbprints as `x5t#S256` has them.
    #[serde(default)]
    pub certificates: Vec<String>,
}

impl Organisation {
    /// Whether an agreement holds under which it shares, and its people read.
    pub fn shares(&self, now: Timestamp) -> bool {
        let holds = |agreement: &Agreement| {
            agreement.from.is_none_or(|from| from <= now) && agreement.until.is_none_or(|until| now < until)
        };
        self.agreement.as_ref().is_some_and(holds)
    }

    /// Whether this instead of that changes who the organisation is, under which agreement it shares or by what it is recognised:
    /// then somebody else approves it.
    pub fn needs_approval(&self, before: Option<&Self>) -> bool {
        let decisive = |one: &Self| (one.kind.clone(), one.name.clone(), one.agreement.clone(), one.client.clone());
        before.is_none_or(|before| decisive(self) != decisive(before))
    }
}
