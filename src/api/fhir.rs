//! The door to every FHIR request: who asks, what they ask, the audit opened; then the story, and its end as a reply.

use super::{
    Node,
    batch::{self, Assertions},
    call::{self, Call},
    error,
    file::Place,
    reply::Reply,
    route::{self, Told},
};
use crate::{
    audit::{Opened, Released},
    domain::RequestId,
    fhir::{MediaType, outcome::IssueCode},
    identity::Requester,
    query::{self, PageSize, RawQuery, Setting},
    story::{self, Ending, Gateway, Wrote},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{ALLOW, ETAG, LOCATION, RETRY_AFTER},
    },
    rt, web,
};
use std::{sync::Arc, time::Instant};
use tokio::time::timeout;

pub async fn fhir(request: HttpRequest, payload: web::Payload, node: web::Data<Node>) -> HttpResponse {
    let began = Instant::now();
    let id = super::public::request_id(&request);
    let reply = admitted(&request, payload, &node, id).await;
    let status = reply.status.to_string();
    metrics::counter!("caregate_requests_total", "status" => status.clone()).increment(1);
    metrics::histogram!("caregate_request_seconds").record(began.elapsed().as_secs_f64());
    tracing::info!(request.id = %id, http.status = status, http.method = route::method(request.method()), "request answered");
    super::public::identified(reply, &request, id).into_response()
}

async fn admitted(request: &HttpRequest, payload: web::Payload, node: &web::Data<Node>, id: RequestId) -> Reply {
    let Ok(permit) = Arc::clone(&node.places).try_acquire_owned() else {
        let diagnostics = "Too many requests are under way on this node. Try again shortly.";
        return error::refused(503, IssueCode::Throttled, diagnostics).header(RETRY_AFTER, "1");
    };
    let requester = match call::requester(node, request, id).await {
        Ok(requester) => requester,
        Err(reply) => return reply,
    };
    let mut opened = Opened::new(node.gateway.log.clone(), &requester, call::network(request), id);
    let shape = format!("{} {}", route::method(request.method()), route::shape(request.uri().path()));
    opened.asks("unknown", shape, None, None);
    // a body that trickles in would hold its place for ever
    let call = match timeout(node.deadline, Call::take(request, payload)).await {
        Ok(Ok(call)) => call,
        Ok(Err(reply)) => return closed(&mut opened, reply).await,
        Err(_) => {
            let reply = error::refused(408, IssueCode::Timeout, "The request's body did not come in time.");
            return closed(&mut opened, reply).await;
        }
    };
    let node = node.clone();
    // a task of its own: if the caller hangs up, this goes on to its closing row; if it panics, dropping `opened` writes it
    let told = rt::spawn(async move {
        let told = timeout(node.deadline, tell(&node, &requester, &call, &mut opened)).await;
        match told {
            Ok(reply) => reply,
            Err(_) => {
                let reply = error::refused(504, IssueCode::Timeout, "The answer took longer than this gateway allows.");
                closed(&mut opened, reply).await
            }
        }
    });
    let reply = told.await.unwrap_or_else(|_| error::ending(&Ending::Internal));
    reply.keeping(Place::new(permit, id))
}

async fn tell(node: &Node, requester: &Requester, call: &Call, opened: &mut Opened) -> Reply {
    let g = &*node.gateway;
    let told = match route::find(&call.method, &call.path) {
        Ok(told) => told,
        Err(methods) => {
            let reply = if methods.is_empty() {
                error::refused(404, IssueCode::NotSupported, "There is nothing at this path.")
            } else {
                error::refused(405, IssueCode::NotSupported, "This method is not supported here.")
                    .header(ALLOW, &methods)
            };
            return closed(opened, reply).await;
        }
    };
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let raw = RawQuery {
        method: if call.method == Method::POST { query::Method::Post } else { query::Method::Get },
        path: &path,
        query: &call.query,
        content_type: call.content_type.as_deref(),
        body: &call.body,
        accept: call.accept.as_deref(),
    };
    let setting = Setting { ids: &g.ids, bases: &node.bases, page_size: PageSize::default() };
    match told {
        Told::Record => match query::parse(&raw, &setting) {
            Ok(ask) => shown(story::record(g, requester, ask, call.wishes(), opened).await),
            Err(fault) => closed(opened, error::query(&fault)).await,
        },
        Told::Document => match query::parse_document(&raw, &setting) {
            Ok(ask) => shown(story::document(g, requester, ask, opened).await),
            Err(fault) => closed(opened, error::query(&fault)).await,
        },
        Told::Everything | Told::Summary => {
            let id = segment(call, 1);
            let parsed = match told {
                Told::Summary => query::parse_summary(&raw, id, &setting),
                _ => query::parse_everything(&raw, id, &setting),
            };
            match parsed {
                Ok(ask) => shown(story::record(g, requester, ask, call.wishes(), opened).await),
                Err(fault) => closed(opened, error::query(&fault)).await,
            }
        }
        Told::AccessLog => match query::parse_log(&raw, &setting) {
            Ok(ask) => shown(story::access_log(g, requester, &ask, opened).await),
            Err(fault) => closed(opened, error::query(&fault)).await,
        },
        Told::SearchConsents => match query::parse_consents(&raw, &setting) {
            Ok(ask) => shown(story::objections(g, requester, &ask, opened).await),
            Err(fault) => closed(opened, error::query(&fault)).await,
        },
        Told::ReadConsent => match query::parse_own_read(&raw, &setting) {
            Ok(()) => shown(story::objection(g, requester, segment(call, 1), opened).await),
            Err(fault) => closed(opened, error::query(&fault)).await,
        },
        Told::SearchTasks => match query::parse_desk(&raw, &setting) {
            Ok(ask) => shown(story::review_desk(g, requester, &ask, opened).await),
            Err(fault) => closed(opened, error::query(&fault)).await,
        },
        Told::ReadTask => match query::parse_own_read(&raw, &setting) {
            Ok(()) => shown(story::review_task(g, requester, segment(call, 1), opened).await),
            Err(fault) => closed(opened, error::query(&fault)).await,
        },
        Told::ExplainAccess => match query::parse_explain(&raw, &setting) {
            Ok(ask) => shown(story::explain(g, requester, &ask, opened).await),
            Err(fault) => closed(opened, error::query(&fault)).await,
        },
        Told::CreateConsent
        | Told::UpdateConsent
        | Told::ReviewConsent
        | Told::EndRelationship
        | Told::Recall
        | Told::ClaimRelationship
        | Told::Override
        | Told::CloseTask
        | Told::ReleaseHold => match resource(call) {
            Ok(body) => write(g, requester, told, call, body, opened).await,
            Err(reply) => closed(opened, reply).await,
        },
        Told::AssertRelationship => assert(g, requester, Assertions::Relationships, call, opened).await,
        Told::AssertPresence => assert(g, requester, Assertions::Presence, call, opened).await,
    }
}

