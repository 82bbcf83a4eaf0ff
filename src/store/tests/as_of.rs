//! What stood when: every state the facts were ever in can be read again by its epoch.

use super::{
    facts::{objection, relationship},
    *,
};
use crate::access::{GlobalFacts, Item, PatientFacts, Person, Policy, RecallReason, Recalled};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

/// A change of facts, and by the number which of several things it changes.
#[derive(Clone, Copy, Debug)]
enum Change {
    Object(u8),
    Withdraw(u8),
    Assert(u8),
    AssertUntil(u8, i64),
    End(u8),
    Override(u8, i64),
    Quarantine(u8),
    LiftQuarantine(u8),
    Recall(u8),
    WithdrawRecall(u8),
    Suspend(u8),
    Resume(u8),
    Revoke(u8),
    Apply(u8),
}

fn change() -> impl Strategy<Value = Change> {
    // hours from now, and never about now
    let hours = prop_oneof![-3_i64..0, 1_i64..4];
    prop_oneof![
        (0..4_u8).prop_map(Change::Object),
        (0..4_u8).prop_map(Change::Withdraw),
        (0..3_u8).prop_map(Change::Assert),
        (0..3_u8, hours.clone()).prop_map(|(n, hours)| Change::AssertUntil(n, hours)),
        (0..3_u8).prop_map(Change::End),
        (0..9_u8, hours).prop_map(|(n, hours)| Change::Override(n, hours)),
        (0..2_u8).prop_map(Change::Quarantine),
        (0..2_u8).prop_map(Change::LiftQuarantine),
        (0..4_u8).prop_map(Change::Recall),
        (0..2_u8).prop_map(Change::WithdrawRecall),
        (0..2_u8).prop_map(Change::Suspend),
        (0..2_u8).prop_map(Change::Resume),
        (0..2_u8).prop_map(Change::Revoke),
        (0..2_u8).prop_map(Change::Apply),
    ]
}

fn policies() -> [Policy; 2] {
    let built_in = Policy::load(None).unwrap();
    let mut texts = built_in.texts();
    let minutes = texts.get_mut("overrides.json").unwrap();
    *minutes = minutes.replace("60", "30");
    [built_in, Policy::stored(&texts).unwrap()]
}

fn in_hours(hours: i64) -> Timestamp {
    Timestamp(Timestamp::now().0 + hours * 3_600_000_000)
}

/// Some are refused, such as an objection that is there: they change nothing.
async fn make(change: Change, fixture: &Fixture, store: &Store, policies: &[Policy; 2]) {
    let (facts, standing) = (store.facts(), store.standing());
    let source = |n: u8| ods(["RZ902", "F99001"][usize::from(n)]);
    let evidence = |n: u8| format!("x|{n}");
    let recalled = |n: u8| Recalled {
        id: uuid::Uuid::new_v4().to_string(),
        source: source(n % 2),
        patient: patient(1),
        items: vec![Item::parse("Condition", "a").unwrap(), Item::parse("Observation", "b").unwrap()],
        reason: if n < 2 { RecallReason::WrongPatient } else { RecallReason::EnteredInError },
        note: (n == 0).then(|| "why".to_owned()),
        by: Person { issuer: "https://identity.example".to_owned(), subject: "system".to_owned() },
        at: Timestamp::now(),
    };
    match change {
        Change::Recall(n) => store.recalls().recall(&recalled(n)).await.unwrap(),
        Change::WithdrawRecall(n) => drop(store.recalls().withdraw(&recalled(n)).await.unwrap()),
        Change::Object(n) => {
            let _ = facts.create_consent(&objection(&n.to_string(), 1, true)).await;
        }
        Change::Withdraw(n) => {
            let version = facts.consent(&n.to_string()).await.unwrap().map_or(2, |current| current.version + 1);
            // and objected again by the version after
            let _ = facts.update_consent(&objection(&n.to_string(), version, version % 2 == 1), None).await;
        }
        Change::Assert(n) => {
            facts
                .assert_relationship(patient(1), &relationship(&evidence(n), None), Some(Timestamp::now()), &clerk())
                .await
                .unwrap();
        }
        Change::AssertUntil(n, hours) => {
            let until = relationship(&evidence(n), Some(in_hours(hours)));
            facts.assert_relationship(patient(1), &until, Some(Timestamp::now()), &clerk()).await.unwrap();
        }
        Change::End(n) => {
            let (one, now) = (evidence(n), Timestamp::now());
            facts.end_relationship(patient(1), ods("RZ901"), Some(&one), now, &clerk()).await.unwrap();
        }
        Change::Override(n, hours) => {
            let (key, end) = (patient(1).value(), in_hours(hours).0);
            let id = format!("{n}-{end}");
            fixture
                .tamper(format!(
                    "BEGIN; INSERT INTO epoch (key, epoch) VALUES ({key}, 1) \
                     ON CONFLICT (key) DO UPDATE SET epoch = epoch.epoch + 1; \
                     INSERT INTO override_grant (id, patient, issuer, subject, organisation, reason, text, start_at, end_at, \
                     from_epoch) VALUES ('{id}', {key}, 'i', 's', 'RZ901', 'emergency', 'why', 0, {end}, \
                     (SELECT epoch FROM epoch WHERE key = {key})); COMMIT"
                ))
                .await;
        }
        Change::Quarantine(n) => drop(standing.quarantine(source(n), patient(1), "wrong patient").await.unwrap()),
        Change::LiftQuarantine(n) => drop(standing.lift_quarantine(source(n), patient(1)).await.unwrap()),
        Change::Suspend(n) => standing.suspend(source(n), "probe failed").await.unwrap(),
        Change::Resume(n) => drop(standing.resume(source(n)).await.unwrap()),
        Change::Revoke(n) => facts.revoke("https://id.example", &n.to_string(), "left").await.unwrap(),
        Change::Apply(n) => drop(store.policies().put_in_force(&policies[usize::from(n)]).await.unwrap()),
    }
}

