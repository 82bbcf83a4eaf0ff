//! A probe whose progress and report are kept, seen from another node.

use super::{probed, stand::server, target};
use crate::harness::soon;
use crate::raw::Act;
use caregate::{
    access::Recorder,
    domain::{OdsCode, StoreError, Timestamp},
    probe::{Begun, State, probe_and_keep},
    store::{DatabaseUrl, Store},
};
use uuid::Uuid;

#[tokio::test]
async fn how_far_a_probe_has_come_is_seen_on_another_node_and_its_report_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("probe.db").display());
    for url in [sqlite, crate::postgres::Postgres::shared().database().await] {
        let open = async || Store::open(&DatabaseUrl::parse(&url).unwrap()).await.unwrap().probes();
        let (node, other) = (open().await, open().await);
        let ods = OdsCode::parse("RZ901").unwrap();
        let by = Recorder { issuer: "https://id.example".into(), subject: "clerk".into(), organisation: Some(ods) };
        let begun = Begun { id: Uuid::new_v4(), ods, version: 3, by, at: Timestamp::now() };
        let raw = server(|heard, _, _| (heard.kind == "Condition").then_some(Act::Held)).await;
        let (target, probing) = (target(&raw), begun.clone());
        let running = tokio::spawn(async move { probe_and_keep(&*node, &probing, &target).await });
        soon("progress, seen from elsewhere", async || {
            let kept = other.latest(ods).await.unwrap()?;
            let held = kept.done > 3 && kept.done < kept.total && kept.state(Timestamp::now()) == State::Running;
            held.then_some(())
        })
        .await;
        raw.open();
        let report = running.await.unwrap().unwrap();
        let (kept, stored) = other.report(begun.id).await.unwrap().unwrap();
        assert_eq!((kept.state(Timestamp::now()), stored.as_ref()), (State::Ended, Some(&report)));
        assert_eq!(kept.done, kept.total);
        assert_eq!(other.passed_since(ods, 3, begun.at).await, Ok(report.passed()));
        let again = super::target(&raw);
        assert_eq!(
            probe_and_keep(&*other, &begun, &again).await.err(),
            Some(StoreError::Conflict),
            "it was made already"
        );
        assert!(probed(&again).await.calls > 0);
    }
}
