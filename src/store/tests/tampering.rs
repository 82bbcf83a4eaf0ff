//! What the verifier finds when someone has been at the database.

use super::*;
use crate::audit::{Checkpoint, Report, StoredHead, Where, verify};

/// Two stretches of a log with a checkpoint after each, at sizes 5 and 10. Rows 3 and 8 name an item list.
struct Story {
    fixture: Fixture,
    store: Store,
    /// The head and the checkpoint at size 5, and the one at size 10.
    head: StoredHead,
    early: Checkpoint,
    late: Checkpoint,
}

impl Story {
    async fn told(fixture: Fixture) -> Self {
        let store = fixture.open().await;
        let file = fixture.directory.path().join("checkpoint");
        let mut kept = Vec::new();
        for name in ["a", "b"] {
            let options = LogOptions { checkpoint_file: Some(file.clone()), ..options() };
            let log = AuditLog::start(store.log(log_id("node-1")), options).await.unwrap();
            let items = items(patient(1), name);
            for i in 0..5 {
                let row = if i == 3 { release_of(&items) } else { row(Kind::Refused, Some(patient(2))) };
                log.commit(row, None, vec![items.clone()]).await.unwrap();
            }
            log.close().await;
            let head = store.log_reader().head(&log_id("node-1")).await.unwrap().unwrap();
            kept.push((head, Checkpoint::parse(&std::fs::read_to_string(&file).unwrap()).unwrap()));
        }
        let (_, late) = kept.pop().unwrap();
        let (head, early) = kept.pop().unwrap();
        Self { fixture, store, head, early, late }
    }

    async fn both() -> [Self; 2] {
        let [one, other] = Fixture::both().await;
        [Self::told(one).await, Self::told(other).await]
    }

    async fn verified(&self, held: &[&Checkpoint]) -> Report {
        let keys = vec![signer().verifier_key(&log_id("node-1"))];
        let outside = verify::Outside { keys, held: held.iter().map(|c| (*c).clone()).collect() };
        verify::verify(self.store.log_reader().as_ref(), &outside).await.unwrap()
    }

    async fn first_bad(&self, held: &[&Checkpoint]) -> Option<Where> {
        self.verified(held).await.first_bad().map(|fault| fault.place.clone())
    }
}

fn at(index: u64) -> Where {
    Where::Row { log: log_id("node-1"), index }
}

fn within(first: u64, last: u64) -> Where {
    Where::Rows { log: log_id("node-1"), first, last }
}

fn whole() -> Where {
    Where::Log(log_id("node-1"))
}

#[tokio::test]
async fn an_untouched_log_verifies_and_the_report_says_what_that_rests_on() {
    for story in Story::both().await {
        let report = story.verified(&[]).await;
        assert!(report.ok(), "{report}");
        let text = report.to_string();
        assert!(
            text.contains("all 10 rows are there") && text.contains("rows 0 to 9 stand under a signature"),
            "{text}"
        );
        assert!(report.not_proved.iter().any(|line| line.contains("--checkpoint")), "{text}");

        let report = story.verified(&[&story.early, &story.late]).await;
        assert!(report.ok() && report.not_proved.is_empty(), "{report}");
        let report = story.verified(&[&story.early]).await;
        assert!(report.not_proved.iter().any(|line| line.contains("after row 4")), "{report}");
    }
}

#[tokio::test]
async fn every_change_to_a_row_is_named_by_its_index() {
    for (statement, place) in [
        // a changed value in each column
        ("UPDATE audit_row SET body = '\\x7b7d' WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET nonce = '\\x00' WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET leaf = nonce WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET leaf = (SELECT leaf FROM audit_row WHERE idx = 4) WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET kind = 1 - kind WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET at = at + 1 WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET patient = NULL WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET patient = 9990000018 WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET request_id = '\\x00' WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET idx = 20 WHERE idx = 3", at(3)),
        ("UPDATE audit_row SET log = 'node-2' WHERE idx = 3", at(3)),
        // removed: in the middle, at the start, at the end
        ("DELETE FROM audit_row WHERE idx = 3", at(3)),
        ("DELETE FROM audit_row WHERE idx = 0", at(0)),
        ("DELETE FROM audit_row WHERE idx >= 8", at(8)),
        // swapped, where each row is whole but for its place
        (
            "UPDATE audit_row SET idx = 99 WHERE idx = 3; UPDATE audit_row SET idx = 3 WHERE idx = 4; \
             UPDATE audit_row SET idx = 4 WHERE idx = 99",
            at(3),
        ),
        // replaced by another whole row
        (
            "UPDATE audit_row SET nonce = o.nonce, body = o.body, kind = o.kind, at = o.at, \
             patient = o.patient, request_id = o.request_id FROM audit_row AS o WHERE o.idx = 6 AND audit_row.idx = 7",
            at(7),
        ),
        // the head and the checkpoints
        ("UPDATE log_head SET size = 9", whole()),
        ("UPDATE log_head SET root = frontier", whole()),
        ("DELETE FROM log_head", whole()),
        ("UPDATE checkpoint SET note = 'x' WHERE size = 5", whole()),
        ("UPDATE checkpoint SET size = 6 WHERE size = 5", whole()),
        ("UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 10) WHERE size = 5", whole()),
        ("DELETE FROM audit_item_list", at(3)),
    ] {
        for story in Story::both().await {
            story.fixture.tamper(statement).await;
            let report = story.verified(&[]).await;
            let found =
                report.faults.iter().find(|fault| !matches!(&fault.place, Where::Log(log) if *log == log_id("node-2")));
            assert_eq!(found.map(|fault| &fault.place), Some(&place), "{statement}: {report}");
        }
    }
}

