//! All calls of one probe: each under the caps and the deadline that the gateway keeps to, all of them under the probe's own;
//! what an answer is in itself is noted on the way.

use super::{
    Limits,
    check::{Check, Group},
    conduct::Conduct,
    reading::{self, Fault, Item, Reading, Sought},
};
use crate::{
    federation::{Failure, Inspection, Judge, Known, Media, Seen, Unseen},
    fhir::bundle::BundleFault,
};
use bytes::Bytes;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

pub struct Caller {
    pub inspection: Inspection,
    pub conduct: Conduct,
    limits: Limits,
    until: Instant,
    calls: u32,
    /// Calls in a row that came to nothing.
    silent: u32,
    /// How long answers took that were answers.
    took: Vec<Duration>,
}

/// Why the probe goes on no further, for whoever reads what was not tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped(pub String);

/// What a search brought, over all of its pages.
#[derive(Default)]
pub struct Found {
    pub items: Vec<Item>,
    pub known: Vec<Known>,
    pub faults: BTreeSet<Fault>,
    /// Matches on each page.
    pub pages: Vec<usize>,
    /// An entry came on two pages.
    pub repeated: bool,
    /// It is not all there.
    pub failure: Option<Failure>,
    /// Each entry's bytes, and its page.
    by_local: HashMap<String, (u64, usize)>,
}

/// A provider that lets this many calls in a row come to nothing is asked no more.
const MOST_SILENT: u32 = 3;
/// A body larger than this is read beside the event loop.
const HEAVY: usize = 64 << 10;

impl Caller {
    pub fn new(inspection: Inspection, limits: Limits) -> Self {
        let until = Instant::now() + limits.time;
        let (conduct, took) = (Conduct::default(), Vec::new());
        Self { inspection, conduct, limits, until, calls: 0, silent: 0, took }
    }

    pub fn calls(&self) -> u32 {
        self.calls
    }

    pub fn took(&self) -> &[Duration] {
        &self.took
    }

    pub fn deadline(&self) -> Duration {
        self.inspection.provider().deadline
    }

