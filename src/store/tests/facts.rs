use super::*;
use crate::{
    access::{
        Basis, ConsentRecord, ConsentState, FactStore, Matter, Objection, Person, Recorder, Relationship, Sequel,
        Terms,
        desk::{Alert, Notice, TaskKind},
    },
    domain::{LongId, SealedEntry, StoreError},
};

pub fn objection(id: &str, version: i64, in_force: bool) -> ConsentRecord {
    ConsentRecord {
        id: id.into(),
        version,
        patient: patient(1),
        terms: to_source("F99001"),
        state: if in_force { ConsentState::Requested } else { ConsentState::Withdrawn },
        withdrawer: None,
        note: None,
        recorded_by: clerk(),
        first_recorded_by: clerk(),
        recorded_at: Timestamp(version * 1_000_000),
        resource: r#"{"resourceType":"Consent"}"#.into(),
    }
}

fn to_source(source: &str) -> Terms {
    Terms { covers: Matter { sources: vec![ods(source)], ..Matter::default() }, ..Terms::default() }
}

pub fn relationship(evidence: &str, end: Option<Timestamp>) -> Relationship {
    let start = Timestamp(1_000_000);
    Relationship::of(ods("RZ901"), Basis::Referral, start, end, evidence.into())
}

#[tokio::test]
async fn a_patient_nobody_wrote_about_has_the_default_facts_and_reading_them_stores_nothing() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        for _ in 0..2 {
            let facts = store.facts().patient_facts(patient(1)).await.unwrap();
            assert_eq!((facts.epoch, facts.objections.len(), facts.relationships.len()), (0, 0, 0));
        }
        assert_eq!(store.facts().global_facts().await.unwrap().epoch, 0);
    }
}

#[tokio::test]
async fn an_objection_is_in_force_until_a_next_version_withdraws_it_and_every_write_raises_the_epoch() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let facts = store.facts();
        facts.create_consent(&objection("a", 1, true)).await.unwrap();
        assert_eq!(facts.create_consent(&objection("a", 1, true)).await, Err(StoreError::Conflict));
        let read = facts.patient_facts(patient(1)).await.unwrap();
        let expected = Objection {
            id: "a".into(),
            terms: to_source("F99001"),
            recorded_by: clerk().organisation,
            stands_only_for: None,
        };
        assert_eq!((read.epoch, read.objections), (1, vec![expected]));

        // a version that is not the next one is somebody else's
        for version in [1, 3] {
            assert_eq!(facts.update_consent(&objection("a", version, false), None).await, Err(StoreError::Conflict));
        }
        let of_another = ConsentRecord { patient: patient(2), ..objection("a", 2, false) };
        assert_eq!(facts.update_consent(&of_another, None).await, Err(StoreError::Conflict));
        assert_eq!(facts.patient_facts(patient(1)).await.unwrap().epoch, 1, "what was refused raised nothing");

        facts.update_consent(&objection("a", 2, false), None).await.unwrap();
        facts.create_consent(&objection("b", 1, true)).await.unwrap();
        let read = facts.patient_facts(patient(1)).await.unwrap();
        assert_eq!((read.epoch, read.objections.len()), (3, 1));
        let current = facts.consent("a").await.unwrap().unwrap();
        assert_eq!((current.version, current.state.in_force(), current.recorded_by), (2, false, clerk()));
        let all: Vec<(String, i64)> =
            facts.consents(patient(1)).await.unwrap().into_iter().map(|c| (c.id, c.version)).collect();
        assert_eq!(all, [("a".into(), 2), ("b".into(), 1)]);
        assert!(facts.consent("c").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn of_two_updates_at_once_one_wins_and_the_other_is_told() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let facts = store.facts();
        facts.create_consent(&objection("a", 1, true)).await.unwrap();
        let next = objection("a", 2, false);
        let (one, other) = tokio::join!(facts.update_consent(&next, None), facts.update_consent(&next, None));
        assert!(matches!((one, other), (Ok(()), Err(StoreError::Conflict)) | (Err(StoreError::Conflict), Ok(()))));
    }
}

