//! The patient's own story: who looked at my record?

use super::{Ending, Gateway, released};
use crate::{
    access::{Action, Interaction, Wanted},
    audit::{Opened, PatientRows, Place, Released, balp},
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::date::Interval,
    identity::Requester,
    query::{
        LogAsk,
        page_token::{Fingerprint, PageToken},
    },
    record::Redacted,
};
use serde_json::{Value, json};

/// A search of AuditEvent: the patient's closing rows, newest first.
pub async fn access_log(
    g: &Gateway,
    requester: &Requester,
    ask: &LogAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    opened.asks("search", ask.canonical(), Some("AuditEvent"), ask.patient);
    let wanted = Wanted { action: Action::ReadLog(Interaction::Search), patient: ask.patient };
    released(g, requester, wanted, opened, async |permit, _| {
        let reader = Fingerprint::of(&[&requester.issuer, &requester.subject]);
        let query = Fingerprint::of(&[&ask.canonical()]);
        let before = match &ask.page {
            None => None,
            Some(page) => {
                let token: PageToken<Place> =
                    g.pages.open(page, &reader, &query, Timestamp::now()).map_err(|_| Ending::Gone)?;
                if token.epochs != permit.epochs() {
                    return Err(Ending::Gone);
                }
                Some(token.cursor)
            }
        };
        let found = page(g, ask, permit.patient(), before).await?;
        let next = match found.next {
            None => None,
            Some(cursor) => {
                let token = PageToken {
                    cursor,
                    reader,
                    query,
                    epochs: permit.epochs(),
                    sources: Fingerprint::of(&[]),
                    issued_at: Timestamp::now(),
                };
                Some(g.pages.seal(&token).map_err(|_| Ending::Internal)?)
            }
        };
        Ok(Redacted::own(bundle(g, ask, &found.events, next.as_deref())))
    })
    .await
}

struct Found {
    events: Vec<Value>,
    /// Where the next page begins, if there is more.
    next: Option<Place>,
}

/// Rows looked at in one request, matching or not: a search for a rare date ends in time, with a next page.
const LOOKED_AT: usize = 5_000;
const A_TIME: u32 = 200;

async fn page(g: &Gateway, ask: &LogAsk, patient: NhsNumber, mut before: Option<Place>) -> Result<Found, Ending> {
    let count = usize::try_from(ask.count).unwrap_or(usize::MAX);
    let name_of = |ods: OdsCode| g.registry.provider(ods).map(|provider| provider.name.clone());
    let setting = balp::Setting { base: &g.base, name_of: &name_of };
    let mut events = Vec::new();
    let mut looked_at = 0;
    loop {
        let during = Timestamp(i64::MIN)..Timestamp::MAX;
        let rows =
            g.reader.patient_rows(&PatientRows { patient, during, before: before.clone(), limit: A_TIME }).await?;
        let more = rows.len() == usize::try_from(A_TIME).unwrap_or(usize::MAX);
        for stored in rows {
            looked_at += 1;
            let Some(row) = stored.row()? else { continue };
            let at = Interval::new(row.at.0, row.at.0 + 1);
            if at.is_some_and(|at| ask.dates.iter().all(|date| date.passes(&[at]))) {
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

fn bundle(g: &Gateway, ask: &LogAsk, events: &[Value], next: Option<&str>) -> String {
    let url = |page| format!("{}{}", g.base, ask.link(page));
    let mut links = vec![json!({"relation": "self", "url": url(ask.page.as_deref())})];
    links.extend(next.map(|next| json!({"relation": "next", "url": url(Some(next))})));
    let mut entries: Vec<Value> = events
        .iter()
        .map(|event| {
            let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
            json!({"fullUrl": format!("{}AuditEvent/{id}", g.base), "resource": event, "search": {"mode": "match"}})
        })
        .collect();
    let said = "This log holds every access made through this gateway since it began to serve your region. What an \
                organisation looked at in its own system is in that organisation's log.";
    let issue = json!({"severity": "information", "code": "informational", "diagnostics": said});
    entries.push(
        json!({"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}),
    );
    json!({
        "resourceType": "Bundle",
        "id": uuid::Uuid::new_v4().to_string(),
        "meta": {"lastUpdated": Timestamp::now().fhir()},
        "type": "searchset",
        "link": links,
        "entry": entries,
    })
    .to_string()
}