    /// One call, signed in to as the gateway is or by nobody.
    pub async fn get(&mut self, url: Url, patience: Duration, signed: bool) -> Result<Result<Seen, Unseen>, Stopped> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Stopped(format!("The probe's own {} seconds were over.", self.limits.time.as_secs())));
        }
        if self.calls >= self.limits.calls {
            return Err(Stopped(format!("The probe had made its {} calls.", self.limits.calls)));
        }
        if self.silent >= MOST_SILENT {
            return Err(Stopped(format!("{MOST_SILENT} calls in a row came to nothing, so it was asked no more.")));
        }
        self.calls += 1;
        let (most, patience) = (self.limits.bytes, patience.min(left));
        let seen = match signed {
            true => self.inspection.get(url, most, patience).await,
            false => self.inspection.get_unsigned(url, most, patience).await,
        };
        let gone = |failure: Failure| matches!(failure, Failure::Timeout | Failure::Unreachable);
        let silent = match &seen {
            Ok(seen) => seen.body.as_ref().err().copied().is_some_and(gone),
            Err(unseen) => gone(unseen.failure),
        };
        self.silent = if silent { self.silent + 1 } else { 0 };
        Ok(seen)
    }

    /// Whether it agrees on TLS 1.3, by a connection of its own.
    pub async fn speaks_tls_1_3(&mut self, url: Url) -> Option<bool> {
        self.calls += 1;
        self.inspection.speaks_tls_1_3(url, self.deadline()).await
    }

    /// The body of an answer that says 200 and FHIR; `what` was asked for.
    pub fn body(&mut self, seen: Result<Seen, Unseen>, what: &str) -> Result<Bytes, Failure> {
        let body = self.accepted(seen);
        match &body {
            Ok(_) => self.conduct.judged(),
            Err(failure) => self.conduct.note_failure(*failure, what),
        }
        match body {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(check)) => {
                self.conduct.note(check, what);
                Err(Failure::NotJson)
            }
            Err(failure) => Err(failure),
        }
    }

    fn accepted(&self, seen: Result<Seen, Unseen>) -> Result<Result<Bytes, Check>, Failure> {
        let seen = seen.map_err(|unseen| unseen.failure)?;
        match seen.status {
            200 => {}
            401 | 403 => return Err(Failure::CredentialRefused),
            429 => return Err(Failure::Throttled),
            300..=399 => return Err(Failure::Redirected),
            other => return Err(Failure::Status(other)),
        }
        if seen.encoded {
            return Ok(Err(Check::ContentEncoding));
        }
        if seen.media != Media::Json {
            return Ok(Err(Check::ContentType));
        }
        seen.body.map(Ok)
    }

    /// A search as the gateway makes it: all of its pages within one deadline.
    pub async fn search(
        &mut self,
        judge: &Judge,
        sought: Sought,
        urls: Vec<Url>,
        what: &str,
    ) -> Result<Found, Stopped> {
        let (mut found, began) = (Found::default(), Instant::now());
        for url in urls {
            self.gather(&mut found, judge, sought, url, began, what).await?;
            if found.failure.is_some() {
                break;
            }
        }
        for fault in &found.faults {
            if fault.check().definition().group == Group::Conduct {
                self.conduct.note(fault.check(), what);
            }
        }
        if found.failure.is_none() {
            self.took.push(began.elapsed());
        }
        Ok(found)
    }

    /// One of its URLs, page after page.
    async fn gather(
        &mut self,
        found: &mut Found,
        judge: &Judge,
        sought: Sought,
        url: Url,
        began: Instant,
        what: &str,
    ) -> Result<(), Stopped> {
        let (mut next, mut seen, mut total) = (Some(url), HashSet::new(), None);
        let (mut came, first_page) = (HashSet::new(), found.pages.len());
        while let Some(url) = next.take() {
            if !seen.insert(url.clone()) || found.pages.len() - first_page >= self.limits.pages {
                self.fail(found, Failure::TooManyPages, what);
                return Ok(());
            }
            let patience = self.deadline().saturating_sub(began.elapsed());
            let answer = self.get(url.clone(), patience, true).await?;
            let body = match self.body(answer, what) {
                Ok(body) => body,
                Err(failure) => {
                    found.failure = Some(failure);
                    return Ok(());
                }
            };
            let page = self.read(body, judge, sought).await?;
            if let Some(fault) = page.unread {
                self.conduct.note_unread(fault, what);
                found.failure =
                    Some(if matches!(fault, BundleFault::Json(_)) { Failure::NotJson } else { Failure::NotSearchset });
                return Ok(());
            }
            if !page.head.is_searchset() {
                found.failure = Some(Failure::NotSearchset);
                return Ok(());
            }
            came.extend(page.items.iter().map(|item| item.local.clone()));
            came.extend(page.known.iter().map(|known| known.local().to_owned()));
            total = total.max(page.head.total);
            let link = page.head.next.clone();
            found.add(page);
            match link.map(|link| judge.own_page(&url, &link)) {
                Some(Ok(own)) => next = Some(own),
                Some(Err(failure)) => self.fail(found, failure, what),
                None => {
                    let missing = total.is_some_and(|total| u64::try_from(came.len()).is_ok_and(|came| came < total));
                    // an entry that is judged to be no match is on no page that is missing
                    if missing && found.faults.is_empty() {
                        self.fail(found, Failure::MissingPages, what);
                    }
                }
            }
        }
        Ok(())
    }

    fn fail(&mut self, found: &mut Found, failure: Failure, what: &str) {
        self.conduct.note_failure(failure, what);
        found.failure = Some(failure);
    }

    async fn read(&self, body: Bytes, judge: &Judge, sought: Sought) -> Result<Reading, Stopped> {
        let limits = self.limits.json;
        if body.len() <= HEAVY {
            return Ok(reading::read(&body, limits, judge, sought));
        }
        let judge = judge.clone();
        let reading = tokio::task::spawn_blocking(move || reading::read(&body, limits, &judge, sought)).await;
        reading.map_err(|_| Stopped("The probe itself failed to read an answer.".to_owned()))
    }
}

impl Found {
    fn add(&mut self, page: Reading) {
        self.pages.push(page.items.len() + page.known.len());
        for item in &page.items {
            match self.by_local.insert(item.local.clone(), (item.hash, self.pages.len())) {
                Some((hash, _)) if hash != item.hash => {
                    self.faults.insert(Fault::Conflicting);
                }
                Some((_, on)) => self.repeated |= on != self.pages.len(),
                None => {}
            }
        }
        self.items.extend(page.items);
        self.known.extend(page.known);
        self.faults.extend(page.faults);
    }

    pub fn locals(&self) -> BTreeSet<&str> {
        self.items.iter().map(|item| item.local.as_str()).collect()
    }

    /// What is wrong with it, if the gateway could not use it.
    pub fn trouble(&self) -> Option<String> {
        let failure = self.failure.map(|failure| failure.to_string());
        let usable = |fault: &&Fault| **fault != Fault::Elsewhere;
        failure.or_else(|| self.faults.iter().find(usable).map(|fault| fault.words().to_owned()))
    }
}
