//! Who asks. A bearer token becomes a [`Requester`] or a 401; nothing later looks at a token or a header again.
//!
//! Promise: whatever a `Requester` says was signed by a configured issuer, with an algorithm pinned for that issuer,
//! for this gateway, and is in date. How claims become fields is a mapping per issuer ([`ClaimProfile`]).

mod requester;

pub use requester::{Party, Purpose, Requester, Scope, Scopes, Whose};
