//! How far an endpoint has come, as its own organisation and the region's operators say: up step by step behind a passing probe, down
//! and out at once.

use super::{asks, concerns};
use crate::{
    access::{
        Action, Interaction, Listed, NotStaged, Stage, Stages,
        parameters::{self, Staging},
    },
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    fhir::ResourceType,
    identity::Requester,
    record::Redacted,
    registry::directory::{Content, Endpoint, Staged},
    story::{Answer, Ending, Gateway, OrClose, RegistryFault, Wrote, released_cleared, written_cleared},
};
use serde_json::{Value, json};

/// `POST Endpoint/[ODS code]/$stage`. What is acknowledged is in force: no answer that was decided under the stage before commits.
pub async fn stage_endpoint(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let listed = Listed::Endpoint;
    asks(opened, "operation", listed, id, "/$stage");
    let staging = parameters::read_staging(body).or_close(opened).await?;
    let of = asks(opened, "operation", listed, id, &said(&staging));
    let action = Action::KeepRegistry { listed, is_new: false, concerns_own: concerns(g, requester, of) };
    written_cleared(g, requester, action, opened, async || {
        let ods = of.ok_or(RegistryFault::NotRegistered)?;
        staged(g, requester, ods, &staging).await?;
        Ok(Answer::new(200, shown(g, ods).await?))
    })
    .await
}

/// `GET Endpoint/[ODS code]/$stage`: what stands, and how it came to.
pub async fn endpoint_stages(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    let listed = Listed::Endpoint;
    let of = asks(opened, "operation", listed, id, "/$stage");
    let action =
        Action::ReadRegistry { listed, interaction: Interaction::Read, concerns_own: concerns(g, requester, of) };
    released_cleared(g, requester, action, opened, async |_| {
        Ok(Redacted::own(shown(g, of.ok_or(RegistryFault::NotRegistered)?).await?))
    })
    .await
}

async fn staged(g: &Gateway, requester: &Requester, ods: OdsCode, staging: &Staging) -> Result<(), Ending> {
    let (version, endpoint) = in_force(g, ods).await?;
    unserved(staging, &endpoint)?;
    let is_operator = g.registry_terms.is_operator(requester);
    let stood = g.directory.stages(ods).await?.map(|staged| staged.stages);
    let before = stood.clone().unwrap_or_default();
    let stages = staging.applied(&before, is_operator).map_err(Ending::NotStaged)?;
    let lifts = staging.stage != Stage::Suspended && g.facts.global().await?.suspended.contains(&ods);
    let comes_further = before.is_surpassed_by(&stages) || (lifts && is_operator && stages.is_asked());
    if lifts && comes_further {
        may_lift(staging, is_operator)?;
    }
    if comes_further && !is_probed(g, ods, version).await? {
        return Err(Ending::NotStaged(NotStaged::NotProbed));
    }
    if staging.stage != Stage::Suspended && !is_operator {
        super::changes::seldom(g.directory.stage_history(ods).await?.iter().map(|staged| staged.at))?;
    }
    if stages != before {
        let (reason, by) = (staging.reason.clone(), requester.recorder());
        let staged = Staged { stages, reason, by, at: Timestamp::now() };
        g.directory.set_stages(ods, version, stood.as_ref(), &staged).await?;
    }
    if lifts && is_operator && staging.types.is_empty() {
        g.standing.resume(ods).await?;
    }
    Ok(())
}

/// The one spelling of it, as the audit says it.
fn said(staging: &Staging) -> String {
    let types: Vec<&str> = staging.types.iter().map(|resource_type| resource_type.as_str()).collect();
    let types = if types.is_empty() { String::new() } else { format!("&type={}", types.join(",")) };
    format!("/$stage?stage={}{types}", staging.stage.as_str())
}

async fn in_force(g: &Gateway, ods: OdsCode) -> Result<(i64, Endpoint), Ending> {
    let entry = g.directory.in_force(Listed::Endpoint, ods).await?.ok_or(RegistryFault::NotRegistered)?;
    match entry.content {
        Content::Endpoint(endpoint) => Ok((entry.version, endpoint)),
        Content::Organization(_) => Err(Ending::Internal),
    }
}

fn unserved(staging: &Staging, endpoint: &Endpoint) -> Result<(), Ending> {
    let serves = |kind: &&ResourceType| **kind == ResourceType::Patient || endpoint.types.contains(kind);
    match staging.types.iter().find(|kind| !serves(kind)) {
        None => Ok(()),
        Some(kind) => {
            let said = format!("the endpoint's entry does not say that it serves {kind}");
            Err(Ending::content("Parameters.parameter.where(name='type')", &said))
        }
    }
}

/// What the gateway shut out, or an operator by the command line, comes back by an operator, and wholly.
fn may_lift(staging: &Staging, is_operator: bool) -> Result<(), Ending> {
    match (is_operator, staging.types.is_empty()) {
        (true, true) => Ok(()),
        (true, false) => Err(Ending::NotStaged(NotStaged::WhollySuspended)),
        (false, _) => Err(Ending::NotStaged(NotStaged::OnlyAnOperator)),
    }
}

pub(super) async fn is_probed(g: &Gateway, ods: OdsCode, version: i64) -> Result<bool, Ending> {
    let since = Timestamp::now().minus(g.registry_terms.probe_holds);
    Ok(g.probes.passed_since(ods, version, since).await?)
}

/// What stands, and every change, the newest first.
async fn shown(g: &Gateway, ods: OdsCode) -> Result<String, Ending> {
    let (version, _) = in_force(g, ods).await?;
    let history = g.directory.stage_history(ods).await?;
    let stands = history.first().map(|staged| staged.stages.clone()).unwrap_or_default();
    let shut_out = g.facts.store().global_facts().await?.suspended.contains(&ods);
    let mut all = vec![
        json!({"name": "organization", "valueIdentifier": {"system": OdsCode::SYSTEM, "value": ods}}),
        json!({"name": "version", "valueUnsignedInt": version}),
        json!({"name": "shut-out", "valueBoolean": shut_out}),
        json!({"name": "stands", "part": parts(&stands)}),
    ];
    all.extend(history.iter().take(MOST_CHANGES).map(change));
    Ok(json!({"resourceType": "Parameters", "parameter": all}).to_string())
}

/// The newest of them are told.
const MOST_CHANGES: usize = 200;

fn change(staged: &Staged) -> Value {
    let Staged { stages, reason, by, at } = staged;
    let mut part = vec![
        json!({"name": "at", "valueInstant": at.fhir()}),
        json!({"name": "by", "valueIdentifier": {"system": by.issuer, "value": by.subject}}),
        json!({"name": "reason", "valueString": reason}),
        json!({"name": "stands", "part": parts(stages)}),
    ];
    part.extend(
        by.organisation
            .map(|ods| json!({"name": "organization", "valueIdentifier": {"system": OdsCode::SYSTEM, "value": ods}})),
    );
    json!({"name": "change", "part": part})
}

fn parts(stages: &Stages) -> Vec<Value> {
    let mut part = vec![json!({"name": "stage", "valueCode": stages.usual.as_str()})];
    part.extend(stages.types.iter().map(|(resource_type, stage)| {
        json!({"name": "type", "part": [
            {"name": "type", "valueCode": resource_type.as_str()},
            {"name": "stage", "valueCode": stage.as_str()},
        ]})
    }));
    part.extend(
        stages
            .reviewers
            .iter()
            .map(|user| json!({"name": "reviewer", "valueIdentifier": {"system": USER_ID, "value": user}})),
    );
    part
}

const USER_ID: &str = "https://fhir.nhs.uk/Id/sds-user-id";
