//! What may become of an endpoint's stages, and by whose word.

use super::{Before, Stage, Stages, parameters::Staging};
use crate::fhir::ResourceType;
use std::collections::BTreeMap;

/// Why an endpoint's stage stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotStaged {
    /// An operator or the gateway suspended it, and only an operator resumes it.
    OnlyAnOperator,
    /// All of it is suspended: that ends first.
    WhollySuspended,
    /// It has not lately passed a probe as it is registered now.
    NotProbed,
}

impl Staging {
    /// What stands once this was done. Down and suspended it goes by anybody's word who may say so; what an operator suspended, only
    /// an operator resumes. What was live and is so no more is missing from the record until it is live again, or an operator has put it
    /// back to registered: that says that it has left.
    pub fn applied(&self, stood: &Stages, by_operator: bool) -> Result<Stages, NotStaged> {
        let mut new = stood.clone();
        let mut before = self.before(stood);
        if self.stage == Stage::Suspended {
            before.imposed |= by_operator;
            self.set(&mut new.usual, &mut new.types);
            new.before = Some(before);
            return Ok(new);
        }
        let wholly = stood.usual == Stage::Suspended;
        let resumes = match self.types.is_empty() {
            true => stood.is_suspended(),
            false => self.types.iter().any(|resource_type| stood.of(resource_type.as_str()) == Stage::Suspended),
        };
        if resumes && !by_operator && before.imposed {
            return Err(NotStaged::OnlyAnOperator);
        }
        if wholly && !self.types.is_empty() {
            return Err(NotStaged::WhollySuspended);
        }
        if self.types.is_empty() {
            // no type stays behind, or ahead, of what is said of all
            new.types.clear();
        }
        self.set(&mut new.usual, &mut new.types);
        if by_operator && self.stage == Stage::Registered {
            if self.types.is_empty() {
                before.types.clear();
            }
            self.set(&mut before.usual, &mut before.types);
        }
        before.imposed &= new.is_suspended();
        new.before = Some(before).filter(|before| new.is_suspended() || new.lacks(before));
        if self.stage == Stage::SafetyOnly {
            new.reviewers.clone_from(&self.reviewers);
        }
        Ok(new.without_idle_reviewers())
    }

    /// All of it to this stage, or these types.
    fn set(&self, usual: &mut Stage, types: &mut BTreeMap<ResourceType, Stage>) {
        match self.types.is_empty() {
            true => *usual = self.stage,
            false => types.extend(self.types.iter().map(|resource_type| (*resource_type, self.stage))),
        }
    }

    /// How far had come what this is about, and what was suspended or taken down before.
    fn before(&self, stood: &Stages) -> Before {
        let mut before = stood.before.clone().unwrap_or_default();
        let of = |before: &Before, of: ResourceType| before.of(Some(of)).max(stood.of(of.as_str()));
        let types: Vec<ResourceType> = match self.types.is_empty() {
            true => stood.types.keys().chain(before.types.keys()).copied().collect(),
            false => self.types.iter().copied().collect(),
        };
        let types: Vec<_> = types.into_iter().map(|one| (one, of(&before, one))).collect();
        before.types.extend(types);
        if self.types.is_empty() {
            before.usual = before.usual.max(stood.usual);
        }
        before
    }
}

impl Stages {
    /// Whether a part of everybody's record before is none now.
    fn lacks(&self, before: &Before) -> bool {
        let lacks = |stage: Stage, was: Stage| was == Stage::Live && stage != Stage::Live;
        lacks(self.usual, before.usual)
            || ResourceType::ALL.iter().any(|one| lacks(self.of(one.as_str()), before.of(Some(*one))))
    }

    /// Whether something has come further in that than here, to where somebody is asked.
    pub fn is_surpassed_by(&self, new: &Self) -> bool {
        let further = |resource_type: &&ResourceType| {
            let name = resource_type.as_str();
            new.of(name) > self.of(name) && new.of(name) >= Stage::Shadow
        };
        ResourceType::ALL.iter().any(|resource_type| further(&resource_type))
    }

    /// Whether anybody is asked at all.
    pub fn is_asked(&self) -> bool {
        self.highest() >= Stage::Shadow
    }

    /// Where another server takes this one's place: what somebody was shown is out until that has been probed, and said to be missing, as
    /// nobody may take it for an organisation that is still joining; the rest goes no further than to be probed.
    pub fn of_another_server(&self) -> Self {
        let staging = Staging {
            stage: Stage::Suspended,
            types: Default::default(),
            reviewers: Default::default(),
            reason: String::new(),
        };
        match self.highest() >= Stage::SafetyOnly {
            true => staging.applied(self, false).unwrap_or_else(|_| self.lowered_to_shadow(None)),
            false => self.lowered_to_shadow(None),
        }
    }

