use super::{
    Facts, GlobalFacts, ObjectionScope, PatientFacts, Policy, RuleId,
    policy::Answer,
    question::{About, Asker, Doing, Grade, Step},
    relation::Relation,
};
use crate::{
    domain::{Epochs, Labels, NhsNumber, OdsCode, Timestamp},
    identity::Requester,
};
use std::{fmt, sync::Arc};

/// Leave to do what was asked, for this patient, until a moment, as long as the epochs stand. Only
/// [`Policy::decide`](super::Policy::decide) makes one; what comes later asks for it, and so cannot run without a decision.
///
/// ```
/// use caregate::access::Permit;
/// fn needs(permit: &Permit) -> i64 { permit.epochs().patient }
/// ```
/// ```compile_fail,E0451
/// use caregate::access::Permit;
/// fn forged(real: Permit) -> Permit { Permit { basis: String::from("mine"), ..real } }
/// ```
pub struct Permit {
    policy: Arc<Policy>,
    about: About,
    patient: NhsNumber,
    organisation: Option<OdsCode>,
    grade: Grade,
    basis: String,
    rules: Vec<RuleId>,
    epochs: Epochs,
    valid_until: Timestamp,
    patient_facts: Arc<PatientFacts>,
    global_facts: Arc<GlobalFacts>,
}

/// What the steps found out on the way to a permit.
pub(super) struct Grounds {
    pub about: About,
    pub patient: NhsNumber,
    pub relation: Option<Relation>,
    pub rules: Vec<RuleId>,
}

/// Whether an entry of one source, labelled so, may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disclosure {
    Release,
    /// By this rule: of several the first in the file.
    Withhold(RuleId),
}

/// Whether a source may be asked at all: one whose answer could not be shown anyway is not told of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    Ask,
    Skip(SkipReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// The patient's choice, or a rule of the region's own.
    Objected,
    Quarantined,
    Suspended,
}

impl Permit {
    pub(super) fn new(policy: &Arc<Policy>, requester: &Requester, facts: &Facts, grounds: Grounds) -> Self {
        let Grounds { about, patient, relation, rules } = grounds;
        let in_own_name = matches!(about.doing, Doing::AssertRelationship | Doing::EndRelationship);
        // a system that speaks of its own relationships relies on none
        let relied = relation.filter(|_| !in_own_name);
        let basis = match (&relied, about.asker) {
            (Some(relation), _) => relation.basis.clone(),
            (None, Asker::Patient) => "the patient".to_owned(),
            (None, Asker::Staff | Asker::System) => "own organisation".to_owned(),
        };
        let end = relied.as_ref().map_or(Timestamp::MAX, |relation| relation.end);
        Self {
            policy: Arc::clone(policy),
            about,
            patient,
            organisation: requester.party.organisation(),
            grade: relied.map_or(Grade::None, |relation| relation.grade),
            basis,
            rules,
            epochs: facts.epochs(),
            valid_until: end.min(requester.expires),
            patient_facts: Arc::clone(&facts.patient),
            global_facts: Arc::clone(&facts.global),
        }
    }

    pub fn patient(&self) -> NhsNumber {
        self.patient
    }

    pub fn epochs(&self) -> Epochs {
        self.epochs
    }

    /// The earliest end among the token and the relationship relied on, exclusive.
    pub fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// The relationship relied on with its evidence, such as `encounter: system|value`.
    pub fn basis(&self) -> &str {
        &self.basis
    }

    /// What decided, step by step.
    pub fn rules(&self) -> &[RuleId] {
        &self.rules
    }

    /// The fingerprint of the policy that decided.
    pub fn policy(&self) -> &Arc<str> {
        self.policy.fingerprint()
    }

    /// May this source's entries with these labels be shown?
    pub fn disclosure(&self, source: OdsCode, labels: &Labels) -> Disclosure {
        let answer = self.disclose(source, labels);
        match answer.rules.first() {
            _ if answer.permitted => Disclosure::Release,
            Some(rule) => Disclosure::Withhold(rule.clone()),
            None => Disclosure::Withhold(RuleId::new(RuleId::RULE_FAILED)),
        }
    }

    pub(super) fn disclose(&self, source: OdsCode, labels: &Labels) -> Answer {
        let step = Step::Disclose {
            grade: self.grade,
            own: self.organisation == Some(source),
            objected: self.patient_facts.objections.iter().any(|o| o.scope == ObjectionScope::Source(source)),
            quarantined: self.patient_facts.quarantined.contains(&source),
            suspended: self.global_facts.suspended.contains(&source),
            restricted: labels.restricted(),
        };
        self.policy.answer(self.about, step)
    }

    /// May this source be asked? What it holds without any label decides.
    pub fn asks(&self, source: OdsCode) -> Asking {
        match self.disclosure(source, &Labels::default()) {
            Disclosure::Release => Asking::Ask,
            Disclosure::Withhold(_) if self.global_facts.suspended.contains(&source) => {
                Asking::Skip(SkipReason::Suspended)
            }
            Disclosure::Withhold(_) if self.patient_facts.quarantined.contains(&source) => {
                Asking::Skip(SkipReason::Quarantined)
            }
            Disclosure::Withhold(_) => Asking::Skip(SkipReason::Objected),
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the basis names evidence: it belongs in the audit, never in a log line
        f.debug_struct("Permit").field("rules", &self.rules).field("epochs", &self.epochs).finish_non_exhaustive()
    }
}
