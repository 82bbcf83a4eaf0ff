//! Whether sources may be asked, and why not.

use super::{Permit, Stages};
use crate::domain::OdsCode;
use std::{collections::btree_map, iter::Peekable};

/// Whether a source may be asked at all: one whose answer could not be shown anyway is not told of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    Ask,
    Skip(SkipReason),
}

/// The gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// Or was live, and was taken down: missing from the record, and told so.
    Suspended,
    Quarantined,
    /// The patient's choice, or a rule of the region's own.
    Objected,
    /// It is joining, and not shown to this reader yet.
    NotLive,
}

impl Asking {
    /// Of what is said of two types of one source, what is said of both: that it is asked, or what must not be overlooked.
    pub fn graver(self, other: Self) -> Self {
        match (self, other) {
            (Self::Skip(one), Self::Skip(other)) => Self::Skip(one.min(other)),
            _ => Self::Ask,
        }
    }
}

/// Which sources may be asked, one after the other.
pub struct InOrder<'p> {
    permit: &'p Permit,
    stages: Peekable<btree_map::Iter<'p, OdsCode, Stages>>,
    last: Option<OdsCode>,
}

impl<'p> InOrder<'p> {
    pub(super) fn new(permit: &'p Permit) -> Self {
        Self { permit, stages: permit.global().stages.iter().peekable(), last: None }
    }

    /// As [`Permit::asks`], whatever the order; quickly where each comes after the one before.
    pub fn asks(&mut self, source: OdsCode) -> Asking {
        // what has been gone past is looked up: to miss it would be to take it for live
        if self.last.is_some_and(|last| source <= last) {
            return self.permit.asks(source);
        }
        self.last = Some(source);
        while self.stages.next_if(|(of, _)| **of < source).is_some() {}
        let stages = self.stages.peek().filter(|(of, _)| **of == source).map(|(_, stages)| *stages);
        self.permit.asks_at(source, stages)
    }
}
