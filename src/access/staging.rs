//! What may become of an endpoint's stages, and by whose word.

use super::{Stage, Stages, Suspension, parameters::Staging};
use crate::fhir::ResourceType;

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
    /// an operator resumes.
    pub fn applied(&self, stood: &Stages, by_operator: bool) -> Result<Stages, NotStaged> {
        let mut new = stood.clone();
        if self.stage == Stage::Suspended {
            new.suspension = Some(self.suspension(stood, by_operator));
            match self.types.is_empty() {
                true => new.usual = Stage::Suspended,
                false => new.types.extend(self.types.iter().map(|resource_type| (*resource_type, Stage::Suspended))),
            }
            return Ok(new);
        }
        let wholly = stood.usual == Stage::Suspended;
        let resumes = match self.types.is_empty() {
            true => stood.is_suspended(),
            false => self.types.iter().any(|resource_type| stood.of(resource_type.as_str()) == Stage::Suspended),
        };
        if resumes && !by_operator && stood.suspension.as_ref().is_some_and(|suspension| suspension.imposed) {
            return Err(NotStaged::OnlyAnOperator);
        }
        if wholly && !self.types.is_empty() {
            return Err(NotStaged::WhollySuspended);
        }
        match self.types.is_empty() {
            // no type stays behind, or ahead, of what is said of all
            true => (new.usual, new.types) = (self.stage, Default::default()),
            false => new.types.extend(self.types.iter().map(|resource_type| (*resource_type, self.stage))),
        }
        if !new.is_suspended() {
            new.suspension = None;
        }
        if self.stage == Stage::SafetyOnly {
            new.reviewers.clone_from(&self.reviewers);
        }
        Ok(new.without_idle_reviewers())
    }

    /// What stood before all that is suspended then.
    fn suspension(&self, stood: &Stages, by_operator: bool) -> Suspension {
        let mut suspension = stood.suspension.clone().unwrap_or_else(|| Suspension {
            usual: stood.usual,
            types: stood.types.clone(),
            imposed: false,
        });
        suspension.imposed |= by_operator;
        let standing = stood.types.iter().filter(|(_, stage)| **stage != Stage::Suspended);
        if self.types.is_empty() && stood.usual != Stage::Suspended {
            suspension.usual = stood.usual;
            suspension.types.extend(standing.map(|(resource_type, stage)| (*resource_type, *stage)));
        }
        for resource_type in &self.types {
            let stage = stood.of(resource_type.as_str());
            if stage != Stage::Suspended {
                suspension.types.insert(*resource_type, stage);
            }
        }
        suspension
    }
}

impl Stages {
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
        assert_eq!(all, at(Stage::Shadow, &[]));
        let one = staging(Stage::Shadow, &TYPES[1..]).applied(&stood, false).unwrap();
        assert_eq!(TYPES.map(|kind| one.of(kind.as_str())), [Stage::SafetyOnly, Stage::Shadow]);
        assert_eq!(one.usual, Stage::Live);
    }

    #[test]
    fn what_an_operator_suspended_only_an_operator_resumes() {
        for types in [&[][..], &TYPES[..1]] {
            let stood = at(Stage::Live, &[]);
            let own = staging(Stage::Suspended, types).applied(&stood, false).unwrap();
            assert!(staging(Stage::Live, types).applied(&own, false).is_ok_and(|now| now.suspension.is_none()));
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
    fn a_type_does_not_come_back_while_all_is_suspended() {
        let whole = staging(Stage::Suspended, &[]).applied(&at(Stage::Live, &[]), false).unwrap();
        assert_eq!(staging(Stage::Live, &TYPES).applied(&whole, true), Err(NotStaged::WhollySuspended));
    }

    #[test]
    fn what_was_live_is_known_of_whatever_is_suspended_however_it_came_to_be() {
        let stood = at(Stage::Live, &[(TYPES[0], Stage::Shadow)]);
        let whole = staging(Stage::Suspended, &[]).applied(&stood, false).unwrap();
        assert_eq!(TYPES.map(|kind| whole.was_live(kind.as_str())), [false, true]);
        let one = staging(Stage::Suspended, &TYPES[1..]).applied(&stood, false).unwrap();
        let both = staging(Stage::Suspended, &TYPES[..1]).applied(&one, false).unwrap();
        let whole = staging(Stage::Suspended, &[]).applied(&both, false).unwrap();
        for stages in [&both, &whole] {
            assert_eq!(TYPES.map(|kind| stages.was_live(kind.as_str())), [false, true]);
            assert_eq!(TYPES.map(|kind| stages.of(kind.as_str())), [Stage::Suspended; 2]);
        }
        let never = staging(Stage::Suspended, &[]).applied(&at(Stage::Shadow, &[]), false).unwrap();
        assert!(!TYPES.iter().any(|kind| never.was_live(kind.as_str())));
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
        let stood = Stages { usual: Stage::SafetyOnly, types, reviewers, suspension: None };
        let all = stood.lowered_to_shadow(None);
        assert_eq!(TYPES.map(|kind| all.of(kind.as_str())), [Stage::Registered, Stage::Shadow]);
        assert!(all.usual == Stage::Shadow && all.reviewers.is_empty());
        let one = stood.lowered_to_shadow(Some(&TYPES));
        assert_eq!(TYPES.map(|kind| one.of(kind.as_str())), [Stage::Registered, Stage::Shadow]);
        assert!(one.usual == Stage::SafetyOnly && one.reviewers == stood.reviewers);
    }
}