#[tokio::test]
async fn the_very_same_objection_of_the_same_recorder_is_stored_once_while_it_is_in_force() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let facts = store.facts();
        let at_once = [objection("a", 1, true), objection("b", 1, true)];
        let (one, other) = tokio::join!(facts.create_consent(&at_once[0]), facts.create_consent(&at_once[1]));
        assert!(matches!((one, other), (Ok(()), Err(StoreError::Conflict)) | (Err(StoreError::Conflict), Ok(()))));
        let read = facts.patient_facts(patient(1)).await.unwrap();
        assert_eq!((read.epoch, read.objections.len()), (1, 1), "the second raised nothing");
        let first = facts.consents(patient(1)).await.unwrap().swap_remove(0);

        // another patient's, another's, other terms, and of a version that another person wrote: each is told apart
        let another = Recorder { subject: "other".into(), ..clerk() };
        let theirs = ConsentRecord {
            recorded_by: another.clone(),
            first_recorded_by: another.clone(),
            ..objection("c", 1, true)
        };
        facts.create_consent(&theirs).await.unwrap();
        facts.create_consent(&ConsentRecord { patient: patient(2), ..objection("d", 1, true) }).await.unwrap();
        facts.create_consent(&ConsentRecord { terms: Terms::default(), ..objection("e", 1, true) }).await.unwrap();
        let reviewed = ConsentRecord { version: 2, recorded_by: another, state: ConsentState::Upheld, ..first.clone() };
        facts.update_consent(&reviewed, None).await.unwrap();
        let stored = facts.consent(&first.id).await.unwrap().unwrap();
        assert_eq!((stored.recorded_by.subject.as_str(), stored.first_recorded_by), ("other", clerk()));
        assert_eq!(facts.consent_version(&first.id, 1).await.unwrap().unwrap().state, ConsentState::Requested);
        assert!(facts.consent_version(&first.id, 3).await.unwrap().is_none());
        assert_eq!(facts.create_consent(&objection("f", 1, true)).await, Err(StoreError::Conflict));

        // one that is withdrawn may be made again
        let withdrawn = ConsentRecord { version: 3, state: ConsentState::Withdrawn, ..first };
        facts.update_consent(&withdrawn, None).await.unwrap();
        facts.create_consent(&objection("f", 1, true)).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_recorded_withdrawal_sets_going_is_stored_with_it_or_not_at_all() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let facts = store.facts();
        let sequel = |n: u8| Sequel {
            alert: Alert::new(
                TaskKind::Withdrawal,
                ods("RZ901"),
                patient(1),
                "a",
                serde_json::Map::new(),
                Timestamp(n.into()),
                "https://gate.example/fhir/",
            ),
            to_patient: Notice { id: format!("notice-{n}"), body: "{}".into() },
        };
        let notices = "SELECT count(*) FROM notice WHERE kind IN ('patient-told', 'withdrawal') AND sent_at IS NULL";
        let tasks = "SELECT count(*) FROM desk_task WHERE kind = 'withdrawal' AND about = 'a' AND closed_at IS NULL";
        let due = async || (fixture.count(notices).await, fixture.count(tasks).await);
        facts.create_consent(&objection("a", 1, true)).await.unwrap();
        let version = |version, state| ConsentRecord { state, withdrawer: None, ..objection("a", version, true) };
        let recorded = |n| version(n, ConsentState::WithdrawalRecorded);
        assert_eq!(facts.update_consent(&recorded(3), Some(&sequel(1))).await, Err(StoreError::Conflict));
        assert_eq!(due().await, (0, 0));
        facts.update_consent(&recorded(2), Some(&sequel(1))).await.unwrap();
        assert_eq!(due().await, (2, 1));

        // looked at, rejected, and recorded once more: the patient is told again, and the task is open again
        fixture.tamper("UPDATE desk_task SET closed_at = 1, closed_note = 'no'").await;
        facts.update_consent(&version(3, ConsentState::Requested), None).await.unwrap();
        assert_eq!(due().await, (2, 0));
        facts.update_consent(&recorded(4), Some(&sequel(2))).await.unwrap();
        assert_eq!(due().await, (4, 1));
    }
}

