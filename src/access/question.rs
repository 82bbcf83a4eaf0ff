use super::{
    Action, OverrideReason, Stage,
    policy::{Kind, Kinds, Roles, StepName},
};
use crate::identity::{Party, Purpose};
use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression, Schema};
use std::{error::Error, sync::Arc};

/// One step's question, as `caregate.cedarschema` words it. There are few different ones: whoever the user and the
/// patient are, the answer to the same question is the same, so answers are remembered by question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub about: About,
    pub step: Step,
}

/// What stays the same through all steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct About {
    pub asker: Asker,
    pub doing: Doing,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Reach(Reach),
    Relate { oneself: bool, grade: Grade, in_own_name: bool, concerns_own: bool },
    See { objected: Objected, overriding: Option<OverrideReason> },
    Disclose(Disclose),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reach {
    pub purpose: Purpose,
    pub scoped: bool,
    pub organisation_reads: bool,
    pub reaches: Kinds,
    pub may_claim: bool,
    pub may_override: bool,
    pub revoked: bool,
    pub represented: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Disclose {
    pub grade: Grade,
    pub own: bool,
    pub objected: Objected,
    pub overriding: Option<OverrideReason>,
    pub quarantined: bool,
    pub suspended: bool,
    pub stage: Stage,
    /// The reader is named to look at this source while it is safety-only.
    pub reviewed: bool,
    pub restricted: bool,
    pub sensitive: Kinds,
    pub reaches: Kinds,
    /// Sorted.
    pub statutory: Vec<Arc<str>>,
}

/// What the objections say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Objected {
    pub any: bool,
    /// One of them stands even in an emergency.
    pub not_even_in_an_emergency: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asker {
    Staff,
    Patient,
    System,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Doing {
    ReadRecord,
    ReadLog,
    ReadObjections,
    RecordObjection,
    WithdrawObjection,
    ReviewObjection,
    AssertRelationship,
    EndRelationship,
    Recall,
    ClaimRelationship,
    Override,
    Explain,
    ExplainColleague,
    ReadDesk,
    KeepDesk,
    ReadRegistry,
    KeepRegistry,
}

/// How well the requester is related to the patient; the better is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Grade {
    None,
    Claimed,
    Evidenced,
    Registered,
}

impl Question {
    /// The question in Cedar's terms, checked against the schema where one is given.
    pub fn request(&self, roles: &Roles, schema: Option<&Schema>) -> Result<Request, Box<dyn Error>> {
        let About { asker, doing, kind: wanted } = self.about;
        let kind = |kind| uid("Kind", roles.kind_name(kind));
        let kinds = |kinds: Kinds| -> Result<RestrictedExpression, Box<dyn Error>> {
            let each = kinds.iter().map(|k| kind(k).map(RestrictedExpression::new_entity_uid));
            Ok(RestrictedExpression::new_set(each.collect::<Result<Vec<_>, _>>()?))
        };
        let overriding =
            |reason: Option<OverrideReason>| entity("Override", reason.map_or("none", OverrideReason::as_str));
        let mut context = vec![("doing", entity("Doing", doing.id())?)];
        match &self.step {
            Step::Reach(reach) => context.extend([
                ("purpose", RestrictedExpression::new_string(reach.purpose.0.clone())),
                ("scoped", truth(reach.scoped)),
                ("organisationReads", truth(reach.organisation_reads)),
                ("roleReaches", kinds(reach.reaches)?),
                ("mayClaim", truth(reach.may_claim)),
                ("mayOverride", truth(reach.may_override)),
                ("revoked", truth(reach.revoked)),
                ("represented", truth(reach.represented)),
            ]),
            Step::Relate { oneself, grade, in_own_name, concerns_own } => context.extend([
                ("oneself", truth(*oneself)),
                ("grade", entity("Grade", grade.id())?),
                ("inOwnName", truth(*in_own_name)),
                ("concernsOwn", truth(*concerns_own)),
            ]),
            Step::See { objected, overriding: reason } => context.extend([
                ("objected", truth(objected.any)),
                ("notEvenInAnEmergency", truth(objected.not_even_in_an_emergency)),
                ("override", overriding(*reason)?),
            ]),
            Step::Disclose(item) => {
                let statutory = item.statutory.iter().map(|name| RestrictedExpression::new_string(name.to_string()));
                context.extend([
                    ("grade", entity("Grade", item.grade.id())?),
                    ("own", truth(item.own)),
                    ("objected", truth(item.objected.any)),
                    ("notEvenInAnEmergency", truth(item.objected.not_even_in_an_emergency)),
                    ("override", overriding(item.overriding)?),
                    ("quarantined", truth(item.quarantined)),
                    ("suspended", truth(item.suspended)),
                    ("stage", entity("Stage", item.stage.as_str())?),
                    ("reviewed", truth(item.reviewed)),
                    ("restricted", truth(item.restricted)),
                    ("sensitive", kinds(item.sensitive)?),
                    ("roleReaches", kinds(item.reaches)?),
                    ("statutory", RestrictedExpression::new_set(statutory)),
                ]);
            }
        }
        let context = Context::from_pairs(context.into_iter().map(|(name, value)| (name.to_owned(), value)))?;
        // a rule never tells one user from another: the principal's id says nothing
        let principal = uid(asker.type_name(), "asker")?;
        Ok(Request::new(principal, self.step.name().action()?, kind(wanted)?, context, schema)?)
    }
}

impl Step {
    pub fn name(&self) -> StepName {
        match self {
            Self::Reach(_) => StepName::Reach,
            Self::Relate { .. } => StepName::Relate,
            Self::See { .. } => StepName::See,
            Self::Disclose(_) => StepName::Disclose,
        }
    }
}

impl Asker {
    pub fn of(party: &Party) -> Self {
        match party {
            Party::Staff { .. } => Self::Staff,
            Party::Patient { .. } => Self::Patient,
            Party::System { .. } => Self::System,
        }
    }

    fn type_name(self) -> &'static str {
        match self {
            Self::Staff => "Staff",
            Self::Patient => "Patient",
            Self::System => "System",
        }
    }
}

