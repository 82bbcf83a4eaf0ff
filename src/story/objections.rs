//! Objections: recorded and shown. One acknowledged is in force: its epoch has moved before the caller hears of it.

mod concerning;
mod review;
mod withdrawal;

pub use concerning::{Concerning, objections_page};
pub use review::review;
pub use withdrawal::withdraw;

use super::{Answer, Ending, Gateway, OrClose, Wrote, identity, released, written};
use crate::{
    access::{Action, ConsentRecord, ConsentState, Interaction, Policy, Wanted, consent},
    audit::{Opened, Released},
    domain::{EntryId, NhsNumber, Numbers, OdsCode, StoreError, Timestamp},
    fhir::Searchset,
    identity::{Party, Requester},
    query::ConsentAsk,
    record::Redacted,
};
use serde_json::value::RawValue;
use std::sync::Arc;
use uuid::Uuid;

/// `GET Consent?patient=...`
pub async fn objections(
    g: &Gateway,
    requester: &Requester,
    ask: &ConsentAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    opened.asks("search", ask.canonical(), Some("Consent"), ask.patient);
    let action = action(g, requester, ask.patient).await.or_close(opened).await?;
    released(g, requester, Wanted { action, patient: ask.patient }, opened, async |permit, _| {
        let sees = Sees::of(g, permit.policy(), requester).await?;
        let found = consents(g, permit.numbers()).await?;
        let visible = found.iter().filter(|consent| sees.may(consent, permit.is_of_registered()));
        let itself = format!("{}{}", g.base, ask.canonical());
        let mut bundle = Searchset::new(itself, None, Timestamp::now().fhir());
        for consent in visible {
            // as it is stored, byte for byte
            let resource = RawValue::from_string(consent.resource.clone()).map_err(|_| Ending::Internal)?;
            bundle.add_match(format!("{}Consent/{}", g.base, consent.id), resource);
        }
        bundle.is_whole();
        Ok(Redacted::own(bundle.to_json().map_err(|_| Ending::Internal)?))
    })
    .await
}

/// Whoever keeps the desk sees what concerns their organisation without caring for the patient.
async fn action(g: &Gateway, requester: &Requester, patient: Option<NhsNumber>) -> Result<Action, Ending> {
    let interaction = Interaction::Search;
    let sees = Sees::of(g, &*policy(g).await?, requester).await?;
    if let (Sees::Concerning(organisation), Some(patient)) = (&sees, patient)
        && consents(g, &numbers(g, patient).await?).await?.iter().any(|consent| consent.concerns(*organisation))
    {
        return Ok(Action::InspectObjections { interaction, concerns_own: true });
    }
    Ok(Action::ReadObjections(interaction))
}

/// `GET Consent/[id]`
pub async fn objection(g: &Gateway, requester: &Requester, id: &str, opened: &mut Opened) -> Result<Released, Ending> {
    let found = stored(g, id, "read", "", opened).await?;
    let sees = async { Sees::of(g, &*policy(g).await?, requester).await };
    let sees = sees.await.or_close(opened).await?;
    let action = match (&found, &sees) {
        (Some(consent), Sees::Concerning(organisation)) => {
            Action::InspectObjections { interaction: Interaction::Read, concerns_own: consent.concerns(*organisation) }
        }
        _ => Action::ReadObjections(Interaction::Read),
    };
    let seen = found.as_ref().filter(|consent| matches!(sees, Sees::Concerning(_)) || sees.may(consent, false));
    let wanted = Wanted { action, patient: seen.map(|consent| consent.patient) };
    released(g, requester, wanted, opened, async |_, _| {
        // the version that stands now: this may be told again after a change
        let current = g.facts.store().consent(seen.map_or(id, |consent| &consent.id)).await?;
        current.map(|consent| Redacted::own(consent.resource)).ok_or(Ending::NotFound)
    })
    .await
}

