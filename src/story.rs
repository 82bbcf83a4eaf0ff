//! The story of a request, whole, on one page: [`record`] for what the gateway is for, and beside it the patient's own
//! log and objections, what providers' systems say of relationships, overrides, and the review desk. ARCHITECTURE.md walks through it.
//!
//! Every story ends in a [`Released`], which only the audit can make, or in an [`Ending`]; either way one closing row is
//! committed before the caller hears of it.

mod claim_watch;
mod claims;
mod desk;
mod document;
mod ending;
mod evidence;
mod explain;
mod gateway;
mod log;
mod objections;
mod overrides;
mod presence;
mod recalls;
mod relationships;

pub use claim_watch::keep_settling;
pub use claims::claim_relationship;
pub use desk::{close_task, release_hold, review_desk, review_task};
pub use document::document;
pub use ending::{Ending, Undeliverable};
pub use explain::explain;
pub use gateway::Gateway;
pub use log::access_log;
pub use objections::{object, objection, objections, review, withdraw};
pub use overrides::override_objections;
pub use presence::assert_presence;
pub use recalls::recall;
pub use relationships::{assert_relationship, end_relationship};

use crate::{
    access::{Action, Decision, Evidence, Facts, Interaction, ListId, Permit, Permits, Wanted},
    audit::{Opened, Released},
    domain::{EntryId, NhsNumber, OdsCode, Timestamp},
    federation::{Asker, Question},
    fhir::{ResourceType, is_id},
    identity::Requester,
    query::{Ask, Read, What},
    record::{Reader, Record, Redacted},
    registry::Want,
};
use std::sync::Arc;

/// A joined-up answer: decide, plan, gather, join, redact, release.
pub async fn record(
    g: &Gateway,
    requester: &Requester,
    ask: Ask,
    wishes: Wishes,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    let ask = with_long_id(g, ask, opened).await?;
    let (interaction, name) = interaction(&ask);
    opened.asks(name, ask.canonical(), Some(ask.resource_type().as_str()), ask.patient);
    let wanted = Wanted { action: Action::ReadRecord(ask.resource_type(), interaction), patient: ask.patient };
    let reader = Reader {
        issuer: &requester.issuer,
        subject: &requester.subject,
        pages: &g.pages,
        must_be_complete: wishes.complete,
    };
    let mut joined: Option<(ListId, Record)> = None;
    released_along(g, requester, wanted, &[], opened, async |permits, opened| {
        // what was labelled by the list of another policy says nothing under this permit's, nor does what a source has taken back since
        let list = permits.first().rules_in_force().sensitivities().id();
        if joined.as_ref().is_none_or(|(labelled_by, record)| *labelled_by != list || !record.stands(permits)) {
            joined = Some((list, join(g, requester, &ask, permits, wishes, opened).await?));
        }
        let (_, record) = joined.as_ref().ok_or(Ending::Internal)?;
        record.redact(permits, &reader).map_err(|not| {
            opened.heard(record.lines());
            not.into()
        })
    })
    .await
}

/// What a caller wants of the answer beside what it is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// All or nothing.
    pub complete: bool,
    /// Nothing that was asked for before this moment.
    pub since: Option<Timestamp>,
}

/// Asks the permit's providers, or remembers what they said, and joins it. No provider is asked without an intent.
async fn join(
    g: &Gateway,
    requester: &Requester,
    ask: &Ask,
    permits: &Permits,
    wishes: Wishes,
    opened: &mut Opened,
) -> Result<Record, Ending> {
    let (wants, only) = wants(ask);
    let permit = permits.first();
    let (patient, epoch) = (permit.patient(), permit.epochs().patient);
    let presence = match g.registry.locates() {
        true => g.locator.presence(patient).await?,
        false => Arc::default(),
    };
    let plan = g.registry.plan(permits, &wants, only, &presence).since(wishes.since);
    let (sensitivities, asker) = (permit.rules_in_force().sensitivities(), Asker::of(requester));
    let question = Question { patient, epoch, sensitivities, asker };
    let gathered = match g.federation.recall(&plan, question).await {
        Some(remembered) => remembered,
        None => {
            let intent = opened.intent().await?;
            let gathered = g.federation.gather(&plan, question, intent.request_id()).await;
            presence::learn(g, &gathered).await;
            gathered
        }
    };
    let record = Record::join(ask, gathered, Arc::clone(&g.ids), Arc::clone(&g.base));
    g.federation.forget(patient, sensitivities.id(), &record.disputed()).await;
    Ok(record)
}

