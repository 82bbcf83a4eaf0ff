//! Small pages, held against what came at once.

use crate::{
    fhir::ResourceType,
    probe::{
        caller::{Found, Stopped},
        check::Check,
        reading::Sought,
        run::Run,
        steps::types::all,
    },
    registry::Want,
};

/// So many pages are asked for.
const PAGES: usize = 6;

pub async fn paging(run: &mut Run<'_>) -> Result<(), Stopped> {
    let most = run.held.iter().max_by_key(|(_, items)| items.len());
    let Some((&(of, nth), whole)) = most.filter(|(_, items)| items.len() > 1) else {
        // whether there is anything at all is a check of its own
        let why = "It takes a test patient with two entries of one type: give one, to have it tested.";
        run.findings.excused(Check::PageCount, None, why);
        run.findings.excused(Check::PageWhole, None, why);
        return Ok(());
    };
    let size = whole.len().div_ceil(PAGES);
    let paged = search(run, nth, of, size).await?;
    let pages = paged.pages.len();
    let largest = paged.pages.iter().copied().max().unwrap_or(0);
    if largest > size {
        run.findings.failed(Check::PageCount, None, format!("Asked for {size}, a page has {largest} entries."));
    } else if pages > 0 {
        run.findings.passed(Check::PageCount, None, format!("Asked for {size}, no page has more."));
    }
    if let Some(words) = paged.trouble() {
        run.findings.failed(Check::PageWhole, None, format!("Of {of}, in {pages} pages: {words}."));
        return Ok(());
    }
    // what has changed since it was first asked for is lost by nobody
    let whole = all(run, nth, of).await?;
    let (at_once, in_pages) = (whole.locals(), paged.locals());
    let (lost, new) = (at_once.difference(&in_pages).count(), in_pages.difference(&at_once).count());
    let told = format!("{of} in {pages} pages of {size}");
    if lost + new > 0 || paged.repeated {
        let twice = if paged.repeated { ", and some come twice" } else { "" };
        let told = format!("{told}: {lost} of {} entries are lost, {new} are new{twice}.", at_once.len());
        run.findings.failed(Check::PageWhole, None, told);
    } else {
        run.findings.passed(Check::PageWhole, None, format!("{told}: all {} entries, each once.", at_once.len()));
    }
    Ok(())
}

async fn search(run: &mut Run<'_>, nth: usize, of: ResourceType, size: usize) -> Result<Found, Stopped> {
    let Some(judge) = run.patients.get(nth).cloned() else { return Ok(Found::default()) };
    let urls = judge.searches(&Want::all(of), u32::try_from(size).unwrap_or(1)).unwrap_or_default();
    run.caller.search(&judge, Sought::Entries(of), urls, &format!("the search for {of} in small pages")).await
}