#[tokio::test]
async fn a_row_forged_with_its_leaf_is_placed_between_two_checkpoints() {
    for story in Story::both().await {
        // an erasure claimed for a row that was another: nothing is left to check it against but the root
        let forge = "UPDATE audit_row SET leaf = (SELECT leaf FROM audit_row WHERE idx = 6), nonce = NULL, body = NULL, \
            kind = NULL, at = NULL, patient = NULL, request_id = NULL WHERE idx = 7";
        story.fixture.tamper(forge).await;
        assert_eq!(story.first_bad(&[]).await, Some(within(5, 9)));
        story.fixture.tamper("DELETE FROM checkpoint").await;
        assert_eq!(story.first_bad(&[]).await, Some(within(0, 9)), "by the head alone");
        assert_eq!(story.first_bad(&[&story.early]).await, Some(within(5, 9)));
    }
}

#[tokio::test]
async fn a_changed_item_list_is_named() {
    for statement in [
        "UPDATE audit_item_list SET text = '\\x00'",
        "UPDATE audit_item_list SET source = 'RZ999'",
        "UPDATE audit_item_list SET patient = 9990000018",
    ] {
        for story in Story::both().await {
            story.fixture.tamper(statement).await;
            assert!(matches!(story.first_bad(&[]).await, Some(Where::Items(_))), "{statement}");
        }
    }
}

#[tokio::test]
async fn a_log_cut_back_with_its_head_and_checkpoints_is_found_by_a_checkpoint_held_elsewhere_and_only_by_it() {
    for story in Story::both().await {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let (peaks, root) = (hex(&story.head.peaks), hex(&story.head.root));
        let cut = format!(
            "DELETE FROM audit_row WHERE idx >= 5; DELETE FROM checkpoint WHERE size > 5; \
             UPDATE log_head SET size = 5, frontier = '\\x{peaks}', root = '\\x{root}'"
        );
        story.fixture.tamper(cut).await;
        let alone = story.verified(&[]).await;
        assert!(alone.ok(), "{alone}");
        assert!(story.verified(&[&story.early]).await.ok());
        assert_eq!(story.first_bad(&[&story.late]).await, Some(whole()));

        story.fixture.tamper("DELETE FROM audit_row; DELETE FROM checkpoint; DELETE FROM log_head").await;
        assert_eq!(story.first_bad(&[&story.early]).await, Some(whole()), "the log as a whole is gone");
    }
}

#[tokio::test]
async fn a_checkpoint_signed_by_another_key_is_a_fault() {
    for story in Story::both().await {
        let stranger = Signer::new("caregate.example/audit", &[8; 32]).unwrap();
        let outside = verify::Outside { keys: vec![stranger.verifier_key(&log_id("node-1"))], held: Vec::new() };
        let report = verify::verify(story.store.log_reader().as_ref(), &outside).await.unwrap();
        assert_eq!(report.first_bad().map(|fault| fault.place.clone()), Some(whole()));
    }
}

#[tokio::test]
async fn an_erased_row_leaves_nothing_but_its_hash_and_the_log_still_verifies() {
    let erase = "UPDATE audit_row SET nonce = NULL, body = NULL, kind = NULL, at = NULL, patient = NULL, request_id = NULL \
        WHERE idx = 3";
    for story in Story::both().await {
        story.fixture.tamper(erase).await;
        story
            .fixture
            .tamper("DELETE FROM audit_item_list WHERE answer = (SELECT min(answer) FROM audit_item_list)")
            .await;
        // whichever list that was: the row that names it is erased too
        story.fixture.tamper(erase.replace("idx = 3", "idx = 8")).await;
        let report = story.verified(&[&story.late]).await;
        assert!(report.ok(), "{report}");
        assert!(report.not_proved.iter().any(|line| line.contains("2 rows were erased")), "{report}");
        assert!(story.store.log_reader().rows(&log_id("node-1"), 3, 1).await.unwrap()[0].row().unwrap().is_none());
    }
    // half an erasure, that would leave a row without its proof, is refused by the tables themselves
    for story in Story::both().await {
        for half in ["nonce", "body", "at"] {
            assert!(
                story.fixture.try_tamper(format!("UPDATE audit_row SET {half} = NULL WHERE idx = 3")).await.is_err()
            );
        }
    }
}
