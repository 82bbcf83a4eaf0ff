//! The next lawful step of somebody who was refused.

use super::Said;
use crate::{
    access::{
        Policy, RefusalKind,
        decide::{End, Walk},
    },
    identity::{Party, Requester},
};

/// By the rule that refused.
pub(super) const BY_RULE: &[(&str, &str, &str)] = &[
    ("scope-missing", "ask-for-scope", "Use a system that was given leave (a SMART scope) to do this for its user."),
    ("purpose-not-own-care", "state-purpose", PURPOSE),
    ("purpose-never-here", "state-purpose", PURPOSE),
    (
        "organisation-not-a-reader",
        "ask-the-source",
        "Ask the organisation that holds what is needed: it decides on each disclosure itself.",
    ),
    ("user-revoked", "registration-authority", "Speak to the organisation's registration authority."),
    (
        "nothing-permits-reach",
        "select-role",
        "Select a job role that reaches this, if you hold one; else ask a colleague whose role does, or your registration authority.",
    ),
];

const PURPOSE: &str = "State a purpose that this record is for: the care of this patient (TREAT, COC, ETREAT). For any other it is not \
                       the place.";
const CLAIM: &str = "If you care for this patient, say so and why: Patient/$claim-relationship. It works at once and is checked \
                     afterwards.";
const RECORD: &str =
    "Have the encounter, referral or caseload recorded in your organisation's own system, which tells this gateway.";
const TRY_AGAIN: &str = "Try again shortly.";
const ASK_PATIENT: &str = "Ask the patient, or the organisation that holds what you need.";

pub(super) fn steps(policy: &Policy, requester: &Requester, walk: &Walk) -> Vec<Said> {
    let End::Refused(kind) = walk.end else { return Vec::new() };
    let rules = walk.rules();
    let by_rule = BY_RULE.iter().filter(|(rule, ..)| rules.iter().any(|said| said.as_str() == *rule));
    let mut next: Vec<Said> = by_rule.map(|(_, code, text)| Said::new(code, None, *text)).collect();
    next.dedup();
    let role = match &requester.party {
        Party::Staff { role, .. } => role.as_deref(),
        Party::Patient { .. } | Party::System { .. } => None,
    };
    let group = role.and_then(|role| policy.roles().group_of(role));
    // the reach was permitted, so it is the relationship that is missing
    let unrelated = walk.steps.len() == 2 && kind != RefusalKind::NoConsent;
    if unrelated {
        if group.is_some_and(|group| group.may_claim) {
            next.push(Said::new("claim-relationship", None, CLAIM));
        }
        next.push(if kind == RefusalKind::CouldNotCheck {
            Said::new("try-again", None, TRY_AGAIN)
        } else {
            Said::new("record-relationship", None, RECORD)
        });
    }
    if kind == RefusalKind::NoConsent {
        next.push(Said::new("ask-patient", None, ASK_PATIENT));
        // an override that did not open it was for the patient's own sake
        let left = group.map(|group| group.may_override.as_slice()).unwrap_or_default().iter();
        let left = left.filter(|reason| walk.overriding.is_none() || reason.is_for_anothers_sake());
        let reasons: Vec<&str> = left.map(|reason| reason.as_str()).collect();
        if !reasons.is_empty() {
            let text = "If one of these reasons holds, and only then: Patient/$override. The privacy officers are told at once.";
            next.push(Said::new("override", reasons.join(", "), text));
        }
    }
    next
}
