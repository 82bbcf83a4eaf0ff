use serde::{Deserialize, Serialize};
use std::fmt;

/// An NHS number: ten digits whose last is the modulus-11 check digit.
/// <https://www.datadictionary.nhs.uk/attributes/nhs_number.html>
///
/// Its `Debug` is masked and it has no `Display`, so that it cannot slip into a log line or an error text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NhsNumber(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an NHS number is ten digits, without spaces, the last of which is a modulus-11 check digit")]
pub struct InvalidNhsNumber;

/// They pass the arithmetic, but no person has them; people type them to get past a form.
const NEVER_REAL: [u64; 5] = [0, 1_111_111_111, 2_222_222_222, 3_333_333_333, 5_555_555_555];

impl NhsNumber {
    /// The identifier system of every NHS number.
    pub const SYSTEM: &str = "https://fhir.nhs.uk/Id/nhs-number";

    /// Reads ten ASCII digits; anything else, spaces and full-width digits included, is refused.
    pub fn parse(text: &str) -> Result<Self, InvalidNhsNumber> {
        if text.len() != 10 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidNhsNumber);
        }
        Self::from_value(text.parse().map_err(|_| InvalidNhsNumber)?)
    }

    /// The same check for a number already held as an integer (leading zeros implied).
    pub fn from_value(value: u64) -> Result<Self, InvalidNhsNumber> {
        if value > 9_999_999_999 || NEVER_REAL.contains(&value) {
            return Err(InvalidNhsNumber);
        }
        let mut rest = value / 10;
        let mut sum = 0;
        for weight in 2..=10 {
            sum += weight * (rest % 10);
            rest /= 10;
        }
        // 11 - (sum mod 11), where 11 counts as 0 and 10 is no digit at all
        let check = (11 - sum % 11) % 11;
        if check == value % 10 { Ok(Self(value)) } else { Err(InvalidNhsNumber) }
    }

    pub fn value(self) -> u64 {
        self.0
    }

    /// Of the range 999, which is never issued: nobody's.
    pub fn is_for_tests(self) -> bool {
        self.value() / 10_000_000 == 999
    }

    pub fn digits(self) -> String {
        format!("{:010}", self.0)
    }
}

impl fmt::Debug for NhsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NhsNumber(**********)")
    }
}

impl TryFrom<String> for NhsNumber {
    type Error = InvalidNhsNumber;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<NhsNumber> for String {
    fn from(number: NhsNumber) -> Self {
        number.digits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_the_right_check_digit_are_read_and_written_back_the_same() {
        for good in [
            "9000000009",
            "9000000017",
            "9000000025",
            "9000000033",
            "9434765919",
            "9912003888",
            "9990000018",
            "9990000026",
            "9999999999",
        ] {
            assert_eq!(NhsNumber::parse(good).map(NhsNumber::digits).as_deref(), Ok(good));
        }
    }

    #[test]
    fn numbers_that_only_look_right_are_refused() {
        for bad in [
            "9999999991",
            "9100000009",
            "9000000012",
            "9912003890",
            "4447685222",
            "9991234560",
            "0000000000",
            "1111111111",
            "2222222222",
            "3333333333",
            "5555555555",
            "",
            "999000001",
            "99900000180",
            "999 000 0018",
            " 9990000018",
            "９９９００００１８",
            "99900000I8",
            "+990000018",
        ] {
            assert_eq!(NhsNumber::parse(bad), Err(InvalidNhsNumber), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_digit() {
        let shown = format!("{:?}", NhsNumber::parse("9990000018"));
        assert!(!shown.contains(|c: char| c.is_ascii_digit()), "{shown}");
    }
}
