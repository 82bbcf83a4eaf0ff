//! A fact that changes at any moment of a request: a write of each sort is brought in at every step of the story of a
//! record, of the reading of its facts and of the commit of its rows. Whatever commits after it was acknowledged must not rest
//! on what was so before. Judged by the order of commits; a log without its guard shows that the judge can find one.

mod memory;
mod provider;
mod rows;

use super::*;
use crate::{
    access::{
        Basis, Before, FactCache, Item, Matter, Objection, Override, OverrideReason, Person, Policies, Policy, Recall,
        RecallReason, Relationship, Stage, Stages, Terms,
    },
    audit::{AuditLog, Kind, LogOptions, Row, Signer},
    domain::{NhsNumber, OdsCode, RequestId},
    federation::{
        Federation, FederationConfig, FederationOptions,
        testing::{BASE, ids, patient},
    },
    identity::{Party, Purpose, Scopes, Verifier},
    query::{self, Method, PageSealer, PageSize, RawQuery, Setting},
    registry::{
        Credentials, Locator, LocatorConfig, OrganisationConfig, ProviderConfig, Registries, Registry, RegistryConfig,
        directory::RegistryTerms,
    },
    store::{DatabaseUrl, Store},
};
use memory::{Memory, Moment, State, TwoPolicies, Write};
use provider::provide;
use rows::{EXPIRY, RACES, Race, released};
use serde_json::json;
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::net::TcpListener;

const OPEN: &str = "RZ901";
const CLOSING: &str = "RZ902";
/// How long an override holds here.
const SHORT: Duration = Duration::from_millis(40);

static POLICIES: LazyLock<[Arc<Policy>; 2]> = LazyLock::new(|| {
    let built_in = Policy::load(None).unwrap();
    let mut texts = built_in.texts();
    let roles = texts.get_mut("roles.json").unwrap();
    *roles = roles.replace("\"R0260\"", "\"R0999\"");
    [Arc::new(built_in), Arc::new(Policy::stored(&texts).unwrap())]
});

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

fn person() -> Person {
    requester().person()
}

fn requester() -> Requester {
    Requester {
        issuer: "https://identity.example".to_owned(),
        subject: "someone".to_owned(),
        party: Party::Staff {
            user: "555000000001".to_owned(),
            name: None,
            role: Some("R0260".to_owned()),
            role_name: None,
            activities: Vec::new(),
            organisation: ods("RZ900"),
        },
        given_by: "https://gateway.example".into(),
        client_id: "client".to_owned(),
        token_id: "token".to_owned(),
        scopes: Scopes::parse("user/*.rs"),
        purpose: Purpose("TREAT".to_owned()),
        acting: None,
        expires: Timestamp::now().plus(Duration::from_secs(600)),
    }
}

/// What is asked for while the fact changes.
#[derive(Clone, Copy, Debug)]
enum Story {
    Conditions,
    /// What the closing source's DocumentReference refers to.
    Letter,
}

const STORIES: [Story; 2] = [Story::Conditions, Story::Letter];

impl Story {
    async fn told(self, gateway: &Gateway, requester: &Requester, opened: &mut Opened) -> Result<Released, Ending> {
        let ids = ids();
        let setting = Setting { ids: &ids, bases: &[], page_size: PageSize::default() };
        let get =
            |path, query| RawQuery { method: Method::Get, path, query, content_type: None, body: b"", accept: None };
        match self {
            Self::Conditions => {
                let query = format!("patient.identifier=https://fhir.nhs.uk/Id/nhs-number%7C{}", patient().digits());
                let ask = query::parse(&get(&["Condition"], &query), &setting).unwrap();
                record(gateway, requester, ask, Wishes::default(), opened).await
            }
            Self::Letter => {
                let (id, _) = ids.document(ods(CLOSING), patient(), "DocumentReference", "Binary/1");
                let asked = query::parse_document(&get(&["Binary", &id], ""), &setting).unwrap();
                document(gateway, requester, asked, opened).await
            }
        }
    }
}

