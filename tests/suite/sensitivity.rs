//! Who is shown what is marked sensitive, and that whoever is not shown it learns nothing of it.

use crate::{
    harness::{Answer, BUILT_IN, Gate, NHS, Setup},
    objections::{recorded, whole_record},
    relationships::assert_relationship,
};
use caregate::{
    access::{Basis, Person, Recorder, Relationship},
    audit::Kind,
    domain::{NhsNumber, OdsCode, Timestamp},
    store::{DatabaseUrl, Store},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path, time::Duration};
use uuid::Uuid;

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
const COLNESIDE: &str = "RZ902";
const GP: &str = "gp-saltmarsh";

/// Registered with Saltmarsh, and known to Colneside and the pharmacy.
pub fn patient() -> NhsNumber {
    BUILT_IN.patients[1].nhs_number
}

/// The built-in region, in which Colneside holds more about the patient, marked in every way there is.
pub struct Region {
    folder: tempfile::TempDir,
    /// A run's own, so that nothing can be mistaken for it.
    run: String,
}

impl Region {
    pub fn new() -> Self {
        let region = Self { folder: tempfile::tempdir().unwrap(), run: Uuid::new_v4().simple().to_string() };
        BUILT_IN.write_to(region.folder.path()).unwrap();
        let label = |code: &str| json!({"security": [{"system": ACT_CODE, "code": code}]});
        let restricted = json!({"security": [{"system": CONFIDENTIALITY, "code": "R"}]});
        let snomed = |code: &str| json!({"code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]}});
        let to = |reference: &str| json!({"reference": reference});
        region.add("Encounter", "clinic", json!({"status": "finished", "meta": label("MH")}));
        region.add("Encounter", "closed", json!({"status": "finished", "meta": restricted}));
        region.add("Condition", "plain", snomed("38341003"));
        region.add("Condition", "labelled", json!({"meta": label("HIV")}));
        region.add("Condition", "coded", snomed("15628003"));
        region.add("Condition", "at-clinic", json!({"encounter": to("Encounter/x-clinic")}));
        region.add("Condition", "closed-in", json!({"encounter": to("Encounter/x-closed")}));
        region.add("Condition", "barred", snomed("407376001"));
        region.add("Observation", "count", json!({"meta": label("HIV")}));
        region.add("Observation", "panel", json!({"hasMember": [to("Observation/x-count")]}));
        region.add("DiagnosticReport", "report", json!({"result": [to("Observation/x-panel")]}));
        region.add("MedicationRequest", "for-hiv", json!({"meta": label("HIV")}));
        region.add("MedicationRequest", "for-injury", json!({"meta": label("SDV")}));
        region.add("Medication", "marked", json!({"meta": label("SDV")}));
        region.add("MedicationRequest", "of-marked", json!({"medicationReference": to("Medication/x-marked")}));
        region
    }

    pub fn add(&self, kind: &str, name: &str, members: Value) {
        let provider = BUILT_IN.providers.iter().find(|one| one.ods.as_str() == COLNESIDE).unwrap();
        let own = provider.local_patients(Some(NHS), &patient().digits())[0].to_owned();
        let mut resource = json!({"resourceType": kind, "id": format!("x-{name}"),
            "identifier": [{"system": "https://region.example/canary", "value": self.canary(name)}],
            "subject": {"reference": format!("Patient/{own}")}});
        resource.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let file = self.folder.path().join(format!("colneside/{kind}.ndjson"));
        fs::write(&file, format!("{}{resource}\n", fs::read_to_string(&file).unwrap_or_default())).unwrap();
    }

    fn canary(&self, name: &str) -> String {
        format!("x-{name}-{}", self.run)
    }

    /// Which of these are in the text; those that are not must not be there in any part.
    pub fn shown<'a>(&self, answer: &Answer, names: &[&'a str]) -> Vec<&'a str> {
        assert_eq!(answer.status, 200, "{}", answer.text);
        names.iter().copied().filter(|name| answer.text.contains(&self.canary(name))).collect()
    }

    pub fn setup(&self) -> Setup {
        Setup::default().data(self.folder.path())
    }

    fn start(&self) -> Gate {
        self.setup().start()
    }
}