/// `POST Consent`. The very same objection again, by the same recorder while it is in force, is answered like the first time.
pub async fn object(g: &Gateway, requester: &Requester, body: &str, opened: &mut Opened) -> Result<Wrote, Ending> {
    opened.asks("create", "Consent".to_owned(), Some("Consent"), None);
    let read = policy(g).await.and_then(|policy| {
        let resolve = |reference: &str| patient_of(g, reference);
        consent::read_objection(body, &policy, Timestamp::now(), resolve).map_err(Ending::Content)
    });
    let (read, terms) = read.or_close(opened).await?;
    if read.organisation.is_some_and(|ods| requester.party.organisation() != Some(ods)) {
        return Err(another_organisation().close(opened).await);
    }
    opened.names(read.patient);
    let wanted = Wanted { action: Action::RecordObjection, patient: read.patient };
    written(g, requester, wanted, opened, async |patient, intent| {
        identity::learn_of(g, requester, patient, intent).await?;
        let (by, at, state) = (requester.recorder(), Timestamp::now(), ConsentState::Requested);
        let id = Uuid::new_v4().to_string();
        let record = ConsentRecord {
            resource: read.stored(&id, 1, at, state),
            id,
            version: 1,
            // the number that was given: should the index part it from the one in use, the objection goes with it
            patient: read.patient.unwrap_or(patient),
            terms: terms.clone(),
            state,
            withdrawer: None,
            note: None,
            recorded_by: by.clone(),
            recorded_at: at,
            first_recorded_by: by,
        };
        match g.facts.store().create_consent(&record).await {
            Ok(()) => Ok(answer(g, 201, record)),
            Err(StoreError::Conflict) => again(g, &record).await,
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// The same objection, which is in force already.
async fn again(g: &Gateway, new: &ConsentRecord) -> Result<Answer, Ending> {
    let by = |consent: &ConsentRecord| {
        let first = &consent.first_recorded_by;
        (&first.issuer, &first.subject) == (&new.recorded_by.issuer, &new.recorded_by.subject)
    };
    let found = g.facts.store().consents(new.patient).await?;
    let first = found.into_iter().find(|consent| {
        consent.state.in_force()
            && consent.state != ConsentState::WithdrawalRecorded
            && consent.terms == new.terms
            && by(consent)
    });
    first.map(|first| answer(g, 201, first)).ok_or(Ending::Conflict)
}

/// Whose objections a requester may see: patients all of theirs, staff and systems what their own organisation recorded, and whoever
/// keeps the review desk what concerns their organisation (of its registered patients, all).
enum Sees {
    Own(Numbers),
    RecordedBy(OdsCode),
    Concerning(OdsCode),
}

impl Sees {
    async fn of(g: &Gateway, policy: &Policy, requester: &Requester) -> Result<Self, Ending> {
        let registry = g.registries.of(&*g.facts.global().await?).await?;
        let kind = |organisation| registry.kind_of(organisation).map(|kind| &**kind);
        Ok(match &requester.party {
            Party::Patient { nhs_number } => Self::Own(numbers(g, *nhs_number).await?),
            Party::Staff { organisation, .. } if policy.keeps_desk(requester, kind(*organisation)) => {
                Self::Concerning(*organisation)
            }
            Party::Staff { organisation, .. } | Party::System { organisation } => Self::RecordedBy(*organisation),
        })
    }

    fn may(&self, consent: &ConsentRecord, registered: bool) -> bool {
        match self {
            Self::Own(numbers) => numbers.all().any(|own| own == consent.patient),
            Self::RecordedBy(organisation) => consent.first_recorded_by.organisation == Some(*organisation),
            Self::Concerning(organisation) => registered || consent.concerns(*organisation),
        }
    }
}

/// All of this person's numbers.
async fn numbers(g: &Gateway, patient: NhsNumber) -> Result<Numbers, Ending> {
    Ok(g.facts.patient(patient).await?.numbers(patient))
}

/// What was recorded under any of them.
async fn consents(g: &Gateway, numbers: &Numbers) -> Result<Vec<ConsentRecord>, Ending> {
    let mut all = Vec::new();
    for number in numbers.all() {
        all.extend(g.facts.store().consents(number).await?);
    }
    Ok(all)
}

/// The policy in force. One that changes meanwhile is noticed by the decision.
async fn policy(g: &Gateway) -> Result<Arc<Policy>, Ending> {
    Ok(g.policies.of(&*g.facts.global().await?).await?)
}

/// What is answered of a Consent as it stands.
fn answer(g: &Gateway, status: u16, consent: ConsentRecord) -> Answer {
    let url = format!("{}Consent/{}", g.base, consent.id);
    Answer::new(status, consent.resource).with_location(url, consent.version)
}

/// The Consent of this id, for an interaction with it or an operation on it.
async fn stored(
    g: &Gateway,
    id: &str,
    interaction: &str,
    operation: &str,
    opened: &mut Opened,
) -> Result<Option<ConsentRecord>, Ending> {
    // only what could be an id of ours is looked for, and written down
    let id = Uuid::try_parse(id).ok().map(|id| id.to_string());
    let request = format!("Consent/{}{operation}", id.as_deref().unwrap_or("unknown"));
    opened.asks(interaction, request, Some("Consent"), None);
    let found = match id {
        None => None,
        Some(id) => g.facts.store().consent(&id).await.or_close(opened).await?,
    };
    opened.names(found.as_ref().map(|consent| consent.patient));
    Ok(found)
}

fn patient_of(g: &Gateway, reference: &str) -> Option<NhsNumber> {
    let local = reference.strip_prefix(&*g.base).unwrap_or(reference);
    match g.ids.open(local.strip_prefix("Patient/")?) {
        Some(EntryId::Patient(number)) => Some(number),
        _ => None,
    }
}

fn another_organisation() -> Ending {
    Ending::content("Consent.organization[0]", "only the organisation that recorded it keeps it")
}
