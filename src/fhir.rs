//! FHIR R4 as bytes and tables: the types served, strict JSON reading without a tree, dates as intervals.
//! Nothing here knows who asks or who answers. <https://hl7.org/fhir/R4/>

pub mod bundle;
pub mod json;

mod resource_type;

pub use resource_type::ResourceType;
