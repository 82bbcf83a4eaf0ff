//! `POST /oauth/token`: a form in, a token or an OAuth error out. <https://www.rfc-editor.org/rfc/rfc6749#section-3.2>

use super::{
    Node, call, certificate, error,
    public::{identified, request_id},
    reply::Reply,
};
use crate::{
    domain::RequestId,
    fhir::outcome::IssueCode,
    identity::{Thumbprint, TokenFault, TokenRequest},
    story,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{ALLOW, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, PRAGMA, RETRY_AFTER},
    },
    rt, web,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// How many forms are read at a time, and how long each may take.
pub const FORMS_MAX: usize = 64;
const FORM_DEADLINE: Duration = Duration::from_secs(3);

const FORM: &str = "application/x-www-form-urlencoded";

pub async fn token(request: HttpRequest, payload: web::Payload, node: web::Data<Node>) -> HttpResponse {
    let id = request_id(&request);
    let reply = if request.method() == Method::POST {
        let answered = admitted(&request, payload, &node, id).await;
        answered.unwrap_or_else(|fault| {
            node.bad_tokens.note("token", fault.status(), fault.reason(), id);
            refused(fault)
        })
    } else {
        error::refused(405, IssueCode::NotSupported, "Tokens are asked for with POST.").header(ALLOW, "POST")
    };
    let status = reply.status.to_string();
    metrics::counter!("caregate_token_requests_total", "status" => status.clone()).increment(1);
    tracing::info!(request.id = %id, http.status = status, "token request answered");
    identified(reply.header(PRAGMA, "no-cache"), &request, id).into_response()
}

async fn admitted(
    request: &HttpRequest,
    payload: web::Payload,
    node: &web::Data<Node>,
    id: RequestId,
) -> Result<Reply, TokenFault> {
    let place = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_owned().map_err(|_| TokenFault::Unavailable);
    // anybody may send a form, however slowly: it takes a place among forms alone
    let reading = place(&node.forms)?;
    let form = timeout(FORM_DEADLINE, form(request, payload)).await;
    let form = form.unwrap_or(Err(TokenFault::Request("The form did not come in time.")))?;
    drop(reading);
    let _place = place(&node.places)?;
    let (shown, network) = (certificate::shown(node, request), call::network(request));
    // a task of its own: a caller who hangs up leaves no assertion used without a row
    let told = rt::spawn(granted(node.clone(), form, shown, network, id));
    told.await.unwrap_or(Err(TokenFault::Internal))
}

async fn granted(
    node: web::Data<Node>,
    form: TokenRequest,
    shown: Option<Thumbprint>,
    network: Option<String>,
    id: RequestId,
) -> Result<Reply, TokenFault> {
    let story = story::token(&node.gateway, &form, shown, network, id);
    let released = timeout(node.deadline, story).await.unwrap_or(Err(TokenFault::Unavailable))?;
    let mut reply = Reply::released(200, released);
    reply.content_type = "application/json";
    // of a record's answer
    reply.headers.clear();
    Ok(reply)
}

async fn form(request: &HttpRequest, payload: web::Payload) -> Result<TokenRequest, TokenFault> {
    let headers = request.headers();
    if headers.contains_key(AUTHORIZATION) {
        return Err(TokenFault::Request(
            "A client proves who it is by client_assertion alone: no Authorization header.",
        ));
    }
    if !request.query_string().is_empty() {
        return Err(TokenFault::Request("Parameters are sent in the form, never in the URL."));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(FORM) || headers.contains_key(CONTENT_ENCODING) {
        return Err(TokenFault::Request("Send a form: application/x-www-form-urlencoded, without Content-Encoding."));
    }
    let body = call::body(payload, TokenRequest::BYTES_MAX).await;
    TokenRequest::read(&body.map_err(|_| TokenFault::Request("The form is larger than 64 KiB, or broke off."))?)
}

/// <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>
fn refused(fault: TokenFault) -> Reply {
    let body = serde_json::json!({ "error": fault.error(), "error_description": fault.text() });
    let mut reply = Reply::own(fault.status(), body.to_string());
    reply.content_type = "application/json";
    if fault == TokenFault::Unavailable { reply.header(RETRY_AFTER, "2") } else { reply }
}
