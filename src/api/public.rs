//! What anyone may read: what this gateway can do, and how to sign in to it. No patient is in any of it.

use super::{Node, error, reply::Reply};
use crate::{domain::RequestId, fhir::outcome::IssueCode};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
    web,
};
use serde_json::json;

const REQUEST_ID: &str = "x-request-id";
const CORRELATION_ID: &str = "x-correlation-id";

/// The caller's request id, where it is a UUID, else a fresh one.
pub fn request_id(request: &HttpRequest) -> RequestId {
    let given = request.headers().get(REQUEST_ID).and_then(|v| v.to_str().ok()).and_then(RequestId::parse);
    given.unwrap_or_else(RequestId::fresh)
}

/// Mirrors the ids by which both sides find this request again.
pub fn identified(mut reply: Reply, request: &HttpRequest, id: RequestId) -> Reply {
    let correlation = request.headers().get(CORRELATION_ID).filter(|v| v.len() <= 128 && v.to_str().is_ok());
    if let Some(correlation) = correlation {
        reply.headers.push((HeaderName::from_static(CORRELATION_ID), correlation.clone()));
    }
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        reply.headers.push((HeaderName::from_static(REQUEST_ID), value));
    }
    reply
}

fn answer(reply: Reply, request: &HttpRequest) -> HttpResponse {
    identified(reply, request, request_id(request)).into_response()
}

pub async fn metadata(request: HttpRequest, node: web::Data<Node>) -> HttpResponse {
    answer(Reply::own(200, node.statement.clone()), &request)
}

/// <https://hl7.org/fhir/smart-app-launch/conformance.html>: JSON whatever Accept says.
pub async fn smart_configuration(request: HttpRequest, node: web::Data<Node>) -> HttpResponse {
    let Some(configuration) = &node.smart else {
        let diagnostics = "This deployment does not say where its callers get their tokens.";
        return answer(error::refused(404, IssueCode::NotFound, diagnostics), &request);
    };
    let mut reply = Reply::own(200, configuration.clone());
    reply.content_type = "application/json";
    answer(reply, &request)
}

/// The public halves of the keys by which this gateway signs: statements about readers, and assertions of who it is itself.
/// <https://www.rfc-editor.org/rfc/rfc7517#section-5>
pub async fn key_set(request: HttpRequest, node: web::Data<Node>) -> HttpResponse {
    let mut reply = Reply::own(200, json!({ "keys": node.gateway.public_keys() }).to_string());
    reply.content_type = "application/json";
    answer(reply, &request)
}

pub async fn nothing_here(request: HttpRequest) -> HttpResponse {
    answer(error::refused(404, IssueCode::NotFound, "There is nothing at this path. The FHIR base is /fhir."), &request)
}
