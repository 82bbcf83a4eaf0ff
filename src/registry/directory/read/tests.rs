//! That an entry which is written reads as what it was: as the tests of the front door show for whole requests, here for every member.

use super::*;
use crate::{
    access::{GlobalFacts, Policy, Recorder, Stage, Stages},
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::ResourceType,
    registry::{
        Idiom,
        directory::{
            Agreement, ClientKeys, Contact, Content, Endpoint, Entry, EntryState, Organisation, Standing, resource,
        },
    },
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

fn ods() -> OdsCode {
    OdsCode::parse("RZ950").unwrap()
}

fn contact(name: Option<&str>, system: &str, value: &str) -> Contact {
    Contact { name: name.map(str::to_owned), system: system.to_owned(), value: value.to_owned() }
}

fn organisation() -> Organisation {
    Organisation {
        ods: ods(),
        name: "Lantern Hospice (synthetic)".to_owned(),
        kind: "hospice".to_owned(),
        role: Some("RO148".to_owned()),
        agreement: Some(Agreement {
            reference: "ISA-2026-014".to_owned(),
            from: Some(Timestamp(1_767_225_600_000_000)),
            until: Some(Timestamp(1_861_920_000_000_000)),
        }),
        contacts: vec![
            contact(None, "phone", "01632 960950"),
            contact(Some("Systems desk"), "email", "systems@lantern.example"),
            contact(Some("Systems desk"), "url", "https://lantern.example/status"),
        ],
        client: Some(ClientKeys {
            jwks_url: Some(Url::parse("https://keys.lantern.example/jwks").unwrap()),
            jwks: None,
            certificates: vec!["A".repeat(43)],
        }),
    }
}

fn endpoint() -> Endpoint {
    Endpoint {
        ods: ods(),
        name: "Lantern's own record".to_owned(),
        address: Url::parse("https://fhir.lantern.example/r4").unwrap(),
        replicas: vec![Url::parse("https://b.lantern.example/r4").unwrap()],
        types: BTreeSet::from([ResourceType::Patient, ResourceType::Condition]),
        idiom: Idiom::Chained,
        credential: Some("lantern-2026".to_owned()),
        contacts: vec![contact(None, "email", "systems@lantern.example")],
        test_patients: vec![NhsNumber::parse("9990000018").unwrap()],
        deadline_ms: Some(1500),
        from: Some(Timestamp(1_767_225_600_000_000)),
        until: None,
    }
}

fn entry(content: Content, state: EntryState) -> Entry {
    let by = Recorder { issuer: "https://id.example".into(), subject: "555".into(), organisation: Some(ods()) };
    Entry { version: 3, content, state, by, by_system: true, at: Timestamp(1), decided: None }
}

fn shown(content: Content, global: &GlobalFacts) -> Value {
    let entry = entry(content, EntryState::InForce);
    resource(&entry, &Standing::of(&entry, Some(3), true, global, Timestamp(1_800_000_000_000_000)))
}

#[test]
fn what_is_written_reads_as_it_was_member_by_member() {
    let policy = Policy::load(None).unwrap();
    let global = GlobalFacts::default();
    let bare = Organisation { role: None, agreement: None, contacts: Vec::new(), client: None, ..organisation() };
    for one in [organisation(), bare] {
        let written = shown(Content::Organization(one.clone()), &global).to_string();
        assert_eq!(read_organization(&written, &policy), Ok(one), "{written}");
    }
    let over = Some(Timestamp(1_780_000_000_000_000));
    let bare = Endpoint {
        replicas: Vec::new(),
        idiom: Idiom::ResolveFirst,
        credential: None,
        contacts: Vec::new(),
        test_patients: Vec::new(),
        deadline_ms: None,
        from: None,
        ..endpoint()
    };
    for one in [endpoint(), Endpoint { until: over, ..endpoint() }, bare] {
        let written = shown(Content::Endpoint(one.clone()), &global).to_string();
        assert_eq!(read_endpoint(&written), Ok(one), "{written}");
    }
}

#[test]
fn an_endpoint_is_active_only_while_something_of_it_is_shown_to_readers() {
    let global = |usual, types: &[(ResourceType, Stage)]| {
        let stages = Stages { usual, types: types.iter().copied().collect(), ..Stages::default() };
        GlobalFacts { stages: BTreeMap::from([(ods(), stages)]), ..GlobalFacts::default() }
    };
    let status =
        |endpoint: Endpoint, global: &GlobalFacts| shown(Content::Endpoint(endpoint), global)["status"].clone();
    let now = Timestamp(1_800_000_000_000_000);
    let later = Some(Timestamp(now.0 + 1));
    for (usual, said) in [
        (Stage::Registered, "test"),
        (Stage::Shadow, "test"),
        (Stage::SafetyOnly, "test"),
        (Stage::Live, "active"),
        (Stage::Suspended, "suspended"),
    ] {
        assert_eq!(status(endpoint(), &global(usual, &[])), said);
        assert_eq!(status(Endpoint { until: Some(now), ..endpoint() }, &global(usual, &[])), "off");
    }
    assert_eq!(status(endpoint(), &global(Stage::Shadow, &[(ResourceType::Condition, Stage::Live)])), "active");
    assert_eq!(status(Endpoint { from: later, ..endpoint() }, &global(Stage::Live, &[])), "test");
    let mut suspended = global(Stage::Live, &[]);
    suspended.suspended.insert(ods());
    assert_eq!(status(endpoint(), &suspended), "suspended");
    for (state, said) in [(EntryState::Proposed, "test"), (EntryState::Refused, "test"), (EntryState::Replaced, "off")]
    {
        let entry = entry(Content::Endpoint(endpoint()), state);
        assert_eq!(Standing::of(&entry, None, false, &global(Stage::Live, &[]), now).status, said);
    }
}

#[test]
fn what_decides_who_where_or_by_which_keys_needs_a_second_person_and_nothing_else_does() {
    let changes = |change: &dyn Fn(&mut Organisation)| {
        let mut changed = organisation();
        change(&mut changed);
        changed.needs_approval(Some(&organisation()))
    };
    assert!(organisation().needs_approval(None) && endpoint().needs_approval(None));
    assert!(changes(&|one| one.name.push('x')));
    assert!(changes(&|one| one.kind = "police".into()));
    assert!(changes(&|one| one.agreement = None));
    assert!(changes(&|one| one.client.as_mut().unwrap().certificates.clear()));
    assert!(!changes(&|one| one.contacts.clear()));
    assert!(!changes(&|one| one.role = None));
    let changes = |change: &dyn Fn(&mut Endpoint)| {
        let mut changed = endpoint();
        change(&mut changed);
        changed.needs_approval(Some(&endpoint()))
    };
    assert!(changes(&|one| one.address.set_path("/other")));
    assert!(changes(&|one| one.replicas.clear()));
    assert!(changes(&|one| one.credential = None));
    // what is served no more is out of everybody's record
    assert!(changes(&|one| one.types.clear()));
    assert!(!changes(&|one| one.types.extend([ResourceType::Goal])));
    assert!(!changes(&|one| one.until = Some(Timestamp(1))));
    assert!(!changes(&|one| one.test_patients.clear()));
}
