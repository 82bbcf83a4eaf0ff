//! What the log holds of an organisation: every release in which something of it was shown, to whom, for which patient, under which rule; what it
//! said of whom it cares for, and what it took back; and their sums by day. Drawn from the log a moment after, off the path of any request.

mod drawing;
mod table;

pub use drawing::keep_drawing;

use super::{
    Ending, Gateway, clearance, identity, is_own,
    paging::{Paging, cut},
    until_it_stands,
};
use crate::{
    access::{Action, Clearance, ContentFault, FaultCode, Interaction, Listed},
    audit::{DayTotal, Intent, Kind, LedgerPage, List, Opened, Place, Released, Row, StoredRow, balp, ledger},
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::Searchset,
    identity::Requester,
    query::DisclosuresAsk,
    record::Redacted,
};
use drawing::drawn_until;
use serde_json::{Value, json};
use std::{collections::BTreeMap, ops::Range};

/// In one table: who wants more names a shorter time.
const A_TABLE: u32 = 10_000;

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
        let sight = Sight { g, requester, own, list: List::Disclosures };
        let body = match ask.csv {
            true => whole(&sight, ask, opened).await?,
            false => page(&sight, ask, until, opened).await?,
        };
        Ok(opened.release(Redacted::own(body), 200).await?)
    })
    .await
}

/// What a page of one of its lists is made of.
pub struct Ledger {
    /// Row by row, to the organisation's own officers alone.
    pub rows: Option<Vec<Row>>,
    /// The token of the page with those before.
    pub next: Option<String>,
    pub totals: Vec<DayTotal>,
    /// Up to when all that was written down is in it.
    pub until: Timestamp,
}

/// A list as a page of ours: to officers row by row, as [`disclosures`] tells, to whoever keeps the organisation's registration in sums,
/// as [`disclosure_totals`] does. `opened` knows already what is asked.
pub async fn ledger_page(
    g: &Gateway,
    requester: &Requester,
    (id, list): (&str, List),
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
                let (rows, next) = listed(&Sight { g, requester, own, list }, ask, opened).await?;
                (Some(rows.into_iter().map(|shown| shown.row).collect()), next)
            }
            false => (None, None),
        };
        let totals = g.ledger.totals(list, own, days(ask)).await?;
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
        let totals = g.ledger.totals(List::Disclosures, clearance.organisation(), days(ask)).await?;
        let part = |name: &str, value: Value| {
            let mut part = json!({"name": name});
            part.as_object_mut()
                .into_iter()
                .for_each(|part| part.extend(value.as_object().cloned().unwrap_or_default()));
            part
        };
        let total = |total: &ledger::DayTotal| {
            let day = ledger::begins(total.day).fhir();
            let mut parts = vec![part("day", json!({"valueDate": day.get(..10)}))];
            parts.extend(
                total
                    .to()
                    .map(|to| part("recipient", json!({"valueIdentifier": {"system": OdsCode::SYSTEM, "value": to}}))),
            );
            parts.push(part("releases", json!({"valueInteger": total.times})));
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

/// Whose ledger it is, which list of it, and who reads it.
struct Sight<'a> {
    g: &'a Gateway,
    requester: &'a Requester,
    own: OdsCode,
    list: List,
}

/// A row as the organisation may see it, where it stands.
struct Shown {
    row: Row,
    place: Place,
}

impl Sight<'_> {
    /// `limit` of them at most, and where those go on that are before them.
    async fn rows(
        &self,
        ask: &DisclosuresAsk,
        before: Option<Place>,
        limit: u32,
        opened: &Opened,
    ) -> Result<(Vec<Shown>, Option<Place>), Ending> {
        let (list, organisation, during) = (self.list, self.own, ask.during());
        let wanted = LedgerPage { list, organisation, during, before, limit: limit.saturating_add(1) };
        let mut places = self.g.ledger.places(&wanted).await?;
        let more = cut(&mut places, limit);
        // told of the places: of those that were erased there is no row
        let goes_on = places.last().filter(|_| more).cloned();
        let (mut shown, mut concealed) = (Vec::new(), Concealed::default());
        for place in places {
            let stored = self.g.reader.rows(&place.log, place.index, 1).await?;
            let row = stored.first().map(StoredRow::row).transpose()?.flatten();
            // an erased one tells nothing any more
            if let Some(row) = row {
                shown.push(Shown { row: self.sees(row, &mut concealed, opened).await?, place });
            }
        }
        Ok((shown, goes_on))
    }

    /// Of the other sources nothing, and of a patient whose whereabouts are kept from most not who looked: that would tell where they
    /// are seen. Of what was refused not whose it would have been: a row names the patient by the number in use, whichever was sent.
    async fn sees(&self, mut row: Row, concealed: &mut Concealed, opened: &Opened) -> Result<Row, Ending> {
        row.sources.retain(|line| line.source == self.own);
        if row.kind == Kind::Refused {
            row.patient = None;
        }
        let by_own = row.who.as_ref().is_some_and(|who| who.organisation == Some(self.own));
        if let (Some(patient), Some(_), false) = (row.patient, &self.g.index, by_own)
            && concealed.is(self, patient, opened).await?
        {
            (row.who, row.basis) = (None, None);
        }
        Ok(row)
    }
}

/// Whose whereabouts are kept from most: each patient is looked up once for an answer, under one intent.
#[derive(Default)]
struct Concealed {
    intent: Option<Intent>,
    known: BTreeMap<NhsNumber, bool>,
}

impl Concealed {
    async fn is(&mut self, sight: &Sight<'_>, patient: NhsNumber, opened: &Opened) -> Result<bool, Ending> {
        if let Some(known) = self.known.get(&patient) {
            return Ok(*known);
        }
        let intent = match &self.intent {
            Some(intent) => intent,
            None => self.intent.insert(opened.intent().await?),
        };
        let is = identity::is_restricted(sight.g, sight.requester, patient, intent).await?;
        self.known.insert(patient, is);
        Ok(is)
    }
}

/// The rows of one page, and the token of the next.
async fn listed(
    sight: &Sight<'_>,
    ask: &DisclosuresAsk,
    opened: &Opened,
) -> Result<(Vec<Shown>, Option<String>), Ending> {
    let canonical = ask.canonical();
    let paging = Paging::new(sight.g, sight.requester, &[sight.own.as_str(), sight.list.as_str(), &canonical]);
    let (rows, goes_on) = sight.rows(ask, paging.after(ask.page.as_deref())?, ask.count, opened).await?;
    Ok((rows, paging.next(goes_on)?))
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

/// The whole time asked for.
async fn whole(sight: &Sight<'_>, ask: &DisclosuresAsk, opened: &Opened) -> Result<String, Ending> {
    let (rows, goes_on) = sight.rows(ask, None, A_TABLE, opened).await?;
    if goes_on.is_some() {
        let said = format!("more than {A_TABLE} rows are of this time: name a shorter one, by start and end");
        return Err(ContentFault { code: FaultCode::Value, path: "start".to_owned(), diagnostics: said }.into());
    }
    table::table(rows.iter().map(|shown| &shown.row))
}
