//! A provider's endpoint judged before it is trusted, and again whenever somebody asks: is it reachable, does it do what it
//! says, does it keep its patients apart, and what does it do that no server should. One piece of code, whoever asks for it.
//!
//! Promises: it asks the endpoint alone, of test patients alone, whose numbers are issued to nobody; the credential goes to its
//! own origin only; no redirect is followed and no foreign link; it ends within its limits, whatever the provider does; and its
//! report holds no patient's number and no word of an answer. It reads by the readers that records are gathered by, and judges
//! whose an entry is by the same function.

mod caller;
mod certificate;
mod check;
mod conduct;
mod findings;
mod keep;
mod outcome;
mod reading;
mod report;
mod run;
mod steps;
mod store;
mod target;
#[cfg(test)]
mod tests;
mod text;

pub use check::{Check, Definition, Group, Level};
pub use keep::{keep, probe_and_keep};
pub use report::{Finding, Outcome, Progress, Report, Verdict};
pub use run::probe;
pub use store::{Begun, Ended, Kept, ProbeStore, State};
pub use target::{Limits, Target, TargetFault};
