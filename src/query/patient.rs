use super::Setting;
use super::fault::QueryFault;
use super::form;
use crate::domain::{EntryId, NhsNumber};
use crate::fhir::outcome::IssueCode::{Invariant, Value};

/// The patient a parameter names, and the id it is printed with. An id that is none of ours names nobody, which is no fault:
/// a fault would tell it from the id of a patient the reader may not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub number: Option<NhsNumber>,
    pub id: String,
}

/// `ID`, `Patient/ID` or that under a base URL of our own.
pub fn by_reference(text: &str, setting: &Setting<'_>) -> Result<Named, QueryFault> {
    let fault = |what| Err(QueryFault::bad(Value, what));
    if text.is_empty() {
        return fault("a patient's id is missing");
    }
    if text.contains(',') {
        return Err(one_patient());
    }
    let ours = setting.bases.iter().find_map(|base| text.strip_prefix(base.trim_end_matches('/'))?.strip_prefix('/'));
    let relative = ours.unwrap_or(text);
    if relative.contains(':') {
        return fault("a reference to another server, or a urn: give the id, Patient/ID or this server's own URL");
    }
    let id = match relative.split_once('/') {
        Some(("Patient", id)) if !id.is_empty() && !id.contains('/') => id,
        None if ours.is_none() => relative,
        _ => return fault("a reference to a patient is ID, Patient/ID or this server's own URL, without a version"),
    };
    Ok(Named { number: number_of(id, setting), id: id.to_owned() })
}

/// A path's segment after `Patient/`, undecoded: no id of ours needs an escape.
pub fn by_path(segment: &str, setting: &Setting<'_>) -> Named {
    Named { number: number_of(segment, setting), id: form::segment(segment) }
}

fn number_of(id: &str, setting: &Setting<'_>) -> Option<NhsNumber> {
    match setting.ids.open(id) {
        Some(EntryId::Patient(number)) => Some(number),
        _ => None,
    }
}

/// `https://fhir.nhs.uk/Id/nhs-number|N`.
pub fn by_nhs_number(text: &str, setting: &Setting<'_>) -> Result<Named, QueryFault> {
    if text.contains(',') {
        return Err(one_patient());
    }
    let Some(digits) = text.strip_prefix(NhsNumber::SYSTEM).and_then(|rest| rest.strip_prefix('|')) else {
        let needed = format!("the identifier must be {}|N, with the | percent-encoded as %7C", NhsNumber::SYSTEM);
        return Err(QueryFault::bad(Value, needed).spine("INVALID_IDENTIFIER_SYSTEM"));
    };
    let number =
        NhsNumber::parse(digits).map_err(|e| QueryFault::bad(Value, e.to_string()).spine("INVALID_NHS_NUMBER"))?;
    Ok(Named { number: Some(number), id: setting.ids.patient(number) })
}

pub fn one_patient() -> QueryFault {
    QueryFault::bad(Invariant, "a request is about one patient, named once")
}
