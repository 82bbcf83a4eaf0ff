//! A source takes back what it gave out: from the commit on nobody is shown it any more, on any node, and the source learns who was.

use super::{Answer, Ending, Gateway, OrClose, Wrote, identity, written};
use crate::{
    access::{
        Action, Item, RecallReason, Recalled, Wanted,
        desk::{Alert, TaskKind},
        parameters::{self, Recalling},
    },
    audit::{
        Opened, Who,
        shown::{self, Viewer},
    },
    domain::{OdsCode, Timestamp},
    identity::Requester,
};
use serde_json::{Map, Value, json};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};
use uuid::Uuid;

/// So many showings are told one by one, newest first; how many there were is told in any case.
const MOST_TOLD: usize = 500;
/// So much of one patient's may stand recalled by one source: all of it is looked through for every entry shown.
const MOST_STANDING: usize = 2_000;
const TOO_MANY: &str = "too much of this patient's stands recalled already: have the source suspended instead";

/// What came of it.
pub enum TakenBack {
    /// So many recalls are over: what they hid was this patient's after all.
    Withdrawn(u64),
    Recalled {
        id: String,
        /// How often it was shown, so far as the source may know.
        count: usize,
        /// Of those the newest, rid of what the source may not know.
        showings: Vec<Viewer>,
    },
}

/// `Patient/$recall`, told as `make` has it. Sent again it does the same again: whoever got no answer sends it again, and nobody is told
/// too little.
pub async fn recall(
    g: &Gateway,
    requester: &Requester,
    body: &str,
    opened: &mut Opened,
    make: impl Fn(&TakenBack) -> String,
) -> Result<Wrote, Ending> {
    opened.asks("operation", "Patient/$recall".to_owned(), Some("Patient"), None);
    let asked = parameters::read_recall(body).or_close(opened).await?;
    opened.asks("operation", said(&asked), Some("Patient"), Some(asked.patient));
    let wanted = Wanted { action: Action::Recall { organisation: asked.organisation }, patient: Some(asked.patient) };
    let id = Uuid::new_v4().to_string();
    written(g, requester, wanted, opened, async |patient, intent| {
        if !gave_anything(g, asked.organisation).await? {
            let said = "this organisation gives out nothing here, so there is nothing to take back";
            return Err(Ending::content("Parameters.parameter.where(name='organization')", said));
        }
        let recalled = recalled(&id, requester, &asked);
        if asked.reason == RecallReason::Withdrawn {
            let ended = g.recalls.withdraw(&recalled).await?;
            return Ok(Answer::new(200, make(&TakenBack::Withdrawn(ended))));
        }
        let standing = g.facts.store().patient_facts(patient).await?.recalls;
        if standing.iter().filter(|recall| recall.source == recalled.source).count() >= MOST_STANDING {
            return Err(Ending::content("Parameters.parameter.where(name='item')", TOO_MANY));
        }
        g.recalls.recall(&recalled).await?;
        forget(g, &recalled).await?;
        // everyone who was ever shown it: no release that does so commits after the recall has
        let references: Vec<String> = recalled.items.iter().map(Item::reference).collect();
        let mut viewers = Vec::new();
        let mut released = BTreeSet::new();
        for number in g.facts.patient(patient).await?.numbers(patient).all() {
            viewers.extend(shown::shown(&*g.reader, recalled.source, &references, Some(number)).await?);
            released.extend(g.desk.released_holds(number).await?);
        }
        g.recalls.tell(&alerts(g, &recalled, &viewers)).await?;
        viewers.retain(|viewer| viewer.held.as_ref().is_none_or(|hold| released.contains(hold)));
        let count = viewers.len();
        viewers.sort_by_key(|viewer| Reverse(viewer.at));
        viewers.truncate(MOST_TOLD);
        // whoever was shown it elsewhere tells where else the patient is seen; those people's officers are told by their task
        if identity::is_restricted(g, requester, patient, intent).await? {
            viewers.iter_mut().filter_map(|viewer| viewer.who.as_mut()).for_each(|who| conceal(who, recalled.source));
        }
        Ok(Answer::new(200, make(&TakenBack::Recalled { id: id.clone(), count, showings: viewers })))
    })
    .await
}

/// Whether there is anything of it that could be taken back. What has left the region since may still be recalled.
async fn gave_anything(g: &Gateway, source: OdsCode) -> Result<bool, Ending> {
    let registry = g.registries.of(&*g.facts.global().await?).await?;
    Ok(registry.provider(source).is_some() || !g.reader.item_lists(Some((source, None)), None, 1).await?.is_empty())
}

fn conceal(who: &mut Who, own: OdsCode) {
    if who.organisation != Some(own) {
        (who.user, who.name, who.organisation) = (None, None, None);
    }
}

