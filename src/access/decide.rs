use super::{
    Action, Clearance, Decision, Evidence, Facts, GlobalFacts, Interaction, Objection, Override, OverrideReason,
    Permit, Person, Policy, Recorder, Refusal, RefusalKind, RuleId, Wanted,
    objection::Reader,
    permit::Grounds,
    policy::{Answer, Kinds},
    question::{About, Asker, Doing, Grade, Objected, Reach, Step},
    relation::Relation,
};
use crate::{
    domain::{Epochs, NhsNumber, Numbers},
    identity::{Party, Requester, Whose},
};
use std::sync::Arc;

/// How far a request comes through the first three steps: what the decision follows from, and its explanation too, so that
/// they cannot differ.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// Each step taken, with what was asked of the rules and what they said.
    pub steps: Vec<(Step, Answer)>,
    /// Answers of the gateway's own, where no rule spoke.
    own: Vec<RuleId>,
    pub end: End,
    pub reaches: Kinds,
    pub relation: Option<Relation>,
    pub person: Person,
    /// Those that have a say for this reader now, as far as the walk came to look at them.
    pub objections: Vec<Objection>,
    pub overriding: Option<Override>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Permitted { about: About, patient: NhsNumber },
    NeedsEvidence,
    Refused(RefusalKind),
}

impl Walk {
    /// What decided, step by step.
    pub fn rules(&self) -> Vec<RuleId> {
        let said = self.steps.iter().flat_map(|(_, answer)| answer.rules.iter());
        said.chain(&self.own).cloned().collect()
    }
}

impl Policy {
    /// Decides: nothing but what is passed in has a say, not even the clock.
    ///
    /// Who cannot reach such a thing, or is nothing to this patient, learns the same whatever is known about the patient.
    pub fn decide(self: &Arc<Self>, requester: &Requester, wanted: &Wanted, facts: &Facts) -> Decision {
        self.conclude(self.walk(requester, wanted, facts), requester, wanted, facts)
    }

    /// What follows from a walk.
    pub(super) fn conclude(
        self: &Arc<Self>,
        walk: Walk,
        requester: &Requester,
        wanted: &Wanted,
        facts: &Facts,
    ) -> Decision {
        let rules = walk.rules();
        let Walk { end, relation, reaches, person, objections, overriding, .. } = walk;
        match end {
            End::Permitted { about, patient } => {
                let grounds = Grounds { about, patient, relation, rules, reaches, person, objections, overriding };
                Decision::Permit(Permit::new(self, requester, wanted.action, facts, grounds))
            }
            End::NeedsEvidence => Decision::NeedsEvidence,
            End::Refused(kind) => Decision::Refused(self.refusal(kind, rules, facts.epochs())),
        }
    }

    /// Takes the first three steps, as far as it gets.
    pub(super) fn walk(&self, requester: &Requester, wanted: &Wanted, facts: &Facts) -> Walk {
        let mut walk = Walk {
            steps: Vec::new(),
            own: Vec::new(),
            end: End::Refused(RefusalKind::Uniform),
            reaches: self.reaches(requester, wanted.action, facts.organisation.as_deref()),
            relation: None,
            person: requester.person(),
            objections: Vec::new(),
            overriding: None,
        };
        // every type has its kind (checked when the policy was loaded); one that had none would be out of reach
        let Some(about) = self.about(requester, wanted.action) else {
            walk.own.push(RuleId::new(RuleId::RULE_FAILED));
            return walk;
        };
        let permits = |walk: &mut Walk, step: Step| {
            let answer = self.answer(about, step.clone());
            let permitted = answer.permitted;
            walk.steps.push((step, answer));
            permitted
        };
        let reaches = walk.reaches;
        let reach =
            self.reach(requester, &walk.person, wanted.action, &facts.global, facts.organisation.as_deref(), reaches);
        if !permits(&mut walk, reach) {
            return walk;
        }
        let Some(patient) = wanted.patient else {
            walk.own.push(RuleId::new(RuleId::UNKNOWN_PATIENT));
            return walk;
        };

        let organisation = requester.party.organisation();
        walk.relation = organisation.and_then(|own| Relation::best(own, &walk.person, facts, self.relationships()));
        let numbers = facts.patient.numbers(patient);
        let grade = walk.relation.as_ref().map_or(Grade::None, |relation| relation.grade);
        let registered = grade == Grade::Registered;
        if !permits(&mut walk, relate(requester, wanted.action, &numbers, grade, registered)) {
            // only where their own organisation's word would settle it is it worth asking, and worth saying that it could not be
            let word = relate(requester, wanted.action, &numbers, Grade::Registered, registered);
            let word_would_do = organisation.is_some() && self.answer(about, word).permitted;
            walk.end = match facts.evidence {
                Evidence::NotAsked if word_would_do => End::NeedsEvidence,
                Evidence::Unreachable if word_would_do => End::Refused(RefusalKind::CouldNotCheck),
                _ => End::Refused(RefusalKind::Uniform),
            };
            return walk;
        }

        let reader = Reader { user: requester.party.user(), person: &walk.person, organisation };
        let applying = facts.patient.objections.iter().filter(|o| o.applies(&reader, facts.now));
        let (objections, overriding) = (
            applying.cloned().collect::<Vec<_>>(),
            Override::best(&facts.patient.overrides, &reader, self.may_override(requester), facts.now).cloned(),
        );
        let whole = Objected::by(objections.iter().filter(|objection| objection.is_whole()));
        let see = Step::See { objected: whole, overriding: overriding.as_ref().map(|grant| grant.reason) };
        (walk.objections, walk.overriding) = (objections, overriding);
        walk.end = if permits(&mut walk, see) {
            End::Permitted { about, patient }
        } else {
            End::Refused(RefusalKind::NoConsent)
        };
        walk
    }

