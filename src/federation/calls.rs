//! One question put to one provider: by the calls it needs, and within its allowance one more where that helps.
//!
//! A call that fails at once is repeated once; one that is slow at a provider with replicas is joined by a second at
//! another of them, and the first good answer is taken. Next pages are asked for where the page before came from: a
//! cursor means nothing elsewhere.

use super::{
    Failure,
    bulkhead::Place,
    http::{Http, Incoming, Miss},
    line::{Endpoint, Line},
    question::Asked,
    vitals::{Came, Step},
};
use crate::{
    domain::{OdsCode, Timestamp},
    identity::Statements,
    registry::Provider,
};
use bytes::Bytes;
use futures::future::{Either, select};
use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout, timeout_at},
};
use url::Url;

/// All calls of this node to providers.
pub struct Calls {
    http: Http,
    /// Where a provider says nothing of its own.
    places: usize,
    lines: Mutex<HashMap<OdsCode, Arc<Line>>>,
}

/// What was answered, and at which address.
pub struct Page {
    pub url: Url,
    pub body: Bytes,
}

/// Why a call is made; the names are metrics'.
enum Reason {
    Needed,
    Repeat,
    Hedge(Place),
}

impl Calls {
    pub fn new(places: usize, statements: Option<Arc<Statements>>) -> Result<Self, reqwest::Error> {
        Ok(Self { http: Http::new(statements)?, places, lines: Mutex::default() })
    }

    /// Asks anew, by a URL made from the provider's base. `left` is what may still be read of this answer.
    pub async fn first(&self, asked: Asked<'_>, url: Url, left: &mut usize) -> Result<Page, Failure> {
        let line = self.line(asked.provider)?;
        get(&line, asked, &line.places_to_ask(&url), left).await.map_err(|miss| miss.failure)
    }

    /// Asks for one resource by its id: `None` where the server itself says that there is none.
    pub async fn read(&self, asked: Asked<'_>, url: Url, left: &mut usize) -> Result<Option<Page>, Failure> {
        let line = self.line(asked.provider)?;
        match get(&line, asked, &line.places_to_ask(&url), left).await {
            Err(miss) if miss.none_such => Ok(None),
            got => got.map(Some).map_err(|miss| miss.failure),
        }
    }

    /// Asks for a further page, by the URL that the provider gave.
    pub async fn next(&self, asked: Asked<'_>, url: Url, left: &mut usize) -> Result<Page, Failure> {
        let line = self.line(asked.provider)?;
        let endpoint = line.endpoint_of(&url).ok_or(Failure::ForeignPage)?;
        get(&line, asked, &[(endpoint, url)], left).await.map_err(|miss| miss.failure)
    }

    /// Asks for a document, which is passed on as it comes: its place among the calls is held, and its health judged, until
    /// its first bytes have come, and its place among the documents until it ends. It is asked for once, and at its own
    /// address alone.
    pub async fn open(&self, asked: Asked<'_>, url: Url, most: u64) -> Result<Incoming, Failure> {
        let Asked { provider, deadline, .. } = asked;
        let line = self.line(provider)?;
        let endpoint = line.endpoint_of(&url).ok_or(Failure::Elsewhere)?;
        let document = line.documents.place(deadline).await?;
        let _place = line.bulkhead.place(deadline).await?;
        let pass = endpoint.admit(&line, deadline)?;
        line.earn();
        metrics::counter!("caregate_provider_calls_total", "provider" => provider.ods.to_string(), "reason" => "needed")
            .increment(1);
        let opened = timeout_at(deadline, line.connection.open(asked, url, most)).await;
        let got = opened.unwrap_or(Err(Failure::Timeout.into()));
        pass.ended(&got);
        got.map(|incoming| incoming.holding(document)).map_err(|miss| miss.failure)
    }

    /// What the provider says of itself at its base's `metadata`. Of no patient and waited for by nobody, so that it is none
    /// of the line's places, repeats and breaker.
    pub async fn own_word(&self, provider: &Arc<Provider>, most: usize) -> Result<Bytes, Failure> {
        let url = provider.base.join("metadata").map_err(|_| Failure::Internal)?;
        let got = self.line(provider)?.connection.own_word(provider, url, most).await;
        got.map_err(|miss| miss.failure)
    }

    /// How the provider has answered since then, and why it is not asked now if it is not. Nothing of one that was never asked.
    pub fn vitals(&self, ods: OdsCode, from: Timestamp) -> (Vec<Step>, Option<Failure>) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.get(&ods).map(Arc::clone);
        drop(lines);
        line.map(|line| (line.vitals.since(from), line.rests())).unwrap_or_default()
    }

    /// The provider's turns on the pool.
    pub fn turns(&self, provider: &Arc<Provider>) -> Result<Arc<Semaphore>, Failure> {
        Ok(Arc::clone(&self.line(provider)?.turns))
    }

    /// What is known of the provider as it is configured or registered now. A request that began by an entry before ends by it, on a line
    /// of its own: what is known of the one in force stays.
    fn line(&self, provider: &Arc<Provider>) -> Result<Arc<Line>, Failure> {
        if provider.is_out_of_use {
            return Err(Failure::OutOfUse);
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lines.get(&provider.ods);
        if let Some(line) = known.filter(|line| Arc::ptr_eq(&line.provider, provider)) {
            return Ok(Arc::clone(line));
        }
        let is_past = known.is_some_and(|line| line.provider.version > provider.version);
        let connection = self.http.connection(provider).map_err(|_| Failure::Internal)?;
        let vitals = known.map(|line| Arc::clone(&line.vitals)).unwrap_or_default();
        let line = Arc::new(Line::new(provider, connection, self.places, vitals));
        if !is_past {
            lines.insert(provider.ods, Arc::clone(&line));
        }
        Ok(line)
    }
}

