//! How long a provider takes: another time for each question, yet the same whenever that is asked.

use std::{
    hash::{DefaultHasher, Hash, Hasher as _},
    time::Duration,
};

/// From 0 to 1, evenly, by these words.
pub fn chance(of: impl Hash) -> f64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
    let chance = (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64;
    chance
}

/// About `median` with a tail: half below it, a hundredth above three times as much.
pub fn lognormal(median: Duration, of: impl Hash + Copy) -> Duration {
    let (a, b) = (chance((of, 'a')).max(1e-12), chance((of, 'b')));
    let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    median.mul_f64((normal * 0.47).exp())
}