#[tokio::test]
async fn whatever_stood_at_any_epoch_can_be_read_again_after_all_has_changed() {
    let policies = policies();
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let facts = store.facts();
        let mut runner = TestRunner::deterministic();
        let mut seen: Vec<(Change, Timestamp, PatientFacts, GlobalFacts)> = Vec::new();
        for change in (0..300).map(|_| change().new_tree(&mut runner).unwrap().current()) {
            make(change, &fixture, &store, &policies).await;
            let about = facts.patient_facts(patient(1)).await.unwrap();
            let global = facts.global_facts().await.unwrap();
            seen.push((change, Timestamp::now(), about, global));
        }
        let states: std::collections::BTreeSet<_> = seen.iter().map(|(_, _, p, g)| (p.epoch, g.epoch)).collect();
        assert!(states.len() > 90, "only {} different states", states.len());
        assert!(seen.iter().any(|(_, _, p, _)| p.objections.len() > 1 && !p.overrides.is_empty()));
        for (change, at, about, global) in &seen {
            let again = facts.patient_facts_at(patient(1), about.epoch, *at).await.unwrap();
            assert_eq!(again, *about, "after {change:?}");
            assert_eq!(facts.global_facts_at(global.epoch).await.unwrap(), *global, "after {change:?}");
        }
    }
}

#[tokio::test]
async fn a_policy_in_force_is_kept_with_its_texts_and_put_in_force_once() {
    let [first, second] = policies();
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let kept = store.policies();
        assert_eq!(store.facts().global_facts().await.unwrap().policy, None);
        let (one, other) = tokio::join!(kept.put_in_force(&first), kept.put_in_force(&first));
        assert_ne!(one.unwrap(), other.unwrap(), "of two nodes that start at once one puts it in force");
        assert_eq!(store.facts().global_facts().await.unwrap().epoch, 1);
        assert!(kept.put_in_force(&second).await.unwrap());
        assert!(kept.put_in_force(&first).await.unwrap(), "back again");

        let history = kept.history().await.unwrap();
        let named: Vec<_> = history.iter().map(|change| (&*change.fingerprint, change.from_epoch)).collect();
        assert_eq!(named, [(&**first.fingerprint(), 1), (&**second.fingerprint(), 2), (&**first.fingerprint(), 3)]);
        for policy in [&first, &second] {
            let texts = kept.texts(policy.fingerprint()).await.unwrap().unwrap();
            assert_eq!(Policy::stored(&texts).unwrap().fingerprint(), policy.fingerprint());
        }
        assert_eq!(kept.texts("0123456789abcdef").await.unwrap(), None);
    }
}
