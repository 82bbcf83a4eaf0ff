//! Each type, asked for as the gateway asks for it.

use crate::{
    fhir::ResourceType,
    probe::{
        caller::{Found, Stopped},
        check::Check,
        reading::{Fault, Sought},
        run::Run,
    },
    registry::Want,
};

pub async fn types(run: &mut Run<'_>) -> Result<(), Stopped> {
    if run.patients.is_empty() {
        return Ok(());
    }
    for of in run.target.types.clone() {
        run.next(of.as_str());
        one(run, of).await?;
    }
    let entries: usize = run.held.values().map(Vec::len).sum();
    if entries > 0 {
        run.findings.passed(Check::EntriesSeen, None, format!("{entries} entries."));
    } else {
        run.findings.untested(Check::EntriesSeen, None, "The test patients have no entries that could be judged.");
    }
    Ok(())
}

/// A search for all of a type about one of the test patients.
pub async fn all(run: &mut Run<'_>, nth: usize, of: ResourceType) -> Result<Found, Stopped> {
    let Some(judge) = run.patients.get(nth).cloned() else { return Ok(Found::default()) };
    let urls = judge.searches(&Want::all(of), run.target.limits.page_size).unwrap_or_default();
    run.caller.search(&judge, Sought::Entries(of), urls, &format!("the search for {of}")).await
}

async fn one(run: &mut Run<'_>, of: ResourceType) -> Result<(), Stopped> {
    let about = Some(of.as_str());
    let (mut entries, mut searches, mut failed, mut spoilt) = (0, 0, None, None);
    for nth in 0..run.patients.len() {
        let found = all(run, nth, of).await?;
        searches += 1;
        entries += found.items.len();
        spoilt = spoilt.or_else(|| found.faults.iter().find(|fault| is_of_entries(**fault)).copied());
        if found.faults.contains(&Fault::Another) {
            run.suspect = run.suspect.or(Some(of));
        }
        // one that is slow or does not answer at all is not asked for the same again and again
        failed = found.failure;
        run.held.insert((of, nth), found.items);
        if failed.is_some() {
            break;
        }
    }
    match failed {
        Some(failure) => run.findings.failed(Check::TypeSearch, about, format!("In search {searches}: {failure}.")),
        None => run.findings.passed(Check::TypeSearch, about, format!("{searches} searches, {entries} entries.")),
    }
    match spoilt {
        Some(fault) => run.findings.failed(Check::TypeEntries, about, format!("{}.", capital(fault.words()))),
        None if entries > 0 => run.findings.passed(Check::TypeEntries, about, format!("All {entries} entries are.")),
        None if failed.is_some() => run.findings.untested(Check::TypeEntries, about, "The search failed."),
        None => run.findings.excused(Check::TypeEntries, about, "The test patients have none."),
    }
    Ok(())
}

fn is_of_entries(fault: Fault) -> bool {
    !matches!(fault, Fault::Elsewhere | Fault::NotAll)
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
