//! An override: leave, taken by one person with a reason, to look where the patient objects; and who is told of it at once.

use super::{Answer, Ending, Gateway, OrClose, Wrote, written};
use crate::{
    access::{
        Action, Override, Policy, Stage, Wanted,
        desk::{Alert, Grant, TaskKind},
        parameters::{self, Overriding},
    },
    audit::{Intent, Opened},
    domain::{NhsNumber, Numbers, OdsCode, Timestamp},
    federation::{Asker, Question, Said},
    fhir::ResourceType,
    identity::{Party, Requester},
    registry::{Errand, Plan, Provider},
};
use futures::future::join_all;
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use uuid::Uuid;

/// A practice that does not answer so soon whether the patient is registered there is not waited for: somebody's life may be.
const SOON: Duration = Duration::from_secs(1);

const REQUEST: &str = "Patient/$override";

/// `Patient/$override`. Each one accepted is a grant of its own with alerts of its own, also where one still stands and where a
/// client sends the same again: rather two alerts for one emergency than none for the second.
pub async fn override_objections(
    g: &Gateway,
    requester: &Requester,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    opened.asks("operation", REQUEST.to_owned(), Some("Patient"), None);
    let asked = parameters::read_override(body).or_close(opened).await?;
    let (patient, reason) = (asked.patient, asked.reason);
    opened.asks("operation", format!("{REQUEST}?reason={}", reason.as_str()), Some("Patient"), Some(patient));
    let id = Uuid::new_v4().to_string();
    if reason.is_for_anothers_sake() {
        // however this ends: an attempt alone would warn whom it concerns. Without a grant there is nothing to release it
        opened.held(&id);
    }
    let wanted = Wanted { action: Action::Override(reason), patient: Some(patient) };
    written(g, requester, wanted, opened, async |patient, intent| {
        let organisation = requester.party.organisation().ok_or(Ending::Internal)?;
        let policy = g.policies.of(&*g.facts.global().await?).await?;
        let grant = grant(&policy, requester, organisation, &id, patient, &asked);
        let alerts = alerts(g, &policy, requester, &grant, intent).await?;
        g.desk.grant(&grant, &alerts).await?;
        Ok(Answer::new(201, answer(&grant.grant)))
    })
    .await
}

fn grant(
    policy: &Policy,
    by: &Requester,
    organisation: OdsCode,
    id: &str,
    patient: NhsNumber,
    asked: &Overriding,
) -> Grant {
    let start = Timestamp::now();
    let (id, end) = (id.to_owned(), start.plus(policy.overrides().lasts()));
    let grant = Override { id, person: by.person(), organisation, reason: asked.reason, start, end };
    Grant { patient, organisation, text: asked.text.clone(), grant }
}

/// One for each organisation concerned, by the facts as they stand in the database, and for the practice that says that the
/// patient is registered there.
async fn alerts(
    g: &Gateway,
    policy: &Policy,
    by: &Requester,
    grant: &Grant,
    intent: &Intent,
) -> Result<Vec<Alert>, Ending> {
    let Grant { patient, organisation, grant: taken, .. } = grant;
    let facts = g.facts.store().patient_facts(*patient).await?;
    let numbers = facts.numbers(*patient);
    let mut concerned = policy.concerned(&facts, *organisation, taken.start);
    let global = g.facts.global().await?;
    let epoch = facts.epoch;
    let registry = g.registries.of(&global).await?;
    let practices = registry.all().filter(|provider| {
        let is_live = global.stage(provider.ods, ResourceType::Patient.as_str()) == Stage::Live;
        let set_aside =
            global.suspended.contains(&provider.ods) || facts.quarantined.contains(&provider.ods) || !is_live;
        provider.is_gp_practice() && !set_aside && !concerned.contains(&provider.ods)
    });
    let asked = practices.map(|provider| registered(g, by, policy, provider, (&numbers, epoch), intent));
    let asked: Vec<_> = asked.collect();
    concerned.extend(join_all(asked).await.into_iter().flatten());
    let detail = detail(policy, by, grant);
    let alert = |organisation| {
        Alert::new(TaskKind::Override, organisation, *patient, &taken.id, detail.clone(), taken.start, &g.base)
    };
    Ok(concerned.into_iter().map(alert).collect())
}

/// The practice, if it keeps this patient as its own.
async fn registered(
    g: &Gateway,
    by: &Requester,
    policy: &Policy,
    practice: &Arc<Provider>,
    (numbers, epoch): (&Numbers, i64),
    intent: &Intent,
) -> Option<OdsCode> {
    let plan = Plan { ask: vec![Errand::who(practice)], ..Plan::default() };
    let question = Question::new(numbers, epoch, policy.sensitivities(), Asker::of(by));
    let gathered = timeout(SOON, g.federation.gather(&plan, question, intent)).await.ok()?;
    let found = gathered.sources.iter().any(|source| match &source.said {
        Said::Holds(resolution, _) => resolution.is_registered_at(practice.ods),
        _ => false,
    });
    found.then_some(practice.ods)
}

fn detail(policy: &Policy, by: &Requester, Grant { organisation, text, grant, .. }: &Grant) -> Map<String, Value> {
    let mut detail = Map::new();
    if let Party::Staff { user, name, role, .. } = &by.party {
        let role_name = role.as_deref().and_then(|code| policy.role_name(code));
        let role = [role.as_deref(), role_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
        detail.insert("user".into(), json!(user));
        detail.extend(name.iter().map(|name| ("name".to_owned(), json!(name))));
        detail.insert("role".into(), json!(role));
    }
    for (name, said) in [
        ("organisation", organisation.as_str()),
        ("reason", grant.reason.as_str()),
        ("text", text),
        ("start", &grant.start.fhir()),
        ("end", &grant.end.fhir()),
    ] {
        detail.insert(name.into(), json!(said));
    }
    detail
}

fn answer(grant: &Override) -> String {
    let period = json!({"start": grant.start.fhir(), "end": grant.end.fhir()});
    json!({"resourceType": "Parameters", "parameter": [
        {"name": "id", "valueId": grant.id},
        {"name": "reason", "valueCode": grant.reason.as_str()},
        {"name": "period", "valuePeriod": period},
    ]})
    .to_string()
}
