//! `Consent.provision` as [`Terms`]: IHE's Privacy Consent on FHIR shapes (<https://profiles.ihe.net/ITI/PCF/>), a denial and
//! one level of exceptions.

use crate::{
    access::{
        Action, ContentFault, DataPeriod, FaultCode, Matter, Policy, Recipient, Terms,
        content::{Members, Node, coding, concept, identifier, ods_code, organisation, period, reference},
    },
    domain::{Labels, OdsCode, Timestamp},
    fhir::ResourceType,
};

const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";
const KINDS: &str = "https://caregate.example/CodeSystem/kind-of-information";
const SENSITIVITIES: &str = "https://caregate.example/CodeSystem/sensitivity";
const SDS_USER_ID: &str = "https://fhir.nhs.uk/Id/sds-user-id";

/// Reads what is denied, and what is permitted all the same. `emergency` is what the policyRule says already: only an
/// emergency opens it.
pub(super) fn terms(
    provision: &Node<'_>,
    emergency: bool,
    policy: &Policy,
    now: Timestamp,
) -> Result<Terms, ContentFault> {
    let mut members = provision.members()?;
    members.need("type")?.must_be("deny")?;
    let (from, until) = match members.take("period") {
        Some(node) => in_force(&node, now)?,
        None => (None, None),
    };
    let purpose = members.take("purpose");
    let not_even_in_an_emergency = purpose.as_ref().map(not_even_in_an_emergency).transpose()?.is_some();
    let (mut except, mut emergency) = (Vec::new(), emergency);
    for node in members.take("provision").map(|list| list.items()).transpose()?.unwrap_or_default() {
        match exception(&node, policy)? {
            Some(matter) => except.push(matter),
            None => emergency = true,
        }
    }
    let covers = matter(&mut members, policy)?;
    members.done()?;
    match purpose {
        Some(purpose) if emergency && not_even_in_an_emergency => {
            Err(purpose.fault(FaultCode::Value, "an emergency cannot both open it and not"))
        }
        _ => Ok(Terms { covers, except, from, until, not_even_in_an_emergency }),
    }
}

/// A nested permit: an exception, or `None` where all it says is that an emergency opens what is denied (which it does anyway).
fn exception(node: &Node<'_>, policy: &Policy) -> Result<Option<Matter>, ContentFault> {
    let mut members = node.members()?;
    members.need("type")?.must_be("permit")?;
    if let Some(purpose) = members.take("purpose") {
        let (system, code) = coding(&purpose.only_item()?)?;
        system.must_be(ACT_REASON)?;
        code.must_be("BTG")?;
        members.done()?;
        return Ok(None);
    }
    let matter = matter(&mut members, policy)?;
    members.done()?;
    if matter == Matter::default() {
        return Err(node.fault(FaultCode::Required, "an exception names something: all of it would object to nothing"));
    }
    Ok(Some(matter))
}

/// A denial of break-glass itself (BTG) is not opened by one. The purposes of ordinary care may stand beside it; a denial of
/// these alone would be narrower than what is done here, so it is refused.
fn not_even_in_an_emergency(purpose: &Node<'_>) -> Result<(), ContentFault> {
    let mut said = false;
    for item in purpose.items()? {
        let (system, code) = coding(&item)?;
        system.must_be(ACT_REASON)?;
        match code.text()?.as_ref() {
            "BTG" => said = true,
            "TREAT" | "COC" | "ETREAT" => {}
            _ => {
                let known = "only BTG, and TREAT, COC and ETREAT beside it, are understood here";
                return Err(code.fault(FaultCode::NotSupported, known));
            }
        }
    }
    if said {
        Ok(())
    } else {
        Err(purpose.fault(FaultCode::NotSupported, "only with BTG among them are purposes understood"))
    }
}

fn in_force(node: &Node<'_>, now: Timestamp) -> Result<(Option<Timestamp>, Option<Timestamp>), ContentFault> {
    let (from, until) = period(node)?;
    if until.is_some_and(|until| until <= now) {
        return Err(node.fault(FaultCode::Value, "is over: this would never be in force"));
    }
    Ok((from, until))
}

