//! Why do I, or does a colleague, see what is seen? And why did we, then?

use super::{Ending, Gateway, OrClose, evidence, facts, identity, released};
use crate::{
    access::{Action, Audience, Explanation, Interaction, Outcome, Permit, Wanted},
    audit::{Again, Kind, Opened, Past, Released, Row},
    domain::{NhsNumber, OdsCode, RequestId},
    fhir::ResourceType,
    identity::{Party, Purpose, Requester, Scopes},
    query::{Colleague, ExplainAsk},
    record::Redacted,
};
use serde_json::{Value, json};

/// `GET Patient/$explain-access`
pub async fn explain(
    g: &Gateway,
    requester: &Requester,
    ask: &ExplainAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    match ask {
        ExplainAsk::Now { patient, resource_type, colleague } => {
            opened.asks("operation", ask.canonical(), Some("Patient"), Some(*patient));
            now(g, requester, *patient, *resource_type, colleague.as_ref(), opened).await
        }
        ExplainAsk::Past { request } => {
            opened.asks("operation", ask.canonical(), Some("Patient"), None);
            past(g, requester, *request, opened).await
        }
    }
}

async fn now(
    g: &Gateway,
    requester: &Requester,
    patient: NhsNumber,
    resource_type: ResourceType,
    colleague: Option<&Colleague>,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    let (action, about) = match colleague {
        None => (Action::Explain, requester.clone()),
        Some(colleague) => (Action::ExplainColleague, assumed(colleague, requester)),
    };
    let wanted = Wanted { action, patient: Some(patient) };
    released(g, requester, wanted, opened, async |permit, opened| {
        let explanation = explained(g, permit, &about, resource_type, colleague.and(Some(requester)), opened).await?;
        let mut parameters = vec![json!({"name": "type", "valueCode": resource_type.as_str()})];
        if colleague.is_some() {
            parameters.push(json!({"name": "assumed", "valueString": ASSUMED}));
        }
        parameters.extend(explanation.parameters());
        Ok(document(parameters))
    })
    .await
}

/// Under the permit to ask why, the walk of what it is asked about.
async fn explained(
    g: &Gateway,
    permit: &Permit,
    about: &Requester,
    resource_type: ResourceType,
    officer: Option<&Requester>,
    opened: &mut Opened,
) -> Result<Explanation, Ending> {
    let (patient, numbers) = (permit.patient(), permit.numbers());
    let mut facts = facts(g, about, Some(patient)).await?;
    if facts.epochs() != permit.epochs() {
        return Err(Ending::Stale);
    }
    // what another organisation's part is in it, its own officers are told
    let sources: Vec<OdsCode> = about.party.organisation().into_iter().collect();
    let audience = match officer {
        Some(officer) => Audience::Officer {
            sources: &sources,
            concealed: identity::is_concealed(g, officer, Some(patient), permit, opened).await?,
        },
        None => Audience::Oneself,
    };
    let wanted = Wanted { action: Action::ReadRecord(resource_type, Interaction::Search), patient: Some(patient) };
    let explanation = permit.policy().explain(about, &wanted, &facts, audience);
    match (explanation.outcome, about.party.organisation()) {
        (Outcome::NeedsEvidence, Some(organisation)) => {
            facts.evidence =
                evidence::evidence(g, officer.unwrap_or(about), organisation, numbers, &facts, permit.policy(), opened)
                    .await?;
            Ok(permit.policy().explain(about, &wanted, &facts, audience))
        }
        _ => Ok(explanation),
    }
}

const ASSUMED: &str = "That the colleague works for your organisation in this job role, without activity codes, signs in as you do, with \
                       the scopes user/*.rs, for treatment (TREAT).";

fn assumed(colleague: &Colleague, officer: &Requester) -> Requester {
    let Colleague { user, role } = colleague;
    let party = match officer.party.organisation() {
        Some(organisation) => Party::Staff {
            user: user.clone(),
            name: None,
            role: Some(role.clone()),
            role_name: None,
            activities: Vec::new(),
            organisation,
        },
        // no member of staff: refused before this matters
        None => officer.party.clone(),
    };
    Requester {
        subject: user.clone(),
        party,
        scopes: Scopes::parse("user/*.rs"),
        purpose: Purpose("TREAT".to_owned()),
        acting: None,
        ..officer.clone()
    }
}

