use super::{super::worlds::*, *};
use crate::{
    access::{
        Action, Basis, DataPeriod, Evidence, Interaction, Matter, Override, OverrideReason, Recipient, Relationship,
        Terms,
    },
    domain::Timestamp,
    fhir::ResourceType,
    identity::{Purpose, Scopes},
};

fn explained(requester: &Requester, facts: &Facts, audience: Audience<'_>) -> Explanation {
    let read = wanted(Action::ReadRecord(ResourceType::Observation, Interaction::Search));
    policy().explain(requester, &read, facts, audience)
}

fn officer(sources: &[OdsCode]) -> Audience<'_> {
    Audience::Officer { sources, concealed: false }
}

fn gp() -> Requester {
    requester(staff(Some("R0260")))
}

/// Facts under which a clinician of our own organisation cares for the patient, who objects to this.
fn cared_for(objections: &[Terms]) -> Facts {
    let mut facts = facts();
    let patient = Arc::make_mut(&mut facts.patient);
    patient.relationships = vec![relationship(own(), Basis::Encounter)];
    patient.objections = objections.iter().cloned().map(objection).collect();
    facts
}

#[test]
fn each_refusal_has_its_next_lawful_step() {
    let open = || cared_for(&[]);
    let mut revoked = open();
    Arc::make_mut(&mut revoked.global).revoked.insert(person());
    let unrelated = Facts { evidence: found(&[]), ..facts() };
    let unreachable = Facts { evidence: Evidence::Unreachable, ..facts() };
    for (who, facts, outcome, next) in [
        (gp(), open(), "permitted", ""),
        (gp(), facts(), "needs-evidence", ""),
        (gp(), unrelated.clone(), "access-denied", "claim-relationship record-relationship"),
        (requester(staff(Some("R8009"))), unrelated.clone(), "access-denied", "select-role"),
        (gp(), unreachable, "could-not-check", "claim-relationship try-again"),
        (gp(), cared_for(&[Terms::default()]), "no-patient-consent", "ask-patient override"),
        (gp(), revoked, "access-denied", "registration-authority"),
        (requester(staff(None)), open(), "access-denied", "select-role"),
        (requester(staff(Some("R1860"))), open(), "access-denied", "select-role"),
        (Requester { scopes: Scopes::default(), ..gp() }, open(), "access-denied", "ask-for-scope"),
        (Requester { purpose: Purpose("HRESCH".into()), ..gp() }, open(), "access-denied", "state-purpose"),
        (gp(), Facts { organisation: Some("police".into()), ..open() }, "access-denied", "ask-the-source"),
    ] {
        let told = explained(&who, &facts, Audience::Oneself);
        let steps: Vec<&str> = told.next.iter().map(|next| next.code.as_str()).collect();
        assert_eq!((told.outcome.as_str(), steps.join(" ").as_str()), (outcome, next), "{told}");
    }
}

#[test]
fn what_was_no_use_is_not_offered_again() {
    let terms = Terms { not_even_in_an_emergency: true, ..Terms::default() };
    let mut facts = cared_for(&[terms]);
    let end = Timestamp(NOW.0 + 1_000_000);
    let grant = Override {
        id: "g".into(),
        person: person(),
        organisation: own(),
        reason: OverrideReason::Emergency,
        start: NOW,
        end,
    };
    Arc::make_mut(&mut facts.patient).overrides = vec![grant];
    let told = explained(&gp(), &facts, Audience::Oneself);
    let next: Vec<_> = told.next.iter().filter_map(|next| next.value.as_deref()).collect();
    assert_eq!(next, ["harm-to-other, harm-to-child"]);
    assert!(told.to_string().contains("An override is in force, until"), "{told}");
}

#[test]
fn every_next_step_answers_a_rule_that_there_is() {
    for (rule, ..) in next::BY_RULE {
        let known = policy().rule_ids().any(|id| id.as_str() == *rule) || rule.starts_with(RuleId::NOTHING_PERMITS);
        assert!(known, "{rule}");
    }
}