impl Doing {
    pub fn of(action: Action) -> Self {
        match action {
            Action::ReadRecord(..) | Action::ReadDocument(_) => Self::ReadRecord,
            Action::ReadLog(_) | Action::ReadLedger { .. } => Self::ReadLog,
            Action::ReadObjections(_) => Self::ReadObjections,
            Action::RecordObjection => Self::RecordObjection,
            Action::WithdrawObjection => Self::WithdrawObjection,
            Action::AssertRelationship { .. } => Self::AssertRelationship,
            Action::EndRelationship { .. } => Self::EndRelationship,
            Action::InspectObjections { .. } | Action::ReviewObjection { .. } => Self::ReviewObjection,
            Action::Recall { .. } => Self::Recall,
            Action::ClaimRelationship => Self::ClaimRelationship,
            Action::Override(_) => Self::Override,
            Action::Explain => Self::Explain,
            Action::ExplainColleague => Self::ExplainColleague,
            Action::ReadDesk { .. } => Self::ReadDesk,
            Action::KeepDesk { .. } => Self::KeepDesk,
            Action::ReadRegistry { .. } => Self::ReadRegistry,
            Action::KeepRegistry { .. } => Self::KeepRegistry,
        }
    }

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::ReadRecord => "read-record",
            Self::ReadLog => "read-log",
            Self::ReadObjections => "read-objections",
            Self::RecordObjection => "record-objection",
            Self::WithdrawObjection => "withdraw-objection",
            Self::ReviewObjection => "review-objection",
            Self::AssertRelationship => "assert-relationship",
            Self::EndRelationship => "end-relationship",
            Self::Recall => "recall",
            Self::ClaimRelationship => "claim-relationship",
            Self::Override => "override",
            Self::Explain => "explain",
            Self::ExplainColleague => "explain-colleague",
            Self::ReadDesk => "read-desk",
            Self::KeepDesk => "keep-desk",
            Self::ReadRegistry => "read-registry",
            Self::KeepRegistry => "keep-registry",
        }
    }
}

impl Grade {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Claimed => "claimed",
            Self::Evidenced => "evidenced",
            Self::Registered => "registered",
        }
    }
}

pub(super) fn uid(type_name: &str, id: &str) -> Result<EntityUid, Box<dyn Error>> {
    let type_name: EntityTypeName = type_name.parse()?;
    Ok(EntityUid::from_type_name_and_id(type_name, EntityId::new(id)))
}

fn entity(type_name: &str, id: &str) -> Result<RestrictedExpression, Box<dyn Error>> {
    Ok(RestrictedExpression::new_entity_uid(uid(type_name, id)?))
}

fn truth(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}
