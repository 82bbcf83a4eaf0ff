//! What an Organization and an Endpoint have in common.

use super::super::Contact;
use crate::{
    access::{
        ContentFault, FaultCode,
        content::{self, Members, Node},
    },
    domain::OdsCode,
};
use std::borrow::Cow;
use url::Url;

const LONGEST_NAME: usize = 200;
const MOST_CONTACTS: usize = 10;

/// What every resource may have. Gives the id, where there is one: it must be the organisation's code.
pub(super) fn head(members: &mut Members<'_>, resource_type: &str) -> Result<Option<OdsCode>, ContentFault> {
    members.need("resourceType")?.must_be(resource_type)?;
    let id = members.take("id").map(|id| {
        let said = "the id is the organisation's ODS code";
        OdsCode::parse(&id.text()?).map_err(|_| id.fault(FaultCode::Value, said))
    });
    // versions and times are the gateway's to give
    members.skip("meta");
    members.take("language").map(|language| language.text()).transpose()?;
    members.take("text").map(|narrative| content::narrative(&narrative)).transpose()?;
    id.transpose()
}

pub(super) fn name(node: &Node<'_>) -> Result<String, ContentFault> {
    Ok(node.text_of(LONGEST_NAME)?.trim().to_owned())
}

pub(super) fn address(node: &Node<'_>) -> Result<Url, ContentFault> {
    Url::parse(&node.text()?).map_err(|_| node.fault(FaultCode::Value, "expected an absolute URL"))
}

pub(super) fn few<'a>(list: Option<Node<'a>>) -> Result<Vec<Node<'a>>, ContentFault> {
    let items = list.map(|list| list.items()).transpose()?.unwrap_or_default();
    match items.get(MOST_CONTACTS) {
        Some(more) => Err(more.fault(FaultCode::NotSupported, format!("{MOST_CONTACTS} at most are understood here"))),
        None => Ok(items),
    }
}

/// A ContactPoint of an office. <https://hl7.org/fhir/R4/datatypes.html#ContactPoint>
pub(super) fn contact_point(node: &Node<'_>, purpose: Option<&str>) -> Result<Contact, ContentFault> {
    let mut members = node.members()?;
    let (system, value) = (members.need("system")?, members.need("value")?);
    if let Some(used) = members.take("use") {
        used.must_be("work")?;
    }
    members.done()?;
    let kind = system.text()?;
    let text = value.text_of(LONGEST_NAME)?;
    let fits = match kind.as_ref() {
        "phone" => text.bytes().all(|b| b.is_ascii_digit() || b" +()-.#x".contains(&b)),
        "email" => text.split_once('@').is_some_and(|(box_, host)| !box_.is_empty() && host.contains('.')),
        "url" => Url::parse(&text).is_ok_and(|url| url.scheme() == "https" && url.username().is_empty()),
        _ => return Err(system.fault(FaultCode::NotSupported, "only phone, email and url are understood here")),
    };
    if !fits || text.contains(char::is_whitespace) && kind != "phone" {
        return Err(value.fault(FaultCode::Value, format!("expected an office's {kind}")));
    }
    Ok(Contact { name: purpose.map(str::to_owned), system: kind.into_owned(), value: text.into_owned() })
}

/// `Organization/F99001`, or the organisation by its identifier.
pub(super) fn organisation(node: &Node<'_>) -> Result<OdsCode, ContentFault> {
    let mut members = node.members()?;
    members.take("type").map(|kind| kind.must_be("Organization")).transpose()?;
    members.take("display").map(|display| display.text()).transpose()?;
    let by_reference = members.take("reference").map(|reference| local(&reference, "Organization")).transpose()?;
    let by_identifier = members.take("identifier").map(|identifier| content::ods_code(&identifier)).transpose()?;
    members.done()?;
    match (by_reference, by_identifier) {
        (Some(one), Some(other)) if one != other => {
            Err(node.fault(FaultCode::Value, "reference and identifier name two organisations"))
        }
        (Some(ods), _) | (None, Some(ods)) => Ok(ods),
        (None, None) => Err(node.fault(FaultCode::Required, "names no organisation: by reference or by identifier")),
    }
}

/// A relative reference to an entry of the registry.
pub(super) fn local(node: &Node<'_>, resource_type: &str) -> Result<OdsCode, ContentFault> {
    let text = node.text()?;
    let ods = text.strip_prefix(resource_type).and_then(|rest| rest.strip_prefix('/'));
    let said = || node.fault(FaultCode::Value, format!("expected {resource_type}/ and an ODS code"));
    ods.and_then(|ods| OdsCode::parse(ods).ok()).ok_or_else(said)
}

pub(super) fn owned(text: Cow<'_, str>) -> String {
    text.trim().to_owned()
}
