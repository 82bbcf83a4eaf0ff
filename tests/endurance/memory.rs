//! What large answers cost in memory: the most that the process ever held, against the bytes that were accepted.

use crate::{
    load::{Ask, get},
    process::Region,
    raw::{Act, Raw, ok, searchset},
};
use futures::{StreamExt, stream};
use std::fs;

const ODS: &str = "RZ902";
/// Of one answer, in entries of some hundred bytes: the kind that weighs most beside its bytes.
const ANSWER: usize = 6 << 20;
/// Of these types as small as can be, and as many as are accepted: what is kept beside them is more than they are.
const MINIMAL: [&str; 2] = ["Condition", "Encounter"];
const MOST_ENTRIES: usize = 20_000;
const AT_ONCE: usize = 4;
const CACHE: usize = 48 << 20;
/// As ARCHITECTURE states it.
const MULTIPLE: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_within_the_stated_multiple_of_the_bytes_that_are_accepted() {
    let region = Region::start().await;
    let raw = Raw::start(ODS).await;
    raw.does(|heard, sound| {
        let own = sound.resources(heard);
        let Some(first) = own.first().filter(|_| heard.kind != "Patient") else { return Act::Sound };
        let id: serde_json::Value = serde_json::from_str(first).unwrap();
        if MINIMAL.contains(&heard.kind.as_str()) {
            let one =
                |n| serde_json::json!({"resourceType": heard.kind, "id": format!("m-{n}"), "subject": id["subject"]});
            let all: Vec<_> = (0..MOST_ENTRIES).map(|n| one(n).to_string()).collect();
            return Act::Send(ok(searchset(&all, "")));
        }
        let id = format!("\"{}\"", id["id"].as_str().unwrap());
        let many = (0..ANSWER / first.len()).map(|n| first.replacen(&id, &format!("\"many-{n}\""), 1));
        Act::Send(ok(searchset(&many.collect::<Vec<_>>(), "")))
    });
    let file = region.path("gateway.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (before, after) = text.split_once(&format!("ods = \"{ODS}\"\n")).expect("the organisation");
    let (_, rest) = after.split_once("base_url = \"").unwrap().1.split_once('"').unwrap();
    let head = after.split_once("base_url = \"").unwrap().0;
    let raw_url = format!("base_url = \"http://127.0.0.1:{}/fhir\"", raw.port);
    // a bare socket has no token endpoint: it takes a token as it is
    let line = |start: &str, text: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let rest = rest.replacen(&line("credential = {", rest), &line("credential = { bearer", &text), 1);
    fs::write(&file, format!("{before}ods = \"{ODS}\"\n{head}{raw_url}{rest}")).unwrap();

    let node = region.node("node", &region.sqlite()).with("FEDERATION__CACHE_BYTES", CACHE);
    let gateway = node.with("FEDERATION__DEADLINE_MS", 30_000).with("GATEWAY__REQUEST_DEADLINE_MS", 60_000).start();
    let token = region.token("gp-saltmarsh").await;
    let base = format!("{}/fhir/", gateway.url);
    let small = |kind: &str, patient: &String| {
        let Ask { path, token } = Ask::of(kind, patient, &token);
        Ask { path: format!("{path}&_count=1"), token }
    };
    let idle = gateway.program.peak_memory();
    let kinds = ["Procedure", "Condition", "Encounter", "AllergyIntolerance", "Observation"];
    let asks: Vec<_> = region.patients.iter().take(10).flat_map(|p| kinds.iter().map(move |kind| (*kind, p))).collect();
    let answers = stream::iter(asks.iter().map(|(kind, patient)| {
        let (http, base, ask) = (&region.http, &base, small(kind, patient));
        async move { get(http, base, &ask, "").await.unwrap().status }
    }));
    let shown = answers.buffer_unordered(AT_ONCE).filter(|status| std::future::ready(*status == 200)).count().await;
    let large = raw.heard().iter().filter(|heard| heard.kind != "Patient").count();
    assert!(shown > 10 && large > 10, "{shown} answers, {large} asked for");

    let taken = gateway.program.peak_memory() - idle;
    // the caches are for answers, and an eighth more for Patients
    let accepted = AT_ONCE * ANSWER + CACHE + CACHE / 8;
    println!("{} MiB taken at most, {} MiB accepted", taken >> 20, accepted >> 20);
    assert!(taken <= MULTIPLE * accepted, "{} MiB for {} MiB", taken >> 20, accepted >> 20);
}
