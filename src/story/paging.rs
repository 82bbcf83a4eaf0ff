//! Where a list of ours goes on: sealed for its reader and its question alone (`query/page_token.rs`).

use super::{Ending, Gateway};
use crate::{
    domain::{Epochs, Timestamp},
    identity::Requester,
    query::page_token::{Fingerprint, PageToken},
};
use serde::{Serialize, de::DeserializeOwned};

/// The pages of one list for one reader.
pub(super) struct Paging<'a> {
    g: &'a Gateway,
    reader: Fingerprint,
    query: Fingerprint,
    epochs: Epochs,
}

impl<'a> Paging<'a> {
    /// Of what these words ask for. Each page is decided anew; one that ended because something changed would tell that it did.
    pub fn new(g: &'a Gateway, requester: &Requester, query: &[&str]) -> Self {
        let (reader, query) = (Fingerprint::of(&requester.pages_for()), Fingerprint::of(query));
        Self { g, reader, query, epochs: Epochs::default() }
    }

    /// That begins anew when something has come into force meanwhile.
    pub fn under(self, epochs: Epochs) -> Self {
        Self { epochs, ..self }
    }

    /// The last of the page before, by the token that page gave.
    pub fn after<C: DeserializeOwned>(&self, page: Option<&str>) -> Result<Option<C>, Ending> {
        let Some(page) = page else { return Ok(None) };
        let token: PageToken<C> =
            self.g.pages.open(page, &self.reader, &self.query, Timestamp::now()).map_err(|_| Ending::Gone)?;
        if token.epochs == self.epochs { Ok(Some(token.cursor)) } else { Err(Ending::Gone) }
    }

    /// The token of the next page, after the last of this one where there is more.
    pub fn next<C: Serialize>(&self, last: Option<C>) -> Result<Option<String>, Ending> {
        let Some(cursor) = last else { return Ok(None) };
        let (reader, query, epochs) = (self.reader.clone(), self.query.clone(), self.epochs);
        let token =
            PageToken { cursor, reader, query, epochs, sources: Fingerprint::of(&[]), issued_at: Timestamp::now() };
        self.g.pages.seal(&token).map(Some).map_err(|_| Ending::Internal)
    }
}

/// Cuts what was found, of which one more than is shown was asked for, to what is shown; whether there was more.
pub(super) fn cut<T>(found: &mut Vec<T>, count: u32) -> bool {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let more = found.len() > count;
    found.truncate(count);
    more
}
