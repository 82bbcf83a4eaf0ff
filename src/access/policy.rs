//! The rules, as reviewed files: four Cedar files (one a step) and the table of job roles, built in or read from a directory.
//!
//! Promises: a policy that loads was validated strictly, every fault is named with its file and place, every rule has its
//! own id and a reason in plain words, and every type of the record is of exactly one kind of information.

mod fault;
mod organisations;
mod overrides;
mod relationships;
mod roles;
mod rules;
mod sensitivities;
mod texts;

pub use fault::PolicyFault;
pub use overrides::Overrides;
pub use relationships::Relationships;
pub(super) use roles::{Kind, Kinds, Roles};
pub use sensitivities::{ListId, Sensitivities};
pub(super) use texts::StepName;

use super::{
    PolicyTexts, RuleId,
    question::{About, Question, Step},
};
use crate::domain::Labels;
use cedar_policy::Schema;
use organisations::Organisations;
use rules::Rules;
use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};
use texts::Texts;

/// A purpose is free text from a token: past this many different questions, answers are worked out and not kept.
const REMEMBERED: usize = 10_000;

/// The rules in force.
pub struct Policy {
    fingerprint: Arc<str>,
    texts: Texts,
    schema: Schema,
    steps: HashMap<StepName, Rules>,
    roles: Roles,
    organisations: Organisations,
    relationships: Relationships,
    overrides: Overrides,
    sensitivities: Arc<Sensitivities>,
    remembered: RwLock<HashMap<Question, Answer>>,
}

/// One step's answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub permitted: bool,
    /// What decided, in the file's order; never empty.
    pub rules: Arc<[RuleId]>,
}

impl Policy {
    /// Reads the files in `dir`, or those built in. Everything wrong with them is told at once.
    pub fn load(dir: Option<&Path>) -> Result<Self, Vec<PolicyFault>> {
        Self::read(&Texts::load(dir)?)
    }

    /// The same from texts that were stored.
    pub fn stored(texts: &PolicyTexts) -> Result<Self, Vec<PolicyFault>> {
        Self::read(&Texts::stored(texts)?)
    }

    /// The files it was read from, and the schema that says what this program tells the rules.
    pub fn texts(&self) -> PolicyTexts {
        self.texts.stored_as()
    }

    fn read(texts: &Texts) -> Result<Self, Vec<PolicyFault>> {
        let mut faults = Vec::new();
        let schema = Schema::from_cedarschema_str(Texts::SCHEMA)
            .map_err(|error| vec![PolicyFault::in_text(Texts::SCHEMA_FILE, Texts::SCHEMA, &error)])?
            .0;
        let mut kept = |fault: Vec<PolicyFault>| faults.extend(fault);
        let roles = Roles::read(texts.table(Texts::ROLES_FILE)).map_err(&mut kept).ok();
        let relationships = Relationships::read(texts.table(Texts::RELATIONSHIPS_FILE)).map_err(&mut kept).ok();
        let overrides = Overrides::read(texts.table(Texts::OVERRIDES_FILE)).map_err(&mut kept).ok();
        let of_roles = roles.as_ref().map(|roles| {
            (
                Organisations::read(texts.table(Texts::ORGANISATIONS_FILE), roles).map_err(&mut kept).ok(),
                Sensitivities::read(texts.table(Texts::SENSITIVITIES_FILE), roles).map_err(&mut kept).ok(),
            )
        });
        let mut steps = HashMap::new();
        for step in StepName::ALL {
            match Rules::read(step, texts.of(step), &schema, roles.as_ref()) {
                Ok(rules) => drop(steps.insert(step, rules)),
                Err(more) => faults.extend(more),
            }
        }
        let mut seen = HashSet::new();
        for rule in StepName::ALL.iter().filter_map(|step| steps.get(step)).flat_map(Rules::iter) {
            if !seen.insert(rule.id.clone()) {
                faults.push(rule.fault(format!("another rule is called `{}` too", rule.id)));
            }
        }
        match (roles, of_roles, relationships, overrides) {
            (Some(roles), Some((Some(organisations), Some(sensitivities))), Some(relationships), Some(overrides))
                if faults.is_empty() =>
            {
                Ok(Self {
                    fingerprint: texts.fingerprint(),
                    texts: texts.clone(),
                    schema,
                    steps,
                    roles,
                    organisations,
                    relationships,
                    overrides,
                    sensitivities: Arc::new(sensitivities),
                    remembered: RwLock::default(),
                })
            }
            _ => Err(faults),
        }
    }

