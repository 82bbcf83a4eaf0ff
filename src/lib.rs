//! **caregate**, a shared care record gateway.
//!
//! The modules stand in the order of a request's life; ARCHITECTURE.md walks one request through them.
//! What each may use is a table in ARCHITECTURE.md, checked by `tests/architecture.rs`.

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

pub mod config;

pub mod telemetry;

pub mod sandbox;

pub mod cli;
