//! What left an organisation: every release in which something of it was shown, to whom, for which patient, under which rule; and its sums by
//! day. Drawn from the log a moment after, off the path of any request.

use super::{Ending, Gateway, identity, until_it_stands};
use crate::{
    access::{Action, Clearance, ContentFault, FaultCode, Interaction, Listed},
    audit::{DayTotal, LedgerPage, LogId, Opened, Place, Released, Row, StoredRow, balp, ledger},
    domain::{Epochs, OdsCode, Timestamp},
    fhir::Searchset,
    identity::Requester,
    query::{
        DisclosuresAsk,
        page_token::{Fingerprint, PageToken},
    },
    record::Redacted,
};
use serde_json::{Value, json};
use std::{ops::Range, sync::Weak, time::Duration};

/// Drawn from the log at once, in one transaction.
const A_DRAW: u32 = 500;
const OWN_LOG: Duration = Duration::from_secs(2);
/// Other nodes draw their own: this is for what a node that is gone has left.
const OTHERS_EVERY: u32 = 30;
/// In one table: who wants more names a shorter time.
const A_TABLE: u32 = 10_000;

/// Draws what has been released into the ledger, as long as anyone holds the gateway, whose own log is `own`.
pub async fn keep_drawing(held: Weak<Gateway>, own: LogId) {
    for round in 0_u32.. {
        tokio::time::sleep(OWN_LOG).await;
        let Some(g) = held.upgrade() else { return };
        let drawn = if round % OTHERS_EVERY == 0 { draw_all(&g).await } else { draw(&g, &own).await };
        if let Err(error) = drawn {
            tracing::warn!(error = error.code(), "what was released could not be drawn into the disclosure ledger");
        }
    }
}

async fn draw_all(g: &Gateway) -> Result<(), Ending> {
    for log in g.reader.logs().await? {
        draw(g, &log).await?;
    }
    Ok(())
}

async fn draw(g: &Gateway, log: &LogId) -> Result<(), Ending> {
    loop {
        let from = g.ledger.drawn(log).await?;
        let rows = g.reader.rows(log, from, A_DRAW).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        let mut disclosed = Vec::new();
        for stored in &rows {
            // one that was erased before it was drawn tells nothing any more
            disclosed.extend(stored.row()?.iter().flat_map(|row| ledger::disclosed(row, stored.index)));
        }
        let until = last.index + 1;
        if !g.ledger.enter(log, from..until, &disclosed).await? {
            // another node is at it
            return Ok(());
        }
    }
}

/// Up to when the ledger holds all that was released: the moment of the first row that is not drawn yet.
async fn drawn_until(g: &Gateway) -> Result<Timestamp, Ending> {
    let mut until = Timestamp::now();
    for log in g.reader.logs().await? {
        let from = g.ledger.drawn(&log).await?;
        let waiting = g.reader.rows(&log, from, 1).await?;
        until = waiting.iter().filter_map(StoredRow::place).map(|place| place.at).fold(until, Timestamp::min);
    }
    Ok(until)
}

/// `Organization/[id]/$disclosures`: for the organisation's own officers.
pub async fn disclosures(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    ask: &DisclosuresAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    asks(id, "$disclosures", ask, opened);
    until_it_stands(g, None, opened, async |opened: &mut Opened| {
        opened.undecided(None);
        let action = Action::ReadLedger { concerns_own: is_own(requester, id) };
        let clearance = clearance(g, requester, action).await?;
        opened.cleared(&clearance);
        let (own, until) = (clearance.organisation(), drawn_until(g).await?);
        let sight = Sight { g, requester, own };
        let body = match ask.csv {
            true => table(&sight, ask, opened).await?,
            false => page(&sight, ask, until, opened).await?,
        };
        Ok(opened.release(Redacted::own(body), 200).await?)
    })
    .await
}