    /// Leave for what is about no patient in particular: the review desk's list and the registry's entries, of the requester's
    /// own organisation.
    pub fn clear(
        self: &Arc<Self>,
        requester: &Requester,
        action: Action,
        global: &GlobalFacts,
        organisation_kind: Option<&str>,
    ) -> Result<Clearance, Refusal> {
        let epochs = Epochs { patient: 0, global: global.epoch };
        // without a patient nothing else than one's own organisation could give leave
        let (Some(about), Some(organisation), true) =
            (self.about(requester, action), requester.party.organisation(), concerns_own(action))
        else {
            return Err(self.refusal(RefusalKind::Uniform, vec![RuleId::new(RuleId::RULE_FAILED)], epochs));
        };
        let reaches = self.reaches(requester, action, organisation_kind);
        let reach = self.reach(requester, &requester.person(), action, global, organisation_kind, reaches);
        let mut rules = Vec::new();
        let concerns_own = concerns_own(action);
        let relate = Step::Relate { oneself: false, grade: Grade::None, in_own_name: false, concerns_own };
        for step in [reach, relate] {
            let answer = self.answer(about, step);
            rules.extend(answer.rules.iter().cloned());
            if !answer.permitted {
                return Err(self.refusal(RefusalKind::Uniform, rules, epochs));
            }
        }
        Ok(Clearance::new(organisation, rules, epochs, Arc::clone(self.fingerprint()), requester.expires))
    }

    /// Whether the requester keeps the review desk of their organisation, which is of this kind.
    pub fn keeps_desk(&self, requester: &Requester, organisation_kind: Option<&str>) -> bool {
        let desk = Action::ReadDesk { interaction: Interaction::Search, concerns_own: true };
        let reaches = self.reaches(requester, desk, organisation_kind);
        self.roles().kind_of("Task").is_some_and(|desk| reaches.iter().any(|kind| kind == desk))
    }

    fn refusal(&self, kind: RefusalKind, rules: Vec<RuleId>, epochs: Epochs) -> Refusal {
        Refusal { kind, rules, epochs, fingerprint: Arc::clone(self.fingerprint()) }
    }

    fn about(&self, requester: &Requester, action: Action) -> Option<About> {
        let kind = self.roles().kind_of(action.scope().0)?;
        Some(About { asker: Asker::of(&requester.party), doing: Doing::of(action), kind })
    }

    /// The reasons for which their job role may override.
    pub(super) fn may_override(&self, requester: &Requester) -> &[OverrideReason] {
        let Party::Staff { role: Some(role), .. } = &requester.party else { return &[] };
        self.roles().group_of(role).map_or(&[], |group| &group.may_override)
    }

