use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The X-Request-ID of one request: the caller's, where it is a UUID, else one made here. It is mirrored, logged,
/// sent to providers and written in the audit, so nothing but a UUID is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Uuid);

impl RequestId {
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }

    /// Of one of several things asked for in this request: the version 5 UUID of its place, counted from 0, in this namespace.
    pub fn item(self, at: usize) -> Self {
        Self(Uuid::new_v5(&self.0, at.to_string().as_bytes()))
    }

    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten().map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
