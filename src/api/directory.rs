//! The registry's routes: each reads what it is sent, and has the story of it told.

use super::{
    call::Call,
    fhir::{Untold, etag, raw_query, resource, segment, written},
    reply::Reply,
};
use crate::{
    access::Listed,
    audit::Opened,
    domain::OdsCode,
    identity::Requester,
    query::{self, Setting},
    story::{self, Gateway},
};
use actix_web::http::header::ETAG;

/// What is done to the entries of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registers {
    Search,
    Read,
    History,
    Create,
    Update,
    Approve,
}

/// An id that is an organisation's code is an entry's. An Organization of the record has an id of ours, which is no such code.
pub(super) fn is_entry(listed: Listed, what: Registers, id: &str) -> bool {
    listed == Listed::Endpoint || what != Registers::Read || OdsCode::parse(id).is_ok()
}

pub(super) async fn told(
    g: &Gateway,
    requester: &Requester,
    (listed, what): (Listed, Registers),
    (call, setting): (&Call, &Setting<'_>),
    opened: &mut Opened,
) -> Result<Reply, Untold> {
    let (id, if_match) = (segment(call, 1), call.if_match.as_deref());
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let raw = raw_query(call, &path);
    Ok(match what {
        Registers::Search => {
            let ask = match listed {
                Listed::Organization => query::parse_organizations(&raw, setting)?,
                Listed::Endpoint => query::parse_endpoints(&raw, setting)?,
            };
            Reply::released(200, story::entries(g, requester, listed, &ask, opened).await?)
        }
        Registers::Read => {
            query::parse_own_read(&raw, setting)?;
            let (released, version) = story::entry(g, requester, listed, id, opened).await?;
            Reply::released(200, released).header(ETAG, &etag(version))
        }
        Registers::History => {
            query::parse_own_read(&raw, setting)?;
            Reply::released(200, story::entry_history(g, requester, listed, id, opened).await?)
        }
        Registers::Create => written(story::register(g, requester, listed, resource(call)?, opened).await?),
        Registers::Update => {
            written(story::change_entry(g, requester, listed, (id, if_match), resource(call)?, opened).await?)
        }
        Registers::Approve => written(story::approve_entry(g, requester, listed, id, resource(call)?, opened).await?),
    })
}
