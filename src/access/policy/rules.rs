use super::{Answer, PolicyFault, Roles, StepName, fault::line_at};
use crate::access::RuleId;
use cedar_policy::{
    ActionConstraint, Authorizer, Decision, Entities, PolicyId, PolicySet, Request, Schema, ValidationMode, Validator,
};
use std::sync::Arc;

/// One step's rules, each under its own id.
pub(super) struct Rules {
    step: StepName,
    set: PolicySet,
    /// In the file's order.
    rules: Vec<Rule>,
}

pub(super) struct Rule {
    pub id: RuleId,
    /// In words that a clinician reads.
    pub reason: String,
    step: StepName,
    place: String,
}

impl Rule {
    pub fn fault(&self, problem: impl Into<String>) -> PolicyFault {
        PolicyFault::new(&self.step.file(), self.place.clone(), problem)
    }
}

impl Rules {
    pub fn read(step: StepName, text: &str, schema: &Schema, roles: Option<&Roles>) -> Result<Self, Vec<PolicyFault>> {
        let file = step.file();
        let parsed: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
            errors.iter().map(|error| PolicyFault::in_text(&file, text, error)).collect::<Vec<_>>()
        })?;
        let mut faults = Vec::new();
        let mut found = Self { step, set: PolicySet::new(), rules: Vec::new() };
        if parsed.templates().next().is_some() {
            faults.push(PolicyFault::new(&file, "", "has a rule with a slot (`?principal`): nothing would fill it"));
        }
        for policy in in_file_order(&parsed) {
            let place =
                policy.to_cedar().and_then(|rule| text.find(&rule)).map(|at| line_at(text, at)).unwrap_or_default();
            let mut fault = |problem: String| faults.push(PolicyFault::new(&file, place.clone(), problem));
            match (policy.action_constraint(), step.action()) {
                (ActionConstraint::Eq(action), Ok(ours)) if action == ours => {}
                _ => fault(format!("this file's rules must say `action == Action::\"{}\"`", step.as_str())),
            }
            for literal in policy.entity_literals() {
                let kind = literal.id().unescaped();
                if literal.type_name().to_string() == "Kind" && roles.is_some_and(|roles| !roles.has_kind(kind)) {
                    fault(format!("`{kind}` is no kind of information in roles.json"));
                }
            }
            let Some(id) = policy.annotation("id").filter(|id| is_name(id)) else {
                fault("a rule needs an @id of small letters, digits and hyphens".to_owned());
                continue;
            };
            if RuleId::is_reserved(id) {
                fault(format!("`{id}` is what the gateway itself answers with: choose another @id"));
            }
            let reason = policy.annotation("reason").unwrap_or_default().trim().to_owned();
            if reason.is_empty() {
                fault(format!("the rule `{id}` needs a @reason in plain words"));
            }
            let rule = Rule { id: RuleId::new(id), reason, step, place };
            match found.set.add(policy.new_id(PolicyId::new(id))) {
                Ok(()) => found.rules.push(rule),
                Err(_) => faults.push(rule.fault(format!("another rule is called `{id}` too"))),
            }
        }
        faults.extend(found.invalid(text, schema));
        if faults.is_empty() { Ok(found) } else { Err(faults) }
    }

    /// What Cedar's strict validation says. Its warnings (a rule that can never apply) are faults too.
    fn invalid(&self, text: &str, schema: &Schema) -> Vec<PolicyFault> {
        let result = Validator::new(schema.clone()).validate(&self.set, ValidationMode::Strict);
        let file = self.step.file();
        let errors = result.validation_errors().map(|error| PolicyFault::in_text(&file, text, error));
        let warnings = result.validation_warnings().map(|warning| PolicyFault::in_text(&file, text, warning));
        errors.chain(warnings).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    pub fn apply(&self, request: &Request) -> Answer {
        let response = Authorizer::new().is_authorized(request, &self.set, &Entities::empty());
        // Cedar leaves out a rule that fails: were it a `forbid`, that would permit
        if response.diagnostics().errors().next().is_some() {
            return Answer::failed();
        }
        let decisive: Vec<&str> = response.diagnostics().reason().map(|id| -> &str { id.as_ref() }).collect();
        let rules: Arc<[RuleId]> =
            self.rules.iter().map(|rule| &rule.id).filter(|id| decisive.contains(&id.as_str())).cloned().collect();
        let rules = if rules.is_empty() {
            [RuleId::new(&format!("{}{}", RuleId::NOTHING_PERMITS, self.step.as_str()))].into()
        } else {
            rules
        };
        Answer { permitted: response.decision() == Decision::Allow, rules }
    }
}

/// Cedar numbers what it parses (`policy0`, `policy1`...) and keeps it in no promised order.
fn in_file_order(set: &PolicySet) -> Vec<&cedar_policy::Policy> {
    let mut policies: Vec<_> = set.policies().collect();
    policies.sort_by_key(|policy| policy.id().to_string().trim_start_matches("policy").parse::<usize>().ok());
    policies
}

fn is_name(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
