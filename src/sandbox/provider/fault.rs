//! The ways a provider can be told to misbehave, one at a time, by `POST /control`.
//!
//! Some come in place of an answer, some spoil what the answer says ([`content`]), some spoil how it is sent
//! ([`delivery`]). What is not spoilt is what a sound provider would have sent.

mod content;
mod delivery;

pub use content::{entries, resource};
pub use delivery::deliver;

use super::answer::FHIR_JSON;
use super::interaction::Problem;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures::{StreamExt, future, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;

/// One fault, as JSON `{"fault": "next-foreign", "location": "http://..."}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// Sound.
    #[default]
    #[serde(skip)]
    None,
    /// Answers late.
    Delay { milliseconds: u64 },
    /// Answers with this status; `retry_after` goes out as it is, number or text.
    Error { status: u16, retry_after: Option<Value>, location: Option<String> },
    /// Accepts and never answers.
    BlackHole,
    /// A sign-in page with 200.
    Garbage,
    /// An OperationOutcome with 200.
    Outcome,
    /// A body of this size, in chunks without Content-Length.
    Huge { megabytes: usize },
    /// A body of arrays within arrays.
    Deep { depth: usize },
    /// Closes the connection after this many bytes of the body.
    Cut { bytes: usize },
    /// Without Content-Length, in chunks; and closes the connection after this many bytes, where it says so.
    Chunked { cut: Option<usize> },
    /// Sends this many bytes of the body and no more, and keeps the connection.
    Stall { bytes: usize },
    /// A Binary is sent as a resource whatever was asked for.
    Wrapped,
    /// Attachments of Binaries are addressed below this base.
    Attachments { base: String },
    /// Sends only this many bytes, as though that were the whole body.
    Truncate { bytes: usize },
    /// One byte of the body, then a wait, then the next.
    Drip { milliseconds: u64 },
    /// Bytes that are no UTF-8 in a string of the body.
    BadUtf8,
    /// The body, then the body again.
    Trailing,
    /// A fatal outcome among the entries of a search.
    FatalEntry,
    /// Searches find somebody else's resources, a lookup of the Patient too if `lookup`.
    OtherPatient {
        #[serde(default)]
        lookup: bool,
    },
    /// A search gets the body of the last one of that type.
    Replay,
    /// The first entry names a second patient, under the same key again.
    DuplicateKeys,
    /// The first entry names no patient.
    NoSubject,
    /// Patients have another family name and date of birth than they should.
    WrongDemographics,
    /// The next page is this page.
    NextLoop,
    /// The next page is elsewhere.
    NextForeign { location: String },
    /// There is always a next page.
    Endless,
}

impl Fault {
    /// Whether it can be done as ordered.
    pub fn is_possible(&self) -> bool {
        !matches!(self, Self::Error { status, .. } if StatusCode::from_u16(*status).is_err() || *status < 200)
    }

    /// What comes in place of an answer; waits first, or for ever, if that is the fault.
    pub async fn instead(&self) -> Option<HttpResponse> {
        match self {
            Self::Delay { milliseconds } => tokio::time::sleep(Duration::from_millis(*milliseconds)).await,
            Self::BlackHole => future::pending().await,
            Self::Error { status, retry_after, location } => {
                return Some(error(*status, retry_after.as_ref(), location.as_deref()));
            }
            Self::Garbage => {
                let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form></form></body></html>";
                return Some(HttpResponse::Ok().content_type("text/html").body(page));
            }
            Self::Outcome => return Some(fhir(Problem::not_found().outcome("error"))),
            Self::Huge { megabytes } => return Some(huge(*megabytes)),
            Self::Deep { depth } => return Some(fhir(deep(*depth))),
            _ => {}
        }
        None
    }

    /// Whether a search of this type is answered as though for somebody else.
    pub fn asks_of_another(&self, kind: &str) -> bool {
        matches!(self, Self::OtherPatient { lookup } if *lookup || kind != "Patient")
    }

    /// The next link, given the right one, this page's own and the one that would follow it.
    pub fn next_link(
        &self,
        right: Option<String>,
        this: impl Fn() -> String,
        following: impl Fn() -> String,
    ) -> Option<String> {
        match self {
            Self::NextLoop => Some(this()),
            Self::NextForeign { location } => Some(location.clone()),
            Self::Endless => Some(following()),
            _ => right,
        }
    }
}

fn fhir(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type(FHIR_JSON).body(body)
}

fn error(status: u16, retry_after: Option<&Value>, location: Option<&str>) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponseBuilder::new(status);
    if let Some(value) = retry_after {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        response.insert_header(("retry-after", text));
    }
    if let Some(url) = location {
        response.insert_header(("location", url));
    }
    response.content_type(FHIR_JSON).body(Problem::ordered().outcome("error"))
}

fn huge(megabytes: usize) -> HttpResponse {
    const PIECES_PER_MEGABYTE: usize = 16;
    let piece = Bytes::from(vec![b'a'; 1024 * 1024 / PIECES_PER_MEGABYTE]);
    let head = Bytes::from_static(b"{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"language\":\"");
    let pieces = stream::iter(std::iter::repeat_n(piece, megabytes.saturating_mul(PIECES_PER_MEGABYTE)));
    let body = stream::iter([head]).chain(pieces).chain(stream::iter([Bytes::from_static(b"\"}")]));
    HttpResponse::Ok().content_type(FHIR_JSON).streaming(body.map(Ok::<_, Infallible>))
}

fn deep(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    format!(
        r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"resource":{{"resourceType":"Basic","id":"1","extension":{open}{close}}}}}]}}"#
    )
}
