//! The door to every FHIR request: who asks, what they ask, the audit opened; then the story, and its end as a reply.

use super::{
    Node, batch,
    call::{self, Call},
    directory, error,
    file::Place,
    reply::Reply,
    route::{self, Shows, Told, Writes},
};
use crate::{
    audit::Opened,
    domain::RequestId,
    fhir::{MediaType, outcome::IssueCode},
    identity::Requester,
    query::{self, PageSize, QueryFault, RawQuery, Setting},
    story::{self, Ending, Gateway, Location, Wrote},
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

/// Why a story was not told, or not to its end.
pub(super) enum Untold {
    /// What is asked is not understood.
    Fault(QueryFault),
    /// Nor could it be, as it came.
    Said(Reply),
    /// Its closing row is committed.
    Ended(Ending),
}

impl From<QueryFault> for Untold {
    fn from(fault: QueryFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Reply> for Untold {
    fn from(reply: Reply) -> Self {
        Self::Said(reply)
    }
}

impl From<Ending> for Untold {
    fn from(ending: Ending) -> Self {
        Self::Ended(ending)
    }
}

async fn tell(node: &Node, requester: &Requester, call: &Call, opened: &mut Opened) -> Reply {
    match told(node, requester, call, opened).await {
        Ok(reply) => reply,
        Err(Untold::Fault(fault)) => closed(opened, error::query(&fault)).await,
        Err(Untold::Said(reply)) => closed(opened, reply).await,
        Err(Untold::Ended(ending)) => error::ending(&ending),
    }
}

async fn told(node: &Node, requester: &Requester, call: &Call, opened: &mut Opened) -> Result<Reply, Untold> {
    let g = &*node.gateway;
    match route::find(&call.method, &call.path).map_err(|methods| no_way_in(&methods))? {
        Told::Shows(what) => show(node, requester, what, call, opened).await,
        Told::Writes(Writes::ProbeEndpoint) => {
            nothing(call)?;
            Ok(written(story::probe_endpoint(&node.gateway, requester, segment(call, 1), opened).await?))
        }
        Told::Writes(what) => Ok(written(write(g, requester, what, call, opened).await?)),
        Told::Registers(listed, what) if directory::is_entry(listed, what, segment(call, 1)) => {
            directory::told(g, requester, (listed, what), (call, &setting(node)), opened).await
        }
        Told::Registers(..) => show(node, requester, Shows::Record, call, opened).await,
        Told::Asserts(what) => match batch::items(call, what, opened).await? {
            Some(items) => batch::asserted(g, requester, what, &items, opened).await,
            None => Ok(written(what.one(g, requester, resource(call)?, opened).await?)),
        },
    }
}

fn no_way_in(methods: &str) -> Reply {
    if methods.is_empty() {
        return error::refused(404, IssueCode::NotSupported, "There is nothing at this path.");
    }
    error::refused(405, IssueCode::NotSupported, "This method is not supported here.").header(ALLOW, methods)
}

async fn show(
    node: &Node,
    requester: &Requester,
    what: Shows,
    call: &Call,
    opened: &mut Opened,
) -> Result<Reply, Untold> {
    let g = &*node.gateway;
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let (raw, setting) = (raw_query(call, &path), setting(node));
    let id = segment(call, 1);
    let released = match what {
        Shows::Record => story::record(g, requester, query::parse(&raw, &setting)?, call.wishes(), opened).await,
        Shows::Everything => {
            let ask = query::parse_everything(&raw, id, &setting)?;
            story::record(g, requester, ask, call.wishes(), opened).await
        }
        Shows::Summary => {
            let ask = query::parse_summary(&raw, id, &setting)?;
            story::record(g, requester, ask, call.wishes(), opened).await
        }
        Shows::Document => story::document(g, requester, query::parse_document(&raw, &setting)?, opened).await,
        Shows::AccessLog => story::access_log(g, requester, &query::parse_log(&raw, &setting)?, opened).await,
        Shows::Consents => story::objections(g, requester, &query::parse_consents(&raw, &setting)?, opened).await,
        Shows::Consent => {
            query::parse_own_read(&raw, &setting)?;
            story::objection(g, requester, id, opened).await
        }
        Shows::Tasks => story::review_desk(g, requester, &query::parse_desk(&raw, &setting)?, opened).await,
        Shows::Task => {
            query::parse_own_read(&raw, &setting)?;
            story::review_task(g, requester, id, opened).await
        }
        Shows::Disclosures => {
            let ask = query::parse_disclosures(&raw, &setting)?;
            let released = story::disclosures(g, requester, id, &ask, opened).await?;
            return Ok(if ask.csv { Reply::table(released) } else { Reply::released(200, released) });
        }
        Shows::DisclosureTotals => {
            story::disclosure_totals(g, requester, id, &query::parse_disclosures(&raw, &setting)?, opened).await
        }
        Shows::EndpointStages => {
            query::parse_own_read(&raw, &setting)?;
            story::endpoint_stages(g, requester, id, opened).await
        }
        Shows::EndpointProbe => {
            query::parse_own_read(&raw, &setting)?;
            story::endpoint_probe(g, requester, id, opened).await
        }
        Shows::ExplainAccess => story::explain(g, requester, &query::parse_explain(&raw, &setting)?, opened).await,
    };
    Ok(Reply::released(200, released?))
}

pub(super) fn raw_query<'a>(call: &'a Call, path: &'a [&'a str]) -> RawQuery<'a> {
    RawQuery {
        method: if call.method == Method::POST { query::Method::Post } else { query::Method::Get },
        path,
        query: &call.query,
        content_type: call.content_type.as_deref(),
        body: &call.body,
        accept: call.accept.as_deref(),
    }
}

