//! The registry's entries and stages, as both databases keep them.

use super::Fixture;
use crate::{
    access::{Listed, Recorder, Stage, Stages},
    domain::{OdsCode, StoreError, Timestamp},
    fhir::ResourceType,
    registry::{
        Idiom,
        directory::{Content, Decided, Endpoint, Entry, EntryState, ListingPage, Organisation, Staged},
    },
};

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

fn recorder(subject: &str) -> Recorder {
    Recorder { issuer: "https://id.example".to_owned(), subject: subject.to_owned(), organisation: Some(ods("RZ901")) }
}

fn entry(code: &str, version: i64, state: EntryState) -> Entry {
    let name = format!("{code} in version {version}");
    let organisation = Organisation {
        ods: ods(code),
        name,
        kind: "hospice".to_owned(),
        role: None,
        agreement: None,
        contacts: Vec::new(),
        client: None,
    };
    Entry {
        version,
        content: Content::Organization(organisation),
        state,
        by: recorder("writer"),
        by_system: version == 1,
        at: Timestamp(version * 1_000_000),
        decided: None,
    }
}

fn decided() -> Decided {
    Decided { by: recorder("operator"), at: Timestamp(9_000_000), reason: Some("seen".to_owned()) }
}

#[tokio::test]
async fn a_version_comes_into_force_by_approval_or_at_once_and_only_on_top_of_what_it_was_compared_with() {
    use EntryState::*;
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let (directory, facts) = (store.directory(), store.facts());
        let epoch = async || facts.global_facts().await.unwrap().epoch;
        let code = ods("RZ950");
        let states = async || {
            let versions = directory.versions(Listed::Organization, code).await.unwrap();
            versions.iter().map(|entry| (entry.version, entry.state)).collect::<Vec<_>>()
        };
        assert_eq!(directory.latest(Listed::Organization, code).await, Ok(None));
        assert_eq!(directory.write(&entry("RZ950", 2, Proposed), None).await, Err(StoreError::Conflict), "out of turn");
        let first = entry("RZ950", 1, Proposed);
        directory.write(&first, None).await.unwrap();
        assert_eq!(directory.write(&first, None).await, Err(StoreError::Conflict));
        assert_eq!(directory.latest(Listed::Organization, code).await, Ok(Some(first.clone())));
        assert_eq!(directory.in_force(Listed::Organization, code).await, Ok(None));
        assert_eq!(epoch().await, 0, "nothing is in force by a proposal");

        directory.decide(Listed::Organization, code, 1, true, &decided(), false).await.unwrap();
        assert_eq!((epoch().await, facts.global_facts().await.unwrap().registry), (1, 1));
        let again = directory.decide(Listed::Organization, code, 1, false, &decided(), false).await;
        assert_eq!(again, Err(StoreError::Conflict));
        let stands = Entry { state: InForce, decided: Some(decided()), ..first };
        assert_eq!(directory.in_force(Listed::Organization, code).await, Ok(Some(stands.clone())));
        assert_eq!(directory.all_in_force().await, Ok(vec![stands]));

        // compared with nothing, or with what is not in force, nothing comes into force
        for other in [None, Some(2)] {
            assert_eq!(directory.write(&entry("RZ950", 2, InForce), other).await, Err(StoreError::Conflict));
        }
        directory.write(&entry("RZ950", 2, InForce), Some(1)).await.unwrap();
        assert_eq!((epoch().await, states().await), (2, vec![(2, InForce), (1, Replaced)]));
        directory.write(&entry("RZ950", 3, Proposed), Some(2)).await.unwrap();
        directory.decide(Listed::Organization, code, 3, false, &decided(), false).await.unwrap();
        directory.write(&entry("RZ950", 4, Proposed), Some(2)).await.unwrap();
        directory.write(&entry("RZ950", 5, Proposed), Some(2)).await.unwrap();
        let passed_over = directory.decide(Listed::Organization, code, 4, true, &decided(), false).await;
        assert_eq!(passed_over, Err(StoreError::Conflict));
        assert_eq!(epoch().await, 2, "neither proposals nor refusals change what is in force");
        directory.decide(Listed::Organization, code, 5, true, &decided(), false).await.unwrap();
        let known = [(5, InForce), (4, Replaced), (3, Refused), (2, Replaced), (1, Replaced)];
        assert_eq!((epoch().await, states().await), (3, known.to_vec()));
        assert_eq!(fixture.count("SELECT count(*) FROM directory_entry WHERE until_epoch > from_epoch").await, 2);
        assert_eq!(
            fixture
                .count("SELECT count(*) FROM directory_entry WHERE state = 'in-force' AND until_epoch IS NULL")
                .await,
            1
        );
    }
}

