//! An endpoint is probed: because somebody asks for it, and now and then again while it is asked by anybody.

use super::{asks, concerns};
use crate::{
    access::{Action, Interaction, Listed, Recorder, Stage, Stages, parameters::Staging},
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    fhir::outcome::{Issue, IssueCode, OperationOutcome, Severity},
    identity::Requester,
    probe::{self, Begun, Kept, Report, State, Target},
    record::Redacted,
    registry::{
        Provider,
        directory::{Content, Endpoint, Entry, Staged},
    },
    story::{Answer, Ending, Gateway, RegistryFault, Wrote, released_cleared, written_cleared},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{sync::OwnedSemaphorePermit, time::sleep};
use uuid::Uuid;

/// Probes under way on a node at once: each is hundreds of calls.
pub const PROBES_MAX: usize = 4;
/// What no chance, no outage and no change of test data looks like. All else that a probe finds is told, keeps an endpoint from going up,
/// and shuts nobody out.
const SHUTS_OUT: [&str; 7] = [
    "another-patient",
    "answers-mixed-up",
    "contained-patient",
    "conflicting-ids",
    "next-foreign",
    "duplicate-keys",
    "trailing-data",
];
const ATTEMPTS: usize = 5;
/// The test patients that one probe asks about.
const PATIENTS: usize = 5;
/// Of its own probes, so many of the last are looked through for one of the gateway's.
const HISTORY: u32 = 50;
/// How often a node looks for endpoints whose last probe is too long ago.
const LOOK: Duration = Duration::from_secs(600);

/// `POST Endpoint/[ODS code]/$probe`: begun, and told of where it can be followed. What is in force is probed: only of that has
/// somebody let in the address, and with it where a credential of ours goes.
pub async fn probe_endpoint(
    g: &Arc<Gateway>,
    requester: &Requester,
    id: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let of = asks(opened, "operation", Listed::Endpoint, id, "/$probe");
    let concerns_own = concerns(g, requester, of);
    let action = Action::KeepRegistry { listed: Listed::Endpoint, is_new: false, concerns_own };
    written_cleared(g, requester, action, opened, async || {
        let ods = of.ok_or(RegistryFault::NotRegistered)?;
        let probing = Probing::of(g, ods, requester.recorder()).await?;
        let (url, version) = (format!("{}Endpoint/{ods}/$probe", g.base), probing.begun.version);
        tokio::spawn(probing.run(Arc::clone(g)));
        let said =
            "The probe has begun. Ask for it at the same address by GET: how far it has come, and then what it found.";
        let outcome =
            OperationOutcome::from(Issue::new(Severity::Information, IssueCode::Informational).diagnostics(said));
        Ok(Answer::new(202, outcome.to_json()).with_location(url, version))
    })
    .await
}

/// `GET Endpoint/[ODS code]/$probe`: the last probe, how far it has come or what it found.
pub async fn endpoint_probe(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    let of = asks(opened, "operation", Listed::Endpoint, id, "/$probe");
    let concerns_own = concerns(g, requester, of);
    let action = Action::ReadRegistry { listed: Listed::Endpoint, interaction: Interaction::Read, concerns_own };
    released_cleared(g, requester, action, opened, async |_| {
        let ods = of.ok_or(RegistryFault::NotRegistered)?;
        let last = g.probes.latest(ods).await?.ok_or(RegistryFault::NeverProbed)?;
        let report = g.probes.report(last.begun.id).await?.and_then(|(_, report)| report);
        Ok(Redacted::own(told(&last, report.as_ref()).to_json()))
    })
    .await
}

fn told(last: &Kept, report: Option<&Report>) -> OperationOutcome {
    let (version, began) = (last.begun.version, last.begun.at.fhir());
    let said = match (last.state(Timestamp::now()), report) {
        (_, Some(report)) => return OperationOutcome::from(report),
        (State::Running, None) => {
            format!(
                "Running: {} of {} steps of the probe of version {version}, begun at {began}.",
                last.done, last.total
            )
        }
        (State::Died | State::Ended, None) => {
            format!("The probe of version {version}, begun at {began}, broke off with its node. Begin another.")
        }
    };
    OperationOutcome::from(Issue::new(Severity::Information, IssueCode::Incomplete).diagnostics(said))
}

/// A probe that may begin.
struct Probing {
    begun: Begun,
    target: Target,
    _place: OwnedSemaphorePermit,
}

impl Probing {
    async fn of(g: &Gateway, ods: OdsCode, by: Recorder) -> Result<Self, Ending> {
        let (version, endpoint) = in_force(g.directory.in_force(Listed::Endpoint, ods).await?)?;
        let registry = g.registries.of(&g.facts.store().global_facts().await?).await?;
        let provider = registry.provider(ods).filter(|provider| provider.version == version);
        // its organisation's agreement is over, or a secret of it is missing
        let provider: &Arc<Provider> = provider.ok_or(RegistryFault::NotAsked)?;
        let now = Timestamp::now();
        if g.probes.latest(ods).await?.is_some_and(|last| last.state(now) == State::Running) {
            return Err(RegistryFault::ProbeUnderWay.into());
        }
        let place = Arc::clone(&g.probing).try_acquire_owned().map_err(|_| RegistryFault::ManyProbes)?;
        let types = endpoint.types.iter().copied().filter(|kind| !kind.is_target());
        let patients = endpoint.test_patients.iter().copied().take(PATIENTS).collect();
        let target = Target::new(Arc::clone(provider), patients, types);
        let target = target.map_err(|fault| Ending::content("Endpoint", &fault.to_string()))?;
        let begun = Begun { id: Uuid::new_v4(), ods, version, by, at: now };
        // before anybody hears that it has begun
        g.probes.begin(&begun).await?;
        Ok(Self { begun, target, _place: place })
    }

    /// Long after the request is answered. What it found is in the database, for every node.
    async fn run(self, g: Arc<Gateway>) {
        let (ods, version) = (self.begun.ods, self.begun.version);
        let report = probe::keep(&*g.probes, &self.begun, &self.target).await;
        let verdict = report.verdict.as_str();
        metrics::counter!("caregate_probes_total", "verdict" => verdict).increment(1);
        tracing::info!(provider.ods = %ods, entry.version = version, probe.verdict = verdict, "an endpoint was probed");
        if let Err(error) = shut_out(&g, ods, version, &report).await {
            tracing::error!(provider.ods = %ods, error = error.code(), "an endpoint that misbehaved could not be suspended");
        }
    }
}

fn in_force(entry: Option<Entry>) -> Result<(i64, Endpoint), Ending> {
    match entry.map(|entry| (entry.version, entry.content)) {
        Some((version, Content::Endpoint(endpoint))) => Ok((version, endpoint)),
        Some((_, Content::Organization(_))) => Err(Ending::Internal),
        None => Err(RegistryFault::NotInForce.into()),
    }
}

/// What was asked by somebody and shows in its answers what no server should do is asked no more, until an operator has looked. That
/// it could not be reached, or is slow, is no reason: requests find that out themselves.
async fn shut_out(g: &Gateway, ods: OdsCode, version: i64, report: &Report) -> Result<(), Ending> {
    let shows = |finding: &&probe::Finding| {
        finding.outcome == probe::Outcome::Failed && SHUTS_OUT.contains(&finding.check.as_str())
    };
    let conduct: Vec<String> = report.findings.iter().filter(shows).map(probe::Finding::name).collect();
    if conduct.is_empty() {
        return Ok(());
    }
    // an edit at that very moment, by whoever is probed, does not save it
    for _ in 0..ATTEMPTS {
        match suspend(g, ods, version, &conduct).await {
            Err(Ending::Conflict) => {}
            told => return told,
        }
    }
    Err(Ending::Contended)
}

async fn suspend(g: &Gateway, ods: OdsCode, version: i64, conduct: &[String]) -> Result<(), Ending> {
    let probed = g.directory.versions(Listed::Endpoint, ods).await?.into_iter().find(|entry| entry.version == version);
    let (version, endpoint) = in_force(g.directory.in_force(Listed::Endpoint, ods).await?)?;
    let is_same = match probed.map(|entry| entry.content) {
        Some(Content::Endpoint(probed)) => !endpoint.is_another(&probed),
        _ => false,
    };
    let stood = g.directory.stages(ods).await?.map(|staged| staged.stages).unwrap_or_default();
    if !is_same || stood.highest() < Stage::SafetyOnly {
        return Ok(());
    }
    let reason = format!("its probe failed: {}", conduct.join(", "));
    let staging = Staging { stage: Stage::Suspended, types: BTreeSet::new(), reviewers: BTreeSet::new(), reason };
    // as an operator's word: only an operator's lifts it
    let stages = staging.applied(&stood, true).map_err(Ending::NotStaged)?;
    let staged = Staged { stages, reason: staging.reason, by: itself(g), at: Timestamp::now() };
    g.directory.set_stages(ods, version, Some(&stood), &staged).await?;
    g.facts.forget_global().await;
    tracing::error!(provider.ods = %ods, probe.checks = conduct.join(","), "an endpoint is suspended: its probe failed");
    Ok(())
}

/// Probes again, once in `every`, each endpoint that is in shadow or further, as long as anyone holds the gateway: what behaved when it was
/// let in may not behave now.
pub async fn keep_probing(held: Weak<Gateway>, every: Duration) {
    loop {
        sleep(LOOK.min(every)).await;
        let Some(g) = held.upgrade() else { return };
        let due = due(&g, every).await.unwrap_or_else(|error| {
            tracing::warn!(error = error.code(), "endpoints that are due for a probe could not be looked at");
            Vec::new()
        });
        for ods in due {
            // another node may have done it since
            if !is_due(&g, ods, Timestamp::now().minus(every)).await.unwrap_or(false) {
                continue;
            }
            match Probing::of(&g, ods, itself(&g)).await {
                Ok(probing) => probing.run(Arc::clone(&g)).await,
                // it waits for the next look
                Err(error) => {
                    tracing::warn!(provider.ods = %ods, error = error.code(), "an endpoint could not be probed again");
                }
            }
        }
    }
}

/// The gateway, as what it does of its own accord is written down.
fn itself(g: &Gateway) -> Recorder {
    Recorder { issuer: g.base.to_string(), subject: "probe".to_owned(), organisation: None }
}

/// By the gateway's own probes: whoever has itself probed chooses the moment.
async fn is_due(g: &Gateway, ods: OdsCode, since: Timestamp) -> Result<bool, Ending> {
    let by = itself(g);
    let own = |probe: &Kept| probe.begun.by == by && probe.begun.at >= since;
    Ok(!g.probes.history(ods, HISTORY).await?.iter().any(own))
}

async fn due(g: &Gateway, every: Duration) -> Result<Vec<OdsCode>, Ending> {
    let global = g.facts.global().await?;
    let registry = g.registries.of(&global).await?;
    let since = Timestamp::now().minus(every);
    let mut due = Vec::new();
    for provider in registry.all() {
        let asked = global.stages.get(&provider.ods).is_some_and(Stages::is_asked);
        if asked && is_due(g, provider.ods, since).await? {
            due.push(provider.ods);
        }
    }
    Ok(due)
}
