//! The review desk: what an organisation's privacy officers are to look at, and how they hear of it.

mod completion;
mod resource;

pub use completion::read_completion;
pub use resource::{listed, whole};

use super::{Basis, Override, PatientFacts, Person, Policy};
use crate::domain::{NhsNumber, OdsCode, StoreError, Timestamp};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What the stories of overrides and of the desk ask of the database.
#[async_trait]
pub trait DeskStore: Send + Sync {
    /// Stores the grant, its hold where it needs one, and the alerts, in one transaction that raises the patient's epoch.
    async fn grant(&self, grant: &Grant, alerts: &[Alert]) -> Result<(), StoreError>;

    async fn tasks(&self, queue: &Queue) -> Result<Vec<DeskTask>, StoreError>;
    /// Where the objections that concern an organisation are found, whosever they are: when each was first recorded, and its id.
    async fn objections(&self, concerned: &Concerned) -> Result<Vec<DeskPlace>, StoreError>;
    async fn task(&self, id: &str) -> Result<Option<DeskTask>, StoreError>;
    /// `Conflict` if it is closed already.
    async fn close_task(&self, id: &str, remark: &Remark) -> Result<(), StoreError>;

    /// `Conflict` if there is no such hold, or it is released already.
    async fn release_hold(&self, id: &str, remark: &Remark) -> Result<(), StoreError>;
    /// Of this patient's holds those that are released.
    async fn released_holds(&self, patient: NhsNumber) -> Result<BTreeSet<String>, StoreError>;
}

/// An override to be stored.
#[derive(Clone, Debug)]
pub struct Grant {
    pub patient: NhsNumber,
    /// Whose member of staff took it.
    pub organisation: OdsCode,
    /// Why, in their own words.
    pub text: String,
    pub grant: Override,
}

/// What brings a task to the desk: the codes of [`TaskKind::SYSTEM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskKind {
    Override,
    ClaimUnconfirmed,
    ClaimSample,
    Withdrawal,
    Recall,
}

/// A task for one organisation's officers, and the notice that tells them of it.
#[derive(Clone, Debug)]
pub struct Alert {
    pub id: String,
    pub organisation: OdsCode,
    pub kind: TaskKind,
    pub patient: NhsNumber,
    /// The id of the grant, claim or Consent.
    pub about: String,
    /// What the officer needs to know: texts by name.
    pub detail: Map<String, Value>,
    pub at: Timestamp,
    pub notice: Notice,
}

/// A message that says that there is a task: of the patient, and of what happened, nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub id: String,
    /// JSON, as it is sent.
    pub body: String,
}

/// A task as stored.
#[derive(Clone, Debug)]
pub struct DeskTask {
    pub id: String,
    pub organisation: OdsCode,
    pub kind: TaskKind,
    pub patient: NhsNumber,
    pub about: String,
    pub detail: Map<String, Value>,
    pub at: Timestamp,
    pub closed: Option<Remark>,
    /// Of an override for another's sake.
    pub hold: Option<Hold>,
}

/// What is held back from the patient's log, until it is released.
#[derive(Clone, Debug)]
pub struct Hold {
    pub released: Option<Remark>,
}

/// What an officer did, when and why.
#[derive(Clone, Debug)]
pub struct Remark {
    pub by: Person,
    pub at: Timestamp,
    pub text: String,
}

/// One page of an organisation's tasks, newest first.
#[derive(Clone, Debug)]
pub struct Queue {
    pub organisation: OdsCode,
    pub closed: Option<bool>,
    /// Only tasks after this one: the last of the page before.
    pub after: Option<DeskPlace>,
    pub limit: u32,
}

/// One page of the objections that concern an organisation, the newest first.
#[derive(Clone, Debug)]
pub struct Concerned {
    pub organisation: OdsCode,
    /// Only those after this one: the last of the page before.
    pub after: Option<DeskPlace>,
    pub limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskPlace {
    pub at: Timestamp,
    pub id: String,
}

impl TaskKind {
    pub const SYSTEM: &str = "https://caregate.example/CodeSystem/review-task";
    pub const ALL: [Self; 5] =
        [Self::Override, Self::ClaimUnconfirmed, Self::ClaimSample, Self::Withdrawal, Self::Recall];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::ClaimUnconfirmed => "claim-unconfirmed",
            Self::ClaimSample => "claim-sample",
            Self::Withdrawal => "withdrawal",
            Self::Recall => "recall",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == code)
    }
}