/// What is wanted of the providers beside who the patient is: the type's entries; of all, or of the one that an id names.
/// A target is asked for by that id: no search leads to it from a patient.
fn wants(ask: &Ask) -> (Vec<Want>, Option<OdsCode>) {
    let resource_type = ask.resource_type();
    if let Some(document) = ask.document() {
        // what only targets refer to is not looked for: no search leads to them
        let found = |t: &ResourceType| *t != ResourceType::Patient && !t.is_target();
        let wants = Some(resource_type).filter(found).map(Want::all).into_iter().collect();
        return (wants, Some(document.source));
    }
    let entry = match &ask.what {
        What::Read(Read { id: Some(EntryId::Entry(entry)), .. }) => Some(entry),
        _ => None,
    };
    let want = match entry {
        _ if resource_type == ResourceType::Patient => None,
        // what an id stands for may be a document's address, too
        Some(entry) if resource_type.is_target() && is_id(&entry.local) => {
            Some(Want::named(resource_type, vec![entry.local.as_str().into()]))
        }
        _ if resource_type.is_target() => None,
        _ => Some(Want::all(resource_type)),
    };
    (want.into_iter().collect(), entry.map(|entry| entry.source))
}

fn interaction(ask: &Ask) -> (Interaction, &'static str) {
    match &ask.what {
        What::Search(_) | What::Everything(_) | What::Summary => (Interaction::Search, "search"),
        What::Read(_) => (Interaction::Read, "read"),
    }
}

/// An id too long to hold what it means: its row says it.
async fn with_long_id(g: &Gateway, mut ask: Ask, opened: &mut Opened) -> Result<Ask, Ending> {
    if let What::Read(read) = &mut ask.what
        && let Some(EntryId::Long(digest)) = &read.id
    {
        let found = match g.long_ids.find(digest).await {
            Ok(found) => found,
            Err(error) => return Err(Ending::from(error).close(opened).await),
        };
        ask.patient = found.as_ref().map(|entry| entry.patient);
        read.id = found.map(EntryId::from);
    }
    Ok(ask)
}

/// How often a decision is made again because a fact changed between it and the release.
const ATTEMPTS: usize = 5;

/// The release transaction, from the permit on: what `make` redacts under a permit is released if the permit's epochs
/// still stand.
async fn released(
    g: &Gateway,
    requester: &Requester,
    wanted: Wanted,
    opened: &mut Opened,
    mut make: impl AsyncFnMut(&Permit, &mut Opened) -> Result<Redacted, Ending>,
) -> Result<Released, Ending> {
    let make = async |permits: &Permits, opened: &mut Opened| make(permits.first(), opened).await;
    released_along(g, requester, wanted, &[], opened, make).await
}

/// The same, with permits for other types of the patient's record along with the one for what is wanted.
async fn released_along(
    g: &Gateway,
    requester: &Requester,
    wanted: Wanted,
    along: &[ResourceType],
    opened: &mut Opened,
    mut make: impl AsyncFnMut(&Permits, &mut Opened) -> Result<Redacted, Ending>,
) -> Result<Released, Ending> {
    until_it_stands(g, wanted.patient, opened, async |opened: &mut Opened| {
        let permits = permitted(g, requester, wanted, along, opened).await?;
        opened.permitted(permits.first());
        let redacted = make(&permits, opened).await?;
        Ok(opened.release(redacted, 200).await?)
    })
    .await
}

