//! The gateway through its front door: the real program, real HTTP around it, a real database, and afterwards the audit
//! rows. One module a topic; `harness` starts things and asks, `tokens` compares JSON by its tokens.
//!
//! Tests that change nothing share one sandbox; every other has its own, and what storage has a part in is told on
//! SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "all of it is test code"
)]

#[path = "../common/fhir.rs"]
mod fhir;
#[allow(dead_code, reason = "each test binary uses its own part of it")]
#[path = "../common/postgres.rs"]
mod postgres;

#[allow(dead_code, reason = "each test binary uses its own part of it")]
#[path = "../common/raw.rs"]
mod raw;

mod harness;
mod joined;
mod records;
mod tokens;

mod alerts;
mod audit;
mod bulk;
mod claims;
mod completeness;
mod containers;
mod copies;
mod desk;
mod disclosures;
mod documents;
mod door;
mod evidence;
mod explain;
mod freshness;
mod grammar;
mod index;
mod log;
mod misbehaviour;
mod oauth;
mod objections;
mod overrides;
mod pages;
mod paging;
mod patient;
mod policy;
mod presence;
mod probe;
mod profiles;
mod program;
mod push_down;
mod reads;
mod recalls;
mod refusals;
mod registered;
mod registry;
mod relationships;
mod restricted;
mod results;
mod reviews;
mod roles;
mod sensitivity;
mod shapes;
mod sign_in;
mod union;
mod withdrawals;
