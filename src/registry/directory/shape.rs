//! What the resources' members and extensions are called, for reading and writing alike.

/// What kind of organisation: organisations.json's.
pub const KIND: &str = "https://caregate.example/CodeSystem/organisation-kind";
/// What the Organisation Data Service calls it.
pub const ODS_ROLE: &str = "https://digital.nhs.uk/services/organisation-data-service/CodeSystem/ODSOrganisationRole";
pub const CONNECTION_TYPE: &str = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type";
pub const REST: &str = "hl7-fhir-rest";
pub const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";
pub const FHIR_JSON: &str = "application/fhir+json";

/// Where a version stands, who wrote it and who decided on it: the gateway's word alone.
pub const REGISTRATION: &str = "https://caregate.example/StructureDefinition/registration";
/// reference, period
pub const AGREEMENT: &str = "https://caregate.example/StructureDefinition/sharing-agreement";
/// jwks-url, or jwk as often as there are keys; certificate as often as there are certificates
pub const CLIENT_KEYS: &str = "https://caregate.example/StructureDefinition/client-keys";
/// idiom, credential, replica as often as there are, deadline
pub const HOW_TO_ASK: &str = "https://caregate.example/StructureDefinition/how-to-ask";
pub const TEST_PATIENT: &str = "https://caregate.example/StructureDefinition/test-patient";
