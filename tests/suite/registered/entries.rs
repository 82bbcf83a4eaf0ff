//! What follows from an entry that changes or ends: for its endpoint, its people and its system.

use super::*;

#[tokio::test]
async fn another_address_is_another_endpoint_which_nobody_is_shown_before_it_is_probed_and_no_answer_of_the_old_one_serves()
 {
    for joins in Joining::on_each_database().await {
        let (gate, patient) = (&joins.gate, joins.patient());
        joins.joins().await;
        joins.usual(Stage::Live).await;
        assert!(own(&gate.search(GP, "Condition", patient).await) > 0);
        // the same data elsewhere: a server that counts for itself what it is asked
        let elsewhere = crate::raw::Raw::start(ODS_CODE).await;
        let address = format!("http://127.0.0.1:{}/fhir", elsewhere.port).parse().unwrap();
        let moved = Endpoint { address, credential: None, ..joins.endpoint() };
        joins.write(2, Content::Endpoint(moved)).await;
        let answer = gate.search(GP, "Condition", patient).await;
        // it was a part of everybody's record, and is missing from it
        assert_eq!((own(&answer), answer.header("x-completeness")), (0, "partial"), "{}", answer.text);
        assert_eq!(stands(&gate.get(SYSTEM, "Endpoint/RZ902/$stage").await), "suspended");
        let stood = joins.directory.stages(ods()).await.unwrap().map(|staged| staged.stages);
        let live = Stages { usual: Stage::Live, ..Stages::default() };
        let staged = Staged { stages: live, reason: "probed".to_owned(), by: by(), at: Timestamp::now() };
        // what was probed is what goes further
        assert!(joins.directory.set_stages(ods(), 1, stood.as_ref(), &staged).await.is_err());
        joins.directory.set_stages(ods(), 2, stood.as_ref(), &staged).await.unwrap();
        let (before, heard) = (joins.requests().await, elsewhere.heard().len());
        assert!(own(&gate.search(GP, "Condition", patient).await) > 0);
        assert_eq!(joins.requests().await, before, "nothing goes to the old address");
        assert!(elsewhere.heard().len() > heard, "what the old one said does not stand for the new one's word");
    }
}

#[tokio::test]
async fn an_agreement_that_ends_takes_the_endpoint_its_people_and_its_system_out_at_once() {
    let joins = Joining::start(None).await;
    let (gate, patient) = (&joins.gate, joins.patient());
    let signer = Signer::es384("own-1");
    let keys =
        |signer: &Signer| ClientKeys { jwks_url: None, jwks: Some(vec![signer.jwk()]), certificates: Vec::new() };
    let registered = Organisation { client: Some(keys(&signer)), ..organisation() };
    joins.write(1, Content::Organization(registered.clone())).await;
    joins.write(1, Content::Endpoint(joins.endpoint())).await;
    joins.usual(Stage::Live).await;
    let related = gate.post(SYSTEM, "Patient/$assert-relationship", &asserted(patient, ODS_CODE)).await;
    assert_eq!(related.status, 201, "{}", related.text);
    assert!(own(&gate.search(OWN, "Condition", patient).await) > 0);
    token_of(&asked(gate, &signer.assertion(ODS_CODE, gate), "system/Endpoint.rs").await);
    let end = Timestamp::now().plus(Duration::from_secs(2));
    let agreement = Agreement { reference: "agreement-1".to_owned(), from: None, until: Some(end) };
    joins.write(2, Content::Organization(Organisation { agreement: Some(agreement), ..registered })).await;
    assert!(own(&gate.search(GP, "Condition", patient).await) > 0);
    while Timestamp::now() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = gate.search(GP, "Condition", patient).await;
    // nothing that was remembered is shown, and nobody takes the record for whole
    assert_eq!(
        (own(&answer), answer.header("x-completeness"), missing(&answer).as_deref()),
        (0, "partial", Some("out-of-use"))
    );
    // until an operator says that it has left
    assert_eq!(says(&joins, OPERATOR, "registered", vec![]).await.status, 200);
    let answer = gate.search(GP, "Condition", patient).await;
    assert_eq!((own(&answer), joining(&answer)), (0, 1));
    // what it gave out while it was here it still takes back, and learns who was shown it
    let (_, given) = *gate.provider(ODS_CODE).about(patient).iter().find(|(kind, _)| *kind == "Condition").unwrap();
    let recalled = recalling(patient, ODS_CODE, "entered-in-error", &[&format!("Condition/{}", given.id)]);
    let answer = gate.post(SYSTEM, "Patient/$recall", &recalled).await;
    assert!(answer.status == 200 && answer.text.contains("R0260"), "{}", answer.text);
    assert_eq!(gate.search(OWN, "Condition", patient).await.status, 403, "nor do its people read");
    let refused = asked(gate, &signer.assertion(ODS_CODE, gate), "system/Endpoint.rs").await;
    let stranger = asked(gate, &signer.assertion("RZ999", gate), "system/Endpoint.rs").await;
    assert_eq!(error_of(&refused), error_of(&stranger), "as one that is unknown");
}

