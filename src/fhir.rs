//! FHIR R4 as bytes and tables: the types served, strict JSON reading without a tree, dates as intervals, outcomes.
//! Nothing here knows who asks or who answers. <https://hl7.org/fhir/R4/>

pub mod bundle;
pub mod date;
pub mod json;
pub mod outcome;

mod elements;
#[cfg(test)]
pub(crate) mod fuzz;
mod media;
mod resource_type;
mod searchset;

pub use elements::element;
pub use media::MediaType;
pub use resource_type::ResourceType;
pub use searchset::Searchset;

/// <https://hl7.org/fhir/R4/datatypes.html#id>
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}