async fn get(line: &Line, asked: Asked<'_>, to: &[(&Endpoint, Url)], left: &mut usize) -> Result<Page, Miss> {
    let mut open = Vec::new();
    let mut shut = Failure::Internal;
    for (endpoint, url) in to {
        match endpoint.may_be_asked() {
            Ok(()) => open.push(Call { line, asked, endpoint, url, most: *left }),
            Err(failure) => shut = failure,
        }
    }
    let Some(first) = open.first().copied() else {
        line.vitals.note(Timestamp::now(), Duration::ZERO, Came::Unasked);
        return Err(shut.into());
    };
    let second = open.get(1).copied();
    let got = match hedged(first, second).await {
        Err(miss) => match line.repeat(miss, asked.deadline) {
            Some(wait) => {
                sleep(wait).await;
                second.unwrap_or(first).make(Reason::Repeat).await
            }
            None => Err(miss),
        },
        got => got,
    };
    let page = got?;
    *left = left.saturating_sub(page.body.len());
    Ok(page)
}

/// The first good answer of the two; the second call is made only once the first is slow.
async fn hedged(first: Call<'_>, second: Option<Call<'_>>) -> Result<Page, Miss> {
    let line = first.line;
    let mut under_way = pin!(first.make(Reason::Needed));
    let Some((second, slow)) = second.zip(line.pace.slow()) else { return under_way.await };
    if let Ok(got) = timeout(slow, &mut under_way).await {
        return got;
    }
    let Some(place) = line.hedge() else { return under_way.await };
    let beside = pin!(second.make(Reason::Hedge(place)));
    match select(under_way, beside).await {
        Either::Left((Err(_), other)) => other.await,
        Either::Right((Err(_), other)) => other.await,
        Either::Left((got, _)) | Either::Right((got, _)) => got,
    }
}

#[derive(Clone, Copy)]
struct Call<'a> {
    line: &'a Line,
    asked: Asked<'a>,
    endpoint: &'a Endpoint,
    url: &'a Url,
    most: usize,
}

impl Call<'_> {
    async fn make(self, reason: Reason) -> Result<Page, Miss> {
        let Self { line, asked, endpoint, url, most } = self;
        let Asked { provider, deadline, .. } = asked;
        let name = match &reason {
            Reason::Needed => "needed",
            Reason::Repeat => "repeat",
            Reason::Hedge(_) => "hedge",
        };
        let _place = match reason {
            Reason::Hedge(place) => place,
            Reason::Needed | Reason::Repeat => line.bulkhead.place(deadline).await?,
        };
        let pass = endpoint.admit(line, deadline)?;
        if name == "needed" {
            line.earn();
        }
        metrics::counter!("caregate_provider_calls_total", "provider" => provider.ods.to_string(), "reason" => name)
            .increment(1);
        let body = timeout_at(deadline, line.connection.get(asked, url.clone(), most)).await;
        let got = body.unwrap_or(Err(Failure::Timeout.into()));
        pass.ended(&got);
        Ok(Page { url: url.clone(), body: got? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Freshness;
    use crate::{
        domain::{RequestId, Timestamp},
        federation::{
            question::{Asker, Question},
            testing::{patient, provider, requester, sensitivities},
        },
    };
    use reqwest::dns::{Name, Resolve, Resolving};
    use std::{future::pending, time::Duration};
    use tokio::time::Instant;

    struct Never;

    impl Resolve for Never {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(pending())
        }
    }

    #[tokio::test]
    async fn a_name_that_is_not_looked_up_in_time_is_a_timeout_and_soon_not_waited_for() {
        let calls = Calls { http: Http::resolving_by(Never), places: 1, lines: Mutex::default() };
        let (provider, sensitivities, requester) = (Arc::new(provider("RZ901")), sensitivities(), requester());
        let mut found = Vec::new();
        for _ in 0..6 {
            let numbers = patient().into();
            let question = Question::new(&numbers, 0, &sensitivities, Asker::of(&requester));
            let deadline = Instant::now() + Duration::from_millis(20);
            let (request, freshness) = (RequestId::fresh(), Freshness::default());
            let asked = Asked { provider: &provider, question, request, began: Timestamp::now(), deadline, freshness };
            found.push(calls.first(asked, provider.base.join("Patient").unwrap(), &mut 1000).await.err().unwrap());
        }
        assert_eq!(found[..5], [Failure::Timeout; 5]);
        assert_eq!(found[5], Failure::Ejected);
    }
}
