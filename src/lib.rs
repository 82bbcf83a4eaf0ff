//! **caregate**, a shared care record gateway.
//!
//! Each module uses only what stands above it; ARCHITECTURE.md walks one request through them.
//! What each may use is a table in ARCHITECTURE.md. `tests/architecture.rs` checks both.

pub mod domain;

pub mod fhir;

pub mod identity;

pub mod query;

pub mod access;

pub mod registry;

pub mod federation;

pub mod record;

pub mod audit;

pub mod alerts;

pub mod store;

pub mod story;

pub mod api;

pub mod pages;

pub mod config;

pub mod telemetry;

pub mod sandbox;

pub mod cli;
