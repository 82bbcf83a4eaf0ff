//! Worlds for the tests of decisions: made-up people, organisations and facts.

use super::{
    Action, Basis, Evidence, Facts, GlobalFacts, Matter, Objection, PatientFacts, Person, Policy, Relationship, Terms,
    Wanted,
};
use crate::{
    domain::{NhsNumber, OdsCode, Timestamp},
    identity::{Party, Purpose, Requester, Scopes},
};
use std::sync::{Arc, LazyLock};

pub const NOW: Timestamp = Timestamp(1_795_000_000_000_000);
pub const EVERY_SCOPE: &str = "user/*.cruds patient/*.cruds system/*.cruds";

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| Arc::new(Policy::load(None).unwrap()));

pub fn policy() -> &'static Arc<Policy> {
    &POLICY
}

pub fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

/// Where the requester works.
pub fn own() -> OdsCode {
    ods("RZ901")
}

pub fn other() -> OdsCode {
    ods("F99002")
}

pub fn patient() -> NhsNumber {
    NhsNumber::parse("9990000018").unwrap()
}

pub fn somebody_else() -> NhsNumber {
    NhsNumber::parse("9990000026").unwrap()
}

pub fn staff(role: Option<&str>) -> Party {
    Party::Staff {
        user: "555000000001".to_owned(),
        name: None,
        role: role.map(str::to_owned),
        role_name: None,
        activities: Vec::new(),
        organisation: own(),
    }
}

pub fn requester(party: Party) -> Requester {
    let purpose = if matches!(party, Party::Patient { .. }) { "PATRQT" } else { "TREAT" };
    Requester {
        issuer: "https://identity.example".to_owned(),
        subject: "someone".to_owned(),
        party,
        given_by: "https://gateway.example".into(),
        client_id: "client".to_owned(),
        token_id: "token".to_owned(),
        scopes: Scopes::parse(EVERY_SCOPE),
        purpose: Purpose(purpose.to_owned()),
        acting: None,
        expires: Timestamp(NOW.0 + 600_000_000),
    }
}

pub fn wanted(action: Action) -> Wanted {
    Wanted { action, patient: Some(patient()) }
}

pub fn facts() -> Facts {
    Facts {
        patient: Arc::new(PatientFacts { epoch: 3, ..PatientFacts::default() }),
        global: Arc::new(GlobalFacts { epoch: 5, ..GlobalFacts::default() }),
        evidence: Evidence::NotAsked,
        organisation: Some("gp-practice".into()),
        until: None,
        now: NOW,
    }
}

pub fn relationship(organisation: OdsCode, basis: Basis) -> Relationship {
    Relationship {
        organisation,
        basis,
        start: Timestamp(NOW.0 - 3_600_000_000),
        // a claim without an end would not hold
        end: (basis == Basis::Claim).then_some(Timestamp(NOW.0 + 3_600_000_000)),
        closed: false,
        person: (basis == Basis::Claim).then(person),
        evidence: "https://estuary.example|1".to_owned(),
    }
}

/// Their own organisation was asked, and this is what it holds.
pub fn found(bases: &[Basis]) -> Evidence {
    Evidence::Found(bases.iter().map(|basis| relationship(own(), *basis)).collect())
}

pub fn person() -> Person {
    requester(staff(None)).person()
}

pub fn objection(terms: Terms) -> Objection {
    Objection { id: "o".to_owned(), terms, recorded_by: None, stands_only_for: None }
}

/// What this organisation holds is not to be shared.
pub fn of_source(source: OdsCode) -> Terms {
    Terms { covers: Matter { sources: vec![source], ..Matter::default() }, ..Terms::default() }
}
