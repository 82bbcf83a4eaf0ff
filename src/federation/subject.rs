//! Whose is this entry? Every entry is held against the patient asked for before it may join the record (design: promise 6).

use super::{
    Failure, Resolution,
    reference::{self, Target},
    resolution::nhs_number_of,
};
use crate::{
    domain::NhsNumber,
    fhir::json::Value,
    query::grammar::{Link, Rule},
    registry::Provider,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Another,
    /// It names no patient: a place, a device's owner, a group's display name.
    Nobody,
}

/// Verifies that each of the type's patient links leads to this patient, and at least one does.
pub fn verify(
    resource: Value<'_>,
    rule: &Rule,
    provider: &Provider,
    patient: NhsNumber,
    resolution: &Resolution,
) -> Result<(), Failure> {
    let mut ours = false;
    let mut another = false;
    let path = rule.link.path().ok_or(Failure::UnexpectedEntry)?;
    resource.each(path, &mut |found| match whose(resource, found, provider, patient, resolution) {
        Whose::Ours => ours = true,
        Whose::Another => another = true,
        // the subject of an entry is a patient; the actors of an appointment may be rooms
        Whose::Nobody => another |= rule.link != Link::Actor,
    });
    match (ours, another) {
        (_, true) => Err(Failure::WrongPatient),
        (true, false) => Ok(()),
        (false, false) => Err(Failure::NoSubject),
    }
}

/// A reference may name its target twice, by address and by identifier: then both must be ours.
fn whose(
    resource: Value<'_>,
    link: Value<'_>,
    provider: &Provider,
    patient: NhsNumber,
    resolution: &Resolution,
) -> Whose {
    let number = link.get("identifier").and_then(nhs_number_of);
    let by_number = number.map(|n| if n == patient.digits() { Whose::Ours } else { Whose::Another });
    let by_address = link.text("reference").map(|address| match reference::target(&address, provider) {
        Target::Local { resource_type: "Patient", id } if resolution.knows(id) => Whose::Ours,
        Target::Local { resource_type: "Patient", .. } => Whose::Another,
        Target::Local { .. } => Whose::Nobody,
        Target::Contained(id) => contained(resource, id, patient),
        // an address elsewhere cannot be followed, so what it says is unknown: an identifier may say it
        Target::Elsewhere if address.contains("Patient/") && by_number != Some(Whose::Ours) => Whose::Another,
        Target::Elsewhere => Whose::Nobody,
    });
    match (by_address, by_number) {
        (Some(Whose::Another), _) | (_, Some(Whose::Another)) => Whose::Another,
        (Some(Whose::Ours), _) | (_, Some(Whose::Ours)) => Whose::Ours,
        _ => Whose::Nobody,
    }
}

fn contained(resource: Value<'_>, id: &str, patient: NhsNumber) -> Whose {
    let mut whose = Whose::Nobody;
    resource.each("contained", &mut |inner| {
        if inner.text("id").as_deref() != Some(id) || inner.text("resourceType").as_deref() != Some("Patient") {
            return;
        }
        inner.each("identifier", &mut |identifier| match nhs_number_of(identifier) {
            Some(number) if number != patient.digits() => whose = Whose::Another,
            Some(_) if whose == Whose::Nobody => whose = Whose::Ours,
            _ => {}
        });
    });
    whose
}
