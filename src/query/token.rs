//! Tokens as R4 compares them, case and all. <https://hl7.org/fhir/R4/search.html#token>

use super::escape;
use std::{fmt, sync::Arc};

/// What a resource holds where a token parameter looks: of a Coding, an Identifier or a `code`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    pub system: System,
    pub code: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum System {
    None,
    Said(Arc<str>),
    /// The element is a `code`: it cannot say the system that its binding implies.
    Implied(&'static str),
}

/// One value of a token parameter: `code`, `system|code`, `|code` or `system|`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenTest {
    system: Wanted,
    /// `None`: whatever the system has.
    code: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Wanted {
    Any,
    /// The element says no system.
    None,
    This(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(r"a token is code, system|code, |code or system|; a comma, |, $ or \ within it is written \, \| \$ or \\")]
pub struct InvalidToken;

impl TokenTest {
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        let parts = escape::split(text, '|').into_iter().map(escape::unescape).collect::<Option<Vec<_>>>();
        let said = |text: &String| (!text.is_empty()).then(|| text.clone());
        let (system, code) = match parts.as_deref() {
            Some([code]) => (Wanted::Any, said(code)),
            Some([system, code]) => (said(system).map_or(Wanted::None, Wanted::This), said(code)),
            _ => return Err(InvalidToken),
        };
        match (&system, &code) {
            (Wanted::Any | Wanted::None, None) => Err(InvalidToken),
            _ => Ok(Self { system, code }),
        }
    }

    /// System, where one is named, and code, of the forms `code` and `system|code`.
    pub fn named(&self) -> Option<(Option<&str>, &str)> {
        let system = match &self.system {
            Wanted::Any => None,
            Wanted::This(system) => Some(system.as_str()),
            Wanted::None => return None,
        };
        Some((system, self.code.as_deref()?))
    }

    pub fn matches(&self, held: &Token) -> bool {
        let system = match (&self.system, &held.system) {
            (Wanted::Any, _) | (Wanted::None, System::None | System::Implied(_)) => true,
            (Wanted::This(wanted), System::Said(held)) => **held == **wanted,
            (Wanted::This(wanted), System::Implied(held)) => held == wanted,
            (Wanted::None, System::Said(_)) | (Wanted::This(_), System::None) => false,
        };
        system && self.code.as_deref().is_none_or(|code| held.code.as_deref() == Some(code))
    }
}

/// The canonical spelling, escapes and all.
impl fmt::Display for TokenTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.system {
            Wanted::Any => {}
            Wanted::None => f.write_str("|")?,
            Wanted::This(system) => write!(f, "{}|", escape::escape(system))?,
        }
        f.write_str(&escape::escape(self.code.as_deref().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(system: System, code: &str) -> Token {
        Token { system, code: (!code.is_empty()).then(|| code.into()) }
    }

    #[test]
    fn the_four_forms_match_as_r4_says() {
        let said = |system: &str, code| token(System::Said(system.into()), code);
        let held = [
            ("s|c", said("s", "c")),
            ("s|d", said("s", "d")),
            ("t|c", said("t", "c")),
            ("c without a system", token(System::None, "c")),
            ("s without a code", said("s", "")),
            ("c of a bound element", token(System::Implied("s"), "c")),
        ];
        for (test, expected) in [
            ("c", "s|c, t|c, c without a system, c of a bound element"),
            ("s|c", "s|c, c of a bound element"),
            ("|c", "c without a system, c of a bound element"),
            ("s|", "s|c, s|d, s without a code, c of a bound element"),
            ("C", ""),
            ("S|c", ""),
            ("t|d", ""),
        ] {
            let test = TokenTest::parse(test).unwrap();
            let passed: Vec<_> = held.iter().filter(|(_, t)| test.matches(t)).map(|(name, _)| *name).collect();
            assert_eq!(passed.join(", "), expected, "{test}");
        }
    }

    #[test]
    fn what_says_nothing_or_too_much_is_no_token() {
        for text in ["", "|", "a|b|c", "a||", r"a\b", r"\", r"a|b\"] {
            assert_eq!(TokenTest::parse(text), Err(InvalidToken), "{text}");
        }
        let held = token(System::Said("a|b".into()), r"c,$\");
        assert!(TokenTest::parse(r"a\|b|c\,\$\\").unwrap().matches(&held));
        assert!(TokenTest::parse(r"c\,$\\").unwrap().matches(&held), "a $ parts nothing here");
    }

    proptest! {
        #[test]
        fn printing_reads_back(text in r"[a-c|,$\\ :/é]{0,8}") {
            if let Ok(test) = TokenTest::parse(&text) {
                prop_assert_eq!(TokenTest::parse(&test.to_string()), Ok(test));
            }
        }
    }
}
