//! The door to every page: who comes, what they want to see or do, the audit opened; then the story, and its end as a page.

use super::{
    cookies::Cookie,
    cross_site,
    form::{Fields, TOKEN},
    front, headers,
    layout::Frame,
    providers,
    route::{self, Does, PageRoute, Shows, Told},
    server::{HTML, Pages, own},
    sign_in, sign_out, trouble,
    visit::{Done, Undone, Visit},
};
use crate::{
    api::{self, Reply},
    audit::{Opened, Released},
    domain::{RequestId, Timestamp},
    identity::{PageSession, SessionId},
    story::{self, Ending},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ALLOW, LOCATION, RETRY_AFTER, SET_COOKIE},
    rt, web,
};
use std::sync::Arc;
use tokio::time::timeout;

const MAX_QUERY: usize = 8 << 10;

pub async fn door(request: HttpRequest, payload: web::Payload, pages: web::Data<Pages>) -> HttpResponse {
    let id = api::request_id(&request);
    let reply = admitted(&request, payload, &pages, id).await;
    sent(reply, &request, id, &pages)
}

/// The last thing that is done to every answer to a person.
pub fn sent(reply: Reply, request: &HttpRequest, id: RequestId, pages: &Pages) -> HttpResponse {
    let status = reply.status.to_string();
    metrics::counter!("caregate_page_requests_total", "status" => status.clone()).increment(1);
    tracing::info!(request.id = %id, http.status = status, http.method = api::method(request.method()), "page answered");
    headers::guarded(api::identified(reply, request, id), &pages.base).into_response()
}

async fn admitted(request: &HttpRequest, payload: web::Payload, pages: &web::Data<Pages>, id: RequestId) -> Reply {
    let trouble = |status| trouble::status(status, id, &pages.base, None);
    let Ok(_place) = Arc::clone(&pages.node.places).try_acquire_owned() else {
        return trouble(503).header(RETRY_AFTER, "1");
    };
    if request.query_string().len() > MAX_QUERY {
        return trouble(414);
    }
    let page = match route::find(request.method(), request.path()) {
        Ok(page) => page,
        Err(methods) if methods.is_empty() => return trouble(404),
        Err(methods) => return trouble(405).header(ALLOW, &methods),
    };
    let Some(query) = Fields::read(request.query_string().as_bytes()) else { return trouble(400) };
    let Ok(session) = session(request, pages).await else { return trouble(503).header(RETRY_AFTER, "2") };
    match page.told {
        Told::Front => front(request, pages, session, id).await,
        Told::SignIn => sign_in::begin(request, pages, id),
        Told::Callback => sign_in::end(request, pages, session, id).await,
        Told::Shows(what) => match session {
            Some(session) => {
                let visit = Visit { pages: pages.clone(), session, path: request.path().to_owned(), query };
                let opened = opened(&visit, page, request, id);
                shown(what, visit, opened, id).await
            }
            None => goes(&sign_in::first(&pages.base, request)),
        },
        Told::Does(what) => match session {
            Some(session) => {
                let visit = Visit { pages: pages.clone(), session, path: request.path().to_owned(), query };
                let mut opened = opened(&visit, page, request, id);
                if what.leads_on() {
                    opened.leads_on();
                }
                done(what, request, payload, visit, opened, id).await
            }
            None => trouble(403),
        },
    }
}

/// Who is signed in, if anybody is.
async fn session(request: &HttpRequest, pages: &Pages) -> Result<Option<PageSession>, Ending> {
    let Some(id) = Cookie::Session.of(request.headers(), &pages.base).and_then(SessionId::parse) else {
        return Ok(None);
    };
    Ok(pages.sessions.find(id, Timestamp::now()).await?)
}

/// On to another page of ours, or to sign in.
pub fn goes(to: &str) -> Reply {
    let mut reply = Reply::own(303, "");
    reply.content_type = HTML;
    reply.header(LOCATION, to)
}

async fn front(request: &HttpRequest, pages: &Pages, session: Option<PageSession>, id: RequestId) -> Reply {
    let session = match session {
        // nothing is decided here that would find it
        Some(session) => match story::is_barred(&pages.node.gateway, &session).await {
            Ok(false) => Some(session),
            Ok(true) => {
                ended(pages, &session).await;
                None
            }
            Err(_) => return trouble::status(503, id, &pages.base, None).header(RETRY_AFTER, "2"),
        },
        None => None,
    };
    let page = front::page(pages, session.as_ref(), request.query_string());
    own(200, Frame { base: &pages.base, session: session.as_ref() }.html(&page))
}

