//! Overrides, tasks, holds and notices, as both databases keep them.

use super::*;
use crate::{
    access::{
        Matter, Override, OverrideReason, Person, Recipient, Terms,
        desk::{Alert, Concerned, DeskTask, Grant, Queue, Remark, TaskKind},
    },
    alerts::Readers,
    domain::StoreError,
};
use serde_json::json;

fn grant(id: &str, reason: OverrideReason) -> Grant {
    let person = Person { issuer: "https://id.example".into(), subject: "doctor".into() };
    let start = Timestamp::now();
    let grant = Override {
        id: id.into(),
        person,
        organisation: ods("RZ901"),
        reason,
        start,
        end: start.plus(Duration::from_secs(60)),
    };
    Grant { patient: patient(1), organisation: ods("RZ901"), text: "found collapsed".into(), grant }
}

fn alert(organisation: &str, about: &str) -> Alert {
    let detail = json!({"reason": "emergency"}).as_object().unwrap().clone();
    let base = "https://gate.example/fhir/";
    Alert::new(TaskKind::Override, ods(organisation), patient(1), about, detail, Timestamp::now(), base)
}

fn remark(text: &str) -> Remark {
    let by = Person { issuer: "https://id.example".into(), subject: "officer".into() };
    Remark { by, at: Timestamp::now(), text: text.into() }
}

async fn tasks(store: &Store, organisation: &str, closed: Option<bool>) -> Vec<DeskTask> {
    let queue = Queue { organisation: ods(organisation), closed, after: None, limit: 10 };
    store.desk().tasks(&queue).await.unwrap()
}

#[tokio::test]
async fn a_grant_its_hold_and_its_alerts_are_stored_together_and_raise_the_patients_epoch() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let desk = store.desk();
        let alerts = [alert("RZ901", "a"), alert("F99001", "a")];
        desk.grant(&grant("a", OverrideReason::HarmToChild), &alerts).await.unwrap();
        let facts = store.facts().patient_facts(patient(1)).await.unwrap();
        assert_eq!((facts.epoch, facts.overrides.len()), (1, 1));
        assert_eq!((facts.overrides[0].id.as_str(), facts.overrides[0].reason), ("a", OverrideReason::HarmToChild));
        let task = desk.task(&alerts[1].id).await.unwrap().unwrap();
        assert_eq!((task.organisation, task.patient, task.about.as_str()), (ods("F99001"), patient(1), "a"));
        assert_eq!((task.detail, task.hold.is_some(), task.closed.is_none()), (alerts[1].detail.clone(), true, true));

        // an id that is taken: nothing of it is stored, not the epoch either
        let taken = desk.grant(&grant("a", OverrideReason::Emergency), &[alert("RZ902", "a")]).await;
        assert_eq!(taken, Err(StoreError::Unavailable));
        assert!(tasks(&store, "RZ902", None).await.is_empty());
        assert_eq!(store.facts().patient_facts(patient(1)).await.unwrap().epoch, 1);

        // for the patient's own sake nothing is held; two that notice the same make one task
        let own_sake = [alert("RZ903", "b"), alert("RZ903", "b")];
        desk.grant(&grant("b", OverrideReason::Emergency), &own_sake).await.unwrap();
        let found = tasks(&store, "RZ903", None).await;
        assert_eq!((found.len(), found[0].hold.is_none()), (1, true));
    }
}

#[tokio::test]
async fn a_task_is_closed_and_a_hold_released_once() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let desk = store.desk();
        let alerts = [alert("RZ901", "a")];
        desk.grant(&grant("a", OverrideReason::HarmToOther), &alerts).await.unwrap();
        assert!(desk.released_holds(patient(1)).await.unwrap().is_empty());
        desk.close_task(&alerts[0].id, &remark("justified")).await.unwrap();
        desk.release_hold("a", &remark("no danger any more")).await.unwrap();
        for again in [
            desk.close_task(&alerts[0].id, &remark("again")).await,
            desk.release_hold("a", &remark("again")).await,
            desk.release_hold("nothing", &remark("x")).await,
        ] {
            assert_eq!(again, Err(StoreError::Conflict));
        }
        let task = desk.task(&alerts[0].id).await.unwrap().unwrap();
        let (closed, released) = (task.closed.as_ref().unwrap(), task.released().unwrap());
        assert_eq!((closed.text.as_str(), released.text.as_str()), ("justified", "no danger any more"));
        assert_eq!((closed.by.subject.as_str(), task.version()), ("officer", 3));
        assert_eq!(desk.released_holds(patient(1)).await.unwrap(), ["a".to_owned()].into());
        assert!(desk.released_holds(patient(2)).await.unwrap().is_empty());
        assert_eq!(
            (tasks(&store, "RZ901", Some(true)).await.len(), tasks(&store, "RZ901", Some(false)).await.len()),
            (1, 0)
        );
    }
}

