use super::{ContentFault, FaultCode, Node};
use crate::domain::{NhsNumber, OdsCode};

/// An Identifier's system and value. Its `use` may only be one that means "this is the one" (not `old` or `temp`).
/// <https://hl7.org/fhir/R4/datatypes.html#Identifier>
pub(in crate::access) fn identifier<'a>(node: &Node<'a>) -> Result<(Node<'a>, Node<'a>), ContentFault> {
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

pub(in crate::access) fn nhs_number(node: &Node<'_>) -> Result<NhsNumber, ContentFault> {
    let (system, value) = identifier(node)?;
    system.must_be(NhsNumber::SYSTEM)?;
    NhsNumber::parse(&value.text()?).map_err(|error| value.fault(FaultCode::Value, error.to_string()))
}

pub(in crate::access) fn ods_code(node: &Node<'_>) -> Result<OdsCode, ContentFault> {
    let (system, value) = identifier(node)?;
    system.must_be(OdsCode::SYSTEM)?;
    OdsCode::parse(&value.text()?).map_err(|error| value.fault(FaultCode::Value, error.to_string()))
}

/// A CodeableConcept with this one coding. `text` and `display` say the same in words: they are kept, and decide nothing.
pub(in crate::access) fn only_coding(node: &Node<'_>, system: &str, code: &str) -> Result<(), ContentFault> {
    let mut concept = node.members()?;
    let coding = concept.need("coding")?.only_item()?;
    let mut members = coding.members()?;
    members.need("system")?.must_be(system)?;
    members.need("code")?.must_be(code)?;
    members.take("display").map(|display| display.text()).transpose()?;
    members.done()?;
    concept.take("text").map(|text| text.text()).transpose()?;
    concept.done()
}
