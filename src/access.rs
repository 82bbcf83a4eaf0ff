//! May they? A pure decision over who asks, what for, and the facts; the answer is a [`Permit`] or a [`Refusal`].
//!
//! Four steps, each answered by the rules in `policies/`: may this user *reach* such a thing at all, how do they *relate*
//! to this patient, may the record be *seen*, and, source by source and label by label, may it be *disclosed*.
//!
//! Promises: a fact that is missing refuses; a fact that could not be looked up is said to be so; adding an objection
//! never widens access; nothing but [`Policy::decide`] makes a `Permit`.

mod asking;
pub mod batch;
mod claims;
mod clearance;
pub mod consent;
pub(crate) mod content;
mod decide;
mod decision;
pub mod desk;
mod explain;
mod fact_cache;
mod facts;
mod grant;
mod objection;
pub mod parameters;
mod permit;
mod permits;
mod policies;
mod policy;
mod question;
mod recall;
mod relation;
mod rule_id;
mod stage;
mod staging;
mod store;
mod wanted;

pub use asking::{Asking, InOrder, SkipReason};
pub use claims::{ClaimRecord, ClaimStore, Settlement};
pub use clearance::Clearance;
pub use content::{ContentFault, FaultCode};
pub use decision::{Decision, Refusal, RefusalKind};
pub use explain::{Audience, Explanation, Outcome};
pub use fact_cache::FactCache;
pub use facts::{Basis, Evidence, Facts, GlobalFacts, PatientFacts, Person, Relationship};
pub use grant::{Override, OverrideReason};
pub use objection::{DataPeriod, Matter, Objection, Recipient, Terms, Withdrawer};
pub use permit::{Disclosure, Permit};
pub use permits::Permits;
pub use policies::{Applied, InForce, Policies, PolicyStore, PolicyTexts, PolicyUnavailable};
pub use policy::{ListId, Overrides, Policy, PolicyFault, Relationships, Sensitivities};
pub use recall::{Item, Recall, RecallReason, RecallStore, Recalled};
pub use relation::GENERAL_PRACTICE;
pub use rule_id::RuleId;
pub use stage::{Before, Stage, Stages};
pub use staging::NotStaged;
pub use store::{ConsentRecord, ConsentState, FactStore, Recorder, Sequel};
pub use wanted::{Action, Interaction, Listed, Wanted};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod worlds;