    /// What their job role and its activities reach, at such an organisation. What they reach of the registry hangs on no kind of
    /// organisation: that is what is to be registered.
    fn reaches(&self, requester: &Requester, action: Action, organisation: Option<&str>) -> Kinds {
        let Party::Staff { role: Some(role), activities, .. } = &requester.party else { return Kinds::default() };
        let reaches = self.roles().reaches(role, activities);
        if action.is_of_registry() { reaches } else { reaches.within(self.limit(organisation)) }
    }

    /// What whoever works at such an organisation may reach at most.
    fn limit(&self, organisation: Option<&str>) -> Kinds {
        organisation.map(|kind| self.organisations().reaches(kind)).unwrap_or_default()
    }

    fn reach(
        &self,
        requester: &Requester,
        person: &Person,
        action: Action,
        global: &GlobalFacts,
        organisation: Option<&str>,
        reaches: Kinds,
    ) -> Step {
        let (resource_type, letter) = action.scope();
        let (whose, role) = match &requester.party {
            Party::Staff { role, .. } => (Whose::User, role.as_deref()),
            Party::Patient { .. } => (Whose::Patient, None),
            Party::System { .. } => (Whose::System, None),
        };
        let group = role.and_then(|code| self.roles().group_of(code));
        let allow = |resource_type| requester.scopes.allow(whose, resource_type, letter);
        // of what refers to a document whoever may not open documents reaches nothing
        let document = matches!(action, Action::ReadDocument(_));
        let opens = self.roles().kind_of(Action::DOCUMENT).is_some_and(|kind| reaches.iter().any(|one| one == kind));
        Step::Reach(Reach {
            purpose: requester.purpose.clone(),
            scoped: allow(resource_type) && (!document || allow(Action::DOCUMENT)),
            organisation_reads: !self.limit(organisation).is_empty(),
            reaches: if document && !opens { Kinds::default() } else { reaches },
            may_claim: group.is_some_and(|group| group.may_claim),
            may_override: match action {
                Action::Override(reason) => self.may_override(requester).contains(&reason),
                _ => false,
            },
            revoked: global.revoked.contains(person) || global.revoked.contains(&requester.client()),
            represented: requester.acting.is_some(),
        })
    }
}

fn relate(requester: &Requester, action: Action, numbers: &Numbers, grade: Grade, registered: bool) -> Step {
    let oneself =
        matches!(&requester.party, Party::Patient { nhs_number } if numbers.all().any(|one| one == *nhs_number));
    let in_own_name = match action {
        Action::AssertRelationship { organisation }
        | Action::EndRelationship { organisation }
        | Action::Recall { organisation } => requester.party.organisation() == Some(organisation),
        _ => false,
    };
    // what their registered patient objects to concerns a practice, whoever recorded it
    let of_own_patient =
        registered && matches!(action, Action::InspectObjections { .. } | Action::ReviewObjection { .. });
    Step::Relate { oneself, grade, in_own_name, concerns_own: concerns_own(action) || of_own_patient }
}

/// Of the log staff are shown their own organisation's part alone, so that it always concerns it.
fn concerns_own(action: Action) -> bool {
    match action {
        Action::InspectObjections { concerns_own, .. }
        | Action::ReviewObjection { concerns_own }
        | Action::ReadLedger { concerns_own }
        | Action::ReadDesk { concerns_own, .. }
        | Action::KeepDesk { concerns_own }
        | Action::ReadRegistry { concerns_own, .. }
        | Action::KeepRegistry { concerns_own, .. } => concerns_own,
        Action::ReadLog(_) => true,
        _ => false,
    }
}

impl Objected {
    pub fn by<'a>(objections: impl Iterator<Item = &'a Objection>) -> Self {
        objections.fold(Self::default(), |so_far, objection| Self {
            any: true,
            not_even_in_an_emergency: so_far.not_even_in_an_emergency || objection.terms.not_even_in_an_emergency,
        })
    }
}

impl Requester {
    /// As facts name them.
    pub fn person(&self) -> Person {
        Person { issuer: self.issuer.clone(), subject: self.subject.clone() }
    }

    /// The system they ask through, as facts name it.
    pub fn client(&self) -> Person {
        Person { issuer: self.given_by.clone(), subject: self.client_id.clone() }
    }

    /// As facts name who wrote them down.
    pub fn recorder(&self) -> Recorder {
        Recorder { issuer: self.issuer.clone(), subject: self.subject.clone(), organisation: self.party.organisation() }
    }
}
