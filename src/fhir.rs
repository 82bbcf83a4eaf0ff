//! FHIR R4 as bytes and tables: the types served, strict JSON reading without a tree, dates as intervals, outcomes.
//! Nothing here knows who asks or who answers. <https://hl7.org/fhir/R4/>

pub mod bundle;
pub mod date;
pub mod json;
pub mod outcome;

mod resource_type;

pub use resource_type::ResourceType;