const CONDITIONS: [&str; 6] = ["plain", "labelled", "coded", "at-clinic", "closed-in", "barred"];
const MEDICINES: [&str; 3] = ["for-hiv", "for-injury", "of-marked"];

/// One whom only their own word relates to the patient. Who they are is read from what they were told of somebody else, so
/// that nothing of this patient is in memory yet.
pub async fn claim(gate: &Gate, persona: &str, organisation: &str) {
    let answer = gate.search(persona, "Condition", BUILT_IN.patients[12].nhs_number).await;
    let who = gate.closing(&answer).await.who.expect("who asked");
    let person = Person { issuer: who.issuer, subject: who.subject };
    let organisation = OdsCode::parse(organisation).unwrap();
    let (start, end) = (Timestamp::now(), Timestamp::now().plus(Duration::from_secs(3_600)));
    let of = Relationship::of(organisation, Basis::Claim, start, Some(end), format!("claim of {persona}"));
    let claim = Relationship { person: Some(person), ..of };
    let by = Recorder { issuer: "https://identity.example".into(), subject: "test".into(), organisation: None };
    let store = Store::open_existing(&DatabaseUrl::parse(&gate.database).unwrap()).await.unwrap();
    store.facts().assert_relationship(patient(), &claim, None, &by).await.unwrap();
}

fn withheld(answer: &Answer) -> Vec<Value> {
    answer.issues().into_iter().filter(|issue| issue["code"] == "suppressed").collect()
}

#[tokio::test]
async fn each_reader_is_shown_what_their_role_and_relationship_reach_and_nothing_of_the_rest_is_left_anywhere() {
    let region = Region::new();
    let gate = region.start();
    claim(&gate, "paramedic-eastline", "RZ904").await;
    claim(&gate, "consultant-colneside", COLNESIDE).await;
    for organisation in ["RZ901", "FZ901"] {
        assert_relationship(&gate, patient(), organisation).await;
    }
    let mut statements = Vec::new();
    for (persona, conditions) in
        [(GP, &CONDITIONS[..5]), ("consultant-estuary", &CONDITIONS[..4]), ("paramedic-eastline", &CONDITIONS[..1])]
    {
        let answer = gate.search(persona, "Condition?_count=50", patient()).await;
        assert_eq!(region.shown(&answer, &CONDITIONS), conditions, "{persona}");
        assert_eq!(answer.header("x-completeness"), "complete", "what is withheld is nothing that is missing");
        assert!(answer.json().get("total").is_none());
        statements.extend(withheld(&answer));
        // page by page it is the same
        let pages = gate.pages(persona, "Condition?_count=1", patient()).await;
        assert_eq!(pages.len(), answer.matches().len(), "{persona}");
        let paged: BTreeSet<_> = pages.iter().flat_map(|page| region.shown(page, &CONDITIONS)).collect();
        assert_eq!(paged, conditions.iter().copied().collect(), "{persona}");
    }
    // the claim sufficed for its own organisation's: what nobody but they may see is shown to those who wrote it
    let own = gate.search("consultant-colneside", "Condition", patient()).await;
    assert_eq!(region.shown(&own, &CONDITIONS), CONDITIONS);

    // medicines: what interacts is shown to a pharmacist, what they need not know is not
    let medicines = gate.search("pharmacist-quayside", "MedicationRequest", patient()).await;
    assert_eq!(region.shown(&medicines, &MEDICINES), ["for-hiv"]);
    assert_eq!(region.shown(&gate.search(GP, "MedicationRequest", patient()).await, &MEDICINES), MEDICINES);
    statements.extend(withheld(&medicines));
    for (persona, kind, shown) in [
        ("consultant-estuary", "DiagnosticReport", &["report"][..]),
        ("paramedic-eastline", "DiagnosticReport", &[]),
        ("paramedic-eastline", "Observation", &[]),
        ("consultant-estuary", "Encounter", &["clinic"]),
        (GP, "Encounter", &["clinic", "closed"]),
    ] {
        let answer = gate.search(persona, kind, patient()).await;
        assert_eq!(region.shown(&answer, &["report", "count", "panel", "clinic", "closed"]), shown, "{persona} {kind}");
        statements.extend(withheld(&answer));
    }
    // by a statute, a label, a claim, a role: the very same words, once, of no source and no number
    assert!(statements.len() >= 7);
    assert_eq!(statements.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(), 1, "{statements:#?}");
    assert!(
        statements[0].get("extension").is_none() && !statements[0].to_string().contains(|c: char| c.is_ascii_digit())
    );

    let said = [gate.stdout(), gate.stderr(), gate.http.get(&gate.metrics).send().await.unwrap().text().await.unwrap()];
    assert!(said.iter().all(|text| !text.contains(&region.run)), "a record's words in a log or metric");
    let row = gate.closing(&medicines).await;
    assert!(row.sources.iter().any(|line| line.source.as_str() == COLNESIDE && !line.withheld.is_empty()), "{row:?}");
}

