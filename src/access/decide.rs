use super::{
    Action, Decision, Evidence, Facts, ObjectionScope, Permit, Policy, Refusal, RefusalKind, RuleId, Wanted,
    permit::Grounds,
    question::{About, Asker, Doing, Grade, Step},
    relation::Relation,
};
use crate::{
    domain::NhsNumber,
    identity::{Party, Requester, Whose},
};
use std::sync::Arc;

impl Policy {
    /// Decides: nothing but what is passed in has a say, not even the clock.
    ///
    /// Who cannot reach such a thing, or is nothing to this patient, learns the same whatever is known about the patient.
    pub fn decide(self: &Arc<Self>, requester: &Requester, wanted: &Wanted, facts: &Facts) -> Decision {
        let mut rules = Vec::new();
        let refused = |kind, rules| {
            Decision::Refused(Refusal { kind, rules, epochs: facts.epochs(), policy: self.fingerprint().clone() })
        };
        let (resource_type, letter) = wanted.action.scope();
        // every type has its kind (checked when the policy was loaded); one that had none would be out of reach
        let Some(kind) = self.roles().kind_of(resource_type) else {
            return refused(RefusalKind::Uniform, vec![RuleId::new(RuleId::RULE_FAILED)]);
        };
        let about = About { asker: Asker::of(&requester.party), doing: Doing::of(wanted.action), kind };

        let reach = self.answer(about, self.reach(requester, facts, resource_type, letter));
        rules.extend(reach.rules.iter().cloned());
        if !reach.permitted {
            return refused(RefusalKind::Uniform, rules);
        }
        let Some(patient) = wanted.patient else {
            rules.push(RuleId::new(RuleId::UNKNOWN_PATIENT));
            return refused(RefusalKind::Uniform, rules);
        };

        let organisation = requester.party.organisation();
        let relation = organisation.and_then(|organisation| Relation::best(organisation, facts));
        let grade = relation.as_ref().map_or(Grade::None, |relation| relation.grade);
        let relate = |grade| self.answer(about, relate(requester, wanted.action, patient, grade));
        let answer = relate(grade);
        rules.extend(answer.rules.iter().cloned());
        if !answer.permitted {
            // only where their own organisation's word would settle it is it worth asking, and worth saying that it could not be
            let word_would_do = organisation.is_some() && relate(Grade::Registered).permitted;
            return match facts.evidence {
                Evidence::NotAsked if word_would_do => Decision::NeedsEvidence,
                Evidence::Unreachable if word_would_do => refused(RefusalKind::CouldNotCheck, rules),
                _ => refused(RefusalKind::Uniform, rules),
            };
        }

        let objected = facts.patient.objections.iter().any(|o| o.scope == ObjectionScope::WholeRecord);
        let see = self.answer(about, Step::See { objected });
        rules.extend(see.rules.iter().cloned());
        if !see.permitted {
            return refused(RefusalKind::NoConsent, rules);
        }
        Decision::Permit(Permit::new(self, requester, facts, Grounds { about, patient, relation, rules }))
    }

    fn reach(&self, requester: &Requester, facts: &Facts, resource_type: &str, letter: char) -> Step {
        let (whose, role) = match &requester.party {
            Party::Staff { role, .. } => (Whose::User, role.as_deref()),
            Party::Patient { .. } => (Whose::Patient, None),
            Party::System { .. } => (Whose::System, None),
        };
        let user = (requester.issuer.clone(), requester.subject.clone());
        Step::Reach {
            purpose: requester.purpose.clone(),
            scoped: requester.scopes.allow(whose, resource_type, letter),
            group: role.and_then(|code| self.roles().group_of(code)),
            revoked: facts.global.revoked.contains(&user),
            represented: requester.acting.is_some(),
        }
    }
}

fn relate(requester: &Requester, action: Action, patient: NhsNumber, grade: Grade) -> Step {
    let oneself = matches!(&requester.party, Party::Patient { nhs_number } if *nhs_number == patient);
    let in_own_name = match action {
        Action::AssertRelationship { organisation } | Action::EndRelationship { organisation } => {
            requester.party.organisation() == Some(organisation)
        }
        _ => false,
    };
    Step::Relate { oneself, grade, in_own_name }
}
