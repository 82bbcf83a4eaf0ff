//! Who the patient is, when sources disagree. The anchor is the patient index's Patient, else the registered practice's, else
//! the majority's. A source whose birth date and family name both differ from the anchor's holds another person under this
//! number: it is left out and reported. Without an anchor, all that conflict are.

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
    /// The source whose Patient stands for the person; `None` if nobody's does, or the index's.
    pub anchor: Option<usize>,
    /// The sources to leave out.
    pub conflicting: Vec<usize>,
}

pub fn judge(claims: &[Claim<'_>], index: Option<&Resolution>) -> Anchor {
    if let Some(index) = index.filter(|index| says_who(index)) {
        let others = claims.iter().enumerate().filter(|(_, claim)| differ(index, claim.resolution));
        return Anchor { anchor: None, conflicting: others.map(|(at, _)| at).collect() };
    }
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
    births && !a.families.is_empty() && !b.families.is_empty() && a.families.is_disjoint(&b.families)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::testing::{patient_json, provider, resolution};
    use std::sync::Arc;

    /// What one source says: whether it is a practice that claims the registration, and its Patients' birth date and family
    /// name, each of which `-` leaves out.
    type Says<'a> = (bool, &'a [(&'a str, &'a str)]);

    const A: (&str, &str) = ("1950-01-01", "Abbot");
    const B: (&str, &str) = ("1980-02-02", "Baker");
    const MARRIED_A: (&str, &str) = ("1950-01-01", "Cooper");
    const MISTYPED_A: (&str, &str) = ("1950-10-01", "Abbot");
    const SILENT: (&str, &str) = ("-", "-");

    fn judged(said: &[Says<'_>]) -> (Option<usize>, Vec<usize>) {
        let held: Vec<(Provider, Arc<Resolution>)> = said
            .iter()
            .enumerate()
            .map(|(at, (practice, patients))| {
                let mut provider = provider(&format!("RZ{at:03}"));
                let registered = format!(
                    r#","generalPractitioner":[{{"identifier":{{"system":"{}","value":"{}"}}}}]"#,
                    crate::domain::OdsCode::SYSTEM,
                    provider.ods
                );
                if *practice {
                    provider.kind = "gp-practice".into()
                }
                let patients: Vec<String> = patients
                    .iter()
                    .enumerate()
                    .map(|(local, (born, family))| {
                        let born = if *born == "-" { String::new() } else { format!(r#","birthDate":"{born}""#) };
                        let family = if *family == "-" {
                            String::new()
                        } else {
                            format!(r#","name":[{{"family":"{family}"}}]"#)
                        };
                        patient_json(
                            &local.to_string(),
                            &format!("{born}{family}{}", if *practice { &registered } else { "" }),
                        )
                    })
                    .collect();
                let resolution = resolution(&provider, &patients).unwrap();
                (provider, resolution)
            })
            .collect();
        let claims: Vec<_> = held.iter().map(|(provider, resolution)| Claim { provider, resolution }).collect();
        let Anchor { anchor, conflicting } = judge(&claims, None);
        (anchor, conflicting)
    }

    #[test]
    fn the_registered_practice_says_who_it_is_else_most_do_else_all_that_conflict_are_left_out() {
        let one = |says| (false, [says]);
        let all = |said: &[(bool, [(&str, &str); 1])]| {
            judged(&said.iter().map(|(p, s)| (*p, s.as_slice())).collect::<Vec<_>>())
        };
        assert_eq!(all(&[]), (None, vec![]));
        assert_eq!(all(&[one(A)]), (Some(0), vec![]));
        assert_eq!(all(&[one(B), one(B), (true, [A])]), (Some(2), vec![0, 1]), "the practice, against any number");
        assert_eq!(all(&[one(B), one(A), one(A)]), (Some(1), vec![0]), "the majority");
        assert_eq!(all(&[one(A), one(B)]), (None, vec![0, 1]), "nobody");
        assert_eq!(all(&[one(A), one(B), one(SILENT)]), (None, vec![0, 1]), "nobody, and one who says nothing stays");
        assert_eq!(all(&[one(SILENT), one(A), one(B)]), (None, vec![1, 2]), "who says nothing anchors nothing");
        assert_eq!(
            all(&[(true, [SILENT]), one(A), one(B)]),
            (None, vec![1, 2]),
            "nor does a practice that says nothing"
        );
        assert_eq!(all(&[(true, [A]), (true, [B]), one(B)]), (Some(1), vec![0]), "of two practices the majority's");
        assert_eq!(
            all(&[one(A), one(MARRIED_A), one(MISTYPED_A)]).1,
            Vec::<usize>::new(),
            "one slip is no other person"
        );
        assert_eq!(all(&[one(A), one(("-", "Baker")), one(("1980-02-02", "-"))]).1, Vec::<usize>::new());
    }

    #[test]
    fn the_index_says_who_it_is_against_any_practice_and_any_number() {
        let held = |ods: &str, born: &str, family: &str| {
            let provider = provider(ods);
            let person = patient_json("1", &format!(r#","birthDate":"{born}","name":[{{"family":"{family}"}}]"#));
            (resolution(&provider, &[person]).unwrap(), provider)
        };
        let sources = [held("RZ001", A.0, A.1), held("RZ002", A.0, A.1), held("RZ003", B.0, "Married")];
        let claims = sources.each_ref().map(|(resolution, provider)| Claim { provider, resolution });
        let (index, _) = held("X26", B.0, B.1);
        assert_eq!(judge(&claims, Some(&index)), Anchor { anchor: None, conflicting: vec![0, 1] });
        let silent = resolution(&sources[0].1, &[patient_json("1", "")]).unwrap();
        assert_eq!(judge(&claims, Some(&silent)).conflicting, [2], "one that does not say whom it means is no anchor");
    }

    #[test]
    fn a_source_with_two_persons_under_one_number_speaks_for_neither() {
        let both: &[_] = &[A, B];
        assert_eq!(judged(&[(true, both), (false, &[A]), (false, &[A])]), (Some(1), vec![0]));
        assert_eq!(judged(&[(false, both)]), (None, vec![0]));
        assert_eq!(judged(&[(false, &[A, MARRIED_A]), (false, &[A])]), (Some(0), vec![]));
    }
}