    /// No further than to be probed: all of it, or what is said of these types.
    pub fn lowered_to_shadow(&self, types: Option<&[ResourceType]>) -> Self {
        let mut new = self.clone();
        match types {
            None => {
                new.usual = new.usual.min(Stage::Shadow);
                new.types.values_mut().for_each(|stage| *stage = (*stage).min(Stage::Shadow));
            }
            Some(types) => {
                for resource_type in types {
                    let own = self.types.get(resource_type).copied().unwrap_or(self.usual);
                    if own > Stage::Shadow {
                        new.types.insert(*resource_type, Stage::Shadow);
                    }
                }
            }
        }
        new.without_idle_reviewers()
    }

    fn without_idle_reviewers(mut self) -> Self {
        let looked_at = self.usual == Stage::SafetyOnly || self.types.values().any(|stage| *stage == Stage::SafetyOnly);
        if !looked_at {
            self.reviewers.clear();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    const TYPES: [ResourceType; 2] = [ResourceType::Condition, ResourceType::Observation];

    fn staging(stage: Stage, types: &[ResourceType]) -> Staging {
        let (types, reviewers) = (types.iter().copied().collect(), BTreeSet::new());
        Staging { stage, types, reviewers, reason: "for a test".to_owned() }
    }

    fn at(usual: Stage, types: &[(ResourceType, Stage)]) -> Stages {
        Stages { usual, types: types.iter().copied().collect(), ..Stages::default() }
    }

    #[test]
    fn what_is_said_of_all_holds_for_every_type_and_what_is_said_of_one_for_that_one() {
        let stood = at(Stage::Live, &[(TYPES[0], Stage::SafetyOnly)]);
        let all = staging(Stage::Shadow, &[]).applied(&stood, false).unwrap();
        assert_eq!((all.usual, all.types.len()), (Stage::Shadow, 0));
        let one = staging(Stage::Shadow, &TYPES[1..]).applied(&stood, false).unwrap();
        assert_eq!(TYPES.map(|kind| one.of(kind.as_str())), [Stage::SafetyOnly, Stage::Shadow]);
        assert_eq!(one.usual, Stage::Live);
    }

    #[test]
    fn what_an_operator_suspended_only_an_operator_resumes() {
        for types in [&[][..], &TYPES[..1]] {
            let stood = at(Stage::Live, &[]);
            let own = staging(Stage::Suspended, types).applied(&stood, false).unwrap();
            assert!(staging(Stage::Live, types).applied(&own, false).is_ok_and(|now| now.before.is_none()));
            let imposed = staging(Stage::Suspended, types).applied(&own, true).unwrap();
            for stage in [Stage::Registered, Stage::Shadow, Stage::Live] {
                let resumed = staging(stage, types).applied(&imposed, false);
                assert_eq!(resumed, Err(NotStaged::OnlyAnOperator), "{stage:?} {types:?}");
                assert!(staging(stage, types).applied(&imposed, true).is_ok());
                // nor by way of the whole
                assert_eq!(staging(stage, &[]).applied(&imposed, false), Err(NotStaged::OnlyAnOperator));
            }
            // nor by suspending it once more
            let again = staging(Stage::Suspended, &[]).applied(&imposed, false).unwrap();
            assert_eq!(staging(Stage::Live, &[]).applied(&again, false), Err(NotStaged::OnlyAnOperator));
        }
    }

    #[test]
    fn what_is_taken_down_from_live_is_missing_until_it_is_live_again_or_an_operator_says_that_it_has_left() {
        let missing = |stages: &Stages| TYPES.map(|kind| stages.is_missing(kind.as_str()));
        let live = at(Stage::Live, &[]);
        for stage in [Stage::Registered, Stage::Shadow, Stage::SafetyOnly] {
            let down = staging(stage, &[]).applied(&live, false).unwrap();
            assert_eq!(missing(&down), [true; 2], "{stage:?}");
            // by whatever way it goes on
            let further = staging(Stage::Shadow, &TYPES[..1]).applied(&down, false).unwrap();
            let suspended = staging(Stage::Suspended, &[]).applied(&further, false).unwrap();
            let resumed = staging(Stage::Registered, &[]).applied(&suspended, false).unwrap();
            for stages in [&further, &suspended, &resumed] {
                assert_eq!(missing(stages), [true; 2], "{stages:?}");
            }
            for stages in [down, further, resumed] {
                assert_eq!(staging(Stage::Live, &[]).applied(&stages, false).unwrap(), live);
                assert_eq!(missing(&staging(Stage::Shadow, &[]).applied(&stages, true).unwrap()), [true; 2]);
                let left = staging(Stage::Registered, &[]).applied(&stages, true).unwrap();
                assert_eq!(left, at(Stage::Registered, &[]));
            }
            let one = staging(stage, &TYPES[..1]).applied(&live, false).unwrap();
            assert_eq!(missing(&one), [true, false], "{stage:?}");
            let left = staging(Stage::Registered, &TYPES[..1]).applied(&one, true).unwrap();
            assert_eq!((missing(&left), left.before), ([false; 2], None));
        }
        // what nobody was shown is missed by nobody
        for stage in [Stage::Shadow, Stage::SafetyOnly] {
            let never = staging(Stage::Registered, &[]).applied(&at(stage, &[]), false).unwrap();
            assert_eq!(never, at(Stage::Registered, &[]));
        }
    }

    #[test]
    fn a_type_does_not_come_back_while_all_is_suspended() {
        let whole = staging(Stage::Suspended, &[]).applied(&at(Stage::Live, &[]), false).unwrap();
        assert_eq!(staging(Stage::Live, &TYPES).applied(&whole, true), Err(NotStaged::WhollySuspended));
    }

    #[test]
    fn what_was_live_is_known_of_whatever_is_suspended_however_it_came_to_be() {
        let stood = at(Stage::Live, &[(TYPES[0], Stage::Shadow)]);
        let whole = staging(Stage::Suspended, &[]).applied(&stood, false).unwrap();
        assert_eq!(TYPES.map(|kind| whole.is_missing(kind.as_str())), [false, true]);
        let one = staging(Stage::Suspended, &TYPES[1..]).applied(&stood, false).unwrap();
        let both = staging(Stage::Suspended, &TYPES[..1]).applied(&one, false).unwrap();
        let whole = staging(Stage::Suspended, &[]).applied(&both, false).unwrap();
        for stages in [&both, &whole] {
            assert_eq!(TYPES.map(|kind| stages.is_missing(kind.as_str())), [false, true]);
            assert_eq!(TYPES.map(|kind| stages.of(kind.as_str())), [Stage::Suspended; 2]);
        }
        let never = staging(Stage::Suspended, &[]).applied(&at(Stage::Shadow, &[]), false).unwrap();
        assert!(!TYPES.iter().any(|kind| never.is_missing(kind.as_str())));
        assert!(staging(Stage::Live, &[]).applied(&whole, false).is_ok_and(|now| now == at(Stage::Live, &[])));
    }

    #[test]
    fn one_has_come_further_where_any_type_has_to_where_somebody_is_asked() {
        let before = at(Stage::SafetyOnly, &[(TYPES[0], Stage::Suspended)]);
        for (types, further) in [
            (&[(TYPES[0], Stage::Registered)][..], false),
            (&[(TYPES[0], Stage::Shadow)], true),
            (&[(TYPES[0], Stage::Suspended), (TYPES[1], Stage::Live)], true),
            (&[(TYPES[0], Stage::Suspended), (TYPES[1], Stage::Shadow)], false),
        ] {
            assert_eq!(before.is_surpassed_by(&at(Stage::SafetyOnly, types)), further, "{types:?}");
        }
        assert!(before.is_surpassed_by(&at(Stage::Live, &[])) && !before.is_surpassed_by(&at(Stage::Registered, &[])));
    }

    #[test]
    fn lowered_it_is_shown_to_nobody_and_nothing_comes_further() {
        let types = BTreeMap::from([(TYPES[0], Stage::Registered), (TYPES[1], Stage::Live)]);
        let reviewers = BTreeSet::from(["555".to_owned()]);
        let stood = Stages { usual: Stage::SafetyOnly, types, reviewers, before: None };
        let all = stood.lowered_to_shadow(None);
        assert_eq!(TYPES.map(|kind| all.of(kind.as_str())), [Stage::Registered, Stage::Shadow]);
        assert!(all.usual == Stage::Shadow && all.reviewers.is_empty());
        let one = stood.lowered_to_shadow(Some(&TYPES));
        assert_eq!(TYPES.map(|kind| one.of(kind.as_str())), [Stage::Registered, Stage::Shadow]);
        assert!(one.usual == Stage::SafetyOnly && one.reviewers == stood.reviewers);
    }
}
