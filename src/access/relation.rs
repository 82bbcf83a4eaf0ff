use super::{Basis, Evidence, Facts, Relationship, question::Grade};
use crate::domain::{OdsCode, Timestamp};

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
    /// The best between this organisation and the patient, by what is stored and what it said when asked.
    pub fn best(organisation: OdsCode, facts: &Facts) -> Option<Self> {
        let stored = facts
            .patient
            .relationships
            .iter()
            .filter(|relationship| relationship.organisation == organisation && relationship.in_force(facts.now))
            .map(Self::stored);
        // the grade comes before the end: a permit that shows what only a registration shows must end with it
        stored
            .chain(Self::evidenced(organisation, facts.evidence))
            .max_by(|a, b| (a.grade, a.end, &a.basis).cmp(&(b.grade, b.end, &b.basis)))
    }

    fn stored(relationship: &Relationship) -> Self {
        Self {
            grade: if relationship.basis == Basis::Registered { Grade::Registered } else { Grade::Asserted },
            end: relationship.end.unwrap_or(Timestamp::MAX),
            basis: format!("{}: {}", relationship.basis.as_str(), relationship.evidence),
        }
    }

    fn evidenced(organisation: OdsCode, evidence: Evidence) -> Option<Self> {
        (evidence == Evidence::Registered).then(|| Self {
            grade: Grade::Registered,
            end: Timestamp::MAX,
            basis: format!("registered: generalPractitioner at {organisation}"),
        })
    }
}

impl Relationship {
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.start <= now && self.end.is_none_or(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::worlds;
    use super::*;

    fn facts(relationships: &[Relationship]) -> Facts {
        let mut facts = worlds::facts();
        std::sync::Arc::make_mut(&mut facts.patient).relationships = relationships.to_vec();
        facts
    }

    fn relationship(basis: Basis, evidence: &str, end: Option<i64>) -> Relationship {
        Relationship {
            organisation: worlds::own(),
            basis,
            start: worlds::NOW,
            end: end.map(|seconds| Timestamp(worlds::NOW.0 + seconds * 1_000_000)),
            evidence: evidence.to_owned(),
        }
    }

    #[test]
    fn the_one_that_lasts_longest_is_relied_on() {
        let found = facts(&[
            relationship(Basis::Encounter, "s|short", Some(60)),
            relationship(Basis::Referral, "s|long", Some(3600)),
            relationship(Basis::Appointment, "s|over", Some(0)),
        ]);
        let best = Relation::best(worlds::own(), &found).unwrap();
        assert_eq!((best.grade, best.basis.as_str()), (Grade::Asserted, "referral: s|long"));
        assert_eq!(best.end, Timestamp(worlds::NOW.0 + 3_600_000_000));
    }

    #[test]
    fn a_registration_is_relied_on_before_a_longer_encounter() {
        let found = facts(&[
            relationship(Basis::Encounter, "s|long", None),
            relationship(Basis::Registered, "s|list", Some(60)),
        ]);
        let best = Relation::best(worlds::own(), &found).unwrap();
        assert_eq!((best.grade, best.basis.as_str()), (Grade::Registered, "registered: s|list"));
    }

    #[test]
    fn a_relationship_holds_from_its_first_moment_until_just_before_its_end() {
        let one = relationship(Basis::Encounter, "s|1", Some(1));
        let at = |micros| one.in_force(Timestamp(worlds::NOW.0 + micros));
        assert_eq!([-1, 0, 999_999, 1_000_000].map(at), [false, true, true, false]);
    }
}
