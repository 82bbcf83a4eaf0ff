//! Values of the same thing, one from each round: their median, and how far they lie apart.

#[derive(Clone, Debug)]
pub struct Spread(Vec<f64>);

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        assert!(!values.is_empty() && values.iter().all(|value| value.is_finite()), "not measured: {values:?}");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// Each of these over what was measured beside it in the same round.
    pub fn ratios(over: &[f64], under: &[f64]) -> Self {
        Self::of(over.iter().zip(under).map(|(over, under)| over / under))
    }

    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    pub fn low(&self) -> f64 {
        self.0[0]
    }

    pub fn high(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    pub fn rounds(&self) -> usize {
        self.0.len()
    }

    /// The value that such a share of them do not exceed.
    pub fn at(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let at = ((self.0.len() as f64 * share).ceil() as usize).clamp(1, self.0.len());
        self.0[at - 1]
    }
}