#[test]
fn an_officer_is_told_the_objection_and_what_did_not_count_and_a_clinician_is_not() {
    let mut facts = cared_for(&[Terms::default()]);
    let ended = Relationship { end: Some(Timestamp(NOW.0 - 1)), closed: true, ..relationship(own(), Basis::Referral) };
    let colleagues = Relationship {
        person: Some(super::super::Person { subject: "x".into(), ..person() }),
        ..relationship(own(), Basis::Claim)
    };
    Arc::make_mut(&mut facts.patient).relationships.extend([ended, colleagues]);
    let told = explained(&gp(), &facts, officer(&[])).to_string();
    for said in [
        "objects to sharing everything.",
        "referral: https://estuary.example|1, which ended at",
        "is another person's own word",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    let told = explained(&gp(), &facts, Audience::Oneself).to_string();
    assert!(!told.contains("objects to sharing") && !told.contains("Did not count"), "{told}");
    assert!(told.contains("whole-record-objection"), "{told}");
}

#[test]
fn a_clinician_learns_by_no_explanation_what_a_patient_objects_to_in_part_or_which_source_is_set_aside() {
    let plain = explained(&gp(), &cared_for(&[]), Audience::Oneself);
    let kind = Matter { kinds: vec!["clinical-detail".into()], ..Matter::default() };
    let mut facts = cared_for(&[of_source(other()), Terms { covers: kind, ..Terms::default() }]);
    Arc::make_mut(&mut facts.patient).quarantined.insert(other());
    Arc::make_mut(&mut facts.global).suspended.insert(other());
    assert_eq!(explained(&gp(), &facts, Audience::Oneself), plain);
    // and the officer learns all of it
    let told = explained(&gp(), &facts, officer(&[own(), other()])).to_string();
    assert!(told.contains(&format!("What {} holds is not shown.", other())), "{told}");
    assert!(told.contains("withheld by entry-objection"), "{told}");
}

#[test]
fn an_officer_who_may_not_know_where_the_patient_is_seen_reads_no_objection_but_their_own_organisations() {
    let mut facts = cared_for(&[Terms::default()]);
    let objection = &mut Arc::make_mut(&mut facts.patient).objections[0];
    objection.recorded_by = Some(other());
    let told = explained(&gp(), &facts, officer(&[])).to_string();
    assert!(told.contains(&format!("Recorded by {}.", other())), "{told}");
    let concealed = Audience::Officer { sources: &[], concealed: true };
    let told = explained(&gp(), &facts, concealed).to_string();
    assert!(told.contains("An objection applies.") && !told.contains(other().as_str()), "{told}");
    Arc::make_mut(&mut facts.patient).objections[0].recorded_by = Some(own());
    assert!(explained(&gp(), &facts, concealed).to_string().contains("objects to sharing everything."));
}

#[test]
fn terms_are_said_whole() {
    let covers = Matter {
        recipients: vec![Recipient::Organisation(own()), Recipient::Person("555".into())],
        sources: vec![other()],
        types: vec!["Condition".into()],
        kinds: vec!["documents".into()],
        sensitivities: vec!["hiv".into()],
        data: Some(DataPeriod { from: None, until: Some(Timestamp(0)) }),
    };
    let except = vec![Matter { sources: vec![own()], ..Matter::default() }];
    let terms = Terms { covers, except, from: Some(Timestamp(0)), until: Some(NOW), not_even_in_an_emergency: true };
    assert_eq!(
        terms::in_words(&terms),
        "The patient objects to sharing Condition, documents that is marked hiv written by F99002 dated until \
         1970-01-01T00:00:00.000Z with RZ901 or user 555, except everything written by RZ901, from 1970-01-01T00:00:00.000Z, until \
         2026-11-18T11:06:40.000Z, not even in an emergency."
    );
}
