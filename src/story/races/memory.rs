//! Facts and a log in memory that keep the promises of their traits, step by step: each step is a moment at which a write
//! of somebody else's can come.

use crate::{
    access::{
        ConsentRecord, FactStore, GlobalFacts, InForce, PatientFacts, Policy, PolicyStore, PolicyTexts, Recorder,
        Relationship, Sequel,
    },
    audit::{Batch, ClaimError, CommitError, Frontier, Guard, LogId, LogStore, Row, Seal},
    domain::{NhsNumber, OdsCode, StoreError, Timestamp},
};
use async_trait::async_trait;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
};

pub type Write = fn(&mut State);

#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    log: LogId,
    /// Whether a row's guard has a say, as it must.
    guarded: bool,
}

#[derive(Default)]
pub struct State {
    pub patient: PatientFacts,
    pub global: GlobalFacts,
    /// Committed, in order.
    pub rows: Vec<Row>,
    /// How often the patient's facts were read.
    pub loads: usize,
    /// When the override of this run ends.
    pub end: Option<Timestamp>,
    head: Frontier,
    /// Moments of each sort so far, at which of them the write comes, and how many rows had been committed when it was
    /// acknowledged.
    moments: [usize; 2],
    at: Moment,
    write: Option<Write>,
    pub acknowledged: Option<usize>,
}

/// The n-th of its sort, from 1. Steps of the store are always the same ones; how often the story waits, the network decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Step(usize),
    Wait(usize),
}

impl Default for Moment {
    fn default() -> Self {
        Self::Step(0)
    }
}

impl State {
    fn moment(&mut self, sort: fn(usize) -> Moment) {
        let [steps, waits] = &mut self.moments;
        let nth = if matches!(sort(0), Moment::Step(_)) { steps } else { waits };
        *nth += 1;
        if sort(*nth) == self.at
            && let Some(write) = self.write.take()
        {
            write(self);
            self.acknowledged = Some(self.rows.len());
        }
    }
}

impl Memory {
    pub fn new(guarded: bool) -> Self {
        Self { state: Arc::default(), log: LogId::parse("node-1").unwrap(), guarded }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Begins anew with the facts as `begin` makes them: `write` will come at moment `at`.
    pub fn begin(&self, begin: Write, write: Write, at: Moment) {
        let mut state = self.state();
        let (head, patient, global) = (state.head.clone(), state.patient.epoch + 1, state.global.epoch + 1);
        *state = State { head, at, write: Some(write), ..State::default() };
        state.patient.epoch = patient;
        state.global.epoch = global;
        begin(&mut state);
    }

    /// Runs it: each time that it waits is a moment too.
    pub async fn watch<F: Future>(&self, story: F) -> F::Output {
        let mut story = pin!(story);
        poll_fn(|context| {
            let polled = story.as_mut().poll(context);
            if polled.is_pending() {
                self.state().moment(Moment::Wait);
            }
            polled
        })
        .await
    }

    async fn step(&self) {
        self.state().moment(Moment::Step);
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl LogStore for Memory {
    fn log(&self) -> &LogId {
        &self.log
    }

    async fn claim(&mut self) -> Result<Frontier, ClaimError> {
        Ok(self.state().head.clone())
    }

    async fn commit(&mut self, guards: &[Option<Guard>], seal: &mut dyn Seal) -> Result<(), CommitError> {
        self.step().await;
        {
            let mut state = self.state();
            let stands = |guard: &Guard| {
                let patient = guard.patient.is_none() || guard.epochs.patient == state.patient.epoch;
                !self.guarded || (patient && guard.epochs.global == state.global.epoch)
            };
            let stands: Vec<bool> = guards.iter().map(|guard| guard.as_ref().is_none_or(stands)).collect();
            let Batch { rows, head, .. } = seal.seal(&stands);
            state.rows.extend(rows.iter().map(|(row, _)| serde_json::from_slice::<Row>(&row.body).unwrap()));
            state.head = head.clone();
        }
        self.step().await;
        Ok(())
    }

    async fn save_checkpoint(&mut self, _: u64, _: &str, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Only what the story of a record asks is here.
#[async_trait]
impl FactStore for Memory {
    async fn patient_facts(&self, _: NhsNumber) -> Result<PatientFacts, StoreError> {
        self.step().await;
        let epoch = self.state().patient.epoch;
        self.step().await;
        let mut state = self.state();
        state.loads += 1;
        Ok(PatientFacts { epoch, ..state.patient.clone() })
    }

    async fn global_facts(&self) -> Result<GlobalFacts, StoreError> {
        self.step().await;
        let epoch = self.state().global.epoch;
        self.step().await;
        Ok(GlobalFacts { epoch, ..self.state().global.clone() })
    }

    async fn patient_facts_at(&self, _: NhsNumber, _: i64, _: Timestamp) -> Result<PatientFacts, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn global_facts_at(&self, _: i64) -> Result<GlobalFacts, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn create_consent(&self, _: &ConsentRecord) -> Result<(), StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn update_consent(&self, _: &ConsentRecord, _: Option<&Sequel>) -> Result<(), StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn consent(&self, _: &str) -> Result<Option<ConsentRecord>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn consent_version(&self, _: &str, _: i64) -> Result<Option<ConsentRecord>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn consents(&self, _: NhsNumber) -> Result<Vec<ConsentRecord>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn assert_relationship(
        &self,
        _: NhsNumber,
        _: &Relationship,
        _: Option<Timestamp>,
        _: &Recorder,
    ) -> Result<(), StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn end_relationship(
        &self,
        _: NhsNumber,
        _: OdsCode,
        _: Option<&str>,
        _: Timestamp,
        _: &Recorder,
    ) -> Result<u64, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn supersede(&self, _: NhsNumber, _: NhsNumber) -> Result<bool, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn revoke(&self, _: &str, _: &str, _: &str) -> Result<(), StoreError> {
        Err(StoreError::Unavailable)
    }
}

/// Two policies: the one built in, and the same where clinicians are in no table.
pub struct TwoPolicies(pub [Arc<Policy>; 2]);

#[async_trait]
impl PolicyStore for TwoPolicies {
    async fn texts(&self, fingerprint: &str) -> Result<Option<PolicyTexts>, StoreError> {
        Ok(self.0.iter().find(|policy| **policy.fingerprint() == *fingerprint).map(|policy| policy.texts()))
    }

    async fn put_in_force(&self, _: &Policy) -> Result<bool, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn history(&self) -> Result<Vec<InForce>, StoreError> {
        Err(StoreError::Unavailable)
    }
}
