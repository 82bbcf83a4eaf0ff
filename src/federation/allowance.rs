//! What calls may be made beyond those that requests need: a share of them, so that an outage is not answered with more
//! traffic than there was before it.

use std::sync::{Mutex, PoisonError};

/// Earned by calls, spent on further ones. It begins empty, so that the share holds from the first call on.
#[derive(Debug)]
pub struct Allowance {
    /// Calls that earn one.
    price: u32,
    /// In calls that have earned.
    saved: Mutex<u32>,
}

/// As many as may be saved up: a quiet day is no reason for a burst.
const MOST: u32 = 10;

impl Allowance {
    pub const fn one_in(price: u32) -> Self {
        Self { price, saved: Mutex::new(0) }
    }

    pub fn earn(&self) {
        self.with(|saved| *saved = (*saved + 1).min(self.price * MOST));
    }

    pub fn has_one(&self) -> bool {
        self.with(|saved| *saved >= self.price)
    }

    /// Takes one, if there is one.
    pub fn spend(&self) -> bool {
        self.with(|saved| {
            let left = saved.checked_sub(self.price);
            left.map(|left| *saved = left).is_some()
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut u32) -> T) -> T {
        change(&mut self.saved.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_is_more_spent_than_the_share_nor_more_in_a_row_than_may_be_saved(
            price in 1u32..30, calls in proptest::collection::vec(any::<bool>(), 0..600),
        ) {
            let allowance = Allowance::one_in(price);
            let (mut earned, mut spent, mut row) = (0u32, 0u32, 0u32);
            for earns in calls {
                if earns {
                    allowance.earn();
                    (earned, row) = (earned + 1, 0);
                } else if allowance.spend() {
                    (spent, row) = (spent + 1, row + 1);
                }
                prop_assert!(spent * price <= earned && row <= MOST, "{spent} of {earned}");
                prop_assert_eq!(allowance.has_one(), allowance.spend() && { spent += 1; row += 1; true });
            }
        }

        #[test]
        fn what_was_earned_lately_can_be_spent(price in 1u32..30, calls in 0u32..400) {
            let allowance = Allowance::one_in(price);
            (0..calls).for_each(|_| allowance.earn());
            let spent = (0..1000).filter(|_| allowance.spend()).count();
            prop_assert_eq!(spent, (calls / price).min(MOST) as usize);
        }
    }
}
