//! The story of a request, whole, on one page: [`record`] for what the gateway is for, and beside it the patient's own
//! log and objections, and what providers' systems say of relationships. ARCHITECTURE.md walks through it.
//!
//! Every story ends in a [`Released`], which only the audit can make, or in an [`Ending`]; either way one closing row is
//! committed before the caller hears of it.

mod ending;
mod gateway;
mod log;
mod objections;
mod relationships;

pub use ending::Ending;
pub use gateway::Gateway;
pub use log::access_log;
pub use objections::{object, objection, objections, withdraw};
pub use relationships::{assert_relationship, end_relationship};

use crate::{
    access::{Decision, Evidence, Facts, Permit, Wanted},
    audit::{Opened, Released},
    domain::{NhsNumber, OdsCode, Timestamp},
    federation::Question,
    identity::Requester,
    query::Ask,
    record::{Record, Redacted},
};

/// A joined-up answer: decide, plan, gather, join, redact, release.
pub async fn record(g: &Gateway, requester: &Requester, ask: &Ask, opened: &mut Opened) -> Result<Released, Ending> {
    let mut joined: Option<Record> = None;
    released(g, requester, ask.wanted(), opened, async |permit, opened| {
        if joined.is_none() {
            joined = Some(join(g, ask, permit, opened).await?);
        }
        let record = joined.as_ref().ok_or(Ending::Internal)?;
        Ok(record.redact(permit, &g.pages, requester)?)
    })
    .await
}

/// Asks the permit's providers, or remembers what they said, and joins it. No provider is asked without an intent.
async fn join(g: &Gateway, ask: &Ask, permit: &Permit, opened: &mut Opened) -> Result<Record, Ending> {
    let plan = g.registry.plan(permit);
    let question = Question { patient: permit.patient(), resource_type: ask.entries_of(), only: ask.only_source() };
    let gathered = match g.federation.recall(&plan, question).await {
        Some(remembered) => remembered,
        None => {
            opened.intent().await?;
            g.federation.gather(&plan, question, opened.request_id()).await
        }
    };
    Ok(Record::join(ask, gathered, g.ids.clone(), g.base.clone()))
}

/// How often a decision is made again because a fact changed between it and the release.
const ATTEMPTS: usize = 5;

/// The release transaction, from the permit on: what `make` redacts under a permit is released if the permit's epochs
/// still stand; otherwise the facts are loaded, the decision and the redaction made again.
async fn released(
    g: &Gateway,
    requester: &Requester,
    wanted: Wanted,
    opened: &mut Opened,
    mut make: impl AsyncFnMut(&Permit, &mut Opened) -> Result<Redacted, Ending>,
) -> Result<Released, Ending> {
    for _ in 0..ATTEMPTS {
        let attempt = async {
            let permit = permitted(g, requester, wanted, opened).await?;
            opened.permitted(&permit);
            let redacted = make(&permit, opened).await?;
            Ok(opened.release(redacted, 200).await?)
        };
        let ending = match attempt.await {
            Err(Ending::Stale) => Ending::Stale,
            Err(ending) => ending.close(opened).await,
            Ok(released) => return Ok(released),
        };
        match ending {
            // decided on facts that are no longer so: fresh ones, and again
            Ending::Stale => forget(g, wanted.patient).await,
            ending => return Err(ending),
        }
    }
    opened.fail_anyway(Ending::Contended.status(), Ending::Contended.code()).await?;
    Err(Ending::Contended)
}

/// A permit, or how the story ends without one. The requester's own organisation is asked only where nothing stored
/// relates them to the patient, and only after scope, purpose and role have passed.
async fn permitted(g: &Gateway, requester: &Requester, wanted: Wanted, opened: &Opened) -> Result<Permit, Ending> {
    let mut facts = facts(g, wanted.patient).await?;
    let mut decision = g.policy.decide(requester, &wanted, &facts);
    if let (Decision::NeedsEvidence, Some(patient), Some(organisation)) =
        (&decision, wanted.patient, requester.party.organisation())
    {
        facts.evidence = evidence(g, organisation, patient, &facts, opened).await?;
        decision = g.policy.decide(requester, &wanted, &facts);
    }
    match decision {
        Decision::Permit(permit) => Ok(permit),
        Decision::Refused(refusal) => Err(Ending::Refused(refusal)),
        Decision::NeedsEvidence => Err(Ending::Internal),
    }
}

async fn facts(g: &Gateway, patient: Option<NhsNumber>) -> Result<Facts, Ending> {
    let patient = match patient {
        Some(patient) => g.facts.patient(patient).await?,
        None => Default::default(),
    };
    Ok(Facts { patient, global: g.facts.global().await?, evidence: Evidence::NotAsked, now: Timestamp::now() })
}

/// Does the requester's own organisation name itself this patient's general practice?
async fn evidence(
    g: &Gateway,
    organisation: OdsCode,
    patient: NhsNumber,
    facts: &Facts,
    opened: &Opened,
) -> Result<Evidence, Ending> {
    let Some(provider) = g.registry.provider(organisation) else { return Ok(Evidence::NotRegistered) };
    if facts.global.suspended.contains(&organisation) || facts.patient.quarantined.contains(&organisation) {
        return Ok(Evidence::Unreachable);
    }
    let found = match g.federation.remembered(organisation, patient).await {
        Some(found) => Ok(found),
        None => {
            opened.intent().await?;
            g.federation.resolution(provider, patient, opened.request_id()).await
        }
    };
    Ok(match found {
        Ok(found) if found.is_registered_at(organisation) => Evidence::Registered,
        Ok(_) => Evidence::NotRegistered,
        Err(_) => Evidence::Unreachable,
    })
}

async fn forget(g: &Gateway, patient: Option<NhsNumber>) {
    if let Some(patient) = patient {
        g.facts.forget(patient).await;
    }
}
