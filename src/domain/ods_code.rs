use serde::{Deserialize, Serialize};
use std::fmt;

/// An organisation's ODS code: 3 to 10 capital letters and digits.
/// <https://digital.nhs.uk/services/organisation-data-service>
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OdsCode {
    // first, so that codes are ordered as their texts are
    bytes: [u8; 10],
    len: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an ODS code is 3 to 10 capital letters and digits")]
pub struct InvalidOdsCode;

impl OdsCode {
    /// The identifier system of every ODS code.
    pub const SYSTEM: &str = "https://fhir.nhs.uk/Id/ods-organization-code";

    pub fn parse(text: &str) -> Result<Self, InvalidOdsCode> {
        let good = (3..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let mut bytes = [0; 10];
        match bytes.get_mut(..text.len()) {
            Some(room) if good => room.copy_from_slice(text.as_bytes()),
            _ => return Err(InvalidOdsCode),
        }
        Ok(Self { len: u8::try_from(text.len()).map_err(|_| InvalidOdsCode)?, bytes })
    }

    pub fn as_str(&self) -> &str {
        // only ASCII was let in, so this cannot fail
        self.bytes.get(..usize::from(self.len)).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

impl fmt::Display for OdsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for OdsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for OdsCode {
    type Error = InvalidOdsCode;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<OdsCode> for String {
    fn from(code: OdsCode) -> Self {
        code.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_capitals_and_digits_and_nothing_else() {
        for good in ["F99001", "RZ901", "NZ9", "ABCDEFGH12"] {
            assert_eq!(OdsCode::parse(good).map(|c| c.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "RZ", "rz901", "RZ 01", "RZ901\n", "ABCDEFGH123", "RÉ901", "RZ901;"] {
            assert_eq!(OdsCode::parse(bad), Err(InvalidOdsCode), "{bad}");
        }
    }
}
