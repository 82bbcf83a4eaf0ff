//! One patient, another, the first again: whoever answers by an earlier answer shows it here.

use crate::{
    fhir::ResourceType,
    probe::{
        caller::{Found, Stopped},
        check::Check,
        reading::Fault,
        run::Run,
        steps::types::all,
    },
};

pub async fn in_turns(run: &mut Run<'_>) -> Result<(), Stopped> {
    if run.patients.len() < 2 {
        run.findings.untested(Check::MixedUp, None, "It takes two test patients whom it finds.");
        return Ok(());
    }
    let Some((of, one, other)) = choice(run) else {
        run.findings.untested(Check::MixedUp, None, "The test patients have no entries that could be told apart.");
        return Ok(());
    };
    let first = all(run, one, of).await?;
    let between = all(run, other, of).await?;
    let again = all(run, one, of).await?;
    let shared = first.locals().intersection(&between.locals()).next().is_some();
    let another = |found: &Found| found.faults.contains(&Fault::Another);
    if shared || another(&first) || another(&between) || another(&again) {
        run.findings.failed(Check::MixedUp, None, format!("Of {of}, one patient was answered with another's entries."));
    } else if [&first, &between, &again].iter().any(|found| found.failure.is_some()) {
        run.findings.untested(Check::MixedUp, None, format!("A search for {of} failed."));
    } else if first.locals() != again.locals() {
        run.findings.failed(Check::MixedUp, None, format!("Of {of}, the same question was answered in two ways."));
    } else {
        run.findings.passed(Check::MixedUp, None, format!("Of {of}, each was answered with their own."));
    }
    Ok(())
}

/// A type, by preference one in which something is amiss, and two patients of whom both have some, or else one has.
fn choice(run: &Run<'_>) -> Option<(ResourceType, usize, usize)> {
    let count = |of, nth| run.held.get(&(of, nth)).map_or(0, Vec::len);
    let pairs = run.target.types.iter().flat_map(|of| {
        (0..run.patients.len()).flat_map(move |one| (0..run.patients.len()).map(move |other| (*of, one, other)))
    });
    let pairs = pairs.filter(|(of, one, other)| one != other && count(*of, *one) > 0);
    let pairs = pairs.filter(|(of, ..)| run.suspect.is_none_or(|suspect| suspect == *of));
    pairs.max_by_key(|(of, one, other)| (count(*of, *other) > 0, count(*of, *one).min(count(*of, *other))))
}
