//! Who asks. A bearer token becomes a [`Requester`] or a 401; nothing later looks at a token or a header again.
//!
//! Promise: whatever a `Requester` says was signed by a configured issuer, with an algorithm pinned for that issuer,
//! for this gateway, and is in date. How claims become fields is a mapping per issuer ([`ClaimProfile`]).
//!
//! A token's way: [`bearer()`] takes it from the request; `token` reads it strictly, before any cryptography;
//! `key_store` finds the issuer's key; `registered` checks what every token must say; `profile` makes the requester;
//! [`Verifier`] joins these and remembers the outcome until the token expires. `authorisation` issues tokens of our own, which
//! come back the same way.

mod algorithm;
mod authorisation;
mod bearer;
mod claims;
mod error;
mod fetch;
#[cfg(test)]
mod fuzz;
mod held_keys;
mod issuer;
mod jwk;
mod key_source;
mod key_store;
mod memory;
mod profile;
mod registered;
mod requester;
mod resolver;
mod signing_key;
mod signing_keys;
mod statement;
mod strict_json;
mod thumbprint;
mod token;
mod verifier;

#[cfg(test)]
mod testing;

pub use algorithm::Algorithm;
pub use authorisation::{
    AssertionStore, Authorisation, Client, ClientConfig, Clients, ClientsInTurn, ConfiguredClients, ExchangeConfig,
    Grant, Granted, IssuedTokens, Jwks, TokenFault, TokenRequest, client_assertion, keep_pruning,
};
pub use bearer::bearer;
pub use error::{IdentityError, Reason, TokenDigest};
pub use issuer::{ClaimProfile, IssuerConfig};
pub use jwk::{KeyFault, vet_keys};
pub use requester::{Party, Purpose, Requester, Scope, Scopes, Whose};
pub use resolver::{NotPublic, PublicOnly};
pub use signing_key::SigningKey;
pub use signing_keys::KeyRefs;
pub use statement::{CONTEXT_HEADER, Statements, Told};
pub use thumbprint::Thumbprint;
pub use verifier::{Verifier, VerifierError};
