use serde::Deserialize;

/// The ways to a token of ours: this one table is what the endpoint takes and what is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// A system for itself: SMART Backend Services.
    ClientCredentials,
    /// A person who signed in elsewhere: RFC 8693.
    TokenExchange,
}

impl Grant {
    pub const ALL: [Self; 2] = [Self::ClientCredentials, Self::TokenExchange];

    /// Its `grant_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == name)
    }
}