#[tokio::test]
async fn a_notice_is_one_nodes_at_a_time_and_everybodys_again_until_it_was_taken() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let alerts: Vec<Alert> = (0..20).map(|n| alert(&format!("RZ9{n:02}"), "a")).collect();
        store.desk().grant(&grant("a", OverrideReason::Emergency), &alerts).await.unwrap();
        let now = Timestamp::now().plus(Duration::from_secs(1));
        // what a patient is to be told is not for the officers' webhook
        let told = "INSERT INTO notice (id, kind, body, at, next_at) VALUES ('p', 'patient-told', '{}', 0, 0)";
        fixture.tamper(told).await;
        let later = now.plus(Duration::from_secs(60));
        let nodes: Vec<_> = (0..4).map(|_| store.notices()).collect();
        let claims =
            futures::future::join_all(nodes.iter().map(|node| node.claim_due(Readers::Officers, now, later, 5))).await;
        let mut claimed: Vec<_> = claims.into_iter().flat_map(Result::unwrap).collect();
        // one that waited for another's may have come away with none: they are there for the next
        while claimed.len() < 20 {
            let more = store.notices().claim_due(Readers::Officers, now, later, 5).await.unwrap();
            assert!(!more.is_empty(), "lost: {}", claimed.len());
            claimed.extend(more);
        }
        let ids: std::collections::BTreeSet<_> = claimed.iter().map(|due| due.notice.id.clone()).collect();
        assert_eq!((claimed.len(), ids.len()), (20, 20), "none twice");
        assert!(claimed.iter().all(|due| due.attempts == 1));
        assert!(store.notices().claim_due(Readers::Officers, now, later, 5).await.unwrap().is_empty());

        // one taken, one put off, and the rest of a node that died
        store.notices().sent(&claimed[0].notice.id, now).await.unwrap();
        store.notices().later(&claimed[1].notice.id, later.plus(Duration::from_secs(60))).await.unwrap();
        let again =
            store.notices().claim_due(Readers::Officers, later, later.plus(Duration::from_secs(9)), 50).await.unwrap();
        assert_eq!(again.len(), 18);
        assert!(again.iter().all(|due| due.attempts == 2 && due.notice != claimed[0].notice));
        let told = store.notices().claim_due(Readers::Patients, now, later, 5).await.unwrap();
        assert_eq!(told.iter().map(|due| due.notice.id.as_str()).collect::<Vec<_>>(), ["p"]);
    }
}

#[tokio::test]
async fn objections_are_found_by_whom_they_concern_those_of_before_the_list_was_kept_too() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let (facts, desk) = (store.facts(), store.desk());
        let source = |code| Matter { sources: vec![ods(code)], ..Matter::default() };
        let recipient = |code| Matter { recipients: vec![Recipient::Organisation(ods(code))], ..Matter::default() };
        let made = [
            ("a", Terms { covers: source("RZ901"), ..Terms::default() }),
            ("b", Terms { covers: recipient("RZ902"), ..Terms::default() }),
            ("c", Terms { covers: source("RZ901"), except: vec![recipient("RZ903")], ..Terms::default() }),
            ("d", Terms { covers: recipient("RZ901"), except: vec![source("RZ902")], ..Terms::default() }),
            ("e", Terms::default()),
        ];
        for (at, (id, terms)) in (1..).zip(made) {
            let version = super::facts::objection(id, 1, true);
            let by =
                if id == "e" { version.recorded_by } else { Recorder { organisation: None, ..version.recorded_by } };
            let recorded_at = Timestamp(at * 1_000);
            let (recorded_by, first_recorded_by) = (by.clone(), by);
            let version =
                crate::access::ConsentRecord { terms, recorded_at, recorded_by, first_recorded_by, ..version };
            facts.create_consent(&version).await.unwrap();
        }
        let found = async |organisation: &str, after, limit| {
            let concerned = Concerned { organisation: ods(organisation), after, limit };
            desk.objections(&concerned).await.unwrap()
        };
        let ids = async |organisation: &str| {
            let found = found(organisation, None, 9).await;
            found.iter().map(|place| place.id.as_str()).collect::<String>()
        };
        let all = async || [ids("RZ901").await, ids("RZ902").await, ids("RZ903").await];
        // the last is of no organisation, and was written down by RZ901's
        let expected = ["edca", "db", "c"];
        assert_eq!(all().await, expected);
        let first = found("RZ901", None, 2).await;
        let rest = found("RZ901", first.last().cloned(), 9).await;
        assert_eq!(first.iter().chain(&rest).map(|place| place.id.as_str()).collect::<String>(), expected[0]);

        // as the migration finds them that were recorded before
        fixture.tamper("DELETE FROM consent_concerns").await;
        let migration = match &fixture.url {
            DatabaseUrl::Sqlite(_) => include_str!("../../../migrations/sqlite/0011_ledger.sql"),
            DatabaseUrl::Postgres(_) => include_str!("../../../migrations/postgres/0011_ledger.sql"),
        };
        fixture.tamper(&migration[migration.find("WITH matter").unwrap()..]).await;
        assert_eq!(all().await, expected);
    }
}
