//! References as providers write them (<https://hl7.org/fhir/R4/references.html#literal>) and where they lead.

use crate::{
    fhir::{ResourceType, is_id, json::Value},
    registry::Provider,
};

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

/// Another resource of the same source, by type and the source's own id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Referred {
    pub resource_type: ResourceType,
    pub local: Box<str>,
}

impl Referred {
    /// What a Reference leads to, where that is one of these types. One by identifier alone, or to another server, leads nowhere.
    pub fn by(reference: Value<'_>, types: &[ResourceType], provider: &Provider) -> Option<Self> {
        let address = reference.text("reference")?;
        let Target::Local { resource_type, id } = target(&address, provider) else { return None };
        let resource_type = types.iter().copied().find(|t| t.as_str() == resource_type)?;
        Some(Self { resource_type, local: id.into() })
    }

    /// As a relative reference of the source's own.
    pub fn address(&self) -> String {
        format!("{}/{}", self.resource_type, self.local)
    }
}

pub fn target<'a>(address: &'a str, provider: &Provider) -> Target<'a> {
    if let Some(id) = address.strip_prefix('#') {
        return Target::Contained(id);
    }
    let mut parts = relative(address, provider).split('/');
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

/// Without the provider's own base, or a replica's, which writes its own.
pub fn relative<'a>(address: &'a str, provider: &Provider) -> &'a str {
    provider.bases().find_map(|base| address.strip_prefix(base.as_str())).unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::{Target::*, *};
    use crate::federation::testing::provider;

    #[test]
    fn a_literal_reference_leads_to_the_provider_itself_in_three_spellings_only() {
        let mut provider = provider("RZ901");
        provider.replicas = vec!["https://spare.example/r4/".parse().unwrap()];
        for (address, expected) in [
            ("Patient/1", Local { resource_type: "Patient", id: "1" }),
            ("Patient/1/_history/2", Local { resource_type: "Patient", id: "1" }),
            ("https://rz901.example/fhir/Observation/a.b-c", Local { resource_type: "Observation", id: "a.b-c" }),
            ("https://spare.example/r4/Patient/1", Local { resource_type: "Patient", id: "1" }),
            ("https://spare.example/fhir/Patient/1", Elsewhere),
            ("PATIENT/1", Local { resource_type: "PATIENT", id: "1" }),
            ("#p", Contained("p")),
            ("#", Contained("")),
            ("", Elsewhere),
            ("Patient", Elsewhere),
            ("Patient/", Elsewhere),
            ("/Patient/1", Elsewhere),
            ("./Patient/1", Elsewhere),
            ("patient/1", Elsewhere),
            ("Patient/1/", Elsewhere),
            ("Patient/1/2", Elsewhere),
            ("Patient/1/_history", Elsewhere),
            ("Patient/1/_history/", Elsewhere),
            ("Patient/1/_history/2/3", Elsewhere),
            ("Patient/1?x=y", Elsewhere),
            ("Patient/1#x", Elsewhere),
            ("Patient/1 ", Elsewhere),
            ("Patient/%31", Elsewhere),
            ("Patient?identifier=1", Elsewhere),
            ("https://rz901.example/fhir//Patient/1", Elsewhere),
            ("https://rz901.example/fhir", Elsewhere),
            ("https://rz901.example/fhir2/Patient/1", Elsewhere),
            ("https://rz901.example.evil.example/fhir/Patient/1", Elsewhere),
            ("http://rz901.example/fhir/Patient/1", Elsewhere),
            ("https://rz902.example/fhir/Patient/1", Elsewhere),
            ("urn:uuid:3d3e6f5a-4c2b-4f8e-9d1a-0c9b8a7f6e5d", Elsewhere),
        ] {
            assert_eq!(target(address, &provider), expected, "{address}");
        }
        let long = format!("Patient/{}", "x".repeat(65));
        assert_eq!(target(&long, &provider), Elsewhere);
    }
}
