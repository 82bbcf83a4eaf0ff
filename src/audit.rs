//! The audit: what was asked, decided and shown, committed before a byte leaves.
//!
//! Rows are leaves of an append-only Merkle log. One writer a node gathers what waits while the last commit is in flight
//! (group commit); a release row commits only while the epochs its permit was decided under still stand.

mod row;

pub use crate::{
    federation::{AnswerId, Items},
    record::{ItemRanges, SourceLine},
};
pub use row::{Guard, Kind, Row, Who};
