use super::{
    Action, Asking, Facts, GlobalFacts, InOrder, Objection, Override, PatientFacts, Person, Policy, Relationship,
    RuleId, SkipReason, Stage, Stages,
    objection::{Item, Reader},
    policy::{Answer, Kinds},
    question::{About, Asker, Disclose, Doing, Grade, Objected, Step},
    relation::Relation,
};
use crate::{
    domain::{Epochs, Labels, NhsNumber, Numbers, OdsCode, Timestamp},
    fhir::{ResourceType, date::Interval},
    identity::Requester,
};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

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
    numbers: Numbers,
    person: Person,
    user: Option<String>,
    organisation: Option<OdsCode>,
    /// What is read; others than a record's types are told apart by what is done.
    resource_type: &'static str,
    /// Whether it is a document that something of this type refers to.
    document: bool,
    reaches: Kinds,
    grade: Grade,
    basis: String,
    rules: Vec<RuleId>,
    epochs: Epochs,
    valid_until: Timestamp,
    /// Those that have a say for this reader now.
    objections: Vec<Objection>,
    overriding: Option<Override>,
    patient_facts: Arc<PatientFacts>,
    global_facts: Arc<GlobalFacts>,
    /// Of an entry that nothing is known of but where it is held: whether it might be shown. Of thousands of sources most are alike.
    answered: Mutex<Vec<(Held, bool)>>,
}

/// What the steps found out on the way to a permit.
pub(super) struct Grounds {
    pub about: About,
    pub patient: NhsNumber,
    pub relation: Option<Relation>,
    pub rules: Vec<RuleId>,
    pub reaches: Kinds,
    pub person: Person,
    pub objections: Vec<Objection>,
    pub overriding: Option<Override>,
}

/// Where an entry is held, and what the facts say of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    own: bool,
    objected: Objected,
    quarantined: bool,
    suspended: bool,
    stage: Stage,
    reviewed: bool,
}

/// Whether an entry of one source, labelled so, may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disclosure {
    Release,
    /// By this rule: of several the first in the file.
    Withhold(RuleId),
}

impl Permit {
    pub(super) fn new(
        policy: &Arc<Policy>,
        requester: &Requester,
        action: Action,
        facts: &Facts,
        grounds: Grounds,
    ) -> Self {
        let Grounds { about, patient, relation, rules, reaches, person, objections, overriding } = grounds;
        // what is said of one's own relationships, queue or log relies on none
        let relies = matches!(
            about.doing,
            Doing::ReadRecord
                | Doing::ReadObjections
                | Doing::RecordObjection
                | Doing::WithdrawObjection
                | Doing::Override
        );
        let reviews = about.doing == Doing::ReviewObjection;
        let relied = relation.filter(|relation| relies || (reviews && relation.grade == Grade::Registered));
        let basis = match (&relied, about.asker) {
            (Some(relation), _) => relation.basis.clone(),
            (None, Asker::Patient) => "the patient".to_owned(),
            (None, Asker::Staff | Asker::System) => "own organisation".to_owned(),
        };
        let overriding = overriding.filter(|_| about.doing == Doing::ReadRecord);
        let ends = [
            relied.as_ref().map(|relation| relation.end),
            overriding.as_ref().map(|grant| grant.end),
            facts.until,
            // an objection that begins then will have its say
            facts.patient.objections.iter().filter_map(|o| o.terms.from).filter(|from| *from > facts.now).min(),
        ];
        Self {
            policy: Arc::clone(policy),
            about,
            numbers: facts.patient.numbers(patient),
            person,
            user: requester.party.user().map(str::to_owned),
            organisation: requester.party.organisation(),
            resource_type: action.scope().0,
            document: matches!(action, Action::ReadDocument(_)),
            reaches,
            grade: relied.as_ref().map_or(Grade::None, |relation| relation.grade),
            basis,
            rules,
            epochs: facts.epochs(),
            valid_until: ends.into_iter().flatten().fold(requester.expires, Timestamp::min),
            objections,
            overriding,
            patient_facts: Arc::clone(&facts.patient),
            global_facts: Arc::clone(&facts.global),
            answered: Mutex::default(),
        }
    }

