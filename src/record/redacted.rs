use super::{File, SourceLine};
use crate::federation::Items;
use bytes::Bytes;
use std::sync::Arc;

/// What one reader would be shown: the bytes to send, and what the audit must say of them first. It cannot be sent: only
/// the release transaction makes the `Released` that can.
pub struct Redacted {
    pub(crate) content: Content,
    pub(crate) lines: Vec<SourceLine>,
    pub(crate) items: Vec<Arc<Items>>,
    /// The patient index's Patient, where that is what is shown.
    pub(crate) index: Option<Arc<Items>>,
}

pub enum Content {
    Document(Document),
    File(File),
}

/// A body in slices, most of them shared with the cache.
pub struct Document {
    pub chunks: Vec<Bytes>,
    /// Whether a source's failure makes it less than whole.
    pub partial: bool,
}

impl Redacted {
    pub(crate) fn new(document: Document, lines: Vec<SourceLine>, items: Vec<Arc<Items>>) -> Self {
        Self { content: Content::Document(document), lines, items, index: None }
    }

    #[cfg(test)]
    pub fn document(&self) -> &Document {
        match &self.content {
            Content::Document(document) => document,
            Content::File(_) => panic!("a file"),
        }
    }

    /// A document of the gateway's own (the access log, an objection): no source's data.
    pub fn own(body: String) -> Self {
        Self::new(Document { chunks: vec![Bytes::from(body)], partial: false }, Vec::new(), Vec::new())
    }
}
