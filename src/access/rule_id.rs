use std::{fmt, sync::Arc};

/// The name of a rule (its `@id`), or of one of the gateway's own answers where no rule spoke.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// The id presented names no patient of ours.
    pub(super) const UNKNOWN_PATIENT: &str = "unknown-patient";
    /// A rule failed while it was applied: refused, because a `forbid` may have been the one that failed.
    pub(super) const RULE_FAILED: &str = "rule-failed";
    /// No rule permits: completed by the step's name.
    pub(super) const NOTHING_PERMITS: &str = "nothing-permits-";

    pub(super) fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// Ids that no rule may take, because the gateway itself answers with them.
    pub(super) fn is_reserved(id: &str) -> bool {
        id == Self::UNKNOWN_PATIENT || id == Self::RULE_FAILED || id.starts_with(Self::NOTHING_PERMITS)
    }

    /// What an answer of the gateway's own means.
    pub(super) fn own_reason(&self) -> &'static str {
        match self.as_str() {
            Self::UNKNOWN_PATIENT => "The id names no patient that this gateway knows.",
            Self::RULE_FAILED => "A rule could not be applied, so nothing was permitted.",
            "nothing-permits-reach" => "No rule lets such a user ask for this.",
            "nothing-permits-relate" => "No rule relates them to this patient.",
            _ => "No rule permits it.",
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
