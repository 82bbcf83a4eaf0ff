//! Who can be asked, and how each wants to be asked: the region's providers, their standing, the plan of one request.

mod address;
mod clients;
mod config;
mod credential;
mod declared;
pub mod directory;
mod freshness;
mod narrowing;
mod organisation;
mod plan;
mod presence;
mod provider;
mod region;
mod registries;
mod sign_in;
mod standing;
mod want;

pub use clients::RegisteredClients;
pub use config::{Operator, RegistryConfig};
pub use credential::{Credentials, RegistryCredential};
pub use declared::{Declared, Statement};
pub use freshness::Freshness;
pub use narrowing::{Narrowing, Test};
pub use organisation::OrganisationConfig;
pub use plan::{Errand, Plan};
pub use presence::{Locate, Locator, LocatorConfig, Pointer, Presence, PresenceStore};
pub use provider::{Idiom, Provider, ProviderConfig, ReaderContext};
pub use region::Registry;
pub use registries::Registries;
pub use sign_in::{Clients, CredentialConfig, Header, SignIn, SignInFault, SmartConfig};
pub use standing::StandingStore;
pub use want::{Portion, Want};