/// A write: decided like a read, then an intent, the write in a transaction of its own (which moves the epochs), and the
/// closing row. What is acknowledged is in force.
async fn written(
    g: &Gateway,
    requester: &Requester,
    wanted: Wanted,
    opened: &mut Opened,
    mut write: impl AsyncFnMut(NhsNumber) -> Result<Answer, Ending>,
) -> Result<Wrote, Ending> {
    until_it_stands(g, wanted.patient, opened, async |opened: &mut Opened| {
        let attempt = async {
            let permits = permitted(g, requester, wanted, &[], opened).await?;
            opened.permitted(permits.first());
            opened.intent().await?;
            let (status, body, location) = write(permits.first().patient()).await?;
            let released = opened.wrote(Redacted::own(body), status).await?;
            Ok(Wrote { status, released, location })
        };
        let told = attempt.await;
        // whatever became of it: what is remembered may be over
        forget(g, wanted.patient).await;
        told
    })
    .await
}

/// Tells a story again, with fresh facts, as often as facts change between its decision and its closing row; a bounded number
/// of times.
async fn until_it_stands<T>(
    g: &Gateway,
    patient: Option<NhsNumber>,
    opened: &mut Opened,
    mut attempt: impl AsyncFnMut(&mut Opened) -> Result<T, Ending>,
) -> Result<T, Ending> {
    for _ in 0..ATTEMPTS {
        let ending = match attempt(opened).await {
            Ok(told) => return Ok(told),
            Err(Ending::Stale) => Ending::Stale,
            Err(ending) => ending.close(opened).await,
        };
        match ending {
            // decided on facts that are no longer so
            Ending::Stale => forget(g, patient).await,
            ending => return Err(ending),
        }
    }
    opened.fail_anyway(Ending::Contended.status(), Ending::Contended.code()).await?;
    Err(Ending::Contended)
}

/// What a write answers: status, body, and where it can be read.
type Answer = (u16, String, Option<Location>);

/// Where what was written can be read, and its version.
pub type Location = (String, i64);

/// A write that is in force, and its answer.
pub struct Wrote {
    pub status: u16,
    pub released: Released,
    pub location: Option<Location>,
}

/// A permit, or how the story ends without one. The requester's own organisation is asked only where nothing stored but
/// their own claim relates them to the patient, and only after scope, purpose and role have passed.
async fn permitted(
    g: &Gateway,
    requester: &Requester,
    wanted: Wanted,
    along: &[ResourceType],
    opened: &mut Opened,
) -> Result<Permits, Ending> {
    opened.undecided(wanted.patient);
    let mut facts = facts(g, requester, wanted.patient).await?;
    opened.weighs(&facts);
    let policy = g.policies.of(&facts.global).await?;
    let mut decision = policy.decide(requester, &wanted, &facts);
    if let (Some(patient), Some(organisation)) = (wanted.patient, requester.party.organisation())
        && evidence::would_help(&decision, wanted.action)
    {
        facts.evidence = evidence::evidence(g, requester, organisation, patient, &facts, &policy, opened).await?;
        opened.asked(&facts.evidence);
        if matches!(decision, Decision::Permit(_)) {
            claims::confirm(g, requester, patient, organisation, &facts.evidence).await?;
        }
        decision = policy.decide(requester, &wanted, &facts);
    }
    match decision {
        Decision::Permit(permit) => Ok(policy.along(permit, along, requester, &facts)),
        Decision::Refused(refusal) => Err(Ending::Refused(refusal)),
        Decision::NeedsEvidence => Err(Ending::Internal),
    }
}

async fn facts(g: &Gateway, requester: &Requester, patient: Option<NhsNumber>) -> Result<Facts, Ending> {
    let patient = match patient {
        Some(patient) => g.facts.patient(patient).await?,
        None => Default::default(),
    };
    let organisation = requester.party.organisation().and_then(|ods| g.registry.kind_of(ods)).cloned();
    let global = g.facts.global().await?;
    Ok(Facts { patient, global, evidence: Evidence::NotAsked, organisation, now: Timestamp::now() })
}

async fn forget(g: &Gateway, patient: Option<NhsNumber>) {
    match patient {
        Some(patient) => g.facts.forget(patient).await,
        None => g.facts.forget_global().await,
    }
}

/// `If-Match`, where it is sent, names the version that is to be replaced.
fn is_current(if_match: Option<&str>, version: i64) -> Result<(), Ending> {
    let expected = if_match.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
    match expected {
        Some(expected) if expected != version.to_string() => Err(Ending::VersionDiffers),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod races;
