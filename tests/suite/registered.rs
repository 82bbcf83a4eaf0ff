//! A provider that joined by itself: what its stage lets be asked and shown, who moves it, and its own system's tokens.

use crate::{
    harness::{Answer, BUILT_IN, Gate, NHS, named_in, of_patient, source_of},
    joined::with,
    oauth::{Signer, asked, bearing, error_of, token_of},
    program::Region,
    relationships::asserted,
};
use caregate::{
    access::{Recorder, Stage, Stages},
    audit::Kind,
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::ResourceType,
    registry::{
        Idiom,
        directory::{
            Agreement, ClientKeys, Content, DirectoryStore, Endpoint, Entry, EntryState, Organisation, Staged,
        },
    },
    sandbox::data::{Dataset, Resource},
    store::{DatabaseUrl, Store},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// Who joins: Colneside, which the region has and this gateway's configuration has not.
const ODS_CODE: &str = "RZ902";
const SLUG: &str = "colneside";
const GP: &str = "gp-saltmarsh";
const GP_USER: &str = "555021400101";
const OWN: &str = "consultant-colneside";
const OPERATOR: &str = "operator-estuary";
const SYSTEM: &str = "system:RZ902";

pub struct Joining {
    pub gate: Gate,
    directory: Arc<dyn DirectoryStore>,
    address: String,
    _region: Region,
}

fn ods() -> OdsCode {
    OdsCode::parse(ODS_CODE).unwrap()
}

fn by() -> Recorder {
    Recorder { issuer: "https://identity.example".to_owned(), subject: "operator".to_owned(), organisation: None }
}

/// The configuration without this provider, with its credential kept for its registered endpoint.
fn without(config: &str) -> String {
    let mut credential = String::new();
    let config = with(config, ODS_CODE, |entry| {
        let line = entry.0.lines().find(|line| line.starts_with("credential = ")).unwrap();
        credential = format!("[[credential]]\nods = {ODS_CODE:?}\nname = \"main\"\n{line}\n\n");
        entry
    });
    let parts = config.split("[[provider]]").filter(|part| !part.contains(&format!("\nods = \"{ODS_CODE}\"")));
    let config = parts.collect::<Vec<_>>().join("[[provider]]");
    assert!(config.contains("[index]") && !config.contains(&format!("\nods = \"{ODS_CODE}\"\nname")), "{config}");
    config + "\n" + &credential
}

impl Joining {
    async fn start(database: Option<String>) -> Self {
        Self::among(Region::start(), database).await
    }

    async fn among(region: Region, database: Option<String>) -> Self {
        let address = format!("{}/fhir", region.provider(SLUG));
        let gate = region.join_on(database, &without(&region.config()), &[]);
        let store = Store::open_existing(&DatabaseUrl::parse(&gate.database).unwrap()).await.unwrap();
        Self { gate, directory: store.directory(), address, _region: region }
    }

    /// Two gateways' worth of databases.
    async fn on_each_database() -> [Self; 2] {
        let url = crate::postgres::Postgres::shared().database().await;
        [Self::start(None).await, Self::start(Some(url)).await]
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            ods: ods(),
            name: "Records".to_owned(),
            address: self.address.parse().unwrap(),
            replicas: Vec::new(),
            types: ResourceType::RECORDS.iter().copied().collect(),
            idiom: Idiom::ResolveFirst,
            credential: Some("main".to_owned()),
            test_patients: Vec::new(),
            deadline_ms: None,
            from: None,
            until: None,
        }
    }

    async fn write(&self, version: i64, content: Content) {
        let state = EntryState::InForce;
        let entry = Entry { version, content, state, by: by(), at: Timestamp::now(), decided: None };
        self.directory.write(&entry, (version > 1).then(|| version - 1)).await.unwrap();
    }

    /// Colneside is let in, with its endpoint.
    async fn joins(&self) {
        self.write(1, Content::Organization(organisation())).await;
        self.write(1, Content::Endpoint(self.endpoint())).await;
    }

    /// As a probe would allow.
    async fn stage(&self, stages: Stages) {
        let stood = self.directory.stages(ods()).await.unwrap().map(|staged| staged.stages);
        let staged = Staged { stages, reason: "for a test".to_owned(), by: by(), at: Timestamp::now() };
        self.directory.set_stages(ods(), 1, stood.as_ref(), &staged).await.unwrap();
    }

    async fn usual(&self, usual: Stage) {
        self.stage(Stages { usual, ..Stages::default() }).await;
    }

    /// Somebody whom Saltmarsh and Colneside know.
    fn patient(&self) -> NhsNumber {
        self.gate.shared_with("F99001", SLUG)[0]
    }

    async fn requests(&self) -> u64 {
        self.gate.asked(SLUG).await["requests"].as_u64().unwrap()
    }
}

