//! Who looked at this record? Told to the patient, and to an officer of an organisation as far as it concerns that organisation.

use super::{Ending, Gateway, identity, paging::Paging, released};
use crate::{
    access::{Action, Interaction, Permit, Wanted},
    audit::{Opened, PatientRows, Place, Released, Row, StoredRow, balp},
    domain::{Numbers, OdsCode, Timestamp},
    fhir::{Searchset, date::Interval},
    identity::{Party, Requester},
    query::LogAsk,
    record::Redacted,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A search of AuditEvent: the patient's closing rows, newest first.
pub async fn access_log(
    g: &Gateway,
    requester: &Requester,
    ask: &LogAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    opened.asks("search", ask.canonical(), Some("AuditEvent"), ask.patient);
    let wanted = Wanted { action: Action::ReadLog(Interaction::Search), patient: ask.patient };
    released(g, requester, wanted, opened, async |permit, opened| {
        let sight = Sight::of(g, requester, ask, permit, opened).await?;
        let canonical = ask.canonical();
        let paging = Paging::new(g, requester, &[&canonical]);
        let found = page(g, ask, permit.numbers(), &sight, paging.after(ask.page.as_deref())?).await?;
        let next = paging.next(found.next.clone())?;
        Ok(Redacted::own(bundle(g, ask, &sight, found, next.as_deref())?))
    })
    .await
}

/// How much of a patient's log somebody is shown.
enum Sight {
    /// The patient: all of it but what is held, unless it is among these released holds.
    Whole(BTreeSet<String>),
    /// An officer: what this organisation's people did, and what was shown or withheld of its data.
    Concerning { own: Option<OdsCode>, concealed: bool },
}

impl Sight {
    async fn of(
        g: &Gateway,
        requester: &Requester,
        ask: &LogAsk,
        permit: &Permit,
        opened: &mut Opened,
    ) -> Result<Self, Ending> {
        if let Party::Staff { .. } | Party::System { .. } = &requester.party {
            let own = requester.party.organisation();
            let concealed = identity::is_concealed(g, requester, ask.patient, permit, opened).await?;
            return Ok(Self::Concerning { own, concealed });
        }
        let mut released = BTreeSet::new();
        for number in permit.numbers().all() {
            released.extend(g.desk.released_holds(number).await?);
        }
        Ok(Self::Whole(released))
    }

    /// What such a log holds, in words that are the same for every patient.
    fn said(&self) -> &'static str {
        match self {
            Self::Whole(_) => {
                "This log holds every access made through this gateway since it began to serve your region; what was \
                 looked at to keep somebody else from harm may be held back from it for a time. What an organisation \
                 looked at in its own system is in that organisation's log."
            }
            Self::Concerning { .. } => {
                "Of this patient's log, what concerns your organisation: what its people asked, and what was shown or \
                 withheld of its data."
            }
        }
    }

    /// The row as it is shown; `None` where it is not.
    fn shown(&self, mut row: Row) -> Option<Row> {
        let (own, concealed) = match self {
            Self::Whole(released) => {
                return row.held.as_ref().is_none_or(|hold| released.contains(hold)).then_some(row);
            }
            Self::Concerning { own, concealed } => ((*own)?, *concealed),
        };
        // what other organisations held or failed to answer is theirs to know
        row.sources.retain(|line| line.source == own);
        let by_own = row.who.as_ref().is_some_and(|who| who.organisation == Some(own));
        let of_own = row.sources.iter().any(|line| !line.released.is_empty() || !line.withheld.is_empty());
        if concealed && !by_own {
            // who looked would tell where the patient is seen
            (row.who, row.basis) = (None, None);
        }
        (by_own || of_own).then_some(row)
    }
}

struct Found {
    events: Vec<Value>,
    /// Where the next page begins, if there is more.
    next: Option<Place>,
}

/// Rows looked at in one request, matching or not: a search for a rare date ends in time, with a next page.
const LOOKED_AT: usize = 5_000;
const A_TIME: u32 = 200;

async fn page(
    g: &Gateway,
    ask: &LogAsk,
    numbers: &Numbers,
    sight: &Sight,
    mut before: Option<Place>,
) -> Result<Found, Ending> {
    let count = usize::try_from(ask.count).unwrap_or(usize::MAX);
    let registry = g.registries.latest();
    let name_of = |ods: OdsCode| registry.name_of(ods).map(str::to_owned);
    let setting = balp::Setting { base: &g.base, name_of: &name_of };
    let mut events = Vec::new();
    let mut looked_at = 0;
    loop {
        let rows = rows(g, numbers, before.as_ref()).await?;
        let more = rows.len() == usize::try_from(A_TIME).unwrap_or(usize::MAX);
        for stored in rows {
            looked_at += 1;
            let Some(row) = stored.row()? else { continue };
            let at = Interval::new(row.at.0, row.at.0 + 1);
            let asked = at.is_some_and(|at| ask.dates.iter().all(|date| date.passes(&[at])));
            if let Some(row) = sight.shown(row).filter(|_| asked) {
                if events.len() == count {
                    return Ok(Found { events, next: before });
                }
                events.push(balp::event(&row, &stored.log, stored.index, &setting));
            }
            before = stored.place();
        }
        if !more {
            return Ok(Found { events, next: None });
        }
        if looked_at >= LOOKED_AT {
            return Ok(Found { events, next: before });
        }
    }
}

/// The next rows of all of their numbers, newest first.
async fn rows(g: &Gateway, numbers: &Numbers, before: Option<&Place>) -> Result<Vec<StoredRow>, Ending> {
    let mut all = Vec::new();
    for patient in numbers.all() {
        let during = Timestamp(i64::MIN)..Timestamp::MAX;
        let wanted = PatientRows { patient, during, before: before.cloned(), limit: A_TIME };
        all.extend(g.reader.patient_rows(&wanted).await?);
    }
    all.sort_by_key(|row| std::cmp::Reverse(row.place()));
    all.truncate(usize::try_from(A_TIME).unwrap_or(usize::MAX));
    Ok(all)
}

fn bundle(g: &Gateway, ask: &LogAsk, sight: &Sight, found: Found, next: Option<&str>) -> Result<String, Ending> {
    let url = |page| format!("{}{}", g.base, ask.link(page));
    let next = next.map(|next| url(Some(next)));
    let mut bundle = Searchset::new(url(ask.page.as_deref()), next, Timestamp::now().fhir());
    for event in found.events {
        let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
        bundle.add_match(format!("{}AuditEvent/{id}", g.base), event);
    }
    let issue = json!({"severity": "information", "code": "informational", "diagnostics": sight.said()});
    bundle.add_outcome(json!({"resourceType": "OperationOutcome", "issue": [issue]}));
    bundle.to_json().map_err(|_| Ending::Internal)
}
