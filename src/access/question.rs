use super::{
    Action,
    policy::{Group, Kind, Roles, StepName},
};
use crate::identity::{Party, Purpose};
use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression, Schema};
use std::error::Error;

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
    Reach { purpose: Purpose, scoped: bool, group: Option<Group>, revoked: bool, represented: bool },
    Relate { oneself: bool, grade: Grade, in_own_name: bool },
    See { objected: bool },
    Disclose { grade: Grade, own: bool, objected: bool, quarantined: bool, suspended: bool, restricted: bool },
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
    AssertRelationship,
    EndRelationship,
}

/// How well an organisation is related to the patient; the better is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Grade {
    None,
    Asserted,
    Registered,
}

impl Question {
    /// The question in Cedar's terms, checked against the schema where one is given.
    pub fn request(&self, roles: &Roles, schema: Option<&Schema>) -> Result<Request, Box<dyn Error>> {
        let About { asker, doing, kind: wanted } = self.about;
        let kind = |kind| uid("Kind", roles.kind_name(kind));
        let mut context = vec![("doing", entity("Doing", doing.id())?)];
        match &self.step {
            Step::Reach { purpose, scoped, group, revoked, represented } => {
                let reaches = group.map(|group| roles.reaches(group)).unwrap_or_default();
                let reaches: Result<Vec<_>, _> =
                    reaches.iter().map(|k| kind(*k).map(RestrictedExpression::new_entity_uid)).collect();
                context.extend([
                    ("purpose", RestrictedExpression::new_string(purpose.0.clone())),
                    ("roleReaches", RestrictedExpression::new_set(reaches?)),
                    ("scoped", truth(*scoped)),
                    ("revoked", truth(*revoked)),
                    ("represented", truth(*represented)),
                ]);
            }
            Step::Relate { oneself, grade, in_own_name } => context.extend([
                ("oneself", truth(*oneself)),
                ("grade", entity("Grade", grade.id())?),
                ("inOwnName", truth(*in_own_name)),
            ]),
            Step::See { objected } => context.push(("objected", truth(*objected))),
            Step::Disclose { grade, own, objected, quarantined, suspended, restricted } => context.extend([
                ("grade", entity("Grade", grade.id())?),
                ("own", truth(*own)),
                ("objected", truth(*objected)),
                ("quarantined", truth(*quarantined)),
                ("suspended", truth(*suspended)),
                ("restricted", truth(*restricted)),
            ]),
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
            Self::Reach { .. } => StepName::Reach,
            Self::Relate { .. } => StepName::Relate,
            Self::See { .. } => StepName::See,
            Self::Disclose { .. } => StepName::Disclose,
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
            Action::ReadRecord(..) => Self::ReadRecord,
            Action::ReadLog(_) => Self::ReadLog,
            Action::ReadObjections(_) => Self::ReadObjections,
            Action::RecordObjection => Self::RecordObjection,
            Action::WithdrawObjection => Self::WithdrawObjection,
            Action::AssertRelationship { .. } => Self::AssertRelationship,
            Action::EndRelationship { .. } => Self::EndRelationship,
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::ReadRecord => "read-record",
            Self::ReadLog => "read-log",
            Self::ReadObjections => "read-objections",
            Self::RecordObjection => "record-objection",
            Self::WithdrawObjection => "withdraw-objection",
            Self::AssertRelationship => "assert-relationship",
            Self::EndRelationship => "end-relationship",
        }
    }
}

impl Grade {
    fn id(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Asserted => "asserted",
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
