//! The story of a request: [`record()`] for what the gateway is for, and beside it the patient's own log and objections, what
//! providers' systems say of relationships, overrides, and the review desk. ARCHITECTURE.md walks through it.
//!
//! Every story ends in a [`Released`], which only the audit can make, or in an [`Ending`]; either way one closing row is
//! committed before the caller hears of it.

mod claim_watch;
mod claims;
mod declarations;
mod desk;
mod document;
mod ending;
mod evidence;
mod explain;
mod gateway;
mod identity;
mod ledger;
mod log;
mod objections;
mod overrides;
mod page;
mod paging;
mod presence;
mod recalls;
mod record;
mod registry;
mod relationships;
mod sign_in;
mod token;

pub use claim_watch::keep_settling;
pub use claims::claim_relationship;
pub use declarations::keep_reading_declarations;
pub use desk::{close_task, release_hold, review_desk, review_task};
pub use document::document;
use ending::OrClose;
pub use ending::{Ending, RegistryFault, Undeliverable};
pub use explain::explain;
pub use gateway::Gateway;
pub use ledger::{Ledger, disclosure_totals, disclosures, keep_drawing, ledger_page};
pub use log::access_log;
pub use objections::{Concerning, object, objection, objections, objections_page, review, withdraw};
pub use overrides::override_objections;
pub use page::{cleared, cleared_by_any, may};
pub use presence::assert_presence;
pub use recalls::{TakenBack, recall};
pub use record::{Wishes, record};
pub use registry::{
    PROBES_MAX, approve_entry, change_entry, endpoint_probe, endpoint_stages, entries, entry, entry_history,
    keep_probing, probe_endpoint, register, stage_endpoint,
};
pub use relationships::{assert_relationship, end_relationship};
pub use sign_in::{SignedIn, is_barred, sign_in, sign_out};
pub use token::token;

use crate::{
    access::{Action, Clearance, Decision, Evidence, Facts, Permit, Permits, Wanted},
    audit::{Intent, Opened, Released},
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::ResourceType,
    identity::Requester,
    record::Redacted,
};

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
    mut write: impl AsyncFnMut(NhsNumber, &Intent) -> Result<Answer, Ending>,
) -> Result<Wrote, Ending> {
    until_it_stands(g, wanted.patient, opened, async |opened: &mut Opened| {
        let attempt = async {
            let permits = permitted(g, requester, wanted, &[], opened).await?;
            opened.permitted(permits.first());
            let intent = opened.intent().await?;
            let Answer { status, body, location } = write(permits.first().patient(), &intent).await?;
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

/// The release transaction of what is about no patient in particular: from a clearance on.
async fn released_cleared(
    g: &Gateway,
    requester: &Requester,
    action: Action,
    opened: &mut Opened,
    mut make: impl AsyncFnMut(&Clearance) -> Result<Redacted, Ending>,
) -> Result<Released, Ending> {
    until_it_stands(g, None, opened, async |opened: &mut Opened| {
        opened.undecided(None);
        let clearance = clearance(g, requester, action).await?;
        opened.cleared(&clearance);
        let redacted = make(&clearance).await?;
        Ok(opened.release(redacted, 200).await?)
    })
    .await
}

/// A write of the same sort, in the same steps as [`written`].
async fn written_cleared(
    g: &Gateway,
    requester: &Requester,
    action: Action,
    opened: &mut Opened,
    mut write: impl AsyncFnMut() -> Result<Answer, Ending>,
) -> Result<Wrote, Ending> {
    until_it_stands(g, None, opened, async |opened: &mut Opened| {
        let attempt = async {
            opened.undecided(None);
            opened.cleared(&clearance(g, requester, action).await?);
            opened.intent().await?;
            let Answer { status, body, location } = write().await?;
            let released = opened.wrote(Redacted::own(body), status).await?;
            Ok(Wrote { status, released, location })
        };
        let told = attempt.await;
        forget(g, None).await;
        told
    })
    .await
}

async fn clearance(g: &Gateway, requester: &Requester, action: Action) -> Result<Clearance, Ending> {
    let global = g.facts.global().await?;
    let registry = g.registries.of(&global).await?;
    let kind = requester.party.organisation().and_then(|ods| registry.kind_of(ods));
    let policy = g.policies.of(&global).await?;
    policy.clear(requester, action, &global, kind.map(|kind| &**kind)).map_err(Ending::Refused)
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

/// What a write answers.
struct Answer {
    status: u16,
    body: String,
    location: Option<Location>,
}

impl Answer {
    fn new(status: u16, body: String) -> Self {
        Self { status, body, location: None }
    }

    fn with_location(self, url: String, version: i64) -> Self {
        Self { location: Some(Location { url, version }), ..self }
    }
}

/// Where what was written can be read.
pub struct Location {
    pub url: String,
    pub version: i64,
}

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
    let numbers = wanted.patient.map(|asked| facts.patient.numbers(asked));
    let wanted = Wanted { patient: numbers.as_ref().map(|numbers| numbers.current), ..wanted };
    wanted.patient.iter().for_each(|patient| opened.is_about(*patient));
    opened.weighs(&facts);
    let policy = g.policies.of(&facts.global).await?;
    let mut decision = policy.decide(requester, &wanted, &facts);
    if let (Some(numbers), Some(organisation)) = (&numbers, requester.party.organisation())
        && evidence::would_help(&decision, wanted.action)
    {
        facts.evidence = evidence::evidence(g, requester, organisation, numbers, &facts, &policy, opened).await?;
        opened.asked(&facts.evidence);
        if matches!(decision, Decision::Permit(_)) {
            claims::confirm(g, requester, numbers, organisation, &facts.evidence).await?;
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
    let global = g.facts.global().await?;
    let registry = g.registries.of(&global).await?;
    let organisation = requester.party.organisation().and_then(|ods| registry.kind_of(ods)).cloned();
    let (evidence, until, now) = (Evidence::NotAsked, registry.until(), Timestamp::now());
    Ok(Facts { patient, global, evidence, organisation, until, now })
}

async fn forget(g: &Gateway, patient: Option<NhsNumber>) {
    match patient {
        Some(patient) => g.facts.forget(patient).await,
        None => g.facts.forget_global().await,
    }
}

/// Whether this names the requester's own organisation.
fn is_own(requester: &Requester, id: &str) -> bool {
    requester.party.organisation().is_some_and(|own| OdsCode::parse(id) == Ok(own))
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
