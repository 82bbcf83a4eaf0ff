use super::{
    check::{Check, Level},
    report::{Finding, Outcome},
};

/// What was found so far.
#[derive(Default)]
pub struct Findings {
    all: Vec<Finding>,
}

impl Findings {
    pub fn passed(&mut self, check: Check, about: Option<&str>, seen: impl Into<String>) {
        self.all.push(Finding::new(check, about, Outcome::Passed, seen.into()));
    }

    /// What must hold fails; what should, is warned of.
    pub fn failed(&mut self, check: Check, about: Option<&str>, seen: impl Into<String>) {
        let outcome = match check.definition().level {
            Level::Must => Outcome::Failed,
            Level::Should => Outcome::Warned,
        };
        self.all.push(Finding::new(check, about, outcome, seen.into()));
    }

    pub fn warned(&mut self, check: Check, about: Option<&str>, seen: impl Into<String>) {
        self.all.push(Finding::new(check, about, Outcome::Warned, seen.into()));
    }

    /// It could have been tested, and was not.
    pub fn untested(&mut self, check: Check, about: Option<&str>, why: impl Into<String>) {
        self.all.push(Finding::new(check, about, Outcome::NotTested, why.into()));
    }

    /// There is nothing to test.
    pub fn excused(&mut self, check: Check, about: Option<&str>, why: impl Into<String>) {
        let finding = Finding::new(check, about, Outcome::NotTested, why.into());
        self.all.push(Finding { excused: true, ..finding });
    }

    pub fn has(&self, check: Check, about: Option<&str>) -> bool {
        self.all.iter().any(|finding| finding.check == check.id() && finding.about.as_deref() == about)
    }

    pub fn into_all(self) -> Vec<Finding> {
        self.all
    }
}
