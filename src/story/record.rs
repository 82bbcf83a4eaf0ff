//! The story that the gateway is for: a part of a patient's record, or all of it, joined up, decided, audited and shown.

use super::{Ending, Gateway, OrClose, identity, presence, released_along};
use crate::{
    access::{Action, GlobalFacts, Interaction, Permits, Wanted},
    audit::{Intent, Opened, Released},
    domain::{EntryId, Numbers, OdsCode, Timestamp},
    federation::{Asker, Places, Question},
    fhir::{ResourceType, is_id},
    identity::Requester,
    query::{Ask, Read, What, page_token::Fingerprint},
    record::{self, Reader, Record, Whose},
    registry::{Narrowing, Registry, Want},
};
use std::sync::Arc;

/// What a joined record holds under: the policy's fingerprint, who the patient is, and what is kept from the reader of places; who there
/// was to ask, and how far each had come.
type Under = ((Arc<str>, Numbers, Option<u64>), Arc<Registry>, Arc<GlobalFacts>);

/// A joined-up answer: decide, plan, gather, join, redact, release.
pub async fn record(
    g: &Gateway,
    requester: &Requester,
    ask: Ask,
    wishes: Wishes,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    let ask = with_long_id(g, ask, opened).await?;
    let (interaction, name) = interaction(&ask);
    opened.asks(name, ask.canonical(), Some(ask.resource_type().as_str()), ask.patient);
    let wanted = Wanted { action: Action::ReadRecord(ask.resource_type(), interaction), patient: ask.patient };
    let reader =
        Reader { who: Fingerprint::of(&requester.pages_for()), pages: &g.pages, must_be_complete: wishes.complete };
    let mut joined: Option<(Under, Record)> = None;
    released_along(g, requester, wanted, &along(&ask), opened, async |permits, opened| {
        let mut intent = None;
        let (patient, permit) = (ask.patient, permits.first());
        let whose = identity::whose(g, requester, patient, permit, wishes.since, &mut intent, opened).await?;
        // what was labelled by the list of another policy says nothing under this permit's, nor does what another person said or
        // a source has taken back since; nor was all that another policy lets in asked for, nor whoever has joined or come further since
        let policy = Arc::clone(permits.first().policy().fingerprint());
        let as_now = (policy, whose.numbers.clone(), whose.concealing.as_ref().map(|places| places.id()));
        let global = permits.first().global();
        let registry = g.registries.of(global).await?;
        let stands = |((as_then, then, global_then), record): &(Under, Record)| {
            let all_alike = Arc::ptr_eq(then, &registry) && global_then.stages == global.stages;
            *as_then == as_now && all_alike && record.stands(permits)
        };
        if !joined.as_ref().is_some_and(stands) {
            let record = join(g, requester, &ask, (whose, intent), (permits, &registry), wishes, opened).await?;
            joined = Some(((as_now, registry, Arc::clone(global)), record));
        }
        let (_, record) = joined.as_mut().ok_or(Ending::Internal)?;
        bring_along(g, requester, record, permits, (&reader, wishes), opened).await?;
        record.redact(permits, &reader).map_err(|not| {
            opened.heard(record.lines());
            not.into()
        })
    })
    .await
}

/// Asks the permit's providers, or remembers what they said, and joins it. No provider is asked without an intent.
pub(super) async fn join(
    g: &Gateway,
    requester: &Requester,
    ask: &Ask,
    (whose, intent): (Whose, Option<Intent>),
    (permits, registry): (&Permits, &Registry),
    wishes: Wishes,
    opened: &mut Opened,
) -> Result<Record, Ending> {
    let (mut wants, only) = wants(ask);
    if matches!(ask.what, What::Everything(_) | What::Summary) {
        wants.retain(|want| permits.of(want.resource_type).is_some());
    }
    let presence = match registry.locates() {
        // whoever wants all, or nothing that is remembered, does not want what was learned by asking before either
        true if wishes.complete || wishes.since.is_some() => {
            Arc::new(g.locator.presence_of(permits.first().numbers()).await?.asked_again())
        }
        true => g.locator.presence_of(permits.first().numbers()).await?,
        false => Arc::default(),
    };
    let narrowing = if let What::Search(search) = &ask.what { Narrowing::of(search) } else { None };
    let plan = registry.plan(permits, (&wants, narrowing.as_ref()), only, &presence).since(wishes.since);
    let concealing = whose.concealing.clone();
    let question = question(permits, requester, concealing.as_ref());
    let gathered = match g.federation.recall(&plan, question).await {
        Some(remembered) => remembered,
        None => {
            let intent = match intent {
                Some(intent) => intent,
                None => opened.intent().await?,
            };
            let gathered = g.federation.gather(&plan, question, &intent).await;
            presence::learn(g, &gathered).await;
            gathered
        }
    };
    let mut record = Record::join(ask, whose, gathered, Arc::clone(&g.ids), Arc::clone(&g.base));
    g.federation.forget(question.numbers, question.sensitivities.id(), &record.disputed()).await;
    identity::learn(g, requester, &mut record, permits.first(), opened).await?;
    Ok(record)
}

