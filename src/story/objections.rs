//! Objections: recorded, shown, withdrawn. One acknowledged is in force: its epoch has moved before the caller hears of it.

use super::{Ending, Gateway, Wrote, relationships::recorder, released, written};
use crate::{
    access::{
        Action, ConsentRecord, ConsentState, Interaction, Wanted,
        consent::{self, Consent, Status},
    },
    audit::{Opened, Released},
    domain::{EntryId, NhsNumber, Timestamp},
    identity::{Party, Requester},
    query::ConsentAsk,
    record::Redacted,
};
use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;

/// `GET Consent?patient=...`
pub async fn objections(
    g: &Gateway,
    requester: &Requester,
    ask: &ConsentAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    opened.asks("search", ask.canonical(), Some("Consent"), ask.patient);
    let wanted = Wanted { action: Action::ReadObjections(Interaction::Search), patient: ask.patient };
    released(g, requester, wanted, opened, async |permit, _| {
        let found = g.facts.store().consents(permit.patient()).await?;
        let visible = found.iter().filter(|consent| may_see(requester, consent));
        let mut entries = Vec::new();
        for consent in visible {
            let resource = RawValue::from_string(consent.resource.clone()).map_err(|_| Ending::Internal)?;
            let url = format!("{}Consent/{}", g.base, consent.id);
            entries.push(Entry { full_url: url, resource, search: json!({"mode": "match"}) });
        }
        let bundle = Bundle {
            resource_type: "Bundle",
            id: Uuid::new_v4().to_string(),
            bundle_type: "searchset",
            total: entries.len(),
            link: json!([{"relation": "self", "url": format!("{}{}", g.base, ask.canonical())}]),
            entry: entries,
        };
        Ok(Redacted::own(serde_json::to_string(&bundle).map_err(|_| Ending::Internal)?))
    })
    .await
}

/// `GET Consent/[id]`
pub async fn objection(g: &Gateway, requester: &Requester, id: &str, opened: &mut Opened) -> Result<Released, Ending> {
    let found = stored(g, id, "read", opened).await?;
    let wanted = Wanted {
        action: Action::ReadObjections(Interaction::Read),
        patient: found.as_ref().filter(|consent| may_see(requester, consent)).map(|consent| consent.patient),
    };
    released(g, requester, wanted, opened, async |_, _| {
        found.as_ref().map(|consent| Redacted::own(consent.resource.clone())).ok_or(Ending::NotFound)
    })
    .await
}

/// `POST Consent`
pub async fn object(g: &Gateway, requester: &Requester, body: &str, opened: &mut Opened) -> Result<Wrote, Ending> {
    opened.asks("create", "Consent".to_owned(), Some("Consent"), None);
    let read = match read(g, body, Status::Active) {
        Ok(read) => read,
        Err(ending) => return Err(ending.close(opened).await),
    };
    opened.asks("create", "Consent".to_owned(), Some("Consent"), read.patient);
    let wanted = Wanted { action: Action::RecordObjection, patient: read.patient };
    written(g, requester, wanted, opened, 201, async |patient| {
        let record = record(&read, Uuid::new_v4().to_string(), 1, patient, ConsentState::Requested, requester);
        g.facts.store().create_consent(&record).await?;
        let location = (format!("{}Consent/{}", g.base, record.id), record.version);
        Ok((record.resource, Some(location)))
    })
    .await
}

/// `PUT Consent/[id]` with status inactive: the objection is taken back.
pub async fn withdraw(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    if_match: Option<&str>,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let found = stored(g, id, "update", opened).await?;
    let read = match read(g, body, Status::Inactive) {
        Ok(read) => read,
        Err(ending) => return Err(ending.close(opened).await),
    };
    let wanted = Wanted { action: Action::WithdrawObjection, patient: found.as_ref().map(|consent| consent.patient) };
    written(g, requester, wanted, opened, 200, async |patient| {
        let found = found.as_ref().ok_or(Ending::NotFound)?;
        let same = read.patient == Some(patient)
            && read.terms == found.terms
            && read.id.as_deref().is_none_or(|given| given == found.id);
        if !same {
            return Err(Ending::content("Consent", "a withdrawal repeats the objection's id, patient and provision"));
        }
        let expected = if_match.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
        if expected.is_some_and(|version| version != found.version.to_string()) {
            return Err(Ending::VersionDiffers);
        }
        if !found.state.in_force() {
            return Err(Ending::Conflict);
        }
        let record = record(&read, found.id.clone(), found.version + 1, patient, ConsentState::Withdrawn, requester);
        g.facts.store().update_consent(&record).await?;
        let location = (format!("{}Consent/{}", g.base, record.id), record.version);
        Ok((record.resource, Some(location)))
    })
    .await
}

/// Patients see all of theirs; staff and systems what their own organisation recorded.
fn may_see(requester: &Requester, consent: &ConsentRecord) -> bool {
    match &requester.party {
        Party::Patient { nhs_number } => *nhs_number == consent.patient,
        Party::Staff { organisation, .. } | Party::System { organisation } => {
            consent.recorded_by.organisation == Some(*organisation)
        }
    }
}

async fn stored(
    g: &Gateway,
    id: &str,
    interaction: &str,
    opened: &mut Opened,
) -> Result<Option<ConsentRecord>, Ending> {
    // only what could be an id of ours is looked for, and written down
    let id = Uuid::try_parse(id).ok().map(|id| id.to_string());
    let request = format!("Consent/{}", id.as_deref().unwrap_or("unknown"));
    opened.asks(interaction, request.clone(), Some("Consent"), None);
    let found = match id {
        None => None,
        Some(id) => match g.facts.store().consent(&id).await {
            Ok(found) => found,
            Err(error) => return Err(Ending::from(error).close(opened).await),
        },
    };
    opened.asks(interaction, request, Some("Consent"), found.as_ref().map(|consent| consent.patient));
    Ok(found)
}

fn read(g: &Gateway, body: &str, status: Status) -> Result<Consent, Ending> {
    let resolve = |reference: &str| {
        let local = reference.strip_prefix(&*g.base).unwrap_or(reference);
        match g.ids.open(local.strip_prefix("Patient/")?) {
            Some(EntryId::Patient(number)) => Some(number),
            _ => None,
        }
    };
    consent::read(body, status, resolve).map_err(Ending::Content)
}

fn record(
    read: &Consent,
    id: String,
    version: i64,
    patient: NhsNumber,
    state: ConsentState,
    requester: &Requester,
) -> ConsentRecord {
    let recorded_at = Timestamp::now();
    ConsentRecord {
        resource: read.stored(&id, version, recorded_at),
        id,
        version,
        patient,
        terms: read.terms.clone(),
        state,
        withdrawer: None,
        note: None,
        recorded_by: recorder(requester),
        recorded_at,
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    resource_type: &'static str,
    id: String,
    #[serde(rename = "type")]
    bundle_type: &'static str,
    total: usize,
    link: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    full_url: String,
    resource: Box<RawValue>,
    search: Value,
}
