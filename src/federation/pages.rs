//! A search at one provider, page after page, each under what is left of one budget.

use super::{Failure, calls::Calls, question::Asked};
use crate::{
    fhir::{
        bundle::{self, BundleEntry, BundleFault, BundleHead},
        json::{JsonFault, Limits, Tape, Value},
    },
    registry::Provider,
};
use bytes::Bytes;
use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};
use tokio::sync::Semaphore;
use url::Url;

/// What one provider's answer to one question may cost, over all of its pages.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Of all its pages, decoded.
    pub bytes: usize,
    pub limits: Limits,
    pub pages: usize,
}

/// Takes the matches of an answer, in the order they come.
pub trait Take: Send + 'static {
    fn take(&mut self, entry: BundleEntry<'_>) -> Result<(), Failure>;
}

/// Asks `first` and every next page, giving each match to `taker`. Entries that only tell how the search went are
/// dropped, unless they say that it failed; includes, which nobody asked for, are refused.
pub async fn search<T: Take>(
    calls: &Calls,
    asked: Asked<'_>,
    first: Url,
    budget: &mut Budget,
    mut taker: T,
) -> Result<T, Failure> {
    budget.pages = budget.pages.checked_sub(1).ok_or(Failure::TooManyPages)?;
    let mut page = calls.first(asked, first, &mut budget.bytes).await?;
    let mut seen = HashSet::from([page.url.clone()]);
    let (mut matches, mut total) = (HashSet::new(), None);
    loop {
        let (said, back) = read(calls, asked.provider, page.body, &mut budget.limits, taker).await?;
        taker = back;
        if !said.head.is_searchset() {
            return Err(Failure::NotSearchset);
        }
        matches.extend(said.matches);
        total = total.max(said.head.total);
        let Some(next) = said.head.next else {
            // some servers cut an answer at `_count` and lead to no further page
            let missing = total.is_some_and(|total| u64::try_from(matches.len()).is_ok_and(|came| came < total));
            return if missing { Err(Failure::MissingPages) } else { Ok(taker) };
        };
        let url = own_page(asked.provider, &page.url, &next)?;
        if !seen.insert(url.clone()) {
            return Err(Failure::TooManyPages);
        }
        budget.pages = budget.pages.checked_sub(1).ok_or(Failure::TooManyPages)?;
        page = match calls.next(asked, url, &mut budget.bytes).await {
            // a page that it named itself: that is no word on whether it serves the type
            Err(Failure::Status(_) | Failure::NotSupported) => return Err(Failure::NotSearchset),
            page => page?,
        };
    }
}

/// A page larger than this is read on the pool: it would hold up everyone else on this event loop for milliseconds.
pub const HEAVY: usize = 64 << 10;

/// As many heavy pages at once as there are cores, and two; the others wait without holding a thread.
static POOL: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(turns()));

fn turns() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// One provider's: never all of them, so that its pages alone do not keep the others' waiting.
pub(super) fn own_turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(turns() - 1))
}

/// What a page says of itself, and the ids of the matches on it: one that comes twice is one.
pub(super) struct Read {
    head: BundleHead,
    matches: Vec<String>,
}

async fn read<T: Take>(
    calls: &Calls,
    provider: &Arc<Provider>,
    page: Bytes,
    limits: &mut Limits,
    mut taker: T,
) -> Result<(Read, T), Failure> {
    if page.len() <= HEAVY {
        return Ok((read_here(&page, limits, &mut taker)?, taker));
    }
    let mut left = *limits;
    let read = on_pool(calls, provider, move || {
        let page = read_here(&page, &mut left, &mut taker)?;
        Ok((page, taker, left))
    });
    let (page, taker, left) = read.await??;
    *limits = left;
    Ok((page, taker))
}

