use super::RuleId;
use crate::domain::{Epochs, OdsCode, Timestamp};
use std::sync::Arc;

/// Leave for something of one's own organisation that is about no patient in particular, as long as the global epoch stands.
/// Only [`Policy::clear`](super::Policy::clear) makes one.
///
/// ```
/// use caregate::{access::Clearance, domain::OdsCode};
/// fn needs(clearance: &Clearance) -> OdsCode { clearance.organisation() }
/// ```
/// ```compile_fail,E0451
/// use caregate::{access::Clearance, domain::Timestamp};
/// fn forged(real: Clearance) -> Clearance { Clearance { valid_until: Timestamp::MAX, ..real } }
/// ```
pub struct Clearance {
    organisation: OdsCode,
    rules: Vec<RuleId>,
    epochs: Epochs,
    fingerprint: Arc<str>,
    valid_until: Timestamp,
}

impl Clearance {
    pub(super) fn new(
        organisation: OdsCode,
        rules: Vec<RuleId>,
        epochs: Epochs,
        fingerprint: Arc<str>,
        valid_until: Timestamp,
    ) -> Self {
        Self { organisation, rules, epochs, fingerprint, valid_until }
    }

    pub fn organisation(&self) -> OdsCode {
        self.organisation
    }

    pub fn rules(&self) -> &[RuleId] {
        &self.rules
    }

    /// The patient's part says nothing here.
    pub fn epochs(&self) -> Epochs {
        self.epochs
    }

    /// Of the policy that decided.
    pub fn fingerprint(&self) -> &Arc<str> {
        &self.fingerprint
    }

    pub fn valid_until(&self) -> Timestamp {
        self.valid_until
    }
}
