use super::{Base, assets, door, trouble};
use crate::{
    api::{self, Node, Reply},
    identity::{Sessions, SignIns},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCEPT, HeaderMap},
    web,
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What the pages of a node are made with.
pub struct Pages {
    pub node: web::Data<Node>,
    pub base: Base,
    pub sign_ins: SignIns,
    pub sessions: Arc<Sessions>,
    /// Sign-ins that are being ended: each asks an issuer, and anybody may begin one.
    pub ending: Arc<Semaphore>,
}

/// How many sign-ins end at a time.
pub const SIGN_INS_MAX: usize = 64;

/// Adds the pages to a server, and what is said of addresses where nothing is.
pub fn routes(pages: web::Data<Pages>) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |app| {
        app.app_data(pages.clone())
            .route("/assets/{hash}/{name}", web::get().to(asset))
            .default_service(web::route().to(elsewhere));
        // each path once, whatever the method: the table knows which it has
        let mut paths: Vec<_> = super::PAGES.iter().map(|page| pattern(page.path)).collect();
        paths.dedup();
        for path in paths {
            app.route(&path, web::route().to(door::door));
        }
    }
}

/// A path as the router has it.
fn pattern(path: &[&str]) -> String {
    let segments = path.iter().enumerate().map(|(at, segment)| match *segment {
        "*" => format!("/{{s{at}}}"),
        plain => format!("/{plain}"),
    });
    segments.collect()
}

async fn asset(path: web::Path<(String, String)>, request: HttpRequest, pages: web::Data<Pages>) -> HttpResponse {
    let (hash, name) = path.into_inner();
    match assets::find(&hash, &name) {
        Some(found) => found,
        None => elsewhere(request, pages).await,
    }
}

/// Nothing is here: said to a person in words, to a system as everything else is.
async fn elsewhere(request: HttpRequest, pages: web::Data<Pages>) -> HttpResponse {
    let below = |path: &str| request.path() == path || request.path().starts_with(&format!("{path}/"));
    if below("/fhir") || below("/oauth") || !wants_html(request.headers()) {
        return api::nothing_here(request).await;
    }
    let id = api::request_id(&request);
    door::sent(trouble::status(404, id, &pages.base, None), &request, id, &pages)
}

fn wants_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).any(|accept| accept.contains("text/html"))
}

/// A page that says nothing of anyone: front page, errors.
pub fn own(status: u16, html: String) -> Reply {
    let mut reply = Reply::own(status, html);
    reply.content_type = HTML;
    reply
}

pub const HTML: &str = "text/html; charset=utf-8";
