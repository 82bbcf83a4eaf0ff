//! The nouns every stage shares: numbers, codes, times and ids, each parsed once and then trusted.
//! Nothing here knows HTTP, SQL or JSON documents.

mod address;
mod code_system;
mod epoch;
#[cfg(test)]
mod fuzz;
mod instant;
mod labels;
mod network;
mod nhs_number;
mod numbers;
mod ods_code;
mod opaque_id;
mod request_id;
mod secret_ref;
mod store_error;

pub use address::{is_public, literal_address};
pub use code_system::CodeSystem;
pub use epoch::Epochs;
pub use instant::Timestamp;
pub use labels::Labels;
pub use network::Network;
pub use nhs_number::{InvalidNhsNumber, NhsNumber};
pub use numbers::Numbers;
pub use ods_code::{InvalidOdsCode, OdsCode};
pub use opaque_id::{EntryId, Event, IdSealer, LongId, SealedDocument, SealedEntry, TypeTag};
pub use request_id::RequestId;
pub use secret_ref::SecretRef;
pub use store_error::StoreError;
