//! The review desk: a privacy officer's queue, one task of it, its end, and the release of what is held from a patient's log.

use super::{
    Answer, Ending, Gateway, OrClose, Wrote, cleared, is_current,
    paging::{Paging, cut},
    released, written,
};
use crate::{
    access::{
        Action, Clearance, Interaction, Wanted,
        desk::{self, DeskTask, Queue, Remark},
        parameters,
    },
    audit::{Opened, Released},
    domain::Timestamp,
    fhir::Searchset,
    identity::Requester,
    query::DeskAsk,
    record::Redacted,
};
use uuid::Uuid;

/// `GET Task`: the requester's own organisation's queue, newest first. It is about no patient in particular, so that it shows of
/// none more than our own id.
pub async fn review_desk(
    g: &Gateway,
    requester: &Requester,
    ask: &DeskAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    opened.asks("search", ask.canonical(), Some("Task"), None);
    let action = Action::ReadDesk { interaction: Interaction::Search, concerns_own: true };
    cleared(g, requester, action, opened, async |clearance| page(g, requester, ask, clearance).await).await
}

async fn page(g: &Gateway, requester: &Requester, ask: &DeskAsk, clearance: &Clearance) -> Result<String, Ending> {
    let canonical = ask.canonical();
    let paging = Paging::new(g, requester, &[&canonical]).under(clearance.epochs());
    let after = paging.after(ask.page.as_deref())?;
    let closed = ask.status.map(|status| status == "completed");
    let queue = Queue { organisation: clearance.organisation(), closed, after, limit: ask.count.saturating_add(1) };
    let mut tasks = g.desk.tasks(&queue).await?;
    let more = cut(&mut tasks, ask.count);
    let next = paging.next(tasks.last().filter(|_| more).map(DeskTask::place))?;
    bundle(g, ask, &tasks, next.as_deref())
}

fn bundle(g: &Gateway, ask: &DeskAsk, tasks: &[DeskTask], next: Option<&str>) -> Result<String, Ending> {
    let url = |page| format!("{}{}", g.base, ask.link(page));
    let next = next.map(|next| url(Some(next)));
    let mut bundle = Searchset::new(url(ask.page.as_deref()), next, Timestamp::now().fhir());
    for task in tasks {
        let resource = desk::listed(task, &g.ids.patient(task.patient));
        bundle.add_match(format!("{}Task/{}", g.base, task.id), resource);
    }
    bundle.to_json().map_err(|_| Ending::Internal)
}

/// `GET Task/[id]`
pub async fn review_task(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    let found = stored(g, requester, id, ("read", ""), opened).await?;
    let action = Action::ReadDesk { interaction: Interaction::Read, concerns_own: found.is_some() };
    let wanted = Wanted { action, patient: found.as_ref().map(|task| task.patient) };
    released(g, requester, wanted, opened, async |_, _| {
        found.as_ref().map(|task| Redacted::own(shown(g, task))).ok_or(Ending::NotFound)
    })
    .await
}

/// `PUT Task/[id]` with status completed and a note.
pub async fn close_task(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    if_match: Option<&str>,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let found = stored(g, requester, id, ("update", ""), opened).await?;
    let note = desk::read_completion(body, id).or_close(opened).await?;
    kept(g, requester, found.as_ref(), opened, async |task| {
        is_current(if_match, task.version())?;
        Ok(g.desk.close_task(&task.id, &remark(requester, &note)).await?)
    })
    .await
}

/// `Task/[id]/$release-hold`: from now on the patient sees in their log what was done under this override.
pub async fn release_hold(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let found = stored(g, requester, id, ("operation", "/$release-hold"), opened).await?;
    let why = parameters::read_release(body).or_close(opened).await?;
    kept(g, requester, found.as_ref(), opened, async |task| {
        Ok(g.desk.release_hold(&task.about, &remark(requester, &why)).await?)
    })
    .await
}

/// What is done to a task, by an officer of its organisation; answered with the task as it is then.
async fn kept(
    g: &Gateway,
    requester: &Requester,
    found: Option<&DeskTask>,
    opened: &mut Opened,
    mut keep: impl AsyncFnMut(&DeskTask) -> Result<(), Ending>,
) -> Result<Wrote, Ending> {
    let action = Action::KeepDesk { concerns_own: found.is_some() };
    let wanted = Wanted { action, patient: found.map(|task| task.patient) };
    written(g, requester, wanted, opened, async |_, _| {
        let task = found.ok_or(Ending::NotFound)?;
        keep(task).await?;
        let task = g.desk.task(&task.id).await?.ok_or(Ending::Internal)?;
        let url = format!("{}Task/{}", g.base, task.id);
        Ok(Answer::new(200, shown(g, &task)).with_location(url, task.version()))
    })
    .await
}

/// The requester's own organisation's task of this id. What is asked is written down with the patient it is about, and held back
/// from their log like that which it is about.
async fn stored(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    (interaction, after): (&str, &str),
    opened: &mut Opened,
) -> Result<Option<DeskTask>, Ending> {
    // only what could be an id of ours is looked for, and written down
    let id = Uuid::try_parse(id).ok().map(|id| id.to_string());
    let request = format!("Task/{}{after}", id.as_deref().unwrap_or("unknown"));
    opened.asks(interaction, request, Some("Task"), None);
    let found = match id {
        None => None,
        Some(id) => g.desk.task(&id).await.or_close(opened).await?,
    };
    if let Some(task) = &found {
        opened.names(task.patient);
        if task.hold.is_some() {
            opened.held(&task.about);
        }
    }
    Ok(found.filter(|task| requester.party.organisation() == Some(task.organisation)))
}

fn shown(g: &Gateway, task: &DeskTask) -> String {
    desk::whole(task, &g.ids.patient(task.patient)).to_string()
}

fn remark(requester: &Requester, text: &str) -> Remark {
    Remark { by: requester.person(), at: Timestamp::now(), text: text.to_owned() }
}
