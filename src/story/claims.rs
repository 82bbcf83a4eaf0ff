//! A person's own word that they care for a patient: always possible for those who may, whatever can be looked up.

use super::{Answer, Ending, Gateway, OrClose, Wrote, written};
use crate::{
    access::{Action, ClaimRecord, Evidence, Wanted, parameters},
    audit::Opened,
    domain::{Numbers, OdsCode, StoreError, Timestamp},
    identity::Requester,
};
use serde_json::json;
use uuid::Uuid;

const OPERATION: &str = "Patient/$claim-relationship";

/// `Patient/$claim-relationship`: 201, or 200 where a claim of theirs stands already. No provider is asked, and nothing of
/// the patient is told: any NHS number is answered alike.
pub async fn claim_relationship(
    g: &Gateway,
    requester: &Requester,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    opened.asks("operation", OPERATION.to_owned(), Some("Patient"), None);
    let claiming = parameters::read_claiming(body).or_close(opened).await?;
    opened.names(claiming.patient);
    let wanted = Wanted { action: Action::ClaimRelationship, patient: Some(claiming.patient) };
    written(g, requester, wanted, opened, async |patient, _| {
        let organisation = requester.party.organisation().ok_or(Ending::Internal)?;
        let policy = g.policies.of(&*g.facts.global().await?).await?;
        let (at, terms) = (Timestamp::now(), policy.relationships().claim);
        let claim = ClaimRecord {
            id: Uuid::new_v4().to_string(),
            patient,
            organisation,
            person: requester.person(),
            reason: claiming.reason.clone(),
            at,
            confirm_by: at.plus(terms.confirm_within()),
            until: at.plus(terms.lasts()),
            confirmed_by: None,
        };
        let standing = g.claims.claim(&claim).await?;
        Ok(Answer::new(if standing.id == claim.id { 201 } else { 200 }, said(&standing)))
    })
    .await
}

/// What was found when the organisation was asked confirms this person's claim.
pub async fn confirm(
    g: &Gateway,
    requester: &Requester,
    numbers: &Numbers,
    organisation: OdsCode,
    evidence: &Evidence,
) -> Result<(), StoreError> {
    let Evidence::Found(found) = evidence else { return Ok(()) };
    let Some(first) = found.first() else { return Ok(()) };
    for patient in numbers.all() {
        g.claims.confirm(patient, organisation, &requester.person(), &first.evidence).await?;
    }
    Ok(())
}

fn said(claim: &ClaimRecord) -> String {
    let period = json!({"start": claim.at.fhir(), "end": claim.until.fhir()});
    json!({
        "resourceType": "Parameters",
        "parameter": [{"name": "claim", "valueId": claim.id}, {"name": "period", "valuePeriod": period}],
    })
    .to_string()
}