struct World {
    gateway: Gateway,
    memory: Memory,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new(guarded: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(provide(connection));
            }
        });
        let provider = |ods: &str| -> ProviderConfig {
            let network = json!({"allow_private_addresses": true, "allow_http": true});
            let mut config = json!({"ods": ods, "name": ods, "kind": "acute-trust", "base_url": base});
            config.as_object_mut().unwrap().extend(network.as_object().unwrap().clone());
            serde_json::from_value(config).unwrap()
        };
        let hospital: OrganisationConfig =
            serde_json::from_value(json!({"ods": "RZ900", "name": "Hospital", "kind": "acute-trust"})).unwrap();
        let deadline = Duration::from_secs(3);
        let configured = Registry::new(&[provider(OPEN), provider(CLOSING)], &[hospital], deadline).unwrap();
        // what no story of a record asks for, or only where something is wrong
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("rest.db").display());
        let rest = Store::open(&DatabaseUrl::parse(&url).unwrap()).await.unwrap();
        // every run asks the providers
        let config = FederationConfig { ttl_seconds: 0, patient_ttl_seconds: 0, ..FederationConfig::default() };
        let federation = FederationOptions {
            config,
            ids: ids(),
            base: BASE.into(),
            long_ids: rest.long_ids(),
            standing: rest.standing(),
            statements: None,
        };
        let memory = Memory::new(guarded);
        let options = LogOptions::new(Signer::new("caregate.example/audit", &[1; 32]).unwrap());
        let gateway = Gateway {
            verifier: Arc::new(Verifier::new(Vec::new()).unwrap()),
            authorisation: None,
            policies: Policies::new(Arc::new(TwoPolicies(POLICIES.clone())), None),
            facts: FactCache::new(Arc::new(memory.clone())),
            registries: Registries::new(
                configured,
                &RegistryConfig::default(),
                Credentials::default(),
                deadline,
                rest.directory(),
            ),
            directory: rest.directory(),
            probes: rest.probes(),
            probing: Arc::new(tokio::sync::Semaphore::new(1)),
            standing: rest.standing(),
            registry_terms: RegistryTerms::default(),
            locator: Locator::new(rest.presence(), LocatorConfig::default()),
            statements: None,
            federation: Federation::new(federation).unwrap(),
            index: None,
            log: AuditLog::start(Box::new(memory.clone()), options).await.unwrap(),
            claims: rest.claims(),
            recalls: rest.recalls(),
            desk: rest.desk(),
            reader: rest.log_reader(),
            ledger: rest.ledger(),
            long_ids: rest.long_ids(),
            ids: ids(),
            pages: PageSealer::new(&[8; 32], PageSealer::LIFETIME),
            base: BASE.into(),
        };
        Self { gateway, memory, _directory: directory }
    }

    /// One request, with the write at this moment.
    async fn run(&self, race: &Race, story: Story, at: Moment) -> Result<Released, Ending> {
        self.gateway.facts.forget(patient()).await;
        let requester = requester();
        let mut opened = Opened::new(self.gateway.log.clone(), &requester, None, RequestId::fresh());
        self.memory.begin(race.begin, race.write, at);
        self.memory.watch(story.told(&self.gateway, &requester, &mut opened)).await
    }

    /// At every moment of the request, of each sort until it is over before the write comes.
    async fn race(&self, race: &Race, story: Story) -> Found {
        let mut found = Found::default();
        for sort in [Moment::Step, Moment::Wait] {
            let mut nth = 1;
            while self.raced(race, story, sort(nth), &mut found).await {
                nth += 1;
            }
        }
        found
    }

    /// Whether there was such a moment.
    async fn raced(&self, race: &Race, story: Story, at: Moment, found: &mut Found) -> bool {
        let ended = self.run(race, story, at).await;
        let state = self.memory.state();
        let Some(acknowledged) = state.acknowledged else {
            assert!(ended.is_ok(), "{}: what nothing disturbs is released", race.name);
            return false;
        };
        let before = state.rows[..acknowledged].iter().any(released);
        found.overtaken += usize::from(!before);
        found.too_late += usize::from(before);
        found.late.extend(state.rows[acknowledged..].iter().any(race.late).then_some(at));
        found.most_loads = found.most_loads.max(state.loads);
        let contended = matches!(ended, Err(Ending::Contended | Ending::Stale | Ending::Internal));
        assert!(!contended, "{} at {at:?}: the story ends", race.name);
        let closing = state.rows.iter().filter(|row| row.kind != Kind::Intent).count();
        assert_eq!(closing, 1, "{} at {at:?}", race.name);
        true
    }
}

#[derive(Debug, Default)]
struct Found {
    /// Runs in which the write came before the release, and after.
    overtaken: usize,
    too_late: usize,
    /// The moments after which something late was committed.
    late: Vec<Moment>,
    most_loads: usize,
}

#[tokio::test]
async fn nothing_that_rests_on_a_fact_is_released_after_the_fact_was_changed_at_any_moment_of_a_request() {
    let world = World::new(true).await;
    for (race, story) in RACES.iter().chain([&EXPIRY]).flat_map(|race| STORIES.map(|story| (race, story))) {
        let found = world.race(race, story).await;
        assert_eq!(found.late, [], "{} {story:?}", race.name);
        assert!(found.overtaken > 10 && found.too_late > 0, "{} {story:?}: {found:?}", race.name);
        assert!(found.most_loads <= 2, "{} {story:?}: one change costs one more look, {found:?}", race.name);
    }
}

#[tokio::test]
async fn without_the_guard_of_the_commit_each_change_would_be_overtaken() {
    let world = World::new(false).await;
    for (race, story) in RACES.iter().flat_map(|race| STORIES.map(|story| (race, story))) {
        let found = world.race(race, story).await;
        assert!(!found.late.is_empty(), "{} {story:?}: {found:?}", race.name);
    }
}
