//! May they? A pure decision over who asks, what for, and the facts; the answer is a [`Permit`] or a [`Refusal`].
//!
//! Promises: a fact that is missing refuses; a fact that could not be looked up is said to be so; adding an objection
//! never widens access; nothing but [`Policy::decide`] makes a `Permit`.

mod facts;
mod store;
mod wanted;

pub use facts::{Basis, Evidence, Facts, GlobalFacts, Objection, ObjectionScope, PatientFacts, Relationship};
pub use store::{ConsentRecord, FactStore, Recorder};
pub use wanted::{Action, Wanted};
