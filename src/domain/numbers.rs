use super::NhsNumber;
use std::{iter, sync::Arc};

/// The NHS numbers of one person: the one in use, and those given up for it when two records of theirs were merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    pub current: NhsNumber,
    superseded: Arc<[NhsNumber]>,
}

impl Numbers {
    pub fn new(current: NhsNumber, superseded: &[NhsNumber]) -> Self {
        Self { current, superseded: superseded.into() }
    }

    /// The one in use first.
    pub fn all(&self) -> impl Iterator<Item = NhsNumber> {
        iter::once(self.current).chain(self.superseded.iter().copied())
    }

    /// Whether these digits are one of them.
    pub fn contain(&self, digits: &str) -> bool {
        self.all().any(|number| number.digits() == digits)
    }

    /// Tells these numbers from the same one with others given up: what was asked for under some is no answer for all.
    pub fn given_up(&self) -> u64 {
        self.superseded.iter().fold(0, |sum, number| sum.wrapping_add(number.value()))
    }
}

impl From<NhsNumber> for Numbers {
    fn from(current: NhsNumber) -> Self {
        Self::new(current, &[])
    }
}
