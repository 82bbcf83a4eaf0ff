use crate::probe::{caller::Caller, check::Check, findings::Findings};

/// Fewer say nothing.
const FEWEST: usize = 3;

/// How long its answers to searches took, against the deadline that all of one answer has.
pub fn speed(caller: &Caller, findings: &mut Findings) {
    let mut took = caller.took().to_vec();
    took.sort_unstable();
    let (Some(half), Some(slowest), true) = (took.get(took.len() / 2), took.last(), took.len() >= FEWEST) else {
        return findings.untested(Check::Speed, None, "It answered fewer than three searches.");
    };
    let deadline = caller.deadline();
    let told = format!(
        "Half of {} searches took {} ms or less, the slowest {} ms; the deadline is {} ms.",
        took.len(),
        half.as_millis(),
        slowest.as_millis(),
        deadline.as_millis()
    );
    if *half * 3 > deadline {
        findings.failed(Check::Speed, None, told)
    } else {
        findings.passed(Check::Speed, None, told)
    }
}
