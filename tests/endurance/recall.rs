//! An entry taken back on one node while it is read on two: once that is acknowledged no answer to a request sent after has it, and
//! everyone who saw it before is among those that its source is told of.

use crate::{
    database::Database,
    load::{Answer, Ask, Load},
    postgres::Postgres,
    process::{Gateway, Region},
};
use caregate::{domain::NhsNumber, sandbox::data::Dataset};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::LazyLock,
    time::{Duration, Instant},
};

const READING: Duration = Duration::from_millis(700);
const ODS: &str = "RZ901";

/// Whose entry is taken back, what its source calls it, and the string it carries.
static ENTRY: LazyLock<(String, String, String)> = LazyLock::new(|| {
    let region = Dataset::builtin();
    let source = region.providers.iter().find(|provider| provider.ods.as_str() == ODS).unwrap();
    let known = |number: &NhsNumber| source.about(*number).iter().any(|(kind, _)| *kind == "Condition");
    let own = region.patients.iter().filter(|patient| patient.gp_practice.as_str() == "F99001");
    let number = own.map(|patient| patient.nhs_number).find(known).unwrap();
    let about = source.about(number);
    let (_, resource) = about.iter().find(|(kind, _)| *kind == "Condition").unwrap();
    let canary = resource.identifiers.iter().find(|(system, _)| system == "https://region.example/canary").unwrap();
    (number.digits(), format!("Condition/{}", resource.id), canary.1.clone())
});

async fn recalled_under_load(region: &Region, gateways: &[Gateway]) {
    let (number, item, canary) = &*ENTRY;
    let ask = Ask::of("Condition", number, &region.token("gp-saltmarsh").await);
    let asks = std::slice::from_ref(&ask);
    let loads: Vec<Load> = gateways.iter().map(|one| Load::start(one, 12, asks, canary)).collect();
    tokio::time::sleep(READING).await;

    let identifier = |system: &str, value: &str| json!({"system": system, "value": value});
    let body = json!({"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueIdentifier": identifier("https://fhir.nhs.uk/Id/nhs-number", number)},
        {"name": "organization", "valueIdentifier": identifier("https://fhir.nhs.uk/Id/ods-organization-code", ODS)},
        {"name": "reason", "valueCode": "wrong-patient"},
        {"name": "item", "valueReference": {"reference": item}},
    ]});
    let request = region.http.post(format!("{}/fhir/Patient/$recall", gateways[0].url));
    let request = request.bearer_auth(region.token(&format!("system:{ODS}")).await);
    let request = request.header("content-type", "application/fhir+json").body(body.to_string());
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    let acknowledged = Instant::now();
    assert!(status.is_success(), "{status}: {text}");
    tokio::time::sleep(READING).await;

    let mut answers: Vec<Answer> = Vec::new();
    for load in loads {
        let heard = load.stop().await;
        assert!(heard.broken.is_empty(), "{} requests were not answered", heard.broken.len());
        answers.extend(heard.answers);
    }
    let after: Vec<&Answer> = answers.iter().filter(|answer| answer.sent > acknowledged).collect();
    assert!(after.iter().filter(|answer| answer.status == 200).count() > 10, "the others are still shown");
    assert_eq!(after.iter().filter(|answer| answer.marked).count(), 0, "of {} sent after the recall", after.len());
    let others = answers.iter().filter(|answer| answer.status != 200).count();
    assert_eq!(others, 0, "a recall costs nobody their answer");

    // the newest of those who were shown it are listed, and all are counted
    let told: Value = serde_json::from_str(&text).unwrap();
    let parameters = told["parameter"].as_array().unwrap();
    let count = parameters.iter().find(|one| one["name"] == "count").unwrap()["valueUnsignedInt"].as_u64().unwrap();
    let saw = answers.iter().filter(|answer| answer.marked).count();
    assert_eq!(usize::try_from(count).unwrap(), saw, "everyone who saw it is told of, and nobody else");
    let requests: BTreeSet<String> = answers.iter().filter(|a| a.marked).map(|a| a.request.to_string()).collect();
    let listed = parameters.iter().filter(|one| one["name"] == "shown");
    let id = |showing: &Value| {
        let part = showing["part"].as_array().unwrap().iter().find(|part| part["name"] == "request").unwrap().clone();
        part["valueId"].as_str().unwrap().to_owned()
    };
    assert!(saw > 10 && listed.into_iter().all(|showing| requests.contains(&id(showing))));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_entry_goes_out_on_two_nodes_after_its_source_took_it_back_on_one() {
    let region = Region::start().await;
    let url = Postgres::shared().database().await;
    let database = Database::Postgres(url);
    let gateways = [region.node("a", &database).start(), region.node("b", &database).start()];
    recalled_under_load(&region, &gateways).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_entry_goes_out_after_its_source_took_it_back_on_sqlite() {
    let region = Region::start().await;
    let gateways = [region.node("a", &region.sqlite()).start()];
    recalled_under_load(&region, &gateways).await;
}
