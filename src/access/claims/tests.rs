use super::*;
use crate::access::{Relationship, worlds};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn claim(id: &str) -> ClaimRecord {
    ClaimRecord {
        id: id.to_owned(),
        patient: NhsNumber::parse("9990000018").unwrap(),
        organisation: worlds::own(),
        person: worlds::person(),
        reason: "in resus".to_owned(),
        at: worlds::NOW,
        confirm_by: worlds::NOW.plus(4 * HOUR),
        until: worlds::NOW.plus(12 * HOUR),
        confirmed_by: None,
    }
}

/// Ids that a tenth of all falls on (as a number it ends in 0), and one that it does not.
const SAMPLED: &str = "00000000-0000-4000-8000-000000000008";
const OTHER: &str = "00000000-0000-4000-8000-000000000001";

fn settled(claim: &ClaimRecord, relationships: &[Relationship]) -> Settlement {
    let facts = PatientFacts { relationships: relationships.to_vec(), ..Default::default() };
    claim.settled(&facts, worlds::policy().relationships(), worlds::NOW, "https://gateway.example/fhir/")
}

fn encounter(from: Timestamp, end: Option<Timestamp>) -> Relationship {
    let whole = worlds::relationship(worlds::own(), Basis::Encounter);
    Relationship { start: from, end, evidence: "visit|1".to_owned(), ..whole }
}

#[test]
fn an_encounter_of_a_time_that_the_claim_shares_confirms_it_and_no_other_does() {
    let (at, hours) = (worlds::NOW, |hours| worlds::NOW.plus(hours * HOUR));
    let claim = claim(OTHER);
    let confirmed = |found: Relationship| settled(&claim, &[found]).confirmed_by;
    for found in [encounter(at.minus(HOUR), Some(Timestamp(at.0 + 1))), encounter(hours(11), None)] {
        assert_eq!(confirmed(found).as_deref(), Some("encounter: visit|1"));
    }
    assert_eq!(confirmed(encounter(at.minus(HOUR), Some(at))), None, "over before");
    assert_eq!(confirmed(encounter(hours(12), None)), None, "begins after");
    let elsewhere = OdsCode::parse("RZ999").unwrap();
    assert_eq!(confirmed(Relationship { organisation: elsewhere, ..encounter(at, None) }), None);
    let own_word =
        Relationship { basis: Basis::Claim, person: Some(worlds::person()), ..encounter(at, Some(hours(1))) };
    assert_eq!(confirmed(own_word), None, "a claim is no evidence for a claim");
}

#[test]
fn an_unconfirmed_claim_is_for_the_officers_and_of_the_confirmed_a_share_is_looked_at() {
    let unconfirmed = settled(&claim(OTHER), &[]).task.unwrap();
    assert_eq!((unconfirmed.kind, unconfirmed.organisation), (TaskKind::ClaimUnconfirmed, worlds::own()));
    assert_eq!(
        (&unconfirmed.detail["reason"], &unconfirmed.detail["claimant"]["subject"]),
        (&json!("in resus"), &json!(worlds::person().subject))
    );
    assert!(unconfirmed.notice.body.contains(&format!("https://gateway.example/fhir/Task/{}", unconfirmed.id)));

    let found = |id| ClaimRecord { confirmed_by: Some("Encounter/a at RZ901".to_owned()), ..claim(id) };
    assert_eq!(settled(&found(SAMPLED), &[]).task.unwrap().kind, TaskKind::ClaimSample);
    let other = settled(&found(OTHER), &[]);
    assert_eq!(other.confirmed_by, found(OTHER).confirmed_by);
    assert!(other.task.is_none());
}
