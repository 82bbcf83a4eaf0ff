//! References as providers write them (<https://hl7.org/fhir/R4/references.html#literal>) and where they lead.

use crate::{fhir::is_id, registry::Provider};

/// Where a literal reference leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A resource of the provider's own; a version it named is dropped, as this gateway serves current versions only.
    Local { resource_type: &'a str, id: &'a str },
    /// A resource inside the same resource.
    Contained(&'a str),
    /// Somewhere else, or not a literal reference at all.
    Elsewhere,
}

pub fn target<'a>(address: &'a str, provider: &Provider) -> Target<'a> {
    if let Some(id) = address.strip_prefix('#') {
        return Target::Contained(id);
    }
    let path = address.strip_prefix(provider.base.as_str()).unwrap_or(address);
    let mut parts = path.split('/');
    let (Some(resource_type), Some(id), version) = (parts.next(), parts.next(), (parts.next(), parts.next())) else {
        return Target::Elsewhere;
    };
    let versioned = matches!(version, (Some("_history"), Some(v)) if is_id(v));
    let current = version == (None, None);
    let named = resource_type.starts_with(|c: char| c.is_ascii_uppercase())
        && resource_type.bytes().all(|b| b.is_ascii_alphabetic());
    if named && is_id(id) && (current || versioned) && parts.next().is_none() {
        Target::Local { resource_type, id }
    } else {
        Target::Elsewhere
    }
}
