use super::Given;
use crate::{
    access::{
        ContentFault, FaultCode, Item, RecallReason,
        content::{nhs_number, ods_code},
    },
    domain::{NhsNumber, OdsCode},
    fhir::json::Tape,
};

/// `$recall`: this organisation takes these entries of its own back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recalling {
    pub patient: NhsNumber,
    pub organisation: OdsCode,
    /// None twice.
    pub items: Vec<Item>,
    pub reason: RecallReason,
    pub note: Option<String>,
}

/// In one request: each is a row, and a part of what the log says was asked.
const MOST_ITEMS: usize = 50;

/// Reads patient, organization, reason, one item or more, and a note where there is one.
pub fn read_recall(text: &str) -> Result<Recalling, ContentFault> {
    let mut tape = Tape::new();
    let mut given = Given::repeating(text, &["item"], &mut tape)?;
    let patient = nhs_number(&given.need("patient", "valueIdentifier")?)?;
    let organisation = ods_code(&given.need("organization", "valueIdentifier")?)?;
    let reason = given.need("reason", "valueCode")?;
    let reason = RecallReason::parse(&reason.text()?)
        .ok_or_else(|| reason.fault(FaultCode::Value, "expected one of entered-in-error, wrong-patient, withdrawn"))?;
    let note = given.take("note", "valueString")?.map(|note| note.text().map(|text| text.into_owned())).transpose()?;
    let mut items: Vec<Item> = Vec::new();
    let mut next = Some(given.need("item", "valueReference")?);
    while let Some(node) = next {
        let mut members = node.members()?;
        let reference = members.need("reference")?;
        members.skip("display");
        members.done()?;
        if items.len() == MOST_ITEMS {
            return Err(
                reference.fault(FaultCode::Value, format!("more than {MOST_ITEMS} items: send the rest by itself"))
            );
        }
        let text = reference.text()?;
        let item = text.split_once('/').and_then(|(of, local)| Item::parse(of, local)).ok_or_else(|| {
            let said = "expected Type/id as your own server has it, of a type of the record other than Patient";
            reference.fault(FaultCode::Value, said)
        })?;
        if !items.contains(&item) {
            items.push(item);
        }
        next = given.take("item", "valueReference")?;
    }
    given.done()?;
    Ok(Recalling { patient, organisation, items, reason, note })
}
