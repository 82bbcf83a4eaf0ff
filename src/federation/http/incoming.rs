//! A body that is passed on while it comes.

use super::{Connection, Miss, Sender, body_failure, status};
use crate::federation::{Failure, bulkhead::Place, question::Asked};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream, stream::BoxStream};
use reqwest::{
    Response,
    header::{self, HeaderMap},
};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// An answer whose first bytes have come; what follows is read under a cap.
pub struct Incoming {
    /// As declared, once.
    pub content_type: Option<String>,
    /// As declared, in bytes.
    pub length: Option<u64>,
    response: Response,
    first: Bytes,
    /// What may still come, in bytes, and how long may be waited for more.
    left: u64,
    idle: Duration,
    _place: Option<Place>,
}

impl Connection {
    /// Gets `url`, which the caller has made from one of the provider's bases, in whatever form it has. A body that does not say
    /// where it ends is refused: cut off, it would look whole.
    pub async fn open(&self, asked: Asked<'_>, url: Url, most: u64) -> Result<Incoming, Miss> {
        let mut response = self.send(Sender::of(asked, self.context(asked)?), url, "*/*").await?;
        status(response.status(), response.headers())?;
        let headers = response.headers();
        let mut declared = headers.get_all(header::CONTENT_TYPE).iter();
        let content_type = match (declared.next(), declared.next()) {
            (None, _) => None,
            (Some(one), None) => Some(one.to_str().map_err(|_| Failure::NotDocument)?.to_owned()),
            _ => return Err(Failure::NotDocument.into()),
        };
        let length = response.content_length();
        let ends = length.is_some() || is_chunked(headers);
        if !ends || headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Failure::NotDocument.into());
        }
        if length.is_some_and(|length| length > most) {
            return Err(Failure::TooLarge.into());
        }
        let first = response.chunk().await.map_err(|e| body_failure(&e))?.unwrap_or_default();
        let left = most.checked_sub(first.len() as u64).ok_or(Failure::TooLarge)?;
        Ok(Incoming { content_type, length, response, first, left, idle: asked.provider.deadline, _place: None })
    }
}

/// In chunks and nothing else: of any other coding only the connection's end would be the end.
fn is_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = codings.next().is_some_and(|one| one.as_bytes().eq_ignore_ascii_case(b"chunked"));
    chunked && codings.next().is_none()
}

impl Incoming {
    /// Holds its place among the provider's documents until it has ended.
    pub fn holding(self, place: Place) -> Self {
        Self { _place: Some(place), ..self }
    }

    /// The next bytes; `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(chunk) = self.response.chunk().await.map_err(|e| body_failure(&e).failure)? else { return Ok(None) };
        self.left = self.left.checked_sub(chunk.len() as u64).ok_or(Failure::TooLarge)?;
        Ok(Some(chunk))
    }

    /// All of it, where it has no more than `most` bytes.
    pub async fn collect(mut self, most: usize) -> Result<Bytes, Failure> {
        let mut body = BytesMut::from(&*self.first);
        while body.len() <= most {
            match self.chunk().await? {
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(body.freeze()),
            }
        }
        Err(Failure::TooLarge)
    }

    /// All of it as it comes: a wait that is too long ends it with a failure, as a connection that is cut does.
    pub fn into_stream(mut self) -> BoxStream<'static, Result<Bytes, Failure>> {
        let first = std::mem::take(&mut self.first);
        let rest = stream::try_unfold(self, async |mut incoming| {
            let next = timeout(incoming.idle, incoming.chunk()).await.unwrap_or(Err(Failure::Timeout))?;
            Ok(next.map(|chunk| (chunk, incoming)))
        });
        stream::iter([Ok(first)]).chain(rest).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn a_body_ends_by_its_chunks_only_where_it_is_in_chunks_and_nothing_else() {
        let is = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::TRANSFER_ENCODING, HeaderValue::from_static(value));
            }
            is_chunked(&headers)
        };
        assert!(is(&["chunked"]) && is(&["Chunked"]));
        for bad in [&["identity"][..], &["gzip"], &["gzip, chunked"], &["chunked, identity"], &["chunked", "gzip"], &[]]
        {
            assert!(!is(bad), "{bad:?}");
        }
    }
}
