//! What a resource's own bytes say of how sensitive it is: its security labels, and the codes in it that the policy's list
//! names. Free text and attachments are not read, and a code stands for itself alone: a list that marks whole branches of
//! a terminology names each code of them.

use super::Failure;
use crate::{
    access::Sensitivities,
    domain::{CodeSystem, Labels},
    fhir::json::{Kind, Value},
};
use std::borrow::Cow;

/// Labels that one resource may bear, and bytes of one, its system included. They are copied to all that inherits them and to
/// each line of a manifest; real vocabularies are far from this.
const MOST_LABELS: usize = 32;
const LONGEST_LABEL: usize = 256;

/// The labels that a resource arrives with, and the marks they and its codes stand for; those of what it contains included.
/// A label that is no Coding, or one without a code, could be one that was meant: it is not passed over. Nor are more or longer ones than accepted.
pub fn labels_of(resource: Value<'_>, list: &Sensitivities) -> Result<Labels, Failure> {
    let mut labels = Labels::default();
    let mut good = true;
    for path in ["meta.security", "contained.meta.security"] {
        resource.each(path, &mut |coding| {
            let system = coding.text("system").unwrap_or_default();
            let code = code_of(coding).unwrap_or_default();
            good &= coding.kind() == Kind::Object && !code.trim().is_empty();
            labels.add(&system, &code);
            // what stands where labels do, and says no system, is one
            if system.is_empty() {
                mark(&mut labels, list.of_label(&code).or_else(|| list.named(&code)));
            }
        });
    }
    resource.each("confidentiality", &mut |code| {
        if let Some(code) = code.as_str() {
            labels.add(Labels::CONFIDENTIALITY, &code);
        }
    });
    // labels on single elements (inline), securityLabel and tags are Codings like any other
    for coding in resource.objects() {
        if let Some(code) = code_of(coding) {
            let system = coding.text("system").unwrap_or_default();
            coded(&mut labels, list, &system, &code);
        }
    }
    let accepted = labels.has_at_most(MOST_LABELS) && labels.codes().all(|code| code.len() <= LONGEST_LABEL);
    match (good, accepted) {
        (true, true) => Ok(labels),
        (false, _) => Err(Failure::UnexpectedEntry),
        (_, false) => Err(Failure::TooLarge),
    }
}

/// A number is no code in FHIR, and means what its digits do all the same.
fn code_of(coding: Value<'_>) -> Option<Cow<'_, str>> {
    let code = coding.get("code")?;
    match code.kind() {
        Kind::String => code.as_str(),
        Kind::Number => Some(code.raw_str().into()),
        _ => None,
    }
}

fn coded(labels: &mut Labels, list: &Sensitivities, system: &str, code: &str) {
    mark(labels, list.of_code(system, code));
    if system.is_empty() {
        return;
    }
    if Labels::restricts(system, code) {
        labels.add(system, code);
    }
    let system = CodeSystem::spelt(system);
    if system.ends_with("actcode") || system.ends_with("sensitivity") || system.ends_with("sensitivitypolicy") {
        match list.of_label(code).or_else(|| list.named(code)) {
            // a name of ours that this list does not have means something, and it is not known what
            None if system.is(Sensitivities::SYSTEM) => labels.add(Labels::CONFIDENTIALITY, "R"),
            known => mark(labels, known),
        }
    }
}

fn mark(labels: &mut Labels, name: Option<&std::sync::Arc<str>>) {
    if let Some(name) = name {
        labels.mark(name);
    }
}

#[cfg(test)]
mod tests;
