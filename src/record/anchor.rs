//! Who the patient is, when sources disagree. The anchor is the registered practice's Patient, else the majority's. A
//! source whose birth date and family name both differ from the anchor's holds another person under this number: it is
//! left out and reported. Without an anchor, all that conflict are.

use crate::federation::{Resolution, SourcePatient};
use crate::registry::Provider;

/// What one source says of the patient.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    pub provider: &'a Provider,
    pub resolution: &'a Resolution,
}

/// The judgement over all claims, by their places.
#[derive(Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The source whose Patient stands for the person; `None` if nobody's does.
    pub anchor: Option<usize>,
    /// The sources to leave out.
    pub conflicting: Vec<usize>,
}

pub fn judge(claims: &[Claim<'_>]) -> Anchor {
    let conflicts = |a: usize, b: usize| match (claims.get(a), claims.get(b)) {
        (Some(a), Some(b)) => differ(a.resolution, b.resolution),
        _ => false,
    };
    let all = 0..claims.len();
    // who does not say whom they mean agrees with everybody, and who holds two persons with neither: such speak for no one
    let speaking: Vec<usize> = all
        .clone()
        .filter(|at| claims.get(*at).is_some_and(|claim| says_who(claim.resolution)) && !conflicts(*at, *at))
        .collect();
    let mut practices = speaking.iter().copied().filter(|at| claims.get(*at).is_some_and(is_own_registered_practice));
    let anchor = match (practices.next(), practices.next()) {
        (Some(only), None) => Some(only),
        // no practice, or several that each claim to be it: the one that more than half do not conflict with
        _ => speaking.iter().copied().find(|at| {
            let agreeing = speaking.iter().filter(|other| !conflicts(*at, **other)).count();
            agreeing * 2 > speaking.len()
        }),
    };
    let conflicting = match anchor {
        Some(anchor) => all.filter(|at| conflicts(anchor, *at)).collect(),
        None => all.clone().filter(|at| all.clone().any(|other| conflicts(*at, other))).collect(),
    };
    Anchor { anchor, conflicting }
}

fn says_who(resolution: &Resolution) -> bool {
    resolution.patients.iter().any(|patient| patient.birth_date.is_some() && !patient.families.is_empty())
}

fn is_own_registered_practice(claim: &Claim<'_>) -> bool {
    claim.provider.is_gp_practice() && claim.resolution.is_registered_at(claim.provider.ods)
}

/// Both differ: a name changes by marriage and a birth date by a slip of the pen, but hardly both at once. What a source
/// does not say does not differ. A source with several Patients conflicts if any of them does.
fn differ(a: &Resolution, b: &Resolution) -> bool {
    a.patients.iter().any(|a| b.patients.iter().any(|b| persons_differ(a, b)))
}

fn persons_differ(a: &SourcePatient, b: &SourcePatient) -> bool {
    let births = matches!((&a.birth_date, &b.birth_date), (Some(a), Some(b)) if a != b);
    let families =
        !a.families.is_empty() && !b.families.is_empty() && !a.families.iter().any(|f| b.families.contains(f));
    births && families
}
