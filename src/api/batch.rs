//! Many assertions in one request. Each is decided, written and recorded by itself, as if it had come alone, in no set order:
//! one that is refused stops no other. What was acknowledged is in force even if the rest of the answer is lost, and sending
//! all of it again changes nothing: the same organisation, basis and evidence is the same relationship, which is not begun again once it was ended,
//! and a pointer is a pointer.

use super::{
    call::Call,
    error,
    fhir::{self, Untold},
    reply::Reply,
};
use crate::{
    access::batch,
    audit::Opened,
    fhir::MediaType,
    identity::{Party, Requester},
    record::Redacted,
    story::{self, Ending, Gateway, Wrote},
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

/// What each of the items says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assertions {
    Relationships,
    Presence,
}

impl Assertions {
    fn operation(self) -> &'static str {
        match self {
            Self::Relationships => "Patient/$assert-relationship",
            Self::Presence => "Patient/$assert-presence",
        }
    }

    /// One of them, by itself.
    pub async fn one(
        self,
        g: &Gateway,
        requester: &Requester,
        item: &str,
        opened: &mut Opened,
    ) -> Result<Wrote, Ending> {
        match self {
            Self::Relationships => story::assert_relationship(g, requester, item, opened).await,
            Self::Presence => story::assert_presence(g, requester, item, opened).await,
        }
    }
}

const NDJSON: [&str; 3] = ["application/fhir+ndjson", "application/x-ndjson", "application/ndjson"];
/// So many items share a commit of the log, where the database lets them.
const AT_A_TIME: usize = 32;

/// The items of what was posted; `None` where it is one resource, and not several. An envelope that is not understood is
/// refused whole.
pub async fn items(call: &Call, what: Assertions, opened: &mut Opened) -> Result<Option<Vec<String>>, Untold> {
    let Some(media) = call.content_type.as_deref().map(MediaType::of) else { return Ok(None) };
    let lines = NDJSON.contains(&media.essence()) && media.is_r4_in_utf8();
    if !lines && !media.is_json() {
        return Ok(None);
    }
    let text = fhir::text(call)?;
    let items = if lines { batch::read_lines(text).map(Some) } else { batch::read_bundle(text, what.operation()) };
    match items {
        Ok(items) => Ok(items),
        Err(fault) => Err(Ending::Content(fault).close(opened).await.into()),
    }
}

/// A Bundle of type batch-response with an outcome for each item, in their order, whose id is that of the item's rows.
pub async fn asserted(
    g: &Gateway,
    requester: &Requester,
    what: Assertions,
    items: &[String],
    opened: &mut Opened,
) -> Result<Reply, Untold> {
    if let (false, Some(first)) = (matches!(requester.party, Party::System { .. }), items.first()) {
        // for nobody else is there an item that could be taken: one refusal, not a row in the log of each patient named
        return Ok(fhir::written(what.one(g, requester, first, opened).await?));
    }
    opened.asks("batch", what.operation().to_owned(), Some("Patient"), None);
    let one = |(at, item): (usize, &String)| {
        let (mut opened, item) = (opened.item(at), item.clone());
        async move {
            let id = opened.request_id();
            let wrote = what.one(g, requester, &item, &mut opened).await;
            let reply = wrote.map_or_else(|ending| error::ending(&ending), fhir::written);
            let mut outcome: Value = serde_json::from_slice(&reply.text()).unwrap_or_default();
            if let Value::Object(members) = &mut outcome {
                members.insert("id".to_owned(), json!(id));
            }
            json!({"response": {"status": reply.status.to_string(), "outcome": outcome}})
        }
    };
    let entries: Vec<Value> = stream::iter(items.iter().enumerate()).map(one).buffered(AT_A_TIME).collect().await;
    let body = json!({"resourceType": "Bundle", "type": "batch-response", "entry": entries}).to_string();
    let released = opened.wrote(Redacted::own(body), 200).await.map_err(Ending::from)?;
    Ok(Reply::released(200, released))
}
