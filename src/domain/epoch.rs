use serde::{Deserialize, Serialize};

/// The two counters a permit was decided under. A release commits only if both still stand (ARCHITECTURE.md, the release
/// transaction). What is stored of a patient raises theirs: an objection, a relationship's beginning or end, a claim, an
/// override, a recall, a quarantine, a number given up. What is stored of everyone raises the global one: another policy, a
/// suspension and its end, a revocation. At 0 nobody ever wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epochs {
    pub patient: i64,
    pub global: i64,
}