impl Alert {
    /// `base` is our own FHIR base, ending in a slash: the notice says where the task is read.
    pub fn new(
        kind: TaskKind,
        organisation: OdsCode,
        patient: NhsNumber,
        about: &str,
        detail: Map<String, Value>,
        at: Timestamp,
        base: &str,
    ) -> Self {
        let (id, notice) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let body = json!({
            "id": notice,
            "kind": kind.as_str(),
            "task": id,
            "organisation": organisation,
            "at": at.fhir(),
            "link": format!("{base}Task/{id}"),
        });
        let notice = Notice { id: notice, body: body.to_string() };
        Self { id, organisation, kind, patient, about: about.to_owned(), detail, at, notice }
    }
}

impl DeskTask {
    /// From 1, raised by each thing that is done to it.
    pub fn version(&self) -> i64 {
        1 + i64::from(self.closed.is_some()) + i64::from(self.released().is_some())
    }

    pub fn released(&self) -> Option<&Remark> {
        self.hold.as_ref()?.released.as_ref()
    }

    pub fn place(&self) -> DeskPlace {
        DeskPlace { at: self.at, id: self.id.clone() }
    }
}

impl Policy {
    /// Whose officers hear of an override: its own organisation's, those of each that an objection in force names as a source or
    /// that recorded it, and of each where the patient is registered.
    pub fn concerned(&self, facts: &PatientFacts, own: OdsCode, now: Timestamp) -> BTreeSet<OdsCode> {
        let objections = facts.objections.iter().filter(|objection| objection.terms.in_force(now));
        let objecting = objections.flat_map(|o| o.terms.covers.sources.iter().copied().chain(o.recorded_by));
        let registered = facts.relationships.iter().filter(|relationship| {
            let (from, until) = self.relationships().holds(relationship);
            relationship.basis == Basis::Registered && from <= now && now < until
        });
        objecting.chain(registered.map(|relationship| relationship.organisation)).chain([own]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Matter, Objection, Relationship, Terms, worlds};

    #[test]
    fn those_concerned_are_the_own_the_sources_and_recorders_of_objections_in_force_and_the_registered_practice() {
        let ods = |code: &str| OdsCode::parse(code).unwrap();
        let objection = |sources: &[&str], by: Option<&str>, until: Option<Timestamp>| {
            let covers = Matter { sources: sources.iter().map(|code| ods(code)).collect(), ..Matter::default() };
            let terms = Terms { covers, until, ..Terms::default() };
            Objection { id: "o".into(), terms, recorded_by: by.map(ods), stands_only_for: None }
        };
        let relationship = |code: &str, basis, end| {
            Relationship::of(ods(code), basis, Timestamp(0), end, "https://a.example|1".to_owned())
        };
        let facts = PatientFacts {
            objections: vec![
                objection(&["RZ902", "RZ903"], Some("F99002"), None),
                objection(&["NZ901"], Some("NZ902"), Some(Timestamp(10))),
            ],
            relationships: vec![
                relationship("F99001", Basis::Registered, None),
                relationship("F99009", Basis::Registered, Some(Timestamp(10))),
                relationship("RZ904", Basis::Encounter, None),
            ],
            ..PatientFacts::default()
        };
        let found = worlds::policy().concerned(&facts, ods("RZ901"), Timestamp(10));
        assert_eq!(found, ["F99001", "F99002", "RZ901", "RZ902", "RZ903"].map(ods).into());
    }

    #[test]
    fn a_notice_says_where_the_task_is_and_nothing_of_whom_or_why() {
        let (organisation, patient) = (OdsCode::parse("RZ901").unwrap(), NhsNumber::parse("9990000018").unwrap());
        let detail = json!({"who": "Dr A", "text": "found collapsed"}).as_object().unwrap().clone();
        let base = "https://gate.example/fhir/";
        let alert = Alert::new(TaskKind::Override, organisation, patient, "grant", detail, Timestamp(0), base);
        let body: Value = serde_json::from_str(&alert.notice.body).unwrap();
        assert_eq!(
            body,
            json!({
                "id": alert.notice.id, "kind": "override", "task": alert.id, "organisation": "RZ901",
                "at": "1970-01-01T00:00:00.000Z", "link": format!("{base}Task/{}", alert.id),
            })
        );
    }
}
