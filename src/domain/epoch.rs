use serde::{Deserialize, Serialize};

/// The two counters a permit was decided under. A release commits only if both still stand (design: the release
/// transaction): an objection, a relationship's beginning or end and a quarantine raise the patient's; a policy, a
/// suspension or a revocation raises the global one. A patient nobody ever wrote about stands at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epochs {
    pub patient: i64,
    pub global: i64,
}
