use super::*;
use crate::{
    access::{Listed, Recorder, Stages},
    fhir::ResourceType,
    registry::{
        OrganisationConfig, Plan, Presence,
        directory::{Agreement, Decided, EntryState, ListingPage, Staged},
    },
};
use async_trait::async_trait;
use serde_json::json;
use std::{
    sync::{
        Mutex as Held,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

/// What is in force, and how often it was asked for; `None` while it cannot be read.
#[derive(Default)]
struct Listing {
    in_force: Held<Option<Vec<Entry>>>,
    asked: AtomicUsize,
}

#[async_trait]
impl DirectoryStore for Listing {
    async fn all_in_force(&self) -> Result<Vec<Entry>, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.in_force.lock().unwrap().clone().ok_or(StoreError::Unavailable)
    }

    async fn latest(&self, _: Listed, _: OdsCode) -> Result<Option<Entry>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn in_force(&self, _: Listed, _: OdsCode) -> Result<Option<Entry>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn versions(&self, _: Listed, _: OdsCode) -> Result<Vec<Entry>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn list(&self, _: &ListingPage) -> Result<Vec<Entry>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn waiting(&self, _: Listed, _: u32) -> Result<Vec<Entry>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn write(&self, _: &Entry, _: Option<i64>) -> Result<(), StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn decide(&self, _: Listed, _: OdsCode, _: i64, _: bool, _: &Decided, _: bool) -> Result<(), StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn stages(&self, _: OdsCode) -> Result<Option<Staged>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn stage_history(&self, _: OdsCode) -> Result<Vec<Staged>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn set_stages(&self, _: OdsCode, _: i64, _: Option<&Stages>, _: &Staged) -> Result<(), StoreError> {
        Err(StoreError::Unavailable)
    }
}

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

fn entry(version: i64, content: Content) -> Entry {
    let by = Recorder { issuer: "i".to_owned(), subject: "s".to_owned(), organisation: None };
    Entry { version, content, state: EntryState::InForce, by, by_system: true, at: Timestamp(0), decided: None }
}

fn an_organisation(code: &str) -> Organisation {
    let agreement = Agreement { reference: "agreement-1".to_owned(), from: None, until: None };
    Organisation {
        ods: ods(code),
        name: format!("The {code} Trust"),
        kind: "acute-trust".to_owned(),
        role: None,
        agreement: Some(agreement),
        contacts: Vec::new(),
        client: None,
    }
}

fn an_endpoint(code: &str) -> Endpoint {
    Endpoint {
        ods: ods(code),
        name: "FHIR".to_owned(),
        address: format!("https://{code}.example/fhir").parse().unwrap(),
        replicas: Vec::new(),
        types: [ResourceType::Condition].into(),
        idiom: super::super::Idiom::Chained,
        credential: None,
        contacts: Vec::new(),
        test_patients: Vec::new(),
        deadline_ms: None,
        from: None,
        until: None,
    }
}

fn joined(code: &str) -> Vec<Entry> {
    vec![entry(1, Content::Organization(an_organisation(code))), entry(1, Content::Endpoint(an_endpoint(code)))]
}

struct World {
    registries: Registries,
    listing: Arc<Listing>,
}

impl World {
    fn new() -> Self {
        Self::on(&RegistryConfig::default())
    }

    fn on(terms: &RegistryConfig) -> Self {
        let configured =
            json!({"ods": "RZ901", "name": "Estuary", "kind": "acute-trust", "base_url": "https://rz901.example/"});
        let other: OrganisationConfig =
            serde_json::from_value(json!({"ods": "NZ901", "name": "Nursing", "kind": "community"})).unwrap();
        let deadline = Duration::from_secs(3);
        let configured = Registry::new(&[serde_json::from_value(configured).unwrap()], &[other], deadline).unwrap();
        let kept = json!([
            {"ods": "RZ905", "name": "main", "credential": {"bearer": {"env": "PATH"}}},
            {"ods": "RZ906", "name": "theirs", "credential": {"bearer": {"env": "PATH"}}},
            {"ods": "RZ906", "name": "lost", "credential": {"bearer": {"env": "CAREGATE_NO_SUCH_VARIABLE"}}},
        ]);
        let kept: Vec<super::super::RegistryCredential> = serde_json::from_value(kept).unwrap();
        let listing = Arc::new(Listing { in_force: Held::new(Some(Vec::new())), ..Listing::default() });
        let credentials = Credentials::from(&*kept);
        let registries = Registries::new(configured, terms, credentials, deadline, Arc::clone(&listing) as _);
        Self { registries, listing }
    }

    fn lists(&self, entries: Vec<Entry>) {
        *self.listing.in_force.lock().unwrap() = Some(entries);
    }

    fn asked(&self) -> usize {
        self.listing.asked.load(Ordering::Relaxed)
    }

    async fn at(&self, registry: i64) -> Result<Arc<Registry>, StoreError> {
        self.registries.of(&GlobalFacts { registry, ..GlobalFacts::default() }).await
    }
}

#[tokio::test]
async fn a_region_in_which_nobody_registered_is_as_it_is_configured_and_asks_no_database() {
    let world = World::new();
    let (one, other) = (world.at(0).await.unwrap(), world.at(0).await.unwrap());
    assert!(Arc::ptr_eq(&one, &other) && one.provider(ods("RZ901")).is_some());
    assert_eq!((one.kind_of(ods("NZ901")).map(|kind| &**kind), world.asked()), (Some("community"), 0));
}

#[tokio::test]
async fn what_came_into_force_is_read_once_however_many_ask_and_what_stays_the_same_stays_itself() {
    let world = World::new();
    world.lists([joined("RZ905"), joined("RZ906")].concat());
    let all = futures::future::join_all((0..64).map(|_| world.at(7))).await;
    let first = all[0].clone().unwrap();
    assert!(all.iter().all(|one| Arc::ptr_eq(one.as_ref().unwrap(), &first)));
    assert_eq!(world.asked(), 1);
    let provider = first.provider(ods("RZ905")).unwrap();
    assert!(provider.serves(ResourceType::Condition) && provider.serves(ResourceType::Practitioner));
    assert!(!provider.serves(ResourceType::Observation), "it is asked for what it says that it serves");
    assert_eq!((provider.version, &*provider.kind, &*provider.name), (1, "acute-trust", "The RZ905 Trust"));

    // another address is another endpoint; another name is none
    let mut moved = an_endpoint("RZ905");
    moved.address = "https://elsewhere.example/fhir".parse().unwrap();
    let renamed = Organisation { name: "Renamed".to_owned(), ..an_organisation("RZ906") };
    let mut entries = [joined("RZ905"), joined("RZ906")].concat();
    entries[1] = entry(2, Content::Endpoint(moved));
    entries[2] = entry(2, Content::Organization(renamed));
    world.lists(entries);
    // whoever decided by the facts before is served what is newer; whoever knows of the change waits for it
    assert!(Arc::ptr_eq(&world.at(6).await.unwrap(), &first));
    let second = world.at(8).await.unwrap();
    assert!(Arc::ptr_eq(&world.at(7).await.unwrap(), &second));
    let (before, after) = (first.provider(ods("RZ905")).unwrap(), second.provider(ods("RZ905")).unwrap());
    assert!(!Arc::ptr_eq(&before.sign_in, &after.sign_in) && !Arc::ptr_eq(&before.declared, &after.declared));
    assert_eq!((before.told_by().1, after.told_by().1, after.base.host_str()), (1, 2, Some("elsewhere.example")));
    let (before, after) = (first.provider(ods("RZ906")).unwrap(), second.provider(ods("RZ906")).unwrap());
    assert!(Arc::ptr_eq(&before.sign_in, &after.sign_in) && after.name == "Renamed");
    assert!(Arc::ptr_eq(first.provider(ods("RZ901")).unwrap(), second.provider(ods("RZ901")).unwrap()));
    let third = world.at(9).await.unwrap();
    assert!(Arc::ptr_eq(after, third.provider(ods("RZ906")).unwrap()), "its entry is the same");
}

#[tokio::test]
async fn whoever_may_not_share_now_is_asked_nothing_and_reads_nothing_and_is_missing_where_it_did() {
    let world = World::new();
    let now = Timestamp::now();
    let (past, future) = (now.minus(Duration::from_secs(60)), now.plus(Duration::from_secs(3600)));
    let agreed = |from, until| Some(Agreement { reference: "a".to_owned(), from, until });
    for (agreement, endpoint, is_in) in [
        (agreed(None, None), (None, None), Some(true)),
        (agreed(Some(past), Some(future)), (Some(past), Some(future)), Some(true)),
        (None, (None, None), Some(false)),
        (agreed(None, Some(past)), (None, None), Some(false)),
        (agreed(Some(future), None), (None, None), Some(false)),
        (agreed(None, None), (None, Some(past)), Some(false)),
        (agreed(None, None), (Some(future), None), Some(false)),
    ] {
        let (from, until) = endpoint;
        let organisation = Organisation { agreement: agreement.clone(), ..an_organisation("RZ905") };
        let endpoint = Endpoint { from, until, ..an_endpoint("RZ905") };
        let shares = organisation.shares(now);
        world.lists(vec![entry(1, Content::Organization(organisation)), entry(1, Content::Endpoint(endpoint))]);
        let epoch = i64::try_from(world.asked()).unwrap() + 1;
        let registry = world.at(epoch).await.unwrap();
        let used = registry.provider(ods("RZ905")).map(|provider| !provider.is_out_of_use);
        assert_eq!(used, is_in, "{agreement:?} {from:?} {until:?}");
        assert_eq!(registry.kind_of(ods("RZ905")).is_some(), shares);
        assert!(registry.words().any(|word| word == "The RZ905 Trust"));
        assert!(
            registry.words().any(|word| word == "rz905.example") && registry.codes().any(|code| code == ods("RZ905"))
        );
    }
    // without its organisation an endpoint is nobody's
    world.lists(vec![entry(1, Content::Endpoint(an_endpoint("RZ905")))]);
    assert!(world.at(100).await.unwrap().provider(ods("RZ905")).is_none());
}

#[tokio::test]
async fn an_agreement_that_ends_ends_by_itself_without_anybody_writing_anything() {
    let world = World::new();
    let end = Timestamp::now().plus(Duration::from_millis(150));
    let agreement = Agreement { reference: "a".to_owned(), from: None, until: Some(end) };
    let organisation = Organisation { agreement: Some(agreement), ..an_organisation("RZ905") };
    world.lists(vec![entry(1, Content::Organization(organisation)), joined("RZ905").remove(1)]);
    let during = world.at(1).await.unwrap();
    assert!(during.provider(ods("RZ905")).is_some() && during.until() == Some(end), "a permit holds no longer");
    while Timestamp::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let after = world.at(1).await.unwrap();
    let (before, ended) = (during.provider(ods("RZ905")).unwrap(), after.provider(ods("RZ905")).unwrap());
    assert!(ended.is_out_of_use && ended.told_by() != before.told_by(), "what it said is in no memory");
    assert!(after.until().is_none());
    assert_eq!(world.asked(), 2);
    world.at(1).await.unwrap();
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn whatever_is_wrong_with_one_entry_leaves_out_that_one_alone() {
    let world = World::new();
    let with = |credential: &str| Endpoint { credential: Some(credential.to_owned()), ..an_endpoint("RZ906") };
    let at = |address: &str| Endpoint { address: address.parse().unwrap(), ..an_endpoint("RZ906") };
    for (epoch, (endpoint, what)) in (1..).zip([
        (with("main"), "another organisation's credential"),
        (with("none"), "no credential of that name"),
        (with("lost"), "one whose secret cannot be read"),
        (at("http://rz906.example/fhir"), "plain HTTP"),
        (at("https://127.0.0.1/fhir"), "inside our own network"),
        (at("https://user:word@rz906.example/fhir"), "a password in the registry"),
        (Endpoint { deadline_ms: Some(1), ..an_endpoint("RZ906") }, "a deadline that nobody keeps"),
    ]) {
        let mut entries = [joined("RZ905"), joined("RZ906")].concat();
        entries[3] = entry(epoch, Content::Endpoint(endpoint));
        world.lists(entries);
        let registry = world.at(epoch).await.unwrap();
        // it is a part of the record that is missing, and is called by nobody
        assert!(registry.provider(ods("RZ906")).is_some_and(|provider| provider.is_out_of_use), "{what}");
        assert!(registry.provider(ods("RZ905")).is_some() && registry.provider(ods("RZ901")).is_some(), "{what}");
    }
    let mut entries = joined("RZ906");
    entries[1] = entry(9, Content::Endpoint(with("theirs")));
    world.lists(entries);
    let registry = world.at(99).await.unwrap();
    assert!(registry.provider(ods("RZ906")).is_some_and(|provider| !provider.is_out_of_use));
}

#[tokio::test]
async fn nothing_that_is_registered_takes_the_place_of_what_the_deployment_configures() {
    let world = World::new();
    world.lists(joined("RZ901"));
    let registry = world.at(1).await.unwrap();
    let estuary = registry.provider(ods("RZ901")).unwrap();
    assert_eq!((estuary.base.as_str(), estuary.version), ("https://rz901.example/", 0));
    assert_eq!(registry.name_of(ods("RZ901")), Some("Estuary"));
}

#[tokio::test]
async fn a_registry_that_cannot_be_read_is_a_fault_and_never_the_one_before() {
    let world = World::new();
    world.lists(joined("RZ905"));
    world.at(1).await.unwrap();
    *world.listing.in_force.lock().unwrap() = None;
    assert!(world.at(1).await.is_ok());
    assert_eq!(world.at(2).await.err(), Some(StoreError::Unavailable));
    world.lists(Vec::new());
    assert!(world.at(2).await.unwrap().provider(ods("RZ905")).is_none(), "nor is the fault remembered");
}

/// Prints; how long it takes hangs on the machine.
#[tokio::test]
#[expect(clippy::print_stderr, reason = "a measurement")]
async fn three_thousand_endpoints_are_taken_up_and_planned_for() {
    let world = World::new();
    let code = |n: usize| format!("A{n:05}");
    world.lists((0..3_000).flat_map(|n| joined(&code(n))).collect());
    let began = Instant::now();
    let registry = world.at(1).await.unwrap();
    let built = began.elapsed();
    assert_eq!(registry.all().count(), 3_001);
    let began = Instant::now();
    world.at(2).await.unwrap();
    let again = began.elapsed();
    let began = Instant::now();
    for _ in 0..100_000 {
        world.at(2).await.unwrap();
    }
    let same = began.elapsed() / 100_000;
    let wants = [super::super::Want::all(ResourceType::Condition)];
    let mut said = Vec::new();
    for (name, stage) in [("joining", crate::access::Stage::Registered), ("live", crate::access::Stage::Live)] {
        let stages = (0..3_000).map(|n| (ods(&code(n)), Stages { usual: stage, ..Stages::default() })).collect();
        let permits = super::super::plan::tests::permits(GlobalFacts { stages, ..GlobalFacts::default() });
        let plan = || registry.plan(&permits, (&wants, None), None, &Presence::default());
        let Plan { ask, joining, .. } = plan();
        assert_eq!(ask.len() + joining, 3_001, "{name}");
        let began = Instant::now();
        for _ in 0..10 {
            plan();
        }
        said.push(format!("planned where all are {name} in {:?}", began.elapsed() / 10));
    }
    eprintln!("3,000 endpoints: first {built:?}, unchanged {again:?}, no change {same:?}; {}", said.join(", "));
}

#[tokio::test]
async fn about_whom_registered_endpoints_are_asked_is_the_deployments_to_say() {
    for locate in [Locate::Always, Locate::Pointers] {
        let world = World::on(&RegistryConfig { locate, ..RegistryConfig::default() });
        world.lists(joined("RZ905"));
        let registry = world.at(1).await.unwrap();
        assert_eq!(registry.provider(ods("RZ905")).map(|provider| provider.locate), Some(locate));
        assert_eq!(registry.locates(), locate != Locate::Always);
    }
}