/// Of their own request whoever made it; of one by their organisation's people its officers.
async fn past(g: &Gateway, requester: &Requester, request: RequestId, opened: &mut Opened) -> Result<Released, Ending> {
    let (action, row) = theirs(g, requester, request).await.or_close(opened).await?;
    let patient = row.as_ref().filter(|row| !is_of_a_strangers_id(row)).and_then(|row| row.patient);
    opened.names(patient);
    // that somebody asks about what is held back would tell of it
    row.iter().filter_map(|row| row.held.as_deref()).for_each(|hold| opened.held(hold));
    released(g, requester, Wanted { action, patient }, opened, async |permit, opened| {
        let row = row.clone().ok_or(Ending::NotFound)?;
        let sources: Vec<OdsCode> = requester.party.organisation().into_iter().collect();
        let officer = action == Action::ExplainColleague;
        let audience = match patient.filter(|_| officer) {
            Some(patient) => Audience::Officer {
                sources: &sources,
                concealed: identity::is_concealed(g, requester, Some(patient), permit, opened).await?,
            },
            None if officer => Audience::Officer { sources: &sources, concealed: false },
            None => Audience::Oneself,
        };
        let past = Past::explain(row, &**g.facts.store(), &g.policies, audience).await?;
        Ok(document(parameters(&past)))
    })
    .await
}

/// Refused like an id that is nobody's: why is told alike too, or it would tell that there is such an objection or task.
fn is_of_a_strangers_id(row: &Row) -> bool {
    let refused = row.kind == Kind::Refused && row.reason.as_deref() == Some("access-denied");
    refused && matches!(row.resource_type.as_deref(), Some("Consent" | "Task")) && row.request.contains('/')
}

/// The closing row that is theirs to ask about, and by which right. An id may have been used more than once: the last is meant.
async fn theirs(g: &Gateway, requester: &Requester, request: RequestId) -> Result<(Action, Option<Row>), Ending> {
    let mut closing = Vec::new();
    for stored in g.reader.request_rows(request).await? {
        closing.extend(stored.row()?.filter(|row| row.kind != Kind::Intent));
    }
    // one that was decided before one that was not: whoever asks may have used its id again
    closing.sort_by_key(|row| row.policy.is_some());
    let of = |row: &Row| row.who.as_ref().map(|who| (who.issuer.clone(), who.subject.clone()));
    let own = Some((requester.issuer.clone(), requester.subject.clone()));
    if let Some(row) = closing.iter().rfind(|row| of(row) == own) {
        return Ok((Action::Explain, Some(row.clone())));
    }
    let organisation = requester.party.organisation();
    let row = closing.into_iter().rfind(|row| {
        let theirs = row.who.as_ref().and_then(|who| who.organisation);
        theirs.is_some() && theirs == organisation
    });
    Ok((Action::ExplainColleague, row))
}

fn parameters(past: &Past) -> Vec<Value> {
    let Past { row, again } = past;
    let mut recorded = vec![
        json!({"name": "at", "valueInstant": row.at.fhir()}),
        json!({"name": "request", "valueString": row.request}),
        json!({"name": "status", "valueInteger": row.status}),
    ];
    recorded.extend(row.reason.as_ref().map(|reason| json!({"name": "reason", "valueCode": reason})));
    recorded.extend(row.rules.iter().map(|rule| json!({"name": "rule", "valueCode": rule})));
    let mut parameters = vec![json!({"name": "recorded", "part": recorded})];
    match again {
        Again::Explained { explanation, agrees } => {
            parameters.push(json!({"name": "agrees", "valueBoolean": agrees}));
            parameters.extend(explanation.parameters());
        }
        Again::Not(why) => parameters.push(json!({"name": "text", "valueString": why})),
    }
    parameters
}

fn document(parameters: Vec<Value>) -> Redacted {
    Redacted::own(json!({"resourceType": "Parameters", "parameter": parameters}).to_string())
}