/// Ends a session whose holder may not be here. That it cannot be ended changes nothing for them: each page is decided.
async fn ended(pages: &Pages, session: &PageSession) {
    if pages.sessions.end(session.id).await.is_err() {
        tracing::warn!("the session of somebody who is barred could not be ended: it opens nothing");
    }
}

async fn shown(what: Shows, visit: Visit, mut opened: Opened, id: RequestId) -> Reply {
    let pages = visit.pages.clone();
    // a task of its own: if the browser goes away, this goes on to its closing row
    let told = rt::spawn(async move {
        let told = timeout(visit.pages.node.deadline, show(what, &visit, &mut opened)).await;
        match told {
            Ok(Ok(released)) if what.is_table() => Reply::table(released),
            Ok(Ok(released)) => whole(released),
            Ok(Err(ending)) => untold(&visit, &ending, id).await,
            Err(_) => closed(&visit, &mut opened, 504, id).await,
        }
    });
    told.await.unwrap_or_else(|_| trouble::status(500, id, &pages.base, None))
}

async fn show(what: Shows, visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    match what {
        Shows::Providers(what) => providers::show(what, visit, opened).await,
    }
}

async fn done(
    what: Does,
    request: &HttpRequest,
    payload: web::Payload,
    visit: Visit,
    mut opened: Opened,
    id: RequestId,
) -> Reply {
    let filled = match own_form(request, payload, &visit).await {
        Ok(filled) => filled,
        Err(status) => return closed(&visit, &mut opened, status, id).await,
    };
    let pages = visit.pages.clone();
    let told = rt::spawn(async move {
        let told = timeout(visit.pages.node.deadline, perform(what, &visit, &filled, &mut opened)).await;
        match told {
            Ok(Ok(done)) => went(&visit, done),
            Ok(Err(Undone::Again(status, page))) => own(status, visit.frame().html(&page)),
            Ok(Err(Undone::Ending(ending))) => untold(&visit, &ending, id).await,
            Err(_) => closed(&visit, &mut opened, 504, id).await,
        }
    });
    told.await.unwrap_or_else(|_| trouble::status(500, id, &pages.base, None))
}

/// What is done is told by the story that does it; `filled` is what the person filled in.
async fn perform(what: Does, visit: &Visit, filled: &Fields, opened: &mut Opened) -> Result<Done, Undone> {
    match what {
        Does::SignOut => Ok(sign_out::perform(visit, opened).await?),
        Does::Providers(work) => providers::perform(work, visit, filled, opened).await,
    }
}

/// A form that a page of this very session sent; else the status that says why it is not taken.
async fn own_form(request: &HttpRequest, payload: web::Payload, visit: &Visit) -> Result<Fields, u16> {
    if !cross_site::is_own(request.headers(), &visit.pages.base) {
        return Err(403);
    }
    let fields = Fields::take(request, payload).await.map_err(|fault| fault.status())?;
    let token = fields.get(TOKEN).unwrap_or_default();
    if visit.session.id.is_form_token(token) { Ok(fields) } else { Err(403) }
}

fn opened(visit: &Visit, page: &PageRoute, request: &HttpRequest, id: RequestId) -> Opened {
    let log = visit.gateway().log.clone();
    let mut opened = Opened::new(log, &visit.session.requester, api::network(request), id);
    opened.asks("page", page.shape(), None, None);
    opened
}

fn whole(released: Released) -> Reply {
    let mut reply = Reply::released(200, released);
    reply.content_type = HTML;
    // of a record's answer
    reply.headers.clear();
    reply
}

fn went(visit: &Visit, Done { released, to, cookies }: Done) -> Reply {
    let Some(to) = to else { return whole(released) };
    let mut reply = Reply::way_on(released, &visit.pages.base.link(&to));
    reply.content_type = HTML;
    cookies.iter().fold(reply, |reply, cookie| reply.header(SET_COOKIE, cookie))
}

/// Its closing row is committed. Whoever is barred is signed out with it.
async fn untold(visit: &Visit, ending: &Ending, id: RequestId) -> Reply {
    let base = &visit.pages.base;
    if matches!(ending, Ending::Refused(_)) && story::is_barred(visit.gateway(), &visit.session).await.unwrap_or(false)
    {
        ended(&visit.pages, &visit.session).await;
        let reply = trouble::ending(ending, id, base, None);
        return reply.header(SET_COOKIE, &Cookie::Session.forgotten(base));
    }
    trouble::ending(ending, id, base, Some(&visit.session))
}

/// Closes the audit with this status. Where that cannot be written, the person is told so instead.
async fn closed(visit: &Visit, opened: &mut Opened, status: u16, id: RequestId) -> Reply {
    let status = if opened.fail_anyway(status, "request").await.is_ok() { status } else { 503 };
    trouble::status(status, id, &visit.pages.base, Some(&visit.session))
}
