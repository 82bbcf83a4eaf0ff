//! HTTP, and nothing else: a request becomes a `Call`, a story is told, its end becomes a `Reply`.
//!
//! Promises: every FHIR request but the public ones passes one door (`api/fhir.rs`), where its token is verified and its audit
//! opened; each is told on a task of its own, so that a caller who hangs up leaves no request without its closing row.

mod bad_tokens;
mod batch;
mod call;
pub mod capability;
mod certificate;
mod directory;
mod error;
mod fhir;
mod file;
mod health;
mod node;
mod public;
mod reply;
mod route;
mod server;
mod token;

pub use bad_tokens::BadTokens;
pub use node::Node;
pub use route::{ROUTES, Route, Told};
pub use server::{Listening, Running, serve};
pub use token::FORMS_MAX;
