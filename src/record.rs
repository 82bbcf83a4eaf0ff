//! From what everyone said to what one reader is shown: who the patient is, whose answers belong together, in the asked
//! order, page by page, less what the permit does not reach, and how complete it is.
//!
//! Promises: every copy stays and every entry's bytes are the source's but for the listed rewrites; joining does not
//! depend on the order in which sources answered; a partial record never looks whole.

mod along;
mod anchor;
mod completeness;
mod contradictions;
mod copies;
mod file;
mod joined;
mod lines;
mod matching;
mod page;
mod patient;
mod redacted;
mod referrer;
mod selection;
mod shown;
mod source;
mod summary;
mod view;
mod whose;

pub use completeness::Completeness;
pub use file::File;
pub use joined::{NotShown, Record};
pub use page::Reader;
pub use redacted::{Content, Document, Redacted};
pub use referrer::Referrer;
pub use shown::{ItemRanges, SourceLine};
pub use source::{Source, State};
pub use summary::types as summary_types;
pub use whose::Whose;

#[cfg(test)]
mod tests;
