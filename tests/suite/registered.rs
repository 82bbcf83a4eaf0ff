//! A provider that joined by itself: what its stage lets be asked and shown, who moves it, and its own system's tokens.

#[path = "registered/entries.rs"]
mod entries;
#[path = "registered/probes.rs"]
mod probes;
#[path = "registered/shown.rs"]
mod shown;
#[path = "registered/stages.rs"]
mod stages;

use crate::{
    harness::{Answer, BUILT_IN, Gate, NHS, named_in, of_patient, source_of},
    joined::with,
    oauth::{Signer, asked, bearing, error_of, token_of},
    program::Region,
    recalls::recalling,
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
            contacts: Vec::new(),
            test_patients: Vec::new(),
            deadline_ms: None,
            from: None,
            until: None,
        }
    }

    async fn write(&self, version: i64, content: Content) {
        let state = EntryState::InForce;
        let entry = Entry { version, content, state, by: by(), by_system: true, at: Timestamp::now(), decided: None };
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
        role: None,
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

/// Why it is missing from an answer that says so.
fn missing(answer: &Answer) -> Option<String> {
    let issues = answer.issues();
    let issue = issues.iter().find(|issue| named_in(issue).as_deref() == Some(ODS_CODE))?;
    let reason = issue["extension"]
        .as_array()?
        .iter()
        .find(|one| one["url"].as_str().is_some_and(|url| url.ends_with("completeness-reason")))?;
    reason["valueCode"].as_str().map(str::to_owned)
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