/// What a page of the ledger is made of.
pub struct Ledger {
    /// Release by release, to the organisation's own officers alone.
    pub rows: Option<Vec<Row>>,
    /// The token of the page with those before.
    pub next: Option<String>,
    pub totals: Vec<DayTotal>,
    /// Up to when all that was released is in it.
    pub until: Timestamp,
}

/// The ledger as a page of ours: to officers what [`disclosures`] tells, to whoever keeps the organisation's registration what
/// [`disclosure_totals`] does. `opened` knows already what is asked.
pub async fn ledger_page(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    ask: &DisclosuresAsk,
    opened: &mut Opened,
    make: impl Fn(&Ledger) -> String,
) -> Result<Released, Ending> {
    until_it_stands(g, None, opened, async |opened: &mut Opened| {
        opened.undecided(None);
        let (clearance, is_officer) = sums_clearance(g, requester, is_own(requester, id)).await?;
        opened.cleared(&clearance);
        let (own, until) = (clearance.organisation(), drawn_until(g).await?);
        let (rows, next) = match is_officer {
            true => {
                let (rows, next) = listed(&Sight { g, requester, own }, ask, opened).await?;
                (Some(rows.into_iter().map(|shown| shown.row).collect()), next)
            }
            false => (None, None),
        };
        let totals = g.ledger.totals(own, days(ask)).await?;
        Ok(opened.release(Redacted::own(make(&Ledger { rows, next, totals, until })), 200).await?)
    })
    .await
}

/// Sums name no patient: they are for officers, and for whoever keeps the organisation's registration too.
async fn sums_clearance(g: &Gateway, requester: &Requester, concerns_own: bool) -> Result<(Clearance, bool), Ending> {
    match clearance(g, requester, Action::ReadLedger { concerns_own }).await {
        Err(Ending::Refused(_)) => {
            let (listed, interaction) = (Listed::Organization, Interaction::Read);
            let keeper = Action::ReadRegistry { listed, interaction, concerns_own };
            Ok((clearance(g, requester, keeper).await?, false))
        }
        officer => Ok((officer?, true)),
    }
}

fn days(ask: &DisclosuresAsk) -> Range<i64> {
    let during = ask.during();
    ledger::day(during.start)..ledger::day(Timestamp(during.end.0.saturating_sub(1))).saturating_add(1)
}

/// `Organization/[id]/$disclosure-totals`: for whoever keeps its registration too, as it names no patient.
pub async fn disclosure_totals(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    ask: &DisclosuresAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    asks(id, "$disclosure-totals", ask, opened);
    until_it_stands(g, None, opened, async |opened: &mut Opened| {
        opened.undecided(None);
        let (clearance, _) = sums_clearance(g, requester, is_own(requester, id)).await?;
        opened.cleared(&clearance);
        let totals = g.ledger.totals(clearance.organisation(), days(ask)).await?;
        let part = |name: &str, value: Value| {
            let mut part = json!({"name": name});
            part.as_object_mut()
                .into_iter()
                .for_each(|part| part.extend(value.as_object().cloned().unwrap_or_default()));
            part
        };
        let total = |total: &ledger::DayTotal| {
            let day = Timestamp(total.day.saturating_mul(86_400_000_000)).fhir();
            let mut parts = vec![part("day", json!({"valueDate": day.get(..10)}))];
            parts.extend(
                total
                    .to
                    .map(|to| part("recipient", json!({"valueIdentifier": {"system": OdsCode::SYSTEM, "value": to}}))),
            );
            parts.push(part("releases", json!({"valueInteger": total.releases})));
            parts.push(part("items", json!({"valueInteger": total.items})));
            json!({"name": "total", "part": parts})
        };
        let until = part("until", json!({"valueInstant": drawn_until(g).await?.fhir()}));
        let parameters: Vec<Value> = [until].into_iter().chain(totals.iter().map(total)).collect();
        let body = json!({"resourceType": "Parameters", "parameter": parameters}).to_string();
        Ok(opened.release(Redacted::own(body), 200).await?)
    })
    .await
}

