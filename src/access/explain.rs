//! Why: the walk of a decision in codes and in plain words, for whoever may know. It is pure and made of the same walk as the
//! decision; with the facts, the evidence and the policy of long ago it explains what was decided then.
//!
//! Promise: where a walk ends without role or relationship, what is told to the one who asked is the same whatever is known
//! about the patient; and who cares for the patient learns no more of their objections than an answer would show.

mod fhir;
mod inputs;
mod next;
mod terms;
mod text;

use super::{
    Decision, Facts, Permit, Policy, RefusalKind, RuleId, Wanted,
    decide::End,
    policy::{Answer, StepName},
};
use crate::{
    domain::{Labels, OdsCode},
    identity::Requester,
};
use std::sync::Arc;

/// Who reads the explanation.
#[derive(Clone, Copy, Debug)]
pub enum Audience<'a> {
    /// Those it is about: not told which objection applied, nor what it keeps back of which source.
    Oneself,
    /// Who answers for access at their organisation: told that too, of these sources; and, where it is kept from most where
    /// the patient is seen, of no other organisation that recorded or is named in anything.
    Officer { sources: &'a [OdsCode], concealed: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub outcome: Outcome,
    /// What decided, step by step.
    pub rules: Vec<RuleId>,
    /// The relationship relied on with its evidence.
    pub basis: Option<String>,
    /// The fingerprint of the policy.
    pub policy: Arc<str>,
    steps: Vec<Taken>,
    places: Vec<Place>,
    next: Vec<Said>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Permitted,
    /// It depends on what their own organisation says when it is asked.
    NeedsEvidence,
    Refused(RefusalKind),
}

/// A step taken, and what it went by.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taken {
    step: StepName,
    permitted: bool,
    rules: Vec<Said>,
    inputs: Vec<Said>,
}

/// What would be withheld of what is held somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    whose: Whose,
    /// By its mark: the rule.
    withheld: Vec<(String, Said)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Own,
    Others,
    Source(OdsCode),
}

/// One thing, in a code and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    code: String,
    value: Option<String>,
    text: String,
}

impl Policy {
    /// Explains what [`Policy::decide`] decides of the same.
    pub fn explain(
        self: &Arc<Self>,
        requester: &Requester,
        wanted: &Wanted,
        facts: &Facts,
        audience: Audience<'_>,
    ) -> Explanation {
        let walk = self.walk(requester, wanted, facts);
        let rules = walk.rules();
        let outcome = Outcome::of(walk.end);
        let context = inputs::Context { policy: self, requester, wanted, facts, walk: &walk, audience };
        let steps = walk.steps.iter().map(|(step, answer)| Taken {
            step: step.name(),
            permitted: answer.permitted,
            rules: self.said(answer),
            inputs: context.of(step, answer.permitted),
        });
        let steps = steps.collect();
        let next = next::steps(self, requester, &walk);
        let (mut basis, mut places) = (None, Vec::new());
        if let Decision::Permit(permit) = self.conclude(walk, requester, wanted, facts) {
            basis = Some(permit.basis().to_owned());
            if wanted.action.reads_record() {
                places = self.places(&permit, audience);
            }
        }
        Explanation { outcome, rules, basis, policy: Arc::clone(self.fingerprint()), steps, places, next }
    }

    fn places(&self, permit: &Permit, audience: Audience<'_>) -> Vec<Place> {
        let place = |whose, ask: &dyn Fn(&Labels) -> Answer| {
            let withheld = self.marks().into_iter().filter_map(|(mark, labels)| {
                let answer = ask(&labels);
                let rule = (!answer.permitted).then(|| self.said(&answer).into_iter().next())?;
                Some((mark, rule?))
            });
            Place { whose, withheld: withheld.collect() }
        };
        match audience {
            Audience::Oneself => vec![
                place(Whose::Own, &|labels| permit.by_labels(true, labels)),
                place(Whose::Others, &|labels| permit.by_labels(false, labels)),
            ],
            Audience::Officer { sources, .. } => {
                let of =
                    |source: &OdsCode| place(Whose::Source(*source), &|labels| permit.disclose(*source, labels, None));
                sources.iter().map(of).collect()
            }
        }
    }

    /// How an entry may be marked: not at all, as restricted, and by each sensitivity.
    fn marks(&self) -> Vec<(String, Labels)> {
        let plain =
            [("unlabelled".to_owned(), Labels::default()), ("restricted".to_owned(), Labels::restricted_only())];
        let sensitive = self.sensitivities().names().into_iter().map(|name| {
            let mut labels = Labels::default();
            labels.mark(name);
            (name.to_owned(), labels)
        });
        plain.into_iter().chain(sensitive).collect()
    }

    /// The rules that decided, each with its reason.
    fn said(&self, answer: &Answer) -> Vec<Said> {
        let said = |rule: &RuleId| Said {
            code: rule.to_string(),
            value: None,
            text: self.reason(rule.as_str()).map_or_else(|| rule.own_reason().to_owned(), str::to_owned),
        };
        answer.rules.iter().map(said).collect()
    }
}

impl Outcome {
    fn of(end: End) -> Self {
        match end {
            End::Permitted { .. } => Self::Permitted,
            End::NeedsEvidence => Self::NeedsEvidence,
            End::Refused(kind) => Self::Refused(kind),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::NeedsEvidence => "needs-evidence",
            Self::Refused(RefusalKind::Uniform) => "access-denied",
            Self::Refused(RefusalKind::NoConsent) => "no-patient-consent",
            Self::Refused(RefusalKind::CouldNotCheck) => "could-not-check",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Permitted => "It is permitted.",
            Self::NeedsEvidence => "It depends on what the organisation itself says when it is asked.",
            Self::Refused(RefusalKind::Uniform) => {
                "It is refused before anything of the patient has a say, so nothing of the patient is told here."
            }
            Self::Refused(RefusalKind::NoConsent) => "It is refused: the patient objects.",
            Self::Refused(RefusalKind::CouldNotCheck) => {
                "It is refused for now: whether the organisation cares for the patient could not be checked."
            }
        }
    }
}

impl Said {
    fn new(code: &str, value: impl Into<Option<String>>, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), value: value.into(), text: text.into() }
    }
}

#[cfg(test)]
mod tests;
