//! An objection, as a FHIR Consent (<https://hl7.org/fhir/R4/consent.html>): two shapes, the whole record or one source.
//!
//! Promise: a Consent is understood to its last member or refused with the place that was not. Nobody is told that an
//! objection was recorded while a part of it is ignored.

use super::{
    ContentFault, FaultCode, Matter, Terms,
    content::{Members, Node, nhs_number, ods_code, only_coding},
};
use crate::{
    domain::{Labels, NhsNumber, Timestamp},
    fhir::{date::FhirDate, json::Tape},
};
use std::borrow::Cow;

const SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
const LOINC: &str = "http://loinc.org";

/// Which status is understood: what a new Consent must say, or one that takes an objection back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Inactive,
}

/// A Consent that was understood.
#[derive(Clone, Debug)]
pub struct Consent {
    /// As sent: on an update it must be the address's.
    pub id: Option<String>,
    /// `None` where `patient.reference` is none of ours, or is not whom the identifier names: the decision refuses that
    /// like any other, so that it tells nothing.
    pub patient: Option<NhsNumber>,
    pub terms: Terms,
    /// The members that are kept and answered, as they were sent, each with a comma before it.
    content: String,
}

/// Reads a Consent of this status. `resolve` finds the patient of a `Patient/[id]` reference.
pub fn read(text: &str, status: Status, resolve: impl Fn(&str) -> Option<NhsNumber>) -> Result<Consent, ContentFault> {
    let mut tape = Tape::new();
    let root = Node::resource(text, "Consent", &mut tape)?;
    let mut consent = root.members()?;
    consent.need("resourceType")?.must_be("Consent")?;
    let id = consent.take("id").map(|id| id.text().map(Cow::into_owned)).transpose()?;
    consent.skip("meta");
    consent.take("language").map(|language| language.text()).transpose()?;
    consent.take("text").map(|narrative| only_repeats(&narrative)).transpose()?;

    consent.need("status")?.must_be(status.as_str())?;
    only_coding(&consent.need("scope")?, SCOPE, "patient-privacy")?;
    only_coding(&consent.need("category")?.only_item()?, LOINC, "59284-0")?;
    let patient = patient(&consent.need("patient")?, resolve)?;
    let date_time = consent.need("dateTime")?;
    FhirDate::parse_element(&date_time.text()?)
        .map_err(|_| date_time.fault(FaultCode::Value, "expected a FHIR dateTime, with a zone where it has a time"))?;
    only_coding(&consent.need("policyRule")?, Labels::ACT_CODE, "OPTOUT")?;
    let terms = objected_to(consent.need("provision")?.members()?)?;
    consent.done()?;

    // assigned here; a narrative is not kept, because nobody checked that it says the same, or is safe to show
    let assigned = |name: &str| matches!(name, "resourceType" | "id" | "meta" | "text");
    let kept = root.value.members().filter(|(name, _)| !assigned(name));
    let content = kept.map(|(name, value)| format!(r#","{name}":{}"#, value.raw_str())).collect();
    Ok(Consent { id, patient, terms, content })
}

impl Consent {
    /// The resource as it is stored and answered: what was sent, under its id and version.
    pub fn stored(&self, id: &str, version: i64, at: Timestamp) -> String {
        let meta = format!(r#"{{"versionId":"{version}","lastUpdated":"{}"}}"#, at.fhir());
        format!(r#"{{"resourceType":"Consent","id":"{id}","meta":{meta}{}}}"#, self.content)
    }
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

/// A narrative may repeat the members in words. One that says more would be an objection nobody applies.
fn only_repeats(narrative: &Node<'_>) -> Result<(), ContentFault> {
    let status = narrative.members()?.need("status")?;
    match status.text()?.as_ref() {
        "generated" | "empty" => Ok(()),
        _ => Err(status.fault(FaultCode::NotSupported, "a narrative may only repeat the rest: `generated` or `empty`")),
    }
}

fn patient(node: &Node<'_>, resolve: impl Fn(&str) -> Option<NhsNumber>) -> Result<Option<NhsNumber>, ContentFault> {
    let mut members = node.members()?;
    let by_number = members.take("identifier").map(|identifier| nhs_number(&identifier)).transpose()?;
    let by_reference =
        members.take("reference").map(|reference| reference.text().map(|text| resolve(&text))).transpose()?;
    members.take("type").map(|kind| kind.must_be("Patient")).transpose()?;
    members.take("display").map(|display| display.text()).transpose()?;
    members.done()?;
    match (by_number, by_reference) {
        (Some(number), None) => Ok(Some(number)),
        (None, Some(resolved)) => Ok(resolved),
        (Some(number), Some(resolved)) => Ok(resolved.filter(|patient| *patient == number)),
        (None, None) => Err(node.fault(FaultCode::Required, "needs an identifier or a reference")),
    }
}

/// `provision`: deny, and then nothing more (the whole record), or what one organisation wrote.
fn objected_to(mut provision: Members<'_>) -> Result<Terms, ContentFault> {
    provision.need("type")?.must_be("deny")?;
    let data = provision.take("data");
    provision.done()?;
    let Some(data) = data else { return Ok(Terms::default()) };
    let mut source = data.only_item()?.members()?;
    source.need("meaning")?.must_be("authoredby")?;
    let mut reference = source.need("reference")?.members()?;
    let organisation = ods_code(&reference.need("identifier")?)?;
    reference.take("type").map(|kind| kind.must_be("Organization")).transpose()?;
    reference.take("display").map(|display| display.text()).transpose()?;
    reference.done()?;
    source.done()?;
    let covers = Matter { sources: vec![organisation], ..Matter::default() };
    Ok(Terms { covers, ..Terms::default() })
}

#[cfg(test)]
mod tests;
