//! `/control`: the fault in force, and what was asked of this provider since it started.

use super::State;
use super::fault::Fault;
use super::interaction::Interaction;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub struct Control(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    order: Option<Order>,
    counters: Counters,
    /// The body of the last search of each type.
    last: BTreeMap<String, Bytes>,
}

/// A fault, for how many FHIR requests (all, if not said), of which resource types (any).
#[derive(Clone, Serialize, Deserialize)]
struct Order {
    #[serde(flatten)]
    fault: Fault,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
}

/// FHIR requests since the start, faulty ones included, and apart from them those for the metadata, which is of no patient.
#[derive(Clone, Default, Serialize)]
struct Counters {
    requests: u64,
    /// Without the credential.
    refused: u64,
    metadata: u64,
    reads: u64,
    /// First pages.
    searches: u64,
    /// Further pages.
    pages: u64,
    /// Those of the searches that look for a Patient.
    patient_lookups: u64,
    /// Reads, searches and pages by resource type.
    types: BTreeMap<String, u64>,
    /// First pages of searches by what entries say, by resource type.
    filtered: BTreeMap<String, u64>,
    /// Access tokens issued.
    tokens: u64,
}

pub async fn show(state: web::Data<State>) -> HttpResponse {
    state.control.describe()
}

pub async fn set(state: web::Data<State>, body: Bytes) -> HttpResponse {
    match serde_json::from_slice::<Order>(&body) {
        Ok(order) if order.fault.is_possible() => {
            state.control.lock().order = Some(order);
            state.control.describe()
        }
        Ok(_) => HttpResponse::BadRequest().json(json!({"error": "no such status can be answered"})),
        Err(error) => HttpResponse::BadRequest().json(json!({"error": error.to_string()})),
    }
}

pub async fn clear(state: web::Data<State>) -> HttpResponse {
    state.control.lock().order = None;
    state.control.describe()
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn describe(&self) -> HttpResponse {
        let memory = self.lock();
        let mut shown = json!(memory.counters);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("fault".to_owned(), json!(memory.order));
        }
        HttpResponse::Ok().json(shown)
    }

    pub fn count(&self, interaction: Option<&Interaction>, welcome: bool) {
        let counters = &mut self.lock().counters;
        if let Some(Interaction::Metadata) = interaction {
            counters.metadata += 1;
            return;
        }
        counters.requests += 1;
        if !welcome {
            counters.refused += 1;
            return;
        }
        let class = match interaction {
            None | Some(Interaction::Metadata) => return,
            Some(Interaction::Read { .. }) => &mut counters.reads,
            Some(Interaction::Search(query)) if query.is_further_page() => &mut counters.pages,
            Some(Interaction::Search(query)) => {
                counters.patient_lookups += u64::from(query.kind == "Patient");
                if query.is_filtered() {
                    *counters.filtered.entry(query.kind.clone()).or_default() += 1;
                }
                &mut counters.searches
            }
        };
        *class += 1;
        if let Some(kind) = interaction.and_then(Interaction::kind) {
            *counters.types.entry(kind.to_owned()).or_default() += 1;
        }
    }

    pub fn issued(&self) {
        self.lock().counters.tokens += 1;
    }

    /// The fault to do to a request about this type; one of its times is then used up.
    pub fn take(&self, kind: Option<&str>) -> Fault {
        let mut memory = self.lock();
        let Some(order) = &mut memory.order else { return Fault::None };
        let concerned = |types: &Vec<String>| kind.is_some_and(|kind| types.iter().any(|one| one == kind));
        if !order.types.as_ref().is_none_or(concerned) {
            return Fault::None;
        }
        let fault = order.fault.clone();
        if let Some(times) = &mut order.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                memory.order = None;
            }
        }
        fault
    }

    pub fn remember(&self, kind: &str, body: Bytes) {
        self.lock().last.insert(kind.to_owned(), body);
    }

    /// The last answer about this type, if the fault is to give it again.
    pub fn replayed(&self, kind: &str, fault: &Fault) -> Option<Bytes> {
        if *fault == Fault::Replay { self.lock().last.get(kind).cloned() } else { None }
    }
}
