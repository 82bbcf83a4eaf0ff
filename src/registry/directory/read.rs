//! Reads an Organization and an Endpoint as they are sent: to the last member, or refused with the place that was not understood.
//! What the gateway itself says in its answers (meta, registration, what is active) may be sent back with the rest and is not
//! listened to. Nothing secret has a place here, and what would hold one is refused with the place where it belongs.

mod endpoint;
mod extensions;
mod organization;
mod parts;

pub use endpoint::read_endpoint;
pub use organization::read_organization;

#[cfg(test)]
mod tests;