#[tokio::test]
async fn a_relationship_asserted_again_is_replaced_and_one_that_was_ended_is_closed_for_good() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let facts = store.facts();
        let later = Timestamp::now().plus(Duration::from_secs(3600));
        facts.assert_relationship(patient(1), &relationship("x|1", None), None, &clerk()).await.unwrap();
        facts.assert_relationship(patient(1), &relationship("x|1", Some(later)), None, &clerk()).await.unwrap();
        facts.assert_relationship(patient(1), &relationship("x|2", None), None, &clerk()).await.unwrap();
        let read = facts.patient_facts(patient(1)).await.unwrap();
        assert_eq!(read.epoch, 3);
        assert_eq!(read.relationships, [relationship("x|1", Some(later)), relationship("x|2", None)]);

        let end = |evidence, organisation: &'static str| {
            let facts = store.facts();
            async move { facts.end_relationship(patient(1), ods(organisation), evidence, Timestamp::now(), &clerk()).await }
        };
        assert_eq!(end(Some("x|1"), "RZ902").await, Ok(0), "an organisation ends only what it asserted");
        assert_eq!(end(Some("x|3"), "RZ901").await, Ok(0));
        assert_eq!(facts.patient_facts(patient(1)).await.unwrap().epoch, 3);
        assert_eq!(end(Some("x|1"), "RZ901").await, Ok(1));
        let closed = async |facts: &dyn FactStore| -> Vec<(String, bool)> {
            let mut read = facts.patient_facts(patient(1)).await.unwrap().relationships;
            read.sort_by(|a, b| a.evidence.cmp(&b.evidence));
            read.into_iter()
                .map(|r| (r.evidence, r.closed && r.end.is_some_and(|end| end <= Timestamp::now())))
                .collect()
        };
        assert_eq!(closed(&*facts).await, [("x|1".to_owned(), true), ("x|2".to_owned(), false)]);
        assert_eq!(end(None, "RZ901").await, Ok(1));
        assert_eq!(closed(&*facts).await, [("x|1".to_owned(), true), ("x|2".to_owned(), true)]);
        assert_eq!(end(None, "RZ901").await, Ok(0), "what was ended stays as it ended");
        assert_eq!(facts.patient_facts(patient(1)).await.unwrap().epoch, 5);

        // sent late, or again, it does not begin anew; unless it is said to have begun since
        let before = Timestamp::now().minus(Duration::from_secs(3600));
        for begins in [None, Some(before)] {
            let again = facts.assert_relationship(patient(1), &relationship("x|1", None), begins, &clerk()).await;
            assert_eq!(again, Err(StoreError::Conflict), "{begins:?}");
        }
        assert_eq!(facts.patient_facts(patient(1)).await.unwrap().epoch, 5);
        let anew = facts.assert_relationship(patient(1), &relationship("x|1", None), Some(later), &clerk()).await;
        assert_eq!(anew, Ok(()));
        assert_eq!(closed(&*facts).await, [("x|1".to_owned(), false), ("x|2".to_owned(), true)]);
    }
}

#[tokio::test]
async fn suspensions_and_revocations_are_everyones_and_a_quarantine_is_one_patients() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let (facts, standing) = (store.facts(), store.standing());
        standing.suspend(ods("F99001"), "probe failed").await.unwrap();
        standing.suspend(ods("F99001"), "again").await.unwrap();
        facts.revoke("https://id.example", "mallory", "left").await.unwrap();
        let read = facts.global_facts().await.unwrap();
        assert_eq!((read.epoch, read.suspended.contains(&ods("F99001"))), (3, true));
        assert!(read.revoked.contains(&Person { issuer: "https://id.example".into(), subject: "mallory".into() }));
        assert_eq!(standing.resume(ods("F99001")).await, Ok(true));
        assert_eq!(standing.resume(ods("F99001")).await, Ok(false));
        assert!(facts.global_facts().await.unwrap().suspended.is_empty());

        for (of, distinct) in [(1, 1), (1, 1), (2, 2), (3, 3)] {
            assert_eq!(standing.quarantine(ods("RZ902"), patient(of), "wrong patient").await, Ok(distinct));
        }
        assert!(facts.patient_facts(patient(1)).await.unwrap().quarantined.contains(&ods("RZ902")));
        assert!(facts.patient_facts(patient(4)).await.unwrap().quarantined.is_empty());
    }
}