    /// Names these very rules: the first 16 hexadecimal digits of the SHA-256 of all their texts.
    pub fn fingerprint(&self) -> &Arc<str> {
        &self.fingerprint
    }

    /// A rule's reason, in words that a clinician reads.
    pub fn reason(&self, rule: &str) -> Option<&str> {
        self.steps.values().flat_map(Rules::iter).find(|r| r.id.as_str() == rule).map(|r| r.reason.as_str())
    }

    /// The job role's name, such as `Paramedic` for `R1070`.
    pub fn role_name(&self, code: &str) -> Option<&str> {
        self.roles.name_of(code)
    }

    pub fn relationships(&self) -> &Relationships {
        &self.relationships
    }

    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    pub fn sensitivities(&self) -> &Arc<Sensitivities> {
        &self.sensitivities
    }

    /// Whether this is a type of the record, or one that the gateway itself keeps.
    pub(super) fn knows_type(&self, name: &str) -> bool {
        self.roles.kind_of(name).is_some()
    }

    /// Whether an entry of this type, labelled so, is of the kind of this name; `None` if there is no such kind.
    pub(super) fn is_of_kind(&self, resource_type: &str, labels: &Labels, name: &str) -> Option<bool> {
        let kind = self.roles.kind_named(name)?;
        let of_type = self.roles.kind_of(resource_type) == Some(kind);
        Some(of_type || self.sensitivities.kinds(labels).iter().any(|sensitive| sensitive == kind))
    }

    /// Whether its people may reach anything is another question: this kind of organisation has been thought of.
    pub fn knows_organisations(&self, kind: &str) -> bool {
        self.organisations.knows(kind)
    }

    /// The kinds of organisation that are known, in the order of their names.
    pub fn organisation_kinds(&self) -> impl Iterator<Item = &str> {
        self.organisations.kinds()
    }

    pub(super) fn organisations(&self) -> &Organisations {
        &self.organisations
    }

    pub(super) fn roles(&self) -> &Roles {
        &self.roles
    }

    #[cfg(test)]
    pub(super) fn rule_ids(&self) -> impl Iterator<Item = &RuleId> {
        StepName::ALL.iter().filter_map(|step| self.steps.get(step)).flat_map(Rules::iter).map(|rule| &rule.id)
    }

    /// Which step a rule, or its standing in where none spoke, belongs to.
    #[cfg(test)]
    pub(super) fn step_of(&self, id: &RuleId) -> Option<StepName> {
        let nothing = |step: &StepName| id.as_str() == format!("{}{}", RuleId::NOTHING_PERMITS, step.as_str());
        let has = |step: &StepName| self.steps.get(step).is_some_and(|rules| rules.iter().any(|rule| rule.id == *id));
        StepName::ALL.into_iter().find(|step| nothing(step) || has(step))
    }

    #[cfg(test)]
    pub(super) fn forget(&self) {
        self.remembered.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What the rules say. Cedar is asked once for each different question: its answer depends on nothing else.
    pub(super) fn answer(&self, about: About, step: Step) -> Answer {
        let question = Question { about, step };
        if let Some(answer) = self.remembered.read().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return answer.clone();
        }
        let answer = self.evaluate(&question);
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() < REMEMBERED {
            remembered.insert(question, answer.clone());
        }
        answer
    }

    fn evaluate(&self, question: &Question) -> Answer {
        let step = question.step.name();
        match (self.steps.get(&step), question.request(&self.roles, Some(&self.schema))) {
            (Some(rules), Ok(request)) => rules.apply(&request),
            (_, Err(error)) => {
                tracing::error!(policy.step = step.as_str(), error = %error, "a question does not fit the policy's schema");
                Answer::failed()
            }
            (None, _) => Answer::failed(),
        }
    }
}

impl Answer {
    /// A rule that cannot be applied might have forbidden.
    fn failed() -> Self {
        Self { permitted: false, rules: [RuleId::new(RuleId::RULE_FAILED)].into() }
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
