use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use std::borrow::Cow;

pub const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// A whole answer, before a fault of delivery is done to it.
pub struct Answer {
    pub status: StatusCode,
    pub content_type: Cow<'static, str>,
    pub body: Bytes,
}

impl Answer {
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, content_type: FHIR_JSON.into(), body: body.into() }
    }

    /// Something else than FHIR JSON.
    pub fn of(content_type: String, body: Vec<u8>) -> Self {
        Self { content_type: content_type.into(), ..Self::ok(body) }
    }
}

impl From<Answer> for HttpResponse {
    fn from(answer: Answer) -> Self {
        let mut response = HttpResponseBuilder::new(answer.status);
        if answer.status == StatusCode::UNAUTHORIZED {
            response.insert_header(("www-authenticate", "Bearer"));
        }
        response.content_type(&*answer.content_type).body(answer.body)
    }
}
