//! What is wrong with an answer in itself, whatever it was asked for: noted as it shows, and told in the end.

use super::{
    check::{Check, Group},
    findings::Findings,
};
use crate::{
    federation::Failure,
    fhir::{bundle::BundleFault, json::JsonFault},
};
use std::collections::BTreeMap;

/// Over all answers of one probe.
#[derive(Default)]
pub struct Conduct {
    /// Answers that were looked into.
    judged: u32,
    /// Where each fault showed first, and how often.
    noted: BTreeMap<Check, (String, u32)>,
}

impl Conduct {
    pub fn judged(&mut self) {
        self.judged += 1;
    }

    /// `what` was asked for: in our own words.
    pub fn note(&mut self, check: Check, what: &str) {
        self.noted.entry(check).or_insert_with(|| (what.to_owned(), 0)).1 += 1;
    }

    /// What an answer's failing says of its sender, where that is a matter of conduct.
    pub fn note_failure(&mut self, failure: Failure, what: &str) {
        let check = match failure {
            Failure::Timeout => Check::InTime,
            Failure::Redirected => Check::Redirect,
            Failure::TooLarge => Check::BodySize,
            Failure::Cut => Check::CutOff,
            Failure::SearchFailed => Check::SearchFailed,
            Failure::ConflictingIds => Check::ConflictingIds,
            Failure::ForeignPage => Check::NextForeign,
            Failure::TooManyPages => Check::NextLoop,
            Failure::MissingPages => Check::PageTotal,
            Failure::WrongPatient => Check::AnotherPatient,
            _ => return,
        };
        self.note(check, what);
    }

    pub fn note_unread(&mut self, fault: BundleFault, what: &str) {
        let BundleFault::Json(fault) = fault else { return };
        let check = match fault {
            JsonFault::DuplicateKey(_) => Check::DuplicateKeys,
            JsonFault::Trailing(_) => Check::TrailingData,
            JsonFault::Bom | JsonFault::Utf8(_) | JsonFault::Nul(_) | JsonFault::LoneSurrogate(_) => Check::BadText,
            JsonFault::TooDeep(_) => Check::BodyDepth,
            JsonFault::TooManyNodes(_) => Check::BodyValues,
            JsonFault::TooLong => Check::BodySize,
            JsonFault::Truncated
            | JsonFault::Syntax(_)
            | JsonFault::Number(_)
            | JsonFault::ControlCharacter(_)
            | JsonFault::Escape(_) => Check::NotJson,
        };
        self.note(check, what);
    }

    /// One finding for each check of conduct; those that others tell of themselves (`told`) are left out.
    pub fn tell(self, findings: &mut Findings, why: &str) {
        let own = |check: &Check| check.definition().group == Group::Conduct || NOTED_ELSEWHERE.contains(check);
        for check in
            Check::ALL.iter().filter(|check| own(check) && !findings.has(**check, None)).copied().collect::<Vec<_>>()
        {
            match self.noted.get(&check) {
                Some((first, 1)) => findings.failed(check, None, format!("In 1 of {} answers: {first}.", self.judged)),
                Some((first, times)) => {
                    findings.failed(check, None, format!("In {times} of {} answers; first in {first}.", self.judged));
                }
                None if self.judged == 0 => findings.untested(check, None, why),
                None => findings.passed(check, None, format!("In none of {} answers.", self.judged)),
            }
        }
    }
}

/// Checks of other groups that show in any answer.
const NOTED_ELSEWHERE: [Check; 2] = [Check::PageTotal, Check::InTime];
