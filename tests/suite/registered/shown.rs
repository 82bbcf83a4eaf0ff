//! What its stage lets be asked of an endpoint, and shown.

use super::*;

#[tokio::test]
async fn an_endpoint_that_joined_is_asked_and_shown_as_far_as_its_stage_lets_it_be() {
    for joins in Joining::on_each_database().await {
        let (gate, patient) = (&joins.gate, joins.patient());
        let before = gate.search(GP, "Condition", patient).await;
        assert_eq!((own(&before), joining(&before), joins.requests().await), (0, 0, 0));
        joins.joins().await;
        for stage in [None, Some(Stage::Registered), Some(Stage::Shadow), Some(Stage::SafetyOnly)] {
            if let Some(stage) = stage {
                joins.usual(stage).await;
            }
            let answer = gate.search(GP, "Condition", patient).await;
            assert_eq!((own(&answer), joining(&answer)), (0, 1), "{stage:?}");
            assert!(gate.closing(&answer).await.sources.iter().all(|line| line.source != ods()), "{stage:?}");
            assert_eq!(joins.requests().await, 0, "{stage:?}: it is not told of the patient");
        }
        // named to look at it first, or its own
        let reviewers = [GP_USER.to_owned()].into();
        joins.stage(Stages { usual: Stage::SafetyOnly, reviewers, ..Stages::default() }).await;
        assert!(own(&gate.search(GP, "Condition", patient).await) > 0);
        gate.post("system:RZ901", "Patient/$assert-relationship", &asserted(patient, "RZ901")).await;
        let another = gate.search("consultant-estuary", "Condition", patient).await;
        assert_eq!((own(&another), joining(&another)), (0, 1));
        joins.usual(Stage::Live).await;
        let live = gate.search(GP, "Condition", patient).await;
        assert!(own(&live) > 0 && joins.requests().await > 0);
        let shown = live.matches().into_iter().find(|found| source_of(found) == ODS_CODE).unwrap();
        let id = shown["id"].as_str().unwrap().to_owned();
        assert_eq!(gate.get(GP, &format!("Condition/{id}")).await.status, 200);

        // what is remembered serves nobody once its stage is lowered
        joins.usual(Stage::Shadow).await;
        let asked = joins.requests().await;
        let answer = gate.search(GP, "Condition", patient).await;
        assert_eq!((own(&answer), joining(&answer)), (0, 1));
        assert_eq!(gate.get(GP, &format!("Condition/{id}")).await.status, 404, "by its id neither");
        let person = gate.search(GP, "Patient", patient).await;
        assert!(
            !person.text.contains("#RZ902") && !person.text.contains("Colneside Hospitals"),
            "nor does the Patient lead there: {}",
            person.text
        );
        let id = person.match_ids().remove(0);
        for path in [format!("Patient/{id}/$everything"), format!("Patient/{id}/$summary")] {
            let answer = gate.get(GP, &path).await;
            assert!(answer.status == 200 && !answer.text.contains("#RZ902"), "{path}: {}", answer.text);
            assert!(answer.text.contains("still joining"), "{path}: {}", answer.text);
        }
        assert_eq!(joins.requests().await, asked);

        // suspended it is missing, and said to be
        joins.usual(Stage::Live).await;
        assert_eq!(stands(&says(&joins, SYSTEM, "suspended", vec![]).await), "suspended");
        let answer = gate.search(GP, "Condition", patient).await;
        assert_eq!((own(&answer), answer.header("x-completeness")), (0, "partial"));
        let failed = answer.issues().into_iter().find(|issue| named_in(issue).as_deref() == Some(ODS_CODE)).unwrap();
        assert_eq!(failed["extension"][0]["valueCode"], "suspended");
    }
}

#[tokio::test]
async fn of_one_type_that_is_not_live_the_answer_says_that_a_part_is_to_come() {
    let joins = Joining::start(None).await;
    let (gate, patient) = (&joins.gate, joins.patient());
    joins.joins().await;
    let types = [(ResourceType::Observation, Stage::Shadow)].into();
    joins.stage(Stages { usual: Stage::Live, types, ..Stages::default() }).await;
    assert!(own(&gate.search(GP, "Condition", patient).await) > 0);
    let answer = gate.search(GP, "Observation", patient).await;
    assert_eq!((own(&answer), joining(&answer)), (0, 1));
    let id = gate.search(GP, "Patient", patient).await.match_ids().remove(0);
    let all = gate.get(GP, &format!("Patient/{id}/$everything?_count=500")).await;
    let kinds: BTreeSet<String> = all
        .matches()
        .iter()
        .filter(|found| found["meta"]["source"].as_str().unwrap().ends_with(ODS_CODE))
        .map(|found| found["resourceType"].as_str().unwrap().to_owned())
        .collect();
    assert!(kinds.contains("Condition") && !kinds.contains("Observation"), "{kinds:?}");
    assert!(all.text.contains("A part of 1 sources is not shared yet"), "{}", all.text);
    assert_eq!(all.header("x-completeness"), "complete");
}

