use super::token::{Token, TokenTest};
use crate::fhir::date::{DateTest, Interval};

/// What an entry has to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The entry's id, as this gateway writes it, is one of these: sorted, none twice. Compared as text, never opened.
    Id(Vec<String>),
    Date(DateFilter),
    Token(TokenFilter),
}

/// One date parameter: any of its tests must pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFilter {
    pub parameter: &'static str,
    /// The elements it reads (see [`super::grammar`]).
    pub paths: &'static [&'static str],
    pub any: Vec<DateTest>,
}

/// One token parameter: any of its tests must pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFilter {
    pub parameter: &'static str,
    /// Sorted, none twice.
    pub any: Vec<TokenTest>,
}

impl DateFilter {
    /// Whether an element with these values passes: one of them does.
    pub fn passes(&self, values: &[Interval]) -> bool {
        values.iter().any(|value| self.any.iter().any(|test| test.matches(*value)))
    }

    /// The tests as one value, by which filters are ordered too.
    pub(super) fn value(&self) -> String {
        joined(&self.any)
    }
}

impl TokenFilter {
    pub fn passes(&self, held: &Token) -> bool {
        self.any.iter().any(|test| test.matches(held))
    }
}

impl Filter {
    /// As a parameter: its name and its value.
    pub(super) fn print(&self) -> (&'static str, String) {
        match self {
            Self::Id(ids) => ("_id", joined(ids)),
            Self::Date(date) => (date.parameter, date.value()),
            Self::Token(token) => (token.parameter, joined(&token.any)),
        }
    }
}

fn joined(any: &[impl ToString]) -> String {
    any.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
