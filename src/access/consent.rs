//! An objection, as a FHIR Consent (<https://hl7.org/fhir/R4/consent.html>), and what becomes of it: its review and its
//! withdrawal.
//!
//! Promise: a Consent is understood to its last member or refused with the place that was not. Nobody is told that an
//! objection was recorded while a part of it is ignored.

mod provision;
mod review;

pub use review::{Next, Outcome, Review};

use super::{
    ConsentState, ContentFault, FaultCode, Policy, Terms,
    content::{self, Members, Node, concept, identifier, nhs_number, only_coding, organisation, reference},
};
use crate::{
    domain::{Labels, NhsNumber, OdsCode, Timestamp},
    fhir::{
        date::FhirDate,
        json::{Tape, Value},
    },
};
use std::borrow::Cow;

const SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
const LOINC: &str = "http://loinc.org";
const STATE: &str = "https://caregate.example/StructureDefinition/objection-state";

/// A Consent that was understood.
#[derive(Clone, Debug)]
pub struct Consent {
    /// As sent: on an update it must be the address's.
    pub id: Option<String>,
    /// `None` where `patient.reference` is none of ours, or is not whom the identifier names: the decision refuses that
    /// like any other, so that it tells nothing.
    pub patient: Option<NhsNumber>,
    /// Where it says which organisation keeps it.
    pub organisation: Option<OdsCode>,
    /// The members that are kept and answered, as they were sent, each with a comma before it.
    content: String,
}

/// A Consent of status inactive, which takes back the objection that it repeats.
#[derive(Clone, Debug)]
pub struct Withdrawal {
    pub consent: Consent,
    /// policyRule and provision: not read, but compared with what was read when it was recorded. So one that names what a later
    /// policy no longer knows can be taken back too.
    repeats: [serde_json::Value; 2],
    /// What it lacks to be believed of somebody else than the patient.
    unproved: Option<ContentFault>,
}

/// Reads a new objection, of status active. `resolve` finds the patient of a `Patient/[id]` reference.
pub fn read_objection(
    text: &str,
    policy: &Policy,
    now: Timestamp,
    resolve: impl Fn(&str) -> Option<NhsNumber>,
) -> Result<(Consent, Terms), ContentFault> {
    let mut tape = Tape::new();
    let root = Node::resource(text, "Consent", &mut tape)?;
    let mut members = root.members()?;
    let consent = Consent::read(&root, &mut members, "active", resolve)?;
    let rule = concept(&members.need("policyRule")?, Labels::ACT_CODE)?;
    let emergency = match rule.text()?.as_ref() {
        "OPTOUT" => false,
        "EMRGONLY" => true,
        _ => return Err(rule.fault(FaultCode::NotSupported, "only `OPTOUT` and `EMRGONLY` are understood here")),
    };
    let terms = provision::terms(&members.need("provision")?, emergency, policy, now)?;
    members.done()?;
    Ok((consent, terms))
}

/// Reads what takes an objection back.
pub fn read_withdrawal(text: &str, resolve: impl Fn(&str) -> Option<NhsNumber>) -> Result<Withdrawal, ContentFault> {
    let mut tape = Tape::new();
    let root = Node::resource(text, "Consent", &mut tape)?;
    let mut members = root.members()?;
    let consent = Consent::read(&root, &mut members, "inactive", resolve)?;
    // our own, where somebody puts back what they read
    for extension in members.take("extension").map(|list| list.items()).transpose()?.unwrap_or_default() {
        let mut state = extension.members()?;
        state.need("url")?.must_be(STATE)?;
        let code = state.need("valueCode")?;
        ConsentState::parse(&code.text()?).ok_or_else(|| code.fault(FaultCode::Value, "no state of an objection"))?;
        state.done()?;
    }
    let repeats = [members.need("policyRule")?, members.need("provision")?].map(|node| json(node.value));
    let unproved = unproved(&mut members)?;
    members.done()?;
    Ok(Withdrawal { consent, repeats, unproved })
}

impl Consent {
    fn read(
        root: &Node<'_>,
        members: &mut Members<'_>,
        status: &str,
        resolve: impl Fn(&str) -> Option<NhsNumber>,
    ) -> Result<Self, ContentFault> {
        members.need("resourceType")?.must_be("Consent")?;
        let id = members.take("id").map(|id| id.text().map(Cow::into_owned)).transpose()?;
        members.skip("meta");
        members.take("language").map(|language| language.text()).transpose()?;
        members.take("text").map(|narrative| content::narrative(&narrative)).transpose()?;
        members.need("status")?.must_be(status)?;
        only_coding(&members.need("scope")?, SCOPE, "patient-privacy")?;
        only_coding(&members.need("category")?.only_item()?, LOINC, "59284-0")?;
        let patient = patient(&members.need("patient")?, resolve)?;
        let date_time = members.need("dateTime")?;
        date(&date_time)?;
        let organisation = members.take("organization").map(|list| organisation(&list.only_item()?)).transpose()?;
        members.take("policy").map(|list| only_named(&list)).transpose()?;
        Ok(Self { id, patient, organisation, content: content(root.value) })
    }

