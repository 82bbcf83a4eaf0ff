use super::{Fixture, clerk, ods};
use crate::{
    domain::{RequestId, StoreError, Timestamp},
    probe::{Begun, Ended, Finding, Group, Kept, Level, Outcome, Progress, Report, State, Verdict},
};
use std::time::Duration;
use uuid::Uuid;

fn begun(code: &str, version: i64, at: i64) -> Begun {
    Begun { id: Uuid::new_v4(), ods: ods(code), version, by: clerk(), at: Timestamp(at) }
}

fn report(verdict: Verdict) -> Report {
    Report {
        format: Report::FORMAT,
        verdict,
        address: "https://rz901.example/fhir/".to_owned(),
        idiom: "chained".to_owned(),
        began: Timestamp(1_000),
        took_ms: 7,
        patients: 2,
        types: vec!["Condition".to_owned()],
        calls: 40,
        deadline_ms: 3_000,
        request: RequestId::fresh(),
        findings: vec![Finding {
            check: "type-search".to_owned(),
            group: Group::Types,
            level: Level::Must,
            about: Some("Condition".to_owned()),
            title: "It answers".to_owned(),
            outcome: Outcome::NotTested,
            excused: true,
            seen: "Nothing, \"quoted\" \u{20ac}.".to_owned(),
            mend: "Nothing.".to_owned(),
            see: "https://hl7.org/fhir/R4/search.html".to_owned(),
        }],
    }
}

fn step(done: u32, total: u32) -> Progress {
    Progress { done, total, what: "Condition".to_owned() }
}

#[tokio::test]
async fn a_probe_is_seen_from_any_node_while_it_runs_and_after_and_one_that_died_is_seen_to_have() {
    for fixture in Fixture::both().await {
        let (node, other) = (fixture.open().await.probes(), fixture.open().await.probes());
        assert_eq!(other.latest(ods("RZ901")).await, Ok(None));
        let first = begun("RZ901", 1, 1_000);
        node.begin(&first).await.unwrap();
        assert_eq!(other.begin(&first).await, Err(StoreError::Conflict), "one of this id is there");
        node.progress(first.id, &step(3, 31), Timestamp(2_000)).await.unwrap();
        let running = Kept { begun: first.clone(), done: 3, total: 31, heard: Timestamp(2_000), ended: None };
        assert_eq!(other.latest(ods("RZ901")).await, Ok(Some(running.clone())));
        assert_eq!(other.report(first.id).await, Ok(Some((running.clone(), None))));
        let silent = Timestamp(2_000).plus(Duration::from_secs(300));
        assert_eq!((running.state(silent), running.state(Timestamp(silent.0 + 1))), (State::Running, State::Died));

        let passed = report(Verdict::Passed);
        node.end(first.id, &passed, Timestamp(3_000)).await.unwrap();
        assert_eq!(other.end(first.id, &report(Verdict::Failed), Timestamp(4_000)).await, Err(StoreError::Conflict));
        assert_eq!(
            node.end(Uuid::new_v4(), &passed, Timestamp(4_000)).await,
            Err(StoreError::Conflict),
            "there is none"
        );
        node.progress(first.id, &step(4, 31), Timestamp(9_000)).await.unwrap();
        let ended = Some(Ended { at: Timestamp(3_000), verdict: Verdict::Passed });
        let kept = Kept { heard: Timestamp(3_000), ended, ..running };
        assert_eq!(other.report(first.id).await, Ok(Some((kept.clone(), Some(passed)))));
        assert_eq!(kept.state(Timestamp::MAX), State::Ended, "it ended, however long ago");
        assert_eq!(other.report(Uuid::new_v4()).await, Ok(None));
    }
}

#[tokio::test]
async fn an_endpoint_has_passed_by_the_last_ended_probe_of_that_version_and_time_alone() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await.probes();
        let passed = async |version, since| store.passed_since(ods("RZ901"), version, Timestamp(since)).await.unwrap();
        let ended = async |code: &str, version, at, verdict| {
            let one = begun(code, version, at);
            store.begin(&one).await.unwrap();
            store.end(one.id, &report(verdict), Timestamp(at + 10)).await.unwrap();
            one
        };
        let first = ended("RZ901", 1, 1_000, Verdict::Passed).await;
        assert!(passed(1, 1_000).await && !passed(1, 1_001).await, "it began earlier");
        assert!(!passed(2, 0).await, "another version was probed");
        assert!(!store.passed_since(ods("RZ902"), 1, Timestamp(0)).await.unwrap(), "another organisation's was");
        let running = begun("RZ901", 1, 2_000);
        store.begin(&running).await.unwrap();
        assert!(passed(1, 0).await, "one that runs says nothing yet");
        let failed = ended("RZ901", 1, 3_000, Verdict::Failed).await;
        assert!(!passed(1, 0).await, "what passed has failed since");
        store.end(running.id, &report(Verdict::Passed), Timestamp(9_000)).await.unwrap();
        assert!(!passed(1, 0).await, "it ended last, and began before the one that failed");
        let last = ended("RZ901", 2, 4_000, Verdict::Passed).await;
        assert!(passed(2, 0).await && !passed(1, 0).await);
        let history = store.history(ods("RZ901"), 3).await.unwrap();
        let ids: Vec<Uuid> = history.iter().map(|kept| kept.begun.id).collect();
        assert_eq!(ids, [last.id, failed.id, running.id]);
        assert_eq!(store.history(ods("RZ901"), 9).await.unwrap().last().map(|kept| kept.begun.id), Some(first.id));
    }
}
