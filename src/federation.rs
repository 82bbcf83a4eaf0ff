//! (being built)

mod long_ids;

pub use long_ids::LongIds;
