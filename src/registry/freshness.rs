use crate::domain::Timestamp;

/// How new what is remembered of a source must be to be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The epoch of the patient's by which the source last took something back: what was asked for under an earlier one may hold
    /// it. Clocks, which differ from node to node, have no say in this.
    pub recalled: i64,
    /// Not asked for before this moment: the reader wants it afresh.
    pub since: Option<Timestamp>,
}

impl Freshness {
    /// `epoch` is the patient's as it was known when this was asked for, `asked_at`.
    pub fn allows(&self, epoch: i64, asked_at: Timestamp) -> bool {
        epoch >= self.recalled && self.since.is_none_or(|since| asked_at >= since)
    }
}
