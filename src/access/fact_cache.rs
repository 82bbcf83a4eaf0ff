use super::{FactStore, GlobalFacts, PatientFacts};
use crate::domain::{NhsNumber, StoreError};
use moka::future::Cache;
use std::{sync::Arc, time::Duration};

/// Facts kept for a few seconds, to spare the database. They may be stale without harm: whatever is decided on them is
/// closed in the audit only while their epochs stand, and is decided again on fresh ones if not.
pub struct FactCache {
    store: Arc<dyn FactStore>,
    patients: Cache<NhsNumber, Arc<PatientFacts>>,
    global: Cache<(), Arc<GlobalFacts>>,
}

const KEPT: Duration = Duration::from_secs(30);
const PATIENTS: u64 = 50_000;

impl FactCache {
    pub fn new(store: Arc<dyn FactStore>) -> Self {
        let patients = Cache::builder().max_capacity(PATIENTS).time_to_live(KEPT).build();
        let global = Cache::builder().max_capacity(1).time_to_live(KEPT).build();
        Self { store, patients, global }
    }

    pub fn store(&self) -> &Arc<dyn FactStore> {
        &self.store
    }

    pub async fn patient(&self, patient: NhsNumber) -> Result<Arc<PatientFacts>, StoreError> {
        let load = async { self.store.patient_facts(patient).await.map(Arc::new) };
        self.patients.try_get_with(patient, load).await.map_err(|error| *error)
    }

    pub async fn global(&self) -> Result<Arc<GlobalFacts>, StoreError> {
        let load = async { self.store.global_facts().await.map(Arc::new) };
        self.global.try_get_with((), load).await.map_err(|error| *error)
    }

    /// Loads both afresh the next time: an epoch was found to have moved.
    pub async fn forget(&self, patient: NhsNumber) {
        self.patients.invalidate(&patient).await;
        self.forget_global().await;
    }

    pub async fn forget_global(&self) {
        self.global.invalidate(&()).await;
    }
}