#[tokio::test]
async fn a_registered_organisations_system_is_known_by_the_keys_that_are_in_force_and_by_no_others() {
    let joins = Joining::start(None).await;
    let gate = &joins.gate;
    let (first, second) = (Signer::es384("own-1"), Signer::es384("own-1"));
    let keys =
        |signer: &Signer| ClientKeys { jwks_url: None, jwks: Some(vec![signer.jwk()]), certificates: Vec::new() };
    let with = |client| Organisation { client, ..organisation() };
    let token =
        async |signer: &Signer, client: &str, scope: &str| asked(gate, &signer.assertion(client, gate), scope).await;
    assert_eq!(token(&first, ODS_CODE, "system/Endpoint.rs").await.status, 401);
    joins.write(1, Content::Organization(with(Some(keys(&first))))).await;
    let given = token(&first, ODS_CODE, "system/*.cruds").await;
    let scopes = given.json()["scope"].as_str().unwrap().to_owned();
    assert!(scopes.contains("system/Endpoint.crus") && !scopes.contains("Observation"), "{scopes}");
    let given = token_of(&given);
    joins.write(1, Content::Endpoint(joins.endpoint())).await;
    assert_eq!(bearing(gate, &given, "Endpoint/RZ902/$stage").await.status, 200);
    assert_eq!(bearing(gate, &given, "Endpoint/RZ901/$stage").await.status, 403, "its own alone");
    let number = joins.patient();
    assert_eq!(bearing(gate, &given, &of_patient("Observation", number)).await.status, 403);
    // another spelling, another's name, another's key
    for (signer, client) in [(&first, "rz902"), (&first, "RZ901"), (&second, ODS_CODE)] {
        assert_eq!(error_of(&token(signer, client, "system/Endpoint.rs").await).1, "invalid_client", "{client}");
    }
    // withdrawn, it opens nothing more from that moment; what it was given ends by itself
    joins.write(2, Content::Organization(with(Some(keys(&second))))).await;
    assert_eq!(token(&first, ODS_CODE, "system/Endpoint.rs").await.status, 401);
    token_of(&token(&second, ODS_CODE, "system/Endpoint.rs").await);
    assert_eq!(bearing(gate, &given, "Endpoint/RZ902/$stage").await.status, 200);
    let bound =
        ClientKeys { certificates: vec!["QRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456".to_owned()], ..keys(&second) };
    joins.write(3, Content::Organization(with(Some(bound)))).await;
    let (status, error, _) = error_of(&token(&second, ODS_CODE, "system/Endpoint.rs").await);
    assert_eq!((status, error.as_str()), (401, "invalid_client"), "it has certificates, and shows none");
    joins.write(4, Content::Organization(with(None))).await;
    assert_eq!(token(&second, ODS_CODE, "system/Endpoint.rs").await.status, 401, "it brings an issuer's");
}

#[test]
fn check_names_each_fault_of_the_registry_and_of_its_credentials() {
    let region = Region::start();
    let config = region.config();
    let one = |ods: &str, name: &str, credential: &str| {
        format!("{config}\n[[credential]]\nods = {ods:?}\nname = {name:?}\ncredential = {credential}\n")
    };
    let good = one("RZ990", "main", "{ bearer = { env = \"PATH\" } }");
    let (success, said) = region.check(&good);
    assert!(success, "{said}");
    let terms = |line: &str| config.replacen("[registry]\n", &format!("[registry]\n{line}\n"), 1);
    for (text, fault) in [
        (one("RZ990", "a b", "{ bearer = { env = \"PATH\" } }"), "[[credential]] RZ990 a b: name: 1 to 64"),
        (one("RZ990", "main", "{ bearer = { env = \"CAREGATE_NONE\" } }"), "[[credential]] RZ990 main: "),
        (one("RZ990", "main", "{ bearer = \"secret\" }"), "[[credential]] number 1: "),
        (one("RZ901", "main", "{ bearer = { env = \"PATH\" } }"), "its endpoint is a [[provider]] here"),
        (
            format!(
                "{good}\n[[credential]]\nods = \"RZ990\"\nname = \"main\"\ncredential = {{ bearer = {{ env = \"PATH\" }} }}\n"
            ),
            "another entry has the same ODS code and name",
        ),
        (terms("probe_days = 0"), "[registry]: probe_days is 1 to 90"),
        (terms("client_scopes = \"user/*.rs\""), "[registry]: client_scopes: SMART v2 scopes"),
        (terms("client_scopes = \"everything\""), "[registry]: client_scopes: SMART v2 scopes"),
        (terms("colour = 1"), "[registry]: "),
    ] {
        let (success, said) = region.check(&text);
        assert!(!success && said.contains(fault), "{fault}: {said}");
    }
}
