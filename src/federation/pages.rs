//! A search at one provider, page after page, each under what is left of one budget.

use super::{Failure, http::Http};
use crate::{
    domain::RequestId,
    fhir::{
        bundle::{self, BundleEntry, BundleFault, BundleHead},
        json::{JsonFault, Limits, Tape},
    },
    registry::Provider,
};
use bytes::Bytes;
use std::{collections::HashSet, sync::LazyLock};
use tokio::sync::Semaphore;
use url::Url;

/// What one provider's answer to one question may cost, over all of its pages.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
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
    http: &Http,
    provider: &Provider,
    first: Url,
    request: RequestId,
    budget: &mut Budget,
    mut taker: T,
) -> Result<T, Failure> {
    let mut seen = HashSet::from([first.clone()]);
    let mut url = first;
    loop {
        budget.pages = budget.pages.checked_sub(1).ok_or(Failure::TooManyPages)?;
        let page = http.get(provider, url.clone(), request, &mut budget.bytes).await?;
        let (head, back) = read(page, &mut budget.limits, taker).await?;
        taker = back;
        if !head.is_searchset() {
            return Err(Failure::NotSearchset);
        }
        let Some(next) = head.next else { return Ok(taker) };
        url = own_page(provider, &url, &next)?;
        if !seen.insert(url.clone()) {
            return Err(Failure::TooManyPages);
        }
    }
}

/// A page larger than this is read on the pool: it would hold up everyone else on this event loop for milliseconds.
const HEAVY: usize = 64 << 10;

/// As many heavy pages at once as there are cores; the others wait without holding a thread.
static POOL: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

async fn read<T: Take>(page: Bytes, limits: &mut Limits, mut taker: T) -> Result<(BundleHead, T), Failure> {
    if page.len() <= HEAVY {
        return Ok((read_here(&page, limits, &mut taker)?, taker));
    }
    let _turn = POOL.acquire().await.map_err(|_| Failure::Internal)?;
    let mut left = *limits;
    let read = tokio::task::spawn_blocking(move || {
        let head = read_here(&page, &mut left, &mut taker)?;
        Ok((head, taker, left))
    });
    let (head, taker, left) = read.await.map_err(|_| Failure::Internal)??;
    *limits = left;
    Ok((head, taker))
}

fn read_here<T: Take>(page: &[u8], limits: &mut Limits, taker: &mut T) -> Result<BundleHead, Failure> {
    bundle::read(page, limits, &mut Tape::new(), |entry| match_only(entry, taker)).map_err(|PageFault(failure)| failure)
}

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

fn match_only(entry: BundleEntry<'_>, taker: &mut impl Take) -> Result<(), PageFault> {
    let resource = entry.resource().ok_or(PageFault(Failure::UnexpectedEntry))?;
    let is_outcome = resource.text("resourceType").as_deref() == Some("OperationOutcome");
    match entry.search_mode().as_deref() {
        Some("outcome") | None if is_outcome => {
            let mut failed = false;
            resource.each("issue", &mut |issue| {
                failed |= matches!(issue.text("severity").as_deref(), Some("fatal" | "error"));
            });
            if failed { Err(PageFault(Failure::SearchFailed)) } else { Ok(()) }
        }
        Some("match") | None => taker.take(entry).map_err(PageFault),
        _ => Err(PageFault(Failure::UnexpectedEntry)),
    }
}

/// The next page's address, if it is the same server's and below the same root: a credential goes nowhere else.
fn own_page(provider: &Provider, page: &Url, next: &str) -> Result<Url, Failure> {
    let next = page.join(next).map_err(|_| Failure::ForeignPage)?;
    let base = &provider.base;
    let own = next.origin() == base.origin()
        && next.username().is_empty()
        && next.password().is_none()
        && (next.path().starts_with(base.path()) || format!("{}/", next.path()) == base.path());
    if own { Ok(next) } else { Err(Failure::ForeignPage) }
}