/// The one spelling of it, as the audit says it.
fn said(asked: &Recalling) -> String {
    let items: Vec<String> = asked.items.iter().map(Item::reference).collect();
    format!("Patient/$recall?reason={}&item={}", asked.reason.as_str(), items.join(","))
}

fn recalled(id: &str, by: &Requester, asked: &Recalling) -> Recalled {
    Recalled {
        id: id.to_owned(),
        source: asked.organisation,
        patient: asked.patient,
        items: asked.items.clone(),
        reason: asked.reason,
        note: asked.note.clone(),
        by: by.person(),
        at: Timestamp::now(),
    }
}

/// What this node remembers of the source is of no use any more; that no node uses it follows from the fact alone.
async fn forget(g: &Gateway, recalled: &Recalled) -> Result<(), Ending> {
    let global = g.facts.global().await?;
    let (policy, registry) = (g.policies.of(&global).await?, g.registries.of(&global).await?);
    let numbers = g.facts.patient(recalled.patient).await?.numbers(recalled.patient);
    let source: Vec<_> = registry.provider(recalled.source).cloned().into_iter().collect();
    g.federation.forget(&numbers, policy.sensitivities().id(), &source).await;
    Ok(())
}

/// A task for the officers of each organisation whose people saw it.
fn alerts(g: &Gateway, recalled: &Recalled, viewers: &[Viewer]) -> Vec<Alert> {
    let mut by_organisation: BTreeMap<OdsCode, Vec<&Viewer>> = BTreeMap::new();
    for viewer in viewers {
        if let Some(organisation) = viewer.who.as_ref().and_then(|who| who.organisation) {
            by_organisation.entry(organisation).or_default().push(viewer);
        }
    }
    let items: Vec<String> = recalled.items.iter().map(Item::reference).collect();
    let alert = |(organisation, own): (OdsCode, Vec<&Viewer>)| {
        let saw: Vec<String> = own.iter().take(MOST_TOLD).map(|viewer| saw(viewer)).collect();
        let mut detail = Map::new();
        for (name, said) in [
            ("source", recalled.source.as_str()),
            ("reason", recalled.reason.as_str()),
            ("items", &items.join(", ")),
            ("shown", &own.len().to_string()),
            ("to", &saw.join("; ")),
        ] {
            detail.insert(name.to_owned(), json!(said));
        }
        detail.extend(recalled.note.iter().map(|note| ("note".to_owned(), json!(note))));
        let Recalled { id, patient, at, .. } = recalled;
        Alert::new(TaskKind::Recall, organisation, *patient, id, detail, *at, &g.base)
    };
    by_organisation.into_iter().map(alert).collect()
}

fn saw(viewer: &Viewer) -> String {
    let Viewer { at, request_id, who, item, .. } = viewer;
    let who = who.as_ref();
    let name = who.and_then(|who| who.name.as_deref().or(who.user.as_deref())).unwrap_or("somebody");
    let role = who.and_then(|who| who.role.as_deref()).unwrap_or_default();
    format!("{} to {name} {role} at {}, request {request_id}", item.reference, at.fhir())
}

impl TakenBack {
    /// The operation's answer.
    pub fn parameters(&self) -> String {
        let parameters = match self {
            Self::Withdrawn(ended) => vec![json!({"name": "withdrawn", "valueUnsignedInt": ended})],
            Self::Recalled { id, count, showings } => {
                let first =
                    [json!({"name": "recall", "valueId": id}), json!({"name": "count", "valueUnsignedInt": count})];
                first.into_iter().chain(showings.iter().map(showing)).collect()
            }
        };
        json!({"resourceType": "Parameters", "parameter": parameters}).to_string()
    }
}

fn showing(viewer: &Viewer) -> Value {
    let mut parts = vec![
        json!({"name": "item", "valueReference": {"reference": viewer.item.reference}}),
        json!({"name": "at", "valueInstant": viewer.at.fhir()}),
        json!({"name": "request", "valueId": viewer.request_id}),
    ];
    parts.extend(viewer.item.version.iter().map(|version| json!({"name": "version", "valueString": version})));
    if let Some(Who { party, user, name, role, organisation, .. }) = &viewer.who {
        parts.push(json!({"name": "party", "valueCode": party}));
        let texts = [("user", user), ("name", name), ("role", role)];
        parts
            .extend(texts.iter().filter_map(|(part, text)| Some(json!({"name": part, "valueString": text.as_ref()?}))));
        let code = |ods: &OdsCode| json!({"system": OdsCode::SYSTEM, "value": ods});
        parts.extend(organisation.iter().map(|ods| json!({"name": "organization", "valueIdentifier": code(ods)})));
    }
    json!({"name": "shown", "part": parts})
}
