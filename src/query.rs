//! What may be asked: a closed grammar over one static table. A request becomes an [`Ask`] or a [`QueryFault`], nothing else.
//!
//! Promises: whatever the table does not name is refused, never ignored; an `Ask` is about one patient; a 400 depends on
//! the request alone, never on what is stored; an id that is none of ours is no fault but an `Ask` without a patient, which
//! the decision refuses like any other; printing an `Ask` and parsing that again gives the same `Ask`.

pub mod capability;
pub mod grammar;
pub mod page_token;

mod ask;
mod desk;
mod directory;
mod disclosures;
mod document;
mod escape;
mod everything;
mod explain;
mod fault;
mod fields;
mod filter;
mod form;
#[cfg(test)]
mod fuzz;
mod media;
mod parse;
mod patient;
mod results;
mod token;
mod values;

pub use ask::{Ask, ConsentAsk, LogAsk, Read, Search, Sort, SortKey, What};
pub use desk::{DeskAsk, parse_desk};
pub use directory::{DirectoryAsk, parse_endpoints, parse_organizations};
pub use disclosures::{DisclosuresAsk, parse_disclosures};
pub use document::{Accepted, DocumentAsk, Form, parse_document};
pub use everything::{Everything, Moment, parse_everything, parse_summary};
pub use explain::{Colleague, ExplainAsk, parse_explain};
pub use fault::QueryFault;
pub use filter::{DateFilter, Filter, TokenFilter};
pub use page_token::PageSealer;
pub use parse::{parse, parse_consents, parse_log, parse_own_read};
pub use results::{Include, Total, View};
pub use token::{System, Token, TokenTest};

use crate::domain::IdSealer;

/// The parts of a request that the grammar reads. Method override headers are not among them: they have no effect.
#[derive(Clone, Copy, Debug)]
pub struct RawQuery<'a> {
    pub method: Method,
    /// What follows the service's base, split at `/`, still percent-encoded.
    pub path: &'a [&'a str],
    /// What follows the `?`, undecoded; empty where there is none.
    pub query: &'a str,
    pub content_type: Option<&'a str>,
    /// Empty where there is none.
    pub body: &'a [u8],
    pub accept: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// What the grammar has to know of this deployment.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub ids: &'a IdSealer,
    /// Our own base URLs, such as `https://caregate.example/fhir`: references under them are to us.
    pub bases: &'a [String],
    pub page_size: PageSize,
}

/// How many entries a page has if nothing is said, and at most.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    pub default: u32,
    pub maximum: u32,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { default: 50, maximum: 200 }
    }
}

#[cfg(test)]
mod tests;
