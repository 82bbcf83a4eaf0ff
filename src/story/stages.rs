//! How far an endpoint has come, as its own organisation and the region's operators say: up step by step behind a passing probe, down
//! and out at once.

use super::{Ending, Gateway, OrClose, Wrote, forget, until_it_stands};
use crate::{
    access::{
        Action, Clearance, Interaction, Listed, NotStaged, Stage, Stages,
        parameters::{self, Staging},
    },
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    fhir::ResourceType,
    identity::{Party, Requester},
    record::Redacted,
    registry::directory::{Content, Endpoint, Staged},
};
use serde_json::{Value, json};

/// `POST Endpoint/[id]/$stage`. What is acknowledged is in force: no answer that was decided under the stage before commits.
pub async fn stage_endpoint(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let ods = asked(id, "", opened);
    let staging = parameters::read_staging(body).or_close(opened).await?;
    asked(id, &said(&staging), opened);
    let is_operator = is_operator(g, requester);
    let action = |concerns_own| Action::KeepRegistry { listed: Listed::Endpoint, is_new: false, concerns_own };
    let told = until_it_stands(g, None, opened, async |opened: &mut Opened| {
        opened.undecided(None);
        let clearance = clearance(g, requester, ods, action).await?;
        opened.cleared(&clearance);
        let ods = ods.ok_or(Ending::NotFound)?;
        let (version, endpoint) = in_force(g, ods).await?;
        unserved(&staging, &endpoint)?;
        opened.intent().await?;
        let stood = g.directory.stages(ods).await?.map(|staged| staged.stages);
        let before = stood.clone().unwrap_or_default();

        let stages = staging.applied(&before, is_operator).map_err(Ending::NotStaged)?;
        let lifts = staging.stage != Stage::Suspended && g.facts.global().await?.suspended.contains(&ods);
        let comes_further = before.is_surpassed_by(&stages) || (lifts && is_operator && stages.is_asked());
        if lifts && comes_further {
            may_lift(&staging, is_operator)?;
        }
        if comes_further && !is_probed(g, ods, version).await? {
            return Err(Ending::NotStaged(NotStaged::NotProbed));
        }
        if stages != before {
            let (reason, by) = (staging.reason.clone(), requester.recorder());
            let staged = Staged { stages, reason, by, at: Timestamp::now() };
            g.directory.set_stages(ods, version, stood.as_ref(), &staged).await?;
        }
        if lifts && is_operator && staging.types.is_empty() {
            g.standing.resume(ods).await?;
        }
        let body = shown(g, ods, version).await?;
        Ok(opened.wrote(Redacted::own(body), 200).await?)
    })
    .await;
    // whatever became of it: what is remembered may be over
    forget(g, None).await;
    Ok(Wrote { status: 200, released: told?, location: None })
}

/// `GET Endpoint/[id]/$stage`: what stands, and how it came to.
pub async fn endpoint_stages(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    let ods = asked(id, "", opened);
    let action =
        |concerns_own| Action::ReadRegistry { listed: Listed::Endpoint, interaction: Interaction::Read, concerns_own };
    until_it_stands(g, None, opened, async |opened: &mut Opened| {
        opened.undecided(None);
        let clearance = clearance(g, requester, ods, action).await?;
        opened.cleared(&clearance);
        let ods = ods.ok_or(Ending::NotFound)?;
        let (version, _) = in_force(g, ods).await?;
        let body = shown(g, ods, version).await?;
        Ok(opened.release(Redacted::own(body), 200).await?)
    })
    .await
}

/// The endpoint's organisation; only what could be one is written down.
fn asked(id: &str, said: &str, opened: &mut Opened) -> Option<OdsCode> {
    let ods = OdsCode::parse(id).ok().filter(|ods| ods.as_str() == id);
    let name = ods.as_ref().map_or("unknown", OdsCode::as_str);
    opened.asks("operation", format!("Endpoint/{name}/$stage{said}"), Some("Endpoint"), None);
    ods
}

/// The one spelling of it, as the audit says it.
fn said(staging: &Staging) -> String {
    let types: Vec<&str> = staging.types.iter().map(|resource_type| resource_type.as_str()).collect();
    let types = if types.is_empty() { String::new() } else { format!("&type={}", types.join(",")) };
    format!("?stage={}{types}", staging.stage.as_str())
}

/// Those who answer for the registry: people alone.
fn is_operator(g: &Gateway, requester: &Requester) -> bool {
    matches!(&requester.party, Party::Staff { user, .. } if g.registry_terms.operators.contains(user))
}

async fn clearance(
    g: &Gateway,
    requester: &Requester,
    ods: Option<OdsCode>,
    action: impl Fn(bool) -> Action,
) -> Result<Clearance, Ending> {
    let global = g.facts.global().await?;
    let (registry, policy) = (g.registries.of(&global).await?, g.policies.of(&global).await?);
    let own = requester.party.organisation();
    let concerns_own = is_operator(g, requester) || (own.is_some() && own == ods);
    let kind = own.and_then(|own| registry.kind_of(own));
    policy.clear(requester, action(concerns_own), &global, kind.map(|kind| &**kind)).map_err(Ending::Refused)
}

async fn in_force(g: &Gateway, ods: OdsCode) -> Result<(i64, Endpoint), Ending> {
    let entry = g.directory.in_force(Listed::Endpoint, ods).await?.ok_or(Ending::NotFound)?;
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

async fn is_probed(g: &Gateway, ods: OdsCode, version: i64) -> Result<bool, Ending> {
    let Some(probes) = &g.probes else { return Ok(false) };
    let since = Timestamp::now().minus(g.registry_terms.probe_holds);
    Ok(probes.passed_since(ods, version, since).await?)
}

/// What stands, and every change, the newest first.
async fn shown(g: &Gateway, ods: OdsCode, version: i64) -> Result<String, Ending> {
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
