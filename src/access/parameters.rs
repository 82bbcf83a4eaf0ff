//! The Parameters of `$assert-relationship`, `$end-relationship` and `$claim-relationship` (<https://hl7.org/fhir/R4/parameters.html>), read as
//! strictly as a Consent: an unknown or repeated parameter is refused with its place.

mod approving;
mod overriding;
mod recalling;
mod staging;

pub use approving::{Approving, read_approving};
pub use overriding::{Overriding, read_override, read_release};
pub use recalling::{Recalling, read_recall};
pub use staging::{Staging, read_staging};

use super::{
    Basis, ContentFault, FaultCode, Relationship,
    content::{self, Node, identifier, nhs_number, ods_code},
};
use crate::{
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::json::Tape,
};
use std::borrow::Cow;

/// `$assert-relationship`: this organisation cares for this patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    pub patient: NhsNumber,
    pub relationship: Relationship,
    /// When it began, where the sender says so.
    pub begins: Option<Timestamp>,
}

/// `$assert-presence`: this organisation holds something about this patient, or no longer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointing {
    pub patient: NhsNumber,
    pub organisation: OdsCode,
    pub present: bool,
}

/// `$claim-relationship`: the caller cares for this patient, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claiming {
    pub patient: NhsNumber,
    pub reason: String,
}

/// `$end-relationship`: of this evidence, or of all where none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationshipEnd {
    pub patient: NhsNumber,
    pub organisation: OdsCode,
    pub evidence: Option<String>,
}

/// Reads patient, organization, basis, evidence and, unless it begins now and has no end yet, period.
pub fn read_assertion(text: &str, now: Timestamp) -> Result<Assertion, ContentFault> {
    let mut tape = Tape::new();
    let mut given = Given::read(text, &mut tape)?;
    let patient = nhs_number(&given.need("patient", "valueIdentifier")?)?;
    let organisation = ods_code(&given.need("organization", "valueIdentifier")?)?;
    let basis = given.need("basis", "valueCode")?;
    let basis = Basis::parse(&basis.text()?).filter(|basis| *basis != Basis::Claim).ok_or_else(|| {
        let known = "one of registered, encounter, referral, appointment, caseload, care-team";
        basis.fault(FaultCode::Value, format!("expected {known}"))
    })?;
    let evidence = evidence(&given.need("evidence", "valueIdentifier")?)?;
    let (start, end, begins) = match given.take("period", "valuePeriod")? {
        Some(node) => {
            let (start, end) = period(&node, now)?;
            (start, end, node.value.get("start").map(|_| start))
        }
        None => (now, None, None),
    };
    given.done()?;
    let relationship = Relationship::of(organisation, basis, start, end, evidence);
    Ok(Assertion { patient, relationship, begins })
}

/// Reads patient, organization and present.
pub fn read_pointing(text: &str) -> Result<Pointing, ContentFault> {
    let mut tape = Tape::new();
    let mut given = Given::read(text, &mut tape)?;
    let patient = nhs_number(&given.need("patient", "valueIdentifier")?)?;
    let organisation = ods_code(&given.need("organization", "valueIdentifier")?)?;
    let present = given.need("present", "valueBoolean")?;
    let present = match present.value.raw_str() {
        "true" => true,
        "false" => false,
        _ => return Err(present.fault(FaultCode::Value, "expected true or false")),
    };
    given.done()?;
    Ok(Pointing { patient, organisation, present })
}

/// Reads patient and reason.
pub fn read_claiming(text: &str) -> Result<Claiming, ContentFault> {
    let mut tape = Tape::new();
    let mut given = Given::read(text, &mut tape)?;
    let patient = nhs_number(&given.need("patient", "valueIdentifier")?)?;
    let reason = given.need("reason", "valueString")?.text()?.trim().to_owned();
    given.done()?;
    Ok(Claiming { patient, reason })
}

/// Reads patient, organization and, where one relationship among several is meant, its evidence.
pub fn read_relationship_end(text: &str) -> Result<RelationshipEnd, ContentFault> {
    let mut tape = Tape::new();
    let mut given = Given::read(text, &mut tape)?;
    let patient = nhs_number(&given.need("patient", "valueIdentifier")?)?;
    let organisation = ods_code(&given.need("organization", "valueIdentifier")?)?;
    let evidence = given.take("evidence", "valueIdentifier")?.map(|node| evidence(&node)).transpose()?;
    given.done()?;
    Ok(RelationshipEnd { patient, organisation, evidence })
}

/// The parameters given, taken one by one by name.
pub(super) struct Given<'a>(Vec<(Cow<'a, str>, Node<'a>)>);

impl<'a> Given<'a> {
    pub fn read(text: &'a str, tape: &'a mut Tape) -> Result<Self, ContentFault> {
        Self::repeating(text, &[], tape)
    }

    /// The same, where the parameters of these names may be there many times.
    pub fn repeating(text: &'a str, many: &[&str], tape: &'a mut Tape) -> Result<Self, ContentFault> {
        let mut root = Node::resource(text, "Parameters", tape)?.members()?;
        root.need("resourceType")?.must_be("Parameters")?;
        root.skip("id");
        root.skip("meta");
        let items = root.need("parameter")?.items()?;
        root.done()?;
        let mut given: Vec<(Cow<'_, str>, Node<'_>)> = Vec::new();
        for item in items {
            let name = item.members()?.need("name")?;
            if given
                .iter()
                .any(|(earlier, _)| name.text().is_ok_and(|name| name == *earlier && !many.contains(&&*name)))
            {
                return Err(name.fault(FaultCode::NotSupported, "this parameter is there twice"));
            }
            given.push((name.text()?, item));
        }
        Ok(Self(given))
    }

    pub fn take(&mut self, name: &str, value: &str) -> Result<Option<Node<'a>>, ContentFault> {
        let Some(at) = self.0.iter().position(|(given, _)| *given == name) else { return Ok(None) };
        let (_, item) = self.0.remove(at);
        let mut members = item.members()?;
        members.skip("name");
        let value = members.need(value)?;
        members.done()?;
        Ok(Some(value))
    }

    pub fn need(&mut self, name: &str, value: &str) -> Result<Node<'a>, ContentFault> {
        self.take(name, value)?.ok_or_else(|| ContentFault {
            code: FaultCode::Required,
            path: format!("Parameters.parameter.where(name='{name}')"),
            diagnostics: "is required".to_owned(),
        })
    }

    pub fn done(self) -> Result<(), ContentFault> {
        match self.0.first() {
            Some((_, item)) => Err(item.fault(FaultCode::NotSupported, "no parameter of this operation")),
            None => Ok(()),
        }
    }
}

/// `system|value`, as the log shows it.
fn evidence(node: &Node<'_>) -> Result<String, ContentFault> {
    let (system, value) = identifier(node)?;
    let (name, id) = (system.text()?, value.text()?);
    if !name.contains(':') || name.contains(['|', ' ']) {
        return Err(system.fault(FaultCode::Value, "expected an absolute URI"));
    }
    Ok(format!("{name}|{id}"))
}

fn period(node: &Node<'_>, now: Timestamp) -> Result<(Timestamp, Option<Timestamp>), ContentFault> {
    let (from, until) = content::period(node)?;
    let from = from.unwrap_or(now);
    if until.is_some_and(|until| until <= from) {
        return Err(node.fault(FaultCode::Value, "ends before it begins"));
    }
    Ok((from, until))
}

#[cfg(test)]
mod tests;