/// Runs heavy work for one provider on the pool. Its turn lasts as long as the work, whoever has stopped waiting for it.
pub async fn on_pool<T: Send + 'static>(
    calls: &Calls,
    provider: &Arc<Provider>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let own = calls.turns(provider)?.acquire_owned().await.map_err(|_| Failure::Internal)?;
    let turn = POOL.acquire().await.map_err(|_| Failure::Internal)?;
    let work = move || {
        let _turns = (own, turn);
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| Failure::Internal)
}

pub(super) fn read_here<T: Take>(page: &[u8], limits: &mut Limits, taker: &mut T) -> Result<Read, Failure> {
    let mut matches = Vec::new();
    let each = |entry: BundleEntry<'_>| {
        matches.extend(match_only(entry, taker)?);
        Ok(())
    };
    let head = bundle::read(page, limits, &mut Tape::new(), each).map_err(|PageFault(failure)| failure)?;
    Ok(Read { head, matches })
}

/// <https://hl7.org/fhir/R4/valueset-issue-type.html>: entries are missing, whatever the severity.
const NOT_ALL: [&str; 6] = ["incomplete", "timeout", "throttled", "too-costly", "lock-error", "suppressed"];

/// Lets the reader's own faults and ours travel together.
struct PageFault(Failure);

impl From<BundleFault> for PageFault {
    fn from(fault: BundleFault) -> Self {
        Self(match fault {
            BundleFault::Json(JsonFault::TooDeep(_) | JsonFault::TooManyNodes(_)) => Failure::TooLarge,
            BundleFault::Json(_) => Failure::NotJson,
            BundleFault::Shape(_) => Failure::NotSearchset,
        })
    }
}

/// Whether an outcome among the entries says that they are not all that there is.
pub fn tells_of_failure(outcome: Value<'_>) -> bool {
    let mut failed = false;
    outcome.each("issue", &mut |issue| {
        failed |= matches!(issue.text("severity").as_deref(), Some("fatal" | "error"));
        // however lightly it is said: what came is not all there is
        failed |= issue.text("code").is_some_and(|code| NOT_ALL.contains(&&*code));
    });
    failed
}

/// Its id, where it was one.
fn match_only(entry: BundleEntry<'_>, taker: &mut impl Take) -> Result<Option<String>, PageFault> {
    let resource = entry.resource().ok_or(PageFault(Failure::UnexpectedEntry))?;
    let is_outcome = resource.text("resourceType").as_deref() == Some("OperationOutcome");
    match entry.search_mode().as_deref() {
        Some("outcome") | None if is_outcome => {
            if tells_of_failure(resource) {
                Err(PageFault(Failure::SearchFailed))
            } else {
                Ok(None)
            }
        }
        Some("match") | None => {
            taker.take(entry).map_err(PageFault)?;
            Ok(Some(resource.text("id").unwrap_or_default().into_owned()))
        }
        _ => Err(PageFault(Failure::UnexpectedEntry)),
    }
}

