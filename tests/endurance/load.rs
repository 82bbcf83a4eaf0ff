//! Clients that ask all the time, and remember what they were told.

use crate::process::{Gateway, Region};
use reqwest::Client;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A GET below `/fhir`, and who sends it.
#[derive(Clone)]
pub struct Ask {
    pub path: String,
    pub token: String,
}

impl Ask {
    pub fn of(resource_type: &str, patient: &str, token: &str) -> Self {
        let path = format!("{resource_type}?patient.identifier=https://fhir.nhs.uk/Id/nhs-number|{patient}");
        Self { path, token: token.to_owned() }
    }
}

pub const TYPES: [&str; 6] =
    ["Patient", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance", "Encounter"];

/// Every patient and several types, asked for by two practices: each answer is a record to one and a refusal to the other.
pub async fn mixed(region: &Region) -> Vec<Ask> {
    let mut asks = Vec::new();
    for persona in ["gp-saltmarsh", "gp-blackwater"] {
        let token = region.token(persona).await;
        for resource_type in TYPES {
            let search = |patient: &String| match resource_type {
                "Patient" => {
                    let path = format!("Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|{patient}");
                    Ask { path, token: token.clone() }
                }
                other => Ask::of(other, patient, &token),
            };
            asks.extend(region.patients.iter().map(search));
        }
    }
    asks
}

/// An answer that was received whole.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub sent: Instant,
    pub done: Instant,
    pub status: u16,
    pub request: Uuid,
    /// Whether the body held what was looked for.
    pub marked: bool,
}

#[derive(Default)]
pub struct Heard {
    pub answers: Vec<Answer>,
    /// When those were sent that got no whole answer.
    pub broken: Vec<Instant>,
}

impl Heard {
    pub fn count(&self, status: u16) -> usize {
        self.answers.iter().filter(|answer| answer.status == status).count()
    }
}

pub struct Load {
    stop: Arc<AtomicBool>,
    heard: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Heard>>,
}

impl Load {
    /// So many clients, each asking one thing after another; `mark` is bytes to look for in the answers.
    pub fn start(gateway: &Gateway, clients: usize, asks: &[Ask], mark: &'static str) -> Self {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let http = Client::builder().no_proxy().build().unwrap();
        let asks: Arc<[Ask]> = asks.into();
        let clients = (0..clients).map(|first| {
            let (http, base) = (http.clone(), format!("{}/fhir/", gateway.url));
            let (stop, count, asks) = (stop.clone(), count.clone(), asks.clone());
            tokio::spawn(async move {
                let mut heard = Heard::default();
                // seven is prime to the number of asks, or near enough: the clients do not walk in step
                for ask in asks.iter().cycle().skip(first * 7 % asks.len()) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let sent = Instant::now();
                    match get(&http, &base, ask, mark).await {
                        Ok(answer) => {
                            heard.answers.push(answer);
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(_) => {
                            heard.broken.push(sent);
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    }
                }
                heard
            })
        });
        Self { clients: clients.collect(), stop, heard: count }
    }

    /// Waits until so many answers have come.
    pub async fn has_heard(&self, answers: usize) {
        let began = Instant::now();
        while self.heard.load(Ordering::Relaxed) < answers {
            assert!(began.elapsed() < Duration::from_secs(30), "no {answers} answers in 30 s");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub async fn stop(self) -> Heard {
        self.stop.store(true, Ordering::Relaxed);
        let mut heard = Heard::default();
        for client in self.clients {
            let Heard { answers, broken } = client.await.expect("a client does not panic");
            heard.answers.extend(answers);
            heard.broken.extend(broken);
        }
        heard
    }
}

/// One request. An answer counts once its last byte has come.
pub async fn get(http: &Client, base: &str, ask: &Ask, mark: &str) -> Result<Answer, reqwest::Error> {
    let sent = Instant::now();
    let answer = http.get(format!("{base}{}", ask.path)).bearer_auth(&ask.token).send().await?;
    let status = answer.status().as_u16();
    let request = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let body = answer.bytes().await?;
    let marked = !mark.is_empty() && body.windows(mark.len()).any(|bytes| bytes == mark.as_bytes());
    Ok(Answer { sent, done: Instant::now(), status, request: request.unwrap_or_default(), marked })
}

/// What is wrong with the log, given what clients were told: a released or refused answer has exactly one closing row, which
/// says the same.
pub fn missing(answers: &[Answer], rows: &[(Uuid, i64)]) -> usize {
    let told = |status| answers.iter().filter(move |answer| answer.status == status).map(|answer| answer.request);
    let written = |kind| -> HashSet<Uuid> { rows.iter().filter(|row| row.1 == kind).map(|row| row.0).collect() };
    let (released, refused) = (written(1), written(2));
    told(200).filter(|id| !released.contains(id)).count() + told(403).filter(|id| !refused.contains(id)).count()
}