/// To whom, from whom, what kind, how sensitive and from when: the members that a denial and an exception share.
fn matter(members: &mut Members<'_>, policy: &Policy) -> Result<Matter, ContentFault> {
    let mut matter = Matter::default();
    for actor in items(members, "actor")? {
        matter.recipients.push(recipient(&actor)?);
    }
    for data in items(members, "data")? {
        let mut data = data.members()?;
        data.need("meaning")?.must_be("authoredby")?;
        matter.sources.push(organisation(&data.need("reference")?)?);
        data.done()?;
    }
    for class in items(members, "class")? {
        let (system, code) = coding(&class)?;
        let name = code.text()?;
        match system.text()?.as_ref() {
            RESOURCE_TYPES if ResourceType::parse(&name).is_some() || name == Action::DOCUMENT => {
                matter.types.push(name.into_owned());
            }
            KINDS if policy.roles().is_of_records(&name) => matter.kinds.push(name.into_owned()),
            RESOURCE_TYPES => return Err(code.fault(FaultCode::Value, "no type of this record")),
            KINDS => return Err(code.fault(FaultCode::Value, "no kind of information that the policy in force knows")),
            _ => {
                return Err(system.fault(FaultCode::NotSupported, "only types and kinds of information are understood"));
            }
        }
    }
    for label in items(members, "securityLabel")? {
        let name = sensitivity(&label, policy)?;
        if !matter.sensitivities.contains(&name) {
            matter.sensitivities.push(name);
        }
    }
    if let Some(node) = members.take("dataPeriod") {
        let (from, until) = period(&node)?;
        matter.data = Some(DataPeriod { from, until });
    }
    Ok(matter)
}

fn items<'a>(members: &mut Members<'a>, name: &str) -> Result<Vec<Node<'a>>, ContentFault> {
    Ok(members.take(name).map(|list| list.items()).transpose()?.unwrap_or_default())
}

fn recipient(actor: &Node<'_>) -> Result<Recipient, ContentFault> {
    let mut actor = actor.members()?;
    concept(&actor.need("role")?, PARTICIPATION)?.must_be("IRCP")?;
    let who = actor.need("reference")?;
    actor.done()?;
    let (by, kind) = reference(&who)?;
    let (system, value) = identifier(&by)?;
    let (recipient, expected) = match system.text()?.as_ref() {
        OdsCode::SYSTEM => (Recipient::Organisation(ods_code(&by)?), "Organization"),
        SDS_USER_ID => (Recipient::Person(user_id(&value)?), "Practitioner"),
        _ => {
            let known = "only an organisation's ODS code or a person's sds-user-id is understood here";
            return Err(system.fault(FaultCode::NotSupported, known));
        }
    };
    kind.map(|kind| kind.must_be(expected)).transpose()?;
    Ok(recipient)
}

/// One that is misspelt would bar nobody.
fn user_id(node: &Node<'_>) -> Result<String, ContentFault> {
    let text = node.text()?;
    if text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        Ok(text.into_owned())
    } else {
        Err(node.fault(FaultCode::Value, "expected an sds-user-id"))
    }
}

fn sensitivity(label: &Node<'_>, policy: &Policy) -> Result<String, ContentFault> {
    let (system, code) = coding(label)?;
    let (name, known) = (code.text()?, policy.sensitivities());
    let found = match system.text()?.as_ref() {
        Labels::ACT_CODE => known.of_label(&name).map(ToString::to_string),
        SENSITIVITIES => known.knows(&name).then(|| name.into_owned()),
        _ => {
            let understood = "only v3-ActCode sensitivities and this service's own are understood here";
            return Err(system.fault(FaultCode::NotSupported, understood));
        }
    };
    found.ok_or_else(|| code.fault(FaultCode::Value, "no sensitivity that the policy in force knows"))
}

#[cfg(test)]
mod tests;
