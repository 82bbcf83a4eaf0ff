use crate::{
    access::{ConsentState, ContentFault, FaultCode, parameters::Given},
    fhir::json::Tape,
};

/// `Consent/[id]/$review`: what the privacy office found, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    pub outcome: Outcome,
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    UnderReview,
    Upheld,
    NotUpheld,
    /// The patient has heard that their objection is not upheld.
    PatientTold,
    /// The patient does want it withdrawn.
    WithdrawalConfirmed,
    WithdrawalRejected,
}

/// What an objection comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    State(ConsentState),
    /// As it was before somebody recorded that it is withdrawn.
    AsBefore,
}

impl Review {
    /// Reads Parameters with outcome and note.
    pub fn read(text: &str) -> Result<Self, ContentFault> {
        let mut tape = Tape::new();
        let mut given = Given::read(text, &mut tape)?;
        let code = given.need("outcome", "valueCode")?;
        let outcome = Outcome::parse(&code.text()?).ok_or_else(|| {
            let known = Outcome::ALL.map(Outcome::as_str).join(", ");
            code.fault(FaultCode::Value, format!("expected one of {known}"))
        })?;
        let note = given.need("note", "valueString")?.text()?.into_owned();
        given.done()?;
        Ok(Self { outcome, note })
    }
}

impl Outcome {
    pub const ALL: [Self; 6] = [
        Self::UnderReview,
        Self::Upheld,
        Self::NotUpheld,
        Self::PatientTold,
        Self::WithdrawalConfirmed,
        Self::WithdrawalRejected,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnderReview => "under-review",
            Self::Upheld => "upheld",
            Self::NotUpheld => "not-upheld",
            Self::PatientTold => "patient-told",
            Self::WithdrawalConfirmed => "withdrawal-confirmed",
            Self::WithdrawalRejected => "withdrawal-rejected",
        }
    }

    fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == code)
    }

    /// What an objection in this state comes to by this outcome; `None` where it cannot.
    pub fn of(self, state: ConsentState) -> Option<Next> {
        use ConsentState as State;
        let next = match (state, self) {
            (State::Requested | State::Upheld | State::NotUpheld, Self::UnderReview) => State::UnderReview,
            // to let it stand needs no review
            (State::Requested | State::UnderReview, Self::Upheld) => State::Upheld,
            (State::UnderReview, Self::NotUpheld) => State::NotUpheld,
            (State::NotUpheld, Self::PatientTold) => State::Lifted,
            (State::WithdrawalRecorded, Self::WithdrawalConfirmed) => State::Withdrawn,
            (State::WithdrawalRecorded, Self::WithdrawalRejected) => return Some(Next::AsBefore),
            _ => return None,
        };
        Some(Next::State(next))
    }
}

#[cfg(test)]
mod tests;