fn setting(node: &Node) -> Setting<'_> {
    Setting { ids: &node.gateway.ids, bases: &node.bases, page_size: PageSize::default() }
}

async fn write(
    g: &Gateway,
    requester: &Requester,
    what: Writes,
    call: &Call,
    opened: &mut Opened,
) -> Result<Wrote, Untold> {
    let (body, id, if_match) = (resource(call)?, segment(call, 1), call.if_match.as_deref());
    let wrote = match what {
        Writes::CreateConsent => story::object(g, requester, body, opened).await,
        Writes::UpdateConsent => story::withdraw(g, requester, id, if_match, body, opened).await,
        Writes::ReviewConsent => story::review(g, requester, id, if_match, body, opened).await,
        Writes::Override => story::override_objections(g, requester, body, opened).await,
        Writes::CloseTask => story::close_task(g, requester, id, if_match, body, opened).await,
        Writes::ReleaseHold => story::release_hold(g, requester, id, body, opened).await,
        Writes::ClaimRelationship => story::claim_relationship(g, requester, body, opened).await,
        Writes::Recall => story::recall(g, requester, body, opened, story::TakenBack::parameters).await,
        Writes::StageEndpoint => story::stage_endpoint(g, requester, id, body, opened).await,
        // told apart above: it has no body
        Writes::ProbeEndpoint => return Err(Ending::Internal.into()),
        Writes::EndRelationship => story::end_relationship(g, requester, body, opened).await,
    };
    Ok(wrote?)
}

pub(super) fn written(Wrote { status, released, location }: Wrote) -> Reply {
    let reply = Reply::released(status, released);
    match location {
        None => reply,
        Some(Location { url, version }) => reply.header(LOCATION, &url).header(ETAG, &etag(version)),
    }
}

pub(super) fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The posted resource's text, where it is FHIR JSON in UTF-8.
pub(super) fn resource(call: &Call) -> Result<&str, Reply> {
    if !call.content_type.as_deref().is_some_and(|text| MediaType::of(text).is_json()) {
        return Err(error::refused(415, IssueCode::NotSupported, "Send a FHIR resource as application/fhir+json."));
    }
    text(call)
}

/// What is asked is all in the path.
fn nothing(call: &Call) -> Result<(), Reply> {
    if text(call)?.is_empty() {
        return Ok(());
    }
    Err(error::refused(
        400,
        IssueCode::NotSupported,
        "This interaction takes no body: what is registered is what is probed.",
    ))
}

pub(super) fn text(call: &Call) -> Result<&str, Reply> {
    if !call.query.is_empty() {
        return Err(error::refused(400, IssueCode::NotSupported, "This interaction takes no parameters in the URL."));
    }
    std::str::from_utf8(&call.body).map_err(|_| error::refused(400, IssueCode::Structure, "The body is not UTF-8."))
}

pub(super) fn segment(call: &Call, at: usize) -> &str {
    call.path.get(at).map(String::as_str).unwrap_or_default()
}

/// Closes the audit with the reply's status. Where that cannot be written, the caller is told so instead.
async fn closed(opened: &mut Opened, reply: Reply) -> Reply {
    match opened.fail_anyway(reply.status, "request").await {
        Ok(()) => reply,
        Err(_) => error::ending(&Ending::AuditUnavailable),
    }
}