fn asks(id: &str, operation: &str, ask: &DisclosuresAsk, opened: &mut Opened) {
    // only what could be a code of an organisation's is written down
    let whose = OdsCode::parse(id).map_or_else(|_| "unknown".to_owned(), |ods| ods.to_string());
    let request = format!("Organization/{whose}/{operation}{}", ask.canonical());
    opened.asks("operation", request, Some("AuditEvent"), None);
}

fn is_own(requester: &Requester, id: &str) -> bool {
    requester.party.organisation().is_some_and(|own| OdsCode::parse(id) == Ok(own))
}

async fn clearance(g: &Gateway, requester: &Requester, action: Action) -> Result<Clearance, Ending> {
    let global = g.facts.global().await?;
    let registry = g.registries.of(&global).await?;
    let kind = requester.party.organisation().and_then(|ods| registry.kind_of(ods));
    let policy = g.policies.of(&global).await?;
    policy.clear(requester, action, &global, kind.map(|kind| &**kind)).map_err(Ending::Refused)
}

/// Whose ledger it is, and who reads it.
struct Sight<'a> {
    g: &'a Gateway,
    requester: &'a Requester,
    own: OdsCode,
}

/// A row as its source may see it, where it stands.
struct Shown {
    row: Row,
    place: Place,
}

impl Sight<'_> {
    async fn rows(
        &self,
        ask: &DisclosuresAsk,
        before: Option<Place>,
        limit: u32,
        opened: &Opened,
    ) -> Result<Vec<Shown>, Ending> {
        let wanted = LedgerPage { source: self.own, during: ask.during(), before, limit };
        let mut shown = Vec::new();
        for place in self.g.ledger.disclosures(&wanted).await? {
            let stored = self.g.reader.rows(&place.log, place.index, 1).await?;
            let row = stored.first().map(StoredRow::row).transpose()?.flatten();
            // an erased one tells nothing any more
            if let Some(row) = row {
                shown.push(Shown { row: self.sees(row, opened).await?, place });
            }
        }
        Ok(shown)
    }

    /// Of the other sources nothing, and of a patient whose whereabouts are kept from most not who looked: that would tell where they
    /// are seen.
    async fn sees(&self, mut row: Row, opened: &Opened) -> Result<Row, Ending> {
        row.sources.retain(|line| line.source == self.own);
        let by_own = row.who.as_ref().is_some_and(|who| who.organisation == Some(self.own));
        if let (Some(patient), Some(_), false) = (row.patient, &self.g.index, by_own)
            && identity::is_restricted(self.g, self.requester, patient, &opened.intent().await?).await?
        {
            (row.who, row.basis) = (None, None);
        }
        Ok(row)
    }
}

/// The rows of one page, and the token of the next.
async fn listed(
    sight: &Sight<'_>,
    ask: &DisclosuresAsk,
    opened: &Opened,
) -> Result<(Vec<Shown>, Option<String>), Ending> {
    let g = sight.g;
    let reader = Fingerprint::of(&sight.requester.pages_for());
    let query = Fingerprint::of(&[sight.own.as_str(), &ask.canonical()]);
    let before = match &ask.page {
        None => None,
        Some(page) => {
            let token: PageToken<Place> =
                g.pages.open(page, &reader, &query, Timestamp::now()).map_err(|_| Ending::Gone)?;
            Some(token.cursor)
        }
    };
    // one more than is shown tells whether there is a next page
    let mut rows = sight.rows(ask, before, ask.count.saturating_add(1), opened).await?;
    let count = usize::try_from(ask.count).unwrap_or(usize::MAX);
    let more = rows.len() > count;
    rows.truncate(count);
    let next = match rows.last().filter(|_| more) {
        None => None,
        Some(last) => {
            let (epochs, sources, issued_at) = (Epochs::default(), Fingerprint::of(&[]), Timestamp::now());
            let token = PageToken { cursor: last.place.clone(), reader, query, epochs, sources, issued_at };
            Some(g.pages.seal(&token).map_err(|_| Ending::Internal)?)
        }
    };
    Ok((rows, next))
}