#[tokio::test]
async fn of_many_that_write_the_next_version_at_once_one_does() {
    for fixture in Fixture::both().await {
        let (store, other) = (fixture.open().await.directory(), fixture.open().await.directory());
        store.write(&entry("RZ950", 1, EntryState::InForce), None).await.unwrap();
        for state in [EntryState::InForce, EntryState::Proposed] {
            let version = if state == EntryState::InForce { 2 } else { 3 };
            let (entry, stands) = (entry("RZ950", version, state), Some(if version == 2 { 1 } else { 2 }));
            let tries = (0..12).map(|n| if n % 2 == 0 { &store } else { &other }.write(&entry, stands));
            let outcomes = futures::future::join_all(tries).await;
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
            assert!(outcomes.iter().all(|one| matches!(one, Ok(()) | Err(StoreError::Conflict))), "{outcomes:?}");
        }
        // a decision and another proposal at once: either way one version is in force and the newest is told
        let next = entry("RZ950", 4, EntryState::Proposed);
        let (one, two) = (decided(), decided());
        let (let_in, written, refused) = futures::join!(
            store.decide(Listed::Organization, ods("RZ950"), 3, true, &one, false),
            other.write(&next, Some(2)),
            other.decide(Listed::Organization, ods("RZ950"), 3, false, &two, false),
        );
        assert!(!(let_in.is_ok() && refused.is_ok()), "one decision: {let_in:?} {written:?} {refused:?}");
        assert_eq!(fixture.count("SELECT count(*) FROM directory_entry WHERE state = 'in-force'").await, 1);
    }
}

#[tokio::test]
async fn a_listing_is_of_the_newest_versions_by_code() {
    for fixture in Fixture::both().await {
        let directory = fixture.open().await.directory();
        for code in ["RZ952", "RZ950", "RZ951"] {
            directory.write(&entry(code, 1, EntryState::InForce), None).await.unwrap();
        }
        directory.write(&entry("RZ951", 2, EntryState::Proposed), Some(1)).await.unwrap();
        let listed = async |of: Option<&str>, after: Option<&str>, limit| {
            let (of, after) = (of.map(ods), after.map(ods));
            let page = ListingPage { listed: Listed::Organization, of, after, limit };
            let found = directory.list(&page).await.unwrap();
            found.iter().map(|one| (one.content.ods().to_string(), one.version)).collect::<Vec<_>>()
        };
        let all = [("RZ950", 1), ("RZ951", 2), ("RZ952", 1)].map(|(code, version)| (code.to_owned(), version));
        assert_eq!(listed(None, None, 10).await, all);
        assert_eq!(listed(None, None, 2).await, all[..2]);
        assert_eq!(listed(None, Some("RZ951"), 2).await, all[2..]);
        assert_eq!(listed(Some("RZ951"), None, 2).await, all[1..2]);
        let waiting = async || directory.waiting(Listed::Organization, 9).await.unwrap();
        assert_eq!(waiting().await.iter().map(|one| one.content.ods()).collect::<Vec<_>>(), [ods("RZ951")]);
        // a newer version takes its place
        directory.write(&entry("RZ951", 3, EntryState::Proposed), Some(1)).await.unwrap();
        assert_eq!(waiting().await.iter().map(|one| one.version).collect::<Vec<_>>(), [3]);
        directory.decide(Listed::Organization, ods("RZ951"), 3, false, &decided(), false).await.unwrap();
        assert!(waiting().await.is_empty() && directory.waiting(Listed::Endpoint, 9).await.unwrap().is_empty());
        let endpoints = ListingPage { listed: Listed::Endpoint, of: None, after: None, limit: 9 };
        assert_eq!(directory.list(&endpoints).await, Ok(Vec::new()));
    }
}

fn endpoint(version: i64, state: EntryState, address: &str, types: &[ResourceType]) -> Entry {
    let endpoint = Endpoint {
        ods: ods("RZ950"),
        name: "Records".to_owned(),
        address: address.parse().unwrap(),
        replicas: Vec::new(),
        types: types.iter().copied().collect(),
        idiom: Idiom::Chained,
        credential: None,
        contacts: Vec::new(),
        test_patients: Vec::new(),
        deadline_ms: None,
        from: None,
        until: None,
    };
    Entry { content: Content::Endpoint(endpoint), ..entry("RZ950", version, state) }
}