#[tokio::test]
async fn what_is_withheld_is_as_if_it_were_not_there() {
    let region = Region::new();
    let gate = region.start();
    assert_relationship(&gate, patient(), "RZ901").await;
    let reader = "consultant-estuary";
    let all = gate.search(GP, "Condition?_count=50", patient()).await.matches();
    let id = |name: &str| {
        let one = all.iter().find(|one| crate::harness::canary(one) == region.canary(name)).unwrap();
        one["id"].as_str().unwrap().to_owned()
    };
    let (closed, plain) = (id("closed-in"), id("plain"));
    assert_eq!(gate.get(reader, &format!("Condition/{plain}")).await.status, 200);
    let hidden = gate.get(reader, &format!("Condition/{closed}")).await;
    gate.ends(&hidden, 404, "not-found", Kind::Failed, "not-found").await;
    // the same source's, of a type it is not of
    let absent = gate.get(reader, &format!("Goal/{plain}")).await;
    gate.ends(&absent, 404, "not-found", Kind::Failed, "not-found").await;
    assert_eq!(hidden.text, absent.text);
    let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(names(&hidden), names(&absent));
    // asked for by id, alone or beside another, and sorted: no filter finds it out
    let issues = |answer: Answer| {
        let issues = answer.issues();
        issues.iter().map(|issue| (issue["code"].clone(), issue["diagnostics"].clone())).collect::<Vec<_>>()
    };
    let by_hidden = gate.search(reader, &format!("Condition?_id={closed}"), patient()).await;
    let by_absent = gate.search(reader, "Condition?_lastUpdated=lt1900-01-01", patient()).await;
    assert_eq!((by_hidden.matches().len(), by_absent.matches().len()), (0, 0));
    assert_eq!(issues(by_hidden), issues(by_absent));
    let both = gate.search(reader, &format!("Condition?_id={closed},{plain}&_sort=-date"), patient()).await;
    assert_eq!(both.match_ids(), [plain]);
}

