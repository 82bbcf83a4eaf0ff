//! Faults in how an answer is sent.

use super::Fault;
use crate::sandbox::provider::answer::Answer;
use actix_web::body::SizedStream;
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use std::io;
use std::time::Duration;

pub fn deliver(mut answer: Answer, fault: &Fault) -> HttpResponse {
    match fault {
        Fault::Truncate { bytes } => answer.body.truncate(*bytes),
        Fault::Trailing => answer.body = [&answer.body[..], &answer.body[..]].concat().into(),
        Fault::BadUtf8 => answer.body = with_bad_utf8(&answer.body),
        Fault::Cut { bytes } => return sent_as(&answer, cut(answer.body.clone(), *bytes)),
        Fault::Chunked { cut } => {
            let body = match cut {
                Some(bytes) => self::cut(answer.body.clone(), *bytes).boxed(),
                None => pieces(answer.body.clone()).boxed(),
            };
            return HttpResponseBuilder::new(answer.status).content_type(&*answer.content_type).streaming(body);
        }
        Fault::Stall { bytes } => {
            let first = answer.body.slice(..(*bytes).min(answer.body.len()));
            return sent_as(&answer, stream::iter([Ok(first)]).chain(stream::pending()));
        }
        Fault::Drip { milliseconds } => return sent_as(&answer, drip(answer.body.clone(), *milliseconds)),
        _ => {}
    }
    answer.into()
}

/// Promises the whole length, whatever the stream then does.
fn sent_as(answer: &Answer, body: impl Stream<Item = io::Result<Bytes>> + 'static) -> HttpResponse {
    let length = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
    HttpResponseBuilder::new(answer.status)
        .content_type(&*answer.content_type)
        .body(SizedStream::new(length, Box::pin(body)))
}

fn cut(mut body: Bytes, bytes: usize) -> impl Stream<Item = io::Result<Bytes>> {
    body.truncate(bytes.min(body.len().saturating_sub(1)));
    let end = async {
        // what was written is flushed only while the stream is waited for
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::Error::other("cut on purpose"))
    };
    stream::iter([Ok(body)]).chain(stream::once(end))
}

/// In two, the second a little later.
fn pieces(mut body: Bytes) -> impl Stream<Item = io::Result<Bytes>> {
    let first = body.split_to(body.len().min(100));
    let rest = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(body)
    };
    stream::iter([Ok(first)]).chain(stream::once(rest))
}

fn drip(body: Bytes, milliseconds: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::iter(0..body.len()).then(move |at| {
        let byte = body.slice(at..at + 1);
        async move {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok(byte)
        }
    })
}

/// A member with a broken string, put in front: every answer here is a JSON object.
fn with_bad_utf8(body: &Bytes) -> Bytes {
    let mut spoilt = BytesMut::from(&b"{\"language\":\"en\xff\xfe\","[..]);
    spoilt.extend_from_slice(body.get(1..).unwrap_or_default());
    spoilt.freeze()
}
