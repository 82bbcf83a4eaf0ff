use super::{
    Node, certificate, error,
    reply::Reply,
    route::{self, Shows, Told},
};
use crate::{
    domain::{RequestId, Timestamp},
    fhir::outcome::IssueCode,
    identity::{self, IdentityError, Requester},
    story::Wishes,
};
use actix_web::{
    HttpRequest,
    http::{
        Method,
        header::{
            ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, IF_MATCH,
        },
    },
    web::Payload,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};

/// One request, taken in whole: all that a story may know of it.
pub struct Call {
    pub method: Method,
    /// The path below `/fhir`, still percent-encoded, cut at its slashes.
    pub path: Vec<String>,
    pub query: String,
    pub body: Bytes,
    pub content_type: Option<String>,
    pub accept: Option<String>,
    pub if_match: Option<String>,
    /// `X-Completeness: required`: the caller wants all or nothing.
    must_be_complete: bool,
    /// `Cache-Control: no-cache` or `max-age`: how old what is remembered may be.
    max_age: Option<Duration>,
}

const MAX_QUERY: usize = 8 << 10;
/// It is written in the audit: no type, id or operation needs more.
const MAX_PATH: usize = 1 << 10;

/// Headers that ask for another method than the request line names. One that is obeyed anywhere on the way makes a write
/// of a read, so none is let in.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Who asks: the first thing to know, as to a stranger every fault looks the same.
pub async fn requester(node: &Node, request: &HttpRequest, id: RequestId) -> Result<Arc<Requester>, Reply> {
    let authorization = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes());
    let verified = match identity::bearer(authorization, request.query_string()) {
        Ok(token) => node.gateway.verifier.requester(token, certificate::shown(node, request)).await,
        Err(error) => Err(error),
    };
    verified.map_err(|error| {
        if let IdentityError::Refused { reason, .. } = error {
            node.bad_tokens.note("authenticate", 401, reason.code(), id);
        }
        error::identity(&error)
    })
}

/// The peer's address: the connection's own. `Forwarded` and its like are ignored on purpose: anybody can write them, and the
/// audit would repeat it.
pub fn network(request: &HttpRequest) -> Option<String> {
    request.peer_addr().map(|peer| peer.ip().to_string())
}

impl Call {
    /// Takes the rest in, or says why not.
    pub async fn take(request: &HttpRequest, payload: Payload) -> Result<Self, Reply> {
        let headers = request.headers();
        let query = request.query_string();
        // the raw path: what the framework decodes could turn one segment into two
        let path = request.uri().path().strip_prefix("/fhir/").unwrap_or_default();
        if METHOD_OVERRIDES.iter().any(|name| headers.contains_key(*name)) {
            let diagnostics = "Method override headers are not supported: send the method itself.";
            return Err(error::refused(400, IssueCode::NotSupported, diagnostics));
        }
        if query.len() > MAX_QUERY || path.len() > MAX_PATH {
            return Err(error::refused(
                414,
                IssueCode::TooLong,
                "The path is longer than 1 KiB, or the query than 8 KiB.",
            ));
        }
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(error::refused(415, IssueCode::NotSupported, "Send the body without Content-Encoding."));
        }
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        let max_body = route::find(request.method(), &path).unwrap_or(Told::Shows(Shows::Record)).max_body();
        Ok(Self {
            method: request.method().clone(),
            path,
            query: query.to_owned(),
            content_type: text(headers, &CONTENT_TYPE),
            accept: text(headers, &ACCEPT),
            if_match: text(headers, &IF_MATCH),
            must_be_complete: headers
                .get_all("x-completeness")
                .any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"required")),
            max_age: max_age(headers),
            body: body(payload, max_body).await?,
        })
    }

    pub fn wishes(&self) -> Wishes {
        let since = self.max_age.map(|age| Timestamp::now().minus(age.max(JUST_NOW)));
        Wishes { complete: self.must_be_complete, since }
    }
}

/// What was asked so lately serves whoever wants it afresh too: providers are not asked more often by that.
const JUST_NOW: Duration = Duration::from_secs(1);

/// <https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1>: of several directives the strictest. Others have no say: what is kept,
/// and how answers to callers may be, is not theirs to choose.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let texts = headers.get_all(CACHE_CONTROL).filter_map(|value| value.to_str().ok());
    let directives = texts.flat_map(|text| text.split(',')).map(|directive| directive.trim().to_ascii_lowercase());
    let ages = directives.filter_map(|directive| match directive.as_str() {
        "no-cache" => Some(Duration::ZERO),
        other => {
            let seconds = other.strip_prefix("max-age=")?.trim_matches('"').parse().ok()?;
            Some(Duration::from_secs(u64::from(u32::min(seconds, MOST_AGE))))
        }
    });
    ages.min()
}

/// Seconds: nothing is remembered for longer.
const MOST_AGE: u32 = 86_400;

pub async fn body(mut payload: Payload, most: usize) -> Result<Bytes, Reply> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| error::refused(400, IssueCode::Structure, "The body could not be read."))?;
        if body.len() + chunk.len() > most {
            return Err(error::refused(
                413,
                IssueCode::TooLong,
                "The body is larger than is taken here: 64 KiB, or 1 MiB of many Parameters.",
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// A header that comes twice says two things: then it says nothing.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::to_owned),
        _ => None,
    }
}