/// Those whom Colneside know.
fn known() -> Vec<NhsNumber> {
    let held = BUILT_IN.patients.iter().filter(|patient| patient.held_by.iter().any(|slug| slug == SLUG));
    held.map(|patient| patient.nhs_number).collect()
}

/// The built-in region, in which this patient is at Colneside just now.
fn region_with_an_encounter(patient: NhsNumber) -> tempfile::TempDir {
    let mut data = Dataset::builtin();
    let colneside = data.providers.iter_mut().find(|provider| provider.slug == SLUG).unwrap();
    let local = colneside.local_patients(Some(NHS), &patient.digits())[0].to_owned();
    let encounter = json!({
        "resourceType": "Encounter", "id": "live-1", "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "period": {"start": Timestamp::now().minus(Duration::from_secs(3600)).fhir()},
        "subject": {"reference": format!("Patient/{local}")},
    });
    let parsed = Resource::parse("Encounter", &encounter.to_string()).unwrap();
    colneside.resources.entry("Encounter".to_owned()).or_default().push(parsed);
    let folder = tempfile::tempdir().unwrap();
    data.write_to(folder.path()).unwrap();
    folder
}

#[tokio::test]
async fn a_source_that_nobody_relies_on_yet_gives_no_evidence_and_its_people_get_its_word_before_others() {
    let patient = known()[0];
    let folder = region_with_an_encounter(patient);
    let joins = Joining::among(Region::of(Some(folder.path())), None).await;
    let gate = &joins.gate;
    joins.joins().await;
    for (stage, status) in
        [(Stage::Registered, 403), (Stage::Shadow, 403), (Stage::SafetyOnly, 200), (Stage::Live, 200)]
    {
        joins.usual(stage).await;
        let answer = gate.search(OWN, "Condition", patient).await;
        assert_eq!(answer.status, status, "{stage:?}: {}", answer.text);
        assert!(status != 200 || own(&answer) > 0, "{stage:?}");
    }
    says(&joins, SYSTEM, "suspended", vec![]).await;
    let answer = gate.search(OWN, "Condition", patient).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "transient"), "it would have a word to say");
}

#[tokio::test]
async fn of_one_that_went_live_type_by_type_a_failure_is_a_failure_in_answers_of_many_types_too() {
    let joins = Joining::start(None).await;
    let (gate, patient) = (&joins.gate, joins.patient());
    joins.joins().await;
    let of = |stage| [(ResourceType::Condition, stage)].into();
    joins.stage(Stages { types: of(Stage::Live), ..Stages::default() }).await;
    let id = gate.search(GP, "Patient", patient).await.match_ids().remove(0);
    let both = [format!("Patient/{id}/$everything?_count=500"), format!("Patient/{id}/$summary")];
    for path in &both {
        let answer = gate.get(GP, path).await;
        assert!(
            answer.header("x-completeness") == "complete" && answer.text.contains("#RZ902"),
            "{path}: {}",
            answer.text
        );
    }
    gate.fault(SLUG, json!({"fault": "error", "status": 503, "types": ["Condition", "Patient"]})).await;
    for path in &both {
        // whoever wants it afresh has nobody asked more than once a second
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let request = gate.request(reqwest::Method::GET, path).bearer_auth(gate.token(GP).await);
        let answer = Answer::of(request.header("cache-control", "no-cache")).await;
        assert_eq!(answer.header("x-completeness"), "partial", "{path}: {}", answer.text);
        assert!(answer.text.contains("Colneside Hospitals is missing"), "{path}: {}", answer.text);
    }
    gate.lift(SLUG).await;
    // what was live of it and is suspended is missing from them as well
    assert_eq!(
        says(&joins, SYSTEM, "suspended", vec![json!({"name": "type", "valueCode": "Condition"})]).await.status,
        200
    );
    for path in &both {
        let answer = gate.get(GP, path).await;
        assert_eq!(answer.header("x-completeness"), "partial", "{path}: {}", answer.text);
        assert!(answer.text.contains("Colneside Hospitals is missing"), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn one_that_puts_its_own_period_off_is_missing_and_keeps_nobody_from_what_is_remembered() {
    let joins = Joining::start(None).await;
    let (gate, patient) = (&joins.gate, joins.patient());
    joins.joins().await;
    joins.usual(Stage::Live).await;
    assert!(own(&gate.search(GP, "Condition", patient).await) > 0);
    let later = Some(Timestamp::now().plus(Duration::from_secs(86_400)));
    joins.write(2, Content::Endpoint(Endpoint { from: later, ..joins.endpoint() })).await;
    for _ in 0..2 {
        let answer = gate.search(GP, "Condition", patient).await;
        assert_eq!((own(&answer), answer.header("x-completeness")), (0, "partial"));
        assert_eq!(missing(&answer).as_deref(), Some("out-of-use"), "{}", answer.text);
        // nobody is asked for it: what the others said is remembered, and no intent is needed
        let kinds: Vec<Kind> = gate.rows(&answer).await.iter().map(|row| row.kind).collect();
        assert_eq!(kinds, [Kind::Released]);
    }
}
