//! Off to the issuer and back. A sign-in begins with a link, so that no form leads anywhere but to us.

use super::{Base, cookies::Cookie, door::goes, form::Fields, place::Place, route, server::Pages, trouble};
use crate::{
    api::{self, Reply},
    domain::{RequestId, Timestamp},
    identity::{PageSession, Returned, SignInFault},
    story::{self, SignedIn},
};
use actix_web::{
    HttpRequest,
    http::header::{LOCATION, RETRY_AFTER, SET_COOKIE},
    rt, web,
};
use std::sync::Arc;
use tokio::time::timeout;

/// Where whoever is not signed in is sent: the front page, which knows where they wanted to go.
pub fn first(base: &Base, request: &HttpRequest) -> String {
    let wanted = request.uri().path_and_query().map_or(Place::FRONT, |whole| whole.as_str());
    base.link(&with_place("/", &Place::parse(wanted)))
}

/// A path of ours that says where to go on to from there.
pub fn with_place(path: &str, to: &Place) -> String {
    if to.as_str() == Place::FRONT {
        return path.to_owned();
    }
    let coded: String = url::form_urlencoded::byte_serialize(to.as_str().as_bytes()).collect();
    format!("{path}?to={coded}")
}

/// The place that an address asks to go on to.
pub fn place(query: &str) -> Place {
    let fields = Fields::read(query.as_bytes()).unwrap_or_default();
    Place::parse(fields.get("to").unwrap_or(Place::FRONT))
}

/// `GET /sign-in/[way]`
pub fn begin(request: &HttpRequest, pages: &Pages, id: RequestId) -> Reply {
    let (way, to) = (route::segment(request.path(), 1), place(request.query_string()));
    match pages.sign_ins.begin(way, to.as_str(), Timestamp::now()) {
        Ok(begun) => {
            let ticket = Cookie::Ticket.set(&begun.ticket, Some(begun.seconds), &pages.base);
            goes(&begun.url).header(SET_COOKIE, &ticket)
        }
        Err(fault) => trouble::sign_in(fault, id, pages),
    }
}

/// `GET /sign-in/[way]/callback`
pub async fn end(request: &HttpRequest, pages: &web::Data<Pages>, before: Option<PageSession>, id: RequestId) -> Reply {
    match ended(request, pages, before, id).await {
        Ok(reply) => reply,
        Err(fault) => {
            // of somebody who is known there is a row already
            if !matches!(fault, SignInFault::Revoked) {
                pages.node.bad_tokens.note("sign-in", fault.status(), fault.reason(), id);
            }
            // one that nobody here began, a stray link or another tab's, ends none that is under way
            let is_stray = matches!(fault, SignInFault::NotBegun);
            let mut reply = trouble::sign_in(fault, id, pages);
            if !is_stray {
                reply = reply.header(SET_COOKIE, &Cookie::Ticket.forgotten(&pages.base));
            }
            if fault.status() == 503 { reply.header(RETRY_AFTER, "2") } else { reply }
        }
    }
}

async fn ended(
    request: &HttpRequest,
    pages: &web::Data<Pages>,
    before: Option<PageSession>,
    id: RequestId,
) -> Result<Reply, SignInFault> {
    let _turn = Arc::clone(&pages.ending).try_acquire_owned().map_err(|_| SignInFault::Unavailable)?;
    let fields = Fields::read(request.query_string().as_bytes()).ok_or(SignInFault::NotBegun)?;
    let field = |name: &str| fields.get(name).map(str::to_owned);
    let returned = Returned {
        way: route::segment(request.path(), 1).to_owned(),
        ticket: Cookie::Ticket.of(request.headers(), &pages.base).map(str::to_owned),
        code: field("code"),
        state: field("state"),
        issuer: field("iss"),
    };
    let (network, deadline, own) = (api::network(request), pages.node.deadline, pages.clone());
    // a task of its own: a browser that goes away leaves no sign-in used without a row
    let told = rt::spawn(async move {
        let story = story::sign_in(&own.node.gateway, &own.sign_ins, &own.sessions, &returned, network, id);
        timeout(deadline, story).await.unwrap_or(Err(SignInFault::Unavailable))
    });
    let SignedIn { session, to, released } = told.await.unwrap_or(Err(SignInFault::Unavailable))?;
    // whoever was signed in here is so no more; one that could not be ended ends by itself
    if let Some(before) = before
        && pages.sessions.end(before.id).await.is_err()
    {
        tracing::warn!("a session that another sign-in followed could not be ended");
    }
    let mut reply = Reply::released(303, released);
    reply.headers.clear();
    let (base, cookie) = (&pages.base, session.cookie());
    Ok(reply
        .header(LOCATION, &base.link(Place::parse(&to).as_str()))
        .header(SET_COOKIE, &Cookie::Session.set(&cookie, None, base))
        .header(SET_COOKIE, &Cookie::Ticket.forgotten(base)))
}