/// What comes along with what this reader is shown: asked in the same way, of those who hold what refers to it. What was
/// brought for an earlier attempt stays.
async fn bring_along(
    g: &Gateway,
    requester: &Requester,
    record: &mut Record,
    permits: &Permits,
    (reader, wishes): (&Reader<'_>, Wishes),
    opened: &mut Opened,
) -> Result<(), Ending> {
    let mut errands = record.lacks(permits, reader);
    if errands.is_empty() {
        return Ok(());
    }
    errands.iter_mut().for_each(|(_, errand)| errand.freshness.since = wishes.since);
    let concealing = record.concealing().cloned();
    let question = question(permits, requester, concealing.as_ref());
    let brought = match g.federation.recall_along(&errands, question).await {
        Some(remembered) => remembered,
        None => {
            let intent = opened.intent().await?;
            g.federation.gather_along(&errands, question, &intent).await
        }
    };
    record.bring(errands.iter().map(|(_, errand)| errand.provider.ods).zip(brought));
    Ok(())
}

fn question<'a>(permits: &'a Permits, requester: &'a Requester, concealing: Option<&'a Arc<Places>>) -> Question<'a> {
    let permit = permits.first();
    let (sensitivities, asker) = (permit.policy().sensitivities(), Asker::of(requester));
    Question { concealing, ..Question::new(permit.numbers(), permit.epochs().patient, sensitivities, asker) }
}

/// What a caller wants of the answer beside what it is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// All or nothing.
    pub complete: bool,
    /// Nothing that was asked for before this moment.
    pub since: Option<Timestamp>,
}

/// What is wanted of the providers beside who the patient is: the types' entries; of all, or of the one that an id names.
/// A target is asked for by that id: no search leads to it from a patient.
fn wants(ask: &Ask) -> (Vec<Want>, Option<OdsCode>) {
    let resource_type = ask.resource_type();
    let all = |types: &[ResourceType]| {
        // what only targets refer to is not looked for: no search leads to them
        let records = types.iter().filter(|t| **t != ResourceType::Patient && !t.is_target());
        records.map(|resource_type| Want::all(*resource_type)).collect()
    };
    if let Some(document) = ask.document() {
        return (all(&[resource_type]), Some(document.source));
    }
    match &ask.what {
        What::Search(_) => (all(&[resource_type]), None),
        What::Read(Read { id: Some(EntryId::Entry(entry)), .. }) => {
            // what an id stands for may be a document's address, too
            let named = resource_type.is_target() && is_id(&entry.local);
            let wants = match named {
                true => vec![Want::named(resource_type, vec![entry.local.as_str().into()])],
                false => all(&[resource_type]),
            };
            (wants, Some(entry.source))
        }
        What::Read(_) => (Vec::new(), None),
        What::Everything(everything) => (all(&everything.types), None),
        What::Summary => (all(&record::summary_types()), None),
    }
}

/// The other types that may be shown with what is asked for, each under a permit of its own.
fn along(ask: &Ask) -> Vec<ResourceType> {
    let targets = ResourceType::ALL.iter().copied().filter(|resource_type| resource_type.is_target());
    // a Provenance is shown as what it is of
    let of_all = match &ask.what {
        What::Read(read) => read.resource_type == ResourceType::Provenance,
        What::Search(search) => search.with_provenance || search.resource_type == ResourceType::Provenance,
        What::Everything(everything) => everything.types.contains(&ResourceType::Provenance),
        What::Summary => false,
    };
    let mut types: Vec<ResourceType> = match &ask.what {
        What::Read(_) => Vec::new(),
        What::Search(search) => {
            let included = search.include.iter().flat_map(|include| include.targets()).copied();
            included.chain(search.with_provenance.then_some(ResourceType::Provenance)).collect()
        }
        What::Everything(everything) => everything.types.iter().copied().chain(targets).collect(),
        What::Summary => record::summary_types().into_iter().chain(targets).collect(),
    };
    types.extend(of_all.then_some(ResourceType::RECORDS).into_iter().flatten());
    types.sort_unstable();
    types.dedup();
    types
}

/// Everything and a summary are of the one Patient that the path names: they are read.
fn interaction(ask: &Ask) -> (Interaction, &'static str) {
    match &ask.what {
        What::Search(_) => (Interaction::Search, "search"),
        What::Read(_) | What::Everything(_) | What::Summary => (Interaction::Read, "read"),
    }
}

/// An id too long to hold what it means: its row says it.
pub(super) async fn with_long_id(g: &Gateway, mut ask: Ask, opened: &mut Opened) -> Result<Ask, Ending> {
    if let What::Read(read) = &mut ask.what
        && let Some(EntryId::Long(digest)) = &read.id
    {
        let found = g.long_ids.find(digest).await.or_close(opened).await?;
        ask.patient = found.as_ref().map(|entry| entry.patient);
        read.id = found.map(EntryId::from);
    }
    Ok(ask)
}