#[tokio::test]
async fn an_objection_to_one_sensitivity_covers_what_is_marked_so_in_whatever_way() {
    let region = Region::new();
    let gate = region.start();
    let before = gate.search(GP, "Observation", patient()).await;
    assert_eq!(region.shown(&before, &["count", "panel"]), ["count", "panel"]);
    let mut consent = whole_record(patient());
    consent["provision"]["securityLabel"] = json!([{"system": ACT_CODE, "code": "HIV"}]);
    recorded(&gate, patient(), &consent).await;
    // from memory, and at once
    let after = gate.search(GP, "Observation", patient()).await;
    assert_eq!(region.shown(&after, &["count", "panel"]), [""; 0]);
    assert_eq!(withheld(&after).len(), 1);
    let report = gate.search(GP, "DiagnosticReport", patient()).await;
    assert_eq!(region.shown(&report, &["report"]), [""; 0]);
    let conditions = gate.search(GP, "Condition?_count=50", patient()).await;
    assert_eq!(region.shown(&conditions, &CONDITIONS), ["plain", "coded", "at-clinic", "closed-in"]);
}

#[tokio::test]
async fn what_lends_labels_is_asked_for_once_and_without_it_there_is_no_answer() {
    let region = Region::new();
    let gate = region.start();
    let asked = async |kind: &str| gate.asked("colneside").await["types"][kind].as_u64().unwrap_or(0);
    // one that refers to nothing costs nothing
    gate.search(GP, "Goal", patient()).await;
    assert_eq!((asked("Goal").await, asked("Encounter").await), (1, 0));
    gate.fault("colneside", json!({"fault": "error", "status": 500, "types": ["Encounter"]})).await;
    let partial = gate.search(GP, "Condition", patient()).await;
    assert_eq!(partial.header("x-completeness"), "partial");
    assert_eq!(region.shown(&partial, &CONDITIONS), [""; 0], "what it is marked as is not known");
    gate.lift("colneside").await;
    let before = asked("Encounter").await;
    for _ in 0..2 {
        let whole = gate.search(GP, "Condition", patient()).await;
        assert_eq!(region.shown(&whole, &CONDITIONS), CONDITIONS[..5]);
        gate.search(GP, "Encounter", patient()).await;
        gate.search(GP, "Observation", patient()).await;
    }
    assert_eq!(asked("Encounter").await, before + 1, "one answer serves all that refer to it");

    // who does not serve the type does not say what it would have marked: what was made in it is for the practice alone
    let gate = region.start();
    gate.fault("colneside", json!({"fault": "error", "status": 404, "types": ["Encounter"]})).await;
    let whole = gate.search(GP, "Condition", patient()).await;
    assert_eq!(
        (whole.header("x-completeness"), region.shown(&whole, &CONDITIONS)),
        ("complete", CONDITIONS[..5].to_vec())
    );
    assert_relationship(&gate, patient(), "RZ901").await;
    let elsewhere = gate.search("consultant-estuary", "Condition", patient()).await;
    assert_eq!((elsewhere.status, region.shown(&elsewhere, &CONDITIONS[3..])), (200, Vec::new()), "{}", elsewhere.text);
}

#[tokio::test]
async fn another_list_is_in_force_with_the_policy_it_belongs_to_whatever_is_in_memory() {
    let (region, policies) = (Region::new(), tempfile::tempdir().unwrap());
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"), policies.path());
    let setup = Setup::default().data(region.folder.path());
    let gate = setup.set("CAREGATE__POLICY__DIRECTORY", policies.path().display()).start();
    let conditions = async || {
        let answer = gate.search(GP, "Condition?_count=50", patient()).await;
        (gate.closing(&answer).await.policy.clone(), region.shown(&answer, &CONDITIONS))
    };
    let (first, shown) = conditions().await;
    assert_eq!(shown, CONDITIONS[..5]);
    let list = policies.path().join("sensitivities.json");
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, text.replace("52637005", "38341003")).unwrap();
    gate.hang_up();
    let changed = crate::harness::soon("the new policy", async || {
        let (policy, shown) = conditions().await;
        (policy != first).then_some(shown)
    });
    assert_eq!(changed.await, CONDITIONS[1..5], "barred under the list in force, and by it alone");
    fs::write(&list, text).unwrap();
    gate.hang_up();
    crate::harness::soon("the old policy", async || {
        (conditions().await == (first.clone(), shown.clone())).then_some(())
    })
    .await;
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}