fn organisation() -> Organisation {
    let agreement = Agreement { reference: "agreement-1".to_owned(), from: None, until: None };
    Organisation {
        ods: ods(),
        name: "Colneside Hospitals".to_owned(),
        kind: "acute-trust".to_owned(),
        agreement: Some(agreement),
        contacts: Vec::new(),
        client: None,
    }
}

/// How many of the matches are Colneside's.
fn own(answer: &Answer) -> usize {
    answer.matches().iter().filter(|found| source_of(found) == ODS_CODE).count()
}

/// How many sources are told to be joining; and that none of them is named.
fn joining(answer: &Answer) -> u64 {
    let issues = answer.issues();
    assert!(issues.iter().all(|issue| named_in(issue).as_deref() != Some(ODS_CODE)), "{}", answer.text);
    assert_eq!(answer.header("x-completeness"), "complete", "{}", answer.text);
    let said = |issue: &&Value| issue["diagnostics"].as_str().unwrap().contains("still joining");
    issues.iter().find(said).and_then(|issue| issue["extension"][0]["valueUnsignedInt"].as_u64()).unwrap_or_default()
}

fn staging(stage: &str, more: Vec<Value>) -> Value {
    let mut parameter = vec![
        json!({"name": "stage", "valueCode": stage}),
        json!({"name": "reason", "valueString": "agreed with the region"}),
    ];
    parameter.extend(more);
    json!({"resourceType": "Parameters", "parameter": parameter})
}

/// A request to stage an endpoint, for the table of refusals.
pub fn staged(stage: &str) -> Value {
    staging(stage, Vec::new())
}

async fn says(joining: &Joining, persona: &str, stage: &str, more: Vec<Value>) -> Answer {
    joining.gate.post(persona, "Endpoint/RZ902/$stage", &staging(stage, more)).await
}

fn stands(answer: &Answer) -> String {
    let parameters = answer.json()["parameter"].as_array().cloned().unwrap_or_default();
    let stands = parameters.iter().find(|one| one["name"] == "stands").unwrap_or_else(|| panic!("{}", answer.text));
    stands["part"][0]["valueCode"].as_str().unwrap().to_owned()
}

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
        assert_eq!(joining(&gate.search(GP, "Condition", patient).await), 1);
        // by its own word it is out, and by its own word no further than it was probed
        assert_eq!(stands(&says(&joins, SYSTEM, "suspended", vec![]).await), "suspended");
        assert_eq!(says(&joins, SYSTEM, "live", vec![]).await.status, 409);
        assert_eq!(stands(&says(&joins, SYSTEM, "registered", vec![]).await), "registered");
        // what an operator suspended is not its own to resume
        assert_eq!(stands(&says(&joins, OPERATOR, "suspended", vec![]).await), "suspended");
        for stage in ["registered", "shadow", "live"] {
            let answer = says(&joins, SYSTEM, stage, vec![]).await;
            assert!(answer.status == 409 && answer.text.contains("ask an operator"), "{}", answer.text);
        }
        assert_eq!(stands(&says(&joins, OPERATOR, "registered", vec![]).await), "registered");

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
        joins.write(2, Content::Endpoint(Endpoint { address, ..joins.endpoint() })).await;
        let answer = gate.search(GP, "Condition", patient).await;
        assert_eq!((own(&answer), joining(&answer)), (0, 1));
        assert_eq!(stands(&gate.get(SYSTEM, "Endpoint/RZ902/$stage").await), "shadow");
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
    assert_eq!((own(&answer), joining(&answer)), (0, 0));
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