/// The next page's address, if it is the same service's and below the same root: a credential goes nowhere else.
pub(super) fn own_page(provider: &Provider, page: &Url, next: &str) -> Result<Url, Failure> {
    let next = page.join(next).map_err(|_| Failure::ForeignPage)?;
    let below = |base: &Url| {
        next.origin() == base.origin()
            && (next.path().starts_with(base.path()) || format!("{}/", next.path()) == base.path())
    };
    let bare = next.username().is_empty() && next.password().is_none();
    if bare && provider.bases().any(below) { Ok(next) } else { Err(Failure::ForeignPage) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::testing::provider;

    #[test]
    fn a_next_page_is_the_same_servers_and_below_the_same_root_or_it_is_not_fetched() {
        let mut provider = provider("RZ901");
        provider.replicas = vec!["https://spare.example:8443/r4/".parse().unwrap()];
        let page: Url = "https://rz901.example/fhir/Observation?patient=1".parse().unwrap();
        for (next, expected) in [
            ("https://rz901.example/fhir/Observation?page=2", Some("https://rz901.example/fhir/Observation?page=2")),
            ("https://RZ901.example:443/fhir?page=2", Some("https://rz901.example/fhir?page=2")),
            ("?page=2", Some("https://rz901.example/fhir/Observation?page=2")),
            ("/fhir/next/2", Some("https://rz901.example/fhir/next/2")),
            ("https://spare.example:8443/r4/next", Some("https://spare.example:8443/r4/next")),
            ("https://spare.example:8443/fhir/next", None),
            ("https://spare.example/r4/next", None),
            ("//evil.example/fhir/next", None),
            ("https://rz901.example@evil.example/fhir/next", None),
            ("https://user@rz901.example/fhir/next", None),
            ("https://rz901.example.evil.example/fhir/next", None),
            ("https://rz901.example:8443/fhir/next", None),
            ("http://rz901.example/fhir/next", None),
            ("https://rz901.example/fhir2/next", None),
            ("https://rz901.example/fhir/../admin", None),
            ("https://rz901.example/fhir/%2e%2e/admin", None),
            ("\\\\evil.example\\fhir\\next", None),
            ("file:///fhir/next", None),
            ("https://", None),
        ] {
            let found = own_page(&provider, &page, next);
            assert_eq!(found.ok().as_ref().map(Url::as_str), expected, "{next}");
        }
    }

    #[tokio::test]
    async fn one_providers_heavy_pages_leave_a_turn_to_the_others() {
        let calls = Calls::new(1, None).unwrap();
        let [one, other] = ["RZ901", "RZ902"].map(|ods| Arc::new(provider(ods)));
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let held = || {
            let gate = Arc::clone(&gate);
            on_pool(&calls, &one, move || drop(gate.lock().map(|gate| gate.recv())))
        };
        let mut all = futures::future::join_all((0..turns() + 1).map(|_| held()));
        // as many as may are at work
        assert!(futures::poll!(&mut all).is_pending());
        assert_eq!(on_pool(&calls, &other, || 7).await, Ok(7));
        drop(open);
        assert!(all.await.into_iter().all(|one| one.is_ok()));
    }

    struct Matches(u32);

    impl Take for Matches {
        fn take(&mut self, _: BundleEntry<'_>) -> Result<(), Failure> {
            self.0 += 1;
            Ok(())
        }
    }

    fn taken(entries: &str) -> Result<u32, Failure> {
        let page = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{entries}]}}"#);
        let mut matches = Matches(0);
        read_here(page.as_bytes(), &mut Limits::default(), &mut matches).map(|_| matches.0)
    }

    #[test]
    fn matches_are_taken_outcomes_heard_and_all_else_is_refused() {
        let outcome = |severity: &str, more: &str| {
            format!(
                r#"{{"resource":{{"resourceType":"OperationOutcome","issue":[{{"severity":"{severity}"}}]}}{more}}}"#
            )
        };
        let mode =
            |mode: &str| format!(r#"{{"resource":{{"resourceType":"Condition"}},"search":{{"mode":"{mode}"}}}}"#);
        let found = |entries: &[String]| taken(&entries.join(","));
        assert_eq!(found(&[mode("match"), r#"{"resource":{}}"#.to_owned(), outcome("warning", "")]), Ok(2));
        assert_eq!(found(&[mode("match"), outcome("error", "")]), Err(Failure::SearchFailed));
        assert_eq!(found(&[outcome("fatal", r#","search":{"mode":"outcome"}"#)]), Err(Failure::SearchFailed));
        for code in NOT_ALL {
            let said = format!(
                r#"{{"resource":{{"resourceType":"OperationOutcome","issue":[{{"severity":"information","code":"{code}"}}]}}}}"#
            );
            assert_eq!(found(&[mode("match"), said]), Err(Failure::SearchFailed), "{code}");
        }
        for odd in [mode("include"), mode("outcome"), mode("MATCH"), "{}".to_owned()] {
            assert_eq!(found(std::slice::from_ref(&odd)), Err(Failure::UnexpectedEntry), "{odd}");
        }
    }
}