    /// The number in use.
    pub fn patient(&self) -> NhsNumber {
        self.numbers.current
    }

    /// All numbers of the patient's.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// The requester's organisation.
    pub fn organisation(&self) -> Option<OdsCode> {
        self.organisation
    }

    /// The type that may be read; for what is no part of the record the type that its scope is about.
    pub fn resource_type(&self) -> &'static str {
        self.resource_type
    }

    pub fn epochs(&self) -> Epochs {
        self.epochs
    }

    /// The earliest of the ends of the token, the relationship relied on and the override in force, of the begins of
    /// objections to come, and of what changes by itself in the registry. Exclusive.
    pub fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// The relationship relied on with its evidence, such as `encounter: system|value`.
    pub fn basis(&self) -> &str {
        &self.basis
    }

    /// Whether it relies on the patient's being registered with the requester's organisation.
    pub fn is_of_registered(&self) -> bool {
        self.grade == Grade::Registered
    }

    /// Nothing but the requester's own claim relates them to the patient.
    pub fn is_on_a_claim(&self) -> bool {
        self.grade == Grade::Claimed
    }

    /// What decided, step by step.
    pub fn rules(&self) -> &[RuleId] {
        &self.rules
    }

    /// What was known of everyone when it was decided: by this it is known who there is to ask.
    pub fn global(&self) -> &Arc<GlobalFacts> {
        &self.global_facts
    }

    /// The fingerprint of the policy that decided.
    pub fn fingerprint(&self) -> &Arc<str> {
        self.policy.fingerprint()
    }

    /// The whole policy that decided: how sensitive things are marked, and how long things last.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The override that was in force for this reader, used or not.
    pub fn overriding(&self) -> Option<&Override> {
        self.overriding.as_ref()
    }

    /// May this source's entries with these labels, of this date, be shown?
    pub fn disclosure(&self, source: OdsCode, labels: &Labels, date: Option<Interval>) -> Disclosure {
        let answer = self.disclose(source, labels, date);
        match answer.rules.first() {
            _ if answer.permitted => Disclosure::Release,
            Some(rule) => Disclosure::Withhold(rule.clone()),
            None => Disclosure::Withhold(RuleId::new(RuleId::RULE_FAILED)),
        }
    }

    /// The epoch by which this source last took something back: what was asked of it before is asked for again.
    pub fn recalled_at(&self, source: OdsCode) -> i64 {
        self.patient_facts.recalled_at(source)
    }

    /// Whether this source has taken back an entry of an answer that was asked for under this epoch.
    pub fn is_recalled(&self, source: OdsCode, resource_type: ResourceType, local: &str, asked_at: i64) -> bool {
        self.patient_facts.is_recalled(source, resource_type, local, asked_at)
    }

    /// Whether an entry's date has a say: otherwise one answer holds for all that are labelled alike.
    pub fn asks_for_dates(&self) -> bool {
        self.objections.iter().any(Objection::is_dated)
    }

    pub(super) fn disclose(&self, source: OdsCode, labels: &Labels, date: Option<Interval>) -> Answer {
        let objected = self.objected(source, labels, date);
        self.ask(labels, self.held(source, self.global_facts.stages.get(&source), objected))
    }

    /// What the objections that cover such an entry say.
    pub(super) fn objected(&self, source: OdsCode, labels: &Labels, date: Option<Interval>) -> Objected {
        let item = Item { source, resource_type: self.resource_type, document: self.document, labels, date };
        let reader = self.reader();
        Objected::by(self.objections.iter().filter(|objection| objection.covers(&item, &reader, &self.policy)))
    }

    fn reader(&self) -> Reader<'_> {
        Reader { user: self.user.as_deref(), person: &self.person, organisation: self.organisation }
    }

    fn held(&self, source: OdsCode, stages: Option<&Stages>, objected: Objected) -> Held {
        Held {
            own: self.organisation == Some(source),
            objected,
            quarantined: self.patient_facts.quarantined.contains(&source),
            suspended: self.global_facts.suspended.contains(&source),
            stage: stages.map_or(Stage::Live, |stages| stages.of(self.resource_type)),
            reviewed: stages.zip(self.user.as_ref()).is_some_and(|(stages, reader)| stages.reviewers.contains(reader)),
        }
    }

    /// Whether an entry that is held so, and of which no more is known, might be shown.
    fn might_show(&self, held: Held) -> bool {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, shown)) = answered.iter().find(|(known, _)| *known == held) {
            return *shown;
        }
        let shown = self.ask(&Labels::default(), held).permitted;
        answered.push((held, shown));
        shown
    }

    /// The same, going by the labels alone and not by what is known of the patient or of any source.
    pub(super) fn by_labels(&self, own: bool, labels: &Labels) -> Answer {
        let objected = Objected::default();
        let held = Held { own, objected, quarantined: false, suspended: false, stage: Stage::Live, reviewed: false };
        self.ask(labels, held)
    }

    fn ask(&self, labels: &Labels, held: Held) -> Answer {
        let sensitivities = self.policy.sensitivities();
        let Held { own, objected, quarantined, suspended, stage, reviewed } = held;
        let step = Step::Disclose(Disclose {
            grade: self.grade,
            own,
            objected,
            overriding: self.overriding.as_ref().map(|grant| grant.reason),
            quarantined,
            suspended,
            stage,
            reviewed,
            restricted: labels.restricted(),
            sensitive: sensitivities.kinds(labels),
            reaches: self.reaches,
            statutory: sensitivities.statutory(labels),
        });
        self.policy.answer(self.about, step)
    }

    /// Whether this organisation is the requester's own, or has said that it cares for the patient: it holds something.
    pub fn relates(&self, organisation: OdsCode) -> bool {
        let said =
            |relationship: &&Relationship| relationship.organisation == organisation && relationship.person.is_none();
        self.organisation == Some(organisation) || self.patient_facts.relationships.iter().any(|r| said(&r))
    }

    /// May this source be asked? Not if nothing that it could hold might be shown.
    pub fn asks(&self, source: OdsCode) -> Asking {
        self.asks_at(source, self.global_facts.stages.get(&source))
    }

    /// The same of many sources in the order of their codes: what is known of thousands is gone through once, and not looked up in.
    pub fn in_order(&self) -> InOrder<'_> {
        InOrder::new(self)
    }

    pub(super) fn asks_at(&self, source: OdsCode, stages: Option<&Stages>) -> Asking {
        let reader = self.reader();
        let labels = Labels::default();
        let item =
            Item { source, resource_type: self.resource_type, document: self.document, labels: &labels, date: None };
        let all = |objection: &&Objection| objection.covers_all_like(&item, &reader, &self.policy);
        let objected = Objected::by(self.objections.iter().filter(all));
        let held = self.held(source, stages, objected);
        if self.might_show(held) {
            return Asking::Ask;
        }
        // first of all, or what is told of one that nobody is shown would tell that it is there
        let by_stage_alone = Held { objected: Objected::default(), quarantined: false, suspended: false, ..held };
        if let Some(stages) = stages
            && (by_stage_alone == held || !self.might_show(by_stage_alone))
        {
            return Asking::Skip(if stages.is_missing(self.resource_type) {
                SkipReason::Suspended
            } else {
                SkipReason::NotLive
            });
        }
        if held.suspended {
            Asking::Skip(SkipReason::Suspended)
        } else if held.quarantined {
            Asking::Skip(SkipReason::Quarantined)
        } else {
            Asking::Skip(SkipReason::Objected)
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the basis names evidence: it belongs in the audit, never in a log line
        f.debug_struct("Permit").field("rules", &self.rules).field("epochs", &self.epochs).finish_non_exhaustive()
    }
}
