//! A provider misbehaves in every way it can. Each row: what it does, and the failure that is told of it. The others'
//! entries are all there, byte for byte; the answer says who is missing and why; nothing of the bad answer is anywhere; and
//! it is not remembered: once the provider is well, the record is whole.

mod limits;
pub mod moved;
mod rows;
pub mod stage;
mod survived;
pub mod trust;

use crate::{
    completeness::{partial, patient_of, whole},
    harness::{Answer, Gate},
    raw::{Act, Heard, Raw, Sound},
};
use stage::{MARK, Stage};
use std::sync::Arc;

const GP: &str = "gp-saltmarsh";
const BAD: &str = "RZ902";

type Script = Arc<dyn Fn(&Heard, &Sound) -> Act + Send + Sync>;

struct Row {
    failure: &'static str,
    what: &'static str,
    act: Script,
    /// Whether it spoils the lookup of the Patient too, and not only what is said of entries.
    lookup: bool,
}

/// One that spoils whatever is asked.
fn row(failure: &'static str, what: &'static str, act: impl Fn(&Heard, &Sound) -> Act + Send + Sync + 'static) -> Row {
    Row { failure, what, act: Arc::new(act), lookup: true }
}

/// One that spoils what is said of entries.
fn in_entries(
    failure: &'static str,
    what: &'static str,
    act: impl Fn(&Heard, &Sound) -> Act + Send + Sync + 'static,
) -> Row {
    Row { failure, what, act: Arc::new(act), lookup: false }
}

fn stage() -> Stage {
    Stage::new()
        .set("CAREGATE__FEDERATION__MAX_ANSWER_BYTES", 400_000)
        .set("CAREGATE__FEDERATION__MAX_NODES", 20_000)
        .set("CAREGATE__FEDERATION__MAX_PAGES", 5)
}

async fn metrics(gate: &Gate) -> String {
    Answer::of(gate.request(reqwest::Method::GET, &gate.metrics)).await.text
}

/// Nothing that only the bad answer holds is in what the gateway says to anybody.
async fn silent_about_it(gate: &Gate, answer: &Answer, what: &str) {
    let (log, metrics) = (gate.stderr(), metrics(gate).await);
    assert!(log.contains("provider failed") && metrics.contains("caregate_provider_answers_total"), "{what}: {log}");
    let headers = format!("{:?}", answer.headers);
    for (place, text) in [("answer", &answer.text), ("headers", &headers), ("log", &log), ("metrics", &metrics)] {
        assert!(!text.contains(MARK), "{what}: its words are in the {place}");
    }
}

/// The fault, first in the lookup of the Patient where it reaches that, then in a search of entries, of a type that lends
/// none its labels.
async fn withstood(stage: Stage, raw: &Raw, row: &Row) {
    let gate = stage.start();
    let patient = patient_of(&gate);
    for (kind, lookup) in [("Condition", true), ("Procedure", false)].into_iter().filter(|one| !one.1 || row.lookup) {
        let act = Arc::clone(&row.act);
        raw.does(move |heard, sound| if lookup || heard.kind == kind { act(heard, sound) } else { Act::Sound });
        let answer = gate.search(GP, kind, patient).await;
        let issue = if row.failure == "timeout" { "timeout" } else { "incomplete" };
        partial(&gate, &answer, kind, patient, issue, row.failure).await;
        silent_about_it(&gate, &answer, row.what).await;
        raw.recovers();
        whole(&gate, kind, patient, row.what).await;
    }
}

async fn all_withstood(stage: impl Fn() -> Stage, rows: Vec<Row>) {
    for row in rows {
        let raw = Raw::start(BAD).await;
        eprintln!("{}: {}", row.failure, row.what);
        withstood(stage().with(&raw), &raw, &row).await;
    }
}
