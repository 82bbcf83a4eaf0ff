//! The gateway among servers and clients that others wrote: real FHIR servers hold the region's parts, real FHIR clients ask.
//! `./test` installs them.

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
#[allow(dead_code, reason = "the suite uses the rest of it")]
#[path = "../suite/harness.rs"]
mod harness;
#[allow(dead_code, reason = "each test binary uses its own part of it")]
#[path = "../common/postgres.rs"]
mod postgres;

mod answers;
mod differences;
mod queries;
mod region;
mod servers;
mod tools;

mod browser;
mod clients;
mod console;
mod differential;
mod joining;
mod probe;
mod union;
mod validity;