/// One assertion, or many.
async fn assert(g: &Gateway, requester: &Requester, what: Assertions, call: &Call, opened: &mut Opened) -> Reply {
    match batch::items(call, what, opened).await {
        Ok(Some(items)) => batch::asserted(g, requester, what, &items, opened).await,
        Ok(None) => match resource(call) {
            Ok(body) => what.one(g, requester, body, opened).await,
            Err(reply) => closed(opened, reply).await,
        },
        Err(reply) => reply,
    }
}

async fn write(g: &Gateway, requester: &Requester, told: Told, call: &Call, body: &str, opened: &mut Opened) -> Reply {
    let wrote = match told {
        Told::CreateConsent => story::object(g, requester, body, opened).await,
        Told::UpdateConsent => {
            let id = segment(call, 1);
            story::withdraw(g, requester, id, call.if_match.as_deref(), body, opened).await
        }
        Told::ReviewConsent => {
            let id = segment(call, 1);
            story::review(g, requester, id, call.if_match.as_deref(), body, opened).await
        }
        Told::Override => story::override_objections(g, requester, body, opened).await,
        Told::CloseTask => {
            let id = segment(call, 1);
            story::close_task(g, requester, id, call.if_match.as_deref(), body, opened).await
        }
        Told::ReleaseHold => story::release_hold(g, requester, segment(call, 1), body, opened).await,
        Told::ClaimRelationship => story::claim_relationship(g, requester, body, opened).await,
        Told::Recall => story::recall(g, requester, body, opened).await,
        Told::EndRelationship => story::end_relationship(g, requester, body, opened).await,
        // read, or taken apart, before
        _ => Err(Ending::Internal.close(opened).await),
    };
    written(wrote)
}

pub(super) fn written(wrote: Result<Wrote, Ending>) -> Reply {
    match wrote {
        Err(ending) => error::ending(&ending),
        Ok(Wrote { status, released, location }) => {
            let reply = Reply::released(status, released);
            match location {
                None => reply,
                Some((url, version)) => reply.header(LOCATION, &url).header(ETAG, &format!("W/\"{version}\"")),
            }
        }
    }
}

/// The posted resource's text, where it is FHIR JSON in UTF-8.
fn resource(call: &Call) -> Result<&str, Reply> {
    if !call.content_type.as_deref().is_some_and(|text| MediaType::of(text).is_json()) {
        return Err(error::refused(415, IssueCode::NotSupported, "Send a FHIR resource as application/fhir+json."));
    }
    text(call)
}

pub(super) fn text(call: &Call) -> Result<&str, Reply> {
    if !call.query.is_empty() {
        return Err(error::refused(400, IssueCode::NotSupported, "This interaction takes no parameters in the URL."));
    }
    std::str::from_utf8(&call.body).map_err(|_| error::refused(400, IssueCode::Structure, "The body is not UTF-8."))
}

fn segment(call: &Call, at: usize) -> &str {
    call.path.get(at).map(String::as_str).unwrap_or_default()
}

fn shown(told: Result<Released, Ending>) -> Reply {
    told.map_or_else(|ending| error::ending(&ending), |released| Reply::released(200, released))
}

/// Closes the audit with the reply's status. Where that cannot be written, the caller is told so instead.
pub(super) async fn closed(opened: &mut Opened, reply: Reply) -> Reply {
    match opened.fail_anyway(reply.status, "request").await {
        Ok(()) => reply,
        Err(_) => error::ending(&Ending::AuditUnavailable),
    }
}
