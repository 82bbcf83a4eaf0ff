use super::file::{self, Place};
use crate::record::{Content, Document, File};
use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
    http::{
        StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
            LOCATION, SET_COOKIE,
        },
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
    body: Body,
}

enum Body {
    Slices(Vec<Bytes>),
    File(Box<File>, Option<Place>),
}

impl Reply {
    /// Words of the gateway's own.
    pub fn own(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), content_type: FHIR_JSON, body: Body::Slices(vec![body.into()]) }
    }

    /// What the audit released.
    pub fn released(status: u16, released: crate::audit::Released) -> Self {
        let Document { chunks, partial } = match released.into_content() {
            Content::Document(document) => document,
            Content::File(file) => return Self::file(status, file),
        };
        let complete = HeaderValue::from_static(if partial { "partial" } else { "complete" });
        Self {
            status,
            headers: vec![(HeaderName::from_static("x-completeness"), complete)],
            content_type: FHIR_JSON,
            body: Body::Slices(chunks),
        }
    }

    /// What was released is written, and another page shows it: nothing but the way there.
    pub fn way_on(released: crate::audit::Released, to: &str) -> Self {
        drop(released);
        Self::own(303, Bytes::new()).header(LOCATION, to)
    }

    /// The same as a table to be kept, not shown: <https://www.rfc-editor.org/rfc/rfc4180>
    pub fn table(released: crate::audit::Released) -> Self {
        let table = Self { content_type: "text/csv; charset=utf-8", ..Self::released(200, released) };
        table.header(CONTENT_DISPOSITION, "attachment; filename=\"disclosures.csv\"")
    }

    /// A document of a source's. Its type is what was declared, for good, and nothing in it runs.
    fn file(status: u16, file: File) -> Self {
        let reply = Self::own(status, Bytes::new())
            .header(CONTENT_TYPE, &file.content_type)
            .header(CONTENT_DISPOSITION, file::disposition(&file.content_type))
            .header(CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
        Self { body: Body::File(Box::new(file), None), ..reply }
    }

    /// What is sent while it comes keeps the request's place until it has passed.
    pub fn keeping(mut self, place: Place) -> Self {
        if let Body::File(_, kept) = &mut self.body {
            *kept = Some(place);
        }
        self
    }

    /// The bytes of an answer of the gateway's own.
    pub(super) fn text(&self) -> Vec<u8> {
        match &self.body {
            Body::Slices(slices) => slices.concat(),
            Body::File(..) => Vec::new(),
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
        for (name, value) in self.headers {
            // each cookie is a header of its own
            if name == SET_COOKIE {
                response.append_header((name, value))
            } else {
                response.insert_header((name, value))
            };
        }
        match self.body {
            Body::File(file, place) => response.body(file::body(*file, place)),
            Body::Slices(slices) => {
                let left = slices.iter().map(|chunk| chunk.len() as u64).sum();
                response.body(Slices { chunks: slices.into_iter(), left })
            }
        }
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