const HERE: &str = "https://rz950.example/fhir";
const ELSEWHERE: &str = "https://elsewhere.example/fhir";
const TYPES: [ResourceType; 2] = [ResourceType::Condition, ResourceType::Observation];

fn staged(stage: Stage) -> Staged {
    Staged {
        stages: Stages { usual: stage, ..Stages::default() },
        reason: "probed".to_owned(),
        by: recorder("operator"),
        at: Timestamp(5),
    }
}

#[tokio::test]
async fn a_stage_is_set_on_top_of_the_one_that_stands_and_of_the_version_in_force_and_is_a_fact_at_once() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let directory = store.directory();
        let (code, shadow, live) = (ods("RZ950"), staged(Stage::Shadow), staged(Stage::Live));
        let set = async |version, before: Option<&Staged>, staged: &Staged| {
            directory.set_stages(code, version, before.map(|staged| &staged.stages), staged).await
        };
        assert_eq!(directory.stages(code).await, Ok(None));
        assert_eq!(set(1, None, &shadow).await, Err(StoreError::Conflict), "of what is not registered");
        directory.write(&endpoint(1, EntryState::InForce, HERE, &TYPES), None).await.unwrap();
        set(1, None, &shadow).await.unwrap();
        assert_eq!(set(1, None, &shadow).await, Err(StoreError::Conflict));
        assert_eq!(set(1, Some(&live), &live).await, Err(StoreError::Conflict));
        assert_eq!(set(2, Some(&shadow), &live).await, Err(StoreError::Conflict), "of another version");
        set(1, Some(&shadow), &live).await.unwrap();
        assert_eq!(directory.stages(code).await, Ok(Some(live.clone())));
        assert_eq!(directory.stage_history(code).await, Ok(vec![live.clone(), shadow]));
        let facts = store.facts().global_facts().await.unwrap();
        assert_eq!((facts.epoch, facts.registry), (3, 1), "what was not set raises nothing");
        assert_eq!(facts.stages, [(code, live.stages)].into());
    }
}

#[tokio::test]
async fn another_address_or_another_type_is_probed_before_it_is_shown_from_the_very_commit_that_brings_it() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let directory = store.directory();
        let code = ods("RZ950");
        let stands = async || store.facts().global_facts().await.unwrap().stages.remove(&code).unwrap();
        let live = async |version| {
            let stood = directory.stages(code).await.unwrap().map(|staged| staged.stages);
            directory.set_stages(code, version, stood.as_ref(), &staged(Stage::Live)).await.unwrap();
        };
        directory.write(&endpoint(1, EntryState::InForce, HERE, &TYPES[..1]), None).await.unwrap();
        live(1).await;
        // what it serves more goes no further than to be probed; the rest stays
        directory.write(&endpoint(2, EntryState::InForce, HERE, &TYPES), Some(1)).await.unwrap();
        assert_eq!(TYPES.map(|kind| kind.as_str()), ["Condition", "Observation"]);
        let of = |stages: &Stages| TYPES.map(|kind| stages.of(kind.as_str()));
        assert_eq!(of(&stands().await), [Stage::Live, Stage::Shadow]);
        live(2).await;
        // nothing changes by what is only proposed, or refused
        directory.write(&endpoint(3, EntryState::Proposed, ELSEWHERE, &TYPES), Some(2)).await.unwrap();
        directory.decide(Listed::Endpoint, code, 3, false, &decided(), false).await.unwrap();
        assert_eq!(of(&stands().await), [Stage::Live; 2]);
        directory.write(&endpoint(4, EntryState::Proposed, ELSEWHERE, &TYPES), Some(2)).await.unwrap();
        directory.decide(Listed::Endpoint, code, 4, true, &decided(), false).await.unwrap();
        // what was live is missing, and not joining
        assert_eq!(of(&stands().await), [Stage::Suspended; 2]);
        assert!(stands().await.is_missing("Condition"));
        let newest = directory.stage_history(code).await.unwrap().remove(0);
        assert_eq!((newest.by, newest.at), (decided().by, decided().at), "whoever let it in");
        live(4).await;
        // one that was probed where it is to be stays as it was
        directory.write(&endpoint(5, EntryState::Proposed, HERE, &TYPES), Some(4)).await.unwrap();
        directory.decide(Listed::Endpoint, code, 5, true, &decided(), true).await.unwrap();
        assert_eq!(of(&stands().await), [Stage::Live; 2]);
    }
}
