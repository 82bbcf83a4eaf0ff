//! Every provider of a plan asked at once, each under its own deadline and caps; what they answer is split, verified,
//! rewritten and remembered here, below the permit.
//!
//! Promises: a failure is an answer, and is never cached; no answer holds an entry that was not verified to be this
//! patient's; a credential goes to its own origin only; nothing is asked about anybody without an intent in the audit.

mod afresh;
mod allowance;
mod along;
mod announced;
mod answer;
mod breaker;
mod bulkhead;
mod cache;
mod calls;
mod capabilities;
mod conceal;
mod config;
mod document;
mod facets;
mod failure;
#[cfg(test)]
mod fuzz;
mod gather;
mod gathered;
mod http;
mod judge;
mod lenders;
mod line;
mod long_ids;
mod manifest;
mod marks;
mod offline;
mod pace;
mod pages;
mod patient_index;
mod push_down;
mod question;
mod reference;
mod references;
mod resolution;
mod retry_after;
mod rewrite;
mod split;
mod stale;
mod subject;
#[cfg(test)]
pub(crate) mod testing;
mod tokens;
mod trust;
mod vitals;
mod word;

pub use along::Errands;
pub use announced::Announced;
pub use answer::{Answer, Entry};
pub use conceal::Places;
pub use config::FederationConfig;
pub use document::{DocumentBody, DocumentQuestion, SourceDocument};
pub use facets::{Categories, Recorded, Says};
pub use failure::Failure;
pub use gather::{Federation, FederationOptions};
pub use gathered::{Gathered, Part, PartSaid, Said, SourceAnswer};
pub use http::{CertificateFault, Inspection, Media, Seen, Unseen};
pub use judge::{Judge, Known};
pub use long_ids::LongIds;
pub use manifest::{AnswerId, Items};
pub use offline::Offline;
pub use patient_index::{Identity, IndexConfig, IndexPatient, PatientIndex};
pub use question::{Asker, Question};
pub use reference::Referred;
pub use references::followed;
pub use resolution::{Resolution, SourcePatient};
pub use rewrite::{Left, Rewriter};
pub use vitals::{STEP, Step};
pub use word::Word;
