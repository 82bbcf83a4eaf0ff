//! What an organisation's systems said of whom it cares for, and what of it was refused.

use super::{
    days::{self, Sheet},
    sent::{outcome, patient, said, sender, totals},
};
use crate::{
    access::Policy,
    audit::{List, Opened, Released, Row},
    pages::{
        Page, Visit,
        components::{back, heading, subheading, table},
        words,
    },
    story::Ending,
};
use maud::{Markup, html};

const AFTER: &str = "/relationships";
const TITLE: &str = "Relationships your systems sent";

pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    days::page(visit, (List::Relationships, AFTER), opened, made).await
}

fn made(&Sheet { visit, whose, days, ledger, policy }: &Sheet<'_>) -> Page {
    let own = whose.path(AFTER);
    let main = html! {
        (back(&visit.pages.base, "/providers", "Your organisation"))
        (days.faults.summary())
        (heading(TITLE))
        p { "Each time one of your organisation's systems said that it cares for a patient, or no longer does, until " (words::moment(ledger.until))
            ". While such a relationship stands, your people can look at that patient's record." }
        (days.form(visit, &own))
        (subheading("By day"))
        (totals(&ledger.totals))
        @match &ledger.rows {
            Some(rows) => (days.listed(visit, &own, rows.is_empty(), ledger.next.as_deref(), &sent(rows, policy))),
            None => p { "Of which patients it was said is seen by those who answer for access at your organisation: its privacy officer and Caldicott Guardian." },
        }
    };
    Page::new(days.title(TITLE), Some("/providers"), main).wide()
}

fn sent(rows: &[Row], policy: Option<&Policy>) -> Markup {
    let row = |row: &Row| {
        let basis = said(row, "basis").next();
        let what = match (row.request.starts_with("Patient/$end-relationship"), basis.as_deref()) {
            (true, _) => "Ended".to_owned(),
            (false, Some(basis)) => format!("Cares for the patient: {}", words::basis(basis)),
            (false, None) => "Not understood".to_owned(),
        };
        vec![
            html! { (words::moment(row.at)) },
            patient(row),
            html! { (what) @for evidence in said(row, "evidence") { br; span.nhsuk-body-s { (evidence) } } },
            outcome(row, policy),
            sender(row),
        ]
    };
    let headings = ["When", "Patient", "What was said, on which evidence", "What became of it", "Sent by"];
    table("What was sent, the newest first", &headings, &rows.iter().map(row).collect::<Vec<_>>())
}
