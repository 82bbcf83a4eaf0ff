//! Each replica: one that is asked instead of the address has to hold the same.

use crate::{
    federation::{Inspection, Judge},
    probe::{
        caller::Stopped,
        check::Check,
        reading::{Item, Sought},
        run::Run,
        steps::patients::{internal, look},
    },
    registry::{Provider, Want},
};
use std::{collections::BTreeSet, mem, sync::Arc};

pub async fn replicas(run: &mut Run<'_>) -> Result<(), Stopped> {
    let all = run.target.provider.replicas.clone();
    if all.is_empty() {
        run.findings.excused(Check::ReplicasAgree, None, "There is none.");
        return Ok(());
    }
    if run.patients.is_empty() {
        return Ok(());
    }
    for (nth, replica) in (1..).zip(&all) {
        run.next(&format!("replica {nth}"));
        let others = run.target.provider.bases().filter(|base| *base != replica).cloned().collect();
        let base = replica.clone();
        let provider = Arc::new(Provider { base, replicas: others, ..Provider::clone(&run.target.provider) });
        let mut inspection = Inspection::new(&provider).map_err(internal)?;
        // all calls of a probe are found by one id
        inspection.request = run.caller.inspection.request;
        let address = mem::replace(&mut run.caller.inspection, inspection);
        let differs = differs(run).await;
        run.caller.inspection = address;
        if let Some(what) = differs? {
            run.findings.failed(Check::ReplicasAgree, None, format!("Replica {nth} {what}."));
            return Ok(());
        }
    }
    run.findings.passed(Check::ReplicasAgree, None, format!("Each of {} finds the same.", all.len()));
    Ok(())
}

/// What it says that the address does not, of the test patients and of all of one of them; the caller is at the replica.
async fn differs(run: &mut Run<'_>) -> Result<Option<String>, Stopped> {
    let mut found = Vec::new();
    for number in run.target.patients.clone() {
        let (judge, answer) = look(run, number, "the lookup of a patient at a replica").await?;
        if let Some(trouble) = answer.trouble() {
            return Ok(Some(format!("does not tell of a test patient: {trouble}")));
        }
        if !answer.known.is_empty() {
            found.push(judge.holding(answer.known).map_err(internal)?);
        }
    }
    let locals = |judges: &[Judge]| -> Vec<BTreeSet<String>> {
        judges.iter().map(|judge| judge.locals().map(str::to_owned).collect()).collect()
    };
    if locals(&found) != locals(&run.patients) {
        return Ok(Some("finds other Patients".to_owned()));
    }
    let Some(judge) = found.first() else { return Ok(None) };
    for of in run.target.types.clone() {
        let Some(held) = run.held.get(&(of, 0)) else { continue };
        let here: BTreeSet<String> = held.iter().map(|Item { local, .. }| local.clone()).collect();
        let urls = judge.searches(&Want::all(of), run.target.limits.page_size).unwrap_or_default();
        let answer =
            run.caller.search(judge, Sought::Entries(of), urls, &format!("the search for {of} at a replica")).await?;
        let there = answer.items.iter().map(|item| item.local.clone()).collect();
        if let Some(failure) = answer.failure {
            return Ok(Some(format!("does not answer a search for {of}: {failure}")));
        }
        if here != there {
            return Ok(Some(format!("has {} entries of {of}, the address {}", answer.items.len(), here.len())));
        }
    }
    Ok(None)
}
