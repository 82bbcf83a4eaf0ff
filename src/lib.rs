//! **caregate**, a shared care record gateway.
//!
//! The modules stand in the order of a request's life; ARCHITECTURE.md walks one request through them.
//! What each may use is a table in ARCHITECTURE.md, checked by `tests/architecture.rs`.

pub mod domain;

pub mod fhir;

pub mod access;
pub mod alerts;
pub mod audit;
pub mod federation;
pub mod identity;
pub mod query;
pub mod record;
pub mod registry;

pub mod store;

pub mod api;
pub mod story;

pub mod cli;
pub mod config;
pub mod sandbox;
pub mod telemetry;
