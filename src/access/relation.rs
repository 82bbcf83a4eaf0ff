use super::{Basis, Evidence, Facts, Person, Relationship, policy::Relationships, question::Grade};
use crate::domain::{OdsCode, Timestamp};

/// The kind of organisation (organisations.json) that patients are registered with.
pub const GENERAL_PRACTICE: &str = "gp-practice";

/// The relationship a decision relies on: of those in force now the best grade, of these the one that lasts longest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation {
    pub grade: Grade,
    /// Exclusive.
    pub end: Timestamp,
    /// The basis with its evidence, for the log.
    pub basis: String,
}

impl Relation {
    /// The best between this user of this organisation and the patient, by what is stored and what was found when asked.
    pub fn best(organisation: OdsCode, person: &Person, facts: &Facts, rules: &Relationships) -> Option<Self> {
        let live: &[Relationship] = match &facts.evidence {
            Evidence::Found(found) => found,
            Evidence::NotAsked | Evidence::Unreachable => &[],
        };
        // whatever an organisation says of itself, only a general practice has registered patients
        let practice = facts.organisation.as_deref() == Some(GENERAL_PRACTICE);
        let theirs = facts.patient.relationships.iter().chain(live).filter(|relationship| {
            relationship.organisation == organisation
                && relationship.person.as_ref().is_none_or(|p| p == person)
                && (practice || relationship.basis != Basis::Registered)
        });
        let in_force = theirs.filter_map(|relationship| {
            let (from, until) = rules.holds(relationship);
            (from <= facts.now && facts.now < until).then(|| Self {
                grade: relationship.grade(),
                end: until,
                basis: format!("{}: {}", relationship.basis.as_str(), relationship.evidence),
            })
        });
        // the grade comes before the end: a permit that shows what only a registration shows must end with it
        in_force.max_by(|a, b| (a.grade, a.end, &a.basis).cmp(&(b.grade, b.end, &b.basis)))
    }
}

impl Relationship {
    /// One of the whole organisation's.
    pub fn of(organisation: OdsCode, basis: Basis, start: Timestamp, end: Option<Timestamp>, evidence: String) -> Self {
        Self { organisation, basis, start, end, closed: false, evidence, person: None }
    }

    /// What a general practice's own Patient says that names it.
    pub fn registered_at(organisation: OdsCode) -> Self {
        let evidence = format!("generalPractitioner at {organisation}");
        Self::of(organisation, Basis::Registered, Timestamp(0), None, evidence)
    }

    pub(super) fn grade(&self) -> Grade {
        match self.basis {
            Basis::Registered => Grade::Registered,
            Basis::Claim => Grade::Claimed,
            _ => Grade::Evidenced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::worlds;
    use super::*;
    use std::time::Duration;

    fn best(relationships: &[Relationship], now: Timestamp) -> Option<Relation> {
        let mut facts = Facts { now, ..worlds::facts() };
        std::sync::Arc::make_mut(&mut facts.patient).relationships = relationships.to_vec();
        Relation::best(worlds::own(), &worlds::person(), &facts, worlds::policy().relationships())
    }

    fn relationship(basis: Basis, evidence: &str, end: Option<u64>) -> Relationship {
        Relationship {
            start: worlds::NOW,
            end: end.map(|seconds| worlds::NOW.plus(Duration::from_secs(seconds))),
            evidence: evidence.to_owned(),
            ..worlds::relationship(worlds::own(), basis)
        }
    }

    const DAY: u64 = 24 * 3_600;

    fn days(days: u64) -> Timestamp {
        worlds::NOW.plus(Duration::from_secs(days * DAY))
    }

    #[test]
    fn the_one_that_lasts_longest_is_relied_on() {
        let found = [
            relationship(Basis::Encounter, "s|short", Some(60)),
            relationship(Basis::Referral, "s|long", Some(3_600)),
            relationship(Basis::CareTeam, "s|over", Some(0)),
        ];
        let best = best(&found, worlds::NOW).unwrap();
        assert_eq!((best.grade, best.basis.as_str()), (Grade::Evidenced, "referral: s|long"));
        assert_eq!(best.end, worlds::NOW.plus(Duration::from_secs(3_600)));
    }

    #[test]
    fn a_registration_is_relied_on_before_a_longer_encounter_and_that_before_a_claim() {
        let claim = Relationship { person: Some(worlds::person()), ..relationship(Basis::Claim, "c", Some(90 * DAY)) };
        let mut found = vec![
            relationship(Basis::Encounter, "s|long", None),
            claim,
            relationship(Basis::Registered, "s|list", Some(60)),
        ];
        let basis = |found: &[Relationship]| best(found, worlds::NOW).unwrap().basis;
        assert_eq!(basis(&found), "registered: s|list");
        found.pop();
        assert_eq!(basis(&found), "encounter: s|long");
    }

    #[test]
    fn a_relationship_holds_from_its_first_moment_until_just_before_its_end() {
        let one = [relationship(Basis::Encounter, "s|1", Some(1))];
        let at = |micros| best(&one, Timestamp(worlds::NOW.0 + micros)).is_some();
        assert_eq!([-1, 0, 999_999, 1_000_000].map(at), [false, true, true, false]);
    }

    #[test]
    fn an_appointment_holds_for_days_on_both_sides_unless_it_was_ended() {
        let one = relationship(Basis::Appointment, "s|1", Some(DAY));
        let at = |one: &Relationship, at| best(std::slice::from_ref(one), at).is_some();
        let before = worlds::NOW.minus(Duration::from_secs(14 * DAY));
        assert!(at(&one, before) && !at(&one, Timestamp(before.0 - 1)));
        assert!(at(&one, days(14)) && !at(&one, days(15)));
        let ended = Relationship { closed: true, ..one };
        assert!(at(&ended, worlds::NOW) && !at(&ended, days(1)));
    }

    #[test]
    fn one_that_nobody_ended_is_over_after_its_longest() {
        let one = [relationship(Basis::Encounter, "s|1", None)];
        assert!(best(&one, days(89)).is_some() && best(&one, days(90)).is_none());
        let listed = [relationship(Basis::Registered, "s|1", None)];
        assert!(best(&listed, days(9_000)).is_some());
    }

    #[test]
    fn only_a_general_practice_has_registered_patients_whatever_another_says() {
        let mut facts = worlds::facts();
        let listed = relationship(Basis::Registered, "s|list", None);
        let seen = relationship(Basis::Encounter, "s|visit", None);
        std::sync::Arc::make_mut(&mut facts.patient).relationships = vec![listed.clone(), seen];
        facts.evidence = Evidence::Found([listed].into());
        let best = |kind: &str| {
            let facts = Facts { organisation: Some(kind.into()), ..facts.clone() };
            Relation::best(worlds::own(), &worlds::person(), &facts, worlds::policy().relationships()).unwrap().grade
        };
        assert_eq!((best("gp-practice"), best("acute-trust")), (Grade::Registered, Grade::Evidenced));
    }

    #[test]
    fn a_claim_is_its_claimants_alone() {
        let mut claim = relationship(Basis::Claim, "c", Some(60));
        claim.person = Some(Person { subject: "another".to_owned(), ..worlds::person() });
        assert_eq!(best(&[claim.clone()], worlds::NOW), None);
        claim.person = Some(worlds::person());
        assert_eq!(best(&[claim], worlds::NOW).unwrap().grade, Grade::Claimed);
    }
}
