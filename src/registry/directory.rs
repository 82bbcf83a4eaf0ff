//! What organisations say of themselves and of their endpoints, as they registered it: every version, who wrote it, and who
//! of the region's operators let it in. What is in force of it is what `Registries` are made from.
//!
//! Promises: nothing that decides who an organisation is, where its endpoint is or by which keys it is recognised is in force
//! before a second person approved it; no secret is held here, only what names one.

mod endpoint;
mod entry;
mod history;
mod organisation;
mod read;
pub mod shape;
mod store;
mod terms;
mod write;

pub use endpoint::Endpoint;
pub use entry::{Content, Decided, Entry, EntryState};
pub use history::history;
pub use organisation::{Agreement, ClientKeys, Contact, Organisation};
pub use read::{read_endpoint, read_organization};
pub use store::{DirectoryStore, ListingPage, Staged};
pub use terms::RegistryTerms;
pub use write::{Standing, resource};
