use super::{ContentFault, FaultCode, Node};
use crate::{
    domain::{NhsNumber, OdsCode, Timestamp},
    fhir::date::FhirDate,
};

/// An Identifier's system and value. Its `use` may only be one that means "this is the one" (not `old` or `temp`).
/// <https://hl7.org/fhir/R4/datatypes.html#Identifier>
pub(crate) fn identifier<'a>(node: &Node<'a>) -> Result<(Node<'a>, Node<'a>), ContentFault> {
    let mut members = node.members()?;
    let (system, value) = (members.need("system")?, members.need("value")?);
    if let Some(used) = members.take("use")
        && !matches!(used.text()?.as_ref(), "official" | "usual")
    {
        return Err(used.fault(FaultCode::NotSupported, "only `official` and `usual` are understood here"));
    }
    members.done()?;
    Ok((system, value))
}

pub(crate) fn nhs_number(node: &Node<'_>) -> Result<NhsNumber, ContentFault> {
    let (system, value) = identifier(node)?;
    system.must_be(NhsNumber::SYSTEM)?;
    NhsNumber::parse(&value.text()?).map_err(|error| value.fault(FaultCode::Value, error.to_string()))
}

pub(crate) fn ods_code(node: &Node<'_>) -> Result<OdsCode, ContentFault> {
    let (system, value) = identifier(node)?;
    system.must_be(OdsCode::SYSTEM)?;
    OdsCode::parse(&value.text()?).map_err(|error| value.fault(FaultCode::Value, error.to_string()))
}

/// A Reference by identifier: the identifier, and the `type` where it has one.
/// <https://hl7.org/fhir/R4/references.html#logical>
pub(crate) fn reference<'a>(node: &Node<'a>) -> Result<(Node<'a>, Option<Node<'a>>), ContentFault> {
    let mut members = node.members()?;
    let identifier = members.need("identifier")?;
    let kind = members.take("type");
    members.take("display").map(|display| display.text()).transpose()?;
    members.done()?;
    Ok((identifier, kind))
}

pub(crate) fn organisation(node: &Node<'_>) -> Result<OdsCode, ContentFault> {
    let (identifier, kind) = reference(node)?;
    kind.map(|kind| kind.must_be("Organization")).transpose()?;
    ods_code(&identifier)
}

/// A Coding's system and code. <https://hl7.org/fhir/R4/datatypes.html#Coding>
pub(crate) fn coding<'a>(node: &Node<'a>) -> Result<(Node<'a>, Node<'a>), ContentFault> {
    let mut members = node.members()?;
    let (system, code) = (members.need("system")?, members.need("code")?);
    members.take("display").map(|display| display.text()).transpose()?;
    members.done()?;
    Ok((system, code))
}

/// A CodeableConcept with one coding, of this system: the code. `text` and `display` say the same in words: they are kept,
/// and decide nothing.
pub(crate) fn concept<'a>(node: &Node<'a>, system: &str) -> Result<Node<'a>, ContentFault> {
    let mut concept = node.members()?;
    let (of, code) = coding(&concept.need("coding")?.only_item()?)?;
    of.must_be(system)?;
    concept.take("text").map(|text| text.text()).transpose()?;
    concept.done()?;
    Ok(code)
}

/// ... which must be this code.
pub(crate) fn only_coding(node: &Node<'_>, system: &str, code: &str) -> Result<(), ContentFault> {
    concept(node, system)?.must_be(code)
}

/// From when, inclusive, until when, exclusive.
pub(crate) type Span = (Option<Timestamp>, Option<Timestamp>);

/// A Period. Both of its ends are inclusive, as long as they are precise: until `2026-01` is until February begins.
/// <https://hl7.org/fhir/R4/datatypes.html#Period>
pub(crate) fn period(node: &Node<'_>) -> Result<Span, ContentFault> {
    let mut members = node.members()?;
    let (start, end) = (members.take("start"), members.take("end"));
    members.done()?;
    let read = |node: &Node<'_>| {
        let date = FhirDate::parse_element(&node.text()?);
        date.map(|date| date.interval).map_err(|_| node.fault(FaultCode::Value, "expected a FHIR dateTime"))
    };
    let from = start.as_ref().map(read).transpose()?.map(|interval| Timestamp(interval.start()));
    let until = end.as_ref().map(read).transpose()?.map(|interval| Timestamp(interval.end()));
    match (from, until, end) {
        (Some(from), Some(until), Some(end)) if until <= from => {
            Err(end.fault(FaultCode::Value, "ends before it begins"))
        }
        _ => Ok((from, until)),
    }
}

/// A narrative may repeat the members in words. One that says more would be something that nobody applies.
pub(crate) fn narrative(node: &Node<'_>) -> Result<(), ContentFault> {
    let status = node.members()?.need("status")?;
    match status.text()?.as_ref() {
        "generated" | "empty" => Ok(()),
        _ => Err(status.fault(FaultCode::NotSupported, "a narrative may only repeat the rest: `generated` or `empty`")),
    }
}
