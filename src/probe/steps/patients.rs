//! The test patients, each by number; and a number that nobody has.

use crate::{
    domain::NhsNumber,
    federation::{Failure, Judge},
    probe::{
        caller::{Found, Stopped},
        check::Check,
        reading::Sought,
        run::Run,
    },
};
use std::collections::BTreeSet;
use url::Url;

/// How it is asked who has this number.
pub fn lookup(run: &Run<'_>, number: NhsNumber) -> Option<Url> {
    Judge::new(&run.target.provider, number).and_then(|judge| judge.lookup()).ok()
}

pub async fn patients(run: &mut Run<'_>) -> Result<(), Stopped> {
    let numbers = run.target.patients.clone();
    let (mut wrong, mut nobody, mut several) = (Vec::new(), 0, 0);
    for (nth, number) in numbers.iter().enumerate() {
        run.next(&format!("test patient {}", nth + 1));
        let (judge, found) = look(run, *number, "the lookup of a patient").await?;
        match found.trouble() {
            Some(words) => wrong.push(words),
            None if found.known.is_empty() => nobody += 1,
            None => {
                several += usize::from(found.known.len() > 1);
                run.patients.push(judge.holding(found.known).map_err(internal)?);
            }
        }
    }
    let known = run.patients.len();
    let of = format!("{known} of {} test patients are found", numbers.len());
    if let Some(words) = wrong.first() {
        run.findings.failed(Check::PatientLookup, None, format!("{of}; of {}: {words}.", wrong.len()));
    } else if nobody > 0 {
        run.findings.failed(Check::PatientLookup, None, format!("{of}, and no other Patient in their place."));
    } else if known > 0 {
        let more = if several > 0 { format!(", {several} of them as several Patients") } else { String::new() };
        run.findings.passed(Check::PatientLookup, None, format!("{of}, and nobody else{more}."));
    }
    apart(run);
    run.next("a number that nobody has");
    unknown(run).await
}

pub fn internal(_: Failure) -> Stopped {
    Stopped("The probe itself failed.".to_owned())
}

/// Who has this number, as is said where the caller is: at the address, or at a replica.
pub async fn look(run: &mut Run<'_>, number: NhsNumber, what: &str) -> Result<(Judge, Found), Stopped> {
    let judge = Judge::new(run.caller.inspection.provider(), number).map_err(internal)?;
    let url = judge.lookup().map_err(internal)?;
    let found = run.caller.search(&judge, Sought::Patient, vec![url], what).await?;
    Ok((judge, found))
}

fn apart(run: &mut Run<'_>) {
    if run.patients.len() < 2 {
        let why = "It takes two test patients whom it finds.";
        return run.findings.untested(Check::PatientsApart, None, why);
    }
    let mut seen = BTreeSet::new();
    let shared = run.patients.iter().flat_map(Judge::locals).any(|local| !seen.insert(local.to_owned()));
    match shared {
        true => run.findings.failed(Check::PatientsApart, None, "Two numbers lead to one Patient."),
        false => run.findings.passed(Check::PatientsApart, None, "Each number leads to a Patient of its own."),
    }
}

/// The number is one of a range that is issued to nobody and is no test patient's: whom it finds would be somebody's by
/// mistake, and asking for it tells the provider nothing of anyone.
async fn unknown(run: &mut Run<'_>) -> Result<(), Stopped> {
    let Some(number) = run.target.nobody() else { return Ok(()) };
    let (_, found) = look(run, number, "the lookup of a number that nobody has").await?;
    match found.trouble() {
        Some(words) => run.findings.failed(Check::PatientUnknown, None, format!("For a number nobody has: {words}.")),
        None if found.known.is_empty() => run.findings.passed(Check::PatientUnknown, None, "An empty searchset."),
        None => run.findings.failed(Check::PatientUnknown, None, "It finds somebody of that number."),
    }
    Ok(())
}
