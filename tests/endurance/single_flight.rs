//! A thousand requests at once for what nobody asked before: each provider is asked once, and each request is in the log.

use crate::{
    load::{Ask, get, missing},
    process::Region,
};
use futures::future::join_all;
use serde_json::{Value, json};

const REQUESTS: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_for_one_uncached_key_ask_each_provider_once_and_are_each_in_the_log() {
    let region = Region::start().await;
    let database = region.sqlite();
    let gateway = region.node("node", &database).start();
    // long enough that all have come before the first is answered
    region.each_control(Some(json!({"fault": "delay", "milliseconds": 1000}))).await;
    let before = region.each_control(None).await;
    let ask = Ask::of("Observation", &region.patients[0], &region.token("gp-saltmarsh").await);
    let base = format!("{}/fhir/", gateway.url);
    let asked = (0..REQUESTS).map(|_| get(&region.http, &base, &ask, "canary-"));
    let answers: Vec<_> = join_all(asked).await.into_iter().map(|answer| answer.expect("an answer")).collect();

    assert!(answers.iter().all(|answer| answer.status == 200 && answer.marked), "everyone is answered");
    let count = |said: &Value, what: &str| said[what].as_u64().unwrap_or(0);
    let mut holders = 0;
    for (before, after) in before.iter().zip(region.each_control(None).await) {
        let asked = |what: &str| count(&after, what) - count(before, what);
        let searched = count(&after["types"], "Observation") - count(&before["types"], "Observation");
        assert_eq!(asked("patient_lookups"), 1, "{after}");
        // whoever does not know the patient is not asked further
        assert!(searched - asked("pages") <= 1, "{after}");
        holders += searched - asked("pages");
    }
    assert!(holders > 1, "several providers know the patient");
    gateway.stop().await;
    let rows = database.closing_rows().await;
    assert_eq!(missing(&answers, &rows), 0);
    assert_eq!(rows.len(), REQUESTS, "a closing row each");
}