    /// The resource as it is stored and answered: what was sent, under its id, version and state.
    pub fn stored(&self, id: &str, version: i64, at: Timestamp, state: ConsentState) -> String {
        stored(&self.content, id, version, at, state)
    }
}

impl Withdrawal {
    /// Whether this repeats what the stored Consent objects to.
    pub fn repeats(&self, resource: &str) -> bool {
        let stored: serde_json::Value = serde_json::from_str(resource).unwrap_or_default();
        let [rule, provision] = &self.repeats;
        stored.get("policyRule") == Some(rule) && stored.get("provision") == Some(provision)
    }

    /// Whoever is not the patient shows evidence: where it is kept, and that it was verified.
    pub fn proved(&self) -> Result<(), ContentFault> {
        self.unproved.clone().map_or(Ok(()), Err)
    }
}

/// A stored Consent under its next version and state; `None` if it is none.
pub fn restated(resource: &str, id: &str, version: i64, at: Timestamp, state: ConsentState) -> Option<String> {
    let mut tape = Tape::new();
    let root = Node::resource(resource, "Consent", &mut tape).ok()?;
    Some(stored(&content(root.value), id, version, at, state))
}

fn stored(content: &str, id: &str, version: i64, at: Timestamp, state: ConsentState) -> String {
    let meta = format!(r#"{{"versionId":"{version}","lastUpdated":"{}"}}"#, at.fhir());
    let extension = format!(r#"[{{"url":"{STATE}","valueCode":"{}"}}]"#, state.as_str());
    let status = state.status();
    format!(
        r#"{{"resourceType":"Consent","id":"{id}","meta":{meta},"extension":{extension},"status":"{status}"{content}}}"#
    )
}

/// All but what is assigned here; and a narrative, because nobody checked that it says the same, or is safe to show.
fn content(root: Value<'_>) -> String {
    let assigned = ["resourceType", "id", "meta", "text", "extension", "status"];
    let kept = root.members().filter(|(name, _)| !assigned.contains(&name.as_ref()));
    kept.map(|(name, value)| format!(r#","{name}":{}"#, value.raw_str())).collect()
}

fn json(value: Value<'_>) -> serde_json::Value {
    serde_json::from_str(value.raw_str()).unwrap_or_default()
}

/// `policy.uri`, which IHE PCF asks for, names the policy a choice is made under. The provision says the choice itself, and explicit
/// overrides implicit: so the address is kept, and decides nothing.
fn only_named(list: &Node<'_>) -> Result<(), ContentFault> {
    let mut policy = list.only_item()?.members()?;
    let uri = policy.need("uri")?;
    if !uri.text()?.contains(':') {
        return Err(uri.fault(FaultCode::Value, "expected an absolute URI"));
    }
    policy.done()
}

fn date(node: &Node<'_>) -> Result<(), ContentFault> {
    let expected = "expected a FHIR dateTime, with a zone where it has a time";
    FhirDate::parse_element(&node.text()?).map(drop).map_err(|_| node.fault(FaultCode::Value, expected))
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

/// `sourceReference` and `verification`: what of the evidence is missing.
fn unproved(members: &mut Members<'_>) -> Result<Option<ContentFault>, ContentFault> {
    let missing = |path: &str, diagnostics: &str| ContentFault {
        code: FaultCode::Required,
        path: path.to_owned(),
        diagnostics: diagnostics.to_owned(),
    };
    let mut lacks = Vec::new();
    match members.take("sourceReference") {
        None => {
            lacks.push(missing("Consent.sourceReference", "says where the patient's own word is kept: is required"))
        }
        Some(source) => {
            let (by, kind) = reference(&source)?;
            kind.map(|kind| kind.text()).transpose()?;
            let (system, value) = identifier(&by)?;
            system.text()?;
            value.text()?;
        }
    }
    let verified = match members.take("verification") {
        None => false,
        Some(list) => {
            let mut verification = list.only_item()?.members()?;
            let verified = verification.need("verified")?;
            verification.take("verificationDate").map(|at| date(&at)).transpose()?;
            verification.done()?;
            verified.value.as_bool().ok_or_else(|| verified.fault(FaultCode::Structure, "expected true or false"))?
        }
    };
    if !verified {
        lacks.push(missing(
            "Consent.verification[0].verified",
            "the patient's word must have been verified: is required",
        ));
    }
    Ok(lacks.into_iter().next())
}

#[cfg(test)]
mod tests;
