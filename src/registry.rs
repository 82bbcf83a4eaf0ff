//! Who can be asked, and how each wants to be asked.

mod standing;

pub use standing::StandingStore;
