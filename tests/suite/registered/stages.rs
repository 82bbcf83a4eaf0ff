//! Who moves an endpoint's stage, and by what.

use super::*;

#[tokio::test]
async fn down_and_out_it_goes_at_once_and_up_only_by_a_probe_and_back_by_whoever_may() {
    for joins in Joining::on_each_database().await {
        let (gate, patient) = (&joins.gate, joins.patient());
        joins.joins().await;
        for (persona, stage) in [(SYSTEM, "shadow"), (OPERATOR, "live"), ("systems:RZ902", "safety-only")] {
            let answer = says(&joins, persona, stage, vec![]).await;
            gate.ends(&answer, 409, "business-rule", Kind::Failed, "not-staged").await;
            assert!(answer.text.contains("$probe"), "{}", answer.text);
        }
        joins.usual(Stage::Live).await;
        assert!(own(&gate.search(GP, "Condition", patient).await) > 0);
        let answer = says(&joins, "systems:RZ902", "safety-only", vec![]).await;
        let row = gate.closing(&answer).await;
        assert_eq!((answer.status, row.request.as_str()), (200, "Endpoint/RZ902/$stage?stage=safety-only"));
        // nobody takes it for one that is still joining
        let answer = gate.search(GP, "Condition", patient).await;
        assert_eq!((answer.header("x-completeness"), missing(&answer).as_deref()), ("partial", Some("suspended")));
        // by its own word it is out, and by its own word no further than it was probed
        assert_eq!(stands(&says(&joins, SYSTEM, "suspended", vec![]).await), "suspended");
        assert_eq!(says(&joins, SYSTEM, "live", vec![]).await.status, 409);
        assert_eq!(stands(&says(&joins, SYSTEM, "registered", vec![]).await), "registered");
        assert_eq!(missing(&gate.search(GP, "Condition", patient).await).as_deref(), Some("suspended"));
        // what an operator suspended is not its own to resume
        assert_eq!(stands(&says(&joins, OPERATOR, "suspended", vec![]).await), "suspended");
        for stage in ["registered", "shadow", "live"] {
            let answer = says(&joins, SYSTEM, stage, vec![]).await;
            assert!(answer.status == 409 && answer.text.contains("ask an operator"), "{}", answer.text);
        }
        assert_eq!(stands(&says(&joins, OPERATOR, "registered", vec![]).await), "registered");
        // that says that it has left
        assert_eq!(joining(&gate.search(GP, "Condition", patient).await), 1);

        let told = gate.get(SYSTEM, "Endpoint/RZ902/$stage").await;
        assert_eq!((told.status, stands(&told).as_str()), (200, "registered"));
        let changes = told.json()["parameter"].as_array().unwrap().iter().filter(|one| one["name"] == "change").count();
        assert_eq!(changes, 6, "each is told, with who and why: {}", told.text);
        assert!(told.text.contains("agreed with the region") && told.text.contains("555021400120"), "{}", told.text);
    }
}

#[tokio::test]
async fn an_endpoint_that_the_gateway_shut_out_comes_back_by_an_operator_alone() {
    let joins = Joining::start(None).await;
    let gate = &joins.gate;
    joins.joins().await;
    joins.usual(Stage::Live).await;
    let store = Store::open_existing(&DatabaseUrl::parse(&gate.database).unwrap()).await.unwrap();
    store.standing().suspend(ods(), "wrong-patient threshold").await.unwrap();
    let answer = gate.search(GP, "Condition", joins.patient()).await;
    assert_eq!((own(&answer), answer.header("x-completeness")), (0, "partial"));
    assert!(gate.get(SYSTEM, "Endpoint/RZ902/$stage").await.text.contains(r#""name":"shut-out","valueBoolean":true"#));
    // nothing of it changes by its own word, and it may always go down
    let answer = says(&joins, SYSTEM, "live", vec![]).await;
    assert!(
        answer.status == 200 && answer.text.contains(r#""name":"shut-out","valueBoolean":true"#),
        "{}",
        answer.text
    );
    assert_eq!(stands(&says(&joins, SYSTEM, "registered", vec![]).await), "registered");
    assert_eq!(says(&joins, SYSTEM, "live", vec![]).await.status, 409);
    // an operator lets it in again, no further than it was probed
    assert_eq!(says(&joins, OPERATOR, "shadow", vec![]).await.status, 409);
    let answer = says(&joins, OPERATOR, "registered", vec![]).await;
    assert!(answer.text.contains(r#""name":"shut-out","valueBoolean":false"#), "{}", answer.text);
}

#[tokio::test]
async fn what_does_not_say_what_is_meant_stages_nothing() {
    let joins = Joining::start(None).await;
    let gate = &joins.gate;
    let code = |value: &str| json!({"name": "type", "valueCode": value});
    let reviewer =
        |system: &str, value: &str| json!({"name": "reviewer", "valueIdentifier": {"system": system, "value": value}});
    let users = "https://fhir.nhs.uk/Id/sds-user-id";
    assert_eq!(says(&joins, SYSTEM, "registered", vec![]).await.status, 404, "there is none yet");
    joins.write(1, Content::Organization(organisation())).await;
    let types = [ResourceType::Condition].into();
    joins.write(1, Content::Endpoint(Endpoint { types, ..joins.endpoint() })).await;
    joins.usual(Stage::Live).await;
    for (stage, more, status) in [
        ("on", vec![], 422),
        ("shadow", vec![code("Observation")], 422),
        ("shadow", vec![code("Practitioner")], 422),
        ("shadow", vec![code("Condition"), json!({"name": "colour", "valueCode": "red"})], 422),
        ("live", vec![reviewer(users, "555000000001")], 422),
        ("safety-only", vec![reviewer("https://elsewhere.example", "555000000001")], 422),
        ("safety-only", vec![reviewer(users, "a b")], 422),
        ("safety-only", (0..21).map(|n| reviewer(users, &format!("5550000000{n:02}"))).collect(), 422),
    ] {
        let answer = says(&joins, SYSTEM, stage, more).await;
        assert_eq!(answer.status, status, "{stage}: {}", answer.text);
    }
    let without = json!({"resourceType": "Parameters", "parameter": [{"name": "stage", "valueCode": "shadow"}]});
    assert_eq!(gate.post(SYSTEM, "Endpoint/RZ902/$stage", &without).await.code(), "required");
    let told = gate.get(SYSTEM, "Endpoint/RZ902/$stage").await;
    assert_eq!(told.json()["parameter"].as_array().unwrap().iter().filter(|one| one["name"] == "change").count(), 1);
    let answer = says(&joins, SYSTEM, "safety-only", vec![code("Condition"), reviewer(users, "555000000001")]).await;
    assert!(answer.status == 200 && answer.text.contains("555000000001"), "{}", answer.text);
}

#[tokio::test]
async fn a_stage_is_changed_so_often_and_no_more_but_down_it_goes_always() {
    let joins = Joining::start(None).await;
    joins.joins().await;
    for n in 0..30 {
        joins.usual(if n % 2 == 0 { Stage::Live } else { Stage::SafetyOnly }).await;
    }
    let answer = says(&joins, SYSTEM, "registered", vec![]).await;
    joins.gate.ends(&answer, 429, "throttled", Kind::Failed, "too-often").await;
    assert_eq!(says(&joins, SYSTEM, "suspended", vec![]).await.status, 200);
    assert_eq!(says(&joins, OPERATOR, "registered", vec![]).await.status, 200);
}
