//! What the requester's own organisation says when it is asked whether it cares for this patient.

use super::{Ending, Gateway};
use crate::{
    access::{Action, Basis, Decision, Evidence, Facts, Policy, Relationship, Stage},
    audit::Opened,
    domain::{Numbers, OdsCode, Timestamp},
    federation::{Answer, Asker, Entry, Question, Word},
    fhir::ResourceType,
    identity::Requester,
};

/// Without it there is no decision, or one that rests on the requester's own word alone.
pub fn would_help(decision: &Decision, action: Action) -> bool {
    match decision {
        Decision::NeedsEvidence => true,
        Decision::Permit(permit) => action.reads_record() && permit.is_on_a_claim(),
        Decision::Refused(_) => false,
    }
}

/// Is the patient registered there, or is there an Encounter under way, an EpisodeOfCare active, an Appointment near?
///
/// Anything found is enough. Only where all that was asked has answered, and none of it says so, is the answer no.
pub async fn evidence(
    g: &Gateway,
    requester: &Requester,
    organisation: OdsCode,
    numbers: &Numbers,
    facts: &Facts,
    policy: &Policy,
    opened: &Opened,
) -> Result<Evidence, Ending> {
    let registry = g.registries.of(&facts.global).await?;
    let Some(provider) = registry.provider(organisation) else { return Ok(Evidence::Found([].into())) };
    let stages = facts.global.stages.get(&organisation);
    // of what is still joining nothing is relied on; while it is safety-only its own people do already, and it is they who ask
    let relied_on = |kind: ResourceType| match facts.global.stage(organisation, kind.as_str()) {
        Stage::SafetyOnly | Stage::Live => true,
        Stage::Suspended | Stage::Registered | Stage::Shadow => false,
    };
    if !relied_on(ResourceType::Patient) {
        let is_missing = stages.is_some_and(|stages| stages.is_missing(ResourceType::Patient.as_str()));
        return Ok(if is_missing { Evidence::Unreachable } else { Evidence::Found([].into()) });
    }
    if facts.global.suspended.contains(&organisation) || facts.patient.quarantined.contains(&organisation) {
        return Ok(Evidence::Unreachable);
    }
    let types: Vec<ResourceType> =
        Word::TYPES.into_iter().filter(|kind| relied_on(*kind) && provider.serves(*kind)).collect();
    let (sensitivities, asker) = (policy.sensitivities(), Asker::of(requester));
    let question = Question::new(numbers, facts.patient.epoch, sensitivities, asker);
    let word = match g.federation.recent_word(provider, question, &types).await {
        Some(word) => Ok(word),
        None => {
            let intent = opened.intent().await?;
            g.federation.word(provider, (question, &types), &intent).await
        }
    };
    let Ok(word) = word else { return Ok(Evidence::Unreachable) };
    if Word::is_registered(&word.resolution, provider) {
        return Ok(Evidence::Found([Relationship::registered_at(organisation)].into()));
    }
    let answered = types.iter().zip(&word.answers).filter_map(|(kind, said)| Some((*kind, said.as_ref().ok()?)));
    let in_force = |relationship: &Relationship| {
        let (from, until) = policy.relationships().holds(relationship);
        from <= facts.now && facts.now < until
    };
    let found: Vec<_> =
        answered.flat_map(|(kind, answer)| relationships(kind, answer, facts)).filter(in_force).collect();
    let is_missing =
        |kind: &ResourceType| !relied_on(*kind) && stages.is_some_and(|stages| stages.is_missing(kind.as_str()));
    if found.is_empty() && (word.answers.iter().any(Result::is_err) || Word::TYPES.iter().any(is_missing)) {
        return Ok(Evidence::Unreachable);
    }
    Ok(Evidence::Found(found.into()))
}

/// What the source has taken back is no evidence.
fn relationships(kind: ResourceType, answer: &Answer, facts: &Facts) -> impl Iterator<Item = Relationship> {
    let under_way = answer.entries.iter().filter(|entry| entry.under_way);
    let stands = move |entry: &&Entry| !facts.patient.is_recalled(answer.source, kind, &entry.local, answer.epoch);
    under_way.filter(stands).filter_map(move |entry| relationship(kind, answer.source, entry, facts.now))
}

/// One that does not say since when is under way now; an Appointment that does not say when is none.
fn relationship(kind: ResourceType, source: OdsCode, entry: &Entry, now: Timestamp) -> Option<Relationship> {
    let when = entry.dates.first().and_then(|dates| dates.first()).copied();
    let start = when.map(|when| Timestamp(when.start())).filter(|start| start.0 > i64::MIN);
    let end = when.map(|when| Timestamp(when.end())).filter(|end| *end < Timestamp::MAX);
    let (basis, start) = match kind {
        ResourceType::Encounter => (Basis::Encounter, start.unwrap_or(now)),
        ResourceType::EpisodeOfCare => (Basis::Caseload, start.unwrap_or(now)),
        ResourceType::Appointment => (Basis::Appointment, start?),
        _ => return None,
    };
    Some(Relationship::of(source, basis, start, end, format!("{kind}/{} at {source}", entry.local)))
}