#[tokio::test]
async fn an_epoch_cannot_be_lowered_or_removed_even_behind_the_gateways_back() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        store.standing().suspend(ods("F99001"), "probe failed").await.unwrap();
        for statement in ["UPDATE epoch SET epoch = 0", "UPDATE epoch SET key = 5", "DELETE FROM epoch"] {
            let refused = fixture.try_tamper(statement).await;
            assert!(refused.is_err(), "{statement}");
        }
        assert_eq!(store.facts().global_facts().await.unwrap().epoch, 1);
    }
}

#[tokio::test]
async fn a_long_source_id_is_found_again_by_its_digest() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let entry = SealedEntry { source: ods("RZ901"), patient: patient(1), local: "x".repeat(60) };
        let id = LongId { digest: "digest".into(), entry: entry.clone() };
        store.long_ids().remember(&[id.clone(), id]).await.unwrap();
        assert_eq!(store.long_ids().find("digest").await, Ok(Some(entry)));
        assert_eq!(store.long_ids().find("other").await, Ok(None));
    }
}

#[tokio::test]
async fn what_is_written_under_one_number_of_a_person_raises_all_and_binds_under_all() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let facts = store.facts();
        let (old, current) = (patient(1), patient(2));
        facts.create_consent(&objection("before", 1, true)).await.unwrap();
        let apart = facts.patient_facts(current).await.unwrap();
        assert_eq!((apart.epoch, apart.objections.len()), (0, 0));
        assert!(facts.supersede(old, current).await.unwrap());
        assert!(!facts.supersede(old, current).await.unwrap(), "it was no news");
        let under = async |number| {
            let found = facts.patient_facts(number).await.unwrap();
            assert_eq!(found.numbers(number).all().collect::<Vec<_>>(), [current, old]);
            (found.epoch, found.objections.len())
        };
        assert_eq!((under(old).await, under(current).await), ((1, 1), (1, 1)));
        let other = ConsentRecord { terms: to_source("F99002"), ..objection("after", 1, true) };
        facts.create_consent(&other).await.unwrap();
        let held = relationship("r", None);
        facts.assert_relationship(current, &held, None, &clerk()).await.unwrap();
        assert_eq!((under(old).await, under(current).await), ((3, 2), (3, 2)));
        // what was written under one is changed by way of the other
        let count = async || facts.patient_facts(current).await.unwrap().relationships.len();
        facts.assert_relationship(old, &held, None, &clerk()).await.unwrap();
        assert_eq!(count().await, 1);
        facts.assert_relationship(current, &held, None, &clerk()).await.unwrap();
        let standing = store.standing();
        standing.quarantine(ods("RZ902"), old, "wrong patient").await.unwrap();
        assert_eq!(standing.lift_quarantine(ods("RZ902"), current).await, Ok(true));

        // as it stood at each epoch of the number in use
        for (epoch, objections, relationships) in [(0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 2, 1)] {
            let then = facts.patient_facts_at(current, epoch, Timestamp(2_000_000)).await.unwrap();
            assert_eq!((then.objections.len(), then.relationships.len()), (objections, relationships), "{epoch}");
        }

        // the index says that they are two persons after all
        assert!(facts.supersede(old, old).await.unwrap());
        let (old, current) = (facts.patient_facts(old).await.unwrap(), facts.patient_facts(current).await.unwrap());
        assert_eq!((old.objections.len(), old.relationships.len(), old.superseded.len()), (2, 0, 0));
        assert_eq!((current.objections.len(), current.relationships.len(), current.epoch), (0, 1, 8));
    }
}
