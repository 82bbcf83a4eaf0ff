//! Three thousand providers, a handful of which hold anything about the patient: a request calls on that handful.

use crate::process::{Gateway, Region};
use caregate::sandbox::data::Dataset;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::TcpListener;

const OTHERS: usize = 3000;
const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";
const ODS: &str = "https://fhir.nhs.uk/Id/ods-organization-code";

/// Writes how the region's own providers are located into the configuration, and others beside them at `address`.
fn configure(region: &Region, locate: &str, others: usize, address: &str) {
    let path = region.path("gateway.toml");
    let own =
        fs::read_to_string(&path).unwrap().replace("[[provider]]", &format!("[[provider]]\nlocate = \"{locate}\""));
    let other = |n: usize| {
        format!(
            "\n[[provider]]\nods = \"Q{n:04}\"\nname = \"Practice {n}\"\nkind = \"gp-practice\"\nlocate = \"pointers\"\n\
             base_url = \"http://{address}/{n}/fhir\"\nallow_http = true\nallow_private_addresses = true\n"
        )
    };
    fs::write(&path, own + &(0..others).map(other).collect::<String>()).unwrap();
}

/// Counts who calls, and answers nobody.
async fn counting() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, calls) = (listener.local_addr().unwrap().to_string(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, calls)
}

async fn search(region: &Region, gateway: &Gateway, resource_type: &str, patient: &str) -> Value {
    let url = format!("{}/fhir/{resource_type}?patient.identifier={NHS}%7C{patient}&_count=200", gateway.url);
    let call = region.http.get(url).bearer_auth(region.token("gp-saltmarsh").await);
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// Has the organisation's system send a pointer, and says the status.
async fn point(region: &Region, gateway: &Gateway, system: &str, organisation: &str, present: bool) -> u16 {
    let patient = &region.patients[0];
    let body = json!({"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueIdentifier": {"system": NHS, "value": patient}},
        {"name": "organization", "valueIdentifier": {"system": ODS, "value": organisation}},
        {"name": "present", "valueBoolean": present},
    ]});
    let url = format!("{}/fhir/Patient/$assert-presence", gateway.url);
    let call = region.http.request(Method::POST, url).bearer_auth(region.token(&format!("system:{system}")).await);
    call.header("content-type", "application/fhir+json").body(body.to_string()).send().await.unwrap().status().as_u16()
}

/// How often each of the region's providers was asked who the patient is.
async fn lookups(region: &Region) -> Vec<u64> {
    let said = region.each_control(None).await;
    said.iter().map(|said| said["patient_lookups"].as_u64().unwrap_or(0)).collect()
}

fn sources(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == "match");
    let of = |entry: &Value| entry["resource"]["meta"]["tag"][0]["code"].as_str().unwrap().to_owned();
    let mut sources: Vec<String> = entries.map(of).collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}

/// How many are said not to have been asked.
fn not_asked(bundle: &Value) -> u64 {
    let outcome = bundle["entry"].as_array().unwrap().last().unwrap();
    let extensions =
        outcome["resource"]["issue"].as_array().unwrap().iter().flat_map(|issue| issue["extension"].as_array());
    let is_count = |one: &&Value| one["url"].as_str().unwrap().ends_with("/completeness-not-asked");
    extensions.flatten().find(is_count).and_then(|count| count["valueUnsignedInt"].as_u64()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_thousand_providers_only_those_with_a_pointer_are_called() {
    let region = Region::start().await;
    let patient = region.patients[0].clone();
    let database = region.sqlite();
    // who holds anything, as asking everyone tells
    let everyone = region.node("before", &database).start();
    let holders = sources(&search(&region, &everyone, "Condition", &patient).await);
    assert!(holders.len() > 1, "{holders:?}");
    everyone.stop().await;

    let (address, calls) = counting().await;
    configure(&region, "pointers", OTHERS, &address);
    // what they can do is asked of all of them, and of no patient: not counted here
    let start = |name| region.node(name, &database).with("FEDERATION__CAPABILITY_REFRESH_SECONDS", 0).start();
    let gateway = start("node");
    for holder in &holders {
        assert_eq!(point(&region, &gateway, holder, holder, true).await, 200);
    }
    assert_eq!(point(&region, &gateway, &holders[0], &holders[1], true).await, 403, "nobody points for another");
    let before = lookups(&region).await;
    let bundle = search(&region, &gateway, "Condition", &patient).await;
    assert_eq!(sources(&bundle), holders);
    let asked = |after: &[u64]| before.iter().zip(after).filter(|(before, after)| after > before).count();
    assert_eq!(asked(&lookups(&region).await), holders.len());
    assert_eq!(calls.load(Ordering::SeqCst), 0, "nobody without a pointer hears of the patient");
    assert!(not_asked(&bundle) >= OTHERS as u64, "the answer says how many: {}", not_asked(&bundle));

    // taken back, and after its cached answer has gone nobody asks there: another node, with a cache of its own
    let last = holders.iter().rfind(|holder| *holder != "F99001").unwrap();
    assert_eq!(point(&region, &gateway, last, last, false).await, 200);
    gateway.stop().await;
    let gateway = start("other");
    let left = sources(&search(&region, &gateway, "Condition", &patient).await);
    assert!(!left.contains(last) && left.len() + 1 == holders.len(), "{left:?} of {holders:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asking_teaches_is_believed_for_a_while_and_a_pointer_says_otherwise_at_once() {
    let region = Region::start().await;
    let patient = region.patients[0].clone();
    configure(&region, "learned", 0, "");
    let database = region.sqlite();
    let start = |name| {
        let node = region.node(name, &database).with("FEDERATION__TTL_SECONDS", 0);
        node.with("FEDERATION__PATIENT_TTL_SECONDS", 0).start()
    };
    let gateway = start("node");
    let begin = lookups(&region).await;
    let first = search(&region, &gateway, "Condition", &patient).await;
    let once = lookups(&region).await;
    assert!(begin.iter().zip(&once).all(|(before, after)| after > before), "at first everyone is asked");
    let second = search(&region, &gateway, "Condition", &patient).await;
    let twice = lookups(&region).await;
    assert_eq!(sources(&first), sources(&second));
    let again: Vec<bool> = once.iter().zip(&twice).map(|(before, after)| after > before).collect();
    assert!(again.contains(&true) && again.contains(&false), "whoever holds nothing is left alone: {again:?}");
    let alone = again.iter().filter(|asked| !**asked).count() as u64;
    assert_eq!((not_asked(&first), not_asked(&second)), (0, alone), "the reader is told how many");

    // one that held nothing says that it does now: the next request asks it, on a node that never did, and no other in vain
    let mut providers = Dataset::builtin().providers;
    providers.sort_by(|a, b| a.slug.cmp(&b.slug));
    let at = again.iter().position(|asked| !asked).unwrap();
    let ods = providers[at].ods.to_string();
    assert_eq!(point(&region, &gateway, &ods, &ods, true).await, 200);
    gateway.stop().await;
    let gateway = start("other");
    search(&region, &gateway, "Condition", &patient).await;
    let third = lookups(&region).await;
    let asked: Vec<bool> = twice.iter().zip(&third).map(|(before, after)| after > before).collect();
    let expected: Vec<bool> = again.iter().enumerate().map(|(n, asked)| *asked || n == at).collect();
    assert_eq!(asked, expected, "{ods}");
    gateway.stop().await;
}