async fn page(sight: &Sight<'_>, ask: &DisclosuresAsk, until: Timestamp, opened: &Opened) -> Result<String, Ending> {
    let g = sight.g;
    let (rows, next) = listed(sight, ask, opened).await?;
    let url = |page: Option<&str>| format!("{}Organization/{}/$disclosures{}", g.base, sight.own, ask.link(page));
    let next = next.as_deref().map(|next| url(Some(next)));
    let mut bundle = Searchset::new(url(ask.page.as_deref()), next, Timestamp::now().fhir());
    let registry = g.registries.latest();
    let name_of = |ods: OdsCode| registry.name_of(ods).map(str::to_owned);
    let setting = balp::Setting { base: &g.base, name_of: &name_of };
    for Shown { row, place } in &rows {
        let event = balp::event(row, &place.log, place.index, &setting);
        let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
        bundle.add_match(format!("{}AuditEvent/{id}", g.base), event);
    }
    let said = format!("What was shown of your organisation's data through this gateway, until {}.", until.fhir());
    let issue = json!({"severity": "information", "code": "informational", "diagnostics": said});
    bundle.add_outcome(json!({"resourceType": "OperationOutcome", "issue": [issue]}));
    bundle.to_json().map_err(|_| Ending::Internal)
}

const COLUMNS: [&str; 13] = [
    "at",
    "request",
    "patient",
    "asked",
    "user",
    "name",
    "role",
    "organisation",
    "client",
    "purpose",
    "basis",
    "rules",
    "items",
];

/// The whole time asked for as a table that a spreadsheet reads, in which no cell is a formula.
async fn table(sight: &Sight<'_>, ask: &DisclosuresAsk, opened: &Opened) -> Result<String, Ending> {
    let rows = sight.rows(ask, None, A_TABLE.saturating_add(1), opened).await?;
    if rows.len() > usize::try_from(A_TABLE).unwrap_or(usize::MAX) {
        let said = format!("more than {A_TABLE} rows are of this time: name a shorter one, by start and end");
        return Err(ContentFault { code: FaultCode::Value, path: "start".to_owned(), diagnostics: said }.into());
    }
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS).map_err(|_| Ending::Internal)?;
    for Shown { row, .. } in &rows {
        table.write_record(cells(row).map(|cell| plain(&cell))).map_err(|_| Ending::Internal)?;
    }
    let text = table.into_inner().map_err(|_| Ending::Internal)?;
    String::from_utf8(text).map_err(|_| Ending::Internal)
}

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let who = row.who.as_ref();
    let said = |text: Option<&String>| text.cloned().unwrap_or_default();
    let items: u64 = row.sources.iter().map(|line| line.released.count()).sum();
    [
        row.at.fhir(),
        row.request_id.to_string(),
        row.patient.map(|patient| patient.digits()).unwrap_or_default(),
        row.request.clone(),
        said(who.and_then(|who| who.user.as_ref())),
        said(who.and_then(|who| who.name.as_ref())),
        said(who.and_then(|who| who.role.as_ref())),
        who.and_then(|who| who.organisation).map(|ods| ods.to_string()).unwrap_or_default(),
        who.map(|who| who.client.clone()).unwrap_or_default(),
        said(row.purpose.as_ref()),
        said(row.basis.as_ref()),
        row.rules.join(" "),
        items.to_string(),
    ]
}

/// <https://owasp.org/www-community/attacks/CSV_Injection>: what a spreadsheet would take for a formula is text.
fn plain(cell: &str) -> String {
    let text: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim_start().starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_its_line() {
        for (cell, said) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            (" @SUM(A1)", "' @SUM(A1)"),
            ("\t-1", "' -1"),
            ("+44", "'+44"),
            ("a\r\nb", "a  b"),
            ("Dr A", "Dr A"),
        ] {
            assert_eq!(plain(cell), said);
        }
    }
}
