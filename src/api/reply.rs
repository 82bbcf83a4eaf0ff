use crate::record::Document;
use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue},
    },
};
use bytes::Bytes;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

pub const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// An answer before it becomes HTTP's. Its body is of two kinds only: a document that the audit released, or words of
/// the gateway's own that say nothing of any patient.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub content_type: &'static str,
    pub(super) body: Vec<Bytes>,
}

impl Reply {
    /// Words of the gateway's own.
    pub fn own(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), content_type: FHIR_JSON, body: vec![body.into()] }
    }

    /// What the audit released.
    pub fn released(status: u16, released: crate::audit::Released) -> Self {
        let Document { chunks, partial } = released.into_document();
        let complete = HeaderValue::from_static(if partial { "partial" } else { "complete" });
        Self {
            status,
            headers: vec![(HeaderName::from_static("x-completeness"), complete)],
            content_type: FHIR_JSON,
            body: chunks,
        }
    }

    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        // a value that no header can hold is left out rather than a reason to fail
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    pub fn into_response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, self.content_type));
        response.insert_header((CACHE_CONTROL, "no-store"));
        response.insert_header(("x-content-type-options", "nosniff"));
        for header in self.headers {
            response.insert_header(header);
        }
        let left = self.body.iter().map(|chunk| chunk.len() as u64).sum();
        response.body(Slices { chunks: self.body.into_iter(), left })
    }
}

/// A body of known length in slices, written out one after another, most of them shared with the cache.
struct Slices {
    chunks: std::vec::IntoIter<Bytes>,
    left: u64,
}

impl MessageBody for Slices {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.chunks.find(|chunk| !chunk.is_empty()).map(Ok))
    }
}
